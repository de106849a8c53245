"""Fetching the model of natural-language inference: from a folder, from the Hub, and what is said when it goes wrong.

The model is a stand-in of a few bytes. The Hub is a server on this machine that answers as the Hub does.
"""

import hashlib
import http.server
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from peakbench.errors import BadInputError, InfrastructureError, PeakBenchError
from peakbench.metrics.fetch import PARTS
from peakbench.metrics.fetch import nli as nli_module
from peakbench.metrics.fetch.nli import FILES, MANIFEST, MODEL, NAME, REVISION, Nli, labels_of, recorded_digest

WEIGHTS = b"weights " * 5000
SHA256 = hashlib.sha256(WEIGHTS).hexdigest()
COMMAND = "peakbench metrics fetch nli"
CONFIG = {"id2label": {"0": "entailment", "1": "neutral", "2": "contradiction"}}


def contents(config: Any = CONFIG) -> dict[str, bytes]:
    made = dict.fromkeys(FILES, b"{}")
    return made | {"config.json": json.dumps(config).encode(), "model.safetensors": WEIGHTS, "spm.model": b"pieces"}


def write_model(folder: Path, config: Any = CONFIG) -> Path:
    folder.mkdir(parents=True)
    for name, content in contents(config).items():
        (folder / name).write_bytes(content)
    (folder / "pytorch_model.bin").write_bytes(b"a pickle")
    return folder


class Hub:
    """The Hub's answers about one repository."""

    def __init__(self) -> None:
        self.files = contents() | {"README.md": b"no", "pytorch_model.bin": b"a pickle"}
        self.declared = SHA256
        self.gets: list[str] = []
        hub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self.answer(body=False)

            def do_GET(self) -> None:
                self.answer(body=True)

            def do_POST(self) -> None:
                asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
                assert self.path == f"/api/models/{MODEL}/paths-info/{REVISION}"
                assert "model.safetensors" in asked
                self.send(json.dumps([hub.entry("model.safetensors")]).encode())

            def answer(self, *, body: bool) -> None:
                path = self.path.split("?")[0]
                if path == f"/api/models/{MODEL}/tree/{REVISION}":
                    self.send(json.dumps([hub.entry(name) for name in hub.files]).encode())
                    return
                if path.startswith(f"/api/models/{MODEL}"):
                    listed = [{"rfilename": name} for name in hub.files]
                    self.send(json.dumps({"id": MODEL, "sha": REVISION, "siblings": listed}).encode())
                    return
                name = path.removeprefix(f"/{MODEL}/resolve/{REVISION}/")
                if name not in hub.files:
                    self.send_response(404)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                if body:
                    hub.gets.append(name)
                self.send(hub.files[name], body=body, etag=hashlib.sha256(hub.files[name]).hexdigest())

            def send(self, content: bytes, *, body: bool = True, etag: str = "x") -> None:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.send_header("ETag", f'"{etag}"')
                self.send_header("X-Repo-Commit", REVISION)
                self.end_headers()
                if body:
                    self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def entry(self, name: str) -> dict[str, Any]:
        """What is said of a file; large ones, the weights among them, have a SHA-256."""
        size = len(self.files[name])
        plain = {"type": "file", "oid": "0" * 40, "size": size, "path": name}
        lfs = {"oid": self.declared, "size": size, "pointerSize": 134}
        return plain | {"lfs": lfs} if name == "model.safetensors" else plain


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the Hub nor another program's cache is asked."""
    monkeypatch.setattr(nli_module, "answers", lambda url: False)
    monkeypatch.setattr(nli_module, "_from_hub_cache", lambda: None)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    pytest.importorskip("huggingface_hub")
    from huggingface_hub import HfApi, constants, hf_api

    made = Hub()
    monkeypatch.setattr(nli_module, "answers", lambda url: url.startswith(made.url))
    monkeypatch.setattr(constants, "ENDPOINT", made.url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", made.url + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(hf_api.api, "endpoint", made.url)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
    assert HfApi().endpoint == made.url
    yield made
    made.server.shutdown()
    made.server.server_close()


def leftovers(cache: Path) -> list[str]:
    kept = [path.relative_to(cache).as_posix() for path in cache.rglob("*") if path.is_file()]
    return sorted(path for path in kept if not path.startswith(("digests/", "downloads/nli.lock")))


PLACED = sorted(f"models/{NAME}/{name}" for name in (*FILES, "spm.model", MANIFEST))


def test_model_is_taken_from_a_folder_and_its_digest_written_down(tmp_path: Path) -> None:
    cache, told = tmp_path / "cache", list[str]()
    source = write_model(tmp_path / "source")
    folder = PARTS["nli"].fetch(cache, source, told.append)
    assert folder == PARTS["nli"].find(cache)
    assert leftovers(cache) == PLACED
    assert recorded_digest(folder) == SHA256
    assert "compared with nothing" in told[-1]
    assert SHA256 in told[-1]
    assert json.loads((folder / MANIFEST).read_text())["compared_with_the_hub"] is False
    assert "revision" not in json.loads((folder / MANIFEST).read_text()), "which revision it is nobody looked at"
    assert PARTS["nli"].fetch(cache, None, told.append) == folder
    assert "is there" in told[-1]


def test_model_is_downloaded_at_the_pinned_revision_and_compared_with_the_hub(tmp_path: Path, hub: Hub) -> None:
    cache, told = tmp_path / "cache", list[str]()
    folder = Nli().fetch(cache, None, told.append)
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert "as the Hub says" in told[-1]
    assert leftovers(cache) == PLACED
    assert sorted(set(hub.gets)) == sorted([*FILES, "spm.model"]), "and no pickle"
    manifest = json.loads((folder / MANIFEST).read_text())
    assert (manifest["compared_with_the_hub"], manifest["revision"]) == (True, REVISION)


def test_weights_of_another_digest_than_the_hub_says_are_thrown_away(tmp_path: Path, hub: Hub) -> None:
    hub.declared = "0" * 64
    with pytest.raises(InfrastructureError, match="the Hub says 000") as refused:
        Nli().fetch(tmp_path / "cache", None, print)
    assert COMMAND in refused.value.mend
    assert leftovers(tmp_path / "cache") == []


def test_without_a_way_to_the_hub_the_commands_are_named(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match="the Hub cannot be reached") as refused:
        Nli().fetch(tmp_path / "cache", None, print)
    assert f"{COMMAND} --from DIR" in refused.value.mend
    assert Nli().find(tmp_path / "cache") is None
    assert leftovers(tmp_path / "cache") == []


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"id2label": {"0": "positive", "1": "negative"}}, "has to be `contradiction`"),
        ({"id2label": {"0": "contradiction", "1": "Contradiction"}}, "has to be `contradiction`"),
        ({}, "names no labels"),
        ([], "names no labels"),
        ({"id2label": ["contradiction"]}, "names no labels"),
    ],
)
def test_model_of_other_labels_is_refused(tmp_path: Path, config: Any, message: str) -> None:
    with pytest.raises(BadInputError, match=message) as refused:
        Nli().fetch(tmp_path / "cache", write_model(tmp_path / "source", config), print)
    assert COMMAND in refused.value.mend
    assert leftovers(tmp_path / "cache") == []


