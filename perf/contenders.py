"""Who is measured, and how each is started: PeakBench and its peers, as their users start them.

All get the same samples: a picture of about 60 KB each, no two alike, and the same words. A peer lives in an
environment of its own, made with pip: a peer from the versions pinned in `perf/peers/`.
"""

import io
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

CONCURRENCY = 64
IMAGE_BYTES = 60_000
PROMPT = "Describe the garment in this photo as one JSON object with the keys type, color and size."
SAMPLES = "data.jsonl"
"""A line a sample: `id`, `image` (relative to the file), `prompt`, `reference`."""
TURNS = "turns.jsonl"
"""The same as aiperf reads it: `text`, `image` (absolute)."""
TOKENIZER = "tokenizer"
"""A tokenizer of one word, for aiperf starts with none at all; it is asked to count no tokens with it."""
_REPOSITORY = Path(__file__).resolve().parents[1]
_PINNED = _REPOSITORY / "perf" / "peers"
FULL, PLAIN = "benchmark.yaml", "one-metric.yaml"
"""Benchmark files: one as people write it, and one that asks of scoring no more than inspect_ai is asked."""
_BENCHMARK = f"""\
schema_version: 1
id: peers
version: 1
task: extraction
data: {{path: {SAMPLES}}}
prompt: {PROMPT}
generation: {{max_tokens: 256}}
fields:
  type: {{type: categorical, weight: 2.5}}
  color: {{type: categorical}}
  size: {{type: size, weight: 1.5}}
"""
_ONE_METRIC = "metrics: [structured_match]\nrank_by: structured_match\nfloors: []\n"


@dataclass(frozen=True, slots=True)
class Job:
    """What a contender is given.

    Attributes:
        n: Requests, one a sample.
        url: Of the server, with `/v1`.
        data: Folder of n samples.
        work: Empty folder to run and write in.
        python: The interpreter of the contender's environment.
    """

    n: int
    url: str
    data: Path
    work: Path
    python: Path


@dataclass(frozen=True, slots=True)
class Contender:
    """One that is measured.

    Attributes:
        name: As the table calls it.
        distribution: What is installed, which names its environment, and a peer's file of pinned versions too.
        words: The command line; what it needs is put into the work folder.
        scores: What it scores with.
        environment: Variables it needs.
    """

    name: str
    distribution: str
    words: Callable[[Job], list[str]]
    scores: str
    environment: Mapping[str, str] = field(default_factory=dict)


def make_samples(folder: Path, n: int) -> None:
    """Write n samples: a PeakBench benchmark, and the same as lines for aiperf."""
    from PIL import Image

    rng = random.Random(0)
    (folder / "images").mkdir(parents=True)
    photo = _photo()
    rows, turns = [], []
    for i in range(n):
        image = f"images/{i:05d}.jpg"
        (folder / image).write_bytes(_numbered(photo, i))
        reference = {
            "type": rng.choice(["t-shirt", "dress", "jacket"]),
            "color": rng.choice(["navy blue", "red", "green"]),
            "size": rng.choice(["S", "M", "L"]),
        }
        rows.append({"id": f"sample-{i:05d}", "image": image, "prompt": PROMPT, "reference": reference})
        turns.append({"text": PROMPT, "image": str(folder / image)})
    Image.open(folder / "images" / "00000.jpg").load()  # what is sent is a picture
    (folder / FULL).write_text(_BENCHMARK)
    (folder / PLAIN).write_text(_BENCHMARK + _ONE_METRIC)
    (folder / TOKENIZER).mkdir()
    words = {"type": "WordLevel", "vocab": {"[UNK]": 0}, "unk_token": "[UNK]"}
    (folder / TOKENIZER / "tokenizer.json").write_text(
        json.dumps({"version": "1.0", "added_tokens": [], "pre_tokenizer": {"type": "Whitespace"}, "model": words})
    )
    (folder / TOKENIZER / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "[UNK]"})
    )
    for name, lines in ((SAMPLES, rows), (TURNS, turns)):
        (folder / name).write_text("".join(json.dumps(line) + "\n" for line in lines))


