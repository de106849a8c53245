"""What the columns of a board lack: metrics that no run has a value of, and the model that would lower others."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from peakbench.leaderboards.rows import BoardMetric
from peakbench.leaderboards.wording import listing, one_line

if TYPE_CHECKING:
    from peakbench.leaderboards.entries import BoardEntry

_WITHOUT_INFERENCE = "nli=none"
"""In the signature of a metric that would be lowered where an answer contradicts its reference."""


def lacking_notes(entries: "Sequence[BoardEntry]", columns: Sequence[BoardMetric]) -> list[str]:
    """Say below the table why a column holds dashes alone, with the command that fills it, and what was not applied."""
    notes = []
    unlowered = []
    for column in columns:
        if column.slice:
            continue
        found = [entry.results.metrics[column.id] for entry in entries if column.id in entry.results.metrics]
        reasons = dict.fromkeys(reason for result in found for reason in result.undefined)
        if found and reasons and all(result.value is None for result in found):
            notes.append(f"{column.title} is undefined for every run: {one_line(next(iter(reasons)), limit=300)}.")
        elif any(_WITHOUT_INFERENCE in result.signature for result in found):
            unlowered.append(column.title)
    if unlowered:
        verb = "is" if len(unlowered) == 1 else "are"
        notes.append(
            f"{listing(unlowered)} {verb} not lowered for contradictions ({_WITHOUT_INFERENCE}); "
            "for that: `peakbench metrics fetch nli`, then `peakbench score` the runs again."
        )
    return notes
