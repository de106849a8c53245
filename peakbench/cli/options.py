"""Options that several commands share, with the names that people bring from lm-eval, inspect and vLLM."""

from pathlib import Path
from typing import Annotated, Literal

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON value on stdout instead of text.")]
Output = Annotated[
    Path, typer.Option("--output", "-o", "--output-path", "--log-dir", help="Folder that run folders are written to.")
]
Limit = Annotated[
    int | None, typer.Option("--limit", "-L", min=1, help="Ask about this many samples, drawn with --seed.")
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Of the draw of samples, the floors and the bootstrap.")]
Repeats = Annotated[
    int,
    typer.Option(
        "--repeats",
        "--epochs",
        min=1,
        max=1000,
        help="How often each sample is asked: all samples once, then all again. Measures how far answers agree.",
    ),
]
MaxConcurrency = Annotated[
    int,
    typer.Option(
        "--max-concurrency",
        "-j",
        "--num-concurrent",
        "--max-connections",
        min=1,
        max=4096,
        help="Requests in flight at once.",
    ),
]
Transport = Annotated[
    Literal["http", "openai"],
    typer.Option("--transport", help="What sends the requests: the fast one, or the `openai` client, for its ways."),
]
ResponseFormat = Annotated[
    Literal["free", "json_object", "json_schema", "structured_outputs"],
    typer.Option(
        "--response-format",
        help="Have the server hold answers to the benchmark's schema; a first request checks that it does.",
    ),
]
ExtraBody = Annotated[
    str | None,
    typer.Option("--extra-body", help="JSON object whose keys every request holds, such as chat_template_kwargs."),
]
Header = Annotated[
    list[str] | None,
    typer.Option("--header", help="`NAME: VALUE`, sent with every request, never written; may be given again."),
]
Timeout = Annotated[
    float, typer.Option("--timeout", min=0.1, help="Deadline of one sample, retries included, in seconds.")
]
MaxRetries = Annotated[
    int, typer.Option("--max-retries", min=0, help="How often a request is sent again when that can help.")
]
BaseUrl = Annotated[
    str,
    typer.Option(
        "--base-url", "--api-url", "--model-base-url", help="The OpenAI-compatible server, with or without /v1."
    ),
]
SweepBaseUrl = Annotated[
    str | None,
    typer.Option(
        "--base-url",
        "--api-url",
        "--model-base-url",
        help="Where models are asked that name no URL of their own; goes before the run file's.",
    ),
]
Data = Annotated[
    Path | None, typer.Option("--data", help="Where the data lies, when that is not where the benchmark file says.")
]
SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="Leave bad rows of the data out, and record them, instead of refusing it.")
]
ApiKeyEnv = Annotated[
    str,
    typer.Option(
        "--api-key-env", help="Environment variable that holds the API key; keys are never given on the command line."
    ),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the unfinished run.")]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="With --resume: ask the samples again that failed.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Begin a new run, whatever is unfinished.")]
MaxErrorRate = Annotated[
    float,
    typer.Option(
        "--max-error-rate", min=0.0, max=1.0, help="Share of failed samples above which a model is not ranked."
    ),
]
Metrics = Annotated[
    Path | None,
    typer.Option(
        "--metrics", help="Another metric registry than the peakbench_metrics.json that ships; it may extend that one."
    ),
]
AllowCode = Annotated[
    bool, typer.Option("--allow-code", help="Let code run that the file of --metrics names: modules and files.")
]
DEFAULT_URL = "http://localhost:8000/v1"
