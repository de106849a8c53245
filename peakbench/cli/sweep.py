"""`peakbench sweep`: many models, one after the other, and their board."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from peakbench.cli import options

if TYPE_CHECKING:
    from peakbench.jobs.run import RunOutcome
    from peakbench.metrics.registry import Registry


def sweep(
    file: Annotated[str, typer.Argument(help="A run file (YAML), or the name of one in runners/.")],
    base_url: options.SweepBaseUrl = None,
    output: options.Output = Path("runs"),
    board: Annotated[
        Path | None, typer.Option("--board", help="Folder for the board's files: board.md, .csv, .json and .png.")
    ] = None,
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
    resume: Annotated[
        bool, typer.Option("--resume", help="Keep finished runs, and go on with the unfinished.")
    ] = False,
    retry_failed: options.RetryFailed = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin every run anew.")] = False,
    max_error_rate: options.MaxErrorRate = 0.01,
    api_key_env: options.ApiKeyEnv = "OPENAI_API_KEY",
    metrics: options.Metrics = None,
    allow_code: options.AllowCode = False,
    as_json: options.Json = False,
) -> None:
    """Run every model of a run file on its benchmarks, and print the board; one that fails does not stop the others."""
    from contextlib import ExitStack

    from peakbench.cli.console import print_error, print_json, say
    from peakbench.cli.request_options import headers, json_object
    from peakbench.cli.run import command_line
    from peakbench.cli.watch import check_error_rate, next_step, watching
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
    if board and board.exists() and not board.is_dir():
        raise BadInputError(f"--board {board} is no folder", mend="name a folder for the board's files")
    content, path = read_sweep(file)
    registry = Registry.load(metrics, allow_code=allow_code)
    settings = RunSettings(
        model=ModelFacts(name=content.models[0].name),
        endpoint=Endpoint(
            normalise_base_url(base_url or content.base_url or options.DEFAULT_URL),
            api_key(api_key_env),
            api_key_env,
            headers(header),
        ),
        output=output,
        asking=AskingSettings(max_concurrency, timeout, max_retries),
        transport=transport,
        response_format=response_format,
        extra_body=json_object("--extra-body", extra_body),
        limit=limit,
        seed=seed,
        repeats=repeats,
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
        if outcome.error:
            say(f"{outcome.model} on {outcome.benchmark}:")
            print_error(outcome.error)
    runs = [outcome.run for outcome in outcomes if outcome.run]
    if runs and (board or not as_json):
        _show_boards(runs, registry, max_error_rate, board, quiet=as_json)
    if runs and not board and not as_json:
        next_step(output)
    if any(outcome.error for outcome in outcomes):
        raise typer.Exit(ExitCode.INFRASTRUCTURE)
    check_error_rate(runs, max_error_rate, settings.command)


def _show_boards(
    runs: "Sequence[RunOutcome]", registry: "Registry", max_error_rate: float, folder: Path | None, *, quiet: bool
) -> None:
    """Print a board for each benchmark of the sweep and what failed in its runs; write the boards when asked to."""
    from rich.text import Text

    from peakbench.cli.console import output_console
    from peakbench.jobs.leaderboard import make_boards
    from peakbench.leaderboards.terminal import print_board
    from peakbench.leaderboards.writer import write_boards
    from peakbench.terminal import printable

    console = output_console()
    boards = make_boards([run.folder.path for run in runs], registry, max_error_rate)
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
