"""What the request that checks a constraint makes of a server's answer."""

import asyncio

import pytest
from raw_server import completion, http, raw_server

from peakbench.errors import InfrastructureError
from peakbench.runners.asking import AskingSettings
from peakbench.runners.constraint import require_constraint
from peakbench.runners.endpoint import Endpoint
from peakbench.runners.http_transport import HttpTransport
from peakbench.runs.records import Generation, Request


@pytest.mark.parametrize(
    ("content", "finish_reason", "said"),
    [
        ('"{ \\r\\t\\r\\t"', "length", "white space without end"),
        ('"{"', "stop", "does not constrain"),
        ('"The sea is { "', "length", "does not constrain"),
    ],
)
def test_white_space_without_end_is_told_from_a_schema_that_is_ignored(
    content: str, finish_reason: str, said: str
) -> None:
    """A weak model goes on with what the grammar of JSON allows anywhere; its server constrains all the same."""

    async def check(url: str) -> None:
        transport = HttpTransport(Endpoint(url, direct=True))
        try:
            asked = Request("s", 0, "m", "Describe it.", "", (), Generation())
            await require_constraint(transport, asked, "json_schema", {}, AskingSettings(timeout_s=30.0))
        finally:
            await transport.close()

    with raw_server() as server:
        choice = {"index": 0, "finish_reason": finish_reason, "message": {"role": "assistant", "content": "@"}}
        server.answers = [http(completion(content, choices=[choice]))]
        with pytest.raises(InfrastructureError, match=said) as told:
            asyncio.run(check(server.base_url))
    assert ("disable_any_whitespace" in told.value.mend) == (said == "white space without end")
