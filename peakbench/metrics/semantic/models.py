"""Which models there are on this machine, each loaded once, whichever metrics ask for it."""

import hashlib
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError

from peakbench.canonical import digest
from peakbench.errors import BadInputError
from peakbench.installed import installed_version
from peakbench.metrics.fetch.nli import MODEL as NLI_MODEL
from peakbench.metrics.fetch.nli import Nli, labels_of, recorded_digest
from peakbench.metrics.fetch.sbert import MODEL, Sbert
from peakbench.metrics.fetch.weights import WEIGHTS_FILE, weights_digest
from peakbench.metrics.semantic.encoder import (
    INSTALL,
    DType,
    EncoderSettings,
    SentenceEncoder,
    gpu_is_there,
)
from peakbench.metrics.semantic.inference import InferenceModel, InferenceSettings
from peakbench.metrics.semantic.memory import EmbeddingStore
from peakbench.metrics.signatures import DIGITS
from peakbench.strict import StrictModel, validation_message

LIBRARIES = ("sentence-transformers", "torch", "transformers")
INFERENCE_LIBRARIES = ("torch", "transformers")
RECORDED = "recorded"
_LARGEST_SETTING = 10_000_000


class ModelParameters(StrictModel):
    """What the entry of a metric or a component says of its model, under `parameters`."""

    model: str
    """The name of a model that lies in the cache folder, or the path of a folder."""
    dtype: DType | Literal["auto"]
    """`auto` is bfloat16 on a GPU and float32 elsewhere."""

    @classmethod
    def of(cls, owner: str, parameters: Mapping[str, Any]) -> Self:
        """Read them from an entry, which is called `owner` when it is refused; its other parameters are passed over.

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


class EncoderParameters(ModelParameters):
    """Of a sentence encoder; in the cache folder lies `sentence-transformers/all-mpnet-base-v2`."""

    weights_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """SHA-256 that the model's `model.safetensors` must have."""
    max_seq_length: Annotated[int, Field(ge=1)]
    """Tokens of a text that are read; the rest is cut off."""


