"""Which models there are on this machine, each loaded once, whichever metrics ask for it."""

import hashlib
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from peakbench.canonical import digest
from peakbench.errors import BadInputError
from peakbench.installed import installed_version
from peakbench.metrics.fetch.sbert import MODEL, Sbert
from peakbench.metrics.fetch.weights import WEIGHTS_FILE, weights_digest
from peakbench.metrics.semantic.encoder import (
    INSTALL,
    DType,
    EncoderSettings,
    SentenceEncoder,
    gpu_is_there,
)
from peakbench.metrics.semantic.memory import EmbeddingStore
from peakbench.strict import StrictModel, validation_message

LIBRARIES = ("sentence-transformers", "torch", "transformers")
_LARGEST_SETTING = 10_000_000


class EncoderParameters(StrictModel):
    """What a metric's entry says of its encoder, under `parameters`."""

    model: str
    """`sentence-transformers/all-mpnet-base-v2`, which lies in the cache folder, or the path of a folder."""
    weights_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """SHA-256 that the model's `model.safetensors` must have."""
    max_seq_length: Annotated[int, Field(ge=1)]
    """Tokens of a text that are read; the rest is cut off."""
    dtype: DType | Literal["auto"]
    """`auto` is bfloat16 on a GPU and float32 elsewhere."""

    @classmethod
    def of(cls, owner: str, parameters: Mapping[str, Any]) -> "EncoderParameters":
        """Read them from the entry of a metric or a component, which is called `owner` when it is refused.

        Raises:
            BadInputError: If one of them is missing or is none.
        """
        given = {name: parameters[name] for name in cls.model_fields if name in parameters}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise BadInputError(
                validation_message(f"{owner}: parameters", error), mend="mend the entry in the registry's file"
            ) from error


class SemanticModels:
    """The models of a registry's metrics.

    Args:
        cache: Where weights and embeddings lie; None where no metric may look for any.
        auto: The type that `auto` stands for; the fastest that is good enough here by default.
    """

    def __init__(self, cache: Path | None = None, auto: DType | None = None) -> None:
        self.cache = cache
        self.auto = auto
        self._encoders: dict[EncoderParameters, SentenceEncoder] = {}
        self._lacking: dict[EncoderParameters, str | None] = {}

    def lacking(self, parameters: EncoderParameters) -> str | None:
        """What is missing to use an encoder, with the command that brings it; None when nothing is."""
        if parameters not in self._lacking:
            found = _lacking_libraries() or self._find(parameters)
            self._lacking[parameters] = found if isinstance(found, str) else None
        return self._lacking[parameters]

    def encoder(self, parameters: EncoderParameters) -> SentenceEncoder:
        """The encoder; the same one for the same parameters. Nothing of it may be `lacking`.

        Raises:
            ValueError: If something is.
        """
        if parameters not in self._encoders:
            folder = self._find(parameters)
            if isinstance(folder, str):
                raise ValueError(folder)
            settings = EncoderSettings(folder, self._dtype(parameters), parameters.max_seq_length)
            self._encoders[parameters] = SentenceEncoder(settings, self._store(settings, parameters))
        return self._encoders[parameters]

    def in_force(self, parameters: EncoderParameters) -> dict[str, Any]:
        """What of the parameters changes the number, for the signature; where a folder lies does not."""
        name = parameters.model if parameters.model == MODEL else Path(parameters.model).name
        return {**parameters.model_dump(), "model": name, "dtype": self._dtype(parameters)}

    def _dtype(self, parameters: EncoderParameters) -> DType:
        if parameters.dtype != "auto":
            return parameters.dtype
        return self.auto or ("bfloat16" if gpu_is_there() else "float32")

    def _find(self, parameters: EncoderParameters) -> Path | str:
        """The model's folder, or what is wrong with it."""
        part = Sbert()
        if parameters.model == MODEL:
            folder = None if self.cache is None else part.find(self.cache)
            return folder or f"the sentence encoder all-mpnet-base-v2 is not there; fetch it: {part.command}"
        folder = Path(parameters.model).expanduser()
        found = weights_digest(folder, self.cache)
        if found is None:
            return f"{folder} holds no {WEIGHTS_FILE}; name the folder of a sentence-transformers model"
        if found != parameters.weights_sha256:
            return f"the weights in {folder} have the SHA-256 {found}, and `weights_sha256` says another"
        return folder

    def _store(self, settings: EncoderSettings, parameters: EncoderParameters) -> EmbeddingStore | None:
        """Where its embeddings are kept: a file for everything that decides what they are."""
        if self.cache is None:
            return None
        facts = {
            "weights": parameters.weights_sha256,
            "settings": _settings_digest(settings.folder),
            "dtype": settings.dtype,
            "max_tokens": settings.max_tokens,
            "libraries": {name: installed_version(name) for name in LIBRARIES},
        }
        return EmbeddingStore(self.cache / "embeddings" / f"{digest(facts)[:32]}.sqlite")


def _lacking_libraries() -> str | None:
    absent = [name for name in ("sentence_transformers", "torch") if find_spec(name) is None]
    return f"{' and '.join(absent)} cannot be found; install the extra `semantic`: {INSTALL}" if absent else None


def _settings_digest(folder: Path) -> str:
    """Digest of the small files beside the weights: tokenizer, pooling, architecture."""
    whole = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.suffix in (".json", ".txt", ".model")):
        if path.is_file() and path.stat().st_size <= _LARGEST_SETTING:
            whole.update(path.relative_to(folder).as_posix().encode() + b"\0")
            whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()
