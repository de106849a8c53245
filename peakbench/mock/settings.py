"""How a mock server behaves: where it listens, whom it lets in, how fast and how faulty it is."""

import math
from dataclasses import dataclass, field
from pathlib import Path

from peakbench.errors import BadInputError
from peakbench.mock.faults import Faults


@dataclass(frozen=True, slots=True)
class MockServerSettings:
    """How a mock server behaves.

    Attributes:
        host: Address to listen on.
        port: TCP port; 0 takes a free one.
        api_key: When given, `/v1` routes want it as a bearer token.
        ttft_ms: Least time to first token, milliseconds; decoding and prediction count towards it.
        token_ms: Time for each token after the first, milliseconds.
        latency_jitter: Each of the two varies evenly by this share up and down, in [0, 1].
        latency_seed: Another seed varies them otherwise; the same request takes the same time again.
        faults: Failures on purpose.
        constrains: Whether answers are held to the schema that a request gives; else it is accepted and ignored.
        max_body_bytes: A longer request body is refused with 413.
        max_image_pixels: An image with more pixels is refused with 400.
        allowed_local_media_path: Folder from which images may be read that a request names by `file://`; None for no.
        max_model_len: Context length of every model, tokens.
        prediction_threads: Threads that decode images and predict.
        shutdown_s: How long requests in flight may take after a stop, seconds.

    Raises:
        BadInputError: If a value is out of its range.
    """

    host: str = "127.0.0.1"
    port: int = 0
    api_key: str | None = field(default=None, repr=False)
    ttft_ms: float = 0.0
    token_ms: float = 0.0
    latency_jitter: float = 0.0
    latency_seed: int = 0
    faults: Faults = field(default_factory=Faults)
    constrains: bool = False
    max_body_bytes: int = 32 * 1024 * 1024
    max_image_pixels: int = 40_000_000
    allowed_local_media_path: Path | None = None
    max_model_len: int = 8192
    prediction_threads: int = 2
    shutdown_s: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            raise BadInputError(f"port is {self.port}", mend="give a port from 1 to 65535, or 0 for a free one")
        for name in ("ttft_ms", "token_ms", "shutdown_s"):
            value = getattr(self, name)
            if not (value >= 0 and math.isfinite(value)):
                raise BadInputError(f"{name} is {value}", mend=f"give {name} as a number, 0 or more")
        if not 0 <= self.latency_jitter <= 1:
            raise BadInputError(f"latency_jitter is {self.latency_jitter}", mend="give a share between 0 and 1")
        for name in ("max_body_bytes", "max_image_pixels", "max_model_len", "prediction_threads"):
            if getattr(self, name) < 1:
                raise BadInputError(f"{name} is {getattr(self, name)}", mend=f"give {name} as 1 or more")
        if self.api_key == "":
            raise BadInputError("the API key is empty", mend="give a key, or none at all")
