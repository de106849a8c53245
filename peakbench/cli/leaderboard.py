"""`peakbench leaderboard`: a board from run folders."""

from pathlib import Path
from typing import Annotated

import typer

from peakbench.cli import options


def leaderboard(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, or folders that hold some.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", "--output-path", help="Folder for board.md, .csv, .json and .png.")
    ] = None,
    reported: Annotated[
        list[Path] | None,
        typer.Option(
            "--reported", help="A file of values that others report, shown below the board, apart; may be given again."
        ),
    ] = None,
    max_error_rate: options.MaxErrorRate = 0.01,
    metrics: options.Metrics = None,
    allow_code: options.AllowCode = False,
    as_json: options.Json = False,
) -> None:
    """Rank finished runs, with their floors; print the board, and write it with -o."""
    from rich.text import Text

    from peakbench.cli.console import output_console, print_json, say
    from peakbench.jobs.leaderboard import make_boards
    from peakbench.leaderboards.reported import read_reported
    from peakbench.leaderboards.terminal import print_board
    from peakbench.leaderboards.writer import write_boards
    from peakbench.metrics.registry import Registry

    told = [read_reported(file) for file in reported or ()]
    boards = make_boards(runs, Registry.load(metrics, allow_code=allow_code), max_error_rate, say, told)
    console = output_console()
    for board in () if as_json else boards:
        print_board(board, console)
    written = write_boards(boards, output) if output else []
    if as_json:
        print_json([board.model_dump(mode="json") for board in boards])
        return
    for path in written:
        console.print(Text(f"wrote {path}"), soft_wrap=True)
