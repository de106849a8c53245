"""Servers that do not list the model that is asked: one request tells what their list of models would have told.

Such a server may load whatever it is asked for, and give a 400 or a 500 for a name that it cannot load, or for a key of
the request that it cannot work with. A 500 may pass, so every sample would be asked again and again, and the run would
take hours to fail.
"""

from dataclasses import replace

from peakbench.errors import InfrastructureError
from peakbench.runners.transport import Transport
from peakbench.runs.manifest import ServerFacts
from peakbench.runs.records import Failure, FailureKind, Request

_PROMPT = "Say hello."
_REFUSED = (FailureKind.BAD_REQUEST, FailureKind.SERVER_ERROR, FailureKind.INVALID_RESPONSE)


async def require_model(transport: Transport, facts: ServerFacts, like: Request, timeout_s: float) -> None:
    """Make sure, by one request for a single token, that the server answers for a model that it does not list.

    What else goes wrong is left to the run, which waits for what passes and stops for what does not.

    Args:
        transport: How it is sent.
        facts: What the server says of itself; nothing is asked where it lists the model.
        like: A request of the run, for the model's name and the way of asking; its images are left out.
        timeout_s: Seconds the request may take; the server may have to load the model first.

    Raises:
        InfrastructureError: If the server refuses so small a request, breaks at it, or answers with no completion.
    """
    if facts.listed:
        return
    generation = replace(like.generation, max_tokens=1)
    record = await transport.send(replace(like, prompt=_PROMPT, images=(), generation=generation), timeout_s)
    if isinstance(record, Failure) and record.kind in _REFUSED:
        raise InfrastructureError(
            f"the server lists no models, and a first request for `{like.model}` failed ({record.kind}): "
            f"{record.message}",
            mend="check --model: it may be none that this server can load; its log says why. A server may also break "
            "at a key that it does not know, such as a `stop` of the benchmark",
        )
