"""`peakbench benchmarks`: what can be measured, and data that PeakBench renders."""

from pathlib import Path
from typing import Annotated

import typer

from peakbench.cli import options

app = typer.Typer(help="List, show and make benchmarks.", no_args_is_help=True)


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
    as_json: options.Json = False,
) -> None:
    """Show a benchmark: its task, its fields with their weights, its prompt."""
    import sys

    from rich.table import Table
    from rich.text import Text

    from peakbench.benchmarks.benchmark import find_benchmark
    from peakbench.cli.console import output_console, print_json
    from peakbench.terminal import printable

    found = find_benchmark(benchmark)
    file = found.file
    if as_json:
        print_json(found.resolved())
        return
    if as_yaml:
        sys.stdout.write(found.path.read_text(encoding="utf-8"))
        return
    console = output_console()
    console.print(Text(printable(f"{file.name}: {file.title}"), style="bold"))
    if file.description:
        console.print(Text(printable(file.description.strip())))
    table = Table("field", "comparator", "weight", "also called", "null words")
    for name, spec in file.fields.items():
        table.add_row(
            Text(printable(name)),
            spec.type,
            f"{spec.weight:g}",
            Text(printable(", ".join(spec.aliases))),
            Text(printable(", ".join(spec.null_values))),
        )
    console.print(table)
    console.print(Text(f"ranked by {file.rank_by}; floors: {', '.join(file.floors)}"))
    console.print(Text("\nprompt:", style="bold"))
    console.print(Text(printable(file.prompt if isinstance(file.prompt, str) else file.prompt.template)))


make_app = typer.Typer(help="Render data sets.", no_args_is_help=True)
app.add_typer(make_app, name="make")


@make_app.command("garments")
def make_garments(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write to.")],
    n: Annotated[int, typer.Option("--n", "-n", min=1, max=1_000_000, help="How many garments.")] = 200,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same pixels.")] = 0,
    as_json: options.Json = False,
) -> None:
    """Render garments with nine attributes each, and a benchmark file to run them with."""
    from rich.text import Text

    from peakbench.benchmarks.garments import make_garments as make
    from peakbench.cli.console import output_console, print_json

    data = make(output, n, seed)
    if as_json:
        print_json({"data": str(data), "benchmark": str(data.parent / "benchmark.yaml"), "n": n, "seed": seed})
        return
    console = output_console()
    console.print(Text(f"wrote {n} garments: {data}"), soft_wrap=True)
    console.print(Text(f"ask about them: peakbench run {data.parent / 'benchmark.yaml'} --model MODEL"), soft_wrap=True)
