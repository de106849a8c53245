"""`peakbench metrics`: what is scored, how it is defined, and whether it is right."""

from pathlib import Path
from typing import Annotated

import typer

from peakbench.cli import options

app = typer.Typer(help="List, show and verify metrics.", no_args_is_help=True)


@app.command("list")
def list_metrics(
    metrics: options.Metrics = None, allow_code: options.AllowCode = False, as_json: options.Json = False
) -> None:
    """List the metrics of the registry."""
    from rich.table import Table
    from rich.text import Text

    from peakbench.cli.console import output_console, print_json
    from peakbench.metrics.registry import Registry

    definitions = Registry.load(metrics, allow_code=allow_code).definitions
    if as_json:
        print_json([definition.model_dump(mode="json") for definition in definitions])
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("id", no_wrap=True)
    for name in ("family", "unit", "better", "what"):
        table.add_column(name)
    for definition in definitions:
        table.add_row(
            definition.id,
            definition.family,
            definition.unit,
            definition.direction,
            Text(definition.title),
        )
    output_console().print(table)


@app.command("show")
def show(
    metric: Annotated[str, typer.Argument(help="The id of a metric or a component.")],
    metrics: options.Metrics = None,
    allow_code: options.AllowCode = False,
    as_json: options.Json = False,
) -> None:
    """Show a card: definition, formula, worked example, pitfalls."""
    from rich.markdown import Markdown

    from peakbench.cli.console import output_console, print_json
    from peakbench.metrics.registry import Registry

    registry = Registry.load(metrics, allow_code=allow_code)
    card = registry.card(metric)
    if as_json:
        entry = registry.file.components.get(metric) or registry.definition(metric)
        print_json(entry.model_dump(mode="json") | {"id": metric})
        return
    output_console().print(Markdown(card))


@app.command("verify")
def verify(
    golden: Annotated[
        Path | None, typer.Option("--golden", help="Folder of golden files; those that ship are taken if not given.")
    ] = None,
    metrics: options.Metrics = None,
    allow_code: options.AllowCode = False,
    as_json: options.Json = False,
) -> None:
    """Run every golden case through the registry: pass, fail, or not checkable and why. Exits with 7 on a fail."""
    from collections import Counter

    from rich.text import Text

    from peakbench.cli.console import output_console, print_json
    from peakbench.errors import VerificationError
    from peakbench.metrics.golden import verify as verify_golden
    from peakbench.metrics.registry import Registry

    outcomes = verify_golden(Registry.load(metrics, allow_code=allow_code), golden)
    failed = [outcome for outcome in outcomes if outcome.status == "fail"]
    if as_json:
        print_json(
            [{"file": one.file, "case": one.case, "status": one.status, "detail": one.detail} for one in outcomes]
        )
    else:
        console = output_console()
        for file in dict.fromkeys(outcome.file for outcome in outcomes):
            counts = Counter(outcome.status for outcome in outcomes if outcome.file == file)
            console.print(
                Text(
                    f"{file:<32} {counts['pass']:>4} pass {counts['fail']:>4} fail "
                    f"{counts['not_checkable']:>4} not checkable"
                )
            )
            for outcome in outcomes:
                if outcome.file == file and outcome.status != "pass":
                    console.print(Text(f"  {outcome.status}: {outcome.case}: {outcome.detail}"), soft_wrap=True)
    if failed:
        raise VerificationError(
            f"{len(failed)} of {len(outcomes)} golden cases fail", mend="do not trust these metrics here; see above"
        )
