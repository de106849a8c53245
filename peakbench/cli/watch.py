"""Watching a job from the command line: lines and live progress on stderr; results on stdout."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.text import Text

from peakbench.cli.console import error_console, output_console, print_json, say
from peakbench.terminal import printable

if TYPE_CHECKING:
    from peakbench.jobs.run import RunOutcome, Watching


@contextmanager
def watching(title: str, *, quiet: bool) -> "Iterator[Watching]":
    """Progress of one model's run."""
    from peakbench.jobs.run import Watching
    from peakbench.runners.progress import Progress

    with Progress(title, error_console(), quiet=quiet) as progress:
        yield Watching(say=(lambda _: None) if quiet else say, show=progress.show)


def report(outcome: "RunOutcome", *, as_json: bool) -> None:
    """Print what a run scored: the headline metrics with their intervals, and where everything lies."""
    results = outcome.results
    if as_json:
        print_json({"run": str(outcome.folder.path), "results": results.model_dump(mode="json")})
        return
    console = output_console()
    console.print(Text(printable(f"{results.model} on {results.benchmark}, {results.n} samples"), style="bold"))
    for name, metric in results.metrics.items():
        console.print(Text(f"  {name:<28} {_shown(metric)}"))
    for count, word in (
        (results.n_failed, "failed"),
        (results.n_unparsed, "unparsed"),
        (results.n_truncated, "truncated"),
    ):
        if count:
            console.print(Text(f"  {count} of {results.n} {word}"))
    console.print(Text(f"run folder: {outcome.folder.path}"), soft_wrap=True)


def _shown(metric: Any) -> str:
    if metric.value is None:
        return "undefined"
    percent = metric.unit == "fraction"

    def number(value: float) -> str:
        return f"{100 * value:.1f} %" if percent else f"{value:.1f} {metric.unit}"

    interval = f"  [{number(metric.ci[0])}, {number(metric.ci[1])}]" if metric.ci else ""
    return number(metric.value) + interval


def check_error_rate(outcomes: "Sequence[RunOutcome]", max_error_rate: float, command: str) -> None:
    """Fail when more samples failed than may.

    Raises:
        TooManyFailuresError: Naming each run and its share.
    """
    from peakbench.errors import TooManyFailuresError

    over = [one.results for one in outcomes if one.results.n_failed > max_error_rate * one.results.n]
    if over:
        told = "\n".join(f"{one.model}: {one.n_failed} of {one.n} samples failed" for one in over)
        raise TooManyFailuresError(
            f"{told}; at most {max_error_rate:.1%} may (--max-error-rate)",
            mend=f"ask those again: {command} --resume --retry-failed",
        )
