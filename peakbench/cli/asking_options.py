"""What `run` and `sweep` are both told: what is asked, how hard, and what a request holds beside PeakBench's own."""

import shlex
import sys
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from peakbench.cli import options
from peakbench.cli.request_options import without_values
from peakbench.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peakbench.jobs.overrides import FileSettings
    from peakbench.jobs.settings import RunSettings
    from peakbench.metrics.registry import Registry
    from peakbench.runs.manifest import ModelFacts

DEFAULT_URL = "http://localhost:8000/v1"
LONGEST_S = 1e9
"""Longest time that may be given; who means for ever means less than these thirty years."""


@dataclass(frozen=True, slots=True)
class AskingOptions:
    """Options as they were typed; each field is an option of the command line."""

    output: options.Output = Path("runs")
    limit: options.Limit = None
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="Of the draw of samples, the floors and the bootstrap.")
    ] = 0
    repeats: Annotated[
        int,
        typer.Option(
            "--repeats",
            "--epochs",
            min=1,
            max=1000,
            help="How often each sample is asked: all samples once, then all again. Measures how far answers agree.",
        ),
    ] = 1
    max_concurrency: Annotated[
        str,
        typer.Option(
            "--max-concurrency",
            "-j",
            "--num-concurrent",
            "--max-connections",
            metavar="N|auto[:MAX]",
            help="Requests in flight at once: so many; or as many as the server answers faster by, up to MAX "
            "(256), fewer when it says 429.",
        ),
    ] = "8"
    transport: Annotated[
        Literal["http", "openai"],
        typer.Option(
            "--transport", help="What sends the requests: the fast one, or the `openai` client, for its ways."
        ),
    ] = "http"
    stream: Annotated[
        bool,
        typer.Option("--stream", help="Have answers streamed, and time their tokens: TTFT, TPOT and ITL in results."),
    ] = False
    response_format: Annotated[
        Literal["free", "json_object", "json_schema", "structured_outputs"],
        typer.Option(
            "--response-format",
            help="Have the server hold answers to the benchmark's schema; a first request checks that it does.",
        ),
    ] = "free"
    logprobs: Annotated[
        int | None,
        typer.Option(
            "--logprobs",
            min=0,
            max=20,
            help="Keep each token's log-probability, and those of this many alternatives to it.",
        ),
    ] = None
    extra_body: Annotated[
        str | None,
        typer.Option("--extra-body", help="JSON object whose keys every request holds, such as top_k."),
    ] = None
    chat_template_kwargs: Annotated[
        str | None,
        typer.Option(
            "--chat-template-kwargs",
            help='JSON object for the model\'s chat template, such as {"enable_thinking": false}.',
        ),
    ] = None
    header: Annotated[
        list[str] | None,
        typer.Option(
            "--header",
            help="`NAME: VALUE`, sent with every request, never written; `NAME: ${VARIABLE}` takes it from the "
            "environment. May be given again.",
        ),
    ] = None
    images_as: Annotated[
        Literal["base64", "file"],
        typer.Option(
            "--images-as",
            help="How image files are sent: their bytes, or file:// URLs for a server that sees the same disk.",
        ),
    ] = "base64"
    max_image_pixels: Annotated[
        int | None,
        typer.Option("--max-image-pixels", min=1, help="Send larger images made as small as this; else untouched."),
    ] = None
    interpolation: Annotated[
        Literal["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"],
        typer.Option("--interpolation", help="With --max-image-pixels: how images are made smaller."),
    ] = "lanczos"
    allow_remote_images: Annotated[
        bool,
        typer.Option(
            "--allow-remote-images", help="Hand image URLs of the data to the server, which fetches them itself."
        ),
    ] = False
    timeout: Annotated[
        float,
        typer.Option("--timeout", min=0.1, max=LONGEST_S, help="Deadline of one sample, retries included, in seconds."),
    ] = 300.0
    stall_timeout: Annotated[
        float,
        typer.Option(
            "--stall-timeout",
            min=0.1,
            max=LONGEST_S,
            help="Longest silence of a server that began to answer, and of one that is connected to, in seconds.",
        ),
    ] = 60.0
    max_retries: Annotated[
        int, typer.Option("--max-retries", min=0, help="How often a request is sent again when that can help.")
    ] = 5
    warmup: Annotated[
        int,
        typer.Option("--warmup", min=0, max=10_000, help="Requests sent before the clock starts; nothing is kept."),
    ] = 0
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with what is unfinished; a sweep keeps its finished runs.")
    ] = False
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="With --resume: ask the samples again that failed.")
    ] = False
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin anew, whatever is unfinished or finished.")] = False
    max_error_rate: options.MaxErrorRate = 0.01
    skip_bad: Annotated[
        bool,
        typer.Option("--skip-bad", help="Leave bad rows of the data out, and record them, instead of refusing it."),
    ] = False
    api_key_env: Annotated[
        str,
        typer.Option(
            "--api-key-env",
            help="Environment variable that holds the API key; keys are never given on the command line.",
        ),
    ] = "OPENAI_API_KEY"
    metrics: options.Metrics = None
    allow_code: options.AllowCode = False
    as_json: options.Json = False

    def check(self) -> None:
        """Look at what only some options together can be.

        Raises:
            BadInputError: If they exclude one another.
        """
        if self.resume and self.fresh:
            raise BadInputError("--resume and --fresh exclude one another", mend="give one of them")
        if self.retry_failed and not self.resume:
            raise BadInputError(
                "--retry-failed goes on with what was asked before", mend="give --resume --retry-failed"
            )

    def settings(self, model: "ModelFacts", base_urls: "Sequence[str]") -> "RunSettings":
        """What a run is told, as far as these options say it.

        Args:
            model: What is evaluated.
            base_urls: Where, in any of their forms; several serve the same.

        Raises:
            BadInputError: If an option's text cannot be read.
        """
        from peakbench.cli.request_options import added_keys, headers
        from peakbench.jobs.settings import RunSettings, api_key, concurrency
        from peakbench.runners.asking import AskingSettings
        from peakbench.runners.endpoint import Endpoint, endpoints_at
        from peakbench.runs.records import ImageSending

        like = Endpoint(DEFAULT_URL, api_key(self.api_key_env), self.api_key_env, headers(self.header))
        endpoint, *more_endpoints = endpoints_at(base_urls, like)
        max_concurrency, adaptive = concurrency(self.max_concurrency)
        return RunSettings(
            model=model,
            endpoint=endpoint,
            more_endpoints=tuple(more_endpoints),
            output=self.output,
            asking=AskingSettings(max_concurrency, self.timeout, self.max_retries, adaptive, self.warmup),
            transport=self.transport,
            stream=self.stream,
            stall_timeout_s=self.stall_timeout,
            response_format=self.response_format,
            logprobs=self.logprobs,
            extra_body=added_keys(self.extra_body, self.chat_template_kwargs),
            images=ImageSending(self.images_as, self.max_image_pixels, self.interpolation),
            allow_remote_images=self.allow_remote_images,
            limit=self.limit,
            seed=self.seed,
            repeats=self.repeats,
            resume=self.resume,
            fresh=self.fresh,
            retry_failed=self.retry_failed,
            skip_bad=self.skip_bad,
            command=command_line(),
        )

    def with_file(self, file: "FileSettings", path: Path, taken: Collection[str]) -> "AskingOptions":
        """The same options with what a run file says to the command itself, where the command line does not.

        Args:
            file: The file's settings.
            path: Where it lies; the registry file that it names is relative to it.
            taken: Names of what the command line says.
        """
        said = {name: value for name, value in file.of_commands.items() if name not in taken}
        for name in ("output", "metrics"):
            if name in said:
                said[name] = Path(said[name]).expanduser()
        if "metrics" in said:
            said["metrics"] = path.parent / said["metrics"]
        return replace(self, **said)

    def registry(self) -> "Registry":
        """The metrics that answers are scored by."""
        from peakbench.metrics.registry import Registry

        return Registry.load(self.metrics, allow_code=self.allow_code)


def given_names(context: typer.Context) -> frozenset[str]:
    """Names of the options that stand on the command line, or come from the environment; not those left to defaults."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return frozenset(name for name, source in sources.items() if source and not source.name.startswith("DEFAULT"))


def command_line() -> str:
    """The command as it was typed, without what says whether to go on, and without the values of headers."""
    words = [word for word in sys.argv[1:] if word not in ("--resume", "--fresh", "--retry-failed", "--retry_failed")]
    return shlex.join(["peakbench", *without_values(words)])
