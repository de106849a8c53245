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
    """Show a card (definition, formula, worked example, pitfalls) and what the registry says: parameters, signature."""
    from rich.markdown import Markdown

    from peakbench.cli.console import output_console, print_json
    from peakbench.cli.metric_text import example_signature, facts_of
    from peakbench.metrics.registry import Registry

    registry = Registry.load(metrics, allow_code=allow_code)
    card = registry.card(metric)
    if as_json:
        more = {"id": metric, "signature": example_signature(registry, metric), "card_text": card}
        print_json(registry.entry(metric).model_dump(mode="json") | more)
        return
    output_console().print(Markdown(f"{card.rstrip()}\n\n{facts_of(registry, metric)}"))


@app.command("verify")
def verify(
    golden: Annotated[
        Path | None, typer.Option("--golden", help="Folder of golden files; those that ship are taken if not given.")
    ] = None,
    metrics: options.Metrics = None,
    allow_code: options.AllowCode = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Name the cases that pass, too.")] = False,
    as_json: options.Json = False,
) -> None:
    """Run every golden case through the registry: pass, fail, or not checkable and why. Exits with 7 on a fail."""
    from rich.text import Text

    from peakbench.cli.console import output_console, print_json
    from peakbench.cli.metric_text import verification_lines
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
        for line in verification_lines(outcomes, verbose=verbose):
            console.print(Text(line), soft_wrap=True)
    if failed:
        raise VerificationError(
            f"{len(failed)} of {len(outcomes)} golden cases fail", mend="do not trust these metrics here; see above"
        )


@app.command("fetch")
def fetch(
    name: Annotated[
        str | None, typer.Argument(help="What to fetch; without it, what there is and what lies here.")
    ] = None,
    source: Annotated[
        Path | None, typer.Option("--from", help="A folder or an archive to take it from, instead of the network.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Put in place, once, data that some metrics need: WordNet, model weights. Nothing is fetched while scoring."""
    from rich.text import Text

    from peakbench.benchmarks.benchmark import cache_folder
    from peakbench.cli.console import output_console, print_json, say
    from peakbench.errors import BadInputError
    from peakbench.metrics.fetch import PARTS

    cache = cache_folder()
    if name is None:
        if source is not None:
            raise BadInputError("--from needs the name of a part", mend=f"name one: {', '.join(PARTS)}")
        found = {part.name: part.find(cache) for part in PARTS.values()}
    elif name in PARTS:
        found = {name: PARTS[name].fetch(cache, source, say)}
    else:
        raise BadInputError(f"there is no part `{name}` to fetch", mend=f"name one: {', '.join(PARTS)}")
    if as_json:
        print_json(
            [
                {"name": one, "title": PARTS[one].title, "path": str(path) if path else None}
                for one, path in found.items()
            ]
        )
        return
    for one, path in found.items():
        where = str(path) if path else f"not here ({PARTS[one].n_bytes / 1e6:.0f} MB): {PARTS[one].command}"
        output_console().print(Text(f"{one}: {PARTS[one].title}: {where}"), soft_wrap=True)
