"""The board's data: comparable runs, ranked.

Ranks are competition ranks (1, 2, 2, 4) by the value that the benchmark is ranked by. Floors stand where their value
puts them and have no rank; a model of which too many requests failed, or whose value is undefined, is listed at the
end with the reason. What is comparable and what is not was decided when the runs were scored (`Results.comparable`);
here it is enforced.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from peakbench.errors import BadInputError, NotComparableError
from peakbench.leaderboards.entries import BoardEntry
from peakbench.leaderboards.findings import descriptions, findings, notes
from peakbench.leaderboards.rows import Board, BoardMetric, BoardRow, BoardValue
from peakbench.leaderboards.wording import one_line, plural, share
from peakbench.runs.results import Direction

if TYPE_CHECKING:
    from peakbench.metrics.definitions import MetricDefinition

_SAME = 12
"""Decimals to which values must agree to share a rank: sums of the same scores in another order differ by rounding."""

_PARSE_RATES = ("json_parse_rate_extracted", "json_parse_rate_strict")
_CEILING = "oracle"


def build_board(
    entries: Sequence[BoardEntry],
    headline: "Sequence[MetricDefinition]",
    max_error_rate: float = 0.01,
    now: datetime | None = None,
) -> Board:
    """Rank comparable runs.

    Args:
        entries: A run each; at least one. Two runs of one model are two rows (see `newest_entries`).
        headline: Definitions of the metrics that get a column of their own, in order. The metric that the benchmark is
            ranked by comes first, whether it is among them or not; those without results are left out, and so are
            timings, which have columns of their own.
        max_error_rate: Share of failed samples, 0..1, above which a model is not ranked.
        now: Written on the board when given; without it, equal input makes equal bytes at any time.

    Raises:
        BadInputError: If there are no entries.
        NotComparableError: If they differ in what has to agree; the message names the keys and the runs on each side.
    """
    if not entries:
        raise BadInputError("a board needs at least one scored run", mend="make one with `peakbench run`")
    _require_comparable(entries)
    rank_by = entries[0].results.rank_by
    columns = _columns(entries, headline, rank_by)
    direction = columns[0].direction
    rows = _ranked([_row(entry, rank_by, max_error_rate) for entry in entries], rank_by, direction)
    board = Board(
        benchmark=one_line(entries[0].results.benchmark),
        rank_by=rank_by,
        columns=columns,
        comparable=entries[0].results.comparable,
        max_error_rate=max_error_rate,
        created=None if now is None else now.isoformat(timespec="seconds"),
        findings=[],
        notes=[],
        descriptions=[],
        rows=rows,
    )
    return board.model_copy(
        update={"findings": findings(board), "notes": notes(board), "descriptions": descriptions(board)}
    )


def _require_comparable(entries: Sequence[BoardEntry]) -> None:
    """Refuse runs that differ in what has to agree."""
    sides = [{**entry.results.comparable, "rank_by": entry.results.rank_by} for entry in entries]
    keys = sorted({key for side in sides for key in side})
    lines, differing = [], []
    for key in keys:
        groups: dict[str, list[str]] = {}
        for side, entry in zip(sides, entries, strict=True):
            run = f"{one_line(entry.results.model)} ({one_line(entry.facts.run_id)})"
            groups.setdefault(side.get(key, "not stated"), []).append(run)
        if len(groups) > 1:
            differing.append(key)
            lines += [f"  {key} {_short(value)}: {', '.join(runs)}" for value, runs in groups.items()]
    if differing:
        raise NotComparableError(
            "\n".join([f"these runs do not belong in one table; they differ in {', '.join(differing)}:", *lines]),
            mend="make a board of each side, or run the models again on the same benchmark, data and metrics",
        )


def _short(value: str) -> str:
    """A digest's first digits; other values whole."""
    digits = len(value) >= 32 and all(char in "0123456789abcdef" for char in value)
    return value[:12] if digits else one_line(value)


