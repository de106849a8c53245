"""From a scene's specification to pixels."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from peakbench.benchmarks.defects.effects import damage
from peakbench.benchmarks.defects.figures import marks_of
from peakbench.benchmarks.defects.grounds import ground
from peakbench.benchmarks.defects.marks import draw_marks
from peakbench.benchmarks.defects.spec import SIZE, SceneSpec, Thing
from peakbench.benchmarks.drawing.geometry import SUPERSAMPLING, ellipse
from peakbench.benchmarks.drawing.light import COARSE, expose, plane, slope, smooth_up

RENDERER_VERSION = 1
"""Raise it whenever a pixel could change: renders of another version are made anew."""

_IN_THE_AIR = ("picture frame", "clock", "window", "hot-air balloon", "sailing boat", "lighthouse")
"""What casts no shadow on the ground before it."""


def render_scene(spec: SceneSpec) -> Image.Image:
    """Render a scene with its artifacts.

    Returns:
        RGB, 384 by 384 pixels; the same pixels for the same specification.
    """
    canvas = ground(spec.setting, np.random.default_rng([spec.texture, 1]))
    silhouette = Image.new("L", canvas.size, 0)
    wash, pen, knife = ImageDraw.Draw(canvas, "RGBA"), ImageDraw.Draw(canvas), ImageDraw.Draw(silhouette)
    for thing in spec.things:
        _draw_shadow(wash, thing)
        marks = marks_of(thing)
        draw_marks(pen, marks)
        draw_marks(knife, marks, 255)
    image = _photograph(spec, canvas, silhouette)
    for artifact in spec.artifacts:
        image = damage(image, artifact, spec.things)
    return image


def _draw_shadow(wash: ImageDraw.ImageDraw, thing: Thing) -> None:
    """A soft dark spot on the ground, three ellipses deep."""
    if thing.kind in _IN_THE_AIR:
        return
    width = _foot_width(thing)
    for share in (1.0, 0.8, 0.6):
        spot = ellipse((thing.x, thing.base - 1), 0.56 * width * share, 6.5 * thing.scale * share, 28) * SUPERSAMPLING
        wash.polygon([(x, y) for x, y in spot.tolist()], fill=(20, 16, 24, 34))


def _foot_width(thing: Thing) -> float:
    """Width of a thing's foot on the ground, pixels."""
    points = np.vstack([mark.points for mark in marks_of(thing)])
    low = points[points[:, 1] > thing.base - 12 * thing.scale]
    return float(np.ptp(low[:, 0]))


def _photograph(spec: SceneSpec, canvas: Image.Image, silhouette: Image.Image) -> Image.Image:
    """Light the drawing: things are round, so their rims are darker."""
    size = (SIZE, SIZE)
    lit = slope(size, spec.light.direction, spec.light.slope, spec.light.exposure)
    coarse = silhouette.reduce(SUPERSAMPLING * COARSE)
    roundness = 0.86 + 0.18 * plane(coarse.filter(ImageFilter.BoxBlur(2)))
    mask = plane(silhouette.reduce(SUPERSAMPLING))
    on_ground = smooth_up(lit, size)
    on_things = smooth_up((lit * roundness).astype(np.float32), size)
    light = on_ground + (on_things - on_ground) * mask
    rng = np.random.default_rng([spec.texture, 2])
    return expose(canvas, light, spec.light.warmth, spec.light.noise, rng)
