"""Self-made defects: captioned scenes, some with damaged pixels, some that differ from their caption, boxes exact.

Importing this package loads no numpy and no Pillow; they come with the first call.
"""

from typing import TYPE_CHECKING

from peakbench.benchmarks.defects.making import defects_from_cache, make_defects
from peakbench.benchmarks.defects.sheet import contact_sheet
from peakbench.benchmarks.defects.spec import Artifact, SceneDefect, SceneSpec

if TYPE_CHECKING:
    from PIL import Image

__all__ = [
    "Artifact",
    "SceneDefect",
    "SceneSpec",
    "contact_sheet",
    "defects_from_cache",
    "draw_scene",
    "make_defects",
    "render_scene",
]


def draw_scene(seed: int, index: int) -> SceneSpec:
    """Draw scene `index` of the data set `seed`: the same for the same two numbers, in every process.

    Args:
        seed: 0 or more.
        index: 0 or more; neighbours are independent of one another.

    Raises:
        ValueError: If one of them is negative.
    """
    from peakbench.benchmarks.defects import scene

    return scene.draw_scene(seed, index)


def render_scene(spec: SceneSpec) -> "Image.Image":
    """Render a scene as an RGB image of 384 by 384 pixels; the same pixels for the same specification."""
    from peakbench.benchmarks.defects import rendering

    return rendering.render_scene(spec)
