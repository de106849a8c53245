"""What is sewn on: seams, ribs, pockets, plackets, buttons, zippers, prints, brand and size tag."""

import math

import numpy as np

from peakbench.benchmarks.drawing.colors import COLORS, RGB, lightness, mixed, shaded
from peakbench.benchmarks.drawing.geometry import box, curve, ellipse
from peakbench.benchmarks.garments.painting import Drawing, word_width
from peakbench.benchmarks.garments.vocabulary import button_row

_METAL: RGB = (176, 178, 182)
_PAPER: RGB = (250, 249, 244)
_INK: RGB = (24, 24, 28)


def draw_seams(drawing: Drawing) -> None:
    """Stitching, cuffs, hems and waistbands, and the outline that sets pieces apart."""
    canvas = drawing.canvas
    for piece in drawing.shape.pieces[-1:]:
        canvas.line(np.vstack([piece.outline, piece.outline[:1]]), drawing.seam, 0.8, 0.55)
    for seam in drawing.shape.seams:
        canvas.line(seam, drawing.seam, 1.0, 0.8)
    for band in drawing.shape.bands:
        outer, inner = band.corners[:2], band.corners[:1:-1]
        if band.ribbed:
            canvas.polygon(band.corners, mixed(drawing.cloth.base, drawing.seam, 0.18), on_cloth=True)
            length = float(np.hypot(*(outer[1] - outer[0])))
            for share in np.linspace(0.04, 0.96, max(3, int(length / 3.2))):
                rib = [tuple(outer[0] + (outer[1] - outer[0]) * share), tuple(inner[0] + (inner[1] - inner[0]) * share)]
                canvas.line(np.array(rib), drawing.seam, 0.9, 0.55)
        canvas.line(inner, drawing.seam, 1.2)


def draw_pockets(drawing: Drawing) -> None:
    """Pockets, quilting and belts, by type; they make a jacket look like a jacket."""
    spec, shape, canvas = drawing.spec, drawing.shape, drawing.canvas
    if spec.type == "hoodie":
        _kangaroo_pocket(drawing)
    elif spec.type == "shirt" and spec.brand is None:
        _patch_pocket(drawing, (24, shape.top + 50), 22, 25)
    elif spec.type == "jacket" and spec.neckline == "hooded":
        body = shape.pieces[-1].outline
        for y in np.arange(shape.top + 44, shape.hem - 16, 19):
            reach = float(np.abs(body[np.abs(body[:, 1] - y) < 14, 0]).max()) - 2
            line = curve((-reach, y - 1), (0, y + 2), (reach, y - 1))
            canvas.line(line, drawing.seam, 1.6)
            canvas.line(line + np.array([0.0, 2.2]), (255, 255, 255), 1.2, 0.16)
    elif spec.type == "jacket" and spec.variant % 2:
        for sign in (-1, 1):
            if spec.brand is None or sign < 0:
                _patch_pocket(drawing, (25.0 * sign, shape.top + 52), 25, 25, flap=True)
        canvas.line([(-50, shape.top + 42), (50, shape.top + 42)], drawing.seam, 0.9, 0.7)
    elif spec.type == "jacket":
        for sign in (-1, 1):
            slit = np.array([(22 * sign, shape.hem - 34), (35 * sign, shape.hem - 62)])
            canvas.line(slit, drawing.seam, 3.2)
            canvas.line(slit, shaded(drawing.seam, 0.7), 1.0)
    elif spec.type == "coat":
        for sign in (-1, 1):
            flap = box(15, 0, 40, 9) * np.array([sign, 1]) + np.array([0, shape.top + 0.58 * (shape.hem - shape.top)])
            canvas.polygon(flap + np.array([0.0, 1.5]), (0, 0, 0), 0.2)
            canvas.cloth(flap, drawing.cloth, tone=1.03)
            canvas.line(np.vstack([flap, flap[:1]]), drawing.seam, 1.1)


def _kangaroo_pocket(drawing: Drawing) -> None:
    hem, canvas = drawing.shape.hem, drawing.canvas
    right = np.array([(0, hem - 52), (20, hem - 52), (34, hem - 30), (34, hem - 13), (0, hem - 13)])
    pocket = np.vstack([right, right[::-1] * np.array([-1, 1])])
    canvas.cloth(pocket, drawing.cloth, tone=0.97)
    canvas.line(np.vstack([pocket, pocket[:1]]), drawing.seam, 1.3)


