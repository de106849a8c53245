"""WordNet for tests: fetched once a process from Debian's package, where that is installed."""

import atexit
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path

import pytest

from peakbench.metrics.fetch import PARTS
from peakbench.metrics.fetch.wordnet import DEBIAN

needs_wordnet = pytest.mark.skipif(
    not (DEBIAN / "data.noun").is_file(), reason=f"no WordNet in {DEBIAN}: apt install wordnet-base"
)


@lru_cache
def cache_with_wordnet() -> Path:
    """A cache folder of this process that holds WordNet, or nothing where Debian's package is not installed."""
    cache = Path(tempfile.mkdtemp(prefix="peakbench-tests-"))
    atexit.register(shutil.rmtree, cache, ignore_errors=True)
    if (DEBIAN / "data.noun").is_file():
        PARTS["wordnet"].fetch(cache, DEBIAN, lambda _: None)
    return cache
