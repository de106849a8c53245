"""The board's data: comparable runs, ranked.

Ranks are competition ranks (1, 2, 2, 4) by the value that the benchmark is ranked by. Floors stand where their value
puts them and have no rank; a model of which too many requests failed, or whose value is undefined, is listed at the
end with the reason. What is comparable and what is not was decided when the runs were scored (`Results.comparable`);
here it is enforced.

Where a benchmark declares nothing to rank by, the runs are listed: models by name, floors and references below them.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from peakbench.errors import BadInputError, NotComparableError
from peakbench.leaderboards.breakdowns import breakdowns
from peakbench.leaderboards.entries import BoardEntry
from peakbench.leaderboards.findings import descriptions, findings, notes
from peakbench.leaderboards.lacking import lacking_notes
from peakbench.leaderboards.references import check_lines, missing_notes, reference_rows
from peakbench.leaderboards.rows import Board, BoardMetric, BoardRow, BoardValue, ReferenceLine
from peakbench.leaderboards.wording import PERCENT_UNITS, one_line, plural, share
from peakbench.runs.results import Direction, Result, Results

if TYPE_CHECKING:
    from peakbench.metrics.definitions import MetricDefinition

_SAME = 12
"""Decimals to which values must agree to share a rank: sums of the same scores in another order differ by rounding."""

_PARSE_RATES = {"json_parse_rate_extracted": "JSON parse rate", "json_parse_rate_strict": "JSON parse rate, strict"}
"""Metrics that tables show beside the columns, with their titles where the headline metrics do not hold them."""
_CEILING = "oracle"


def build_board(
    entries: Sequence[BoardEntry],
    definitions: "Sequence[MetricDefinition]",
    max_error_rate: float = 0.01,
    now: datetime | None = None,
    reference_lines: Sequence[ReferenceLine] = (),
) -> Board:
    """Rank comparable runs, or list them by name where the benchmark declares nothing to rank by.

    Args:
        entries: A run each; at least one. Two runs of one model are two rows (see `newest_entries`). On a board that
            is not ranked, floors keep their order.
        definitions: Of all metrics, for their titles and ranges. Those that are headlines get a column, in this order.
            The metric that the benchmark is ranked by comes first, headline or not; those without results are left
            out, and so are timings and parse rates, which have columns of their own.
        max_error_rate: Share of failed samples, 0..1, above which a model is not ranked.
        now: Written on the board when given; without it, equal input makes equal bytes at any time.
        reference_lines: Values that the benchmark states to compare with; those of one name share a row. What they are
            of gets a column, unless no run has it: then a note says so.

    Raises:
        BadInputError: If there are no entries, or a reference line is stated twice or outside its metric's range.
        NotComparableError: If they differ in what has to agree; the message names the keys and the runs on each side.
    """
    if not entries:
        raise BadInputError("a board needs at least one scored run", mend="make one with `peakbench run`")
    _require_comparable(entries)
    rank_by = entries[0].results.rank_by
    columns = _columns(entries, definitions, rank_by, reference_lines)
    rates = [
        _metric(entries, definitions, name, "")
        for i, name in enumerate(_PARSE_RATES)
        if i == 0 or _has(entries, name, "")
    ]
    stated = {column.key: column for column in [*columns, *rates] if _has(entries, column.id, column.slice)}
    check_lines(reference_lines, stated)
    rows = [_row(entry, columns, rank_by, max_error_rate) for entry in entries]
    rows += reference_rows(reference_lines, stated, rank_by)
    rows = _told_apart(_listed(rows) if rank_by is None else _ranked(rows, rank_by, columns[0].direction))
    board = Board(
        benchmark=one_line(entries[0].results.benchmark),
        rank_by=rank_by,
        columns=columns,
        rates=rates,
        comparable=entries[0].results.comparable,
        max_error_rate=max_error_rate,
        created=None if now is None else now.isoformat(timespec="seconds"),
        findings=[],
        notes=[],
        descriptions=[],
        rows=rows,
        breakdowns=breakdowns(entries, rows, columns),
    )
    return board.model_copy(
        update={
            "findings": findings(board),
            "notes": [*notes(board), *lacking_notes(entries, columns), *missing_notes(reference_lines, stated)],
            "descriptions": descriptions(board),
        }
    )


def _require_comparable(entries: Sequence[BoardEntry]) -> None:
    """Refuse runs that differ in what has to agree."""
    sides = [{**entry.results.comparable, "rank_by": entry.results.rank_by or "nothing"} for entry in entries]
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
        mend = "make a board of each side, or run the models again on the same benchmark, data and metrics"
        if differing == ["metrics"]:
            mend = "score them all by one registry: peakbench score RUNS…, with the --metrics that the board is given"
        raise NotComparableError(
            "\n".join([f"these runs do not belong in one table; they differ in {', '.join(differing)}:", *lines]),
            mend=mend,
        )


def _short(value: str) -> str:
    """A digest's first digits; other values whole."""
    digits = len(value) >= 32 and all(char in "0123456789abcdef" for char in value)
    return value[:12] if digits else one_line(value)


def _columns(
    entries: Sequence[BoardEntry],
    definitions: "Sequence[MetricDefinition]",
    rank_by: str | None,
    lines: Sequence[ReferenceLine],
) -> list[BoardMetric]:
    """The metric that ranks, the other headline metrics, and what references are of; those that have results."""
    wanted = [] if rank_by is None else [(rank_by, "")]
    wanted += [(one.id, "") for one in definitions if one.headline and not one.is_timing and one.id not in _PARSE_RATES]
    wanted += [(line.metric, line.slice) for line in lines if line.slice or line.metric not in _PARSE_RATES]
    return [
        _metric(entries, definitions, name, part)
        for name, part in dict.fromkeys(wanted)
        if (name, part) == (rank_by, "") or _has(entries, name, part)
    ]


