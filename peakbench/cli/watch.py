"""Watching a job from the command line: lines and live progress on stderr; results on stdout."""

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from peakbench.cli.console import error_console, output_console, print_json, say
from peakbench.terminal import printable

if TYPE_CHECKING:
    from peakbench.jobs.run import RunOutcome
    from peakbench.jobs.watching import Watching
    from peakbench.metrics.registry import Registry


@contextmanager
def watching(title: str, *, quiet: bool) -> "Iterator[Watching]":
    """Progress of one model's run."""
    from peakbench.jobs.watching import Watching
    from peakbench.runners.progress import Progress

    with Progress(title, error_console(), quiet=quiet) as progress:
        yield Watching(say=(lambda _: None) if quiet else say, show=progress.show)


_BESIDE = ("json_parse_rate_strict", "truncation_rate", "failure_rate", "throughput", "median_e2el_ms", "p99_e2el_ms")
"""What a person wants to see beside the headline metrics; everything is in `results.json`."""

_STREAMED = ("median_ttft_ms", "p99_ttft_ms", "median_tpot_ms", "median_itl_ms", "p99_itl_ms")
"""Of performance, what there is only where answers were streamed."""


def report(outcome: "RunOutcome", registry: "Registry", *, as_json: bool) -> None:
    """Print what a run scored: what it is ranked by, the other headline metrics, and where everything lies."""
    results = outcome.results
    if as_json:
        print_json({"run": str(outcome.folder.path), "results": results.model_dump(mode="json")})
        return
    console = output_console()
    often = f", each asked {results.repeats} times" if results.repeats > 1 else ""
    console.print(Text(printable(f"{results.model} on {results.benchmark}, {results.n} samples{often}"), style="bold"))
    headline = [definition.id for definition in registry.definitions if definition.headline]
    of_repeats = ["consistency_exact"] if results.repeats > 1 else []
    for name in dict.fromkeys([results.rank_by or "", *headline, *of_repeats, *_BESIDE]):
        if name in results.metrics:
            ranks = "  ← ranks" if name == results.rank_by else ""
            console.print(Text(f"  {name:<28} {_shown(results.metrics[name])}{ranks}"), soft_wrap=True)
    for name in _STREAMED:
        value = getattr(results.performance, name, None)
        if value is not None:
            console.print(Text(f"  {name:<28} {value:.1f} ms"), soft_wrap=True)
    for warning in results.warnings:
        console.print(Text(printable(f"  warning: {warning}"), style="bold"), soft_wrap=True)
    for kind, count in outcome.folder.failure_kinds().items():
        console.print(Text(f"  failed: {count} × {kind}"))
    console.print(Text(f"run folder: {outcome.folder.path}"), soft_wrap=True)


def _shown(metric: Any) -> str:
    if metric.value is None:
        return f"undefined ({', '.join(metric.undefined)})" if metric.undefined else "undefined"
    percent = metric.unit == "fraction"

    def number(value: float) -> str:
        return f"{100 * value:.1f} %" if percent else f"{value:.1f} {metric.unit}"

    interval = f"  [{number(metric.ci[0])}, {number(metric.ci[1])}]" if metric.ci else ""
    return number(metric.value) + interval


def next_step(output: Path) -> None:
    """Say how runs become a board."""
    output_console().print(Text(f"next: peakbench leaderboard {shlex.quote(str(output))} -o board"), soft_wrap=True)


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
