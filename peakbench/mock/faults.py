"""Faults on purpose: everything that servers and the proxies before them do wrong, so that a client can be tested.

Which request is hit, and how, is a pure function of (seed, digest of the request's body, attempt number): two servers
with the same seed treat the same requests alike, in whatever order they arrive. A request is hit a bounded number of
times, so a client that tries once more than that always gets its answer, unless the fault is one that nobody retries.
"""

import difflib
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from peakbench.errors import BadInputError


class FaultKind(StrEnum):
    """What a request is hit with. Some have several forms, of which each hit draws one."""

    RATE_LIMIT = "rate_limit"
    """HTTP 429 with a `Retry-After` header."""
    SERVER_ERROR = "server_error"
    """HTTP 500."""
    RESET = "reset"
    """The TCP connection is reset without an answer."""
    GATEWAY = "gateway"
    """HTTP 502, 503, 504 or 520 with the HTML page of a proxy."""
    STALL = "stall"
    """The answer begins, with its headers alone or its first half, and then nothing comes for `hold_s`."""
    SLOW_LORIS = "slow_loris"
    """The answer comes a byte at a time, and never to its end."""
    TRUNCATED = "truncated"
    """The connection is closed in the middle: before `Content-Length` bytes, or without the last chunk."""
    INVALID_BODY = "invalid_body"
    """HTTP 200 whose body is no JSON though it says so: empty, cut with the right length, or a proxy's words."""
    WRONG_CONTENT_TYPE = "wrong_content_type"
    """HTTP 200 with an HTML page, as a portal or a sign-in page before the server sends it."""
    BROKEN_ENVELOPE = "broken_envelope"
    """HTTP 200 with JSON that is no completion: no choices, content that is no text, or an `error`."""
    REDIRECT = "redirect"
    """HTTP 302, 303 or 307 to a page to sign in, on another host."""
    QUOTA = "quota"
    """HTTP 429 with OpenAI's code `insufficient_quota`: no wait helps."""
    PAYMENT_REQUIRED = "payment_required"
    """HTTP 402."""
    FORBIDDEN = "forbidden"
    """HTTP 403: a key that no longer holds."""
    MOVED = "moved"
    """HTTP 301 or 308 to another host."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What one attempt is hit with.

    Attributes:
        kind: Which fault.
        draw: In [0, 1), evenly spread over hits: it picks the form, where a kind has several.
    """

    kind: FaultKind
    draw: float


@dataclass(frozen=True, slots=True)
class Faults:
    """How often the server fails on purpose.

    Attributes:
        rates: Kind to the share of the attempts that it hits, each in [0, 1]; they add up to at most 1.
        retry_after_s: Value of the `Retry-After` header of a 429, seconds, 0 or more.
        hold_s: How long a stalled or dribbling answer is held open before its connection is closed, seconds.
        seed: Another seed hits other requests.
        max_per_request: How many attempts of one request may be hit; the ones after that are answered.

    Raises:
        BadInputError: If a value is out of its range.
    """

    rates: Mapping[FaultKind, float] = field(default_factory=dict)
    retry_after_s: float = 0.0
    hold_s: float = 600.0
    seed: int = 0
    max_per_request: int = 2

    def __post_init__(self) -> None:
        for kind, rate in self.rates.items():
            if not 0 <= rate <= 1:
                raise BadInputError(f"the rate of {kind} is {rate}", mend="give a share between 0 and 1")
        if self.total_rate > 1 + 1e-9:
            raise BadInputError(
                f"the fault rates add up to {self.total_rate:g}", mend="give rates that add up to at most 1"
            )
        for name in ("retry_after_s", "hold_s"):
            value = getattr(self, name)
            if not (value >= 0 and math.isfinite(value)):
                raise BadInputError(f"{name} is {value}", mend="give seconds, 0 or more")
        if self.max_per_request < 0:
            raise BadInputError(f"max_per_request is {self.max_per_request}", mend="give 0 or more")

    @property
    def total_rate(self) -> float:
        """Share of the attempts that are hit at all."""
        return math.fsum(self.rates.values())

    def draw(self, body_digest: str, attempt: int) -> Fault | None:
        """Decide about one attempt, not regarding how often the request was hit before.

        Args:
            body_digest: Digest of the request's body.
            attempt: From 1.
        """
        place = unit_draw("fault", self.seed, body_digest, attempt)
        for kind in FaultKind:  # not in the order of the rates, which says nothing
            rate = self.rates.get(kind, 0.0)
            if place < rate:
                return Fault(kind, unit_draw("form", self.seed, body_digest, attempt))
            place -= rate
        return None


def read_rates(given: Sequence[str]) -> dict[FaultKind, float]:
    """Read rates as they are written on a command line: `stall=0.05`.

    Raises:
        BadInputError: If one has not the form `KIND=RATE`, names no kind, or a kind is named twice.
    """
    rates: dict[FaultKind, float] = {}
    for text in given:
        name, _, share = text.partition("=")
        name = name.strip().replace("-", "_")
        try:
            rate = float(share)
        except ValueError as error:
            raise BadInputError(
                f"--fault {text!r} has not the form KIND=RATE", mend="give it like stall=0.05"
            ) from error
        if name not in list(FaultKind):
            close = difflib.get_close_matches(name, list(FaultKind), n=1, cutoff=0.6)
            hint = f"did you mean `{close[0]}`?" if close else f"faults there are: {', '.join(FaultKind)}"
            raise BadInputError(f"there is no fault `{name}`", mend=hint)
        if FaultKind(name) in rates:
            raise BadInputError(f"the fault `{name}` is given twice", mend="give each kind once")
        rates[FaultKind(name)] = rate
    return rates


class FaultLedger:
    """Counts attempts and hits per request body; kept for as long as the server lives.

    The same body sent for several repeats counts as one request.
    """

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._attempts: dict[str, int] = {}
        self._hits: dict[str, int] = {}

    def next_fault(self, body: bytes) -> Fault | None:
        """Count one more attempt of this body and say what it is hit with, if with anything."""
        if self._faults.total_rate == 0 or self._faults.max_per_request == 0:
            return None
        body_digest = hashlib.sha256(body).hexdigest()
        attempt = self._attempts.get(body_digest, 0) + 1
        self._attempts[body_digest] = attempt
        hits = self._hits.get(body_digest, 0)
        if hits >= self._faults.max_per_request:
            return None
        fault = self._faults.draw(body_digest, attempt)
        if fault is not None:
            self._hits[body_digest] = hits + 1
        return fault


def unit_draw(*key: str | int) -> float:
    """A number in [0, 1) that depends on nothing but the key, evenly spread over keys."""
    raw = hashlib.sha256("\x1f".join(map(str, key)).encode()).digest()
    return (int.from_bytes(raw[:7], "big") >> 3) / 2**53  # as many bits as a float holds, so that none rounds up to 1