def _columns(entries: Sequence[BoardEntry], headline: "Sequence[MetricDefinition]", rank_by: str) -> list[BoardMetric]:
    """The metric that ranks, then the other headline metrics that have results."""
    definitions = {definition.id: definition for definition in headline if not definition.is_timing}
    wanted = [rank_by, *(name for name in definitions if name != rank_by and name not in _PARSE_RATES)]
    columns = []
    for name in wanted:
        result = next((entry.results.metrics[name] for entry in entries if name in entry.results.metrics), None)
        if result is None and name != rank_by:
            continue
        definition = definitions.get(name)
        columns.append(
            BoardMetric(
                id=name,
                title=definition.title if definition else name,
                unit=result.unit if result else "fraction",
                direction=result.direction if result else "higher",
                range=(definition.range[0], definition.range[1]) if definition else (0.0, 1.0),
                interval=result.interval if result else "none",
                clusters=sum(name.startswith("cluster=") for name in result.slices) if result else 0,
            )
        )
    return columns


def _row(entry: BoardEntry, rank_by: str, max_error_rate: float) -> BoardRow:
    results, facts = entry.results, entry.facts
    kind: Literal["model", "floor", "ceiling"] = "model"
    if results.kind == "floor":
        kind = "ceiling" if results.model.rpartition("/")[2] == _CEILING else "floor"
    performance = results.performance
    unranked = None
    ranked_value = results.metrics.get(rank_by)
    if results.n_failed > max_error_rate * results.n:
        unranked = (
            f"{share(results.n_failed, results.n)} of {plural(results.n, 'sample')} failed, "
            f"more than the allowed {100 * max_error_rate:g} %"
        )
    elif ranked_value is None or ranked_value.value is None:
        unranked = f"{rank_by} is undefined"
    throughput = performance.request_throughput if performance else None
    return BoardRow(
        kind=kind,
        rank=None,
        unranked=unranked,
        model=one_line(results.model),
        title=one_line(facts.title),
        run_id=one_line(results.run_id),
        metrics={
            name: BoardValue(value=result.value, ci=result.ci, n=result.n, n_defined=result.n_defined)
            for name, result in results.metrics.items()
        },
        n=results.n,
        repeats=results.repeats,
        n_failed=results.n_failed,
        n_unparsed=results.n_unparsed,
        n_truncated=results.n_truncated,
        throughput=None if throughput is None else throughput / results.repeats,
        median_e2el_ms=performance.median_e2el_ms if performance else None,
        max_concurrency=performance.max_concurrency if performance else [],
        architecture=_fact(facts.architecture),
        parameters=_fact(facts.parameters),
        training=_fact(facts.training),
        quantization=_fact(facts.quantization),
        hub_id=_fact(facts.hub_id),
        started=facts.started,
        hardware=_fact(facts.hardware),
        server=_fact(facts.server),
        note=one_line(facts.note, limit=300),
        superseded=facts.superseded,
    )


def _fact(text: str | None) -> str | None:
    return one_line(text) if text else None


def _ranked(rows: list[BoardRow], rank_by: str, direction: Direction) -> list[BoardRow]:
    """Rows in the order of the board, with their ranks; equal values by name, unranked rows last."""

    def merit(row: BoardRow) -> float:
        value = row.metrics[rank_by].value
        assert value is not None
        return round(value if direction == "higher" else -value, _SAME)

    placed = sorted(
        (row for row in rows if row.unranked is None),
        key=lambda row: (-merit(row), row.kind != "model", row.title.casefold(), row.title, row.run_id),
    )
    merits = [merit(row) for row in placed if row.kind == "model"]
    out = [
        row.model_copy(update={"rank": 1 + sum(other > merit(row) for other in merits)}) if row.kind == "model" else row
        for row in placed
    ]
    unranked = sorted(
        (row for row in rows if row.unranked is not None),
        key=lambda row: (row.kind != "model", row.title.casefold(), row.title, row.run_id),
    )
    doubled = {row.title for row in rows if sum(other.title == row.title for other in rows) > 1}
    return [
        row.model_copy(update={"title": f"{row.title} ({row.run_id})"}) if row.title in doubled else row
        for row in [*out, *unranked]
    ]
