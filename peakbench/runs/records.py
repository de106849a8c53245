"""What is asked and what comes back: request, response, failure; and a prediction, which is derived and never stored.

A response is what the server said, raw. A failure is never text and never an answer: it has a kind, and that kind says
whether asking again can help. Both carry the timing of the attempt that settled the matter.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, NamedTuple

from peakbench.benchmarks.sample import SampleImage


@dataclass(frozen=True, slots=True)
class Generation:
    """How the model is told to write.

    Attributes:
        max_tokens: Longest answer, in tokens.
        temperature: 0 unless the benchmark file says otherwise.
        stop: Strings at which the answer ends.
        seed: Sent to the server when given; None leaves it to the server.
        extra: A JSON object whose keys the request's body holds too, such as `response_format`; empty for none.
        logprobs: Alternatives to each token whose log-probabilities are asked for, beside the token's own; None for
            no log-probabilities at all.
    """

    max_tokens: int = 512
    temperature: float = 0.0
    stop: tuple[str, ...] = ()
    seed: int | None = None
    extra: str = ""
    logprobs: int | None = None


Interpolation = Literal["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"]
"""Pillow's names."""


@dataclass(frozen=True, slots=True)
class ImageSending:
    """How images are sent; URLs go as they stand, whatever is said here.

    Attributes:
        form: `base64`: the bytes, in a data URL; `file`: the file's place, in a `file://` URL, for a server that sees
            the same disk.
        max_pixels: Larger images are made as small as this before they are sent; None sends every file untouched.
        interpolation: How they are made smaller.
        folder: Where the smaller images are kept; needed with `max_pixels`.
    """

    form: Literal["base64", "file"] = "base64"
    max_pixels: int | None = None
    interpolation: Interpolation = "lanczos"
    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent for one sample and repeat; the same for every transport.

    Attributes:
        sample_id: The sample it asks about.
        repeat: From 0.
        model: The served model's name.
        prompt: The user's text.
        system: The system prompt; empty for none.
        images: In the order in which they are sent, before the text.
        generation: How the model is told to write.
        sending: How images are sent.
    """

    sample_id: str
    repeat: int
    model: str
    prompt: str
    system: str
    images: tuple[SampleImage, ...]
    generation: Generation
    sending: ImageSending = ImageSending()


class FailureKind(StrEnum):
    """Why a request got no answer."""

    RATE_LIMITED = "rate_limited"
    """429."""
    SERVER_ERROR = "server_error"
    """5xx, 408, 409 or 425."""
    TIMEOUT = "timeout"
    """The deadline of the request passed, no connection came about, or an answer began and then stopped."""
    CONNECTION = "connection"
    """Refused, reset or cut off: no answer came at all."""
    INVALID_RESPONSE = "invalid_response"
    """An answer came that is no chat completion; a redirect for now is one, too."""
    BAD_REQUEST = "bad_request"
    """400, 413, 422 and other 4xx: this sample cannot be asked like this."""
    UNAUTHORIZED = "unauthorized"
    """401 or 403: no sample can be asked with this key."""
    QUOTA = "quota"
    """402, or an error that says that the account's money or quota is spent: no sample can be asked on it."""
    NOT_FOUND = "not_found"
    """404: no such model, or no such path; 301 or 308: it moved for good."""

    @property
    def transient(self) -> bool:
        """Whether the same request may succeed when it is sent again."""
        return self in _TRANSIENT

    @property
    def fatal(self) -> bool:
        """Whether every other request would fail in the same way, so that the run stops."""
        return self in (FailureKind.UNAUTHORIZED, FailureKind.QUOTA, FailureKind.NOT_FOUND)


_TRANSIENT = frozenset(
    {
        FailureKind.RATE_LIMITED,
        FailureKind.SERVER_ERROR,
        FailureKind.TIMEOUT,
        FailureKind.CONNECTION,
        FailureKind.INVALID_RESPONSE,
    }
)


