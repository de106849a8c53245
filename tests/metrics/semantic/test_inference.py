"""Natural-language inference on a small DeBERTa-v2 of known weights; its numbers mean nothing, but are known."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_models import LABELS, make_inference, registry_with, relabelled

from peakbench.benchmarks.sample import Sample
from peakbench.benchmarks.schema import FieldSchema, FieldSpec
from peakbench.errors import BadInputError, InfrastructureError
from peakbench.metrics.answers import prepare
from peakbench.metrics.fetch.nli import labels_of
from peakbench.metrics.metric import Answer
from peakbench.metrics.registry import Registry
from peakbench.metrics.semantic import inference as inference_module
from peakbench.metrics.semantic import models as models_module
from peakbench.metrics.semantic.encoder import DType, Pair
from peakbench.metrics.semantic.inference import InferenceModel, InferenceSettings
from peakbench.metrics.semantic.memory import EmbeddingStore
from peakbench.runs.records import Response, Timing, Usage

PAIRS: list[Pair] = [
    ("the shirt", "a navy hole"),
    ("a navy hole", "the shirt"),
    ("the red shirt", "the blue shirt"),
    ("no", "left shoulder"),
    ("half \ud800 a character", "a character"),
    ("the shirt " * 200, "the red shirt"),
    ("the red " * 30, "navy " * 9),
    ("größe 漢字", "red"),
    ("same", "same"),
]
SCHEMA = FieldSchema(fields={"type": FieldSpec(type="categorical"), "note": FieldSpec(type="anls")})


def model_of(
    folder: Path, store: EmbeddingStore | None = None, dtype: DType = "float32", max_tokens: int = 512
) -> InferenceModel:
    return InferenceModel(InferenceSettings(folder, dtype, max_tokens), labels_of(folder), store)


def asked(model: InferenceModel, monkeypatch: pytest.MonkeyPatch) -> list[list[Pair]]:
    """The batches of pairs that the model itself is given."""
    batches: list[list[Pair]] = []
    original = model._logits

    def logits(pairs: list[Pair]) -> Any:
        batches.append(pairs)
        return original(pairs)

    monkeypatch.setattr(model, "_logits", logits)
    return batches


def plain_loop(folder: Path, pairs: list[Pair], place: int) -> list[float]:
    """One pair at a time, as the model's page says."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = AutoModelForSequenceClassification.from_pretrained(folder, local_files_only=True).eval()
    values = []
    for premise, hypothesis in pairs:
        clean = premise.replace("\ud800", "\ufffd")
        encoded = tokenizer(clean, hypothesis, truncation="only_first", max_length=64, return_tensors="pt")
        with torch.inference_mode():
            values.append(float(torch.softmax(model(**encoded).logits[0].double(), -1)[place]))
    return values


