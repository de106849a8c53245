"""How one run is made: what is evaluated, where and how hard it is asked, and where everything goes."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from peakbench.errors import BadInputError
from peakbench.runners.asking import AskingSettings
from peakbench.runners.constraint import ResponseFormat
from peakbench.runners.endpoint import Endpoint
from peakbench.runners.transport import TransportName
from peakbench.runs.manifest import ModelFacts
from peakbench.runs.records import ImageSending


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How one run is made.

    Attributes:
        model: What is evaluated.
        endpoint: Where it is asked.
        output: Root of the run folders.
        asking: How hard to ask.
        transport: What asks.
        response_format: How the server constrains answers; checked by a request before the first sample.
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
        variant: What tells this run from others of the same model in one sweep, in words.
    """

    model: ModelFacts
    endpoint: Endpoint
    output: Path
    asking: AskingSettings = field(default_factory=AskingSettings)
    transport: TransportName = "http"
    response_format: ResponseFormat = "free"
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
    variant: str | None = None


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
