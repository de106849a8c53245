"""What others report of their models, as they report it: read from a file, and shown apart from what was measured.

Reported values were made by somebody else's rules on somebody else's answers. They have no interval, are never ranked,
never stand in a table with measured ones, and keep the order of their source. A value that cannot be, such as a share
above 100 %, is shown as it was reported, and the board says so.

A file is JSON or YAML. Beside `source`, `benchmark` and facts of the models, a row holds any number of values whose
keys say what they are: `reported_NAME_pct` is percent, `reported_NAME_per_s` a second, `reported_NAME_ms` milliseconds,
and `reported_NAME` of any other name a plain number. Null, or no key, is not published.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from peakbench.errors import BadInputError
from peakbench.leaderboards.wording import NOT_PUBLISHED, markdown, number, one_line, plural
from peakbench.strict import StrictModel, read_yaml, validation_message

ReportedUnit = Literal["fraction", "1/s", "ms", ""]
PREFIX = "reported_"
"""Of the keys of values in a file."""
_UNITS: tuple[tuple[str, ReportedUnit], ...] = (("_pct", "fraction"), ("_per_s", "1/s"), ("_ms", "ms"))
HEADING = "Reported elsewhere, not measured here"


class ReportedRow(StrictModel):
    """What is reported of one model."""

    model: Annotated[str, Field(min_length=1)]
    hub_id: str | None = None
    architecture: str | None = None
    parameters: str | None = None
    training: str | None = None
    quantization: str | None = None
    values: dict[str, Annotated[float, Field(allow_inf_nan=False)] | None] = {}
    """Key, as in the file, to what is reported; in the file they stand beside the facts."""

    @model_validator(mode="before")
    @classmethod
    def _gathered(cls, data: Any) -> Any:
        if not isinstance(data, dict) or "values" in data:
            return data
        values = {key: value for key, value in data.items() if str(key).startswith(PREFIX)}
        return {key: value for key, value in data.items() if key not in values} | {"values": values}


class ReportedFile(StrictModel):
    """What one source reports about models on one benchmark."""

    schema_version: Literal[1] = 1
    source: Annotated[str, Field(min_length=1)]
    """Who reports it, where, and when that was read."""
    benchmark: Annotated[str, Field(min_length=1)]
    """What the source says it measured on."""
    samples: Annotated[int, Field(ge=1)] | None = None
    hardware: str | None = None
    status: str = ""
    """What a reader should know before believing it."""
    rows: Annotated[list[ReportedRow], Field(min_length=1)]


class ReportedColumn(StrictModel):
    """A column of reported values."""

    key: str
    title: str
    unit: ReportedUnit


class ReportedTable(StrictModel):
    """A section of a board: what a source reports, in its own order. Fractions, never percent."""

    source: str
    benchmark: str
    n: int | None
    hardware: str | None
    columns: list[ReportedColumn]
    rows: list[ReportedRow]
    """Values by the `key` of the column."""
    notes: list[str]
    """What has to be known beside the table."""


def read_reported(path: Path) -> ReportedTable:
    """Read a file of reported values.

    Raises:
        BadInputError: If it cannot be read or breaks the format.
    """
    try:
        return reported_table(ReportedFile.model_validate(read_yaml(path)))
    except ValidationError as error:
        raise BadInputError(
            validation_message(path, error), mend="see docs/commands.md, Reported values, for the format"
        ) from error


def reported_table(file: ReportedFile) -> ReportedTable:
    """The section of a board that shows a file."""
    columns = [_column(key) for key in dict.fromkeys(key for row in file.rows for key in row.values)]
    shares = {column.key for column in columns if column.unit == "fraction"}
    rows = [
        row.model_copy(
            update={
                "values": {
                    key: value / 100 if value is not None and key in shares else value
                    for key, value in row.values.items()
                }
            }
        )
        for row in file.rows
    ]
    return ReportedTable(
        source=one_line(file.source, limit=400),
        benchmark=one_line(file.benchmark),
        n=file.samples,
        hardware=one_line(file.hardware, limit=200) if file.hardware else None,
        columns=columns,
        rows=rows,
        notes=_notes(file, rows, columns),
    )


def _column(key: str) -> ReportedColumn:
    name = key.removeprefix(PREFIX)
    for ending, unit in _UNITS:
        if name.endswith(ending) and name != ending:
            words = name.removesuffix(ending).replace("_", " ")
            title = {"fraction": f"{words} (%)", "1/s": f"{words}/s", "ms": f"{words} (ms)", "": words}[unit]
            return ReportedColumn(key=key, title=one_line(title), unit=unit)
    return ReportedColumn(key=key, title=one_line(name.replace("_", " ")), unit="")


def _notes(file: ReportedFile, rows: Sequence[ReportedRow], columns: Sequence[ReportedColumn]) -> list[str]:
    size = f", n = {file.samples}" if file.samples else ""
    machine = f", on {one_line(file.hardware, limit=200)}" if file.hardware else ""
    notes = [
        f"Source: {one_line(file.source, limit=400)}. Measured there on {one_line(file.benchmark)}{size}{machine}.",
        "These are the source's own numbers, by its own rules and in its own order: not ranked, without intervals, "
        "and not to be compared with the measured ones.",
    ]
    if file.status:
        notes.append(f"Status: {one_line(file.status, limit=400)}.".replace("..", "."))
    for column in columns:
        values = [value for row in rows if (value := row.values.get(column.key)) is not None]
        outside = [value for value in values if not 0 <= value <= 1] if column.unit == "fraction" else []
        if outside:
            what = plural(len(outside), "value")
            notes.append(f"{column.title}: {what} outside 0 to 100 %, which no share can have, shown as reported.")
    return notes


def reported_cells(table: ReportedTable) -> tuple[list[str], list[list[str]]]:
    """Header and rows as plain text, the model first; not escaped."""
    facts = ("architecture", "parameters", "training", "quantization", "hub_id")
    header = ["Model", *(column.title for column in table.columns)]
    header += ["Architecture", "Parameters", "Training", "Quantization", "Hub"]
    rows = []
    for row in table.rows:
        cells = [one_line(row.model)]
        cells += [_value(row.values.get(column.key), column.unit) for column in table.columns]
        rows.append([*cells, *(one_line(getattr(row, name) or NOT_PUBLISHED) for name in facts)])
    return header, rows


def reported_markdown(table: ReportedTable) -> str:
    """The section as Markdown."""
    header, rows = reported_cells(table)
    numbers = range(1, 1 + len(table.columns))

    def line(cells: Sequence[str]) -> str:
        shown = [cell if place in numbers else markdown(cell) for place, cell in enumerate(cells)]
        return "| " + " | ".join(shown) + " |"

    lines = [
        "| " + " | ".join(map(markdown, header)) + " |",
        "|" + "|".join(" ---: " if place in numbers else " --- " for place in range(len(header))) + "|",
        *map(line, rows),
    ]
    return "\n\n".join([f"## {HEADING}", "\n".join(f"- {markdown(note)}" for note in table.notes), "\n".join(lines)])


def _value(value: float | None, unit: ReportedUnit) -> str:
    return NOT_PUBLISHED if value is None else number(value, unit)
