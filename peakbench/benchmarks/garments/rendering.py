"""From a garment's specification to pixels."""

import numpy as np
from PIL import Image

from peakbench.benchmarks.drawing.colors import COLORS, lightness
from peakbench.benchmarks.garments import details, necklines
from peakbench.benchmarks.garments.defects import draw_defect
from peakbench.benchmarks.garments.geometry import Placement
from peakbench.benchmarks.garments.light import ground, photograph
from peakbench.benchmarks.garments.painting import Canvas, Drawing, stitched
from peakbench.benchmarks.garments.patterns import draw_cloth
from peakbench.benchmarks.garments.shapes import shape_of
from peakbench.benchmarks.garments.spec import GarmentSpec

RENDERER_VERSION = 1
"""Raise it whenever a pixel could change: renders of another version are made anew."""


def render(spec: GarmentSpec) -> Image.Image:
    """Render a garment.

    Returns:
        RGB, 256 by 320 pixels; the same pixels for the same specification.
    """
    rng = np.random.default_rng([spec.texture, 1])
    base, accent = COLORS[spec.color], COLORS[spec.accent]
    shape = shape_of(spec)
    image = ground(spec, rng)
    drawing = Drawing(
        spec=spec,
        shape=shape,
        canvas=Canvas.over(image, Placement.of(spec.pose)),
        cloth=draw_cloth(spec.pattern, base, accent, rng),
        seam=stitched(base),
        trim=(28, 28, 34) if lightness(base) > 120 else (244, 242, 236),
    )
    necklines.draw_hood_behind(drawing)
    for piece in shape.pieces:
        drawing.canvas.cloth(piece.outline, drawing.cloth, piece.grain, piece.tone)
    details.draw_seams(drawing)
    details.draw_pockets(drawing)
    details.draw_print(drawing)
    details.draw_closure(drawing)
    necklines.draw_neckline(drawing)
    details.draw_brand(drawing)
    details.draw_swing_tag(drawing)
    draw_defect(drawing)
    return photograph(spec, shape, drawing.canvas.image, drawing.canvas.silhouette)
