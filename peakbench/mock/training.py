"""What the built-in models learn from: self-made garments that no data set holds, reduced to features and words.

The renders have a seed of their own. A share of them is made by helper processes that are started as plain commands,
not by `multiprocessing`, whose children would run the caller's script again when it lacks an `if __name__` guard. Where
a helper cannot run, its share is made here, more slowly.
"""

import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from peakbench.mock.features import Features, features_of, stack

TRAINING_SEED = 1_000_003
"""Seed of the training renders; a benchmark made with another seed shares no garment with them."""

_FEWEST_FOR_HELPERS = 200
_MOST_PROCESSES = 4
_HELPER = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from peakbench.mock.training import write_share; write_share(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])"
)


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """Garments to learn from.

    Attributes:
        features: Of n pictures; each array has n rows.
        labels: The n references, in the same order.
    """

    features: Features
    labels: tuple[Mapping[str, str | None], ...]

    def first(self, n: int) -> "TrainingSet":
        """The first n garments."""
        part = Features(color=self.features.color[:n], pattern=self.features.pattern[:n], shape=self.features.shape[:n])
        return TrainingSet(part, self.labels[:n])


def training_set(n: int, progress: Callable[[str], None] | None = None) -> TrainingSet:
    """Render garments 0 to n - 1 of the training seed and measure them.

    Args:
        n: 1 or more.
        progress: Told in a line what is being done.
    """
    tell = progress or (lambda _line: None)
    start = time.perf_counter()
    tell(f"rendering {n:,} garments to train on")
    made = _make(n)
    tell(f"trained on {n:,} garments in {time.perf_counter() - start:.1f} s")
    return made


def write_share(start: int, stop: int, path: str) -> None:
    """Make training garments start to stop - 1 and write them to a file: what a helper process does."""
    made = _make_here(range(start, stop))
    labels = np.frombuffer(json.dumps([dict(row) for row in made.labels]).encode(), dtype=np.uint8)
    features = made.features
    np.savez(path, color=features.color, pattern=features.pattern, shape=features.shape, labels=labels)


def _make(n: int) -> TrainingSet:
    processes = min(_MOST_PROCESSES, _processors()) if n >= _FEWEST_FOR_HELPERS else 1
    edges = [n * i // processes for i in range(processes + 1)]
    shares = [range(start, stop) for start, stop in itertools.pairwise(edges)]
    with ExitStack() as contexts:
        folder = Path(contexts.enter_context(tempfile.TemporaryDirectory(prefix="peakbench-")))
        helpers = [_start_helper(share, folder, contexts) for share in shares[1:]]
        parts = [_make_here(shares[0])]
        for share, helper in zip(shares[1:], helpers, strict=True):
            parts.append(_collect(share, helper, folder))
    return TrainingSet(stack([part.features for part in parts]), tuple(row for part in parts for row in part.labels))


def _start_helper(share: range, folder: Path, contexts: ExitStack) -> "subprocess.Popen[bytes] | None":
    command = [
        sys.executable or "python3",
        "-c",
        _HELPER,
        json.dumps([str(place) for place in sys.path]),
        str(share.start),
        str(share.stop),
    ]
    try:
        helper = subprocess.Popen(
            [*command, str(_share_path(share, folder))],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    except OSError:
        return None
    contexts.callback(helper.wait)
    contexts.callback(helper.kill)
    return helper


def _collect(share: range, helper: "subprocess.Popen[bytes] | None", folder: Path) -> TrainingSet:
    if helper is not None and helper.wait() == 0:
        return _read(_share_path(share, folder))
    return _make_here(share)


def _share_path(share: range, folder: Path) -> Path:
    return folder / f"{share.start}.npz"


def _make_here(share: Sequence[int]) -> TrainingSet:
    from peakbench.benchmarks.garments import draw_spec, render

    specs = [draw_spec(TRAINING_SEED, index) for index in share]
    return TrainingSet(stack([features_of(render(spec)) for spec in specs]), tuple(spec.reference() for spec in specs))


def _read(path: Path) -> TrainingSet:
    """What a helper process wrote with `write_share`."""
    with np.load(path, allow_pickle=False) as kept:
        features = Features(color=kept["color"], pattern=kept["pattern"], shape=kept["shape"])
        labels = json.loads(kept["labels"].tobytes())
    return TrainingSet(features, tuple(labels))


def _processors() -> int:
    # macOS has no affinity.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
