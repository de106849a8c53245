"""`peakbench run`: one model on one benchmark."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from peakbench.cli.asking_options import DEFAULT_URL, AskingOptions
from peakbench.cli.expanding import expanded
from peakbench.cli.watch import check_error_rate, next_step, report, watching


@expanded
def run(
    benchmark: Annotated[str, typer.Argument(help="A built-in benchmark's name, or the path of a benchmark file.")],
    model: Annotated[str, typer.Option("--model", "-m", help="The served name of the model.")],
    asking: AskingOptions,
    base_url: Annotated[
        str,
        typer.Option(
            "--base-url", "--api-url", "--model-base-url", help="The OpenAI-compatible server, with or without /v1."
        ),
    ] = DEFAULT_URL,
    revision: Annotated[str | None, typer.Option("--revision", help="The model's revision, for the record.")] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="Where the data lies, when that is not where the benchmark file says.")
    ] = None,
) -> None:
    """Ask a model about a benchmark's samples and score its answers."""
    from peakbench.benchmarks.benchmark import find_benchmark
    from peakbench.errors import BadInputError
    from peakbench.jobs.run import run_benchmark
    from peakbench.runs.manifest import ModelFacts

    asking.check()
    if not model.strip():
        raise BadInputError("--model is empty", mend="give the name under which the server knows the model")
    facts = ModelFacts(name=model, revision=revision, sources={"revision": "command"} if revision else {})
    settings = replace(asking.settings(facts, base_url), data=data)
    registry = asking.registry()
    with watching(model, quiet=asking.as_json) as watch:
        outcome = run_benchmark(find_benchmark(benchmark), settings, registry, watch)
    report(outcome, registry, as_json=asking.as_json)
    if not asking.as_json:
        next_step(asking.output)
    check_error_rate([outcome], asking.max_error_rate, settings.command)
