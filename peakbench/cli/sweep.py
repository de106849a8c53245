"""`peakbench sweep`: many models, one after the other, and their board."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from peakbench.cli import options
from peakbench.cli.asking_options import DEFAULT_URL, AskingOptions, given_names
from peakbench.cli.expanding import expanded

if TYPE_CHECKING:
    from peakbench.jobs.run import RunOutcome
    from peakbench.metrics.registry import Registry


@expanded
def sweep(
    context: typer.Context,
    file: Annotated[str, typer.Argument(help="A run file (YAML), or the name of one in runners/.")],
    asking: AskingOptions,
    base_url: Annotated[
        list[str] | None,
        typer.Option(
            "--base-url",
            "--api-url",
            "--model-base-url",
            help="Where models are asked that name no URL of their own; goes before the run file's. Given again: "
            "further ones that serve the same.",
        ),
    ] = None,
    board: Annotated[
        Path | None, typer.Option("--board", help="Folder for the board's files: board.md, .csv, .json and .png.")
    ] = None,
    serve: Annotated[
        bool,
        typer.Option("--serve", help="Start the server of each model that names no URL, ask, stop it; one by one."),
    ] = False,
    vllm_bin: options.VllmBin = "vllm",
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say what would be asked, what is there already and how long it may take."),
    ] = False,
) -> None:
    """Run every model of a run file on its benchmarks, and print the board; one that fails does not stop the others."""
    from contextlib import ExitStack

    from peakbench.cli.console import output_console, print_error, print_json, say
    from peakbench.cli.sweep_text import plan_json, print_outcomes, print_plan
    from peakbench.cli.watch import check_error_rate, next_step, watching
    from peakbench.errors import BadInputError, ExitCode
    from peakbench.jobs.plan import plan_sweep
    from peakbench.jobs.sweep import combinations, read_sweep
    from peakbench.jobs.sweep import sweep as sweep_job
    from peakbench.jobs.watching import Watching
    from peakbench.runs.manifest import ModelFacts

    asking.check()
    if board and board.exists() and not board.is_dir():
        raise BadInputError(f"--board {board} is no folder", mend="name a folder for the board's files")
    if serve and base_url is not None:
        raise BadInputError(
            "--serve and --base-url exclude one another",
            mend="give one of them; a model of the file may have a `base_url` of its own",
        )
    content, path = read_sweep(file)
    taken = given_names(context)
    asking = asking.with_file(content.settings, path, taken)
    registry = asking.registry()
    settings = asking.settings(ModelFacts(name=content.models[0].name), base_url or [content.base_url or DEFAULT_URL])
    settings = replace(settings, resume=False, keep_finished=asking.resume)
    combined = combinations(content, path, settings, taken=taken, vllm=vllm_bin if serve else None)
    if dry_run:
        plan = plan_sweep(combined, registry)
        if asking.as_json:
            print_json(plan_json(plan))
        else:
            print_plan(plan, output_console())
        if any(run.problem for run in plan.runs):
            raise typer.Exit(ExitCode.INFRASTRUCTURE)
        return
    for one in combined:
        if one.server is not None:
            one.server.check()
    with ExitStack() as stack:

        def watch(model: str) -> Watching:
            stack.close()
            return stack.enter_context(watching(model, quiet=asking.as_json))

        outcomes = sweep_job(combined, registry, watch)
    if asking.as_json:
        print_json(
            [
                {
                    "model": outcome.model,
                    "variant": outcome.variant,
                    "benchmark": outcome.benchmark,
                    "state": outcome.state,
                    "seconds": round(outcome.seconds, 3),
                    "run": str(outcome.run.folder.path) if outcome.run else None,
                    "error": outcome.error.message if outcome.error else None,
                    "results": outcome.run.results.model_dump(mode="json") if outcome.run else None,
                }
                for outcome in outcomes
            ]
        )
    for outcome in outcomes:
        if outcome.error:
            say(f"{outcome.title} on {outcome.benchmark}:")
            print_error(outcome.error)
    runs = [outcome.run for outcome in outcomes if outcome.run]
    if runs and (board or not asking.as_json):
        _show_boards(runs, registry, asking.max_error_rate, board, quiet=asking.as_json)
    if not asking.as_json:
        print_outcomes(outcomes, output_console())
    if runs and not board and not asking.as_json:
        next_step(asking.output)
    if any(outcome.error for outcome in outcomes):
        say(f"what is finished is kept; once that is mended, go on with: {settings.command} --resume")
        raise typer.Exit(ExitCode.INFRASTRUCTURE)
    check_error_rate(runs, asking.max_error_rate, settings.command)


def _show_boards(
    runs: "Sequence[RunOutcome]", registry: "Registry", max_error_rate: float, folder: Path | None, *, quiet: bool
) -> None:
    """Print a board for each benchmark of the sweep and what failed in its runs; write the boards when asked to."""
    from rich.text import Text

    from peakbench.cli.console import output_console
    from peakbench.jobs.leaderboard import boards_of_sweep
    from peakbench.leaderboards.terminal import print_board
    from peakbench.leaderboards.writer import write_boards
    from peakbench.terminal import printable

    console = output_console()
    boards = boards_of_sweep([run.folder for run in runs], registry, max_error_rate)
    for made in () if quiet else boards:
        print_board(made, console)
    written = write_boards(boards, folder) if folder else []
    if quiet:
        return
    for run in runs:
        kinds = run.folder.failure_kinds()
        if kinds:
            told = ", ".join(f"{count} × {kind}" for kind, count in kinds.items())
            console.print(
                Text(printable(f"{run.results.model} on {run.results.benchmark}: failed: {told}")), soft_wrap=True
            )
    for path in written:
        console.print(Text(f"wrote {path}"), soft_wrap=True)
