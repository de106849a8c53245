"""The pictures: the same for everyone, varied, and true to their references."""

import dataclasses
import hashlib
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from peakbench.benchmarks.garments import GarmentSpec, contact_sheet, draw_spec, render
from peakbench.benchmarks.garments.defects import box_of
from peakbench.benchmarks.garments.making import jpeg_of
from peakbench.benchmarks.garments.painting import word_width
from peakbench.benchmarks.garments.shapes import shape_of
from peakbench.benchmarks.garments.vocabulary import COLORS

Pixels = NDArray[np.int64]


def pixels_of(spec: GarmentSpec) -> Pixels:
    return np.asarray(render(spec)).astype(np.int64)


def flawed(n: int) -> list[GarmentSpec]:
    """`n` garments with a defect, every kind of defect among them."""
    by_kind: dict[str, list[GarmentSpec]] = {}
    for index in range(1500):
        spec = draw_spec(3, index)
        if spec.defect:
            by_kind.setdefault(spec.defect.kind, []).append(spec)
    assert len(by_kind) == 7
    return [spec for specs in by_kind.values() for spec in specs[: n // 7]]


def test_an_image_is_rgb_and_256_by_320() -> None:
    image = render(draw_spec(7, 0))
    assert (image.mode, image.size) == ("RGB", (256, 320))


def test_the_same_specification_gives_the_same_bytes_whatever_the_global_random_state() -> None:
    specs = [draw_spec(7, index) for index in range(8)]
    np.random.seed(1)
    first = [jpeg_of(spec) for spec in specs]
    np.random.seed(2)
    assert [jpeg_of(spec) for spec in reversed(specs)][::-1] == first
    assert len(set(first)) == len(first)


def test_another_process_renders_the_same_bytes() -> None:
    program = (
        "import hashlib; from peakbench.benchmarks.garments import draw_spec;"
        "from peakbench.benchmarks.garments.making import jpeg_of;"
        "print(hashlib.sha256(b''.join(jpeg_of(draw_spec(7, i)) for i in range(6))).hexdigest())"
    )
    there = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()
    assert there == hashlib.sha256(b"".join(jpeg_of(draw_spec(7, i)) for i in range(6))).hexdigest()


def test_importing_the_package_loads_neither_pillow_nor_numpy() -> None:
    program = (
        "import sys, peakbench.benchmarks.garments as g; assert g.draw_spec and g.render and g.contact_sheet;"
        "print([m for m in ('PIL', 'numpy') if m in sys.modules])"
    )
    there = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()
    assert there == "[]"


def test_the_box_holds_the_whole_defect_and_nothing_else_changes() -> None:
    for spec in flawed(42):
        assert spec.defect is not None
        box = box_of(spec)
        assert box is not None
        x0, y0, x1, y1 = box
        assert 0 <= x0 < x1 <= 256
        assert 0 <= y0 < y1 <= 320
        assert (x1 - x0) * (y1 - y0) < 0.05 * 256 * 320
        difference = np.abs(pixels_of(spec) - pixels_of(dataclasses.replace(spec, defect=None))).max(axis=2)
        inside = difference[y0:y1, x0:x1]
        assert inside.max() > 25, f"{spec.defect.text} of {spec.seed}/{spec.index} does not show"
        assert difference.sum() == inside.sum(), f"{spec.defect.text} of {spec.seed}/{spec.index} leaves its box"


def test_the_box_is_tight() -> None:
    for spec in flawed(42):
        box = box_of(spec)
        assert box is not None
        x0, y0, x1, y1 = box
        difference = np.abs(pixels_of(spec) - pixels_of(dataclasses.replace(spec, defect=None))).max(axis=2) > 3
        rows, columns = np.flatnonzero(difference.any(axis=1)), np.flatnonzero(difference.any(axis=0))
        margins = (columns[0] - x0, x1 - 1 - columns[-1], rows[0] - y0, y1 - 1 - rows[-1])
        assert max(margins) <= 4, f"{spec.defect} of {spec.seed}/{spec.index}: {margins}"


def test_a_flawless_garment_has_no_box() -> None:
    spec = next(spec for spec in (draw_spec(7, index) for index in range(50)) if spec.defect is None)
    assert box_of(spec) is None


@pytest.mark.parametrize("attribute", ["brand", "size"])
def test_a_brand_and_a_size_are_seen_in_the_pixels(attribute: str) -> None:
    specs = [draw_spec(8, index) for index in range(120)]
    specs = [spec for spec in specs if getattr(spec, attribute) is not None][:20]
    for spec in specs:
        change = {"brand": {"brand": None}, "size": {"size": None, "tag": None}}[attribute]
        without = dataclasses.replace(spec, **change)  # type: ignore[arg-type]
        changed = np.abs(pixels_of(spec) - pixels_of(without)).max(axis=2) > 60
        assert changed.sum() > 40, f"the {attribute} of {spec.seed}/{spec.index} does not show"


def test_brands_are_printed_large_enough_to_read() -> None:
    for index in range(1500):
        spec = draw_spec(9, index)
        if spec.brand:
            room = shape_of(spec).brand[2] - 4
            height = min(15.0, room / word_width(spec.brand.upper(), 1.0)) * spec.pose.scale
            assert height >= 7.5, f"{spec.type} {spec.closure} {spec.brand}: {height:.1f} pixels"


def test_the_colour_named_is_the_nearest_to_what_covers_most_of_a_plain_garment() -> None:
    names, table = list(COLORS), np.array(list(COLORS.values()), dtype=float)
    right, n = 0, 0
    for index in range(160):
        spec = draw_spec(10, index)
        if spec.pattern != "solid":
            continue
        body = pixels_of(spec)[120:220, 96:160].reshape(-1, 3)
        distance = np.linalg.norm(np.median(body, axis=0) - table, axis=1)
        right += names[int(distance.argmin())] == spec.color
        n += 1
    assert right / n > 0.85


@settings(max_examples=25)
@given(seed=st.integers(0, 2**63), index=st.integers(0, 2**40))
def test_every_seed_and_index_renders_within_the_frame(seed: int, index: int) -> None:
    spec = draw_spec(seed, index)
    assert render(spec).size == (256, 320)
    box = box_of(spec)
    assert (box is None) == (spec.defect is None)
    if box:
        assert 0 <= box[0] < box[2] <= 256
        assert 0 <= box[1] < box[3] <= 320


def test_a_contact_sheet_has_a_cell_for_each_garment() -> None:
    sheet = contact_sheet(5, seed=7, columns=3)
    assert sheet.size == (3 * 280, 2 * 416)
    picture = np.asarray(render(draw_spec(7, 4)))
    assert (np.asarray(sheet)[416 + 12 : 416 + 12 + 320, 280 + 12 : 280 + 12 + 256] == picture).all()
    caption = np.asarray(sheet)[12 + 320 : 416, :280]
    assert caption.min() < 100
