"""The cards of metrics and components: there, complete, and true."""

import json
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from card_examples import boxed_answers, example_in, value_of_example
from card_pictures import picture_of_example
from given_judge import judged
from PIL import Image
from wordnet_here import cache_with_wordnet

from peakbench.benchmarks.schema import DEFAULT_TEMPLATE, Comparator, FieldSchema, FieldSpec
from peakbench.content import content_root
from peakbench.metrics import comparators, penalty
from peakbench.metrics.extraction import extract
from peakbench.metrics.grounding.iou import diou_matrix, giou_matrix, iou_matrix
from peakbench.metrics.grounding.items import normalise_box
from peakbench.metrics.penalty import label_probability, penalty_multiplier
from peakbench.metrics.registry import Registry
from peakbench.metrics.semantic.judged import Judge
from peakbench.metrics.verbalisation import sentence, value_text

REGISTRY = Registry.load(cache=cache_with_wordnet())
METRICS = [definition.id for definition in REGISTRY.definitions]


def test_folders_are_the_ids_of_metrics_and_components() -> None:
    folders = {path.name for path in (content_root() / "metrics").iterdir()}
    assert folders == {*METRICS, *REGISTRY.file.components}


@pytest.mark.parametrize("identifier", METRICS)
def test_example_in_card_is_reproduced(identifier: str) -> None:
    definition = REGISTRY.definition(identifier)
    card = content_root() / definition.card
    example = json.loads(example_in(card))
    given = "contradictions" in example
    if not definition.is_timing and not given and (lacking := REGISTRY.metric(identifier, None).lacking):
        pytest.skip(lacking)
    value = value_of_example(REGISTRY, identifier, example)
    assert value == pytest.approx(example["value"], abs=1e-12)
    text = card.read_text(encoding="utf-8")
    assert f"Value: {value:.6g}." in text
    assert definition.formula in text, "the card gives the registry's formula"


def test_examples_of_comparators_are_reproduced() -> None:
    for case in json.loads(example_in(content_root() / REGISTRY.file.components["comparators"].card)):
        schema = FieldSchema(fields={"f": FieldSpec.model_validate(case["field"])})
        verdict = REGISTRY.comparer(schema).compare({"f": case["reference"]}, {"f": case["prediction"]})["f"]
        assert (verdict.score, verdict.outcome) == (case["score"], case["outcome"]), case


def test_examples_of_extraction_are_reproduced() -> None:
    for case in json.loads(example_in(content_root() / REGISTRY.file.components["json_extraction"].card)):
        found = extract(case["text"], None, "object", ["type", "size"], {}, REGISTRY.limits)
        assert (found.level, found.value, list(found.flags)) == (case["level"], case["value"], case["flags"]), case


def test_examples_of_the_penalty_are_reproduced() -> None:
    for case in json.loads(example_in(content_root() / REGISTRY.file.components["nli_penalty"].card)):
        contradiction = label_probability(case["logits"], case["id2label"])
        assert contradiction == pytest.approx(case["contradiction"], abs=1e-12)
        assert penalty_multiplier(contradiction) == pytest.approx(case["multiplier"], abs=1e-12)


def test_registry_says_which_constants_the_penalty_uses() -> None:
    assert REGISTRY.file.components["nli_penalty"].parameters == {
        "label": penalty.LABEL,
        "threshold": penalty.THRESHOLD,
        "offset": penalty.OFFSET,
    }


def test_examples_of_fields_as_sentences_are_reproduced() -> None:
    for case in json.loads(example_in(content_root() / REGISTRY.file.components["nli_verbalisation"].card)):
        assert sentence(case["template"], case["field"], value_text(case["value"])) == case["sentence"], case


def test_examples_of_what_inference_is_asked_are_reproduced() -> None:
    for case in json.loads(example_in(content_root() / REGISTRY.file.components["nli_model"].card)):
        pair = (case["premise"], case["hypothesis"])
        registry, given = judged(REGISTRY, {pair: 0.5})
        context = registry.metric("hallucination", None).context
        assert Judge(context).contradictions({"a": pair}) == {"a": 0.5 if case["asked"] else 0.0}
        assert given.asked == ([[pair]] if case["asked"] else [])


def test_registry_says_which_sentence_a_field_has_by_default() -> None:
    assert REGISTRY.file.components["nli_verbalisation"].parameters == {"template": DEFAULT_TEMPLATE}


def test_examples_of_boxes_in_one_form_are_reproduced() -> None:
    for case in json.loads(example_in(content_root() / REGISTRY.file.components["box_normalize"].card)):
        box, flag = normalise_box(case["raw"], case["order"], tuple(case["size"]))
        assert (None if box is None else list(box), flag) == (case["box"], case["flag"]), case


def test_examples_of_overlap_are_reproduced() -> None:
    for case in json.loads(example_in(content_root() / REGISTRY.file.components["box_iou"].card)):
        pair = [np.array([case[side]], dtype=np.float64) for side in ("one", "other")]
        assert float(iou_matrix(*pair)[0, 0]) == pytest.approx(case["iou"], abs=1e-12), case
        for key, kin in (("diou", diou_matrix), ("giou", giou_matrix)):
            assert float(kin(*pair)[0, 0]) == pytest.approx(case.get(key, kin(*pair)[0, 0]), abs=1e-12), case


def test_example_of_matching_is_reproduced() -> None:
    example = json.loads(example_in(content_root() / REGISTRY.file.components["box_match"].card))
    (answer,) = boxed_answers(REGISTRY, example)
    assert answer.boxes is not None
    pairs = answer.boxes.pairs(example["picture"]["iou"], "hungarian_masked")
    assert [[*pair.positions, round(pair.iou, 6)] for pair in pairs] == example["matches"]


def test_pictures_of_cards_are_small_and_show_what_the_example_says() -> None:
    pictures = sorted((content_root() / "metrics").glob("*/*.png"))
    assert len(pictures) >= 5
    for path in pictures:
        card = path.parent / "card.md"
        assert f"({path.name})" in card.read_text(encoding="utf-8")
        drawn = np.asarray(picture_of_example(REGISTRY, json.loads(example_in(card))), dtype=np.int16)
        with Image.open(path) as stored:
            apart = np.abs(np.asarray(stored.convert("RGB"), dtype=np.int16) - drawn)
        assert path.stat().st_size < 20_000
        # Another build of the font library may draw the words otherwise; boxes it may not.
        assert (apart.max(axis=2) > 40).mean() < 0.01, path


def test_every_golden_file_lies_in_the_folder_of_a_metric_or_component_that_names_it() -> None:
    named = {path.resolve() for path in REGISTRY.golden_files()}
    there = {path.resolve() for path in (content_root() / "metrics").glob("*/*.jsonl")}
    assert named == there
    owners = {Path(path).parent.name for definition in REGISTRY.definitions for path in definition.golden}
    assert owners <= {*METRICS, *REGISTRY.file.components}


def test_registry_says_which_constants_the_comparators_use() -> None:
    assert REGISTRY.file.components["comparators"].parameters == {
        "brand_cutoff": comparators.BRAND_CUTOFF,
        "anls_cutoff": comparators.ANLS_CUTOFF,
        "max_chars": comparators.MAX_CHARS,
        "max_pairs": comparators.MAX_PAIRS,
    }


def test_registry_documents_every_comparator() -> None:
    assert set(get_args(Comparator)) <= set(REGISTRY.file.comparators)
