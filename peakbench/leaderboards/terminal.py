"""A board in a terminal, as wide as the terminal is."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from peakbench.leaderboards.columns import Column, board_columns, sizes
from peakbench.leaderboards.reported import HEADING, ReportedTable, reported_cells
from peakbench.leaderboards.rows import Board, BoardRow
from peakbench.leaderboards.wording import NOTHING, listing, shorten

if TYPE_CHECKING:
    from rich.console import Console

_GAP = 2
_NAME_WIDTHS = ((60, 40), (1000, 24))
"""A column below this importance is dropped before names are cut shorter than this; first pair first."""


def print_board(board: Board, console: "Console") -> None:
    """Print findings, table and notes; what each floor and model is stands in the Markdown table only.

    Columns that do not fit are dropped, the least important first, and named below the table, with the references that
    state nothing else; a name that is too long is cut with an ellipsis. Nothing wraps inside the table.
    """
    from rich.table import Table
    from rich.text import Text

    different = sizes(board)
    said = f", n = {next(iter(different))}" if len(different) == 1 else ""
    console.print(Text(board.benchmark + said, style="bold"))
    for sentence in board.findings:
        console.print(Text(sentence))
    columns = board_columns(board)
    header = _whole_header
    shown, name_width = _that_fit(board, columns, console.width, header)
    if len(shown) < len(columns):
        header = _brief_header
        shown, name_width = _that_fit(board, columns, console.width, header)
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for column in shown:
        justify: Literal["left", "right"] = "left" if column.prose else "right"
        width = name_width if column.prose else None
        table.add_column(Text(header(column)), justify=justify, no_wrap=True, overflow="ellipsis", max_width=width)
    rows = [row for row in board.rows if row.kind != "reference" or _says_something(row, shown)]
    for row in rows:
        style = "" if row.kind == "model" and row.unranked is None else "dim"
        cells = [shorten(column.cell(row), name_width) if column.prose else column.cell(row) for column in shown]
        table.add_row(*map(Text, cells), style=style)
    console.print()
    console.print(table)
    console.print()
    for note in board.notes:
        console.print(Text(note, style="dim"))
    dropped = [column.header for column in columns if column not in shown and not (said and column.header == "n")]
    dropped += [row.title for row in board.rows if row not in rows]
    if dropped:
        console.print(Text(f"Not shown in {console.width} columns: {listing(dropped)}.", style="dim"))

    for reported in board.reported:
        _print_reported(reported, console)


def _print_reported(reported: ReportedTable, console: "Console") -> None:
    """Print the values that a source reports; facts of its models stand in the Markdown table."""
    from rich.table import Table
    from rich.text import Text

    console.print()
    console.print(Text(HEADING, style="bold"))
    for note in reported.notes:
        console.print(Text(note, style="dim"))
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    header, rows = reported_cells(reported)
    for place in range(1 + len(reported.columns)):
        justify: Literal["left", "right"] = "right" if place else "left"
        table.add_column(Text(header[place]), justify=justify, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row[: 1 + len(reported.columns)]))
    console.print()
    console.print(table)


def _says_something(row: BoardRow, shown: list[Column]) -> bool:
    """Whether a row has a value in any of the columns that fit; the first two are its rank and its name."""
    return any(column.cell(row) != NOTHING for column in shown[2:])


def _whole_header(column: Column) -> str:
    return column.header


def _brief_header(column: Column) -> str:
    """A header of numbers is broken at its spaces, so that it takes no more room than they do."""
    return column.header if column.prose else (column.brief or column.header).replace(" ", "\n")


def _that_fit(
    board: Board, columns: list[Column], width: int, header: Callable[[Column], str]
) -> tuple[list[Column], int]:
    """The columns that fit, and how wide names may be."""
    from rich.cells import cell_len

    widths = {
        column.header: max(
            [
                *(cell_len(line) for line in header(column).splitlines()),
                *(cell_len(column.cell(row)) for row in board.rows),
            ]
        )
        for column in columns
    }

    def room(shown: list[Column]) -> int:
        """What is left for names."""
        numbers = sum(widths[column.header] + _GAP for column in shown if not column.prose)
        return width - numbers - (_GAP if shown[-1].prose else 0)

    shown = list(columns)
    longest = max(widths[column.header] for column in columns if column.prose)
    for importance, name_width in _NAME_WIDTHS:
        while room(shown) < min(longest, name_width):
            droppable = [column for column in shown if column.importance is not None and column.importance < importance]
            if not droppable:
                break
            shown.remove(min(droppable, key=lambda column: column.importance or 0))
    return shown, max(min(longest, room(shown)), 8)
