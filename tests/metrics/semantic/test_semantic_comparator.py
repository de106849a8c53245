"""Fields of free text: compared by meaning, embedded together, and never by a quiet substitute."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tiny_models import registry_with

from peakbench.benchmarks.benchmark import find_benchmark
from peakbench.benchmarks.sample import Sample
from peakbench.benchmarks.schema import FieldSchema, FieldSpec
from peakbench.metrics.answers import prefetcher, prepare, preparer
from peakbench.metrics.comparators import FieldComparer
from peakbench.metrics.metric import RepeatMetric
from peakbench.metrics.registry import Registry
from peakbench.metrics.semantic.encoder import SentenceEncoder
from peakbench.runs.records import Failure, FailureKind, Record, Response, Timing, Usage

NOTE = FieldSpec(type="semantic", synonyms={"hole": ["gap"]})
SCHEMA = FieldSchema(fields={"type": FieldSpec(type="categorical"), "note": NOTE})
PARTS = """
fields:
  type: {type: categorical}
  color: {type: semantic}
  size: {type: list, items: {type: semantic}}
"""


@pytest.fixture
def registry(tiny_encoder: Path, tmp_path: Path) -> Registry:
    return registry_with(tiny_encoder, tmp_path / "cache")


def verdict(registry: Registry, reference: Any, prediction: Any, spec: FieldSpec = NOTE) -> tuple[float, str]:
    schema = FieldSchema(fields={"note": spec})
    found = registry.comparer(schema).compare({"note": reference}, {"note": prediction})["note"]
    return found.score, found.outcome


def test_equal_and_synonymous_texts_are_right_and_all_else_goes_by_meaning(
    registry: Registry, no_network: None
) -> None:
    assert verdict(registry, "small hole", "Small-Hole ") == (1.0, "TP")
    assert verdict(registry, "hole", "GAP") == (1.0, "TP")
    assert verdict(registry, "hole", None) == (0.0, "FN")
    assert verdict(registry, "hole", ["hole"]) == (0.0, "FD")
    assert verdict(registry, "hole", "x" * 20_001) == (0.0, "FD")
    assert verdict(registry, 42, "42.") == (1.0, "TP")
    encoder = registry.field_encoder
    assert encoder is not None
    expected = encoder.similarity([("Small hole", "red shirt")])[0]
    score, outcome = verdict(registry, "Small hole", "red shirt")
    assert score == pytest.approx(expected)
    assert outcome == ("TP" if expected >= 0.8 else "FD")
    strict = FieldSpec(type="semantic", correct_threshold=1)
    assert verdict(registry, "Small hole", "red shirt", strict) == (score, "FD")


def test_threshold_is_that_of_meaning_unless_the_field_says_otherwise() -> None:
    assert NOTE.correct_threshold == 0.8
    assert FieldSpec(type="semantic", correct_threshold=1).correct_threshold == 1
    assert FieldSpec(type="anls").correct_threshold == 1
    assert FieldSpec(type="list", items=FieldSpec(type="semantic")).correct_threshold == 1
    assert FieldSpec.model_validate(NOTE.model_dump()) == NOTE


def test_items_of_lists_are_compared_by_meaning_too(registry: Registry) -> None:
    spec = FieldSpec(type="list", items=FieldSpec(type="semantic"))
    assert verdict(registry, ["red", "blue hole"], ["Blue hole", "red"], spec)[0] == 1.0
    assert 0 < verdict(registry, ["red"], ["navy"], spec)[0] < 1


def test_texts_of_a_chunk_are_embedded_together_and_right_ones_never(
    registry: Registry, tiny: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tiny(n=2)
    path.write_text(path.read_text().split("fields:")[0] + PARTS.lstrip())
    file = find_benchmark(str(path)).file
    reference = {"type": "shirt", "color": "navy blue", "size": ["small", "large"]}
    sample = Sample("a", "", (), reference)
    said: list[Any] = [
        {"type": "hat", "color": "dark blue", "size": ["small", "red"]},
        {"type": "hat", "color": "navy blue", "size": "large"},
        reference,
        "prose",
    ]
    records = [Response("a", 0, json.dumps(one), None, "stop", Usage(), Timing(0.0, 1.0)) for one in said]
    failed = Failure("a", 0, FailureKind.TIMEOUT, "late", None, Timing(0.0, 1.0))
    batches: list[list[str]] = []
    original = SentenceEncoder._embed

    def embed(self: SentenceEncoder, texts: list[str]) -> Any:
        batches.append(texts)
        return original(self, texts)

    monkeypatch.setattr(SentenceEncoder, "_embed", embed)
    given: list[Record] = [*records, failed]
    items = [(sample, record) for record in given]
    right = {"type": "hat", "color": "left", "size": []}
    items.append((Sample("b", "", (), right), replace(records[0], text=json.dumps(right))))
    prefetcher(file, registry)(items)
    assert [sorted(batch) for batch in batches] == [["dark blue", "large", "navy blue", "red", "small"]]
    prepare_one = preparer(file, registry)
    scores = [[one.score for one in prepare_one(*item).fields.values()] for item in items]
    assert len(batches) == 1, "everything was at hand"
    assert 0 < scores[0][1] < 1
    assert 0 < scores[0][2] < 1
    assert scores[1][2] == 0.5
    assert scores[2] == [1.0, 1.0, 1.0]


def test_without_the_model_what_looks_at_scores_is_undefined_and_nothing_else(tmp_path: Path) -> None:
    registry = Registry.load(cache=tmp_path)
    response = Response("a", 0, '{"type": "shirt", "note": "gap"}', None, "stop", Usage(), Timing(0.0, 1.0))
    answer = prepare(Sample("a", "", (), {"type": "shirt", "note": "hole"}), response, SCHEMA, registry)
    for name, metric in registry.metrics("extraction", SCHEMA).items():
        if isinstance(metric, RepeatMetric):
            continue
        first = metric.score(answer)[0]
        needs = "type" in metric.uses or name in ("sbert_similarity", "peakbench_quality")
        assert ("peakbench metrics fetch sbert" in (first.reason or "")) == needs, name
        assert (metric.lacking is not None) == (needs or name == "meteor"), name
    with pytest.raises(TypeError, match="their maker has to be given"):
        FieldComparer(SCHEMA)


def test_signature_names_the_model_only_where_it_decides(tiny_encoder: Path, tmp_path: Path) -> None:
    def signature(registry: Registry, schema: FieldSchema, name: str = "weighted_score") -> str:
        return registry.metric(name, schema).signature

    plain = FieldSchema(fields={"type": FieldSpec(type="categorical")})
    one, other = Registry.load(cache=tmp_path), registry_with(tiny_encoder, tmp_path)
    assert signature(one, plain) == signature(other, plain)
    assert "semantic" not in signature(one, plain)
    assert signature(one, SCHEMA) != signature(other, SCHEMA)
    assert "|torch=" in signature(one, SCHEMA)
    assert signature(one, SCHEMA, "token_set_ratio") == signature(other, SCHEMA, "token_set_ratio")
