"""The commands, put together. Nothing heavy is imported until a command runs."""

from typing import Annotated

import typer

from peakbench import __version__
from peakbench.cli import benchmarks, demo, doctor, init, leaderboard, metrics, mock_server, run, score, sweep

_CONTEXT = {"help_option_names": ["-h", "--help"], "token_normalize_func": lambda word: word.replace("_", "-")}

app = typer.Typer(
    name="peakbench",
    help="Evaluate vision-language models served by vLLM: from a list of models to a leaderboard that can be trusted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: it wraps where boxes cut words off
    add_completion=False,
    context_settings=_CONTEXT,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _peakbench(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


app.command("demo")(demo.demo)
app.command("run")(run.run)
app.command("sweep")(sweep.sweep)
app.command("score")(score.score)
app.command("leaderboard")(leaderboard.leaderboard)
app.command("init")(init.init)
app.command("doctor")(doctor.doctor)
app.command("mock-server")(mock_server.mock_server)
app.add_typer(benchmarks.app, name="benchmarks")
app.add_typer(metrics.app, name="metrics")
