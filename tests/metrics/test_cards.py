"""The cards of metrics and components: there, complete, and true."""

import json
from pathlib import Path
from typing import get_args

import pytest
from card_examples import example_in, value_of_example

from peakbench.benchmarks.schema import Comparator, FieldSchema, FieldSpec
from peakbench.content import content_root
from peakbench.metrics import comparators
from peakbench.metrics.extraction import extract
from peakbench.metrics.registry import Registry

REGISTRY = Registry.load()
METRICS = [definition.id for definition in REGISTRY.definitions]


def test_folders_are_the_ids_of_metrics_and_components() -> None:
    folders = {path.name for path in (content_root() / "metrics").iterdir()}
    assert folders == {*METRICS, *REGISTRY.file.components}


@pytest.mark.parametrize("identifier", METRICS)
def test_example_in_card_is_reproduced(identifier: str) -> None:
    definition = REGISTRY.definition(identifier)
    card = content_root() / definition.card
    example = json.loads(example_in(card))
    if not definition.is_timing and (lacking := REGISTRY.metric(identifier, None).lacking) is not None:
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
