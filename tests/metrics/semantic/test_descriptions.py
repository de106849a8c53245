"""Similarity of the descriptions of matched boxes, on a small random encoder."""

import json
from pathlib import Path
from typing import Any

import pytest
from tiny_models import registry_with

from peakbench.benchmarks.boxes import BoxConvention
from peakbench.benchmarks.file import BoxConventions
from peakbench.benchmarks.sample import Sample
from peakbench.metrics.answers import prepare_items
from peakbench.metrics.golden.case import run_value
from peakbench.metrics.grounding.answer import GroundingReader
from peakbench.metrics.metric import Answer
from peakbench.metrics.registry import Registry
from peakbench.metrics.semantic.encoder import Pair
from peakbench.runs.records import Response, Timing, Usage

LABELS: dict[str, list[str]] = {"artifact": [], "misalignment": []}
PLAIN = BoxConvention(order="xyxy", scale="norm1000")
BOXES = BoxConventions(references=PLAIN, answers=PLAIN)
IDS = ("desc_cos_10", "desc_cos_all_10")


@pytest.fixture
def registry(tiny_encoder: Path, tmp_path: Path) -> Registry:
    return registry_with(tiny_encoder, tmp_path / "cache")


def item(at: int, description: str | None = None, label: str = "artifact") -> dict[str, Any]:
    made = {"box_2d": [at, 0, at + 90, 90], "label": label}
    return made if description is None else made | {"desc": description}


def answer(reference: list[dict[str, Any]], response: list[dict[str, Any]] | str, registry: Registry) -> Answer:
    text = response if isinstance(response, str) else json.dumps(response)
    record = Response("a", 0, text, None, "stop", Usage(), Timing(0.0, 1.0))
    return prepare_items(Sample("a", "", (), tuple(reference)), record, GroundingReader(LABELS, BOXES), registry)


def metrics(registry: Registry) -> list[Any]:
    return [registry.metric(name, None, labels=LABELS, boxes=BOXES) for name in IDS]


def similarity(metric: Any, pair: Pair) -> float:
    return float(metric.encoder.similarity([pair])[0])


def test_missing_description_is_0_on_the_answers_side_and_left_out_on_the_references(registry: Registry) -> None:
    mean, of_all = metrics(registry)
    reference = [item(0, "navy shirt"), item(100, "small hole"), item(200), item(300, "left")]
    response = [item(0, "dark shirt"), item(100), item(200, "red"), item(500, "no")]
    found = similarity(mean, ("navy shirt", "dark shirt"))
    assert 0 < found < 1
    (given,) = [answer(reference, response, registry)]
    assert run_value(mean, [given]) == pytest.approx(found / 2), "of three pairs one is left out, one describes nothing"
    assert run_value(of_all, [given]) == pytest.approx(found / 3), "and a missed defect counts"
    assert run_value(mean, [given], "label=artifact") == run_value(mean, [given])
    assert run_value(mean, [given], "label=misalignment") is None


def test_equal_and_oversize_descriptions_never_reach_the_model(registry: Registry) -> None:
    mean, of_all = metrics(registry)
    long = "a" * 20_001
    given = answer(
        [item(0, "navy "), item(100, long), item(200, long)],
        [item(0, " navy"), item(100, long), item(200, "b")],
        registry,
    )
    assert run_value(mean, [given]) == run_value(of_all, [given]) == pytest.approx(2 / 3)
    assert mean.encoder._model is None


def test_nothing_matched_is_undefined_and_of_all_defects_0(registry: Registry) -> None:
    mean, of_all = metrics(registry)
    given = answer([item(0, "navy")], [item(500, "navy")], registry)
    assert mean.score(given)[0].reason == mean.definition.undefined
    assert run_value(of_all, [given]) == 0.0
    assert run_value(of_all, [answer([item(0, "navy")], "no JSON", registry)]) == 0.0
    assert run_value(of_all, [answer([], [], registry)]) is None


def test_prefetch_embeds_every_description_of_many_answers_once(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    mean, of_all = metrics(registry)
    batches: list[list[str]] = []
    original = mean.encoder._embed

    def embed(texts: list[str]) -> Any:
        batches.append(texts)
        return original(texts)

    monkeypatch.setattr(mean.encoder, "_embed", embed)
    answers = [answer([item(0, "navy")], [item(0, word)], registry) for word in ("dark", "red", "dark", "navy")]
    answers.append(answer([item(0, "navy")], "no JSON", registry))
    for metric in (mean, of_all):
        metric.prefetch(answers)
    values = [[one.value for one in metric.score(given)] for metric in (mean, of_all) for given in answers]
    assert [sorted(batch) for batch in batches] == [["dark", "navy", "red"]]
    assert values[3][0] == 1.0


def test_without_the_weights_it_is_undefined_with_the_command_and_signed_with_the_model(tmp_path: Path) -> None:
    registry = Registry.load(cache=tmp_path)
    for metric in metrics(registry):
        score = metric.score(answer([item(0, "navy")], [item(0, "navy")], registry))[0]
        assert "peakbench metrics fetch sbert" in (score.reason or "")
        metric.prefetch([])
        assert "|model=sentence-transformers/all-mpnet-base-v2|" in metric.signature
        assert "|iou=0.1|" in metric.signature
