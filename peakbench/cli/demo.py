"""`peakbench demo`: everything, on this machine, in a minute or two."""

from pathlib import Path
from typing import Annotated

import typer

from peakbench.cli import options


def demo(
    output: Annotated[
        Path, typer.Option("--output", "-o", "--output-path", help="Folder for everything that the demo makes.")
    ] = Path("peakbench-demo"),
    limit: options.Limit = None,
    as_json: options.Json = False,
) -> None:
    """Render pictures of two tasks, serve the small built-in models, ask them, score them, and make leaderboards.

    These are small baselines that look at pixels, made to show PeakBench at work; they are no vision-language models.
    """
    import shutil
    import sys
    from contextlib import ExitStack

    from rich.text import Text

    from peakbench.cli.console import output_console, print_json, say
    from peakbench.cli.watch import watching
    from peakbench.jobs.demo import demo as demo_job
    from peakbench.jobs.watching import Watching
    from peakbench.leaderboards.terminal import print_board
    from peakbench.metrics.registry import Registry

    with ExitStack() as stack:

        def watch(model: str) -> Watching:
            stack.close()
            return stack.enter_context(watching(model, quiet=as_json))

        outcome = demo_job(output, Registry.load(), (lambda _: None) if as_json else say, watch, limit)
    if as_json:
        print_json(
            {
                "boards": [board.model_dump(mode="json") for board in outcome.boards],
                "runs": str(outcome.runs),
                "data": str(outcome.data),
                "written": [str(path) for path in outcome.written],
            }
        )
        return
    console = output_console()
    for number, board in enumerate(outcome.boards):
        if number:
            console.print()
        print_board(board, console)
    console.print(
        Text(
            "\nThese are small baselines built into PeakBench: nearest neighbours and a detector that look at the "
            "pixels of rendered pictures. They show the harness at work and say nothing of any vision-language model."
        )
    )
    for what, path in (
        ("the boards", outcome.written[0].parents[1]),
        ("the runs", outcome.runs),
        ("the data", outcome.data),
    ):
        console.print(Text(f"{what + ':':<12}{path}"), soft_wrap=True)
    program = "peakbench" if shutil.which("peakbench") else sys.argv[0]  # `make demo` starts it by its path
    console.print(
        Text(f"next:       {program} run garments-demo --model YOUR-MODEL --base-url http://localhost:8000/v1"),
        soft_wrap=True,
    )
