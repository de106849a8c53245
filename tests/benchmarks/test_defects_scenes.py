"""The scenes: captions, what is drawn, and references that name every difference and nothing else."""

import itertools
import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peakbench.benchmarks.defects import SceneSpec, draw_scene
from peakbench.benchmarks.defects.figures import FIGURES, marks_of
from peakbench.benchmarks.defects.marks import box_of
from peakbench.benchmarks.defects.scene import importance_of
from peakbench.benchmarks.defects.spec import SIZE, SceneDefect
from peakbench.benchmarks.defects.vocabulary import ARTIFACT_NAMES, KINDS, PALETTE, SETTINGS
from peakbench.benchmarks.defects.wording import counted, named


@pytest.fixture(scope="module")
def many() -> list[SceneSpec]:
    return [draw_scene(7, index) for index in range(700)]


def labels_of(spec: SceneSpec) -> frozenset[str]:
    return frozenset(defect.label for defect in spec.defects)


def drawn(spec: SceneSpec) -> list[str]:
    """What a caption that is true to the picture would say of each group."""
    groups = Counter((thing.kind, thing.color) for thing in spec.things)
    return [counted(kind, color, n) for (kind, color), n in groups.items()]


def says(caption: str, phrase: str) -> bool:
    return re.search(rf"(?i)(?<![a-z]){re.escape(phrase)}(?![a-z])", caption) is not None


def test_seed_and_index_alone_decide_a_scene() -> None:
    assert draw_scene(7, 17) == draw_scene(7, 17)
    assert draw_scene(7, 17) != draw_scene(7, 18)
    assert draw_scene(7, 17) != draw_scene(8, 17)
    with pytest.raises(ValueError, match="non-negative"):
        draw_scene(-1, 0)


def test_defects_come_at_the_rates_of_real_data(many: list[SceneSpec]) -> None:
    shares = Counter(labels_of(spec) for spec in many)
    expected = {(): 0.25, ("artifact",): 0.43, ("misalignment",): 0.10, ("artifact", "misalignment"): 0.22}
    for labels, share in expected.items():
        assert abs(shares[frozenset(labels)] / len(many) - share) < 0.055, labels


def test_every_kind_of_thing_setting_and_defect_is_reached(many: list[SceneSpec]) -> None:
    assert set(FIGURES) == set(KINDS) == {kind for place in SETTINGS.values() for kind in (*place.front, *place.back)}
    assert {thing.kind for spec in many for thing in spec.things} == set(KINDS)
    assert {spec.setting for spec in many} == set(SETTINGS)
    assert {artifact.kind for spec in many for artifact in spec.artifacts} == set(ARTIFACT_NAMES)
    said = " ".join(d.desc for spec in many for d in spec.defects if d.label == "misalignment")
    for words in (", not", "instead of", "missing", "does not name", "on the left, not on the right"):
        assert words in said


def test_a_scene_without_misalignment_shows_what_its_caption_says(many: list[SceneSpec]) -> None:
    for spec in many:
        if "misalignment" in labels_of(spec):
            continue
        for phrase in drawn(spec):
            assert says(spec.caption, phrase), (spec.index, phrase, spec.caption)
        listed = spec.caption.split(" is nothing else")[0].split(" The ")[0]
        assert len(re.findall(r"(?i)\b(?:a|an|two|three|four|five) ", listed)) >= len(drawn(spec))


def test_a_wrong_colour_number_or_thing_is_not_what_the_caption_says(many: list[SceneSpec]) -> None:
    checked = 0
    for spec in many:
        for defect in spec.defects:
            if defect.label == "artifact" or "on the left, not" in defect.desc or "on the right, not" in defect.desc:
                continue
            true = {phrase for phrase in drawn(spec) if not says(spec.caption, phrase)}
            if "missing" in defect.desc:
                name = defect.desc.removeprefix("the ").split(" on the ")[0]
                assert says(spec.caption, name)
                assert not any(named(thing.kind, thing.color) == name for thing in spec.things)
            else:
                assert true, (spec.index, defect.desc, spec.caption)
            checked += 1
    assert checked > 120


def test_places_that_are_named_are_true_but_for_the_misalignments(many: list[SceneSpec]) -> None:
    checked = 0
    for spec in many:
        wrong = "; ".join(defect.desc for defect in spec.defects if defect.label == "misalignment")
        for noun, side in re.findall(r"The ([a-z -]+?) (?:is|are) on the (left|right)\.", spec.caption):
            group = [thing for thing in spec.things if noun in (thing.kind, KINDS[thing.kind].plural)]
            if not group:
                assert "missing" in wrong
                continue
            front = group[0].base > 230
            others = [thing for thing in spec.things if (thing.base > 230) == front and thing not in group]
            middle = sum(thing.x for thing in group) / len(group)
            is_left = all(middle < thing.x for thing in others) if others else middle < SIZE / 2
            is_right = all(middle > thing.x for thing in others) if others else middle > SIZE / 2
            holds = is_left if side == "left" else is_right
            departs = re.search(rf"the {noun} (?:is|are) on the (?:left|right), not on the {side}", wrong) is not None
            assert holds != departs, (spec.index, wrong)
            checked += 1
    assert checked > 200


