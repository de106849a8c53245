"""A board as a picture: a dot with its interval for each run, in the order of the table.

Drawn with matplotlib's Agg and the fonts that come with matplotlib, without metadata: the same board gives the same
bytes. Colour is never alone in saying something: floors are hollow and named, architectures differ in marker too once
the colours are used up, and a reference is a hollow diamond.

A board that is not ranked shows the JSON parse rate.
"""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from peakbench.leaderboards.rows import Board, BoardMetric, BoardRow
from peakbench.leaderboards.wording import PERCENT_UNITS, number, one_line, shorten, unit_sign

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Colours that people with any colour vision tell apart (Okabe and Ito 2008); yellow is too pale on white."""
_BLACK = "#000000"
"""The eighth of them: for models whose architecture nobody published, beside others whose is known."""
_MARKERS = ("o", "s", "D", "^")
_GREY = "#6E6E6E"
_UNKNOWN = "architecture not published"

_WIDTH = 9.0
"""Inches; at 200 dots an inch the picture is 1,800 pixels wide and sharp when shown at 900."""
_ROW_HEIGHT = 0.30
_NAME_LIMIT = 42
_NAME_INCHES = 3.4
_LEGEND_LIMIT = 30


def chart_png(board: Board) -> bytes:
    """Draw the board.

    Returns:
        A PNG, 1,800 pixels wide; its height grows with the number of runs.
    """
    import matplotlib
    from matplotlib import RcParams
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    # A user's own matplotlibrc must not change the bytes.
    defaults: RcParams = matplotlib.rcParamsDefault
    with matplotlib.rc_context({key: defaults[key] for key in defaults if not key.startswith("backend")}):
        figure = _draw(board)
        FigureCanvasAgg(figure)
        out = io.BytesIO()
        figure.savefig(out, format="png", dpi=200, metadata={"Software": None})
    return out.getvalue()


def _draw(board: Board) -> "Figure":
    from matplotlib.figure import Figure

    metric, ranked = board.compared_by, board.rank_by is not None
    rows = [row for row in board.rows if row.kind != "reference" or metric.key in row.metrics]
    looks = _looks(rows)
    legend = list(looks.items()) if set(looks) - {_UNKNOWN} else []
    columns = _legend_columns(legend)
    head, foot = 0.78, 0.42 + (0.14 + 0.22 * -(-len(legend) // columns) if legend else 0)
    height = head + foot + _ROW_HEIGHT * max(len(rows), 2)
    figure = Figure(figsize=(_WIDTH, height), facecolor="white")

    names = [_name(row) for row in rows]
    indent = 0.58 if ranked else 0.30  # room for the ranks
    left = indent + 0.27 + max((_inches(name) for name in names), default=0.0)
    right = 1.95 if any(row.metrics.get(metric.key) for row in rows) else 1.0
    axes = figure.add_axes(
        (left / _WIDTH, foot / height, (_WIDTH - left - right) / _WIDTH, (height - head - foot) / height)
    )
    _axis(axes, metric, len(rows))
    for place, row in enumerate(rows):
        _run(axes, metric, row, place, *looks.get(row.architecture or _UNKNOWN, (_OKABE_ITO[0], "o")))
        value, interval = _value_label(metric, row)
        ink = _BLACK if _is_full(row) else _GREY
        for inches, align, text, weight in (
            (0.45, "right", "" if row.rank is None else str(row.rank), "bold"),
            (indent, "left", names[place], "normal"),
            (_WIDTH - right + 0.62, "right", value, "bold"),
            (_WIDTH - right + 0.72, "left", interval, "normal"),
        ):
            axes.text(
                (inches - left) / (_WIDTH - left - right), place, text, transform=axes.get_yaxis_transform(),
                horizontalalignment=align, verticalalignment="center_baseline", fontsize=9, color=ink, weight=weight,
                parse_math=False,
            )  # fmt: skip

    title = f"{metric.title}, {metric.direction} is better{'' if ranked else '; not ranked'}"
    figure.text(0.30 / _WIDTH, 1 - 0.32 / height, _drawable(title), fontsize=13, weight="bold", parse_math=False)
    figure.text(
        0.30 / _WIDTH, 1 - 0.58 / height, _drawable(_subtitle(board, metric)), fontsize=9, color=_GREY, parse_math=False
    )
    _legend(figure, legend, columns)
    return figure


def _looks(rows: Sequence[BoardRow]) -> dict[str, tuple[str, str]]:
    """Colour and marker of each architecture, in the order of the board; unstated ones share the first colour."""
    names = list(dict.fromkeys(row.architecture or _UNKNOWN for row in rows if row.kind == "model"))
    known = [name for name in names if name != _UNKNOWN]
    looks = {
        name: (_OKABE_ITO[i % len(_OKABE_ITO)], _MARKERS[i // len(_OKABE_ITO) % len(_MARKERS)])
        for i, name in enumerate(known)
    }
    if len(known) < len(names):
        looks[_UNKNOWN] = (_BLACK, "o") if known else (_OKABE_ITO[0], "o")
    return looks


def _is_full(row: BoardRow) -> bool:
    """Whether a row is drawn in full: a model, unless it is kept out of the ranking."""
    return row.kind == "model" and row.unranked is None


def _run(axes: "Axes", metric: BoardMetric, row: BoardRow, place: int, colour: str, marker: str) -> None:
    """One row's interval and dot; nothing where there is no value."""
    found = row.metrics.get(metric.key)
    if found is None or found.value is None:
        return
    scale = _scale(metric)
    if row.kind != "model":
        colour, marker = _GREY, "D" if row.kind == "reference" else "o"
    if found.ci is not None:
        axes.plot(
            [scale * found.ci[0], scale * found.ci[1]], [place, place], color=colour, linewidth=2.0,
            solid_capstyle="butt", zorder=2, clip_on=False,
        )  # fmt: skip
    face = colour if _is_full(row) else "white"
    axes.plot(
        [scale * found.value], [place], marker=marker, markersize=5.6, markerfacecolor=face, markeredgecolor=colour,
        markeredgewidth=1.3, linestyle="none", zorder=3, clip_on=False,
    )  # fmt: skip


