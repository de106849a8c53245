"""`peakbench init`: a project of one's own, with an example that runs at once."""

import shlex
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from peakbench.cli import options


def init(
    directory: Annotated[Path, typer.Argument(help="The project's folder: a new one, or one that is empty.")],
    as_json: options.Json = False,
) -> None:
    """Lay out a project of one's own: a benchmark, a run file, and what to do with them.

    The example runs at once, with the two commands that are printed, and ends with a board.
    """
    from rich.text import Text

    from peakbench.cli.console import output_console, print_json
    from peakbench.jobs.init import MODELS, PORT, SWEEP
    from peakbench.jobs.init import init as init_job
    from peakbench.terminal import printable

    project = init_job(directory)
    program = _program()
    serve = f"{program} mock-server --port {PORT} {' '.join(f'--model {name}' for name in MODELS)}"
    ask = f"{_go_to(directory)}{program} sweep {SWEEP} -o runs"
    if as_json:
        print_json(
            {
                "directory": str(project.directory),
                "benchmark": str(project.benchmark),
                "run_file": str(project.run_file),
                "readme": str(project.readme),
                "commands": [serve, ask],
            }
        )
        return
    console = output_console()
    for line in (
        f"laid out {directory}: pictures to ask about, and a run file that asks two small built-in models",
        "serve the models, in another terminal:",
        f"  {serve}",
        "ask them, and see the board:",
        f"  {ask}",
        f"what lies where, and how to go on: {project.readme}",
    ):
        console.print(Text(printable(line)), soft_wrap=True)


def _go_to(directory: Path) -> str:
    """What a shell does first, from the folder that this command was started in."""
    if directory.resolve() == Path.cwd():
        return ""
    name = str(directory)
    return f"cd {shlex.quote(f'./{name}' if name.startswith('-') else name)} && "


def _program() -> str:
    """How this command is started from any folder: by its name where a shell finds it, else by its path."""
    if shutil.which("peakbench"):
        return "peakbench"
    started = Path(sys.argv[0])
    if started.name == "__main__.py":
        return f"{shlex.quote(sys.executable)} -m peakbench"
    return shlex.quote(str(started.absolute()))