def test_an_extra_thing_is_only_wrong_where_the_caption_says_that_there_is_nothing_else(many: list[SceneSpec]) -> None:
    extra = [spec for spec in many if any("does not name" in defect.desc for defect in spec.defects)]
    assert extra
    assert all("nothing else" in spec.caption for spec in extra)
    clean = [spec for spec in many if not spec.defects]
    assert 0.3 < sum("nothing else" in spec.caption for spec in clean) / len(clean) < 0.6


def test_things_are_whole_and_apart(many: list[SceneSpec]) -> None:
    for spec in many[:300]:
        boxes = [box_of(marks_of(thing)) for thing in spec.things]
        for x0, y0, x1, y1 in boxes:
            assert 0 < x0 < x1 < SIZE
            assert 0 < y0 < y1 < SIZE
        rows = [[box for box in boxes if (box[3] > 250) == front] for front in (True, False)]
        for row in rows:
            ordered = sorted(row)
            for left, right in itertools.pairwise(ordered):
                assert right[0] - left[2] > -8, spec.index


def test_artifacts_lie_apart_from_one_another(many: list[SceneSpec]) -> None:
    for spec in many:
        boxes = [defect.box for defect in spec.defects if defect.label == "artifact"]
        assert len(boxes) == len(spec.artifacts) <= 3
        for number, (a0, b0, a1, b1) in enumerate(boxes):
            for c0, d0, c1, d1 in boxes[number + 1 :]:
                shared = max(0, min(a1, c1) - max(a0, c0)) * max(0, min(b1, d1) - max(b0, d0))
                assert shared <= 0.05 * max((a1 - a0) * (b1 - b0), (c1 - c0) * (d1 - d0))


def test_a_reference_is_in_the_form_of_the_task(many: list[SceneSpec]) -> None:
    for spec in many:
        reference = spec.reference()
        assert [row["importance"] for row in reference] == sorted(
            (row["importance"] for row in reference), reverse=True
        )
        for row in reference:
            assert list(row) == ["box_2d", "label", "desc", "importance"]
            x0, y0, x1, y1 = row["box_2d"]
            assert all(type(edge) is int for edge in row["box_2d"])
            assert 0 <= x0 < x1 <= 1000
            assert 0 <= y0 < y1 <= 1000
            assert row["label"] in ("artifact", "misalignment")
            assert 1 <= row["importance"] <= 100
            assert 2 <= len(row["desc"].split()) <= 16
        for article in re.findall(r"\b(?:a [aeiou]|an [^aeiou])", f"{spec.caption} {[r['desc'] for r in reference]}"):
            pytest.fail(f"{article!r} in {spec.caption}")


boxes_of_pixels = st.tuples(
    st.integers(0, SIZE - 1), st.integers(0, SIZE - 1), st.integers(1, SIZE), st.integers(1, SIZE)
).filter(lambda box: box[0] < box[2] and box[1] < box[3])


@given(box=boxes_of_pixels, strength=st.floats(0.5, 1.5))
def test_a_box_in_thousandths_holds_the_pixels_and_hardly_more(box: tuple[int, int, int, int], strength: float) -> None:
    row = SceneDefect("artifact", box, "x", importance_of(box, strength)).row()
    for edge, pixels, outwards in zip(row["box_2d"], box, (-1, -1, 1, 1), strict=True):
        assert 0 <= outwards * (edge - 1000 * pixels / SIZE) < 1
    assert 1 <= row["importance"] <= 100


@given(box=boxes_of_pixels)
def test_a_larger_or_a_worse_defect_matters_no_less(box: tuple[int, int, int, int]) -> None:
    x0, y0, x1, y1 = box
    assert importance_of(box, 1.3) >= importance_of(box, 0.7)
    if (x1 - x0) * (y1 - y0) > 200:
        assert importance_of(box, 1.3) > importance_of(box, 0.7) or importance_of(box, 0.7) == 100
    wider = (min(x0, SIZE - x1), y0, max(x1, SIZE - x0), y1)
    assert importance_of(wider, 1.0) >= importance_of(box, 1.0)


@settings(max_examples=60)
@given(seed=st.integers(0, 2**63), index=st.integers(0, 2**40))
def test_any_seed_and_index_make_a_scene(seed: int, index: int) -> None:
    spec = draw_scene(seed, index)
    assert spec.things
    assert all(thing.color is None or thing.color in PALETTE for thing in spec.things)
    assert labels_of(spec) == labels_of(spec) & {"artifact", "misalignment"}
