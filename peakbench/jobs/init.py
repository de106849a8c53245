"""A project of one's own: a folder in the shape of PeakBench's own repository, with an example that runs at once.

    README.md               what lies where, and how to go on
    benchmarks/garments/    what is measured: 24 rendered garments
    runners/first.yaml      how it is asked: two small built-in models
    .gitignore              what is made again, or too large to keep in git: runs/ and boards/

The project is made under another name and put in place when it is whole: one that is interrupted leaves nothing.
"""

import os
import shlex
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from peakbench.benchmarks.garments import make_garments
from peakbench.errors import BadInputError, InfrastructureError
from peakbench.files import disk_errors, make_folder, write_atomically

PORT = 8000
"""Where the run file asks: the mock server's own port, and vLLM's."""
MODELS = ("nearest-20", "constant-null")
"""Whom the run file asks: models that the mock server has and need no time to be trained."""
SWEEP = "first"
"""The run file's name, as `peakbench sweep` takes it."""

_N_GARMENTS = 24
_SEED = 1
_STRAY = ".peakbench-init."

_README = f"""\
# An evaluation with PeakBench

Pictures, models and their board, laid out for [PeakBench](https://github.com/Denali-AI/peakbench).

| where | what |
| --- | --- |
| `benchmarks/garments/` | what is measured: `benchmark.yaml` (prompt, fields, weights), `data.jsonl`, `images/` |
| `runners/{SWEEP}.yaml` | which models are asked which benchmarks, and where |
| `runs/` | what the models answered and how it was scored; `peakbench sweep` makes it |
| `boards/` | boards as Markdown, CSV, JSON and PNG; `--board boards` makes it |

## Two commands

The first one goes on until Ctrl-C; give the second in another terminal. Both are started in this folder.

```
peakbench mock-server --port {PORT} {" ".join(f"--model {name}" for name in MODELS)}
peakbench sweep {SWEEP} -o runs
```

They end with a board. Its models are small baselines built into PeakBench: they show the harness at work and say
nothing about any vision-language model.

## Your own models

Put their served names into `runners/{SWEEP}.yaml`, with the `base_url` of their server: vLLM, or any other that is
OpenAI-compatible. A second list is a second file: `peakbench sweep NAME` reads `runners/NAME.yaml`. A key is read from
the environment variable `OPENAI_API_KEY`. `--resume` keeps the runs that are finished and asks only what is missing.

## Your own data

1. Copy `benchmarks/garments` to `benchmarks/NAME`, and give its `benchmark.yaml` an `id` of its own.
2. Put your pictures into `images/`, and for each a row into `data.jsonl`: `id`, `image`, `reference`. Write the prompt,
   and a field for each key of the references.
3. Name `../benchmarks/NAME/benchmark.yaml` in the run file, and sweep.

Raise a benchmark's `version` whenever a number could change.
"""

_RUN_FILE = f"""\
# Which models are asked which benchmarks: `peakbench sweep {SWEEP} -o runs`, from the folder above this one.
schema_version: 1
benchmarks: [../benchmarks/garments/benchmark.yaml] # relative to this file; or names of built-in ones
base_url: http://127.0.0.1:{PORT}/v1 # for models that name none of their own; --base-url goes before it
models:
  - name: {MODELS[0]}
    architecture: nearest neighbour
    parameters: 20 renders
    training: other garments than the benchmark's
    note: answers with the nearest of 20 training renders, by colour and shape
  - name: {MODELS[1]}
    architecture: constant
    note: answers null in every field, whatever the picture
#  - name: Qwen/Qwen3-VL-2B-Instruct # the served name
#    base_url: http://localhost:8001/v1
#    architecture: Qwen3-VL # facts, for the board: what is left out is "not published"
#    parameters: 2B
"""

_GITIGNORE = "/runs/\n/boards/\n"

_FILES = {"benchmarks": None, "runners": None, ".gitignore": _GITIGNORE, "README.md": _README}
"""What a project holds at its top: a folder, or a file's text."""


