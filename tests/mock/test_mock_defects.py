"""The built-in models of the grounding task: honest, in the task's format, better than chance."""

import io
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mock_requests import chat, data_url, messages, picture
from PIL import Image, ImageFilter
from scipy.optimize import linear_sum_assignment

from peakbench.benchmarks.defects import draw_scene
from peakbench.benchmarks.defects.making import jpeg_of
from peakbench.mock import MODEL_NAMES, build_models
from peakbench.mock.artifacts import find_artifacts
from peakbench.mock.captions import caption_in, find_misalignments
from peakbench.mock.completion import complete
from peakbench.mock.detective import TUNING_SEED, PixelDetective
from peakbench.mock.refusing import RefusedError

HELD_OUT_SEED = 424_242
GROUND = (188, 204, 190)


def grainy(color: tuple[int, int, int] = GROUND, size: tuple[int, int] = (300, 240), seed: int = 0) -> Image.Image:
    """A plain picture with grain that is the same in all channels."""
    grain = np.random.default_rng(seed).integers(-6, 7, (size[1], size[0], 1))
    return Image.fromarray((np.array(color) + grain).clip(0, 255).astype(np.uint8))


def with_spots(*spots: tuple[tuple[int, int, int], tuple[int, int, int, int]]) -> Image.Image:
    """A grainy picture with rectangles of other colours, grainy too."""
    image = grainy()
    for number, (color, box) in enumerate(spots):
        image.paste(grainy(color, (box[2] - box[0], box[3] - box[1]), number + 1), box[:2])
    return image


RED, BLUE, YELLOW = (200, 34, 42), (46, 108, 204), (242, 206, 58)


def read(text: str) -> list[dict[str, Any]]:
    """The defects of an answer."""
    answer = text.rpartition("<answer>")[2]
    assert answer.endswith("</answer>")
    defects = json.loads(answer.removesuffix("</answer>"))
    assert isinstance(defects, list)
    return defects


