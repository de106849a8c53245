"""Everything, on this machine, in a minute or two: rendered garments, a real server, a sweep, floors, boards."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from peakbench.benchmarks.benchmark import find_benchmark
from peakbench.jobs.leaderboard import make_boards
from peakbench.jobs.settings import RunSettings
from peakbench.jobs.sweep import SweepOutcome, combinations, read_sweep, sweep
from peakbench.jobs.watching import Watching
from peakbench.leaderboards.rows import Board
from peakbench.leaderboards.writer import write_boards
from peakbench.metrics.registry import Registry
from peakbench.mock import MockServerSettings, build_models, run_in_thread
from peakbench.runners.asking import AskingSettings
from peakbench.runners.endpoint import Endpoint
from peakbench.runs.manifest import ModelFacts


@dataclass(frozen=True, slots=True)
class DemoOutcome:
    """What the demo made.

    Attributes:
        boards: A board a benchmark.
        runs: Root of the run folders.
        data: Folder of the rendered data.
        written: The boards' files.
        sweep: What came of each model.
    """

    boards: list[Board]
    runs: Path
    data: Path
    written: list[Path]
    sweep: list[SweepOutcome]


def demo(
    output: Path, registry: Registry, say: Callable[[str], None], watch: Callable[[str], Watching], limit: int | None
) -> DemoOutcome:
    """Render the data of both tasks, serve the built-in models, sweep them, and make the boards.

    Args:
        output: Folder for everything that is made.
        registry: The metrics.
        say: Called with a line for the person.
        watch: Gives the watching of one model's run.
        limit: Samples to ask about; None for all.
    """
    file, path = read_sweep("demo")
    data = output / "data"
    for name in file.benchmarks:
        say(f"rendering the pictures of {name}")
        find_benchmark(name).data_place(data)
    say("training the built-in models on other garments, rendered for them")
    models = build_models([model.name for model in file.models], progress=say)
    with run_in_thread(models, MockServerSettings()) as server:
        say(f"serving them at {server.base_url}")
        settings = RunSettings(
            model=ModelFacts(name=file.models[0].name),
            endpoint=Endpoint(server.base_url),
            output=output / "runs",
            asking=AskingSettings(),
            limit=limit,
            fresh=True,
            cache=data,
            command="",
        )
        outcomes = sweep(combinations(file, path, settings), registry, watch)
    failed = [outcome.error for outcome in outcomes if outcome.error]
    if failed:
        raise failed[0]
    runs = [outcome.run.folder.path for outcome in outcomes if outcome.run]
    boards = make_boards(runs, registry)
    written = write_boards(boards, output / "leaderboard")
    return DemoOutcome(boards, output / "runs", data, written, outcomes)
