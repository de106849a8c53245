"""`peakbench sweep`: many models, one after the other."""

from pathlib import Path
from typing import Annotated

import typer

from peakbench.cli import options


def sweep(
    file: Annotated[str, typer.Argument(help="A run file (YAML), or the name of one in runners/.")],
    base_url: options.SweepBaseUrl = None,
    output: options.Output = Path("runs"),
    limit: options.Limit = None,
    seed: options.Seed = 0,
    max_concurrency: options.MaxConcurrency = 8,
    timeout: options.Timeout = 300.0,
    max_retries: options.MaxRetries = 5,
    resume: Annotated[
        bool, typer.Option("--resume", help="Keep finished runs, and go on with the unfinished.")
    ] = False,
    retry_failed: options.RetryFailed = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin every run anew.")] = False,
    max_error_rate: options.MaxErrorRate = 0.01,
    api_key_env: options.ApiKeyEnv = "OPENAI_API_KEY",
    metrics: options.Metrics = None,
    as_json: options.Json = False,
) -> None:
    """Run every model of a run file on its benchmarks; one that fails does not stop the others."""
    from contextlib import ExitStack

    from peakbench.cli.console import print_error, print_json, say
    from peakbench.cli.run import command_line
    from peakbench.cli.watch import check_error_rate, next_step, report, watching
    from peakbench.errors import BadInputError, ExitCode
    from peakbench.jobs.run import RunSettings, Watching, api_key
    from peakbench.jobs.sweep import read_sweep
    from peakbench.jobs.sweep import sweep as sweep_job
    from peakbench.metrics.registry import Registry
    from peakbench.runners.asking import AskingSettings
    from peakbench.runners.endpoint import Endpoint, normalise_base_url
    from peakbench.runs.manifest import ModelFacts

    if resume and fresh:
        raise BadInputError("--resume and --fresh exclude one another", mend="give one of them")
    if retry_failed and not resume:
        raise BadInputError("--retry-failed goes on with a sweep", mend="give --resume --retry-failed")
    content, path = read_sweep(file)
    registry = Registry.load(metrics)
    settings = RunSettings(
        model=ModelFacts(name=content.models[0].name),
        endpoint=Endpoint(
            normalise_base_url(base_url or content.base_url or options.DEFAULT_URL), api_key(api_key_env), api_key_env
        ),
        output=output,
        asking=AskingSettings(max_concurrency, timeout, max_retries),
        limit=limit,
        seed=seed,
        fresh=fresh,
        keep_finished=resume,
        retry_failed=retry_failed,
        command=command_line(),
    )
    with ExitStack() as stack:

        def watch(model: str) -> Watching:
            stack.close()
            return stack.enter_context(watching(model, quiet=as_json))

        outcomes = sweep_job(content, path, settings, registry, watch)
    if as_json:
        print_json(
            [
                {
                    "model": outcome.model,
                    "benchmark": outcome.benchmark,
                    "run": str(outcome.run.folder.path) if outcome.run else None,
                    "error": outcome.error.message if outcome.error else None,
                    "results": outcome.run.results.model_dump(mode="json") if outcome.run else None,
                }
                for outcome in outcomes
            ]
        )
    for outcome in outcomes:
        if outcome.run and not as_json:
            report(outcome.run, registry, as_json=False)
        if outcome.error:
            say(f"{outcome.model} on {outcome.benchmark}:")
            print_error(outcome.error)
    if not as_json and any(outcome.run for outcome in outcomes):
        next_step(output)
    if any(outcome.error for outcome in outcomes):
        raise typer.Exit(ExitCode.INFRASTRUCTURE)
    check_error_rate([outcome.run for outcome in outcomes if outcome.run], max_error_rate, settings.command)
