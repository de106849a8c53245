"""What asking costs: CPU time a request, as ratios within one run, and throughput against the ideal.

    python perf/asking.py [REQUESTS]

Every contender sends the same requests (one picture of 60 KB each, 64 at a time) to the same server, which answers
without looking (`peakbench mock-server --canned`), in a process of its own; only the client's CPU time counts. They
take turns, three rounds; the least of each is printed, since noise only adds.

    bare       aiohttp as it is tuned here, nothing kept, the body put together from pieces
    http       PeakBench: the default transport with retries, journal and live progress, as on a terminal
    openai     PeakBench: the transport on the `openai` client, with the same around it
    client     `openai.AsyncOpenAI` alone, nothing kept

The same is measured of answers that are streamed, 40 events each, by `http`, `openai` and `client`; the goal is stated
against `openai.AsyncOpenAI` that streams.

Then throughput of `http` at 50 ms of latency and 64 at a time, of the ideal 64 / 0.050 s and of `bare`.
"""

import asyncio
import hashlib
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from rich.console import Console

from peakbench.benchmarks.sample import ImageFile
from peakbench.mock.canned import CannedProtocol
from peakbench.runners.asking import AskingSettings, AskingState, ask
from peakbench.runners.endpoint import Endpoint
from peakbench.runners.opening import open_transport, run_loop
from peakbench.runners.progress import Progress
from peakbench.runs.journal import JournalWriter
from peakbench.runs.journal_lines import JournalHeader
from peakbench.runs.records import Generation, Request

CONCURRENCY = 64
IMAGE_BYTES = 60_000
LATENCY_S = 0.050
CONTENDERS = ("bare", "http", "openai", "client")
STREAMED = ("http-stream", "openai-stream", "client-stream")
TOKENS = 40
TOKEN_S = 0.002
ROUNDS = 3
PROMPT = "Describe the garment in this photo as one JSON object with the keys type, color and size."


def requests(n: int, image: Path) -> Iterator[tuple[Request, str]]:
    """The requests, one after the other."""
    content = image.read_bytes()
    picture = ImageFile(image, hashlib.sha256(content).hexdigest(), "image/jpeg", 640, 480, len(content))
    generation = Generation(max_tokens=256)
    for i in range(n):
        yield Request(f"sample-{i}", 0, "canned", f"{PROMPT} ({i})", "", (picture,), generation), "0" * 64


async def through_peakbench(name: str, url: str, n: int, image: Path) -> None:
    """Ask as `peakbench run` does, journal and progress on."""
    transport_name, _, way = name.partition("-")
    transport = open_transport(transport_name, Endpoint(url), CONCURRENCY, stream=bool(way))  # type: ignore[arg-type]
    journal = JournalWriter(image.with_name(f"{name}-{time.time_ns()}.jsonl"), JournalHeader("run", "0" * 64))
    state = AskingState(total=n)
    try:
        with Progress("canned", Console(file=io.StringIO(), force_terminal=True)) as live:
            settings = AskingSettings(CONCURRENCY)
            await ask(requests(n, image), transport, journal, settings, state, session=0, show=live.show)
    finally:
        journal.close()
        await transport.close()
    assert (state.done, state.failed) == (n, 0), state


async def bare(url: str, n: int, image: Path) -> None:
    """What aiohttp takes for the same requests, with nothing around it."""
    import aiohttp
    import msgspec

    from peakbench.runners.http_transport import _Body, chat_body

    queue = requests(n, image)
    decode = msgspec.json.Decoder().decode
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONCURRENCY)) as session:

        async def work() -> None:
            for request, _ in queue:
                async with session.post(f"{url}/chat/completions", data=_Body(chat_body(request))) as response:
                    decode(await response.read())

        await asyncio.gather(*(work() for _ in range(CONCURRENCY)))


