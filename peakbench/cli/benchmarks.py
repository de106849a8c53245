"""`peakbench benchmarks`: what can be measured, and data that PeakBench renders."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from peakbench.cli import options

if TYPE_CHECKING:
    from peakbench.benchmarks.benchmark import Benchmark
    from peakbench.jobs.inspect import Contents

app = typer.Typer(help="List, show, validate and make benchmarks.", no_args_is_help=True)


@app.command("list")
def list_benchmarks(as_json: options.Json = False) -> None:
    """List the built-in benchmarks."""
    from rich.text import Text

    from peakbench.benchmarks.benchmark import builtin_benchmarks, find_benchmark
    from peakbench.cli.console import output_console, print_json

    found = [find_benchmark(name).file for name in builtin_benchmarks()]
    if as_json:
        print_json([{"name": file.name, "task": file.task, "title": file.title} for file in found])
        return
    for file in found:
        output_console().print(Text(f"{file.name:<20} {file.task:<12} {file.title}"), soft_wrap=True)


@app.command("show")
def show(
    benchmark: Annotated[str, typer.Argument(help="A built-in benchmark's name, or the path of a benchmark file.")],
    as_yaml: Annotated[bool, typer.Option("--yaml", help="Print the file itself, to begin one of your own.")] = False,
    with_data: Annotated[
        bool | None,
        typer.Option(
            "--data/--no-data",
            help="Count all of the data, rendering or fetching it first; or none. Else the first 500 rows, if they "
            "are at hand.",
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Show a benchmark: fields, weights, prompt; and of its data value counts, nulls, image sizes, three prompts."""
    import sys

    from rich.text import Text

    from peakbench.benchmarks.benchmark import find_benchmark
    from peakbench.cli.benchmark_text import contents_json, print_benchmark, print_contents
    from peakbench.cli.console import output_console, print_json
    from peakbench.terminal import printable

    found = find_benchmark(benchmark)
    if as_yaml:
        sys.stdout.write(found.path.read_text(encoding="utf-8"))
        return
    counted, why_not = _look_into(found, with_data)
    if as_json:
        whole = {"contents": contents_json(counted)} if counted else {"contents": None, "not_counted": why_not}
        print_json(found.resolved() | whole)
        return
    console = output_console()
    print_benchmark(console, found.file)
    if counted:
        print_contents(console, counted)
    else:
        console.print(Text(printable(f"\n{why_not}")), soft_wrap=True)


_ROWS_AT_HAND = 500


def _look_into(found: "Benchmark", with_data: bool | None) -> "tuple[Contents | None, str]":
    """What is in a benchmark's data; or why it was not looked at, which is no error unless the person asked for it."""
    from peakbench.benchmarks.benchmark import cache_folder
    from peakbench.errors import PeakBenchError
    from peakbench.jobs.inspect import contents
    from peakbench.metrics.registry import Registry

    if with_data is False:
        return None, "the data was not looked at"
    if with_data:
        cache = cache_folder()
        return contents(found, found.data_place(cache), cache, Registry.load()), ""
    try:
        cache = cache_folder()
        data = found.data_at_hand(cache)
        if data is None:
            return None, "the data is not on this machine yet: --data renders or fetches it, and counts what is in it"
        return contents(found, data, cache, Registry.load(), _ROWS_AT_HAND), ""
    except PeakBenchError as error:
        return None, f"the data cannot be read: {error.message}"


@app.command("validate")
def validate(
    benchmark: Annotated[str, typer.Argument(help="A built-in benchmark's name, or the path of a benchmark file.")],
    data: Annotated[Path | None, typer.Option("--data", help="Another data file than the benchmark's.")] = None,
    as_json: options.Json = False,
) -> None:
    """Check every row of the data in one pass, and name line and sample of everything wrong; exits with 2 then."""
    from rich.text import Text

    from peakbench.benchmarks.benchmark import cache_folder, find_benchmark
    from peakbench.cli.console import output_console, print_json
    from peakbench.errors import ExitCode
    from peakbench.jobs.inspect import validate as validate_data
    from peakbench.terminal import printable

    found = validate_data(find_benchmark(benchmark), data, cache_folder())
    if as_json:
        findings = [
            {"place": finding.place, "sample": finding.sample, "reason": finding.reason} for finding in found.findings
        ]
        counts = {"n": found.n, "n_bad": found.n_bad, "n_training": found.n_training, "n_remote": found.n_remote}
        print_json(counts | {"findings": findings})
    else:
        console = output_console()
        for finding in found.findings:
            console.print(Text(printable(str(finding))), soft_wrap=True)
        if found.n_bad > len(found.findings):
            console.print(Text(f"… and {found.n_bad - len(found.findings)} more"))
        training = "" if found.n_training is None else f", {found.n_training} references of the training split"
        console.print(Text(f"{found.n} good samples{training}, {found.n_bad} bad rows"))
        if found.n_remote:
            console.print(Text(f"images given as URLs: {found.n_remote} (run with --allow-remote-images)"))
    if found.n_bad or not found.n or found.n_training == 0:
        raise typer.Exit(ExitCode.BAD_INPUT)


make_app = typer.Typer(help="Render data sets.", no_args_is_help=True)
app.add_typer(make_app, name="make")


@make_app.command("defects")
def make_defects(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write to.")],
    n: Annotated[int, typer.Option("--n", "-n", min=1, max=1_000_000, help="How many scenes.")] = 200,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same pixels.")] = 0,
    as_json: options.Json = False,
) -> None:
    """Render scenes with captions and drawn defects, and a benchmark file to run them with."""
    from peakbench.benchmarks.defects import make_defects as make

    _print_made(make(output, n, seed, benchmark_file=lambda: _DEFECTS_FILE), n, seed, "scenes", as_json=as_json)


_DEFECTS_FILE = """\
# Scenes that PeakBench rendered; the built-in benchmark `defects-demo` holds where this file says nothing.
extends: defects-demo
schema_version: 1
id: defects-made
version: 1
data: {path: data.jsonl}
"""


@make_app.command("garments")
def make_garments(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write to.")],
    n: Annotated[int, typer.Option("--n", "-n", min=1, max=1_000_000, help="How many garments.")] = 200,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same pixels.")] = 0,
    as_json: options.Json = False,
) -> None:
    """Render garments with nine attributes each, and a benchmark file to run them with."""
    from peakbench.benchmarks.garments import make_garments as make

    _print_made(make(output, n, seed), n, seed, "garments", as_json=as_json)


def _print_made(data: Path, n: int, seed: int, what: str, *, as_json: bool) -> None:
    from rich.text import Text

    from peakbench.cli.console import output_console, print_json

    if as_json:
        print_json({"data": str(data), "benchmark": str(data.parent / "benchmark.yaml"), "n": n, "seed": seed})
        return
    console = output_console()
    console.print(Text(f"wrote {n} {what}: {data}"), soft_wrap=True)
    console.print(Text(f"ask about them: peakbench run {data.parent / 'benchmark.yaml'} --model MODEL"), soft_wrap=True)
