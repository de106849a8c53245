"""The encoder: the numbers of the plain loop, each distinct text once, no network, no foreign code."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from peakbench.errors import InfrastructureError
from peakbench.metrics.semantic import encoder as encoder_module
from peakbench.metrics.semantic.encoder import DType, EncoderSettings, Pair, SentenceEncoder
from peakbench.metrics.semantic.memory import EmbeddingStore

PAIRS: list[Pair] = [
    ("navy blue", "dark blue"),
    ("small hole on left shoulder", "hole, left shoulder"),
    ("navy blue", "navy blue"),
    ("", "navy"),
    ("größe 漢字", "groesse"),
    ("half \ud800 a character", "a character"),
    ("the shirt " * 200, "the red shirt"),
    ("dark blue", "navy blue"),
]


def encoder_of(
    folder: Path, store: EmbeddingStore | None = None, dtype: DType = "float32", max_tokens: int = 384
) -> SentenceEncoder:
    return SentenceEncoder(EncoderSettings(folder, dtype, max_tokens), store)


class Spy:
    """Counts which texts an encoder gives to its model."""

    def __init__(self, encoder: SentenceEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
        self.batches: list[list[str]] = []
        original = encoder._embed

        def embed(texts: list[str]) -> Any:
            self.batches.append(texts)
            return original(texts)

        monkeypatch.setattr(encoder, "_embed", embed)


def test_similarities_are_those_of_the_plain_loop(tiny_encoder: Path, no_network: None) -> None:
    from sentence_transformers import SentenceTransformer

    plain = SentenceTransformer(str(tiny_encoder), device="cpu", local_files_only=True)
    got = encoder_of(tiny_encoder).similarity(PAIRS)
    for value, (one, other) in zip(got, PAIRS, strict=True):
        sides = [plain.encode(text.replace("\ud800", "\ufffd"), normalize_embeddings=True) for text in (one, other)]
        assert value == pytest.approx(min(1.0, max(0.0, float(np.dot(*sides)))), abs=1e-5)
    assert got[0] == got[-1], "the order of a pair changes nothing"
    assert got[2] == 1.0
    assert len({round(float(value), 3) for value in got}) > 4, "the model tells texts apart"


def test_each_distinct_text_is_embedded_once_and_equal_pairs_never(
    tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = encoder_of(tiny_encoder)
    spy = Spy(encoder, monkeypatch)
    pairs = [("navy", "dark"), ("dark", "navy"), ("navy", "red"), ("same", "same")] * 10
    first = encoder.similarity(pairs)
    assert sorted(text for batch in spy.batches for text in batch) == ["dark", "navy", "red"]
    assert (encoder.similarity(pairs) == first).all()
    encoder.similarity([("red", "dark")])
    assert len(spy.batches) == 1, "what is known is not embedded again"


def test_embeddings_outlive_the_process_that_made_them(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = EmbeddingStore(tmp_path / "kept.sqlite")
    first = encoder_of(tiny_encoder, store).similarity(PAIRS)
    again = encoder_of(tiny_encoder, EmbeddingStore(tmp_path / "kept.sqlite"))
    spy = Spy(again, monkeypatch)
    assert again.similarity(PAIRS) == pytest.approx(first, abs=1e-12)
    assert spy.batches == []
    assert again._model is None, "nothing to embed, nothing to load"


def test_more_pairs_than_fit_at_once_change_nothing(tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = encoder_of(tiny_encoder).similarity(PAIRS)
    monkeypatch.setattr(encoder_module, "_PAIRS_AT_ONCE", 2)
    monkeypatch.setattr(encoder_module, "_VECTORS_KEPT", 1)
    monkeypatch.setattr(encoder_module, "_PAIRS_KEPT", 1)
    assert encoder_of(tiny_encoder).similarity(PAIRS) == pytest.approx(whole, abs=1e-5)
    assert encoder_of(tiny_encoder).similarity([]).shape == (0,)


def test_vectors_have_unit_length_in_every_type_and_bfloat16_stays_close(tiny_encoder: Path) -> None:
    texts = ["navy blue", "small hole", ""]
    exact = encoder_of(tiny_encoder).encode(texts)
    rough = encoder_of(tiny_encoder, dtype="bfloat16").encode(texts)
    for vectors in (exact, rough):
        assert vectors.dtype == np.float32
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(3), abs=1e-6)
    assert 1e-6 < np.abs(exact - rough).max() < 0.05
    assert encoder_of(tiny_encoder).encode([]).shape[0] == 0


def test_texts_are_read_as_far_as_the_model_or_the_setting_goes(tiny_encoder: Path) -> None:
    long = "red " * 1000
    same = encoder_of(tiny_encoder).similarity([(long, long + "blue")])
    assert same[0] == pytest.approx(1.0, abs=1e-6)
    short = encoder_of(tiny_encoder, max_tokens=4)
    assert short.similarity([("red blue hole", "red blue the navy shirt")])[0] == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("broken", ["foreign code", "pickled weights", "no folder"])
def test_folders_that_cannot_be_trusted_are_not_loaded(tiny_encoder: Path, tmp_path: Path, broken: str) -> None:
    folder = tmp_path / "model"
    if broken != "no folder":
        shutil.copytree(tiny_encoder, folder)
    if broken == "foreign code":
        modules = json.loads((folder / "modules.json").read_text())
        modules[0]["type"] = "evil.Module"
        (folder / "modules.json").write_text(json.dumps(modules))
        (folder / "evil.py").write_text("raise SystemExit('code of a model was run')")
    elif broken == "pickled weights":
        (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(InfrastructureError, match="cannot be loaded as a sentence encoder"):
        encoder_of(folder).similarity([("a", "b")])
