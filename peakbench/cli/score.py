"""`peakbench score`: score runs again, without a request."""

from pathlib import Path
from typing import Annotated

import typer

from peakbench.cli import options


def score(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, or folders that hold some.")],
    metrics: options.Metrics = None,
    as_json: options.Json = False,
) -> None:
    """Score finished runs again, from their journals and their data; nothing is asked."""
    from peakbench.cli.console import print_json
    from peakbench.cli.watch import report
    from peakbench.jobs.run import RunOutcome
    from peakbench.jobs.score import score_run
    from peakbench.metrics.registry import Registry
    from peakbench.runs.folder import find_runs

    registry = Registry.load(metrics)
    outcomes = []
    for folder in find_runs(runs):
        with folder.lock():
            outcomes.append(RunOutcome(folder, score_run(folder, registry)))
        if not as_json:
            report(outcomes[-1], as_json=False)
    if as_json:
        print_json([{"run": str(one.folder.path), "results": one.results.model_dump(mode="json")} for one in outcomes])