def overlap(one: Sequence[int], other: Sequence[int]) -> float:
    """Intersection over union of two boxes."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0, width) * max(0, height)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return shared / (sum(areas) - shared)


def assert_form(defects: list[dict[str, Any]]) -> None:
    for defect in defects:
        assert list(defect) == ["box_2d", "label", "desc", "importance"]
        x0, y0, x1, y1 = defect["box_2d"]
        assert 0 <= x0 < x1 <= 1000
        assert 0 <= y0 < y1 <= 1000
        assert all(type(edge) is int for edge in defect["box_2d"])
        assert defect["label"] in ("artifact", "misalignment")
        assert isinstance(defect["desc"], str)
        assert defect["desc"]
        assert 1 <= defect["importance"] <= 100


def test_the_two_models_come_after_the_others() -> None:
    assert MODEL_NAMES[-2:] == ("pixel-detective", "constant-empty")
    assert [model.name for model in build_models(MODEL_NAMES[-2:])] == list(MODEL_NAMES[-2:])


def test_constant_empty_says_that_nothing_is_wrong() -> None:
    [model] = build_models(["constant-empty"])
    assert model.answer(picture(), "Caption: two red apples").text == "<answer>[]</answer>"


@pytest.mark.parametrize("name", MODEL_NAMES[-2:])
def test_the_image_is_decoded_before_the_answer(name: str) -> None:
    models = {model.name: model for model in build_models([name])}
    limits: dict[str, Any] = {"max_image_pixels": 1_000_000, "max_model_len": 8192}
    body = json.dumps(chat(name, messages=messages(data_url(grainy())))).encode()
    assert read(complete(body, models, **limits).text) == []
    for wrong in (messages("data:image/png;base64,aGVsbG8="), messages() * 2, [{"role": "user", "content": "hello"}]):
        with pytest.raises(RefusedError):
            complete(json.dumps(chat(name, messages=wrong)).encode(), models, **limits)


@pytest.mark.parametrize(
    ("prompt", "caption"),
    [
        ("Caption: A red cup.", "A red cup."),
        ("Find defects.\nCAPTION :  A red cup.\nAnswer in JSON.", "A red cup."),
        ("The caption: unknown\nCaption: A red cup.", "A red cup."),
        ("Caption:\nA red cup.\n", "A red cup."),
        ("Describe the picture.", ""),
        ("Caption:", ""),
        ("", ""),
    ],
)
def test_the_caption_is_read_from_the_prompt(prompt: str, caption: str) -> None:
    assert caption_in(prompt) == caption


def test_nothing_is_found_in_an_even_grain() -> None:
    assert find_artifacts(grainy()) == []
    assert find_artifacts(with_spots((RED, (40, 60, 120, 140)), (BLUE, (180, 60, 260, 160)))) == []


def test_a_blurred_patch_is_found_where_it_is() -> None:
    image = with_spots((RED, (40, 60, 120, 140)))
    box = (170, 80, 240, 150)
    image.paste(image.crop(box).filter(ImageFilter.GaussianBlur(6)), box[:2])
    [finding] = find_artifacts(image)
    assert overlap(finding.patch, box) > 0.6
    assert "smooth" in finding.desc


def test_patches_far_apart_are_two_findings() -> None:
    image = grainy()
    boxes = (20, 40, 80, 100), (200, 120, 270, 200)
    for box in boxes:
        image.paste(image.crop(box).filter(ImageFilter.GaussianBlur(6)), box[:2])
    findings = find_artifacts(image)
    assert [round(overlap(finding.patch, box)) for finding, box in zip(findings, boxes[::-1], strict=True)] == [1, 1]


def test_a_patch_of_coloured_noise_is_found_where_it_is() -> None:
    image, box = grainy(), (60, 50, 130, 110)
    noise = np.random.default_rng(5).integers(40, 220, (60, 70, 3)).astype(np.uint8)
    image.paste(Image.fromarray(noise), box[:2])
    [finding] = find_artifacts(image)
    assert overlap(finding.patch, box) > 0.6
    assert "noise" in finding.desc


def test_a_colour_that_the_caption_does_not_name_is_found_where_it_is() -> None:
    image = with_spots((RED, (40, 60, 120, 140)), (BLUE, (180, 60, 260, 160)))
    assert find_misalignments(image, "A red cup and a blue bowl.") == []
    [finding] = find_misalignments(image, "A red cup and a green bowl.")
    assert overlap(finding.patch, (180, 60, 260, 160)) > 0.9
    assert "blue" in finding.desc
    assert "green" in finding.desc


def test_a_wrong_number_of_things_of_a_colour_is_found() -> None:
    image = with_spots((YELLOW, (20, 60, 80, 120)), (YELLOW, (110, 60, 170, 120)), (BLUE, (210, 60, 280, 160)))
    assert find_misalignments(image, "Two yellow pears and a blue bowl.") == []
    [finding] = find_misalignments(image, "Three yellow pears and a blue bowl.")
    assert overlap(finding.patch, (20, 60, 170, 120)) > 0.9


def test_without_a_caption_only_artifacts_are_answered() -> None:
    image = with_spots((RED, (40, 60, 120, 140)))
    model = PixelDetective()
    assert read(model.answer(image, "What is wrong?").text) == []
    [defect] = read(model.answer(image, "What is wrong?\nCaption: a blue cup").text)
    assert defect["label"] == "misalignment"
    assert "red" in defect["desc"]


def test_a_transposed_picture_has_transposed_boxes() -> None:
    image = with_spots((RED, (40, 60, 120, 140)))
    for turned, order in ((image, (0, 1, 2, 3)), (image.transpose(Image.Transpose.TRANSPOSE), (1, 0, 3, 2))):
        [defect] = PixelDetective().detect(turned, "a blue cup")
        expected = [1000 * 40 / 300, 1000 * 60 / 240, 1000 * 120 / 300, 1000 * 140 / 240]
        assert np.allclose(defect["box_2d"], [expected[place] for place in order], atol=12)


@settings(max_examples=60, deadline=None)
@given(size=st.tuples(st.integers(1, 130), st.integers(1, 130)), seed=st.integers(0, 99), prompt=st.text(max_size=60))
def test_any_picture_and_prompt_get_an_answer_in_form(size: tuple[int, int], seed: int, prompt: str) -> None:
    levels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3)).astype(np.uint8)
    for image in (Image.fromarray(levels), Image.new("RGB", size, (200, 34, 42))):
        text = PixelDetective().answer(image, f"Caption: {prompt} red").text
        assert text.startswith("<think>")
        assert_form(read(text))


def test_a_picture_that_is_too_small_to_be_measured_has_no_findings() -> None:
    noise = Image.fromarray(np.random.default_rng(5).integers(40, 220, (40, 200, 3)).astype(np.uint8))
    assert find_artifacts(noise) == []
    assert find_artifacts(noise.resize((200, 90), Image.Resampling.NEAREST)) != []
    assert find_misalignments(Image.new("RGB", (40, 200), RED), "a blue cup") == []
    assert find_misalignments(Image.new("RGB", (50, 200), RED), "a blue cup") != []


def test_a_large_picture_is_answered_as_a_small_one() -> None:
    image = with_spots((RED, (40, 60, 120, 140))).resize((3000, 2400))
    [defect] = [d for d in PixelDetective().detect(image, "a blue cup") if d["label"] == "misalignment"]
    assert np.allclose(defect["box_2d"], [133, 250, 400, 583], atol=12)


def measured(n: int) -> dict[str, dict[str, float]]:
    """How good the detective is on scenes that it was not tuned on, a label."""
    model, counts = PixelDetective(), {label: np.zeros(9) for label in ("artifact", "misalignment")}
    for index in range(n):
        spec = draw_scene(HELD_OUT_SEED, index)
        with Image.open(io.BytesIO(jpeg_of(spec))) as image:
            defects = read(model.answer(image.convert("RGB"), f"Find what is wrong.\nCaption: {spec.caption}").text)
        assert_form(defects)
        for label, count in counts.items():
            true = [row["box_2d"] for row in spec.reference() if row["label"] == label]
            given_ = [row["box_2d"] for row in defects if row["label"] == label]
            seen, there = bool(given_), bool(true)
            count[:6] += (seen and there, seen, there, not seen and not there, not there, 1)
            count[6] += len(true) + len(given_)
            for place, least in ((7, 0.1), (8, 0.5)):
                overlaps = np.array([[overlap(a, b) for b in given_] for a in true]).reshape(len(true), len(given_))
                kept = np.where(overlaps >= least, overlaps, 0)
                count[place] += (kept[linear_sum_assignment(-kept)] > 0).sum()
    return {
        label: {
            "precision": c[0] / c[1],
            "recall": c[0] / c[2],
            "clean_accuracy": c[3] / c[4],
            "share": c[2] / c[5],
            "box_f1_10": 2 * c[7] / c[6],
            "box_f1_50": 2 * c[8] / c[6],
        }
        for label, c in counts.items()
    }


def test_the_detective_is_better_than_chance_and_far_from_perfect_on_scenes_it_was_not_tuned_on() -> None:
    assert HELD_OUT_SEED != TUNING_SEED
    quality = measured(60)
    for label, least in (("artifact", 0.45), ("misalignment", 0.15)):
        of_label = quality[label]
        # By chance, a picture that is flagged has a defect as often as any other.
        assert of_label["precision"] > of_label["share"] + 0.15, quality
        assert of_label["recall"] > 0.25, quality
        assert of_label["clean_accuracy"] > 0.8, quality
        assert least < of_label["box_f1_10"] < 0.9, quality


@pytest.mark.slow
def test_the_detective_on_two_hundred_scenes() -> None:
    quality = measured(200)
    print(json.dumps(quality, indent=1))  # noqa: T201
    assert quality["artifact"]["box_f1_50"] > 0.3
    assert quality["misalignment"]["box_f1_50"] > 0.08