def _patch_pocket(
    drawing: Drawing, upper_middle: tuple[float, float], width: float, height: float, flap: bool = False
) -> None:
    x, y = upper_middle
    half, canvas = width / 2, drawing.canvas
    pocket = np.array(
        [(x - half, y), (x + half, y), (x + half, y + height - 6), (x, y + height), (x - half, y + height - 6)]
    )
    canvas.cloth(pocket, drawing.cloth, tone=0.98)
    canvas.line(np.vstack([pocket, pocket[:1]]), drawing.seam, 1.1)
    if flap:
        cover = np.array(
            [(x - half - 1, y - 1), (x + half + 1, y - 1), (x + half + 1, y + 6), (x, y + 10), (x - half - 1, y + 6)]
        )
        canvas.cloth(cover, drawing.cloth, tone=1.04)
        canvas.line(np.vstack([cover, cover[:1]]), drawing.seam, 1.1)
    else:
        canvas.line([(x - half, y + 4), (x + half, y + 4)], drawing.seam, 0.9, 0.7)


def draw_closure(drawing: Drawing) -> None:
    """A placket with its buttons, a zipper, or a waistband's button."""
    spec, shape, canvas = drawing.spec, drawing.shape, drawing.canvas
    if spec.closure == "zipper":
        _zipper(drawing)
    if spec.closure != "button":
        return
    missing = missing_button(drawing)
    if button_row(spec.type, spec.closure):
        _placket(drawing)
    button = _button_color(drawing)
    radius = button_radius(spec.type)
    for number, center in enumerate(shape.buttons):
        if number == missing:
            continue
        canvas.circle((center[0] + 0.5, center[1] + 0.9), radius + 0.3, (0, 0, 0), 0.35)
        canvas.circle(center, radius, button)
        canvas.circle(center, radius * 0.62, shaded(button, 0.88))
        for dx in (-0.3, 0.3):
            canvas.circle((center[0] + dx * radius, center[1]), radius * 0.17, shaded(button, 0.45))
    if not button_row(spec.type, spec.closure):
        for sign in (-1, 1):
            x = 0.62 * shape.neck * sign
            canvas.polygon(
                box(x - 2, shape.top - 1, x + 2, shape.top + 14), mixed(drawing.cloth.base, drawing.seam, 0.5)
            )


def missing_button(drawing: Drawing) -> int | None:
    """Which button has come off; never the first or the last, so that the gap shows."""
    defect = drawing.spec.defect
    if defect is None or defect.kind != "missing button":
        return None
    return missing_button_number(len(drawing.shape.buttons), defect.turn)


def missing_button_number(count: int, turn: float) -> int:
    """Choose among `count` buttons by an angle in degrees."""
    return 1 + int(turn / 360 * (count - 2)) if count > 2 else count - 1


def button_radius(type_: str) -> float:
    """Radius of a type's buttons, garment coordinates."""
    return {"coat": 4.6, "jacket": 3.6, "skirt": 3.6, "pants": 3.4, "shorts": 3.4}.get(type_, 3.0)


def _button_color(drawing: Drawing) -> RGB:
    if drawing.spec.type in ("pants", "shorts") or (drawing.spec.type == "jacket" and drawing.spec.variant % 2):
        return (196, 164, 92) if lightness(drawing.cloth.base) < 190 else (120, 98, 60)
    return (60, 46, 36) if lightness(drawing.cloth.base) > 120 else (226, 222, 210)


def _placket(drawing: Drawing) -> None:
    spec, shape, canvas = drawing.spec, drawing.shape, drawing.canvas
    half = 17.0 if spec.type == "coat" and spec.variant % 2 else 5.5
    start = shape.buttons[0][1] - (11 if spec.type in ("jacket", "coat", "skirt") else 8)
    end = shape.buttons[-1][1] + 9 if spec.type == "polo shirt" else shape.hem - (2 if spec.type != "shirt" else -2)
    canvas.cloth(box(-half, start, half, end), drawing.cloth, tone=1.04)
    canvas.line([(-half, start), (-half, end), (half, end), (half, start)], drawing.seam, 1.0)