@dataclass(frozen=True, slots=True)
class Project:
    """A project that was laid out.

    Attributes:
        directory: Where, as it was given.
        benchmark: Its benchmark file.
        run_file: Its run file.
        readme: What tells a person the rest.
    """

    directory: Path
    benchmark: Path
    run_file: Path
    readme: Path


def init(directory: Path, progress: Callable[[int], None] | None = None) -> Project:
    """Lay out a project in a folder that is new or empty.

    Args:
        directory: Made with its parents when it is not there. One that is there stays the same folder, so that a shell
            that stands in it goes on standing in it.
        progress: Called after each garment with the number of those done.

    Raises:
        BadInputError: If the folder holds anything, or is none; nothing was changed then.
        InfrastructureError: If the disk refuses; nothing is left then.
    """
    _require_empty(directory)
    there = directory.is_dir()
    absolute = directory.absolute()
    new_parents = [parent for parent in absolute.parents if not parent.exists()]
    # Beside the folder or, when it is there, in it: a mounted folder's parent may lie on another disk.
    partial = (absolute if there else absolute.parent) / f"{_STRAY}{uuid4().hex}.partial"
    try:
        _fill(partial, progress)
        with disk_errors(directory):
            if there:
                _move_into(directory, partial)
            else:
                _become(directory, partial)
    except InfrastructureError as error:
        mend = "see to what the disk says, or name another folder: peakbench init FOLDER"
        raise InfrastructureError(error.message, mend=mend) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        for parent in new_parents:  # the deepest first; those that hold the project stay
            with suppress(OSError):
                parent.rmdir()
    return Project(
        directory,
        benchmark=directory / "benchmarks" / "garments" / "benchmark.yaml",
        run_file=directory / "runners" / f"{SWEEP}.yaml",
        readme=directory / "README.md",
    )


def _require_empty(directory: Path) -> None:
    """Refuse what is no folder, and a folder that holds anything."""
    if not os.path.lexists(directory):
        return
    if not directory.is_dir():
        raise BadInputError(f"{directory} is no folder", mend="name a folder that is new or empty")
    with disk_errors(directory):
        names = sorted(entry.name for entry in directory.iterdir())
    if not names:
        return
    strays = [shlex.quote(str(directory / name)) for name in names if name.startswith(_STRAY)]
    if len(strays) == len(names):
        raise BadInputError(
            f"{directory} holds what a `peakbench init` is making, or left when it was killed",
            mend=f"wait for it, or remove what was left: rm -r {' '.join(strays)}",
        )
    raise _holds(directory, names)


def _holds(directory: Path, names: list[str]) -> BadInputError:
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    within = shlex.quote(str(directory / "evaluation"))
    return BadInputError(
        f"{directory} is not empty: it holds {shown}",
        mend=f"name a folder that is new or empty: peakbench init {within}",
    )


def _fill(folder: Path, progress: Callable[[int], None] | None) -> None:
    """Write the whole project into a folder of its own."""
    make_garments(folder / "benchmarks" / "garments", _N_GARMENTS, _SEED, progress)
    make_folder(folder / "runners")
    write_atomically(folder / "runners" / f"{SWEEP}.yaml", _RUN_FILE)
    for name, text in _FILES.items():
        if text is not None:
            write_atomically(folder / name, text)


def _become(directory: Path, partial: Path) -> None:
    """Give a finished project its name, unless somebody took it meanwhile."""
    try:
        partial.rename(directory)
    except OSError:
        _require_empty(directory)
        raise


def _move_into(directory: Path, partial: Path) -> None:
    """Move a finished project into an empty folder; whatever stops that, all goes back."""
    try:
        for name in _FILES:
            if os.path.lexists(directory / name):  # somebody put it there meanwhile
                raise _holds(directory, [name])
            (partial / name).rename(directory / name)
    except BaseException:
        for name in _FILES:
            if not (partial / name).exists():
                (directory / name).rename(partial / name)
        raise
