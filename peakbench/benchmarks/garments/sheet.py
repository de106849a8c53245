"""A contact sheet: garments side by side, each with its reference below."""

from typing import TYPE_CHECKING

from peakbench.benchmarks.garments.spec import HEIGHT, WIDTH, GarmentSpec, draw_spec

if TYPE_CHECKING:
    from PIL import Image

_MARGIN = 12
_LINE = 18
_LINES = 4
_PAPER = (255, 255, 255)
_INK = (40, 40, 46)


def contact_sheet(n: int, seed: int, columns: int) -> "Image.Image":
    """Render `n` garments on one white sheet, row by row, each captioned with its reference.

    Args:
        n: How many, 1 or more.
        seed: 0 or more.
        columns: Garments in a row, 1 or more.

    Returns:
        RGB; a cell is 280 by 416 pixels.
    """
    from PIL import Image, ImageDraw, ImageFont

    from peakbench.benchmarks.garments.rendering import render

    cell = (WIDTH + 2 * _MARGIN, HEIGHT + 2 * _MARGIN + _LINES * _LINE)
    sheet = Image.new("RGB", (columns * cell[0], -(-n // columns) * cell[1]), _PAPER)
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(15)
    for index in range(n):
        spec = draw_spec(seed, index)
        x, y = (index % columns) * cell[0] + _MARGIN, (index // columns) * cell[1] + _MARGIN
        sheet.paste(render(spec), (x, y))
        for number, line in enumerate(caption(spec)):
            pen.text((x, y + HEIGHT + 4 + number * _LINE), line, fill=_INK, font=font)
    return sheet


def caption(spec: GarmentSpec) -> list[str]:
    """The reference in up to four lines; what is null is left out."""
    values = spec.reference()
    lines = [" · ".join(str(values[name]) for name in ("type", "color", "pattern"))]
    cut = [value for name in ("neckline", "sleeve_length", "closure") if (value := values[name])]
    lines.append(" · ".join(cut) or "no neckline, sleeves or closure")
    marks = [f"{name} {values[name]}" for name in ("brand", "size") if values[name]]
    if marks:
        lines.append(" · ".join(marks))
    if values["defect_type"]:
        lines.append(f"defect: {values['defect_type']}")
    return lines
