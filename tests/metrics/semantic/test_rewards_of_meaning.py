"""Rewards that need the sentence encoder: descriptions of defects, and fields compared by meaning."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from tiny_models import registry_with

from peakbench.benchmarks.benchmark import find_benchmark
from peakbench.benchmarks.sample import Sample
from peakbench.benchmarks.schema import FieldSpec
from peakbench.errors import BadInputError
from peakbench.metrics.answers import preparer
from peakbench.metrics.fetch.weights import weights_digest
from peakbench.metrics.registry import Registry
from peakbench.rewards import defect_reward, json_reward, sentence_similarity
from peakbench.runs.records import Response, Timing, Usage

ITEM = {"box_2d": [100, 100, 300, 300], "label": "artifact", "description": "a large hole", "importance": 60}


def registry_with_encoder(encoder: Path, folder: Path) -> Registry:
    """The canonical registry but for the encoder of `sbert_similarity`."""
    own = {"model": str(encoder), "weights_sha256": weights_digest(encoder, None), "dtype": "float32"}
    shipped = Registry.load().definition("sbert_similarity").parameters
    change = {"id": "sbert_similarity", "parameters": {**shipped, **own}}
    path = folder / "peakbench_metrics.json"
    path.write_text(json.dumps({"schema_version": 1, "extends": "canonical", "metrics": [change]}), encoding="utf-8")
    return Registry.load(path, folder / "cache")


def test_the_sentence_encoder_compares_descriptions(tiny_encoder: Path, tmp_path: Path) -> None:
    similarity = sentence_similarity(registry_with_encoder(tiny_encoder, tmp_path))
    assert similarity([("a hole", "a hole")]) == [1.0]
    (apart,) = similarity([("a large hole", "navy blue shirt")])
    assert 0 <= apart < 1
    again = pickle.loads(pickle.dumps(similarity))
    assert again([("a large hole", "navy blue shirt")]) == [pytest.approx(apart, abs=1e-6)]
    reward = defect_reward(description_similarity=similarity)
    assert reward([f"<think></think><answer>{json.dumps([ITEM])}</answer>"], reference=[[ITEM]]) == [pytest.approx(1.0)]


def test_an_encoder_that_is_not_there_is_named() -> None:
    registry = Registry.load()
    if registry.metric("sbert_similarity", None).lacking is None:
        pytest.skip("the sentence encoder is there")
    with pytest.raises(BadInputError, match="peakbench metrics fetch sbert"):
        sentence_similarity(registry)


def test_fields_compared_by_meaning_are_embedded_together(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = registry_with(tiny_encoder, tmp_path)
    file = find_benchmark("garments-demo").file.model_copy(update={"fields": {"note": FieldSpec(type="semantic")}})
    texts = [json.dumps({"note": note}) for note in ("a small hole", "navy blue", "no hole")] + ["prose"]
    references = [{"note": "a large hole"}] * 4
    encoder = registry.field_encoder
    assert encoder is not None
    asked: list[int] = []
    embed = encoder._embed

    def watched(texts: list[str]) -> Any:
        asked.append(len(texts))
        return embed(texts)

    monkeypatch.setattr(encoder, "_embed", watched)
    rewards = json_reward(file, registry=registry)(texts, reference=references)
    assert asked == [4]
    metric, prepare = registry.metric("structured_reward", file.schema_of_fields), preparer(file, registry)
    for text, reward in zip(texts, rewards, strict=True):
        response = Response("a", 0, text, None, "stop", Usage(), Timing(0.0, 0.0))
        assert reward == metric.score(prepare(Sample("a", "", (), references[0]), response))[0].value
    assert len(set(rewards)) == 4
