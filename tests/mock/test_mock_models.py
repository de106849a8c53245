import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mock_requests import picture
from PIL import Image

from peakbench.benchmarks.garments import draw_spec, render
from peakbench.benchmarks.garments.vocabulary import ATTRIBUTES
from peakbench.errors import BadInputError
from peakbench.mock import MODEL_NAMES, build_models, training
from peakbench.mock.answers import ConstantModel, CutModel, MockAnswer, MockModel, ProseModel
from peakbench.mock.features import features_of
from peakbench.mock.neighbours import NearestNeighbour
from peakbench.mock.training import TRAINING_SEED, TrainingSet, training_set

ROOT = Path(__file__).parents[2]
HELD_OUT_SEED = 424_242
SEEN = ("type", "color", "pattern", "neckline", "sleeve_length")


@pytest.fixture(scope="module")
def examples() -> TrainingSet:
    return training_set(120)


@pytest.fixture(scope="module")
def plain(examples: TrainingSet) -> NearestNeighbour:
    return NearestNeighbour("nearest-120", examples)


def held_out(n: int) -> list[tuple[Image.Image, dict[str, str | None]]]:
    specs = [draw_spec(HELD_OUT_SEED, index) for index in range(n)]
    return [(render(spec), spec.reference()) for spec in specs]


def accuracy(model: MockModel, garments: list[tuple[Image.Image, dict[str, str | None]]]) -> dict[str, float]:
    answers = [json.loads(model.answer(image, "").text) for image, _ in garments]
    return {
        field: sum(answer[field] == reference[field] for answer, (_, reference) in zip(answers, garments, strict=True))
        / len(garments)
        for field in ATTRIBUTES
    }


def test_the_keys_of_an_answer_are_those_of_a_reference() -> None:
    assert tuple(draw_spec(HELD_OUT_SEED, 0).reference()) == ATTRIBUTES


def test_a_model_knows_the_pictures_it_learnt_from(examples: TrainingSet, plain: NearestNeighbour) -> None:
    for index in (0, 57, 119):
        answer = json.loads(plain.answer(render(draw_spec(TRAINING_SEED, index)), "").text)
        assert tuple(answer) == ATTRIBUTES
        reference = examples.labels[index]
        assert [answer[field] for field in (*SEEN, "closure")] == [reference[field] for field in (*SEEN, "closure")]


def test_more_training_renders_make_a_better_model(examples: TrainingSet, plain: NearestNeighbour) -> None:
    garments = held_out(60)
    few = accuracy(NearestNeighbour("nearest-10", examples.first(10)), garments)
    many = accuracy(plain, garments)
    assert np.mean([many[field] for field in SEEN]) > np.mean([few[field] for field in SEEN]) + 0.1


@pytest.mark.slow
def test_nearest_2000_beats_nearest_20_on_every_field_that_can_be_seen() -> None:
    garments = held_out(200)
    few, many = (accuracy(model, garments) for model in build_models(["nearest-20", "nearest-2000"]))
    print(f"nearest-20:   {few}\nnearest-2000: {many}")  # noqa: T201
    for field in SEEN:
        assert many[field] >= few[field] + 0.05, field
    assert np.mean([many[field] for field in SEEN]) > 0.85


class Shouting:
    name = "shouting"

    def answer(self, image: Image.Image, prompt: str) -> MockAnswer:
        return MockAnswer('{"Brand": "Émile",  "n": null}')


def test_prose_holds_the_plain_answer_unchanged_in_a_fence() -> None:
    said = ProseModel("prose", Shouting()).answer(picture(), "")
    fenced = re.search(r"\n```json\n(.*)\n```\n", said.text, re.DOTALL)
    assert fenced is not None
    assert fenced[1] == Shouting().answer(picture(), "").text
    assert said.finish_reason == "stop"
    assert not said.text.startswith("```")


