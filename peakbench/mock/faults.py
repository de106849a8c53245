"""Faults on purpose: rate limits, server errors and reset connections, so that a client's retries can be tested.

Which request is hit, and how, is a pure function of (seed, digest of the request's body, attempt number): two servers
with the same seed treat the same requests alike, in whatever order they arrive. A request is hit a bounded number of
times, so a client that tries once more than that always gets its answer.
"""

import hashlib
import math
from dataclasses import dataclass
from enum import StrEnum

from peakbench.errors import BadInputError


class FaultKind(StrEnum):
    """What a request is hit with."""

    RATE_LIMIT = "rate_limit"
    """HTTP 429 with a `Retry-After` header."""
    SERVER_ERROR = "server_error"
    """HTTP 500."""
    RESET = "reset"
    """The TCP connection is reset without an answer."""


@dataclass(frozen=True, slots=True)
class Faults:
    """How often the server fails on purpose.

    Attributes:
        rate_429: Share of the attempts that get HTTP 429, in [0, 1].
        rate_500: Share of the attempts that get HTTP 500, in [0, 1].
        rate_reset: Share of the attempts whose connection is reset, in [0, 1]. The three add up to at most 1.
        retry_after_s: Value of the `Retry-After` header of a 429, seconds, 0 or more.
        seed: Another seed hits other requests.
        max_per_request: How many attempts of one request may be hit; the ones after that are answered.

    Raises:
        BadInputError: If a value is out of its range.
    """

    rate_429: float = 0.0
    rate_500: float = 0.0
    rate_reset: float = 0.0
    retry_after_s: float = 0.0
    seed: int = 0
    max_per_request: int = 2

    def __post_init__(self) -> None:
        for name in ("rate_429", "rate_500", "rate_reset"):
            rate = getattr(self, name)
            if not 0 <= rate <= 1:
                raise BadInputError(f"{name} is {rate}", mend="give a share between 0 and 1")
        if self.total_rate > 1 + 1e-9:
            raise BadInputError(
                f"the fault rates add up to {self.total_rate:g}", mend="give rates that add up to at most 1"
            )
        if not (self.retry_after_s >= 0 and math.isfinite(self.retry_after_s)):
            raise BadInputError(f"retry_after_s is {self.retry_after_s}", mend="give seconds, 0 or more")
        if self.max_per_request < 0:
            raise BadInputError(f"max_per_request is {self.max_per_request}", mend="give 0 or more")

    @property
    def total_rate(self) -> float:
        """Share of the attempts that are hit at all."""
        return self.rate_429 + self.rate_500 + self.rate_reset

    def draw(self, body_digest: str, attempt: int) -> FaultKind | None:
        """Decide about one attempt, not regarding how often the request was hit before.

        Args:
            body_digest: Digest of the request's body.
            attempt: From 1.
        """
        place = unit_draw("fault", self.seed, body_digest, attempt)
        for kind, rate in (
            (FaultKind.RATE_LIMIT, self.rate_429),
            (FaultKind.SERVER_ERROR, self.rate_500),
            (FaultKind.RESET, self.rate_reset),
        ):
            if place < rate:
                return kind
            place -= rate
        return None


class FaultLedger:
    """Counts attempts and hits per request body; kept for as long as the server lives.

    The same body sent for several repeats counts as one request.
    """

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._attempts: dict[str, int] = {}
        self._hits: dict[str, int] = {}

    def next_fault(self, body: bytes) -> FaultKind | None:
        """Count one more attempt of this body and say what it is hit with, if with anything."""
        if self._faults.total_rate == 0 or self._faults.max_per_request == 0:
            return None
        body_digest = hashlib.sha256(body).hexdigest()
        attempt = self._attempts.get(body_digest, 0) + 1
        self._attempts[body_digest] = attempt
        hits = self._hits.get(body_digest, 0)
        if hits >= self._faults.max_per_request:
            return None
        kind = self._faults.draw(body_digest, attempt)
        if kind is not None:
            self._hits[body_digest] = hits + 1
        return kind


def unit_draw(*key: str | int) -> float:
    """A number in [0, 1) that depends on nothing but the key, evenly spread over keys."""
    raw = hashlib.sha256("\x1f".join(map(str, key)).encode()).digest()
    return int.from_bytes(raw[:7], "big") / 2**56
