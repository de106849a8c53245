"""A contact sheet: scenes side by side, boxes around their defects, the caption and the defects below."""

import textwrap
from typing import TYPE_CHECKING

from peakbench.benchmarks.defects.spec import SIZE, Label, SceneSpec

if TYPE_CHECKING:
    from PIL import Image

_MARGIN = 12
_LINE = 17
_LINES = 8
_SWATCH = 11
_LEGEND = 34
_PAPER = (255, 255, 255)
_INK = (40, 40, 46)
_COLORS: dict[Label, tuple[int, int, int]] = {"artifact": (213, 94, 0), "misalignment": (0, 114, 178)}
"""Vermilion and blue of Okabe and Ito, which the colour-blind can tell apart; https://jfly.uni-koeln.de/color/."""


def contact_sheet(n: int, seed: int, columns: int) -> "Image.Image":
    """Render `n` scenes on one white sheet, row by row, their defects boxed, captioned with caption and defects.

    Args:
        n: How many, 1 or more.
        seed: 0 or more.
        columns: Scenes in a row, 1 or more.

    Returns:
        RGB; a cell is 408 by 544 pixels, and above them is a line that explains the colours.
    """
    from PIL import Image, ImageDraw, ImageFont

    from peakbench.benchmarks.defects.scene import draw_scene

    cell = (SIZE + 2 * _MARGIN, SIZE + 2 * _MARGIN + _LINES * _LINE)
    sheet = Image.new("RGB", (columns * cell[0], -(-n // columns) * cell[1] + _LEGEND), _PAPER)
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(14)
    x = _MARGIN
    for label, color in _COLORS.items():
        pen.rectangle((x, 14, x + _SWATCH, 14 + _SWATCH), fill=color)
        pen.text((x + _SWATCH + 6, 11), label, fill=_INK, font=font)
        x += _SWATCH + 30 + int(font.getlength(label))
    for index in range(n):
        spec = draw_scene(seed, index)
        x, y = (index % columns) * cell[0] + _MARGIN, (index // columns) * cell[1] + _LEGEND
        sheet.paste(boxed(spec), (x, y))
        y += SIZE + 5
        for line in textwrap.wrap(f"“{spec.caption}”", 58)[:5]:
            pen.text((x, y), line, fill=_INK, font=font)
            y += _LINE
        for defect in spec.defects[: _LINES - 3]:
            pen.rectangle((x, y + 4, x + 8, y + 12), fill=_COLORS[defect.label])
            pen.text((x + 14, y), f"{defect.desc} ({defect.importance})", fill=_COLORS[defect.label], font=font)
            y += _LINE
        if not spec.defects:
            pen.text((x, y), "clean", fill=(0, 120, 90), font=font)
    return sheet


def boxed(spec: SceneSpec) -> "Image.Image":
    """The rendered scene with a frame around each of its defects."""
    from PIL import ImageDraw

    from peakbench.benchmarks.defects.rendering import render_scene

    image = render_scene(spec)
    pen = ImageDraw.Draw(image)
    for defect in reversed(spec.defects):
        x0, y0, x1, y1 = defect.box
        pen.rectangle((x0, y0, x1 - 1, y1 - 1), outline=_COLORS[defect.label], width=3)
    return image
