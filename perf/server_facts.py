"""What a server does with all that PeakBench may ask of it, found by asking: a column of docs/servers.md.

    python perf/server_facts.py --model NAME [--base-url URL] [--image FILE] [--long WORDS]

Every request is one that a run would send, by the transport that a run takes. What comes back is printed as a Markdown
list: of refusals the status and words, with the kind that PeakBench gives them; of answers, what they hold. A schema is
called held when the server gave the canary's word against the prompt. Nobody else should use the server meanwhile.
"""

import argparse
import asyncio
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp

from peakbench.benchmarks.sample import ImageFile, RemoteImage
from peakbench.errors import PeakBenchError
from peakbench.runners.constraint import ResponseFormat, require_constraint
from peakbench.runners.endpoint import Endpoint, normalise_base_url, probe
from peakbench.runners.opening import open_transport
from peakbench.runners.transport import Transport
from peakbench.runs.records import Failure, FailureKind, Generation, ImageSending, Record, Request

_TIMEOUT_S = 300.0
_FORMS: tuple[ResponseFormat, ...] = ("json_object", "json_schema", "structured_outputs")
_UNKNOWN = "no-such-model"
_CROWD = 40
_SOON = ("e", "l", "<")

Show = Callable[[str, str], None]


def in_words(record: Record) -> str:
    """An answer's outer form, or a refusal."""
    if isinstance(record, Failure):
        wait = "" if record.retry_after_s is None else f", Retry-After {record.retry_after_s:g} s"
        return f"{record.status} `{record.kind}`{wait}: {record.message[:160]!r}"
    usage, timing = record.usage, record.timing
    said = [f"{record.text[:40]!r}", f"finish {record.finish_reason}"]
    said.append(f"tokens {usage.prompt_tokens} + {usage.completion_tokens}")
    if record.reasoning is not None:
        said.append(f"reasoning {record.reasoning[:40]!r}")
    if timing.itl_ms is not None:
        said.append(f"streamed in {len(timing.itl_ms) + 1} parts")
    if record.logprobs is not None:
        said.append(f"logprobs of {len(record.logprobs)} tokens with {[len(one.top) for one in record.logprobs]}")
    return ", ".join(said)


def read_image(path: Path) -> ImageFile:
    """An image as a sample has it."""
    from PIL import Image

    content = path.read_bytes()
    with Image.open(path) as image:
        mime = Image.MIME[image.format or ""]
        return ImageFile(path, hashlib.sha256(content).hexdigest(), mime, *image.size, len(content))


async def page(endpoint: Endpoint, path: str) -> str:
    """Status and beginning of a page."""
    url = endpoint.base_url.removesuffix("/v1") + path
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return f"{response.status} {(await response.text())[:200]!r}"


async def raw(endpoint: Endpoint, body: dict[str, Any]) -> str:
    """The keys of an answer and of its message."""
    url = f"{endpoint.base_url}/chat/completions"
    async with aiohttp.ClientSession() as session, session.post(url, json=body) as response:
        text = await response.text()
    try:
        answer = json.loads(text)
        return f"{sorted(answer)}; message: {sorted(answer['choices'][0]['message'])}; usage: {answer.get('usage')}"
    except (ValueError, LookupError):
        return f"{response.status} {text[:200]!r}"


async def tell_pages(endpoint: Endpoint, model: str, show: Show) -> None:
    """What stands beside the API, and what PeakBench makes of the list of models."""
    for path in ("/health", "/version", "/metrics", "/v1/models"):
        show(path, await page(endpoint, path))
    for name in (model, _UNKNOWN):
        try:
            show(f"probe of {name}", str(await probe(endpoint, name)))
        except PeakBenchError as error:
            show(f"probe of {name}", error.message)


async def tell_answers(endpoint: Endpoint, asked: Request, show: Show, n_words: int, image: ImageFile | None) -> None:
    """Ask everything, one after the other, and many requests at once."""
    send, stream = (open_transport("http", endpoint, _CROWD, stream=streamed) for streamed in (False, True))

    async def tell(what: str, request: Request, transport: Transport = send) -> None:
        record = await transport.send(request, _TIMEOUT_S)
        if isinstance(record, Failure) and record.kind is FailureKind.CONNECTION:
            show(what, in_words(record))  # some close the connection after a 500 without saying so; the next is another
            record = await transport.send(request, _TIMEOUT_S)
        show(what, in_words(record))

    def written(**keys: Any) -> Request:
        return replace(asked, generation=replace(asked.generation, **keys))

    message = {"role": "user", "content": asked.prompt}
    show("keys", await raw(endpoint, {"model": asked.model, "messages": [message], "max_tokens": 6, "temperature": 0}))
    await tell("an answer", asked)
    await tell("the same again", asked)
    await tell("streamed", asked, stream)
    await tell("logprobs", written(logprobs=3))
    await tell("logprobs, streamed", written(logprobs=3), stream)
    await tell("20 logprobs", written(logprobs=20))
    await tell("a system prompt", replace(asked, system="Answer in English."))
    for form in _FORMS:
        try:
            await require_constraint(send, asked, form, {}, _TIMEOUT_S)
            show(form, "held")
        except PeakBenchError as error:
            show(form, error.message)
    await tell("an unknown key", written(extra='{"no_such_key": 1}'))
    await tell("an unknown model", replace(asked, model=_UNKNOWN))
    await tell("stop words that come at once", written(stop=_SOON))
    long = replace(asked, prompt="one two three four five " * (n_words // 5))
    await tell(f"a prompt of {n_words} words", long)
    await tell(f"a prompt of {n_words} words, streamed", long, stream)
    if image is not None:
        await tell("an image", replace(asked, images=(image,)))
        await tell("an image by its place", replace(asked, images=(image,), sending=ImageSending("file")))
        await tell("an image at a URL where nothing is", replace(asked, images=(RemoteImage("http://127.0.0.1:9/"),)))
        await tell("20 images", replace(asked, images=(image,) * 20))
    together = await asyncio.gather(*(send.send(asked, _TIMEOUT_S) for _ in range(_CROWD)))
    kinds = sorted({in_words(one) if isinstance(one, Failure) else "answered" for one in together})
    texts = {one.text for one in together if not isinstance(one, Failure)}
    show(f"{_CROWD} at once", f"{'; '.join(kinds)}; {len(texts)} different texts")
    await tell("max_tokens beyond the context", written(max_tokens=10_000_000, stop=_SOON))
    for transport in (send, stream):
        await transport.close()


def main() -> None:
    """Ask and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--base-url", default="http://localhost:8000/v1")
    parser.add_argument("--image", type=Path, help="without one, nothing with images is asked")
    parser.add_argument("--long", type=int, default=20_000, help="words of the prompt that is too long")
    given = parser.parse_args()
    endpoint = Endpoint(normalise_base_url(given.base_url), direct=True)
    asked = Request("sample", 0, given.model, "Count: one, two, three,", "", (), Generation(max_tokens=6))
    image = given.image and read_image(given.image)

    def show(what: str, said: str) -> None:
        print(f"- {what}: {said}", flush=True)

    async def both() -> None:
        await tell_pages(endpoint, given.model, show)
        await tell_answers(endpoint, asked, show, given.long, image)

    asyncio.run(both())


if __name__ == "__main__":
    main()
