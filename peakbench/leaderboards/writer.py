"""A board on disk: Markdown, CSV, JSON and a picture."""

from collections.abc import Sequence
from pathlib import Path

from peakbench.canonical import digest
from peakbench.files import make_folder, write_atomically
from peakbench.leaderboards.rows import Board
from peakbench.leaderboards.tables import to_csv, to_json, to_markdown


def write_board(board: Board, directory: Path) -> list[Path]:
    """Write `board.md`, `board.csv`, `board.json` and `board.png`; the same board gives the same bytes.

    Everything is made before the first file is written, and each file is replaced whole.

    Returns:
        The four paths.

    Raises:
        InfrastructureError: If the disk refuses; no file is left half written.
    """
    from peakbench.leaderboards.chart import chart_png

    contents: dict[str, str | bytes] = {
        "board.md": to_markdown(board, picture="board.png"),
        "board.csv": to_csv(board),
        "board.json": to_json(board),
        "board.png": chart_png(board),
    }
    make_folder(directory)
    for name, content in contents.items():
        write_atomically(directory / name, content)
    return [directory / name for name in contents]


def write_boards(boards: Sequence[Board], directory: Path) -> list[Path]:
    """Write boards: a single one into the directory itself, several each into a folder of its benchmark's name.

    Boards of one benchmark, over different samples, have a digest of what their runs agree in behind the name.

    Returns:
        The paths of all files.

    Raises:
        InfrastructureError: If the disk refuses; no file is left half written.
    """
    names = [board.benchmark for board in boards]
    places = [
        directory / (name if names.count(name) == 1 else f"{name}-{digest(board.comparable)[:8]}")
        for name, board in zip(names, boards, strict=True)
    ]
    if len(boards) == 1:
        places = [directory]
    return [path for board, place in zip(boards, places, strict=True) for path in write_board(board, place)]
