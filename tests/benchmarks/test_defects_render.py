"""The pictures: the same for everyone, and damaged exactly where the reference says."""

import dataclasses
import hashlib
import subprocess
import sys

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from peakbench.benchmarks.defects import SceneSpec, contact_sheet, draw_scene, render_scene
from peakbench.benchmarks.defects.artifacts import bounds, box_of_artifact, silhouette_of
from peakbench.benchmarks.defects.figures import FIGURES, marks_of
from peakbench.benchmarks.defects.making import jpeg_of
from peakbench.benchmarks.defects.marks import box_of
from peakbench.benchmarks.defects.sheet import boxed
from peakbench.benchmarks.defects.spec import Thing
from peakbench.benchmarks.defects.vocabulary import ARTIFACT_NAMES

Pixels = NDArray[np.int64]


def pixels_of(spec: SceneSpec) -> Pixels:
    return np.asarray(render_scene(spec)).astype(np.int64)


def damaged(each: int) -> list[SceneSpec]:
    """Scenes with a single artifact, each kind of artifact `each` times."""
    by_kind: dict[str, list[SceneSpec]] = {kind: [] for kind in ARTIFACT_NAMES}
    for index in range(320):
        spec = draw_scene(3, index)
        for artifact in spec.artifacts[:1]:
            by_kind[artifact.kind].append(dataclasses.replace(spec, artifacts=(artifact,)))
    assert min(map(len, by_kind.values())) >= each
    return [spec for specs in by_kind.values() for spec in specs[:each]]


def test_an_image_is_rgb_and_384_by_384() -> None:
    image = render_scene(draw_scene(7, 0))
    assert (image.mode, image.size) == ("RGB", (384, 384))


def test_the_same_specification_gives_the_same_bytes_whatever_the_global_random_state() -> None:
    specs = [draw_scene(7, index) for index in range(8)]
    np.random.seed(1)
    first = [jpeg_of(spec) for spec in specs]
    np.random.seed(2)
    assert [jpeg_of(spec) for spec in reversed(specs)][::-1] == first
    assert len(set(first)) == len(first)


def test_another_process_renders_the_same_bytes() -> None:
    program = (
        "import hashlib; from peakbench.benchmarks.defects import draw_scene;"
        "from peakbench.benchmarks.defects.making import jpeg_of;"
        "print(hashlib.sha256(b''.join(jpeg_of(draw_scene(7, i)) for i in range(6))).hexdigest())"
    )
    there = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()
    assert there == hashlib.sha256(b"".join(jpeg_of(draw_scene(7, i)) for i in range(6))).hexdigest()


def test_importing_the_package_loads_neither_pillow_nor_numpy() -> None:
    program = (
        "import sys, peakbench.benchmarks.defects as d;"
        "assert d.draw_scene and d.render_scene and d.make_defects and d.contact_sheet;"
        "print([m for m in ('PIL', 'numpy') if m in sys.modules])"
    )
    there = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()
    assert there == "[]"


def test_the_box_holds_the_whole_artifact_and_nothing_else_changes() -> None:
    for spec in damaged(2):
        [artifact] = spec.artifacts
        x0, y0, x1, y1 = box_of_artifact(artifact, spec.things)
        assert any(defect.box == (x0, y0, x1, y1) for defect in spec.defects if defect.label == "artifact")
        difference = np.abs(pixels_of(spec) - pixels_of(dataclasses.replace(spec, artifacts=()))).max(axis=2)
        inside = difference[y0:y1, x0:x1]
        assert difference.sum() == inside.sum(), f"{artifact.kind} of {spec.index} leaves its box"
        seen = inside > 25
        assert seen.mean() > 0.03, f"{artifact.kind} of {spec.index} does not show"
        rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
        height, width = rows[-1] + 1 - rows[0], columns[-1] + 1 - columns[0]
        assert height * width > 0.35 * inside.size, f"the box of {artifact.kind} of {spec.index} is not tight"


def test_a_thing_is_drawn_inside_its_box() -> None:
    for kind in FIGURES:
        spec = next(s for s in (draw_scene(5, i) for i in range(600)) if kind in {thing.kind for thing in s.things})
        spec = dataclasses.replace(spec, artifacts=(), light=dataclasses.replace(spec.light, noise=0))
        thing = next(thing for thing in spec.things if thing.kind == kind)
        alone, nothing = dataclasses.replace(spec, things=(thing,)), dataclasses.replace(spec, things=())
        changed = np.abs(pixels_of(alone) - pixels_of(nothing)).max(axis=2) > 12
        # The shadow on the ground is no part of the thing.
        changed[int(thing.base - 8 * thing.scale) :] = False
        x0, y0, x1, y1 = box_of(marks_of(thing))
        assert changed[y0:y1, x0:x1].sum() == changed.sum() > 100, kind


@settings(max_examples=120)
@given(
    kind=st.sampled_from(sorted(FIGURES)),
    scale=st.floats(0.7, 1.3),
    tilt=st.floats(-4, 4),
    flipped=st.booleans(),
    look=st.floats(0, 1, exclude_max=True),
)
def test_the_box_of_a_thing_is_that_of_its_silhouette(
    kind: str, scale: float, tilt: float, flipped: bool, look: float
) -> None:
    thing = Thing(kind, "red", x=190.3, base=300.6, scale=scale, flipped=flipped, tilt=tilt, look=look)
    x0, y0, x1, y1 = box_of(marks_of(thing))
    left, upper, right, lower = bounds(silhouette_of(thing))
    # The ends of a line are flat, and half its width is kept free around them.
    assert all(0 <= margin <= 5 for margin in (left - x0, upper - y0, x1 - right, y1 - lower))


def test_a_contact_sheet_shows_every_scene_with_its_boxes() -> None:
    sheet = contact_sheet(5, 7, 3)
    assert (sheet.mode, sheet.size) == ("RGB", (3 * 408, 2 * 544 + 34))
    colors = {color for _, color in sheet.getcolors(maxcolors=sheet.width * sheet.height) or []}
    assert {(213, 94, 0), (0, 114, 178)} <= colors


def test_a_frame_stands_around_each_defect_and_nothing_else_changes() -> None:
    spec = next(spec for spec in (draw_scene(7, i) for i in range(60)) if len({d.label for d in spec.defects}) == 2)
    framed, plain = np.asarray(boxed(spec)), np.asarray(render_scene(spec))
    x0, y0, x1, y1 = spec.defects[0].box
    color = {"artifact": [213, 94, 0], "misalignment": [0, 114, 178]}[spec.defects[0].label]
    for y, x in ((y0, x0), (y1 - 1, x1 - 1), (y0, x1 - 1), (y1 - 1, x0)):
        assert framed[y, x].tolist() == color
    frames = np.zeros(plain.shape[:2], dtype=bool)
    for defect in spec.defects:
        left, upper, right, lower = defect.box
        ring = np.zeros_like(frames)
        ring[upper:lower, left:right] = True
        ring[upper + 3 : lower - 3, left + 3 : right - 3] = False
        frames |= ring
    assert np.array_equal(framed[~frames], plain[~frames])
