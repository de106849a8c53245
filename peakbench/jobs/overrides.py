"""What a run file says of how models are asked: settings, and overrides that stand beside one another.

What is said nearer goes before what is said farther: the command line before an override, an override before the
model's settings, these before the file's, and the defaults last.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue, field_validator, model_validator

from peakbench.benchmarks.boxes import BoxConvention
from peakbench.canonical import digest
from peakbench.errors import BadInputError
from peakbench.jobs.identity import without_secrets
from peakbench.jobs.settings import RunSettings, concurrency
from peakbench.runners.constraint import ResponseFormat
from peakbench.runners.transport import TransportName
from peakbench.runs.records import Interpolation
from peakbench.strict import StrictModel

_ASKING = {"timeout": "timeout_s", "max_retries": "max_retries", "warmup": "warmup"}
_OF_COMMANDS = ("output", "max_error_rate", "skip_bad", "api_key_env", "metrics")
"""What a file says to the command, not to each run."""
_IMAGES = {"images_as": "form", "max_image_pixels": "max_pixels", "interpolation": "interpolation"}
_MAY_BE_NULL = frozenset({"limit", "max_image_pixels"})
_LONGEST_SHOWN = 60


class ModelSettings(StrictModel):
    """How models are asked; the words are those of the command line. What is not given is left to who says more."""

    limit: Annotated[int, Field(ge=1)] | None = None
    """About this many samples; null for all."""
    seed: Annotated[int, Field(ge=0)] | None = None
    repeats: Annotated[int, Field(ge=1, le=1000)] | None = None
    max_concurrency: int | str | None = None
    """N, or `auto` or `auto:MAX`."""
    warmup: Annotated[int, Field(ge=0)] | None = None
    transport: TransportName | None = None
    stream: bool | None = None
    logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    response_format: ResponseFormat | None = None
    extra_body: dict[str, JsonValue] | None = None
    """Keys of every request's body; they take the place of those that are said farther off, all together."""
    images_as: Literal["base64", "file"] | None = None
    max_image_pixels: Annotated[int, Field(ge=1)] | None = None
    """Larger images are sent made as small as this; null for untouched."""
    interpolation: Interpolation | None = None
    timeout: Annotated[float, Field(ge=0.1, allow_inf_nan=False)] | None = None
    """Deadline of one sample, retries included, in seconds."""
    stall_timeout: Annotated[float, Field(ge=0.1, allow_inf_nan=False)] | None = None
    """Longest silence of a server that has begun to answer, in seconds."""
    max_retries: Annotated[int, Field(ge=0)] | None = None

    @field_validator("max_concurrency")
    @classmethod
    def _a_number_or_auto(cls, given: int | str | None) -> int | str | None:
        if given is not None:
            try:
                concurrency(str(given))
            except BadInputError as error:
                raise ValueError(error.message) from error
        return given

    @property
    def said(self) -> dict[str, Any]:
        """What is given, by name, in the order of the fields; a null limit is one, most other nulls say nothing."""
        names = [name for name in type(self).model_fields if name in self.model_fields_set]
        values = {name: getattr(self, name) for name in names}
        return {name: value for name, value in values.items() if value is not None or name in _MAY_BE_NULL}


class FileSettings(ModelSettings):
    """What holds for all runs of a file."""

    output: str | None = None
    """Folder that run folders are written to; relative to where the command is started, as `--output` is."""
    max_error_rate: Annotated[float, Field(ge=0, le=1)] | None = None
    skip_bad: bool | None = None
    api_key_env: str | None = None
    """Name of the environment variable that holds the key; never the key."""
    metrics: str | None = None
    """Another registry file; relative to the run file."""

    @property
    def of_commands(self) -> dict[str, Any]:
        """What is said to the command, not to each run."""
        return {name: value for name, value in self.said.items() if name in _OF_COMMANDS}


class Override(ModelSettings):
    """One way of asking that stands beside others: each is a run of its own, with a name that shows it."""

    name: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    """What tells the run from others; made of what is overridden when it is not given."""
    boxes: BoxConvention | None = None
    """How the model is taken to write boxes."""

    @field_validator("name")
    @classmethod
    def _one_plain_line(cls, name: str | None) -> str | None:
        if name is not None and (name != name.strip() or not name.isprintable()):
            raise ValueError("a name is one line without spaces around it")
        return name

    @model_validator(mode="after")
    def _overrides_something(self) -> "Override":
        if self.name is not None and set(self.said) == {"name"}:
            raise ValueError(f"`{self.name}` overrides nothing; `{{}}` is the way without overrides")
        return self

    def variant(self, taken: Iterable[str] = ()) -> str | None:
        """The name of the variant; None where nothing is overridden.

        Args:
            taken: What the command line says, and so goes before.
        """
        left = {name: value for name, value in self.said.items() if name not in {*taken, "name"}}
        if not left:
            return None
        return self.name or ", ".join(f"{name}={_shown(value)}" for name, value in left.items())


def told_apart(overrides: list[Override]) -> list[Override]:
    """The same overrides.

    Raises:
        ValueError: If two of them have one name.
    """
    names = [override.variant() for override in overrides]
    doubled = next((name for name in names if names.count(name) > 1), None)
    if len(set(names)) < len(names):
        raise ValueError(f"two overrides are `{doubled or '{}'}`; give each a `name` of its own, or drop one")
    return overrides


def _shown(value: Any) -> str:
    """A value in a name: short, in one line, and without secrets."""
    if isinstance(value, BoxConvention):
        return f"{value.order}/{value.scale}"
    if not isinstance(value, Mapping):
        return "none" if value is None else str(value)
    plain = without_secrets(dict(value))
    text = json.dumps(plain, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return text if len(text) <= _LONGEST_SHOWN else f"sha256:{digest(plain)[:12]}"


def applied(
    settings: RunSettings, layers: Iterable[ModelSettings], taken: Iterable[str], variant: str | None
) -> RunSettings:
    """Settings with what a run file says.

    Args:
        settings: As the command line, with its defaults, gives them.
        layers: What the file says, the farthest first.
        taken: Names of what was said on the command line, which goes before.
        variant: Of the run.
    """
    said: dict[str, Any] = {}
    for layer in layers:
        said |= layer.said
    for name in (*taken, *_OF_COMMANDS, "name"):
        said.pop(name, None)
    asking = {of_asking: said.pop(name) for name, of_asking in _ASKING.items() if name in said}
    if "max_concurrency" in said:
        asking["max_concurrency"], asking["adaptive"] = concurrency(str(said.pop("max_concurrency")))
    if "stall_timeout" in said:
        said["stall_timeout_s"] = said.pop("stall_timeout")
    images = {of_images: said.pop(name) for name, of_images in _IMAGES.items() if name in said}
    boxes = said.pop("boxes", None)
    model = settings.model if boxes is None else settings.model.model_copy(update={"boxes": boxes})
    return replace(
        settings,
        model=model,
        asking=replace(settings.asking, **asking),
        images=replace(settings.images, **images),
        variant=variant,
        **said,
    )
