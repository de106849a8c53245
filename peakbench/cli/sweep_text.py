"""What `peakbench sweep` prints: the plan of a dry run, and what came of every run."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from peakbench.durations import estimated
from peakbench.leaderboards.wording import NOTHING, number, one_line, plural, unit_sign
from peakbench.runners.serving.diagnosis import LOG_MARK
from peakbench.terminal import printable

if TYPE_CHECKING:
    from rich.console import Console

    from peakbench.jobs.plan import PlannedRun, SweepPlan
    from peakbench.jobs.sweep import SweepOutcome

_WORDS = {
    ("new", "ask"): "new",
    ("unfinished", "ask"): "new, beside an unfinished run",
    ("finished", "ask"): "new, beside a finished run",
    ("unfinished", "go on"): "goes on with an unfinished run",
    ("unfinished", "refuse"): "refused: an unfinished run is there (--resume or --fresh)",
}


def print_plan(plan: "SweepPlan", console: "Console") -> None:
    """Print what a sweep would do: a line a run, then the sums."""
    from rich.text import Text

    started = None
    for run in plan.runs:
        if run.server is not None and run.server != started and run.n_missing != 0 and not run.problem:
            console.print(Text(printable(f"starts {run.server}")), soft_wrap=True)
            started = run.server
        console.print(Text(printable(_planned_line(run))), soft_wrap=True)
    total = "unknown" if plan.n_missing is None else f"{plan.n_missing:,}"
    seconds = "unknown" if plan.seconds is None else f"about {estimated(plan.seconds)}"
    size = "unknown" if plan.n_bytes is None else f"about {megabytes(plan.n_bytes)}"
    for line in (
        f"{plural(len(plan.runs), 'run')}, {total} requests; time: {seconds}",
        f"disk: {size} into {plan.output}, where {megabytes(plan.n_bytes_free)} are free",
        "nothing was asked, and nothing was written",
    ):
        console.print(Text(printable(line)), soft_wrap=True)


def plan_json(plan: "SweepPlan") -> dict[str, Any]:
    """The plan as a JSON value."""
    runs = [{**asdict(run), "run": str(run.run) if run.run else None} for run in plan.runs]
    return {
        "runs": runs,
        "output": str(plan.output),
        "n_missing": plan.n_missing,
        "seconds": plan.seconds,
        "n_bytes": plan.n_bytes,
        "n_bytes_free": plan.n_bytes_free,
    }


def _planned_line(run: "PlannedRun") -> str:
    what = f"cannot be made: {one_line(run.problem, limit=300)}" if run.problem else _step(run)
    what += f" → {one_line(run.mend, limit=300)}" if run.mend else ""
    known = run.n_requests is not None and run.n_missing is not None
    many = f"; {run.n_missing:,} of {run.n_requests:,} requests" if known else "; how many requests is not known"
    if run.problem:
        many = ""
    time = (
        "" if not run.n_missing else f"; {estimated(run.seconds) if run.seconds is not None else 'time'} {run.estimate}"
    )
    return f"{run.title} on {run.benchmark} at {run.base_url}: {what}{many}{time}"


def _step(run: "PlannedRun") -> str:
    if run.step == "keep":
        return "finished; its failed samples are asked again" if run.n_missing else "finished, and kept"
    return _WORDS[run.found, run.step]


def print_outcomes(outcomes: "Sequence[SweepOutcome]", console: "Console") -> None:
    """Print a table of what came of every run, and below it each error in a line."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for header in ("Model", "Benchmark", "State"):
        table.add_column(header, overflow="fold")
    for header in ("n", "Failed", "Main score", "Seconds"):
        table.add_column(header, justify="right", no_wrap=True)
    for one in outcomes:
        results = one.run.results if one.run else None
        cells = [
            one.title,
            one.benchmark_name,
            one.state,
            NOTHING if results is None else str(results.n),
            NOTHING if results is None else str(results.n_failed),
            main_score(one),
            f"{one.seconds:.1f}",
        ]
        table.add_row(*(Text(printable(cell)) for cell in cells), style="" if one.error is None else "bold")
    console.print(table)
    for one in outcomes:
        if one.error is not None:
            told = f"{one.title} on {one.benchmark_name} failed: {one_line(without_log(one.error.message), limit=300)}"
            console.print(Text(printable(told)), soft_wrap=True)


def without_log(message: str) -> str:
    """A message in one line, without the lines of a server's log in it."""
    return "; ".join(line.strip() for line in message.splitlines() if not line.startswith(LOG_MARK))


def main_score(outcome: "SweepOutcome") -> str:
    """The value that the benchmark is ranked by; a dash where there is none."""
    results = outcome.run.results if outcome.run else None
    if results is None or results.rank_by is None:
        return NOTHING
    found = results.metrics[results.rank_by]
    return NOTHING if found.value is None else f"{number(found.value, found.unit)} {unit_sign(found.unit)}".rstrip()


def megabytes(n: int) -> str:
    """A size on a disk."""
    return f"{n / 1e9:.1f} GB" if n >= 1e9 else f"{n / 1e6:.1f} MB"
