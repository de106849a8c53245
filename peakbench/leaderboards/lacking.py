"""What the columns of a board lack: metrics that runs have no value of, and the model that would lower others."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from peakbench.leaderboards.rows import BoardMetric
from peakbench.leaderboards.wording import listing, one_line

if TYPE_CHECKING:
    from peakbench.leaderboards.entries import BoardEntry

_WITHOUT_INFERENCE = "nli=none"
"""In the signature of a metric that would be lowered where an answer contradicts its reference."""
_NAMED = 3
"""So many runs are named; of more, how many there are."""


def lacking_notes(entries: "Sequence[BoardEntry]", columns: Sequence[BoardMetric]) -> list[str]:
    """Say below the table why a column holds dashes, with the command that fills it, and what was not applied."""
    notes = []
    unlowered = []
    missing: dict[tuple[str, str], list[str]] = {}
    """Runs without a value, and why, to the titles of the columns."""
    for column in columns:
        if column.slice:
            continue
        found = [entry.results.metrics[column.id] for entry in entries if column.id in entry.results.metrics]
        reasons = dict.fromkeys(reason for result in found for reason in result.undefined)
        if found and reasons and all(result.value is None for result in found):
            notes.append(f"{column.title} is undefined for every run: {one_line(next(iter(reasons)), limit=300)}.")
            continue
        without = [entry for entry in entries if _whole_run_lacks(entry, column)]
        for reason in {_reason(entry, column): None for entry in without}:
            named = [entry.facts.title for entry in without if _reason(entry, column) == reason]
            missing.setdefault((_names(named), reason), []).append(column.title)
        if any(_WITHOUT_INFERENCE in result.signature for result in found):
            unlowered.append(column.title)
    for (runs, reason), titles in missing.items():
        verb = "is" if len(titles) == 1 else "are"
        notes.append(f"{listing(titles)} {verb} undefined for {runs}: {reason}.")
    if unlowered:
        verb = "is" if len(unlowered) == 1 else "are"
        notes.append(
            f"{listing(unlowered)} {verb} not lowered for contradictions ({_WITHOUT_INFERENCE}); "
            "for that: `peakbench metrics fetch nli`, then `peakbench score` the runs again."
        )
    return notes


def _whole_run_lacks(entry: "BoardEntry", column: BoardMetric) -> bool:
    """Whether a run has no value where another has one."""
    result = entry.results.metrics.get(column.id)
    return result is not None and result.value is None and bool(result.undefined)


def _reason(entry: "BoardEntry", column: BoardMetric) -> str:
    return one_line(next(iter(entry.results.metrics[column.id].undefined)), limit=300)


def _names(titles: list[str]) -> str:
    if len(titles) > _NAMED:
        return f"{len(titles)} runs"
    return listing([one_line(title) for title in titles])
