"""docs/commands.md is the page of the command line: no option is missing from it."""

import re
from collections.abc import Iterator
from pathlib import Path

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from peakbench.cli.app import app

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "commands.md").read_text(encoding="utf-8")


def commands(command: object, name: str = "peakbench") -> Iterator[tuple[str, TyperCommand]]:
    """A command, or all commands of a group, by what one types."""
    if isinstance(command, TyperCommand):
        yield name, command
        return
    assert isinstance(command, TyperGroup)
    for word, inner in command.commands.items():
        yield from commands(inner, f"{name} {word}")


def test_every_command_and_every_option_is_on_the_page() -> None:
    on_page = set(re.findall(r"(?<![\w-])--?[a-zA-Z][\w-]*", PAGE))
    missing = []
    for name, command in commands(typer.main.get_command(app)):
        if name.split()[1] not in PAGE or name.split()[-1] not in PAGE:
            missing.append(name)
        options = [each for each in command.params if isinstance(each, TyperOption)]
        missing += [f"{name} {each.opts[0]}" for each in options if on_page.isdisjoint(each.opts)]
    assert missing == []
