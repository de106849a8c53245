"""A sentence encoder: texts to vectors of unit length, in bulk, each distinct text once.

One text at a time a model spends its time on everything but the text. So texts are gathered, those already embedded
are looked up, and the rest goes through the model sorted by length, in batches.
"""

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from peakbench.errors import InfrastructureError
from peakbench.metrics.semantic.memory import EmbeddingStore, Recent, text_digest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DType = Literal["float32", "bfloat16"]
INSTALL = "pip install 'peakbench[semantic]'"

_PAIRS_AT_ONCE = 4096
_VECTORS_KEPT = 32_768
_PAIRS_KEPT = 262_144
_BATCH = {"cpu": 32, "cuda": 256}
LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_GPU_DEVICES = ("/dev/nvidiactl", "/dev/dxg")

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """What decides which numbers an encoder gives.

    Attributes:
        folder: A sentence-transformers model with its weights as safetensors.
        dtype: In which the model computes; vectors are made of unit length in float32 either way.
        max_tokens: Tokens of a text that are read; the rest is cut off.
    """

    folder: Path
    dtype: DType
    max_tokens: int


class SentenceEncoder:
    """A model that turns texts into vectors; it is loaded when the first text needs it.

    Args:
        settings: The model.
        store: Embeddings of earlier runs; None to keep none.
    """

    def __init__(self, settings: EncoderSettings, store: EmbeddingStore | None = None) -> None:
        self.settings = settings
        self._store = store
        self._model: Any = None
        self._vectors: Recent[bytes, NDArray[np.float32]] = Recent(_VECTORS_KEPT)
        self._similarities: Recent[tuple[bytes, bytes], float] = Recent(_PAIRS_KEPT)
        self._lock = threading.RLock()

    def similarity(self, pairs: Sequence[Pair]) -> "NDArray[np.float64]":
        """Cosine similarity of texts, cut off to 0..1; 1 for equal texts, which the model never sees.

        Args:
            pairs: n pairs; in which order the two stand changes nothing.

        Returns:
            Shape (n,). Pairs that were asked for lately are remembered.

        Raises:
            InfrastructureError: If the model cannot be loaded.
        """
        import numpy as np

        values = np.ones(len(pairs))
        with self._lock:
            for start in range(0, len(pairs), _PAIRS_AT_ONCE):
                keyed = [_keyed(pair) for pair in pairs[start : start + _PAIRS_AT_ONCE]]
                known = [1.0 if one == other else self._similarities.get((one, other)) for one, other in keyed]
                new = {keyed[at]: pairs[start + at] for at, value in enumerate(known) if value is None}
                found = self._cosines(new) if new else {}
                values[start : start + len(keyed)] = [
                    found[key] if value is None else value for key, value in zip(keyed, known, strict=True)
                ]
        return values

    def encode(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        """Vectors of unit length.

        Args:
            texts: n texts, any characters.

        Returns:
            Shape (n, d).

        Raises:
            InfrastructureError: If the model cannot be loaded.
        """
        import numpy as np

        keys = [text_digest(text) for text in texts]
        with self._lock:
            vectors = self._vectors_of(dict(zip(keys, texts, strict=True)))
        return np.stack([vectors[key] for key in keys]) if keys else np.empty((0, 0), dtype=np.float32)

    def _cosines(self, pairs: dict[tuple[bytes, bytes], Pair]) -> dict[tuple[bytes, bytes], float]:
        import numpy as np

        texts = {text_digest(text): text for pair in pairs.values() for text in pair}
        vectors = self._vectors_of(texts)
        left, right = (np.stack([vectors[key[side]] for key in pairs]).astype(np.float64) for side in (0, 1))
        cosines = np.clip(np.einsum("nd,nd->n", left, right), 0.0, 1.0)
        found = dict(zip(pairs, cosines.tolist(), strict=True))
        for key, value in found.items():
            self._similarities.put(key, value)
        return found

    def _vectors_of(self, texts: dict[bytes, str]) -> "dict[bytes, NDArray[np.float32]]":
        """Vectors by key: from memory, from disk, and from the model for what neither has."""
        vectors = {key: vector for key in texts if (vector := self._vectors.get(key)) is not None}
        missing = [key for key in texts if key not in vectors]
        if missing and self._store is not None:
            vectors |= self._store.read(missing)
            missing = [key for key in missing if key not in vectors]
        if missing:
            made = dict(zip(missing, self._embed([texts[key] for key in missing]), strict=True))
            vectors |= made
            if self._store is not None:
                self._store.write(made)
        for key in texts:
            self._vectors.put(key, vectors[key])
        return vectors

    def _embed(self, texts: list[str]) -> "NDArray[np.float32]":
        """Run the model; it sorts by length and batches by itself."""
        import numpy as np

        if self._model is None:
            self._model = _load(self.settings)
        clean = [LONE_SURROGATE.sub("\ufffd", text) for text in texts]  # tokenizers know no half characters
        raw = self._model.encode(
            clean, batch_size=_BATCH[self._model.device.type], show_progress_bar=False, convert_to_tensor=True
        )
        vectors: NDArray[np.float32] = raw.float().cpu().numpy()
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors


def gpu_is_there() -> bool:
    """Whether torch can use an NVIDIA GPU; torch, which takes seconds to load, is asked only where a driver is."""
    if not any(Path(device).exists() for device in _GPU_DEVICES) or find_spec("torch") is None:
        return False
    import torch

    return torch.cuda.is_available()


def _keyed(pair: Pair) -> tuple[bytes, bytes]:
    """The pair's key, the same for both orders."""
    one, other = text_digest(pair[0]), text_digest(pair[1])
    return (one, other) if one <= other else (other, one)


def _load(settings: EncoderSettings) -> Any:
    """Load a model from its folder, and from nowhere else; no code of the folder is run.

    Raises:
        InfrastructureError: If the library or the folder cannot be used.
    """
    try:
        import torch
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise InfrastructureError(f"sentence-transformers cannot be used: {error}", mend=INSTALL) from error
    device = "cuda" if gpu_is_there() else "cpu"
    try:
        with no_progress():
            model = SentenceTransformer(
                str(settings.folder),
                device=device,
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs={"use_safetensors": True, "dtype": getattr(torch, settings.dtype)},
            )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise InfrastructureError(
            f"{settings.folder} cannot be loaded as a sentence encoder: {error}",
            mend="fetch it again: peakbench metrics fetch sbert; a folder of your own needs the whole model as its "
            "library saves it",
        ) from error
    model.max_seq_length = min(settings.max_tokens, model.max_seq_length or settings.max_tokens)
    return model


@contextmanager
def no_progress() -> Iterator[None]:
    """Without the bar that transformers draws while it loads weights."""
    from transformers.utils import logging

    bar: Any = logging  # its functions have no types
    shown = bar.is_progress_bar_enabled()
    bar.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            bar.enable_progress_bar()