def _photo() -> bytes:
    """A JPEG of 640 × 480 pixels with soft shapes and grain, of `IMAGE_BYTES` to a few per cent."""
    from PIL import Image, ImageFilter

    rng = random.Random(1)
    soft = Image.frombytes("RGB", (40, 30), rng.randbytes(40 * 30 * 3)).resize((640, 480), Image.Resampling.BICUBIC)
    grain = Image.frombytes("RGB", (640, 480), rng.randbytes(640 * 480 * 3)).filter(ImageFilter.GaussianBlur(1))
    picture = Image.blend(soft, grain, 0.3)
    encoded = []
    for quality in range(30, 96):
        stream = io.BytesIO()
        picture.save(stream, "JPEG", quality=quality)
        encoded.append(stream.getvalue())
    return min(encoded, key=lambda content: abs(len(content) - IMAGE_BYTES))


def _numbered(photo: bytes, number: int) -> bytes:
    """The same JPEG with a number in a comment, so that no two are alike."""
    comment = f"{number:010d}".encode()
    return photo[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + photo[2:]


def _peakbench(job: Job, benchmark: str = FULL) -> list[str]:
    words = [str(job.python.with_name("peakbench")), "run", str(job.data / benchmark), "--model", "canned"]
    return [*words, "--base-url", job.url, "--max-concurrency", str(CONCURRENCY), "-o", "runs"]


def _inspect(job: Job) -> list[str]:
    task = shutil.copy(_PINNED / "inspect_task.py", job.work)  # it takes no path from the root on Python 3.11
    words = [str(job.python.with_name("inspect")), "eval", Path(task).name]
    words += ["-T", f"samples={job.data / SAMPLES}", "--model", "openai-api/local/canned", "--model-base-url", job.url]
    return [*words, "--max-connections", str(CONCURRENCY), "--max-tokens", "256", "--temperature", "0"]


def _aiperf(job: Job) -> list[str]:
    words = [str(job.python.with_name("aiperf")), "profile", "--model", "canned", "--url", job.url.removesuffix("/v1")]
    words += ["--endpoint-type", "chat", "--input-file", str(job.data / TURNS), "--custom-dataset-type", "single_turn"]
    words += ["--concurrency", str(CONCURRENCY), "--request-count", str(job.n)]
    words += ["--tokenizer", str(job.data / TOKENIZER), "--use-server-token-count"]
    return [*words, "--no-server-metrics", "--no-gpu-telemetry"]


_NO_MODELS = {"PEAKBENCH_CACHE": "cache"}
"""An empty folder for the models of the metrics: those that need one are undefined, as after a plain installation."""
PEAKBENCH = Contender("PeakBench", "peakbench", _peakbench, "every metric that needs no model; five floors", _NO_MODELS)
ONE_METRIC = Contender(
    "PeakBench, one metric", "peakbench", partial(_peakbench, benchmark=PLAIN), "one metric, no floors", _NO_MODELS
)
CONTENDERS = (
    PEAKBENCH,
    ONE_METRIC,
    Contender("inspect_ai", "inspect_ai", _inspect, "one scorer, `includes()`", {"LOCAL_API_KEY": "EMPTY"}),
    Contender("aiperf", "aiperf", _aiperf, "none; the latency of every request"),
)


def interpreter(contender: Contender, environments: Path) -> Path:
    """The interpreter of a contender's environment, which is made unless it is there, with what is pinned today.

    PeakBench is installed from this checkout, editable, with what `constraints.txt` pins and without models.

    Raises:
        subprocess.CalledProcessError: If pip cannot install it.
    """
    folder = environments / contender.distribution
    python = folder / "bin" / "python"
    if contender.distribution == PEAKBENCH.distribution:
        pinned = _REPOSITORY / "constraints.txt"
        what = ["-c", str(pinned), "-e", f"{_REPOSITORY}[uvloop]"]
    else:
        pinned = _PINNED / f"{contender.distribution}.txt"
        what = ["--no-deps", "-r", str(pinned)]  # nothing is resolved: what is pinned is all there is
    made_of = folder / "made-of.txt"
    if not (made_of.is_file() and made_of.read_text() == pinned.read_text()):
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *what], check=True)
        made_of.write_text(pinned.read_text())
    return python


def installed_version(python: Path, distribution: str) -> str:
    """The version of a distribution in the environment of an interpreter."""
    code = f"import importlib.metadata; print(importlib.metadata.version({distribution!r}))"
    return subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True).stdout.strip()
