"""A board on disk: Markdown, CSV, JSON and a picture."""

from pathlib import Path

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
