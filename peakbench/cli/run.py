"""`peakbench run`: one model on one benchmark."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from peakbench.cli import options
from peakbench.cli.request_options import without_values
from peakbench.cli.watch import check_error_rate, next_step, report, watching


def run(
    benchmark: Annotated[str, typer.Argument(help="A built-in benchmark's name, or the path of a benchmark file.")],
    model: Annotated[str, typer.Option("--model", "-m", help="The served name of the model.")],
    base_url: options.BaseUrl = options.DEFAULT_URL,
    output: options.Output = Path("runs"),
    limit: options.Limit = None,
    seed: options.Seed = 0,
    repeats: options.Repeats = 1,
    max_concurrency: options.MaxConcurrency = 8,
    transport: options.Transport = "http",
    response_format: options.ResponseFormat = "free",
    extra_body: options.ExtraBody = None,
    header: options.Header = None,
    timeout: options.Timeout = 300.0,
    max_retries: options.MaxRetries = 5,
    resume: options.Resume = False,
    fresh: options.Fresh = False,
    retry_failed: options.RetryFailed = False,
    max_error_rate: options.MaxErrorRate = 0.01,
    revision: Annotated[str | None, typer.Option("--revision", help="The model's revision, for the record.")] = None,
    data: options.Data = None,
    skip_bad: options.SkipBad = False,
    api_key_env: options.ApiKeyEnv = "OPENAI_API_KEY",
    metrics: options.Metrics = None,
    allow_code: options.AllowCode = False,
    as_json: options.Json = False,
) -> None:
    """Ask a model about a benchmark's samples and score its answers."""
    from peakbench.benchmarks.benchmark import find_benchmark
    from peakbench.cli.request_options import headers, json_object
    from peakbench.errors import BadInputError
    from peakbench.jobs.run import RunSettings, api_key, run_benchmark
    from peakbench.metrics.registry import Registry
    from peakbench.runners.asking import AskingSettings
    from peakbench.runners.endpoint import Endpoint, normalise_base_url
    from peakbench.runs.manifest import ModelFacts

    if resume and fresh:
        raise BadInputError("--resume and --fresh exclude one another", mend="give one of them")
    if not model.strip():
        raise BadInputError("--model is empty", mend="give the name under which the server knows the model")
    if retry_failed and not resume:
        raise BadInputError("--retry-failed goes on with a run", mend="give --resume --retry-failed")
    settings = RunSettings(
        model=ModelFacts(name=model, revision=revision),
        endpoint=Endpoint(normalise_base_url(base_url), api_key(api_key_env), api_key_env, headers(header)),
        output=output,
        asking=AskingSettings(max_concurrency, timeout, max_retries),
        transport=transport,
        response_format=response_format,
        extra_body=json_object("--extra-body", extra_body),
        limit=limit,
        seed=seed,
        repeats=repeats,
        resume=resume,
        fresh=fresh,
        retry_failed=retry_failed,
        skip_bad=skip_bad,
        data=data,
        command=command_line(),
    )
    registry = Registry.load(metrics, allow_code=allow_code)
    with watching(model, quiet=as_json) as watch:
        outcome = run_benchmark(find_benchmark(benchmark), settings, registry, watch)
    report(outcome, registry, as_json=as_json)
    if not as_json:
        next_step(output)
    check_error_rate([outcome], max_error_rate, settings.command)


def command_line() -> str:
    """The command as it was typed, without what says whether to go on, and without the values of headers."""
    words = [word for word in sys.argv[1:] if word not in ("--resume", "--fresh", "--retry-failed", "--retry_failed")]
    return shlex.join(["peakbench", *without_values(words)])
