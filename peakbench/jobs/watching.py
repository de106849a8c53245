"""How a job tells what it is doing, without knowing to whom."""

from collections.abc import Callable
from dataclasses import dataclass

from peakbench.runners.asking import AskingState


@dataclass(frozen=True, slots=True)
class Watching:
    """How a job tells what it is doing.

    Attributes:
        say: Called with a line for the person.
        show: Called with the state of asking, several times a second.
    """

    say: Callable[[str], None] = lambda _: None
    show: Callable[[AskingState], None] = lambda _: None
