"""From the body of a chat completion request to the text that answers it: everything but HTTP.

The request is checked as vLLM checks it and refused in vLLM's words where it has some. What the models cannot honour
because they do not sample (`seed`, `top_p`, log probabilities and the like) is accepted and ignored,
and so is `response_format` unless the server is told to constrain.

Tokens are counted in pieces: a piece is a punctuation mark or a run of at most six letters, digits or underscores,
together with the white space before it. The text of the messages and of the answer is counted this way; an image counts
as one token for each 28 × 28 pixels begun, and at most as `MOST_IMAGE_TOKENS`.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from peakbench.mock.answers import MockModel
from peakbench.mock.constrained import held_to, schema_of_request
from peakbench.mock.pictures import decode_image
from peakbench.mock.refusing import RefusedError

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_IMAGE_TOKENS = 1280
_PATCH_PIXELS = 28
_PIECE = re.compile(r"\s*\w{1,6}|\s*[^\w\s]|\s+")


class _Message(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[dict[str, Any]] | None = None


class _StreamOptions(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)
    include_usage: bool = False


class _ChatRequest(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)
    model: str
    messages: Annotated[list[_Message], Field(min_length=1)]
    temperature: Annotated[float | None, Field(ge=0, le=2, allow_inf_nan=False)] = None
    max_tokens: Annotated[int | None, Field(ge=1)] = None
    max_completion_tokens: Annotated[int | None, Field(ge=1)] = None
    stop: str | list[str] | None = None
    n: Annotated[int | None, Field(ge=1, le=1)] = None
    response_format: Any = None
    structured_outputs: Any = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None

    @field_validator("stop")
    @classmethod
    def _no_empty_stop(cls, stop: str | list[str] | None) -> str | list[str] | None:
        if stop is not None and "" in ([stop] if isinstance(stop, str) else stop):
            raise ValueError("stop cannot contain an empty string")
        return stop

    @model_validator(mode="after")
    def _stream_options_need_a_stream(self) -> "_ChatRequest":
        if self.stream_options is not None and not self.stream:
            raise ValueError("stream options can only be defined when `stream=True`")
        return self

    @property
    def stop_strings(self) -> tuple[str, ...]:
        if self.stop is None:
            return ()
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop)


@dataclass(frozen=True, slots=True)
class Completion:
    """The answer to a request, and how it is to be sent.

    Attributes:
        model: The served model's name.
        pieces: The text's tokens; joined they are the text.
        finish_reason: `stop` or `length`.
        prompt_tokens: Tokens of the messages, image included.
        stream: Whether the client wants server-sent events.
        include_usage: Whether the stream ends with a chunk that gives the usage.
    """

    model: str
    pieces: tuple[str, ...]
    finish_reason: Literal["stop", "length"]
    prompt_tokens: int
    stream: bool
    include_usage: bool

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self.pieces)

    @property
    def usage(self) -> dict[str, int]:
        """The `usage` object."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": len(self.pieces),
            "total_tokens": self.prompt_tokens + len(self.pieces),
        }


def complete(
    body: bytes,
    models: Mapping[str, MockModel],
    *,
    max_image_pixels: int,
    max_model_len: int,
    local_media: Path | None = None,
    constrains: bool = False,
) -> Completion:
    """Answer the body of one chat completion request.

    Raises:
        RefusedError: If the request cannot be answered: 404 for a model that is not served, else 400.
    """
    request = _read_request(body)
    model = models.get(request.model)
    if model is None:
        raise RefusedError(
            404,
            f"The model `{request.model}` does not exist. Served here: {', '.join(models) or 'none'}.",
            kind="NotFoundError",
            param="model",
        )
    prompt, images = _read_messages(request.messages, max_image_pixels, local_media)
    prompt_tokens = len(pieces_of(prompt)) + sum(image_tokens(image.width, image.height) for image in images)
    room = _room_for_answer(request, prompt_tokens, max_model_len)
    answer = model.answer(images[0], prompt)
    schema = schema_of_request(request.response_format, request.structured_outputs) if constrains else None
    said = answer.text if schema is None else held_to(answer.text, schema)
    text, finish_reason = _limit(said, answer.finish_reason, room, request.stop_strings)
    return Completion(
        model=request.model,
        pieces=pieces_of(text),
        finish_reason=finish_reason,
        prompt_tokens=prompt_tokens,
        stream=bool(request.stream),
        include_usage=request.stream_options is not None and request.stream_options.include_usage,
    )


