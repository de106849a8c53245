"""Live progress of asking: on a terminal one line that changes, elsewhere a line every ten seconds, on stderr."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from peakbench.durations import measured
from peakbench.runners.asking import AskingState
from peakbench.terminal import printable

_LINE_EVERY_S = 10.0


class Progress:
    """Shows an `AskingState`.

    Args:
        title: What is asked, such as a model's name.
        console: Where to; stderr.
        quiet: Show nothing.
    """

    def __init__(self, title: str, console: Console, *, quiet: bool = False) -> None:
        self._title = title
        self._console = console
        self._quiet = quiet
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal and not quiet else None
        self._last_line = 0.0
        self._last_text = ""

    def __enter__(self) -> Self:
        self._last_line = time.monotonic()
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def show(self, state: AskingState) -> None:
        """Show the state; a line is printed at the end, and every ten seconds without a terminal."""
        if self._quiet:
            return
        text = progress_text(self._title, state)
        if self._live:
            self._live.update(Text(text, overflow="ellipsis", no_wrap=True), refresh=True)
            return
        ended = state.done >= state.total
        if text != self._last_text and (ended or time.monotonic() - self._last_line >= _LINE_EVERY_S):
            self._console.print(Text(text), soft_wrap=True)
            self._last_line = time.monotonic()
            self._last_text = text


def progress_text(title: str, state: AskingState) -> str:
    """One line: done of total, failed, rate, time to go, and the slowest request in flight."""
    now = time.monotonic()
    elapsed = max(now - state.started, 1e-9)
    rate = state.done / elapsed
    parts = [f"{title}  {state.done}/{state.total}"]
    if state.failed:
        parts.append(f"{state.failed} failed")
    if state.retries:
        parts.append(f"{state.retries} retries")
    if state.done:
        parts.append(f"{rate:.1f}/s")
    if state.done >= state.total:
        parts.append(f"in {measured(elapsed)}")
    elif state.done:
        parts.append(f"{measured((state.total - state.done) / rate)} to go")
    if state.pace and state.pace.law:
        law = state.pace.law
        parts.append(f"{law.limit} at once" + (f", cut {law.cuts} times" if law.cuts else ""))
    if state.pace and state.pace.held_s >= 1:
        parts.append(f"the server asks to wait {state.pace.held_s:.0f} s")
    if state.in_flight:
        key, since = min(state.in_flight.items(), key=lambda item: item[1])
        if now - since >= 1:
            parts.append(f"slowest {key[0]} {now - since:.0f} s")
    if state.draining:
        parts.append("stopping: waiting for what is in flight (Ctrl-C again: at once)")
    return printable(" · ".join(parts))
