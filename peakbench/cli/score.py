"""`peakbench score`: score runs again, without a request."""

from pathlib import Path
from typing import Annotated

import typer

from peakbench.cli import options


def score(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, or folders that hold some.")],
    metrics: options.Metrics = None,
    allow_code: options.AllowCode = False,
    as_json: options.Json = False,
) -> None:
    """Score finished runs again, from their journals and their data; nothing is asked.

    One that cannot be scored does not stop the others.
    """
    from peakbench.cli.console import print_error, print_json
    from peakbench.cli.watch import report
    from peakbench.errors import ExitCode, PeakBenchError
    from peakbench.jobs.run import RunOutcome
    from peakbench.jobs.score import score_run
    from peakbench.metrics.registry import Registry
    from peakbench.runs.folder import find_runs

    registry = Registry.load(metrics, allow_code=allow_code)
    outcomes: list[RunOutcome] = []
    errors: list[PeakBenchError] = []
    for folder in find_runs(runs):
        try:
            with folder.lock():
                outcomes.append(RunOutcome(folder, score_run(folder, registry)))
        except PeakBenchError as error:
            if error.exit_code is ExitCode.INTERNAL:
                raise
            errors.append(error)
            print_error(error)
            continue
        if not as_json:
            report(outcomes[-1], registry, as_json=False)
    if as_json and outcomes:
        print_json([{"run": str(one.folder.path), "results": one.results.model_dump(mode="json")} for one in outcomes])
    if errors:
        raise typer.Exit(errors[0].exit_code)