def _has(entries: Sequence[BoardEntry], name: str, part: str) -> bool:
    """Whether any run has a result for this metric, or for this slice of it."""
    found = [entry.results.metrics[name] for entry in entries if name in entry.results.metrics]
    return any(not part or part in result.slices for result in found)


def _metric(
    entries: Sequence[BoardEntry], definitions: "Sequence[MetricDefinition]", name: str, part: str
) -> BoardMetric:
    result = next((entry.results.metrics[name] for entry in entries if name in entry.results.metrics), None)
    definition = next((one for one in definitions if one.id == name), None)
    title = definition.title if definition else _PARSE_RATES.get(name, name)
    unit = result.unit if result else "fraction"
    return BoardMetric(
        id=name,
        title=one_line(f"{title}, {part}" if part else title),
        unit=unit,
        direction=result.direction if result else "higher",
        range=definition.range if definition else (0.0, 1.0 if unit in PERCENT_UNITS else None),
        interval=result.interval if result else "none",
        clusters=sum(each.startswith("cluster=") for each in result.slices) if result else 0,
        slice=part,
    )


def _row(entry: BoardEntry, columns: Sequence[BoardMetric], rank_by: str | None, max_error_rate: float) -> BoardRow:
    results, facts = entry.results, entry.facts
    kind: Literal["model", "floor", "ceiling"] = "model"
    if results.kind == "floor":
        kind = "ceiling" if results.model.rpartition("/")[2] == _CEILING else "floor"
    performance = results.performance
    throughput = performance.request_throughput if performance else None
    measured: dict[str, Result] = dict(results.metrics)
    for column in columns:
        if column.slice and column.id in results.metrics and column.slice in results.metrics[column.id].slices:
            measured[column.key] = results.metrics[column.id].slices[column.slice]
    return BoardRow(
        kind=kind,
        rank=None,
        unranked=None if rank_by is None else _no_place(results, rank_by, max_error_rate),
        model=one_line(results.model),
        title=one_line(facts.title),
        run_id=one_line(results.run_id),
        metrics={
            name: BoardValue(value=result.value, ci=result.ci, n=result.n, n_defined=result.n_defined)
            for name, result in measured.items()
        },
        n=results.n,
        repeats=results.repeats,
        n_failed=results.n_failed,
        n_unparsed=results.n_unparsed,
        n_truncated=results.n_truncated,
        warnings=[one_line(warning, limit=400) for warning in results.warnings],
        throughput=None if throughput is None else throughput / results.repeats,
        median_e2el_ms=performance.median_e2el_ms if performance else None,
        median_ttft_ms=performance.median_ttft_ms if performance else None,
        max_concurrency=performance.max_concurrency if performance else [],
        architecture=_fact(facts.architecture),
        parameters=_fact(facts.parameters),
        training=_fact(facts.training),
        quantization=_fact(facts.quantization),
        hub_id=_fact(facts.hub_id),
        started=facts.started,
        hardware=_fact(facts.hardware),
        answers=facts.answers,
        server=_fact(facts.server),
        note=one_line(facts.note, limit=300),
        superseded=facts.superseded,
    )


def _no_place(results: Results, rank_by: str, max_error_rate: float) -> str | None:
    """Why a run has no place by its value; None when it has one."""
    if results.n_failed > max_error_rate * results.n:
        return (
            f"{share(results.n_failed, results.n)} of {plural(results.n, 'sample')} failed, "
            f"more than the allowed {100 * max_error_rate:g} %"
        )
    found = results.metrics.get(rank_by)
    return f"{rank_by} is undefined" if found is None or found.value is None else None


def _fact(text: str | None) -> str | None:
    return one_line(text) if text else None


def _ranked(rows: list[BoardRow], rank_by: str, direction: Direction) -> list[BoardRow]:
    """Rows in the order of the board, with their ranks; equal values by name, rows without a place last."""

    def merit(row: BoardRow) -> float:
        value = row.metrics[rank_by].value
        assert value is not None
        return round(value if direction == "higher" else -value, _SAME)

    placed = sorted(
        (row for row in rows if row.unranked is None),
        key=lambda row: (-merit(row), row.kind != "model", *_by_name(row)),
    )
    merits = [merit(row) for row in placed if row.kind == "model"]
    out = [
        row.model_copy(update={"rank": 1 + sum(other > merit(row) for other in merits)}) if row.kind == "model" else row
        for row in placed
    ]
    without = sorted(
        (row for row in rows if row.unranked is not None),
        key=lambda row: (row.kind != "model", row.kind == "reference", *_by_name(row)),
    )
    return [*out, *without]


def _listed(rows: list[BoardRow]) -> list[BoardRow]:
    """Models by name, and below them floors and references as they came."""
    models = sorted((row for row in rows if row.kind == "model"), key=_by_name)
    return [*models, *(row for row in rows if row.kind != "model")]


def _by_name(row: BoardRow) -> tuple[str, str, str]:
    return row.title.casefold(), row.title, row.run_id or ""


def _told_apart(rows: list[BoardRow]) -> list[BoardRow]:
    """Rows with titles that stand once on the board: a doubled one gets its run's name."""
    doubled = {row.title for row in rows if sum(other.title == row.title for other in rows) > 1}
    return [
        row.model_copy(update={"title": f"{row.title} ({row.run_id or row.kind})"}) if row.title in doubled else row
        for row in rows
    ]
