"""The `serve:` section of run files: how a model's server is started when PeakBench does it (`--serve`).

For vLLM one says what its flags are called; for any other server that speaks the API one gives its command line.

    serve:
      max_model_len: 8192
      limit_mm_per_prompt: {image: 1}
      extra: {enforce_eager: true}
    models:
      - name: qwen3-vl-2b
        hub_id: Qwen/Qwen3-VL-2B-Instruct
      - name: gemma
        serve: {command: llama-server -m /models/gemma.gguf --host {host} --port {port} --alias {name}}
"""

import difflib
import json
import re
import shlex
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from peakbench.strict import StrictModel, validation_message

PLACEHOLDERS = ("model", "name", "host", "port")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_TYPED = (
    "tensor_parallel_size",
    "max_model_len",
    "quantization",
    "dtype",
    "gpu_memory_utilization",
    "limit_mm_per_prompt",
    "seed",
)
"""Keys that are flags of `vllm serve`, under its own names."""
_VLLM_ONLY = (*_TYPED, "extra")
_OURS = ("host", "port", "served_model_name", "model", "enable_lora", "lora_modules", "revision")
"""Flags that PeakBench gives itself."""
_FLAG = re.compile(r"[A-Za-z][A-Za-z0-9._-]*")


class ServeSection(StrictModel):
    """How a server is started, watched and stopped."""

    model: str | None = None
    """What the server loads: a folder or a Hub id, also `BASE:ADAPTER` with a LoRA adapter, each with `@REVISION` if
    need be; when not given the model's `lora`, else its `path`, its `hub_id`, or its name."""
    command: str | list[str] | None = None
    """Another server than vLLM: its command line, or its words. `{model}`, `{name}`, `{host}` and `{port}` are filled
    in. No shell runs it."""
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """A free one when not given."""
    health: Annotated[str, Field(pattern="^/")] = "/health"
    """Path that answers 200 as soon as the server is ready."""
    ready_timeout: Annotated[float, Field(gt=0)] = 1800.0
    """How long it may take to get ready, seconds; weights may have to be downloaded."""
    stop_timeout: Annotated[float, Field(gt=0)] = 30.0
    """How long it may take to end before it is killed, seconds."""
    env: dict[str, str | int | float] = {}
    """Variables of the server's environment beside those of `peakbench` itself."""
    tensor_parallel_size: Annotated[int, Field(ge=1)] | None = None
    max_model_len: Annotated[int, Field(ge=1)] | None = None
    quantization: str | None = None
    dtype: Literal["auto", "half", "float16", "bfloat16", "float", "float32"] | None = None
    gpu_memory_utilization: Annotated[float, Field(gt=0, le=1)] | None = None
    limit_mm_per_prompt: dict[str, Annotated[int, Field(ge=0)]] | None = None
    """Such as `{image: 4}`."""
    seed: Annotated[int, Field(ge=0)] | None = None
    extra: dict[str, Any] | list[str] = {}
    """Further flags of `vllm serve`: a mapping (`enforce_eager: true`, `max_num_seqs: 16`), or the words themselves."""

    @field_validator("command")
    @classmethod
    def _fillable(cls, command: str | list[str] | None) -> str | list[str] | None:
        if command is None:
            return None
        words = split_command(command)
        if not words:
            raise ValueError("the command is empty")
        for name in _PLACEHOLDER.findall(" ".join(words)):
            if name not in PLACEHOLDERS:
                close = difflib.get_close_matches(name, PLACEHOLDERS, n=1)
                known = ", ".join(f"{{{one}}}" for one in PLACEHOLDERS)
                raise ValueError(
                    f"unknown placeholder {{{name}}}; "
                    + (f"did you mean {{{close[0]}}}?" if close else f"known: {known}")
                )
        return command

    @field_validator("env")
    @classmethod
    def _names(cls, env: dict[str, str | int | float]) -> dict[str, str | int | float]:
        for name, value in env.items():
            if not name or "=" in name or "\0" in f"{name}{value}":
                raise ValueError(f"{name!r} is no variable of an environment")
        return env

    @field_validator("extra")
    @classmethod
    def _no_flag_twice(cls, extra: dict[str, Any] | list[str]) -> dict[str, Any] | list[str]:
        given = (
            extra if isinstance(extra, dict) else [word.partition("=")[0] for word in extra if word.startswith("--")]
        )
        for flag in given:
            name = flag.removeprefix("--").replace("-", "_")
            if not _FLAG.fullmatch(name):
                raise ValueError(f"{flag!r} is no flag")
            if name in _TYPED:
                raise ValueError(f"`{flag}` is a key of `serve` itself: {name}")
            if name in _OURS:
                raise ValueError(f"`{flag}` is given by PeakBench; see `name`, `model`, `revision` and `serve.port`")
        for flag, value in extra.items() if isinstance(extra, dict) else ():
            if value is None:
                raise ValueError(f"`{flag}` has no value; write `{flag}: true` for a flag without one")
        return extra

    @model_validator(mode="after")
    def _of_one_server(self) -> "ServeSection":
        if self.command is None:
            return self
        for key in _VLLM_ONLY:
            if key in self.model_fields_set:
                raise ValueError(f"`{key}` is of vLLM, and `command` starts another server; put it into the command")
        if self.port is None and "{port}" not in " ".join(split_command(self.command)):
            raise ValueError("the command has no {port}; give it one, or say at which `port` that server listens")
        return self

    def flags(self) -> list[str]:
        """The flags of `vllm serve` that the section gives."""
        typed = {key: value for key in _TYPED if (value := getattr(self, key)) is not None}
        words = [word for name, value in typed.items() for word in _flag(name, value)]
        if isinstance(self.extra, list):
            return words + self.extra
        return words + [word for name, value in self.extra.items() for word in _flag(name, value)]


def split_command(command: str | Sequence[str]) -> list[str]:
    """The words of a command line.

    Raises:
        ValueError: If a quote is not closed.
    """
    return shlex.split(command) if isinstance(command, str) else list(command)


def fill(words: Sequence[str], values: dict[str, str]) -> list[str]:
    """Words with their placeholders filled in; other braces, as those of JSON, are left alone."""
    return [_PLACEHOLDER.sub(lambda match: values[match[1]], word) for word in words]


def combined(whole: ServeSection | None, own: ServeSection | None) -> ServeSection:
    """The section of one model: the sweep's, and over it the model's own; `env` and `extra` are put together.

    Raises:
        ValueError: If the two do not go together.
    """
    below = whole.model_dump(exclude_unset=True) if whole else {}
    above = own.model_dump(exclude_unset=True) if own else {}
    if above.get("command") is not None:  # the sweep's vLLM flags are not this server's
        below = {key: value for key, value in below.items() if key not in _VLLM_ONLY}
    merged = {**below, **above}
    for key in ("env", "extra"):
        if isinstance(below.get(key), dict) and isinstance(above.get(key), dict):
            merged[key] = {**below[key], **above[key]}
    try:
        return ServeSection.model_validate(merged)
    except ValidationError as error:
        raise ValueError(validation_message("serve", error)) from error


def _flag(name: str, value: Any) -> list[str]:
    """A flag and its value as words; a switch that is off is `--no-…`, a mapping is JSON."""
    flag = "--" + name.removeprefix("--").replace("_", "-")
    if isinstance(value, bool):
        return [flag] if value else [f"--no-{flag[2:]}"]
    if isinstance(value, dict):
        return [flag, json.dumps(value, separators=(",", ":"))]
    if isinstance(value, list):
        return [flag, *map(str, value)]
    return [flag, str(value)]
