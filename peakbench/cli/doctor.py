"""`peakbench doctor`: what is here, what is missing, and the command that brings it."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from peakbench.cli import options
from peakbench.cli.asking_options import DEFAULT_URL, AskingOptions, given_names


def doctor(
    context: typer.Context,
    sweep: Annotated[
        str | None, typer.Option("--sweep", help="A run file: its benchmarks, models and endpoints are looked at, too.")
    ] = None,
    base_url: Annotated[
        str | None, typer.Option("--base-url", help="Where models are asked that name no URL; as for `sweep`.")
    ] = None,
    output: options.Output = Path("runs"),
    vllm_bin: Annotated[str, typer.Option("--vllm-bin", help="The command of vLLM; its own interpreter is asked.")] = (
        "vllm"
    ),
    serve: Annotated[
        bool, typer.Option("--serve", help="Servers are to be started: vLLM and weights are needed, endpoints are not.")
    ] = False,
    network: Annotated[
        bool, typer.Option("--network", help="Ask the Hub about models that are not on this machine.")
    ] = False,
    api_key_env: Annotated[
        str, typer.Option("--api-key-env", help="Environment variable that holds the API key.")
    ] = "OPENAI_API_KEY",
    metrics: options.Metrics = None,
    allow_code: options.AllowCode = False,
    as_json: options.Json = False,
) -> None:
    """Look at what runs need. Exits with 5 when something is missing that a run stops without."""
    from rich.text import Text

    from peakbench.cli.console import output_console, print_json, say
    from peakbench.errors import ExitCode
    from peakbench.jobs.doctor import Examination, examine
    from peakbench.jobs.sweep import combinations, read_sweep
    from peakbench.runs.manifest import ModelFacts
    from peakbench.terminal import printable

    asking = AskingOptions(
        output=output, api_key_env=api_key_env, metrics=metrics, allow_code=allow_code, as_json=as_json
    )
    runs = []
    if sweep is not None:
        content, path = read_sweep(sweep)
        asking = asking.with_file(content.settings, path, given_names(context))
        settings = asking.settings(ModelFacts(name="any"), [base_url or content.base_url or DEFAULT_URL])
        runs = combinations(content, path, settings, vllm=vllm_bin if serve else None)
    what = Examination(asking.output, runs, vllm_bin, serve=serve, network=network)
    checks = examine(what, asking.registry(), (lambda _: None) if as_json else say)
    stopping = [check for check in checks if check.stops_a_run]
    if as_json:
        print_json({"good": not stopping, "checks": [asdict(check) for check in checks]})
    else:
        console = output_console()
        for check in checks:
            word = "MISSING" if check.stops_a_run else check.state
            line = f"{word:<8} {check.area} {check.name}: {check.detail}"
            console.print(Text(printable(line), style="bold" if check.stops_a_run else ""), soft_wrap=True)
            for mend in check.mend.splitlines():
                console.print(Text(printable(f"         → {mend}")), soft_wrap=True)
        told = "nothing is missing that a run stops without"
        if stopping:
            told = f"a run stops without: {', '.join(check.name for check in stopping)}"
        console.print(Text(printable(told)), soft_wrap=True)
    if stopping:
        raise typer.Exit(ExitCode.INFRASTRUCTURE)
