"""Warming up a server: requests that nobody counts, before the clock starts.

A server that just started compiles, captures graphs and fills caches at its first requests; their latency is not that
of the model. What they ask is what the run asks first, so the server may know these prompts when they come again.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable

from peakbench.runners.adaptive import START
from peakbench.runners.asking import AskingSettings, pointless
from peakbench.runners.transport import Transport
from peakbench.runs.records import Failure, FailureKind, Request


async def warm_up(
    requests: Iterable[Request], transport: Transport, settings: AskingSettings
) -> tuple[int, Counter[FailureKind]]:
    """Send requests, each once, and keep nothing of what comes back.

    Args:
        requests: Pulled as others are done.
        transport: How they are sent.
        settings: How many at once, and how long each may take.

    Returns:
        How many were sent, and how many of these failed, by kind.

    Raises:
        InfrastructureError: If one fails as every other would.
    """
    queue = iter(requests)
    sent = 0
    failed: Counter[FailureKind] = Counter()

    async def work() -> None:
        nonlocal sent
        for request in queue:
            sent += 1
            try:
                async with asyncio.timeout(settings.timeout_s):
                    record = await transport.send(request, settings.timeout_s)
            except TimeoutError:
                failed[FailureKind.TIMEOUT] += 1
                continue
            if isinstance(record, Failure):
                if record.kind.fatal:
                    raise pointless(record, request)
                failed[record.kind] += 1

    at_once = min(START, settings.max_concurrency) if settings.adaptive else settings.max_concurrency
    workers = [asyncio.create_task(work()) for _ in range(min(at_once, settings.warmup))]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
    return sent, failed