class InferenceParameters(ModelParameters):
    """Of natural-language inference; in the cache folder lies `MoritzLaurer/DeBERTa-v3-base-mnli-fever-anli`."""

    weights_sha256: Annotated[str, Field(pattern=f"^([0-9a-f]{{64}}|{RECORDED})$")]
    """SHA-256 that the model's `model.safetensors` must have; `recorded` is the one that was written down when it was
    fetched."""
    max_length: Annotated[int, Field(ge=8)]
    """Tokens of a pair that are read; the premise is cut off to fit."""


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
        self._inference: dict[InferenceParameters, InferenceModel] = {}
        self._judges: dict[InferenceParameters, Path | str] = {}

    def lacking(self, parameters: EncoderParameters) -> str | None:
        """What is missing to use an encoder, with the command that brings it; None when nothing is."""
        if parameters not in self._lacking:
            found = _absent("sentence_transformers", "torch") or self._find(parameters)
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
            weights, longest = parameters.weights_sha256, settings.max_tokens
            store = self._stored(weights, folder, settings.dtype, longest, LIBRARIES)
            self._encoders[parameters] = SentenceEncoder(settings, store)
        return self._encoders[parameters]

    def in_force(self, parameters: EncoderParameters) -> dict[str, Any]:
        """What of the parameters changes the number, for the signature; where a folder lies does not."""
        said = {**parameters.model_dump(), "dtype": self._dtype(parameters)}
        return said if parameters.model == MODEL else said | _of_folder(Path(parameters.model).expanduser())

    def lacking_inference(self, parameters: InferenceParameters) -> str | None:
        """As `lacking`, of natural-language inference."""
        found = self._judge_folder(parameters)
        return found if isinstance(found, str) else None

    def inference(self, parameters: InferenceParameters) -> InferenceModel:
        """The model of natural-language inference; the same one for the same parameters. Nothing of it may be lacking.

        Raises:
            ValueError: If something is.
        """
        if parameters not in self._inference:
            folder = self._judge_folder(parameters)
            if isinstance(folder, str):
                raise ValueError(folder)
            settings = InferenceSettings(folder, self._dtype(parameters), parameters.max_length)
            weights = weights_digest(folder, self.cache)
            store = self._stored(weights, folder, settings.dtype, settings.max_tokens, INFERENCE_LIBRARIES)
            self._inference[parameters] = InferenceModel(settings, labels_of(folder), store)
        return self._inference[parameters]

    def inference_in_force(self, parameters: InferenceParameters) -> dict[str, Any]:
        """As `in_force`, of natural-language inference: with the digest of the weights that are there."""
        folder = self._judge_folder(parameters)
        weights = parameters.weights_sha256 if isinstance(folder, str) else weights_digest(folder, self.cache)
        said = {**parameters.model_dump(), "weights_sha256": weights, "dtype": self._dtype(parameters)}
        return said if parameters.model == NLI_MODEL else said | _of_folder(Path(parameters.model).expanduser())

    def _judge_folder(self, parameters: InferenceParameters) -> Path | str:
        """The folder of natural-language inference, or what is wrong with it; looked for once."""
        if parameters not in self._judges:
            self._judges[parameters] = _absent(*INFERENCE_LIBRARIES) or self._find_inference(parameters)
        return self._judges[parameters]

    def _find_inference(self, parameters: InferenceParameters) -> Path | str:
        part, wanted = Nli(), parameters.weights_sha256
        if parameters.model == NLI_MODEL:
            found = None if self.cache is None else part.find(self.cache)
            if found is None:
                return f"natural-language inference by {NLI_MODEL} is not there; fetch it: {part.command}"
            folder = found
            wanted = recorded_digest(folder) or wanted if wanted == RECORDED else wanted
        else:
            folder = Path(parameters.model).expanduser()
        digest_found = weights_digest(folder, self.cache)
        if digest_found is None:
            return f"{folder} holds no {WEIGHTS_FILE}; name the folder of a model of natural-language inference"
        if digest_found != wanted:
            return f"the weights in {folder} have the SHA-256 {digest_found}, and `weights_sha256` says another"
        try:
            labels_of(folder)
        except ValueError as error:
            return f"{folder} is no model of natural-language inference: {error}"
        return folder

    def _dtype(self, parameters: ModelParameters) -> DType:
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

    def _stored(
        self, weights: str | None, folder: Path, dtype: DType, max_tokens: int, libraries: tuple[str, ...]
    ) -> EmbeddingStore | None:
        """Where what a model computed is kept: a file for everything that decides what it is."""
        if self.cache is None:
            return None
        facts = {
            "weights": weights,
            "settings": _settings_digest(folder),
            "dtype": dtype,
            "device": "cuda" if gpu_is_there() else "cpu",
            "max_tokens": max_tokens,
            "libraries": {name: installed_version(name) for name in libraries},
        }
        return EmbeddingStore(self.cache / "embeddings" / f"{digest(facts)[:32]}.sqlite")


def _absent(*libraries: str) -> str | None:
    absent = [name for name in libraries if find_spec(name) is None]
    return f"{' and '.join(absent)} cannot be found; install the extra `semantic`: {INSTALL}" if absent else None


def _of_folder(folder: Path) -> dict[str, str]:
    """What tells a model in a folder of one's own from others: its name, and what the files beside its weights say."""
    return {"model": folder.name, "settings": _settings_digest(folder)[:DIGITS]}


def _settings_digest(folder: Path) -> str:
    """Digest of the small files beside the weights: tokenizer, pooling, architecture."""
    whole = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.suffix in (".json", ".txt", ".model")):
        if path.is_file() and path.stat().st_size <= _LARGEST_SETTING:
            whole.update(path.relative_to(folder).as_posix().encode() + b"\0")
            whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()
