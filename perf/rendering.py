"""Rendered pictures: what a garment and a scene of defects cost, beside Pillow's JPEG encoding of the same picture.

    python perf/rendering.py [--n 60]

Times are of the processor, without drawing the first picture, which loads fonts.
"""

import argparse
import io
import time
from collections.abc import Callable

from PIL.Image import Image

from peakbench.benchmarks.defects import draw_scene, render_scene
from peakbench.benchmarks.garments import draw_spec, render

KINDS: tuple[tuple[str, Callable[[int], Image]], ...] = (
    ("garment", lambda index: render(draw_spec(7, index))),
    ("scene of defects", lambda index: render_scene(draw_scene(7, index))),
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=60)
    given = parser.parse_args()
    print(f"{'picture':<18} {'ms to draw':>11} {'ms to encode':>13} ratio")
    for name, draw in KINDS:
        draw(0)
        began = time.process_time()
        pictures = [draw(index) for index in range(given.n)]
        drawn = (time.process_time() - began) / given.n
        began = time.process_time()
        for picture in pictures:
            picture.save(io.BytesIO(), "jpeg", quality=92)
        encoded = (time.process_time() - began) / given.n
        print(f"{name:<18} {drawn * 1e3:>11.2f} {encoded * 1e3:>13.2f} {drawn / encoded:>5.1f}")


if __name__ == "__main__":
    main()
