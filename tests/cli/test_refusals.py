"""What goes wrong, as a person sees it: one clear message with the mend, the documented exit code, nothing lost."""

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from small_servers import QuietHandler, serving

from peakbench.mock import MockServerSettings, build_models, run_in_thread
from peakbench.mock.serving import RunningMockServer
from peakbench.runs.folder import find_runs

Run = Callable[..., subprocess.CompletedProcess[str]]
Tiny = Callable[..., Path]
NOBODY = 65534


def refused(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    """The command ended with the code, one error and its mend, and nothing a person cannot read."""
    assert done.returncode == code, done.stderr
    assert done.stderr.count("error: ") == 1, done.stderr
    assert "→" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    for word in words:
        assert word in done.stderr


def test_a_model_that_is_not_served(peakbench: Run, tiny: Tiny, server: RunningMockServer, tmp_path: Path) -> None:
    done = peakbench("run", tiny(), "--model", "constant-nul", "--base-url", server.base_url)
    refused(done, 5, "constant-nul", "did you mean --model constant-null")
    assert not (tmp_path / "runs").exists()


def test_a_closed_port(peakbench: Run, tiny: Tiny) -> None:
    with socket.socket() as held:  # bound, so that nobody else takes it, and not listening
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        done = peakbench("run", tiny(), "--model", "m", "--base-url", f"http://127.0.0.1:{port}")
    refused(done, 5, "no server answers at", str(port), "vllm serve")


class _Website(QuietHandler):
    def do_GET(self) -> None:
        self.send_response(404)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<html>nothing here</html>")


@pytest.fixture
def website() -> Iterator[str]:
    """A server that is no OpenAI-compatible API."""
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), _Website)) as running:
        yield f"http://127.0.0.1:{running.server_port}"


def test_a_wrong_url(peakbench: Run, tiny: Tiny, website: str) -> None:
    refused(peakbench("run", tiny(), "--model", "m", "--base-url", website), 5, "no OpenAI-compatible API", "404")


@pytest.mark.parametrize("url", ["ftp://host", "http://", "http://user:secret@host", "http://host:port"])
def test_a_url_that_is_none(peakbench: Run, tiny: Tiny, url: str) -> None:
    done = peakbench("run", tiny(), "--model", "m", "--base-url", url)
    refused(done, 2, "--base-url")
    assert "secret" not in done.stderr


def test_a_wrong_key_is_refused_and_never_shown(peakbench_process: Run, tiny: Tiny) -> None:
    settings = MockServerSettings(api_key="right-key")
    with run_in_thread(build_models(["constant-null"]), settings) as server:
        words = ("run", tiny(), "--model", "constant-null", "--base-url", server.base_url)
        wrong = peakbench_process(*words, OPENAI_API_KEY="wrong-key-123")
        right = peakbench_process(*words, "--api-key-env", "MY_KEY", MY_KEY="right-key")
    refused(wrong, 5, "refuses the API key", "OPENAI_API_KEY")
    assert "wrong-key-123" not in wrong.stderr
    assert right.returncode == 0, right.stderr


def test_no_key_reaches_any_file(peakbench: Run, tiny: Tiny, tmp_path: Path) -> None:
    settings = MockServerSettings(api_key="right-key")
    with run_in_thread(build_models(["constant-null"]), settings) as server:
        words = ("run", tiny(), "--model", "constant-null", "--base-url", server.base_url)
        assert peakbench(*words, OPENAI_API_KEY="right-key").returncode == 0
    files = [path for path in (tmp_path / "runs").rglob("*") if path.is_file()]
    assert len(files) > 10
    assert not [path for path in files if b"right-key" in path.read_bytes()]


def test_an_unknown_option_is_named_with_the_one_that_was_meant(peakbench: Run, tiny: Tiny) -> None:
    done = peakbench("run", tiny(), "--model", "m", "--max-concurency", "3")
    assert done.returncode == 2
    assert "--max-concurrency" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_key_in_a_file_is_named_with_the_one_that_was_meant(peakbench: Run, tiny: Tiny) -> None:
    done = peakbench("run", tiny(extra="generation: {max_token: 5}\n"), "--model", "m")
    refused(done, 2, "benchmark.yaml: generation: unknown key `max_token`; did you mean `max_tokens`?")


def test_an_unknown_benchmark_is_named_with_the_one_that_was_meant(peakbench: Run) -> None:
    refused(peakbench("run", "garment-demo", "--model", "m"), 2, "did you mean `garments-demo`?")


