"""Ctrl-C and SIGTERM while asking: the first ends it in order, the second at once; or the first already."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from peakbench.errors import InterruptedRunError


@contextmanager
def interrupts(stop: asyncio.Event, *, at_once: bool = False) -> Iterator[None]:
    """Let signals end the block.

    Args:
        stop: Set by the first signal; the block sees to it that what is in flight may end.
        at_once: Nothing in the block is worth waiting for: the first signal cancels it, as else the second does.

    Raises:
        InterruptedRunError: At the end of the block, if a signal came.
    """
    loop = asyncio.get_running_loop()
    main = asyncio.current_task()

    def on_signal() -> None:
        if (at_once or stop.is_set()) and main is not None:
            main.cancel()
        stop.set()

    earlier: dict[int, Any] = {}
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(ValueError, RuntimeError):  # raised outside the main thread, where signals are not ours to handle
            before = signal.getsignal(number)
            loop.add_signal_handler(number, on_signal)
            earlier[number] = before
    try:
        yield
    except asyncio.CancelledError:
        if not stop.is_set() or main is None:
            raise
        main.uncancel()
    finally:
        for handled, before in earlier.items():
            loop.remove_signal_handler(handled)
            signal.signal(handled, before)
    if stop.is_set():
        raise InterruptedRunError("interrupted; everything answered so far is kept")
