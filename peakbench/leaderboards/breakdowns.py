"""Where models are right and wrong: a metric's values field by field and cluster by cluster, and what became of fields.

One number ranks; these tables say why. They are made of the slices that `results.json` holds for every run.
"""

from collections.abc import Mapping, Sequence

from peakbench.leaderboards.entries import BoardEntry
from peakbench.leaderboards.rows import BoardMetric, BoardRow, Breakdown, BreakdownPart, BreakdownRow
from peakbench.leaderboards.wording import one_line
from peakbench.runs.results import MetricResult, Result

MOST_CLUSTERS = 12
"""More clusters than this make no table that anybody reads; `results.json` has them all."""

Runs = Sequence[tuple[BoardRow, Mapping[str, MetricResult]]]
"""Rows of the board, each with the metrics of its run."""

_CLUSTER = "cluster"
_OUTCOMES = "field_outcomes"
_RATES = {"fabrication_rate": "Fabrication rate", "omission_rate": "Omission rate"}
"""Metrics that are shown by field beside the headline metric, with their titles."""


def breakdowns(
    entries: Sequence[BoardEntry], rows: Sequence[BoardRow], columns: Sequence[BoardMetric]
) -> list[Breakdown]:
    """The tables of a board's runs.

    Args:
        entries: The runs.
        rows: The rows of the board, in its order; references, which have no run, are left out.
        columns: The metrics of the board.

    Returns:
        For fields, and for labels, the first column that has values for them; the rates of invented and omitted values
        by field; the outcomes of fields; and the first column by cluster, where there are at most `MOST_CLUSTERS`.
        Only what runs have.
    """
    by_run = {(one_line(entry.results.model), one_line(entry.results.run_id)): entry for entry in entries}
    runs = [(row, by_run[row.model, row.run_id].results.metrics) for row in rows if row.run_id is not None]
    whole = [column for column in columns if not column.slice]
    made = []
    for kind in dict.fromkeys(_kind(name) for _, metrics in runs for one in metrics.values() for name in one.slices):
        tables = [_of_slices(runs, column.id, column.title, kind) for column in whole]
        first = next((table for table in tables if table is not None), None)
        if first is not None and kind != _CLUSTER:
            made.append(first)
    made += [table for name, title in _RATES.items() if (table := _of_slices(runs, name, title, "field"))]
    if outcomes := _of_outcomes(runs):
        made.append(outcomes)
    clusters = _of_slices(runs, whole[0].id, whole[0].title, _CLUSTER) if whole else None
    if clusters is not None and len(clusters.parts) <= MOST_CLUSTERS:
        made.append(clusters)
    return made


def _kind(name: str) -> str:
    """What a slice is of: `field` for `field=type`."""
    return name.partition("=")[0]


def _of_slices(runs: Runs, metric: str, title: str, kind: str) -> Breakdown | None:
    """A metric's slices of one kind, those that any run has a value for; None without any."""
    results = [(row, metrics.get(metric)) for row, metrics in runs]
    found: dict[str, Result] = {}
    for _, result in results:
        for name, part in result.slices.items() if result else ():
            if _kind(name) == kind and part.value is not None:
                found.setdefault(name, part)
    if not found:
        return None
    known = next(result for _, result in results if result is not None)
    return Breakdown(
        metric=metric,
        title=f"{title} by {kind}",
        unit=known.unit,
        direction=known.direction,
        parts=[BreakdownPart(name=one_line(name.partition("=")[2]), n=found[name].n) for name in sorted(found)],
        rows=[
            BreakdownRow(
                title=row.title,
                kind=row.kind,
                value=result.value if result else None,
                values=[_value(result, name) for name in sorted(found)],
            )
            for row, result in results
        ],
    )


def _value(result: MetricResult | None, name: str) -> float | None:
    part = result.slices.get(name) if result else None
    return part.value if part else None


def _of_outcomes(runs: Runs) -> Breakdown | None:
    """Shares of what became of the fields of all samples; None where no run counts them."""
    results = [(row, metrics.get(_OUTCOMES)) for row, metrics in runs]
    known = next((result for _, result in results if result is not None and result.counts), None)
    if known is None:
        return None
    names = list(known.counts)
    rows = []
    for row, result in results:
        counts = result.counts if result else {}
        total = sum(counts.values())
        shares = [counts.get(name, 0.0) / total if total else None for name in names]
        rows.append(BreakdownRow(title=row.title, kind=row.kind, value=result.value if result else None, values=shares))
    return Breakdown(
        metric=_OUTCOMES,
        title="What became of the fields",
        unit="fraction",
        direction=known.direction,
        parts=[BreakdownPart(name=name, n=known.n) for name in names],
        rows=rows,
    )
