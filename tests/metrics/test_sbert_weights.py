"""The genuine weights: golden values, cards, and speed without loss. Fetched once into the person's cache."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from card_examples import example_in, value_of_example

from peakbench.benchmarks.schema import FieldSchema, FieldSpec
from peakbench.content import content_root
from peakbench.errors import PeakBenchError
from peakbench.metrics.fetch.sbert import WEIGHTS_SHA256, Sbert
from peakbench.metrics.fetch.weights import weights_digest
from peakbench.metrics.golden import verify
from peakbench.metrics.registry import Registry
from peakbench.metrics.semantic.encoder import EncoderSettings, SentenceEncoder

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

GOLDEN = {"sbert_cosine.jsonl": 19, "consistency_semantic.jsonl": 6}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """The canonical registry, with the weights of the person's cache and nothing else of it."""
    pytest.importorskip("sentence_transformers", reason="the extra `semantic` is not installed")
    shared = Path(os.environ["PEAKBENCH_TEST_WEIGHTS"])
    try:
        folder = Sbert().fetch(shared, None, print)
    except PeakBenchError as error:
        pytest.skip(f"the weights cannot be had here: {error.message}")
    cache = tmp_path_factory.mktemp("cache")
    (cache / "models").mkdir()
    (cache / "models" / folder.name).symlink_to(folder)
    return Registry.load(cache=cache)


def test_golden_values_come_out_in_float32(registry: Registry, no_network: None) -> None:
    for name, n in GOLDEN.items():
        outcomes = verify(registry, next((content_root() / "metrics").glob(f"*/{name}")))
        assert [outcome.status for outcome in outcomes] == ["pass"] * n, outcomes


@pytest.mark.parametrize(
    "identifier",
    ["sbert_similarity", "semantic_field_score", "consistency_semantic", "desc_cos_10", "desc_cos_all_10"],
)
def test_examples_in_cards_are_reproduced(registry: Registry, identifier: str) -> None:
    card = content_root() / registry.definition(identifier).card
    example = json.loads(example_in(card))
    value = value_of_example(registry, identifier, example)
    assert value == pytest.approx(example["value"], abs=1e-4)
    text = card.read_text(encoding="utf-8")
    assert f"Value: {example['value']:.6g}." in text
    assert registry.definition(identifier).formula in text, "the card gives the registry's formula"


def test_examples_of_the_comparator_are_reproduced(registry: Registry) -> None:
    schema = FieldSchema(fields={"f": FieldSpec(type="semantic")})
    for case in json.loads(example_in(content_root() / registry.file.components["semantic_comparator"].card)):
        verdict = registry.comparer(schema).compare({"f": case["reference"]}, {"f": case["prediction"]})["f"]
        assert verdict.score == pytest.approx(case["score"], abs=1e-4), case
        assert verdict.outcome == case["outcome"], case


def test_bulk_gives_the_values_of_the_plain_loop(registry: Registry) -> None:
    from sentence_transformers import SentenceTransformer

    assert registry.cache is not None
    folder = registry.cache / "models" / "all-mpnet-base-v2"
    assert weights_digest(folder, None) == WEIGHTS_SHA256
    texts = ["navy blue", "dark blue", "a small hole on the left shoulder", "no defect", "größe 42", "the shirt " * 400]
    pairs = [(one, other) for one in texts for other in texts]
    bulk = SentenceEncoder(EncoderSettings(folder, "float32", 384)).similarity(pairs)
    plain = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    vectors = {text: plain.encode(text, normalize_embeddings=True) for text in texts}
    loop = [min(1.0, max(0.0, float(np.dot(vectors[one], vectors[other])))) for one, other in pairs]
    assert bulk == pytest.approx(loop, abs=1e-5)


def test_bfloat16_stays_within_a_hundredth(registry: Registry) -> None:
    assert registry.cache is not None
    folder = registry.cache / "models" / "all-mpnet-base-v2"
    pairs = [("navy blue", "dark blue"), ("size 42", "size 44"), ("no holes", "holes"), ("hole, left", "tiny hole")]
    exact = SentenceEncoder(EncoderSettings(folder, "float32", 384)).similarity(pairs)
    rough = SentenceEncoder(EncoderSettings(folder, "bfloat16", 384)).similarity(pairs)
    assert 0 < np.abs(exact - rough).max() < 0.015
