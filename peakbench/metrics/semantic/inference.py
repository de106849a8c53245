"""Natural-language inference: whether a premise contradicts a hypothesis, for many pairs at once.

As with sentence encoders, pairs are gathered, those already judged are looked up, and the rest goes through the model
sorted by length, in batches. What is kept are the model's logits; what a label is called is read from its
configuration, since the order of labels differs between models.
"""

import hashlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from peakbench.errors import InfrastructureError
from peakbench.metrics.penalty import LABEL, label_probability
from peakbench.metrics.semantic.encoder import (
    INSTALL,
    LONE_SURROGATE,
    DType,
    Pair,
    gpu_is_there,
    no_progress,
)
from peakbench.metrics.semantic.memory import EmbeddingStore, Recent, text_digest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_PAIRS_AT_ONCE = 4096
_PAIRS_KEPT = 262_144
_BATCH = {"cpu": 32, "cuda": 256}


@dataclass(frozen=True, slots=True)
class InferenceSettings:
    """What decides which numbers a model gives.

    Attributes:
        folder: A transformers model of sequence classification with its weights as safetensors.
        dtype: In which the model computes; logits become probabilities in float64 either way.
        max_tokens: Tokens of a pair that are read. The premise is cut off to fit; the hypothesis never is.
    """

    folder: Path
    dtype: DType
    max_tokens: int