@dataclass(frozen=True, slots=True)
class Timing:
    """When an attempt began and how long it took, and how much asking came before it.

    Attributes:
        started_at: Seconds since 1970 (UTC), of the attempt that settled the matter.
        e2el_ms: End-to-end latency of that attempt, milliseconds.
        ttft_ms: Time to first token, milliseconds; None unless the answer was streamed and has text.
        attempts: How often the request was sent, 1 or more.
        itl_ms: Inter-token latencies, milliseconds: from each chunk of text to the next; None as for `ttft_ms`.
    """

    started_at: float
    e2el_ms: float
    ttft_ms: float | None = None
    attempts: int = 1
    itl_ms: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the server counted them; None where it did not say."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    reasoning_tokens: int | None = None


class TokenLogprob(NamedTuple):
    """How probable a token of an answer was; in the journal a list of three."""

    token: str
    """As the server writes it; a token that is half a character has no faithful text."""
    logprob: float | None
    """Natural logarithm; None where the server gave no finite number."""
    top: tuple[tuple[str, float | None], ...] = ()
    """The most probable tokens at this place, as the server ordered them: as many as were asked for."""


@dataclass(frozen=True, slots=True)
class Response:
    """What the server said to one request, raw.

    Attributes:
        sample_id: The sample asked about.
        repeat: From 0.
        text: The message's content, untouched; empty when the server sent none.
        reasoning: The separate reasoning channel, untouched; None when the server has none.
        finish_reason: As the server said it: `stop`, `length`, …
        usage: Token counts.
        timing: Of the attempt that was answered.
        request_id: The server's id of the completion; that of the `X-Request-Id` header where the body has none.
        system_fingerprint: As the server said it.
        sample_digest: `Sample.digest` of what was asked, so that runs can be compared sample by sample.
        session: Which session of asking it belongs to, from 0 (see `run.json`).
        logprobs: A token each, where they were asked for and the server gave them; else None.
    """

    sample_id: str
    repeat: int
    text: str
    reasoning: str | None
    finish_reason: str | None
    usage: Usage
    timing: Timing
    request_id: str | None = None
    system_fingerprint: str | None = None
    sample_digest: str = ""
    session: int = 0
    logprobs: tuple[TokenLogprob, ...] | None = None

    @property
    def truncated(self) -> bool:
        """Whether the answer ended because it was too long."""
        return self.finish_reason == "length"


@dataclass(frozen=True, slots=True)
class Failure:
    """A request that got no answer; never text, never scored as one.

    Attributes:
        sample_id: The sample asked about.
        repeat: From 0.
        kind: Why.
        message: What the server or the network said, shortened and redacted.
        status: HTTP status, when there was one.
        timing: Of the last attempt.
        retry_after_s: How long the server asked to wait; only used while asking, not stored.
        sample_digest: As in `Response`.
        session: As in `Response`.
    """

    sample_id: str
    repeat: int
    kind: FailureKind
    message: str
    status: int | None
    timing: Timing
    retry_after_s: float | None = None
    sample_digest: str = ""
    session: int = 0


Record = Response | Failure
"""What the journal holds for a sample and repeat."""

ParseLevel = Literal["strict", "extracted", "repaired", "none"]


@dataclass(frozen=True, slots=True)
class Prediction:
    """A response after extraction. Derived from the response whenever it is needed, never stored.

    Attributes:
        answer: The text that was searched for JSON, without reasoning and tags; None when reasoning never closed.
        reasoning: The reasoning channel, or what stood before `</think>`; None when there was none.
        level: How the JSON was found: `strict` (the whole response), `extracted`, `repaired` (never scored), `none`.
        value: The extracted JSON value when the level is strict or extracted, else None.
        repaired_value: The value after repair, at any level but `none`.
        flags: What was noticed on the way, in alphabetical order (`fence`, `think_removed`, …).
        oversize: The response was longer than may be parsed; it counts as unparsed.
    """

    answer: str | None
    reasoning: str | None
    level: ParseLevel
    value: Any = None
    repaired_value: Any = None
    flags: tuple[str, ...] = field(default=())
    oversize: bool = False

    @property
    def parsed(self) -> bool:
        """Whether there is a value that may be scored."""
        return self.level in ("strict", "extracted")
