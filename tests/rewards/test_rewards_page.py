"""The page about rewards: its examples give what it says."""

import doctest
from pathlib import Path

import pytest

import peakbench


def test_the_examples_of_the_page_are_true() -> None:
    page = Path(peakbench.__file__).parents[1] / "docs" / "rewards.md"
    if not page.is_file():
        pytest.skip("an installed wheel has no docs")
    tried = doctest.testfile(str(page), module_relative=False)
    assert tried.attempted >= 7
    assert tried.failed == 0
