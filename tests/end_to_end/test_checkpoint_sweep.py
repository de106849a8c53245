"""A sweep over checkpoints of one model, each served by a real vLLM that the sweep starts and stops, as a board."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import command
from garment_photos import write_checkpoint_sweep
from served_model import serve_command, trained_model

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
LIMIT = 24


def test_checkpoints_stand_in_the_order_of_their_training_and_no_server_is_left(tmp_path: Path) -> None:
    program = serve_command()
    trained_model()
    file = write_checkpoint_sweep(tmp_path / "tiny", ("early", "final"))
    here = tmp_path / "here"
    here.mkdir()
    words = ("--serve", "--vllm-bin", program, "--limit", LIMIT, "-o", "runs", "--board", "board")
    seen: set[str] = set()
    with (
        (here / "told").open("wb") as told,
        subprocess.Popen(command("sweep", file, *words), cwd=here, stdout=told, stderr=subprocess.STDOUT) as sweep,
    ):
        try:
            while sweep.poll() is None:
                seen |= set(_processes_in(here).values())
                time.sleep(0.5)
        finally:
            sweep.terminate()  # it takes its servers with it
    told_by_it = (here / "told").read_text()
    assert sweep.returncode == 0, told_by_it
    assert any(name.startswith("VLLM") for name in seen), seen  # servers do run where they are looked for
    assert not _processes_in(here)

    board = json.loads((here / "board" / "board.json").read_text())
    models = [row for row in board["rows"] if row["kind"] == "model"]
    early, final = "tiny-garment-early", "tiny-garment-final"
    held = " [json_schema]"
    rows: dict[str, Any] = {row["title"]: row for row in models}
    assert set(rows) == {early, final, early + held, final + held}
    assert all((row["n"], row["n_failed"]) == (LIMIT, 0) for row in models)
    assert rows[final]["rank"] < rows[early]["rank"]
    assert rows[final + held]["rank"] < rows[early + held]["rank"]
    parsed = {title: row["metrics"]["json_parse_rate_strict"]["value"] for title, row in rows.items()}
    assert parsed[early] < parsed[final] == parsed[early + held] == parsed[final + held] == 1.0
    assert {title: row["training"] for title, row in rows.items()} == {
        title: "20 steps" if title.startswith(early) else "751 steps" for title in rows
    }
    written = [path.read_bytes() for path in (here / "board").iterdir()]
    assert len(written) == 4
    assert not any(str(tmp_path).encode() in content for content in written)  # a board is made to be passed on
    for model in (early, final):  # one server for both runs of a model, and its log in their folders
        served = [
            json.loads(path.read_text())["sessions"][0]["served"] for path in (here / "runs" / model).rglob("run.json")
        ]
        assert len(served) == 2
        assert len({one["digest"] for one in served}) == len({one["ready_s"] for one in served}) == 1


def _processes_in(folder: Path) -> dict[int, str]:
    """Living processes that were started in a folder, with their names; vLLM's do not keep their command lines."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == folder.resolve():  # one that has ended has none
                found[int(process.name)] = (process / "comm").read_text().strip()
        except OSError:  # it ended meanwhile
            continue
    return found
