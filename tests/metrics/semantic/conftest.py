"""A small sentence encoder, made once, and no network."""

import socket
from pathlib import Path
from typing import Any, NoReturn

import pytest
from tiny_models import make_encoder

from peakbench.metrics.fetch.weights import weights_digest
from peakbench.metrics.registry import Registry


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a random encoder."""
    pytest.importorskip("sentence_transformers", reason="the extra `semantic` is not installed")
    return make_encoder(tmp_path_factory.mktemp("models") / "tiny-encoder")


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every way out of this process fails loudly."""

    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise AssertionError("scoring reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def registry_with(folder: Path, cache: Path, **changes: Any) -> Registry:
    """The canonical registry, its encoder replaced by another."""
    shipped = Registry.load(cache=cache)
    own = {"model": str(folder), "weights_sha256": weights_digest(folder, None), "dtype": "float32"} | changes
    metrics = [
        one.model_copy(update={"parameters": one.parameters | own}) if "weights_sha256" in one.parameters else one
        for one in shipped.file.metrics
    ]
    return Registry(shipped.file.model_copy(update={"metrics": metrics}), shipped.path, cache)
