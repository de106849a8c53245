"""A registry for another process: its file is read there again, and has to say the same."""

from pathlib import Path

from peakbench.errors import BadInputError
from peakbench.metrics.registry import Registry

RegistryFacts = tuple[Path, Path, str]
"""Path of the file, cache folder, and digest of everything the file says."""


def facts_of(registry: Registry) -> RegistryFacts:
    """What a pickled reward holds of its registry."""
    return registry.path, registry.cache, registry.digest


def registry_again(facts: RegistryFacts) -> Registry:
    """The registry of these facts.

    Raises:
        BadInputError: If its file says something else by now, so that the same reward would be another number.
    """
    path, cache, digest = facts
    registry = Registry.load(path, cache)
    if registry.digest != digest:
        raise BadInputError(
            f"{path} says something else than the registry that the pickled reward was made with",
            mend="make the reward again, with a registry that was read from a file",
        )
    return registry
