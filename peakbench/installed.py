"""Which versions of other packages are installed."""

from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version


def installed_version(distribution: str) -> str:
    """The version of a distribution; `absent` where it is not installed."""
    try:
        return _known_version(distribution)
    except PackageNotFoundError:
        return "absent"


@lru_cache
def _known_version(distribution: str) -> str:
    """A run asks for the same few versions hundreds of times, and each reads a whole file; what is absent may come."""
    return version(distribution)
