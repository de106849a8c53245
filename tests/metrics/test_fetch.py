"""Parts that are fetched once: found when whole, refused when wrong, never half there."""

import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from wordnet_here import cache_with_wordnet, needs_wordnet

from peakbench.errors import BadInputError, InfrastructureError
from peakbench.metrics.fetch import PARTS
from peakbench.metrics.fetch import wordnet as wordnet_module
from peakbench.metrics.fetch.part import new_folder
from peakbench.metrics.fetch.wordnet import CONTENT_SHA256, DEBIAN, FILES, WordNet, content_digest

PART = PARTS["wordnet"]


def files_of(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A cache folder with a copy of WordNet."""
    cache = tmp_path / "cache"
    shutil.copytree(cache_with_wordnet(), cache)
    return cache


def test_every_part_is_found_by_its_name_and_command() -> None:
    for name, part in PARTS.items():
        assert part.name == name
        assert part.command == f"peakbench metrics fetch {name}"
        assert part.n_bytes > 0
        assert part.title


def test_nothing_is_found_in_an_empty_cache(tmp_path: Path) -> None:
    assert PART.find(tmp_path) is None
    assert PART.find(tmp_path / "none") is None
    assert not list(tmp_path.iterdir())


@needs_wordnet
def test_wordnet_is_taken_from_debian_and_found_again(tmp_path: Path) -> None:
    said: list[str] = []
    folder = PART.fetch(tmp_path / "new" / "cache", None, said.append)
    assert PART.find(tmp_path / "new" / "cache") == folder
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    assert files_of(folder) == files_of(DEBIAN)
    names = (folder / "lexnames").read_text().splitlines()
    assert (len(names), names[5], names[44]) == (45, "05\tnoun.animal\t1", "44\tadj.ppl\t3")
    assert abs(sum(path.stat().st_size for path in folder.iterdir()) - PART.n_bytes) < 100_000
    assert said == [f"reading {DEBIAN}", f"{PART.title} is in place: {folder}"]
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert PART.fetch(folder.parent, DEBIAN, said.append) == folder
    assert said[2:] == [f"{PART.title} is there: {folder}"]
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


@needs_wordnet
def test_archive_is_taken_whatever_its_folders_are_called(tmp_path: Path) -> None:
    whole = PART.find(cache_with_wordnet())
    assert whole is not None
    archive = tmp_path / "wordnet.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as file:
        for name in FILES:
            file.write(whole / name, f"wordnet/{name}")
    assert files_of(PART.fetch(tmp_path / "cache", archive, lambda _: None)) == files_of(whole)


@needs_wordnet
def test_damaged_wordnet_is_not_found_and_fetched_again(copy: Path) -> None:
    folder = PART.find(copy)
    assert folder is not None
    manifest = (folder / "peakbench.json").read_text()
    damages = {
        "data.noun": (folder / "data.noun").read_bytes()[:-1],
        "verb.exc": b"",
        "lexnames": b"00\tadj.all\t3\n",
        "peakbench.json": b"{}",
    }
    for name, damage in damages.items():
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(damage)
        assert PART.find(copy) is None, name
        (folder / name).write_bytes(whole)
        assert PART.find(copy) == folder
    for text in ("[1", "[]", manifest.replace(CONTENT_SHA256, "0" * 64)):
        (folder / "peakbench.json").write_text(text)
        assert PART.find(copy) is None
    (folder / "peakbench.json").write_text(manifest)
    (folder / "index.adv").unlink()
    assert PART.find(copy) is None
    assert PART.fetch(copy, DEBIAN, lambda _: None) == folder
    assert PART.find(copy) == folder
    assert [path.name for path in copy.iterdir()] == [folder.name]


def tiny() -> dict[str, bytes]:
    """Files of a WordNet of two words that share a synset."""
    header = b"  1 a header\n"
    synset = b"%08d 03 n 02 sofa 0 couch 0 000 | a seat\n" % len(header)
    index = header + b"".join(b"%s n 1 0 1 0 %08d\n" % (word, len(header)) for word in (b"couch", b"sofa"))
    rest = dict.fromkeys(FILES, b"")
    return rest | {"data.noun": header + synset, "index.noun": index, "noun.exc": b"sofae sofa\n"}


def test_digest_is_of_the_content_and_not_of_its_form() -> None:
    files = tiny()
    digest = content_digest(files, "x")
    other = b"  1 another, longer header\n  2 of two lines\n"
    moved = {
        "data.noun": files["data.noun"].replace(b"  1 a header\n", other).replace(b"00000013", b"%08d" % len(other)),
        "index.noun": files["index.noun"].replace(b"00000013", b"%08d" % len(other)),
        "noun.exc": b"sofae  sofa \r\n",
    }
    assert content_digest(files | moved, "x") == digest
    for name, old, new in [
        ("data.noun", b"sofa 0", b"sofe 0"),
        ("index.noun", b"couch n", b"coach n"),
        ("noun.exc", b"sofae", b"sofas"),
    ]:
        assert content_digest(files | {name: files[name].replace(old, new)}, "x") != digest


def test_synset_that_does_not_stand_at_its_offset_is_refused() -> None:
    files = tiny()
    files["data.noun"] = files["data.noun"].replace(b"\n", b"\r\n")
    with pytest.raises(BadInputError, match=r"index\.noun and data\.noun are no files.*00?13|stands at 14"):
        content_digest(files, "x")


def test_another_wordnet_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    source, cache = tmp_path / "source", tmp_path / "cache"
    source.mkdir()
    for name, data in tiny().items():
        (source / name).write_bytes(data)
    with pytest.raises(BadInputError, match=f"is not WordNet 3.0.*not {CONTENT_SHA256[:12]}"):
        PART.fetch(cache, source, lambda _: None)
    (source / "verb.exc").unlink()
    with pytest.raises(BadInputError, match=r"holds no WordNet: verb\.exc"):
        PART.fetch(cache, source, lambda _: None)
    with pytest.raises(BadInputError, match="neither a folder nor a zip"):
        PART.fetch(cache, source / "noun.exc", lambda _: None)
    with pytest.raises(BadInputError, match="cannot be read"):
        PART.fetch(cache, source / "none", lambda _: None)
    assert not cache.exists()


def test_without_any_source_the_error_says_what_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wordnet_module, "DEBIAN", tmp_path)
    monkeypatch.setattr(wordnet_module, "NLTK_ARCHIVE", "http://127.0.0.1:9/wordnet.zip")
    with pytest.raises(InfrastructureError, match=r"http://127\.0\.0\.1:9/wordnet\.zip cannot be reached") as caught:
        WordNet().fetch(tmp_path / "cache", None, lambda _: None)
    assert "apt install wordnet-base" in caught.value.mend
    assert "--from" in caught.value.mend
    assert not (tmp_path / "cache").exists()


def test_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "a" / "part"
    with pytest.raises(KeyboardInterrupt), new_folder(target) as partial:
        (partial / "half").write_text("")
        raise KeyboardInterrupt
    assert not list(target.parent.iterdir())
    for content in ("old", "new"):
        with new_folder(target) as partial:
            (partial / "file").write_text(content)
            assert not target.exists() or (target / "file").read_text() == "old"
    assert (target / "file").read_text() == "new"
    assert list(target.parent.iterdir()) == [target]
    assert target.stat().st_mode & 0o777 == 0o755


def test_what_a_killed_process_left_is_removed_when_it_is_old(tmp_path: Path) -> None:
    old, young, other = (tmp_path / name for name in (".part.a.partial", ".part.b.partial", ".other.c.partial"))
    for folder in (old, young, other):
        folder.mkdir()
        (folder / "half").write_text("")
    for folder in (old, other):
        os.utime(folder, (0, 0))
    with new_folder(tmp_path / "part"):
        assert not old.exists()
    assert young.exists(), "another process may be at it"
    assert other.exists()


def test_disk_that_refuses_is_named_with_another_way(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InfrastructureError, match="cannot write") as caught, new_folder(tmp_path / "file" / "part"):
        pass
    assert "PEAKBENCH_CACHE" in caught.value.mend
    with pytest.raises(InfrastructureError, match="No space left"), new_folder(tmp_path / "part") as partial:
        (partial / "file").write_text("")
        with Path("/dev/full").open("w") as full:
            full.write("x")
    assert not (tmp_path / "part").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@needs_wordnet
def test_command_fetches_lists_and_refuses(
    peakbench: Callable[..., CompletedProcess[str]], tmp_path: Path, copy: Path
) -> None:
    listed = peakbench("metrics", "fetch", PEAKBENCH_CACHE=str(tmp_path / "none"))
    assert "wordnet: WordNet 3.0, for METEOR: not here (28 MB): peakbench metrics fetch wordnet" in listed.stdout
    done = peakbench("metrics", "fetch", "wordnet", "--json", PEAKBENCH_CACHE=str(copy))
    assert done.returncode == 0
    (found,) = json.loads(done.stdout)
    assert found == {"name": "wordnet", "title": PART.title, "path": str(copy / "wordnet-3.0")}
    refused = peakbench("metrics", "fetch", "wodnet", PEAKBENCH_CACHE=str(tmp_path / "none"))
    assert refused.returncode == 2
    assert "there is no part `wodnet` to fetch" in refused.stderr
    assert "→ name one: " in refused.stderr
