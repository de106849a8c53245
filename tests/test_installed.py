"""Versions of other packages."""

import sys
from pathlib import Path

import numpy as np
import pytest

from peakbench.installed import installed_version


def test_an_installed_package_has_its_version() -> None:
    assert installed_version("numpy") == np.__version__


def test_a_package_that_comes_later_is_not_absent_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    assert installed_version("comes-later") == "absent"
    facts = tmp_path / "comes_later-1.5.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: comes-later\nVersion: 1.5\n")
    assert installed_version("comes-later") == "1.5"
