"""`peakbench run`: one model on one benchmark."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from peakbench.cli import options
from peakbench.cli.asking_options import DEFAULT_URL, AskingOptions
from peakbench.cli.expanding import expanded
from peakbench.cli.watch import check_error_rate, next_step, report, watching


@expanded
def run(
    benchmark: Annotated[str, typer.Argument(help="A built-in benchmark's name, or the path of a benchmark file.")],
    model: Annotated[
        str,
        typer.Option("--model", "-m", help="The served name of the model; with --serve, its folder or Hub id."),
    ],
    asking: AskingOptions,
    base_url: Annotated[
        list[str] | None,
        typer.Option(
            "--base-url",
            "--api-url",
            "--model-base-url",
            help=f"The OpenAI-compatible server, with or without /v1 (else {DEFAULT_URL}). Given again: further ones "
            "that serve the same; requests are spread over all.",
        ),
    ] = None,
    revision: Annotated[str | None, typer.Option("--revision", help="The model's revision, for the record.")] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="Where the data lies, when that is not where the benchmark file says.")
    ] = None,
    serve: Annotated[bool, typer.Option("--serve", help="Start the model's server, ask, stop it.")] = False,
    served_model_name: Annotated[
        str | None,
        typer.Option("--served-model-name", help="With --serve: the name it is served under; else its own."),
    ] = None,
    serve_option: Annotated[
        list[str] | None,
        typer.Option(
            "--serve-option", help="With --serve: `KEY=VALUE`, a key of `serve:` in run files; again for more."
        ),
    ] = None,
    vllm_bin: options.VllmBin = "vllm",
) -> None:
    """Ask a model about a benchmark's samples and score its answers."""
    from peakbench.benchmarks.benchmark import find_benchmark
    from peakbench.cli.serve_options import read_options
    from peakbench.errors import BadInputError
    from peakbench.jobs.run import run_benchmark
    from peakbench.jobs.serving import open_server, plan_of
    from peakbench.runners.serving.source import source_of
    from peakbench.runs.manifest import ModelFacts

    asking.check()
    if not model.strip():
        raise BadInputError("--model is empty", mend="give the name under which the server knows the model")
    if serve and base_url is not None:
        raise BadInputError("--serve and --base-url exclude one another", mend="give one of them")
    if not serve and (served_model_name or serve_option):
        raise BadInputError("--served-model-name and --serve-option are for --serve", mend="give --serve, too")
    section = read_options(serve_option)
    source = source_of(model, revision, section) if serve else None
    name = model
    if source is not None:
        section = section.model_copy(update={"model": model})
        name, revision = served_model_name or source.name, source.asked[1] or revision
    facts = ModelFacts(name=name, revision=revision, sources={"revision": "command"} if revision else {})
    settings = replace(asking.settings(facts, base_url or [DEFAULT_URL]), data=data)
    plan = plan_of(facts, section, vllm_bin, settings) if serve else None
    if plan is not None:
        plan.check()
    registry = asking.registry()
    with watching(facts.name, quiet=asking.as_json) as watch, open_server(plan, settings) as server:
        outcome = run_benchmark(find_benchmark(benchmark), replace(settings, server=server), registry, watch)
    report(outcome, registry, as_json=asking.as_json)
    if not asking.as_json:
        next_step(asking.output)
    check_error_rate([outcome], asking.max_error_rate, settings.command)
