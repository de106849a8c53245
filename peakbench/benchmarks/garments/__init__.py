"""Self-made garments: pictures with exact references, rendered the same for everyone who names the same seed.

Importing this package loads no numpy and no Pillow; they come with the first call.
"""

from typing import TYPE_CHECKING

from peakbench.benchmarks.garments.making import garments_from_cache, make_garments
from peakbench.benchmarks.garments.sheet import contact_sheet
from peakbench.benchmarks.garments.spec import Defect, GarmentSpec, draw_spec

if TYPE_CHECKING:
    from PIL import Image

__all__ = [
    "Defect",
    "GarmentSpec",
    "contact_sheet",
    "draw_spec",
    "garments_from_cache",
    "make_garments",
    "render",
]


def render(spec: GarmentSpec) -> "Image.Image":
    """Render a garment as an RGB image of 256 by 320 pixels; the same pixels for the same specification."""
    from peakbench.benchmarks.garments import rendering

    return rendering.render(spec)
