"""Descriptions of defects compared by the sentence encoder, for the reward."""

import json
import pickle
from pathlib import Path

import pytest

from peakbench.errors import BadInputError
from peakbench.metrics.fetch.weights import weights_digest
from peakbench.metrics.registry import Registry
from peakbench.rewards import defect_reward, sentence_similarity

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
