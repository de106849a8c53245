"""Data on the Hub: streamed from a server that speaks its protocol, at one commit, which the run records."""

import io
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hub_server import Files, Hub
from PIL import Image
from small_servers import serving

from peakbench.mock.serving import RunningMockServer
from peakbench.runs.folder import RunFolder, find_runs

pytest.importorskip("datasets", reason="the extra `datasets` is not installed")
pytestmark = pytest.mark.slow  # each command imports `datasets`

Run = Callable[..., subprocess.CompletedProcess[str]]
REPO = "Denali-AI/eval-hard-3500"
OLD, NEW = "0" * 39 + "1", "0" * 39 + "2"
TRAIN = [{"ground_truth": json.dumps({"type": "Dress"})}] * 2


def parquet(rows: list[dict[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), buffer)
    return buffer.getvalue()


def files(color: str) -> Files:
    """A data set with the columns of the benchmark `garments`, pictures as bytes."""
    picture = io.BytesIO()
    Image.new("RGB", (64, 48), color).save(picture, "PNG")
    image = {"bytes": picture.getvalue(), "path": None}
    reference = json.dumps({"type": "Shirt", "color": color, "brand": "N/A"})
    rows = [{"image": image, "prompt": f"Look at {n}.", "ground_truth": reference, "source": "posh"} for n in range(3)]
    features = {"info": {"features": {"image": {"_type": "Image"}}}}
    table = pa.Table.from_pylist(rows).replace_schema_metadata({"huggingface": json.dumps(features)})
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return {
        "README.md": b"---\nlicense: other\n---\n",
        "data/test-00000-of-00001.parquet": buffer.getvalue(),
        "data/train-00000-of-00001.parquet": parquet([row | rows[0] | TRAIN[0] for row in rows]),
    }


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving(Hub(REPO, {OLD: files("navy"), NEW: files("red")}, {"main": OLD})) as served:
        yield served


def environment(hub: Hub, tmp_path: Path) -> dict[str, str]:
    return {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_DISABLE_TELEMETRY": "1"}


def the_run(tmp_path: Path) -> RunFolder:
    (found,) = find_runs([tmp_path / "runs" / "constant-null"])
    return found


def test_a_run_is_of_the_commit_that_its_branch_named_and_is_scored_at_it(
    peakbench_process: Run, hub: Hub, server: RunningMockServer, tmp_path: Path
) -> None:
    there = environment(hub, tmp_path)
    done = peakbench_process("run", "garments", "-m", "constant-null", "--base-url", server.base_url, **there)
    assert done.returncode == 0, done.stderr
    data = the_run(tmp_path).read_manifest().data
    assert (data.revision, data.path, data.n) == (OLD, f"{REPO}@{OLD} (test)", 3)
    assert {revision for revision, name in hub.resolved if name.endswith(".parquet")} == {OLD}
    first, *_ = the_run(tmp_path).samples()
    assert [(image.width, image.height, image.mime) for image in first.files] == [(64, 48, "image/png")]
    assert first.cluster == "posh"
    hub.branches["main"] = NEW
    scored = peakbench_process("score", the_run(tmp_path).path, **there)
    assert scored.returncode == 0, scored.stderr
    again = peakbench_process(
        "run", "garments", "-m", "constant-null", "--base-url", server.base_url, "--resume", **there
    )
    assert again.returncode == 2
    assert "data: " in again.stderr


def test_a_training_split_on_the_hub_is_read(peakbench_process: Run, hub: Hub, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    source = f"hub: {{repo: {REPO}, revision: main, split: "
    path.write_text(
        f"schema_version: 1\nextends: garments\nid: mine\ndata: {{{source}test}}}}\ntraining: {{{source}train}}}}\n"
    )
    done = peakbench_process("benchmarks", "validate", path, **environment(hub, tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout == "3 good samples, 3 references of the training split, 0 bad rows\n"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("revision: nope", "(split test, revision nope) cannot be had"),
        (f"revision: {'f' * 40}", "cannot be had"),
        ("split: dev", "(split dev, revision main) cannot be had"),
        ("repo: Denali-AI/other", "the data set Denali-AI/other"),
    ],
)
def test_what_the_hub_does_not_have_is_named(
    peakbench_process: Run, hub: Hub, tmp_path: Path, change: str, said: str
) -> None:
    source = {"repo": REPO, "split": "test", "revision": "main"}
    key, _, value = change.partition(": ")
    path = tmp_path / "mine.yaml"
    written = json.dumps({"hub": source | {key: value}})
    path.write_text(f"schema_version: 1\nextends: garments\nid: mine\ndata: {written}\n")
    done = peakbench_process("benchmarks", "validate", path, **environment(hub, tmp_path))
    assert done.returncode == 2, done.stderr
    assert said.replace("revision main", f"revision {OLD}") in done.stderr
    assert "check the name, the network and your access" in done.stderr
