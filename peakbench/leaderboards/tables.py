"""A board as Markdown for people, and as CSV and JSON for programs."""

import csv
import io
from collections.abc import Sequence

from peakbench.leaderboards.columns import Column, board_columns, fact_columns
from peakbench.leaderboards.reported import reported_markdown
from peakbench.leaderboards.rows import Board, BoardRow, Breakdown
from peakbench.leaderboards.wording import csv_text, markdown, number, unit_sign


def to_markdown(board: Board, picture: str | None = None) -> str:
    """The board as GitHub-flavoured Markdown: findings, table, notes, breakdowns, and what is known of the models.

    Args:
        board: The board.
        picture: Path of the chart, relative to the Markdown file; None for no chart.
    """
    parts = [f"# {markdown(board.benchmark)}", " ".join(markdown(sentence) for sentence in board.findings)]
    if picture is not None:
        parts.append(f"![Leaderboard of {markdown(board.benchmark)}]({picture})")
    parts.append(_table(board_columns(board), board.rows))
    parts.append("\n".join(f"- {markdown(note)}" for note in [*board.notes, *board.descriptions]))
    for breakdown in board.breakdowns:
        sign = unit_sign(breakdown.unit)
        title = f"{breakdown.title} ({sign})" if sign else breakdown.title
        parts += [f"## {markdown(title)}", _HOW_TO_READ.get(breakdown.metric, ""), _breakdown_table(breakdown)]
    models = [row for row in board.rows if row.kind == "model"]
    if models:
        parts += ["## Models", _table(fact_columns(), models)]
    parts += [reported_markdown(table) for table in board.reported]
    agreed = ", ".join(
        f"{markdown(key)} `{value[:12]}`" for key, value in sorted(board.comparable.items()) if _is_digest(value)
    )
    ending = [f"All runs agree in: {agreed}."] if agreed else []
    if board.created:
        ending.append(f"Made {markdown(board.created)}.")
    if ending:
        parts.append(" ".join(ending))
    return "\n\n".join(part for part in parts if part) + "\n"


def to_csv(board: Board) -> str:
    """The board as CSV: a row a run or reference, fractions in full, an empty cell where there is no value."""
    metrics = [metric.key for metric in board.columns]
    metrics += [name for row in board.rows for name in row.metrics]
    ids = list(dict.fromkeys(metrics))
    plain = [name for name in BOARD_ROW_KEYS if name != "metrics"]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    values = [f"{name}{part}" for name in ids for part in ("", "_low", "_high", "_n_defined")]
    writer.writerow([*plain, *(csv_text(name) for name in values)])
    for row in board.rows:
        cells: list[str | int | float | None] = [_csv_cell(getattr(row, name)) for name in plain]
        for name in ids:
            found = row.metrics.get(name)
            low, high = (None, None) if found is None or found.ci is None else found.ci
            cells += [None, None, None, None] if found is None else [found.value, low, high, found.n_defined]
        writer.writerow(cells)
    return out.getvalue()


def to_json(board: Board) -> str:
    """The board as JSON."""
    return board.model_dump_json(indent=2) + "\n"


BOARD_ROW_KEYS = ("rank", "kind", "title", *(k for k in BoardRow.model_fields if k not in ("rank", "kind", "title")))
"""Keys of a row in the order of the CSV's columns."""


def _csv_cell(value: object) -> str | int | float | None:
    if isinstance(value, list):
        return csv_text(" ".join(map(str, value)))
    if value is None or isinstance(value, int | float):
        return value
    return csv_text(str(value))


def _table(columns: Sequence[Column], rows: Sequence[BoardRow]) -> str:
    lines = [
        "| " + " | ".join(markdown(column.header) for column in columns) + " |",
        "|" + "|".join(" --- " if column.prose else " ---: " for column in columns) + "|",
    ]
    lines += ["| " + " | ".join(_cell(column, row) for column in columns) + " |" for row in rows]
    return "\n".join(lines)


_HOW_TO_READ = {
    "field_outcomes": "Shares of all fields of all samples.",
    "fabrication_rate": "Of the null references, the share for which an answer gives a value. Lower is better.",
    "omission_rate": "Of the references that hold a value, the share for which an answer gives none. Lower is better.",
}
"""What has to be known beside a breakdown's title, by metric."""

_OUTCOMES = {
    "tp": "Value right (TP)",
    "fd": "Value wrong (FD)",
    "fa": "Value invented (FA)",
    "fn": "Value left out (FN)",
    "tn": "Rightly null (TN)",
    "missing": "Key missing",
    "unparsed": "Unparsed",
}
"""The parts of the outcomes of fields, in words."""


_MOST_ACROSS = 12
"""More parts than this stand below one another, unless there are even more runs."""


def _breakdown_table(breakdown: Breakdown) -> str:
    """A run a row, or a part a row where a page is too narrow for the parts; floors and the ceiling are named so."""
    sizes = {part.n for part in breakdown.parts}
    names = [part.name if len(sizes) == 1 else f"{part.name} (n = {part.n})" for part in breakdown.parts]
    whole = "All"
    if breakdown.metric == "field_outcomes":
        names, whole = [_OUTCOMES.get(name, name) for name in names], "Right (TP, TN)"
    table = [["Run", whole, *names]]
    for row in breakdown.rows:
        title = row.title if row.kind == "model" else f"{row.title} ({row.kind})"
        table.append([title, *(number(value, breakdown.unit) for value in (row.value, *row.values))])
    if len(names) > max(_MOST_ACROSS, len(breakdown.rows)):
        table = [list(column) for column in zip(*table, strict=True)]
        table[0][0] = "Part"
    head, *body = table
    lines = [
        "| " + " | ".join(map(markdown, head)) + " |",
        "|" + "|".join([" --- ", *[" ---: "] * (len(head) - 1)]) + "|",
    ]
    lines += ["| " + " | ".join([markdown(first), *values]) + " |" for first, *values in body]
    return "\n".join(lines)


def _cell(column: Column, row: BoardRow) -> str:
    return markdown(column.cell(row)) if column.prose else column.cell(row)


def _is_digest(value: str) -> bool:
    return len(value) >= 12 and all(char in "0123456789abcdef" for char in value)
