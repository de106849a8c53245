"""Run folders: names that cannot leave their place, one writer at a time, files that are whole."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peakbench.errors import BadInputError, InfrastructureError
from peakbench.files import write_atomically
from peakbench.runs.folder import RunFolder, find_runs, folder_name
from peakbench.runs.manifest import Identity


def identity(**changes: object) -> Identity:
    values: dict[str, object] = {
        "kind": "run",
        "benchmark": "tiny@1",
        "data": "d",
        "prompt": "p",
        "generation": {"max_tokens": 5},
        "fields": "f",
        "model": "org/name",
        "revision": None,
        "repeats": 1,
        "limit": None,
        "seed": 0,
    }
    return Identity.model_validate(values | changes)


@given(st.text(min_size=1))
def test_a_name_is_one_part_of_a_path(name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError:
        return  # no command line and no file can say it
    part = folder_name(name)
    assert "/" not in part
    assert "\0" not in part
    assert part not in (".", "..")
    assert not part.startswith(".")


def test_the_folder_is_named_after_model_benchmark_time_and_identity(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, identity())
    assert folder.path.parent == tmp_path / "org__name" / "tiny@1"
    assert folder.path.name.endswith(identity().digest[:8])


def test_two_runs_of_one_second_have_folders_of_their_own(tmp_path: Path) -> None:
    paths = {RunFolder.create(tmp_path, identity()).path for _ in range(5)}
    assert len(paths) == 5


def test_every_key_of_the_identity_changes_its_digest() -> None:
    changes = {
        "kind": "floor",
        "benchmark": "x",
        "data": "x",
        "prompt": "x",
        "generation": {},
        "fields": "x",
        "model": "x",
        "revision": "x",
        "repeats": 2,
        "limit": 1,
        "seed": 1,
        "training": "x",
        "variant": "x",
    }
    assert set(changes) == set(Identity.model_fields)
    for key, value in changes.items():
        other = identity(**{key: value})
        assert other.digest != identity().digest
        assert list(identity().differences(other)) == [key]


def test_a_second_process_is_refused_and_the_lock_ends_with_its_process(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, identity())
    code = (
        "import sys, time; from pathlib import Path; from peakbench.runs.folder import RunFolder\n"
        "with RunFolder(Path(sys.argv[1])).lock(): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(folder.path)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(BadInputError, match="another process"), folder.lock():
            pass
        other.kill()
    with folder.lock():
        pass


def test_partial_files_of_a_killed_process_are_swept_away(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, identity())
    stray = folder.path / ".run.json.x.partial"
    stray.touch()
    with folder.lock():
        assert not stray.exists()


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, "old")
    write_atomically(path, "new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(InfrastructureError, match="cannot write"):
        write_atomically(path / "below", "x")


def test_places_without_runs_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no folder"):
        find_runs([tmp_path / "nowhere"])
    with pytest.raises(BadInputError, match="no run in"):
        find_runs([tmp_path])


@pytest.mark.parametrize("name", ["模" * 100, "x" * 400, "a/" * 200], ids=["wide", "long", "slashes"])
def test_a_long_name_fits_a_file_system_and_stays_its_own(tmp_path: Path, name: str) -> None:
    (tmp_path / folder_name(name)).mkdir()
    assert folder_name(name) != folder_name(name + "!")
    assert folder_name(name)[:3] == folder_name(name[:3])[:3]


def test_runs_are_found_through_links_and_links_to_themselves_are_no_trap(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "real", identity())
    folder.manifest_path.write_text("{}")
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "org__name").symlink_to(tmp_path / "real" / "org__name")
    (tmp_path / "runs" / "again").symlink_to(tmp_path / "runs")
    assert [run.path.resolve() for run in find_runs([tmp_path / "runs"])] == [folder.path]


def test_a_lock_may_be_waited_for(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, identity())
    code = (
        "import sys, time; from pathlib import Path; from peakbench.runs.folder import RunFolder\n"
        "with RunFolder(Path(sys.argv[1])).lock(): print('held', flush=True); time.sleep(0.5)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(folder.path)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with folder.lock(wait_s=30):
            pass


def test_the_root_is_above_model_and_benchmark_and_beside_a_run_that_was_taken_elsewhere(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "runs", identity())
    assert folder.root_of(identity()) == tmp_path / "runs"
    assert RunFolder(tmp_path / "mine").root_of(identity()) == tmp_path
    assert RunFolder(Path("/mine")).root_of(identity()) == Path("/")