async def client(url: str, n: int, image: Path, *, stream: bool) -> None:
    """What the `openai` client takes for the same requests, with nothing around it."""
    import openai

    from peakbench.runners.openai_transport import chat_messages

    queue = requests(n, image)
    async with openai.AsyncOpenAI(base_url=url, api_key="EMPTY", max_retries=0, timeout=600) as asked:

        async def work() -> None:
            for request, _ in queue:
                said = {"model": "canned", "messages": chat_messages(request), "max_tokens": 256, "temperature": 0.0}
                if not stream:
                    await asked.chat.completions.create(**said)
                    continue
                counted = {"stream": True, "stream_options": {"include_usage": True}}
                events = await asked.chat.completions.create(**said, **counted)
                text = [event.choices[0].delta.content async for event in events if event.choices]
                assert len(text) == TOKENS + 1

        await asyncio.gather(*(work() for _ in range(CONCURRENCY)))


def one(name: str, url: str, n: int, image: Path) -> None:
    """Be one contender: warm up, then print CPU and wall seconds of n requests."""

    def take(count: int) -> None:
        if name == "bare":
            run_loop(bare(url, count, image))
        elif name.startswith("client"):
            run_loop(client(url, count, image, stream=name != "client"))
        else:
            run_loop(through_peakbench(name, url, count, image))

    take(CONCURRENCY)
    cpu, wall = time.process_time(), time.perf_counter()
    take(n)
    print(json.dumps({"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}))


def measured(name: str, url: str, n: int, image: Path) -> dict[str, float]:
    """Run one contender in a process of its own."""
    command = [sys.executable, __file__, "--one", name, url, str(n), str(image)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


class StreamingProtocol(CannedProtocol):
    """Answers any POST with one stream, an event at a time, whatever was asked."""

    def _reply(self) -> None:
        self._write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        later = asyncio.get_running_loop().call_later
        for i, piece in enumerate(streamed_pieces()):
            later(i * TOKEN_S, self._write, piece)


@cache
def streamed_pieces() -> list[bytes]:
    """The parts of a body, a token each, as vLLM writes them; the usage and the end come with the last."""

    def event(choices: list[object], **more: object) -> bytes:
        head = {"id": "chatcmpl-canned", "object": "chat.completion.chunk", "created": 1, "model": "canned"}
        payload = b"data: " + json.dumps({**head, "choices": choices, **more}).encode() + b"\n\n"
        return b"%x\r\n%s\r\n" % (len(payload), payload)

    def choice(text: str, reason: str | None = None) -> dict[str, object]:
        return {"index": 0, "delta": {"content": text}, "logprobs": None, "finish_reason": reason}

    tokens = [event([choice(f" word{i}")]) for i in range(TOKENS)]
    usage = event([], usage={"prompt_tokens": 400, "completion_tokens": TOKENS, "total_tokens": 400 + TOKENS})
    return [*tokens, event([choice("", "stop")]) + usage + b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"]


async def serve_streams() -> None:
    """Be the server of streams, and print where."""
    server = await asyncio.get_running_loop().create_server(StreamingProtocol, "127.0.0.1", 0)
    print(json.dumps({"base_url": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"}), flush=True)
    await server.serve_forever()


def served_streams() -> tuple["subprocess.Popen[str]", str]:
    """Start the server of streams."""
    server = subprocess.Popen([sys.executable, __file__, "--serve-streams"], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    return server, json.loads(server.stdout.readline())["base_url"]


def served(latency_ms: float = 0.0) -> tuple["subprocess.Popen[str]", str]:
    """Start the canned server."""
    command = [sys.executable, "-m", "peakbench", "mock-server", "--canned", "--port", "0", "--json"]
    server = subprocess.Popen([*command, "--ttft-ms", str(latency_ms)], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    text = ""
    while True:
        text += server.stdout.readline()
        try:
            return server, json.loads(text)["base_url"]
        except ValueError:
            continue


@dataclass(frozen=True, slots=True)
class Figures:
    """What asking costs.

    Attributes:
        cpu_ms: CPU milliseconds a request of every contender, the least of the rounds.
        per_s: Requests a second of `http` and `bare` at 50 ms of latency.
    """

    cpu_ms: Mapping[str, float]
    per_s: Mapping[str, float]

    @property
    def against_bare(self) -> float:
        """CPU time of `http` in that of `bare`."""
        return self.cpu_ms["http"] / self.cpu_ms["bare"]

    @property
    def against_client(self) -> float:
        """CPU time of `http` in that of `client`."""
        return self.cpu_ms["http"] / self.cpu_ms["client"]

    @property
    def of_ideal(self) -> float:
        """Requests a second of `http` in what the latency allows."""
        return self.per_s["http"] / (CONCURRENCY / LATENCY_S)

    @property
    def of_bare(self) -> float:
        """Requests a second of `http` in those of `bare`."""
        return self.per_s["http"] / self.per_s["bare"]


def figures(n: int) -> Figures:
    """Measure n requests a contender and round."""
    with tempfile.TemporaryDirectory() as name:
        image = Path(name) / "photo.jpg"
        image.write_bytes(random.Random(0).randbytes(IMAGE_BYTES))
        server, url = served()
        try:
            rounds = [{each: measured(each, url, n, image)["cpu"] for each in CONTENDERS} for _ in range(ROUNDS)]
        finally:
            server.terminate()
        server, url = served(LATENCY_S * 1000)
        try:
            waits = [{each: measured(each, url, n, image)["wall"] for each in ("bare", "http")} for _ in range(ROUNDS)]
        finally:
            server.terminate()
    return Figures(
        {each: min(cost[each] for cost in rounds) / n * 1000 for each in CONTENDERS},
        {each: n / min(wait[each] for wait in waits) for each in ("bare", "http")},
    )


def streamed_figures(n: int) -> dict[str, float]:
    """CPU milliseconds a request whose answer is streamed, the least of the rounds."""
    with tempfile.TemporaryDirectory() as name:
        image = Path(name) / "photo.jpg"
        image.write_bytes(random.Random(0).randbytes(IMAGE_BYTES))
        server, url = served_streams()
        try:
            rounds = [{each: measured(each, url, n, image)["cpu"] for each in STREAMED} for _ in range(ROUNDS)]
        finally:
            server.terminate()
    return {each: min(cost[each] for cost in rounds) / n * 1000 for each in STREAMED}


def main() -> None:
    """Measure and print."""
    if sys.argv[1:2] == ["--one"]:
        one(sys.argv[2], sys.argv[3], int(sys.argv[4]), Path(sys.argv[5]))
        return
    if sys.argv[1:] == ["--serve-streams"]:
        run_loop(serve_streams())
        return
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    found = figures(n)
    print(f"{n} requests of {IMAGE_BYTES:,} bytes, {CONCURRENCY} at a time, {os.cpu_count()} cores; least of {ROUNDS}")
    for each, cost in found.cpu_ms.items():
        print(f"{each:<8} {cost:6.3f} ms CPU a request   {cost / found.cpu_ms['bare']:6.2f} x bare")
    print(f"http against client: {found.against_client:.3f} (goal: at most 0.125)")
    print(f"http against bare:   {found.against_bare:.2f} (goal: at most 2)")
    print(
        f"throughput at 50 ms: {found.per_s['http']:.0f}/s, {found.of_ideal:.2f} of the ideal, "
        f"{found.of_bare:.2f} of bare (goal: 0.9 of either)"
    )
    streamed = streamed_figures(n)
    for each, cost in streamed.items():
        print(f"{each:<13} {cost:6.3f} ms CPU a request of {TOKENS} tokens   {cost / TOKENS * 1000:5.1f} us a token")
    print(
        f"http against client, streamed: {streamed['http-stream'] / streamed['client-stream']:.3f} (goal: at most 0.25)"
    )


if __name__ == "__main__":
    main()