class InferenceModel:
    """A model that judges pairs of premise and hypothesis; it is loaded when the first pair needs it.

    Args:
        settings: The model.
        id2label: Index, as a text, to the label's name, of the model's configuration.
        store: Logits of earlier runs; None to keep none.
    """

    def __init__(
        self, settings: InferenceSettings, id2label: Mapping[str, str], store: EmbeddingStore | None = None
    ) -> None:
        self.settings = settings
        self._id2label = dict(id2label)
        self._store = store
        self._loaded: tuple[Any, Any] | None = None
        self._judged: Recent[bytes, float] = Recent(_PAIRS_KEPT)
        self._lock = threading.RLock()

    def contradiction(self, pairs: Sequence[Pair]) -> "NDArray[np.float64]":
        """The probability that each premise contradicts its hypothesis; 0 for equal texts, which the model never sees.

        Args:
            pairs: n pairs (premise, hypothesis); the order of the two matters.

        Returns:
            Shape (n,), 0..1; NaN where the hypothesis alone is longer than the model reads.

        Raises:
            InfrastructureError: If the model cannot be loaded.
        """
        import numpy as np

        values = np.zeros(len(pairs))
        with self._lock:
            for start in range(0, len(pairs), _PAIRS_AT_ONCE):
                some = pairs[start : start + _PAIRS_AT_ONCE]
                keys = [None if premise == hypothesis else _key(premise, hypothesis) for premise, hypothesis in some]
                known = [0.0 if key is None else self._judged.get(key) for key in keys]
                new = {key: pair for key, pair, value in zip(keys, some, known, strict=True) if key and value is None}
                found = self._judge(new) if new else {}
                values[start : start + len(some)] = [
                    found[key] if key is not None and value is None else value
                    for key, value in zip(keys, known, strict=True)
                ]
        return values

    def _judge(self, pairs: Mapping[bytes, Pair]) -> dict[bytes, float]:
        """Probabilities by key: from disk, and from the model for what is not there."""
        logits = self._store.read(list(pairs)) if self._store is not None else {}
        missing = [key for key in pairs if key not in logits]
        if missing:
            made = dict(zip(missing, self._logits([pairs[key] for key in missing]), strict=True))
            logits |= made
            if self._store is not None:
                self._store.write(made)
        found = {key: self._probability(logits[key]) for key in pairs}
        for key, value in found.items():
            self._judged.put(key, value)
        return found

    def _probability(self, logits: "NDArray[np.float32]") -> float:
        """Of contradiction; NaN, which is remembered like any other answer, where the pair was not judged."""
        row = logits.tolist()
        return float("nan") if row[0] != row[0] else label_probability(row, self._id2label, LABEL)

    def _logits(self, pairs: list[Pair]) -> "NDArray[np.float32]":
        """Run the model on different pairs; shape (n, labels), NaN where the hypothesis does not fit."""
        import numpy as np
        import torch

        tokenizer, model = self._load()
        limit = min(self.settings.max_tokens, _positions(model.config))
        rows: NDArray[np.float32] = np.full((len(pairs), model.config.num_labels), np.nan, dtype=np.float32)
        fitting = list(self._fitting(tokenizer, pairs, limit))
        if not fitting:
            return rows
        cleaned = [tuple(LONE_SURROGATE.sub("\ufffd", text) for text in pairs[at]) for at in fitting]
        encoded = tokenizer(
            [premise for premise, _ in cleaned],
            [hypothesis for _, hypothesis in cleaned],
            truncation="only_first",
            max_length=limit,
        )
        lengths = [len(tokens) for tokens in encoded["input_ids"]]
        by_length = sorted(range(len(fitting)), key=lengths.__getitem__, reverse=True)
        size = _BATCH[model.device.type]
        with torch.inference_mode():
            for start in range(0, len(by_length), size):
                batch = by_length[start : start + size]
                columns = {name: [values[at] for at in batch] for name, values in encoded.items()}
                padded = tokenizer.pad(columns, padding=True, return_tensors="pt").to(model.device)
                rows[[fitting[at] for at in batch]] = model(**padded).logits.float().cpu().numpy()
        return rows

    def _fitting(self, tokenizer: Any, pairs: list[Pair], limit: int) -> Iterator[int]:
        """Places of the pairs whose hypothesis leaves room for a token of the premise at least."""
        hypotheses = list(dict.fromkeys(LONE_SURROGATE.sub("\ufffd", hypothesis) for _, hypothesis in pairs))
        tokens = tokenizer(hypotheses, add_special_tokens=False)["input_ids"]
        room = limit - tokenizer.num_special_tokens_to_add(pair=True)
        fit = {text for text, ids in zip(hypotheses, tokens, strict=True) if len(ids) < room}
        for at, (_, hypothesis) in enumerate(pairs):
            if LONE_SURROGATE.sub("\ufffd", hypothesis) in fit:
                yield at

    def _load(self) -> tuple[Any, Any]:
        """Tokenizer and model, from the folder and from nowhere else; no code of the folder is run.

        Raises:
            InfrastructureError: If the library or the folder cannot be used.
        """
        if self._loaded is not None:
            return self._loaded
        try:
            import torch
            from transformers import AutoModelForSequenceClassification, AutoTokenizer
        except ImportError as error:
            raise InfrastructureError(f"transformers cannot be used: {error}", mend=INSTALL) from error
        folder = str(self.settings.folder)
        here: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        tokenizers: Any = AutoTokenizer  # its methods have no types
        try:
            with no_progress():
                tokenizer = tokenizers.from_pretrained(folder, **here)
                model = AutoModelForSequenceClassification.from_pretrained(
                    folder, use_safetensors=True, dtype=getattr(torch, self.settings.dtype), **here
                )
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise InfrastructureError(
                f"{folder} cannot be loaded as a model of natural-language inference: {error}",
                mend="fetch it again: peakbench metrics fetch nli; a folder of your own needs the whole model as its "
                "library saves it",
            ) from error
        tokenizer.deprecation_warnings["Asking-to-pad-a-fast-tokenizer"] = True  # pairs are sorted first
        self._loaded = tokenizer, model.eval().to("cuda" if gpu_is_there() else "cpu")
        return self._loaded


def _positions(config: Any) -> int:
    """How many tokens a model has positions for."""
    return int(getattr(config, "max_position_embeddings", 0) or 1_000_000)


def _key(premise: str, hypothesis: str) -> bytes:
    """16 bytes that stand for an ordered pair."""
    return hashlib.blake2b(text_digest(premise) + text_digest(hypothesis), digest_size=16).digest()