def test_probabilities_are_those_of_the_plain_loop_and_batches_change_nothing(
    tiny_inference: Path, no_network: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = plain_loop(tiny_inference, PAIRS[:-1], LABELS.index("contradiction"))
    got = model_of(tiny_inference).contradiction(PAIRS)
    assert got[:-1] == pytest.approx(expected, abs=1e-5)
    assert got[-1] == 0.0, "equal texts contradict nothing"
    assert abs(got[0] - got[1]) > 1e-3, "premise and hypothesis are not the same"
    assert np.ptp(got[:-1]) > 0.05, "the model tells pairs apart"
    monkeypatch.setattr(inference_module, "_PAIRS_AT_ONCE", 3)
    monkeypatch.setattr(inference_module, "_PAIRS_KEPT", 1)
    monkeypatch.setitem(inference_module._BATCH, "cpu", 2)
    assert model_of(tiny_inference).contradiction(PAIRS) == pytest.approx(got, abs=1e-5)
    assert model_of(tiny_inference).contradiction([]).shape == (0,)


@pytest.mark.parametrize(
    "labels", [("Contradiction", "entailment", "neutral"), ("neutral", "CONTRADICTION", "entailment")]
)
def test_labels_in_another_order_give_the_same_number(
    tiny_inference: Path, tmp_path: Path, labels: tuple[str, ...]
) -> None:
    other = relabelled(tiny_inference, tmp_path / "other", labels)
    expected = model_of(tiny_inference).contradiction(PAIRS)
    assert model_of(other).contradiction(PAIRS) == pytest.approx(expected, abs=1e-6)
    by_position = plain_loop(other, PAIRS[:1], LABELS.index("contradiction"))
    assert abs(by_position[0] - expected[0]) > 1e-3, "by position it would be another"


def test_only_the_premise_is_cut_off_and_a_hypothesis_without_room_is_not_judged(tiny_inference: Path) -> None:
    model = model_of(tiny_inference)
    long = "red " * 300
    same = model.contradiction([(long, "a hole"), (long + "blue", "a hole"), ("red", long)])
    assert same[0] == same[1]
    assert np.isnan(same[2])
    assert np.isnan(model.contradiction([("red", long)])[0]), "which is remembered, too"
    short = model_of(tiny_inference, max_tokens=12)
    whole, cut = short.contradiction([("red blue hole", "a"), ("red blue hole navy shirt large", "a")])
    assert 0 < whole < 1
    assert 0 < cut < 1


def test_each_different_pair_is_judged_once_and_longest_first(
    tiny_inference: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_of(tiny_inference)
    batches = asked(model, monkeypatch)
    pairs = [("navy", "dark"), ("dark", "navy"), ("navy", "dark"), ("same", "same")] * 5
    first = model.contradiction(pairs)
    assert batches == [[("navy", "dark"), ("dark", "navy")]]
    assert (model.contradiction(pairs) == first).all()
    assert len(batches) == 1
    lengths: list[int] = []
    _, network = model._load()
    original = network.forward
    monkeypatch.setitem(inference_module._BATCH, "cpu", 2)

    def forward(**given: Any) -> Any:
        lengths.append(given["input_ids"].shape[1])
        return original(**given)

    monkeypatch.setattr(network, "forward", forward)
    model.contradiction([("red " * n, "blue") for n in (1, 9, 3, 7, 5, 2)])
    assert len(lengths) == 3
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[0] > 2 * lengths[2]


def test_what_was_judged_outlives_the_process(
    tiny_inference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = [*PAIRS, ("red", "red blue " * 200)]
    first = model_of(tiny_inference, EmbeddingStore(tmp_path / "kept.sqlite")).contradiction(pairs)
    again = model_of(tiny_inference, EmbeddingStore(tmp_path / "kept.sqlite"))
    batches = asked(again, monkeypatch)
    np.testing.assert_array_equal(again.contradiction(pairs), first)
    assert batches == []
    assert again._loaded is None, "nothing to judge, nothing to load"


def test_bfloat16_stays_close(tiny_inference: Path) -> None:
    exact = model_of(tiny_inference).contradiction(PAIRS)
    rough = model_of(tiny_inference, dtype="bfloat16").contradiction(PAIRS)
    assert 1e-6 < np.abs(exact - rough).max() < 0.1


@pytest.mark.parametrize("broken", ["foreign code", "pickled weights", "no tokenizer"])
def test_folders_that_cannot_be_trusted_are_not_loaded(tiny_inference: Path, tmp_path: Path, broken: str) -> None:
    folder = shutil.copytree(tiny_inference, tmp_path / "model")
    if broken == "foreign code":
        config = json.loads((folder / "config.json").read_text())
        config |= {"model_type": "evil", "auto_map": {"AutoModelForSequenceClassification": "evil.Model"}}
        (folder / "config.json").write_text(json.dumps(config))
        (folder / "evil.py").write_text("raise SystemExit('code of a model was run')")
    elif broken == "pickled weights":
        (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    else:
        (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(InfrastructureError, match="cannot be loaded as a model of natural-language inference"):
        model_of(folder).contradiction([("a", "b")])


def answer(registry: Registry, **values: Any) -> Answer:
    response = Response("a", 0, json.dumps(values), None, "stop", Usage(), Timing(0.0, 1.0))
    return prepare(Sample("a", "", (), {"type": "shirt", "note": "small hole"}), response, SCHEMA, registry)


def test_metrics_ask_the_model_once_and_fields_are_lowered_by_what_it_says(
    tiny_encoder: Path, tiny_inference: Path, tmp_path: Path, no_network: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = registry_with(tiny_encoder, tmp_path / "cache", tiny_inference)
    plain = registry_with(tiny_encoder, tmp_path / "cache")
    given = answer(registry, type="red", note="large hole")
    metrics = registry.metrics("extraction", SCHEMA)
    metric: Any = metrics["hallucination"]
    batches = asked(metric.judge._models.inference(metric.judge._parameters), monkeypatch)
    for one in metrics.values():
        one.prefetch([given])
    values = {one.slice: one.value for one in metrics["hallucination"].score(given)}
    pairs = [("The type is shirt.", "The type is red."), ("The note is small hole.", "The note is large hole.")]
    expected = model_of(tiny_inference).contradiction(pairs)
    assert values["field=type"] == pytest.approx(expected[0], abs=1e-6)
    assert values[""] == pytest.approx(expected.mean(), abs=1e-6)
    assert metrics["hallucination_max"].score(given)[0].value == pytest.approx(expected.max(), abs=1e-6)
    lowered = {one.slice: one.value for one in metrics["semantic_field_score"].score(given)}
    before: dict[str, Any] = {one.slice: one.value for one in plain.metric("semantic_field_score", SCHEMA).score(given)}
    for name, value in (("field=type", expected[0]), ("field=note", expected[1])):
        assert lowered[name] == pytest.approx(before[name] * (1 - value), abs=1e-6)
    assert metrics["peakbench_quality"].score(given)[0].value is not None
    assert [sorted(batch) for batch in batches] == [sorted(pairs)], "one call for all metrics"
    assert "nli=none" not in metrics["semantic_field_score"].signature + metrics["peakbench_quality"].signature
    for name in ("semantic_field_score", "peakbench_quality"):
        assert "nli=none" in plain.metric(name, SCHEMA).signature


def test_signature_tells_weights_and_types_apart_but_not_folders(
    tiny_encoder: Path, tiny_inference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def signature(folder: Path) -> str:
        return registry_with(tiny_encoder, tmp_path, folder).metric("hallucination", SCHEMA).signature

    moved = tmp_path / "elsewhere" / tiny_inference.name
    moved.parent.mkdir()
    moved.symlink_to(tiny_inference)
    assert signature(moved) == signature(tiny_inference)
    assert str(tmp_path) not in signature(moved)
    assert "|transformers=" in signature(moved)
    other = make_inference(tmp_path / "other" / tiny_inference.name, seed=1)
    assert signature(other) != signature(tiny_inference)
    swapped = tmp_path / "swapped" / tiny_inference.name
    shutil.copytree(tiny_inference, swapped)
    config = json.loads((swapped / "config.json").read_text())
    config["id2label"] = {"0": "contradiction", "1": "neutral", "2": "entailment"}
    (swapped / "config.json").write_text(json.dumps(config))
    assert signature(swapped) != signature(tiny_inference), "the same weights whose labels are called otherwise"
    shipped = Registry.load().metric("hallucination", SCHEMA)
    assert "|weights_sha256=recorded|" in shipped.signature, "nothing is there"
    monkeypatch.setattr(models_module, "gpu_is_there", lambda: True)
    assert "|dtype=bfloat16|" in Registry.load().metric("hallucination", SCHEMA).signature


def test_what_is_lacking_is_said_with_the_command(
    tiny_encoder: Path, tiny_inference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacking(registry: Registry) -> str:
        told = registry.metric("hallucination", None).lacking
        assert told is not None
        return told

    assert "peakbench metrics fetch nli" in lacking(Registry.load(cache=tmp_path))
    assert "peakbench metrics fetch nli" in lacking(Registry.load())
    unlabelled = shutil.copytree(tiny_inference, tmp_path / "unlabelled")
    (unlabelled / "config.json").write_text('{"id2label": {"0": "yes", "1": "no"}}')
    assert "one of them has to be `contradiction`" in lacking(registry_with(tiny_encoder, tmp_path, unlabelled))
    changed = registry_with(tiny_encoder, tmp_path, tiny_inference)
    component = changed.file.components["nli_model"]
    for weights, message in (("0" * 64, "`weights_sha256` says another"), ("recorded", "says another")):
        component.parameters["weights_sha256"] = weights
        assert message in lacking(registry_of(changed))
    component.parameters["model"] = str(tmp_path / "none")
    assert "holds no model.safetensors" in lacking(registry_of(changed))
    component.parameters["weights_sha256"] = "x"
    with pytest.raises(BadInputError, match="component `nli_model`: parameters: weights_sha256"):
        lacking(registry_of(changed))
    monkeypatch.setattr(models_module, "find_spec", lambda name: None)
    assert "pip install 'peakbench[semantic]'" in lacking(Registry.load())


def registry_of(changed: Registry) -> Registry:
    """The same registry, without what it remembers of models."""
    return Registry(changed.source, changed.cache)
