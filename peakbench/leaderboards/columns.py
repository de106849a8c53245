"""The columns that every table of a board shares, whatever it is written in."""

from collections.abc import Callable
from dataclasses import dataclass

from peakbench.leaderboards.rows import Board, BoardMetric, BoardRow
from peakbench.leaderboards.wording import NOT_PUBLISHED, NOTHING, duration, number, unit_sign


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a printed table.

    Attributes:
        header: With the unit.
        cell: A row's text, not escaped.
        prose: Whether it holds names and words that people gave (to the left, and to be escaped) or numbers.
        importance: A narrow table drops the lowest first; None is never dropped.
        brief: A shorter header for where there is little room; the header itself when empty.
    """

    header: str
    cell: Callable[[BoardRow], str]
    prose: bool = False
    importance: int | None = None
    brief: str = ""


def board_columns(board: Board) -> list[Column]:
    """The columns of the board, from left to right; one that would be empty in every row is left out."""
    ranking = board.columns[:1] if board.rank_by is not None else []
    others = board.columns[len(ranking) :]
    columns = [
        Column("Rank", rank_cell),
        Column("Model", lambda row: row.title, prose=True),
        *(Column(_header(metric), _with_interval(metric)) for metric in ranking),
        *(Column(_header(metric), _with_interval(metric), importance=40 - i) for i, metric in enumerate(others)),
        Column("JSON (%)", _rate("json_parse_rate_extracted"), importance=70),
        Column("Strict JSON (%)", _rate("json_parse_rate_strict"), importance=58, brief="Strict (%)"),
        Column("Truncated (%)", _of_models(lambda row: _share(row.n_truncated, row.n)), importance=57, brief="Cut (%)"),
        Column("Failed (%)", _of_models(lambda row: _share(row.n_failed, row.n)), importance=60),
        Column("n", size, importance=80 if len(sizes(board)) > 1 else 10),
        Column("Samples/s", lambda row: _per_second(row.throughput), importance=55),
        Column("Median latency", lambda row: duration(row.median_e2el_ms), importance=20),
        Column("Median TTFT", lambda row: duration(row.median_ttft_ms), importance=19),
    ]
    return [
        column
        for column in columns
        if column.importance is None or any(column.cell(row) != NOTHING for row in board.rows)
    ]


def fact_columns() -> list[Column]:
    """What is known of each model, for a table of its own."""
    return [
        Column("Model", lambda row: row.title, prose=True),
        Column("Architecture", lambda row: row.architecture or NOT_PUBLISHED, prose=True),
        Column("Parameters", lambda row: row.parameters or NOT_PUBLISHED, prose=True),
        Column("Training", lambda row: row.training or NOT_PUBLISHED, prose=True),
        Column("Quantization", lambda row: row.quantization or NOT_PUBLISHED, prose=True),
        Column("Hub", lambda row: row.hub_id or NOT_PUBLISHED, prose=True),
        Column("Started", lambda row: row.started or NOTHING, prose=True),
        Column("Run", lambda row: row.run_id or NOTHING, prose=True),
    ]


def size(row: BoardRow) -> str:
    """Number of samples, with the repeats when there are any; a dash for a reference."""
    if row.n is None:
        return NOTHING
    return f"{row.n}" if row.repeats == 1 else f"{row.n} × {row.repeats}"


def sizes(board: Board) -> set[str]:
    """The different sizes of the runs."""
    return {size(row) for row in board.rows if row.n is not None}


def rank_cell(row: BoardRow) -> str:
    """The rank; `floor`, `ceiling` or `reference` for what has none; a dash for an unranked model."""
    if row.kind != "model":
        return row.kind
    return NOTHING if row.rank is None else str(row.rank)


def _header(metric: BoardMetric) -> str:
    sign = unit_sign(metric.unit)
    return f"{metric.title} ({sign})" if sign else metric.title


def _with_interval(metric: BoardMetric) -> Callable[[BoardRow], str]:
    def cell(row: BoardRow) -> str:
        found = row.metrics.get(metric.key)
        if found is None or found.value is None:
            return NOTHING
        text = number(found.value, metric.unit)
        if found.ci is not None:
            text += f" [{number(found.ci[0], metric.unit)}, {number(found.ci[1], metric.unit)}]"
        return text if found.n_defined == found.n else f"{text}, n = {found.n_defined}"

    return cell


def _rate(metric: str) -> Callable[[BoardRow], str]:
    def cell(row: BoardRow) -> str:
        found = row.metrics.get(metric)
        return NOTHING if found is None else number(found.value, "fraction")

    return cell


def _share(count: int | None, n: int | None) -> str:
    return number(count / n, "fraction") if count is not None and n else NOTHING


def _per_second(value: float | None) -> str:
    if value is None:
        return NOTHING
    return f"{value:.1f}" if value >= 1 else f"{value:.2g}"


def _of_models(cell: Callable[[BoardRow], str]) -> Callable[[BoardRow], str]:
    """A dash for floors and references, which nobody asked over a network."""
    return lambda row: cell(row) if row.kind == "model" else NOTHING
