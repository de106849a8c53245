"""How one run is made: what is evaluated, where and how hard it is asked, and where everything goes."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from peakbench.errors import BadInputError
from peakbench.runners.asking import AskingSettings
from peakbench.runners.constraint import ResponseFormat
from peakbench.runners.endpoint import Endpoint
from peakbench.runners.serving.server import ManagedServer
from peakbench.runners.transport import STALL_TIMEOUT_S, TransportName
from peakbench.runs.manifest import ModelFacts
from peakbench.runs.records import ImageSending

AUTO_MAX = 256
"""Most requests at once where `auto` says no other."""
_MOST_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How one run is made.

    Attributes:
        model: What is evaluated.
        endpoint: Where it is asked; of a server that PeakBench starts, its address is known when that runs.
        more_endpoints: Further endpoints that serve the same model; requests are spread over all.
        output: Root of the run folders.
        asking: How hard to ask.
        transport: What asks.
        stream: Whether answers are asked for as streams, so that tokens can be timed.
        stall_timeout_s: Longest silence of a server that has begun to answer, and of one that is connected to.
        response_format: How the server constrains answers; checked by a request before the first sample.
        logprobs: Alternatives to each token whose log-probabilities are asked for; None for no log-probabilities.
        extra_body: Keys of every request's body beside PeakBench's own.
        images: How images are sent.
        allow_remote_images: Whether URLs of the data may be handed to the server, which then fetches them.
        limit: Samples to ask about, drawn with `seed`; None for all.
        seed: For the draw, the floors and the bootstrap.
        repeats: How often each sample is asked.
        resume: Go on with the unfinished run.
        fresh: Begin a new run, whatever is unfinished.
        retry_failed: With `resume` or `keep_finished`: ask the failed ones again.
        keep_finished: Take the finished run when there is one, go on with the unfinished, else begin one.
        command: The command line, for messages that say how to go on; empty when the job cannot be gone on with.
        data: Another data file than the benchmark's; for data rendered somewhere else.
        skip_bad: Leave bad rows out, and record them, instead of refusing the data.
        cache: Where rendered data is kept; None for the person's cache folder.
        server: The server to start when there is something to ask; None for one that runs. Whoever made it stops it.
        variant: What tells this run from others of the same model in one sweep, in words.
    """

    model: ModelFacts
    endpoint: Endpoint
    output: Path
    asking: AskingSettings = field(default_factory=AskingSettings)
    transport: TransportName = "http"
    stream: bool = False
    stall_timeout_s: float = STALL_TIMEOUT_S
    response_format: ResponseFormat = "free"
    logprobs: int | None = None
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    images: ImageSending = field(default_factory=ImageSending)
    allow_remote_images: bool = False
    limit: int | None = None
    seed: int = 0
    repeats: int = 1
    resume: bool = False
    fresh: bool = False
    retry_failed: bool = False
    keep_finished: bool = False
    command: str = "peakbench run"
    data: Path | None = None
    skip_bad: bool = False
    cache: Path | None = None
    server: ManagedServer | None = None
    variant: str | None = None
    more_endpoints: tuple[Endpoint, ...] = ()

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """All of them."""
        return (self.endpoint, *self.more_endpoints)


def api_key(variable: str) -> str:
    """The API key from the environment; `EMPTY`, as vLLM's users write it, when the variable is not set.

    Raises:
        BadInputError: If it holds characters that no HTTP header may hold.
    """
    key = os.environ.get(variable, "").strip()
    if not key.isascii() or not key.isprintable():
        raise BadInputError(
            f"the environment variable {variable} holds characters that no key may hold", mend="set it again"
        )
    return key or "EMPTY"


def concurrency(given: str) -> tuple[int, bool]:
    """How many requests at once `--max-concurrency` says: N, or `auto` or `auto:MAX`.

    Returns:
        So many, or at most so many; and whether asking finds out itself how many.

    Raises:
        BadInputError: If it is neither.
    """
    match = re.fullmatch(r"(auto)(?::(\d{1,4}))?|(\d{1,4})", given.strip(), re.ASCII)
    auto, most, fixed = match.groups() if match else (None, None, None)
    number = int(fixed or most or (AUTO_MAX if auto else 0))
    if not 1 <= number <= _MOST_AT_ONCE:
        raise BadInputError(
            f"--max-concurrency {given} is neither a number from 1 to {_MOST_AT_ONCE} nor auto",
            mend="give a number, such as 8; or auto, or auto:64 for at most 64",
        )
    return number, auto is not None