def _zipper(drawing: Drawing) -> None:
    spec, shape, canvas = drawing.spec, drawing.shape, drawing.canvas
    start = shape.top + {"hoodie": 19, "jacket": 20, "coat": 20, "skirt": 1}.get(spec.type, 18)
    if spec.neckline == "collared":
        start += 2
    end = shape.hem - 1 if spec.type != "skirt" else shape.top + 0.62 * (shape.hem - shape.top)
    tape = _INK if lightness(drawing.cloth.base) > 90 else (92, 92, 98)
    canvas.polygon(box(-3.4, start, 3.4, end), tape)
    for y in np.arange(start + 1, end - 1, 2.6).tolist():
        canvas.line([(-1.7, y), (1.7, y)], _METAL, 1.1)
    pull = start + (9 if spec.type != "hoodie" else 26)
    canvas.polygon(box(-2.8, pull - 4, 2.8, pull + 1), (214, 214, 218))
    canvas.polygon(box(-1.7, pull + 1, 1.7, pull + 12), (206, 206, 210))
    canvas.polygon(box(-0.7, pull + 7, 0.7, pull + 10), tape)


def draw_print(drawing: Drawing) -> None:
    """A graphic on the chest; one of six, by the variant."""
    if drawing.spec.pattern != "graphic":
        return
    hooded = drawing.spec.type == "hoodie"
    radius = 19.0 if hooded else (21.0 if drawing.spec.type in ("dress", "tank top") else 24.0)
    middle = (0.0, drawing.shape.top + (67 if hooded else 77))
    [_sun, _peaks, _bolt, _star, _heart, _waves][drawing.spec.variant](drawing, middle, radius)


def _second(drawing: Drawing) -> RGB:
    """A third colour for prints, neither the cloth's nor the accent's."""
    words = (
        w
        for w in ("orange", "light blue", "yellow", "red", "white")
        if w not in (drawing.spec.color, drawing.spec.accent)
    )
    base = drawing.cloth.base
    return next(COLORS[w] for w in words if sum(abs(a - b) for a, b in zip(COLORS[w], base, strict=True)) > 150)


def _sun(drawing: Drawing, middle: tuple[float, float], radius: float) -> None:
    x, y = middle
    for k in range(12):
        angle = k * math.pi / 6
        tips = [(angle - 0.14, 0.72), (angle, 1.05), (angle + 0.14, 0.72)]
        ray = np.array([(x + radius * r * math.cos(a), y + radius * r * math.sin(a)) for a, r in tips])
        drawing.canvas.polygon(ray, drawing.cloth.accent)
    drawing.canvas.circle(middle, 0.62 * radius, _second(drawing))
    drawing.canvas.polygon(ellipse((x, y + 0.1 * radius), 0.34 * radius, 0.3 * radius), drawing.cloth.accent)


def _peaks(drawing: Drawing, middle: tuple[float, float], radius: float) -> None:
    x, y = middle
    drawing.canvas.polygon(ellipse(middle, radius, radius, 32), _second(drawing))
    for dx, height in ((-0.35, 0.75), (0.3, 1.15)):
        foot = y + 0.55 * radius
        peak = np.array(
            [
                (x + dx * radius, foot - height * radius),
                (x + (dx + 0.5) * radius, foot),
                (x + (dx - 0.5) * radius, foot),
            ]
        )
        drawing.canvas.polygon(peak, drawing.cloth.accent)


def _bolt(drawing: Drawing, middle: tuple[float, float], radius: float) -> None:
    corners = [(0.25, -1.1), (-0.6, 0.15), (-0.08, 0.15), (-0.3, 1.1), (0.62, -0.25), (0.1, -0.25), (0.55, -1.1)]
    drawing.canvas.polygon(ellipse(middle, radius, radius, 32), drawing.cloth.accent)
    drawing.canvas.polygon(np.array(corners) * radius * 0.85 + np.array(middle), _second(drawing))


