"""What each fault looks like on the wire: to the first failing byte as a real server or proxy would send it.

A fault of the kinds in `NEED_AN_ANSWER` damages the true answer, so that a client that mistakes the damaged one for an
answer is found out. Where the request asks for a stream, the damage is done in the middle of the stream.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from peakbench.mock.completion import Completion
from peakbench.mock.faults import Fault, FaultKind, Faults
from peakbench.mock.listening import reset
from peakbench.mock.sending import DONE, EVENT_HEADERS, error_body, event, events, whole_body

if TYPE_CHECKING:
    from aiohttp import web

NEED_AN_ANSWER = frozenset(
    {
        FaultKind.STALL,
        FaultKind.SLOW_LORIS,
        FaultKind.TRUNCATED,
        FaultKind.INVALID_BODY,
        FaultKind.BROKEN_ENVELOPE,
    }
)
"""Kinds that damage the answer there would have been."""

_JSON: Mapping[str, str] = {"Content-Type": "application/json"}
_HTML: Mapping[str, str] = {"Content-Type": "text/html; charset=utf-8"}
_PURPOSE = "(a fault on purpose)"
_ELSEWHERE = "https://elsewhere.invalid"
_WORDS = b"upstream connect error or disconnect"
_BYTE_EVERY_S = 0.1
_LOOK_EVERY_S = 0.05
_GATEWAYS = ((502, "Bad Gateway"), (503, "Service Temporarily Unavailable"), (504, "Gateway Time-out"), (520, ""))

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FaultyAnswer:
    """An answer with a fault.

    Attributes:
        status: HTTP status.
        body: The bytes that are sent.
        headers: Beside those of the framing.
        length: What `Content-Length` says; None sends chunks.
        ends: `whole` in good order, `cut` by closing the connection, `held` open for a while and then closed.
        dribbles: Whether the bytes come one by one.
    """

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: _JSON)
    length: int | None = None
    ends: Literal["whole", "cut", "held"] = "whole"
    dribbles: bool = False


def faulty_answer(fault: Fault, faults: Faults, completion: Completion | None) -> FaultyAnswer:
    """Make the answer that shows a fault; every kind but a reset has one.

    Args:
        fault: What the request is hit with.
        faults: For the value of `Retry-After`.
        completion: The true answer; needed for the kinds of `NEED_AN_ANSWER` alone.
    """
    if fault.kind in NEED_AN_ANSWER:
        assert completion is not None
        return _damaged_stream(fault, completion) if completion.stream else _damaged_whole(fault, completion)
    match fault.kind:
        case FaultKind.RATE_LIMIT:
            refused = _refused(429, "RateLimitError", "Too many requests")
            return FaultyAnswer(429, refused, {**_JSON, "Retry-After": f"{faults.retry_after_s:g}"})
        case FaultKind.SERVER_ERROR:
            return FaultyAnswer(500, _refused(500, "InternalServerError", "Internal server error"))
        case FaultKind.QUOTA:
            said = error_body(429, "insufficient_quota", f"You exceeded your current quota {_PURPOSE}.")
            said["error"]["code"] = "insufficient_quota"
            return FaultyAnswer(429, json.dumps(said).encode())
        case FaultKind.PAYMENT_REQUIRED:
            return FaultyAnswer(402, _refused(402, "PaymentRequired", "Insufficient credits"))
        case FaultKind.FORBIDDEN:
            return FaultyAnswer(403, _refused(403, "PermissionDenied", "This key may no longer ask"))
        case FaultKind.GATEWAY:
            status, reason = _form(fault, _GATEWAYS)
            return FaultyAnswer(status, _page(f"{status} {reason}".rstrip()), _HTML)
        case FaultKind.REDIRECT:
            sign_in = {**_HTML, "Location": f"{_ELSEWHERE}/sign-in?state=5e0f"}
            return FaultyAnswer(_form(fault, (302, 303, 307)), _page("Sign in to go on"), sign_in)
        case FaultKind.MOVED:
            status = _form(fault, (301, 308))
            return FaultyAnswer(status, _page(f"{status} Moved"), {**_HTML, "Location": f"{_ELSEWHERE}/v1"})
        case FaultKind.WRONG_CONTENT_TYPE:
            return FaultyAnswer(200, _page("Sign in to go on"), _HTML)
        case _:
            raise ValueError(f"{fault.kind} is no answer")


def _damaged_whole(fault: Fault, completion: Completion) -> FaultyAnswer:
    true = whole_body(completion)
    body = json.dumps(true).encode()
    half = body[: len(body) // 2]
    match fault.kind:
        case FaultKind.STALL:
            return FaultyAnswer(200, _form(fault, (b"", half)), length=len(body), ends="held")
        case FaultKind.SLOW_LORIS:
            return FaultyAnswer(200, body[:-1], length=len(body), ends="held", dribbles=True)
        case FaultKind.TRUNCATED:
            return FaultyAnswer(200, half, length=_form(fault, (len(body), None)), ends="cut")
        case FaultKind.INVALID_BODY:
            return FaultyAnswer(200, _form(fault, (b"", half, _WORDS)))
        case _:
            (choice,) = true["choices"]
            message = {"role": "assistant", "content": 17}
            broken: tuple[Any, ...] = (
                {**true, "choices": []},
                {key: value for key, value in true.items() if key != "choices"},
                {**true, "choices": [{**choice, "message": message}]},
                {**true, "choices": [{**choice, "message": None}]},
                error_body(500, "InternalServerError", f"The engine is dead {_PURPOSE}."),
            )
            return FaultyAnswer(200, json.dumps(_form(fault, broken)).encode())


def _damaged_stream(fault: Fault, completion: Completion) -> FaultyAnswer:
    true = events(completion)
    middle = len(true) // 2
    before, after = b"".join(true[:middle]), b"".join(true[middle:])
    cut = true[middle][: len(true[middle]) // 2]
    match fault.kind:
        case FaultKind.STALL:
            return FaultyAnswer(200, _form(fault, (b"", before)), EVENT_HEADERS, ends="held")
        case FaultKind.SLOW_LORIS:
            return FaultyAnswer(200, b"".join(true)[: -len(DONE)], EVENT_HEADERS, ends="held", dribbles=True)
        case FaultKind.TRUNCATED:
            # Inside an event; and, with the framing in order, between two or before the first.
            torn = FaultyAnswer(200, before + cut, EVENT_HEADERS, ends="cut")
            ended = (FaultyAnswer(200, whole, EVENT_HEADERS) for whole in (before, b""))
            return _form(fault, (torn, *ended))
        case FaultKind.INVALID_BODY:
            return FaultyAnswer(200, before + _form(fault, (cut, b"data: " + _WORDS)) + b"\n\n" + after, EVENT_HEADERS)
        case _:
            error = event(error_body(500, "InternalServerError", f"The engine is dead {_PURPOSE}."))
            number = event({"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": 17}}]})
            # An error comes as vLLM sends it: in an event of its own, and then the end.
            forms = (before + error + DONE, error + DONE, before + number + after)
            return FaultyAnswer(200, _form(fault, forms), EVENT_HEADERS)


def _form(fault: Fault, forms: Sequence[T]) -> T:
    """The form of a fault that this hit drew."""
    return forms[int(fault.draw * len(forms))]


def _refused(status: int, kind: str, message: str) -> bytes:
    return json.dumps(error_body(status, kind, f"{message} {_PURPOSE}.")).encode()


def _page(title: str) -> bytes:
    """A page as proxies send it."""
    return (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
        "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    ).encode()


async def send_fault(
    request: "web.Request", fault: Fault, faults: Faults, completion: Completion | None
) -> "web.StreamResponse":
    """Hit a request with a fault.

    Args:
        request: What is hit.
        fault: With what.
        faults: For the fault's times.
        completion: The true answer; needed for the kinds of `NEED_AN_ANSWER` alone.

    Raises:
        ConnectionError: If the client hung up meanwhile.
    """
    from aiohttp import web

    if fault.kind is FaultKind.RESET:
        if request.transport is not None:
            reset(request.transport)
        # Nobody is left to read this; aiohttp wants a response all the same.
        return web.Response(status=500)
    answer = faulty_answer(fault, faults, completion)
    if answer.ends == "whole":
        return web.Response(status=answer.status, body=answer.body, headers=answer.headers)
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    response.content_length = answer.length
    await response.prepare(request)
    begun = asyncio.get_running_loop().time()

    async def hold(seconds: float) -> bool:
        """Wait as long as that, the fault is to last, and the client is there. Whether it goes on."""
        end = min(begun + faults.hold_s, asyncio.get_running_loop().time() + seconds)
        while (left := end - asyncio.get_running_loop().time()) > 0:
            if request.transport is None or request.transport.is_closing():
                return False
            await asyncio.sleep(min(left, _LOOK_EVERY_S))
        return asyncio.get_running_loop().time() < begun + faults.hold_s

    if answer.dribbles:
        for place in range(len(answer.body)):
            await response.write(answer.body[place : place + 1])
            if not await hold(_BYTE_EVERY_S):
                break
    else:
        await response.write(answer.body)
    if answer.ends == "held":
        await hold(faults.hold_s)
    if request.transport is not None:
        request.transport.close()
    return response