def test_bad_rows_are_named_all_at_once_before_anything_is_asked(peakbench: Run, tiny: Tiny, tmp_path: Path) -> None:
    path = tiny(6)
    (path.parent / "images" / "1.png").unlink()
    (path.parent / "images" / "2.png").write_text("no image")
    with (path.parent / "data.jsonl").open("a") as file:
        file.write("{broken\n[1]\n")
        file.write(json.dumps({"id": "out", "image": "../../etc/passwd", "reference": {}}) + "\n")
        file.write(json.dumps({"id": "s0000", "image": "images/0.png", "reference": {}}) + "\n")
        file.write(json.dumps({"id": "ref", "image": "images/0.png", "reference": "no json"}) + "\n")
        file.write(json.dumps({"id": "key", "image": "images/0.png", "reference": {"colour": "red"}}) + "\n")
    done = peakbench("run", path, "--model", "m")
    refused(
        done,
        2,
        "line 2, sample 's0001': image images/1.png: No such file",
        "line 3, sample 's0002': image images/2.png cannot be decoded",
        "line 7: no JSON",
        "line 8: a JSON list",
        "line 9, sample 'out': image ../../etc/passwd leaves the data's folder",
        "line 10, sample 's0000': the id was given before, in line 1",
        "line 11, sample 'ref'",
        "line 12, sample 'key'",
        "nothing was asked yet",
    )
    assert not (tmp_path / "runs").exists()


def test_a_symlink_out_of_the_data_is_refused(peakbench: Run, tiny: Tiny, tmp_path: Path) -> None:
    path = tiny(2)
    outside = tmp_path / "outside.png"
    shutil.move(path.parent / "images" / "1.png", outside)
    (path.parent / "images" / "1.png").symlink_to(outside)
    refused(peakbench("run", path, "--model", "m"), 2, "leaves the data's folder")