def _star(drawing: Drawing, middle: tuple[float, float], radius: float) -> None:
    for size, color in ((1.1, drawing.cloth.accent), (0.62, _second(drawing))):
        angles = -math.pi / 2 + np.arange(10) * math.pi / 5
        reach = np.where(np.arange(10) % 2 == 0, 1.0, 0.42) * radius * size
        star = np.stack([reach * np.cos(angles), reach * np.sin(angles)], axis=1)
        drawing.canvas.polygon(star + np.array(middle), color)


def _heart(drawing: Drawing, middle: tuple[float, float], radius: float) -> None:
    t = np.linspace(0, 2 * math.pi, 40, endpoint=False)
    x = 16 * np.sin(t) ** 3
    y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))
    heart = np.stack([x, y], axis=1) / 16
    drawing.canvas.polygon(heart * radius + np.array(middle), drawing.cloth.accent)
    drawing.canvas.polygon(heart * radius * 0.5 + np.array(middle), _second(drawing))


def _waves(drawing: Drawing, middle: tuple[float, float], radius: float) -> None:
    x, y = middle
    drawing.canvas.polygon(box(x - 1.1 * radius, y - radius, x + 1.1 * radius, y + radius), _second(drawing))
    across = np.linspace(-1.1, 1.1, 30) * radius
    for row in (-0.6, -0.05, 0.5):
        crest = np.stack([x + across, y + radius * (row + 0.16 * np.sin(across / radius * 6 + row))], axis=1)
        drawing.canvas.line(crest, drawing.cloth.accent, 0.24 * radius)


def draw_brand(drawing: Drawing) -> None:
    """Print the brand: right on plain cloth, on a woven label where a pattern or a pocket would hide it."""
    spec = drawing.spec
    if spec.brand is None:
        return
    x, y, room = drawing.shape.brand
    text = spec.brand.upper() if spec.upper_case else spec.brand
    labelled = not drawing.cloth.plain or spec.type in ("pants", "shorts", "skirt", "jacket", "coat")
    width = word_width(text, 1.0)
    size = min(15.0, (room - (4 if labelled else 0)) / width)
    if labelled:
        ground = _INK if lightness(drawing.cloth.base) > 110 else _PAPER
        half = width * size / 2 + 2.5
        label = box(x - half, y - 0.62 * size, x + half, y + 0.62 * size)
        drawing.canvas.polygon(label, ground)
        drawing.canvas.line(np.vstack([label, label[:1]]), mixed(ground, (128, 128, 128), 0.4), 0.8)
        drawing.canvas.word(text, (x, y), size, _PAPER if ground == _INK else _INK)
    else:
        drawing.canvas.word(text, (x, y), size, drawing.trim, weight=1 if size > 12 else 0)


def draw_neck_label(drawing: Drawing) -> None:
    """The size on a label inside the neck."""
    spec, canvas = drawing.spec, drawing.canvas
    if spec.tag != "neck label" or spec.size is None:
        return
    y = drawing.shape.top + 10.2
    half = max(9.0, word_width(spec.size, 11.5) / 2 + 2.5)
    canvas.polygon(box(-half, y - 6, half, y + 6), _PAPER)
    canvas.word(spec.size, (0, y), 11.5, _INK)


def draw_swing_tag(drawing: Drawing) -> None:
    """The size on a card that hangs from a string."""
    spec, canvas = drawing.spec, drawing.canvas
    if spec.tag != "swing tag" or spec.size is None:
        return
    x, y = drawing.shape.tag
    card = np.array(
        [(x - 6, y + 12), (x + 6, y + 12), (x + 14, y + 19), (x + 14, y + 40), (x - 14, y + 40), (x - 14, y + 19)]
    )
    canvas.polygon(card + np.array([1.6, 2.2]), (0, 0, 0), 0.3)
    canvas.polygon(card, _PAPER)
    canvas.line(np.vstack([card, card[:1]]), (150, 146, 136), 0.8)
    canvas.circle((x, y + 17), 1.7, (110, 100, 90))
    canvas.line(curve((x - 1, y), (x + 2, y + 8), (x, y + 17)), (120, 104, 84), 1.0)
    canvas.line(curve((x + 2, y), (x - 1, y + 9), (x, y + 17)), (120, 104, 84), 1.0)
    canvas.word(spec.size, (x, y + 30), 15.0 if len(spec.size) < 3 else 12.5, _INK)