def test_cut_breaks_off_the_plain_answer_on_about_half_of_the_images() -> None:
    plain = ConstantModel()
    cut = CutModel("cut", plain)
    whole = plain.answer(picture(), "").text
    said = [cut.answer(picture(red, width=8, height=8 + row), "") for red in range(100) for row in range(3)]
    broken = [answer for answer in said if answer.finish_reason == "length"]
    assert {answer.text for answer in broken} == {whole[: len(whole) // 2]}
    assert {answer.text for answer in said if answer.finish_reason == "stop"} == {whole}
    # Four standard deviations of a fair coin thrown 300 times.
    assert abs(len(broken) - 150) < 35


def test_the_same_image_is_cut_alike_every_time() -> None:
    image, _ = held_out(1)[0]
    assert CutModel.cuts(image) == CutModel.cuts(image.copy())


@settings(max_examples=25)
@given(width=st.integers(1, 400), height=st.integers(1, 400), seed=st.integers(0, 1000), flat=st.booleans())
def test_any_picture_gets_finite_features_and_an_answer(
    plain: NearestNeighbour, width: int, height: int, seed: int, flat: bool
) -> None:
    levels = np.random.default_rng(seed).integers(0, 256, (1, 1, 3) if flat else (height, width, 3))
    image = Image.fromarray(np.broadcast_to(levels, (height, width, 3)).astype(np.uint8))
    features = features_of(image)
    assert all(np.isfinite(part).all() for part in (features.color, features.pattern, features.shape))
    assert tuple(plain.predict(image)) == ATTRIBUTES


def test_constant_null_needs_no_training_and_never_looks() -> None:
    (model,) = build_models(["constant-null"], progress=pytest.fail)
    assert set(json.loads(model.answer(picture(), "").text).values()) == {None}


def test_models_come_in_the_order_of_their_names_and_once() -> None:
    told: list[str] = []
    built = build_models(["constant-null", "nearest-20", "constant-null"], progress=told.append)
    assert [model.name for model in built] == ["constant-null", "nearest-20"]
    assert any("20 garments" in line for line in told)


def test_an_unknown_name_is_refused_with_the_name_that_was_meant() -> None:
    with pytest.raises(BadInputError, match="nearest-200`") as refused:
        build_models(["nearest-200"])
    assert "did you mean `nearest-20" in refused.value.mend
    with pytest.raises(BadInputError) as refused:
        build_models(["gpt"])
    assert all(name in refused.value.mend for name in MODEL_NAMES)
    with pytest.raises(BadInputError):
        build_models([])


def same(one: TrainingSet, other: TrainingSet) -> bool:
    pairs = [(getattr(one.features, part), getattr(other.features, part)) for part in ("color", "pattern", "shape")]
    return one.labels == other.labels and all(np.array_equal(a, b) for a, b in pairs)


def test_fewer_renders_are_the_first_of_more(examples: TrainingSet) -> None:
    assert same(training_set(6), examples.first(6))


@pytest.mark.parametrize("python", [sys.executable, "/nowhere/python", "/bin/false"])
def test_helpers_make_the_same_and_are_done_without_where_they_cannot_run(
    examples: TrainingSet, monkeypatch: pytest.MonkeyPatch, python: str
) -> None:
    monkeypatch.setattr(training, "_FEWEST_FOR_HELPERS", 2)
    monkeypatch.setattr(training, "_processors", lambda: 2)
    monkeypatch.setattr(sys, "executable", python)
    assert same(training_set(7), examples.first(7))


def test_a_script_without_a_main_guard_runs_once(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nprint('started')\n"
        "from peakbench.mock import training\n"
        "training._FEWEST_FOR_HELPERS, training._processors = 2, lambda: 2\n"
        "print(len(training.training_set(4).labels))\n"
    )
    ran = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=300, cwd=tmp_path)
    assert (ran.stdout, ran.stderr, ran.returncode) == ("started\n4\n", "", 0)


def test_color_features_tell_the_most_common_color_and_the_others_apart() -> None:
    def cloth(accent: tuple[int, int, int]) -> Image.Image:
        image = Image.new("RGB", (256, 320), (230, 230, 230))
        image.paste((200, 30, 40), (60, 60, 200, 260))
        image.paste(accent, (90, 90, 170, 170))
        return image

    blue, green = features_of(cloth((30, 40, 200))).color, features_of(cloth((30, 140, 40))).color
    assert np.abs(blue[:3] - green[:3]).max() < 1
    assert np.abs(blue[3:] - green[3:]).max() > 3