def _axis(axes: "Axes", metric: BoardMetric, rows: int) -> None:
    """Ticks, limits and grid."""
    low, high = metric.range
    scale = _scale(metric)
    axes.set_ylim(max(rows, 1) - 0.5, -0.5)
    axes.set_yticks(range(rows), [""] * rows)
    axes.set_xlim(None if low is None else scale * low, None if high is None else scale * high)
    unit = metric.unit
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g} {unit_sign(unit)}".rstrip())
    axes.tick_params(axis="x", labelsize=9, color="#BBBBBB", labelcolor=_GREY)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#DDDDDD", linewidth=0.8)
    axes.grid(axis="y", color="#EFEFEF", linewidth=0.8)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color("#BBBBBB")


def _legend_columns(looks: Sequence[tuple[str, tuple[str, str]]]) -> int:
    """How many entries stand side by side, as wide as the longest."""
    longest = max((min(len(name), _LEGEND_LIMIT) for name, _ in looks), default=1)
    return max(1, min(5, int((_WIDTH - 0.6) / (0.45 + 0.083 * longest))))


def _legend(figure: "Figure", looks: Sequence[tuple[str, tuple[str, str]]], columns: int) -> None:
    from matplotlib.lines import Line2D

    if not looks:
        return
    handles: list[Any] = [
        Line2D([], [], linestyle="none", marker=marker, color=colour, markersize=6.5) for _, (colour, marker) in looks
    ]
    legend = figure.legend(
        handles, [_drawable(shorten(name, _LEGEND_LIMIT)) for name, _ in looks], loc="lower left", ncols=columns,
        frameon=False, fontsize=9, handletextpad=0.1, columnspacing=1.4, bbox_to_anchor=(0.16 / _WIDTH, 0.0),
    )  # fmt: skip
    for text in legend.get_texts():
        text.set_parse_math(False)


def _scale(metric: BoardMetric) -> float:
    return 100.0 if metric.unit in PERCENT_UNITS else 1.0


def _name(row: BoardRow) -> str:
    """What stands before a run's row, no wider than the room for names."""
    mark = f" ({row.kind})" if row.kind != "model" else " (not ranked)" if row.unranked else ""
    limit = _NAME_LIMIT
    while _inches(name := _drawable(shorten(row.title, limit) + mark)) > _NAME_INCHES and limit > 1:
        limit -= 1
    return name


def _inches(text: str) -> float:
    """How wide a text is drawn at 9 points."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    if not text.strip():
        return 0.0
    path = TextPath((0, 0), text.replace("$", "S"), size=9, prop=FontProperties(family="DejaVu Sans"))
    return float(path.get_extents().width) / 72


def _value_label(metric: BoardMetric, row: BoardRow) -> tuple[str, str]:
    """The value, and its interval."""
    found = row.metrics.get(metric.key)
    if found is None or found.value is None:
        return "", "undefined"
    unit = metric.unit
    interval = "" if found.ci is None else f"{number(found.ci[0], unit)} – {number(found.ci[1], unit)}"
    return number(found.value, unit), interval


def _subtitle(board: Board, metric: BoardMetric) -> str:
    """Benchmark, n, date, hardware."""
    models = [row for row in board.rows if row.kind == "model"]
    sizes = sorted({row.n for row in models or board.rows if row.n is not None})
    n = f"n = {sizes[0]:,}" if len(sizes) == 1 else f"n = {sizes[0]:,} to {sizes[-1]:,}"
    days = sorted({row.started[:10] for row in models if row.started})
    date = [] if not days else [days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"]
    machines = list(dict.fromkeys(row.hardware for row in models if row.hardware))
    hardware = (
        [] if not machines else [f"asked from {machines[0] if len(machines) == 1 else f'{len(machines)} machines'}"]
    )
    drawn = [row.metrics[metric.key] for row in models if metric.key in row.metrics]
    bars = ["95 % intervals"] if any(value.ci for value in drawn) else []
    return one_line(" · ".join([board.benchmark, n, *date, *hardware, *bars]), limit=112)


def _drawable(text: str) -> str:
    """Text with `□` for what the font does not have, so that it draws alike, and without warnings, everywhere."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    known = get_font(findfont(FontProperties(family="DejaVu Sans"))).get_charmap()
    return "".join(char if ord(char) in known else "□" for char in text)