def test_an_unfinished_run_is_not_passed_over(
    peakbench: Run, tiny: Tiny, server: RunningMockServer, tmp_path: Path
) -> None:
    path = tiny(6)
    words = ("run", path, "--model", "constant-null", "--base-url", server.base_url)
    assert peakbench(*words).returncode == 0
    (run,) = list(find_runs([tmp_path / "runs" / "constant-null"]))
    lines = run.journal_path.read_bytes().splitlines(keepends=True)
    run.journal_path.write_bytes(b"".join(lines[:4]) + lines[4][:-7])
    run.write_manifest(run.read_manifest().model_copy(update={"finished": None}))

    refused(peakbench(*words), 2, "unfinished", "--resume", "--fresh")
    refused(peakbench(*words, "--limit", "5", "--resume"), 2, "limit: None there, 5 now", "data:")
    refused(peakbench("score", run.path), 2, "unfinished", "3 of 6")
    resumed = peakbench(*words, "--max-concurrency", "2", "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert "cut a torn last line" in resumed.stderr
    assert "3 of 6 are answered; 3 to ask" in resumed.stderr
    with run.journal() as journal:
        assert len(journal) == 6
    assert [session.max_concurrency for session in run.read_manifest().sessions] == [8, 2]
    refused(peakbench(*words, "--resume"), 2, "is finished")


def test_a_resume_without_a_run_says_so(peakbench: Run, tiny: Tiny, server: RunningMockServer) -> None:
    done = peakbench("run", tiny(), "--model", "constant-null", "--base-url", server.base_url, "--resume")
    refused(done, 2, "to go on with", "start one")


def test_data_that_changed_is_not_scored(peakbench: Run, tiny: Tiny, server: RunningMockServer, tmp_path: Path) -> None:
    path = tiny(4)
    assert peakbench("run", path, "--model", "constant-null", "--base-url", server.base_url).returncode == 0
    data = path.parent / "data.jsonl"
    data.write_text(data.read_text().replace("shirt", "dress"))
    refused(peakbench("score", tmp_path / "runs" / "constant-null"), 2, "is not what was asked about")
    data.unlink()
    refused(peakbench("score", tmp_path / "runs" / "constant-null"), 2, "no longer at")


def test_too_many_failures_end_with_their_own_code_and_keep_everything(
    peakbench: Run, tiny: Tiny, tmp_path: Path
) -> None:
    from peakbench.mock import FaultKind, Faults

    settings = MockServerSettings(faults=Faults({FaultKind.RATE_LIMIT: 0.5}, max_per_request=100))
    with run_in_thread(build_models(["constant-null"]), settings) as server:
        words = ("run", tiny(20), "--model", "constant-null", "--base-url", server.base_url)
        done = peakbench(*words, "--max-retries", "0")
        assert done.returncode == 3, done.stderr
        assert "--retry-failed" in done.stderr
    with run_in_thread(build_models(["constant-null"]), MockServerSettings()) as server:
        words = ("run", tiny(20), "--model", "constant-null", "--base-url", server.base_url)
        mended = peakbench(*words, "--resume", "--retry-failed")
        assert mended.returncode == 0, mended.stderr
    (run,) = find_runs([tmp_path / "runs" / "constant-null"])
    assert run.read_results().n_failed == 0


def test_a_folder_that_may_not_be_written(
    peakbench_process: Run, tiny: Tiny, server: RunningMockServer, tmp_path: Path
) -> None:
    """As a person without privileges; root may write everywhere, so root gives its privileges away first."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    prefix: tuple[str, ...] = ()
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("running as root, and setpriv (util-linux) is not there to become unprivileged")
        prefix = ("setpriv", "--inh-caps=-all", "--bounding-set=-all", "--ambient-caps=-all")
    words = ("run", tiny(), "--model", "constant-null", "--base-url", server.base_url, "-o", closed / "runs")
    refused(peakbench_process(*words, prefix=prefix), 5, "cannot write", "Permission denied", "--output")


@pytest.mark.slow
def test_a_full_disk_stops_the_run_and_loses_nothing(
    peakbench_process: Run, tiny: Tiny, server: RunningMockServer, tmp_path: Path
) -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs root")
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=320k", "none", small], check=True)
    try:
        path = tiny(300)
        words = ("run", path, "--model", "constant-null", "--base-url", server.base_url, "-o", small / "runs")
        full = peakbench_process(*words)
        refused(full, 5, "No space left on device", "--resume")
        (run,) = find_runs([small])
        with run.journal() as journal:
            kept = len(journal)
        assert 0 < kept < 300
        subprocess.run(["mount", "-o", "remount,size=64m", small], check=True)
        resumed = peakbench_process(*words, "--resume")
        assert resumed.returncode == 0, resumed.stderr
        assert f"{kept} of 300 are answered; {300 - kept} to ask" in resumed.stderr
    finally:
        subprocess.run(["umount", small], check=True)


@pytest.mark.parametrize("blocks", [0, 16], ids=["from the start", "while data is read"])
def test_a_full_folder_for_temporary_files_is_told_by_its_name(
    peakbench_process: Run, tiny: Tiny, server: RunningMockServer, tmp_path: Path, blocks: int
) -> None:
    words = ("run", tiny(100), "--model", "constant-null", "--base-url", server.base_url)
    full = ("sh", "-c", f'ulimit -f {blocks}; exec "$@"', "sh")
    done = peakbench_process(*words, prefix=full, TMPDIR=str(tmp_path))
    refused(done, 5, "cannot write", "write elsewhere with TMPDIR=/another/folder")
    assert "--output" not in done.stderr
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("long", ["the first", "the last"])  # they wait in memory until there are ten thousand
def test_ids_that_find_no_room_in_the_folder_for_temporary_files(
    peakbench_process: Run, tmp_path: Path, long: str
) -> None:
    first, last = ("long, " * 60, "") if long == "the first" else ("", "long, " * 600)
    names = (f"{first if n < 10_000 else last}{n}" for n in range(11_500))
    rows = (json.dumps({"id": name}) for name in names)
    (tmp_path / "data.jsonl").write_text("".join(f'{row[:-1]}, "reference": "yes"}}\n' for row in rows))
    path = tmp_path / "benchmark.yaml"
    path.write_text(
        "schema_version: 1\nid: many\nversion: 1\ntask: text\ndata: {path: data.jsonl}\n"
        "columns: {image: null}\nprompt: Yes?\n"
    )
    small = ("sh", "-c", 'ulimit -f 600; exec "$@"', "sh")
    done = peakbench_process("benchmarks", "validate", path, prefix=small, TMPDIR=str(tmp_path))
    refused(done, 5, f"cannot write {tmp_path}", "write elsewhere with TMPDIR=/another/folder")


def test_a_port_in_use(peakbench_process: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = peakbench_process("mock-server", "-m", "constant-null", "--port", taken.getsockname()[1])
    refused(done, 5, "in use")


@pytest.mark.parametrize("name", ["", " "])
def test_a_model_without_a_name(peakbench: Run, tiny: Tiny, name: str) -> None:
    refused(peakbench("run", tiny(), "--model", name), 2, "--model")


def test_words_that_are_no_text(peakbench_process: Run, tiny: Tiny) -> None:
    refused(peakbench_process("run", tiny(), "--model", os.fsdecode(b"\xff")), 2, "UTF-8")


@pytest.mark.slow
@pytest.mark.parametrize("size", ["4k", "8k", "12k", "16k", "24k", "40k", "60k", "80k"])
def test_a_disk_that_is_full_at_any_stage_is_told_and_the_run_is_whole_afterwards(
    peakbench_process: Run, tiny: Tiny, server: RunningMockServer, tmp_path: Path, size: str
) -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs root")
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", small], check=True)
    try:
        words = ("run", tiny(20), "--model", "constant-null", "--base-url", server.base_url, "-o", small / "runs")
        refused(peakbench_process(*words), 5, "No space left on device", "free some space")
        subprocess.run(["mount", "-o", "remount,size=64m", small], check=True)
        begun = any(small.rglob("run.json"))
        after = peakbench_process(*words, *(["--resume"] if begun else []))
        assert after.returncode == 0, after.stderr
        assert peakbench_process("leaderboard", small / "runs").returncode == 0
    finally:
        subprocess.run(["umount", small], check=True)
