"""What is known of a model, and who says so: the person first, then its own files, then the server that serves it.

A fact that the person gives is never replaced. What nobody says stays null, and boards call it "not published".
"""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from peakbench.jobs.weights import (
    UNQUANTIZED,
    WeightsFacts,
    cached_snapshot,
    hub_snapshot,
    is_adapter,
    parameters_text,
    read_weights,
)
from peakbench.runs.manifest import FactSource, ModelFacts, ServerFacts

_OF_MODELS = ("title", "architecture", "family", "parameters", "training", "quantization", "hub_id", "revision", "note")
_OF_ADAPTERS = ("base", "adapter")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def stated(facts: ModelFacts) -> ModelFacts:
    """The same facts, with the source `file` for each that is given and has no source yet."""
    given = {name: "file" for name in (*_OF_MODELS, *_OF_ADAPTERS) if getattr(facts, name) is not None}
    return facts.model_copy(update={"sources": given | dict(facts.sources)})


def complete_facts(facts: ModelFacts, server: ServerFacts | None, base_url: str) -> ModelFacts:
    """Fill in what the person did not say, from the model's own files and from its server.

    Files are those of the folder that the person names (`path`); else of the folder that the server names as the
    model's root, where the server is on this machine; else what the local Hub cache holds of a Hub id that the person
    or the server gives. For an adapter those of its base are read, too. The network is not asked.

    Args:
        facts: As the person gives them.
        server: What the endpoint says of itself; None where it was not asked.
        base_url: Where it is; a path on another machine is not looked for on this one.

    Returns:
        The facts with a source for each.
    """
    found = _Found(stated(facts))
    root = server.root if server else None
    local = _local_root(root, base_url)
    lora = server is not None and server.parent is not None  # vLLM lists an adapter with the served name of its base
    if lora and local is None:
        found.add("adapter", root, "server")
    elif root is not None and local is None and is_hub_id(root) and cached_snapshot(root) is not None:
        found.add("hub_id", root, "server")  # a relative path has the same form, and is in no Hub cache
    certain = Path(found.facts.path) if found.facts.path else local
    if certain is not None and certain.is_dir():
        found.read(read_weights(certain))
        found.place(certain)
    elif (name := found.facts.hub_id or found.facts.adapter) is not None:
        found.cached(name, found.facts.revision)
    if server is not None:
        found.add("base", server.parent, "server")
    if found.facts.adapter is not None and found.facts.base is not None:
        found.cached(found.facts.base, None)
    return found.facts


class _Found:
    """Facts that are being filled in, each by the first who says it."""

    def __init__(self, facts: ModelFacts) -> None:
        self.facts = facts

    def add(self, name: str, value: Any, source: FactSource) -> None:
        """Take a fact, unless it is known already."""
        if value is None or getattr(self.facts, name) is not None:
            return
        self.facts = self.facts.model_copy(update={name: value, "sources": self.facts.sources | {name: source}})

    def read(self, weights: WeightsFacts) -> None:
        """Take what a folder says of architecture and size; an adapter's says whose adapter it is."""
        if weights.adapter is not None:
            self.add("training", weights.adapter, "config")
            self.add("base", weights.adapter_base, "config")
            return
        self.add("architecture", weights.architecture, "config")
        self.add("family", weights.family, "config")
        plain = weights.quantization is not None and weights.quantization.startswith(UNQUANTIZED)
        self.add("quantization", weights.quantization, "weights" if plain else "config")
        if weights.n_parameters is not None and self.facts.parameters is None:
            self.add("parameters", parameters_text(weights.n_parameters), "weights")
            self.facts = self.facts.model_copy(update={"parameter_count": weights.n_parameters})

    def place(self, folder: Path) -> None:
        """Take what the folder's place says: in a Hub cache it names repository and commit."""
        repo, revision = hub_snapshot(folder)
        self.add("hub_id", repo, "path")
        if repo is not None and repo == self.facts.hub_id:  # a commit is one of its own repository
            self.add("revision", revision, "path")
        if is_adapter(folder):
            self.add("adapter", repo or str(folder), "path")

    def cached(self, name: str, revision: str | None) -> None:
        """Read a folder, or a Hub model that the local cache holds.

        The commit that the cache has is not taken for the one that is served: nobody said that it is.
        """
        folder = (
            Path(name) if Path(name).is_absolute() else cached_snapshot(name, revision) if is_hub_id(name) else None
        )
        if folder is not None and _is_folder(folder):
            self.read(read_weights(folder))


def _local_root(root: str | None, base_url: str) -> Path | None:
    """The folder that a server on this machine says it serves."""
    if root is None or not Path(root).is_absolute() or (urlsplit(base_url).hostname or "") not in _LOOPBACK:
        return None
    return Path(root) if _is_folder(Path(root)) else None


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # no file system takes such a name
        return False


def is_hub_id(text: str) -> bool:
    """Whether a text has the form `org/name`, and is no path."""
    org, slash, name = text.partition("/")
    return bool(slash and org and name) and "/" not in name and not text.startswith((".", "~"))