def test_folder_without_a_file_is_refused(tmp_path: Path) -> None:
    source = write_model(tmp_path / "source")
    (source / "tokenizer.json").unlink()
    for folder, message in ((source, "it lacks tokenizer.json"), (tmp_path / "none", "it lacks config.json")):
        with pytest.raises(BadInputError, match=message):
            Nli().fetch(tmp_path / "cache", folder, print)


def test_changed_weights_or_a_lost_digest_are_not_found_and_fetched_anew(tmp_path: Path) -> None:
    cache, source = tmp_path / "cache", write_model(tmp_path / "source")
    folder = Nli().fetch(cache, source, print)
    for name, content in (("model.safetensors", b"changed"), (MANIFEST, b"{}"), (MANIFEST, b'{"weights_sha256": 3}')):
        (folder / name).write_bytes(content)
        assert Nli().find(cache) is None
        assert Nli().fetch(cache, source, print) == Nli().find(cache)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "spm.model"])
def test_settings_that_changed_are_not_found_and_fetched_anew(tmp_path: Path, name: str) -> None:
    cache, source = tmp_path / "cache", write_model(tmp_path / "source")
    folder = Nli().fetch(cache, source, print)
    (folder / name).write_bytes(b'{"id2label": {"0": "contradiction", "1": "neutral", "2": "entailment"}}')
    assert Nli().find(cache) is None
    assert Nli().fetch(cache, source, print) == Nli().find(cache)
    (folder / name).unlink()
    assert Nli().find(cache) is None


def test_settings_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    source = write_model(tmp_path / "source")
    (source / "tokenizer.json").write_bytes(b"{")
    with pytest.raises(BadInputError, match=r"its tokenizer\.json cannot be read"):
        Nli().fetch(tmp_path / "cache", source, print)


def test_disk_without_room_or_right_to_write_is_said_plainly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    source = write_model(tmp_path / "source")
    for place in (None, source):
        with pytest.raises(PeakBenchError, match="cannot write") as refused:
            Nli().fetch(tmp_path / "file" / "cache", place, print)
        assert "PEAKBENCH_CACHE" in refused.value.mend
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1_000_000))
    for place in (None, source):
        with pytest.raises(InfrastructureError, match="has 1 MB free"):
            Nli().fetch(tmp_path / "cache", place, print)


def test_labels_are_read_by_their_index(tmp_path: Path) -> None:
    assert labels_of(write_model(tmp_path / "source"))["2"] == "contradiction"
