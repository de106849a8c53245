"""Reference lines as rows of a board: values to compare with that a benchmark states, with no run behind them."""

import math
from collections.abc import Mapping, Sequence

from peakbench.errors import BadInputError
from peakbench.leaderboards.rows import BoardMetric, BoardRow, BoardValue, ReferenceLine
from peakbench.leaderboards.wording import one_line


def check_lines(lines: Sequence[ReferenceLine], stated: Mapping[str, BoardMetric]) -> None:
    """Refuse lines that cannot be right.

    Args:
        lines: As the benchmark declares them.
        stated: What runs of the board have, by key.

    Raises:
        BadInputError: If two lines of one name state the same, or a value is outside its metric's range.
    """
    seen = set()
    for line in lines:
        what = f"reference line `{one_line(line.name)}`, {one_line(_key(line))}"
        if (one_line(line.name), _key(line)) in seen:
            raise BadInputError(f"{what}: it is stated twice", mend="give each line a name of its own, or drop one")
        seen.add((one_line(line.name), _key(line)))
        metric = stated.get(_key(line))
        if metric is None:
            continue
        low, high = metric.range
        bottom, top = -math.inf if low is None else low, math.inf if high is None else high
        if not bottom <= line.value <= top:  # NaN is in no range
            raise BadInputError(
                f"{what}: {line.value} is outside the metric's range [{bottom:g}, {top:g}]",
                mend="write a fraction, not percent: 0.92 for 92 %" if high == 1 else "write it in the metric's unit",
            )


def reference_rows(
    lines: Sequence[ReferenceLine], stated: Mapping[str, BoardMetric], rank_by: str | None
) -> list[BoardRow]:
    """A row for each name, in the order in which names are first given; only what is stated is filled in.

    Args:
        lines: As the benchmark declares them, checked.
        stated: What runs of the board have, by key; lines of anything else are left out.
        rank_by: The metric that ranks; a row that does not state it has no place by value.
    """
    groups: dict[str, list[ReferenceLine]] = {}
    for line in lines:
        if _key(line) in stated:
            groups.setdefault(one_line(line.name), []).append(line)
    rows = []
    for name, group in groups.items():
        values = {_key(line): BoardValue(value=line.value, ci=None, n=None, n_defined=None) for line in group}
        noted = dict.fromkeys(one_line(line.note, limit=300) for line in group if line.note)
        rows.append(
            BoardRow(
                kind="reference",
                rank=None,
                unranked=None if rank_by is None or rank_by in values else f"it states no {rank_by}",
                model=name,
                title=name,
                run_id=None,
                metrics=values,
                n=None,
                repeats=None,
                n_failed=None,
                n_unparsed=None,
                n_truncated=None,
                throughput=None,
                median_e2el_ms=None,
                max_concurrency=[],
                architecture=None,
                parameters=None,
                training=None,
                quantization=None,
                hub_id=None,
                started="",
                hardware=None,
                answers="",
                server=None,
                note="; ".join(noted),
                superseded=0,
            )
        )
    return rows


def missing_notes(lines: Sequence[ReferenceLine], stated: Mapping[str, BoardMetric]) -> list[str]:
    """A line for each reference that has nothing on the board to be compared with."""
    return [
        f"The reference {one_line(line.name)} is not shown for {one_line(_key(line))}: no run has a result for it."
        for line in lines
        if _key(line) not in stated
    ]


def _key(line: ReferenceLine) -> str:
    """As `BoardMetric.key`."""
    return f"{line.metric}[{line.slice}]" if line.slice else line.metric