def pieces_of(text: str) -> tuple[str, ...]:
    """Cut a text into tokens; joined they are the text again."""
    return tuple(_PIECE.findall(text))


def image_tokens(width: int, height: int) -> int:
    """Tokens of an image of this many pixels."""
    return min(math.ceil(width / _PATCH_PIXELS) * math.ceil(height / _PATCH_PIXELS), MOST_IMAGE_TOKENS)


def _read_request(body: bytes) -> _ChatRequest:
    try:
        raw = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, f"The request's body is no JSON: {error}") from error
    try:
        return _ChatRequest.model_validate(raw)
    except ValidationError as error:
        findings = error.errors(include_url=False, include_context=False, include_input=False)
        places = [".".join(map(str, finding["loc"])) for finding in findings]
        said = "; ".join(
            f"{place or 'body'}: {finding['msg'].removeprefix('Value error, ')}"
            for place, finding in zip(places, findings, strict=True)
        )
        raise RefusedError(400, said, param=places[0] or None) from error


def _read_messages(
    messages: Sequence[_Message], max_image_pixels: int, local_media: Path | None
) -> tuple[str, "list[Image]"]:
    """The text of all messages, a line each, and the one image."""
    texts: list[str] = []
    urls: list[str] = []
    for message in messages:
        if isinstance(message.content, str):
            texts.append(message.content)
            continue
        for part in message.content or ():
            match part:
                case {"type": "text", "text": str(text)}:
                    texts.append(text)
                case {"type": "image_url", "image_url": {"url": str(url)}} | {
                    "type": "image_url",
                    "image_url": str(url),
                }:
                    urls.append(url)
                case _:
                    raise RefusedError(
                        400,
                        f"A part of type {part.get('type')!r} cannot be read; "
                        "send `text` and `image_url` parts, each with its content.",
                        param="messages",
                    )
    if not urls:
        raise RefusedError(400, "The request holds no image; send one as an `image_url` part.", param="messages")
    if len(urls) > 1:
        raise RefusedError(
            400, f"At most 1 image(s) may be provided in one prompt; {len(urls)} were given.", param="messages"
        )
    return "\n".join(texts), [decode_image(url, max_image_pixels, local_media) for url in urls]


def _room_for_answer(request: _ChatRequest, prompt_tokens: int, max_model_len: int) -> int:
    """How many tokens the answer may have."""
    if prompt_tokens >= max_model_len:
        raise RefusedError(
            400,
            f"This model's maximum context length is {max_model_len} tokens. However, your messages resulted in "
            f"{prompt_tokens} tokens. Please reduce the length of the messages.",
            param="messages",
        )
    wanted = request.max_completion_tokens or request.max_tokens
    room = max_model_len - prompt_tokens
    if wanted is not None and wanted > room:
        raise RefusedError(
            400,
            f"'max_tokens' or 'max_completion_tokens' is too large: {wanted}. This model's maximum context length is "
            f"{max_model_len} tokens and your request has {prompt_tokens} input tokens "
            f"({wanted} > {max_model_len} - {prompt_tokens}).",
            param="max_tokens",
        )
    return wanted or room


def _limit(
    text: str, finish_reason: Literal["stop", "length"], room: int, stop: Sequence[str]
) -> tuple[str, Literal["stop", "length"]]:
    """Cut the text where the tokens end or before the first stop string, whichever comes first."""
    pieces = pieces_of(text)
    if len(pieces) > room:
        text, finish_reason = "".join(pieces[:room]), "length"
    places = [place for place in map(text.find, stop) if place >= 0]
    if places:
        text, finish_reason = text[: min(places)], "stop"
    return text, finish_reason
