"""Answers held to a JSON Schema by the server, and the canary that tells whether they really are.

Servers that do not know the parameter drop it and answer 200 all the same, so a run that believes itself constrained
may not be. Before the first sample one request asks for prose under a schema that allows a single made-up word alone:
only a server that constrains gives it.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from peakbench.errors import BadInputError, InfrastructureError
from peakbench.runners.asking import AskingSettings, ask_alone
from peakbench.runners.transport import Transport
from peakbench.runs.records import Failure, Record, Request

ResponseFormat = Literal["free", "json_object", "json_schema", "structured_outputs"]
"""`free`: the prompt alone; `json_object`: any JSON object; `json_schema`: OpenAI's `response_format` with the
benchmark's answer schema; `structured_outputs`: vLLM's own parameter with the same schema."""

_KEY = "peakbench_canary"
_WORD = "quetzal-7f3a91"
_PROMPT = "Write one short sentence about the sea, in plain prose. Write no JSON."
_CANARY_TOKENS = 64
_OURS = frozenset(
    {"model", "messages", "max_tokens", "temperature", "stop", "seed", "n"}
    | {"stream", "stream_options", "logprobs", "top_logprobs"}
)
_FORMATS = frozenset({"response_format", "structured_outputs"})


def request_extra(form: ResponseFormat, schema: Mapping[str, Any] | None, extra_body: Mapping[str, Any]) -> str:
    """What a request's body holds beside prompt and generation settings, as JSON; empty for nothing.

    Keys keep their order: a server that constrains has the model write the keys of an object in that of the schema.

    Args:
        form: How answers are constrained.
        schema: The benchmark's answer schema; needed by the forms that send one.
        extra_body: Keys that the person adds, such as `chat_template_kwargs`.

    Raises:
        BadInputError: If the benchmark has no schema to send, or an added key is one that PeakBench sends.
    """
    taken = sorted(set(extra_body) & (_OURS | (_FORMATS if form != "free" else frozenset())))
    if taken:
        raise BadInputError(
            f"--extra-body: `{taken[0]}` is what PeakBench sends itself",
            mend="take it out; prompt, max_tokens, temperature and stop belong to the benchmark file, and --stream and "
            "--logprobs are options",
        )
    body = {**constraint(form, schema), **extra_body}
    try:
        json.dumps(extra_body, allow_nan=False, ensure_ascii=False).encode()
    except ValueError as error:  # a UnicodeEncodeError is one
        raise BadInputError(
            f"--extra-body holds what no JSON can say: {error}", mend="give finite numbers and whole characters"
        ) from error
    return json.dumps(body) if body else ""


def constraint(form: ResponseFormat, schema: Mapping[str, Any] | None) -> dict[str, Any]:
    """The keys of a request's body that constrain the answer.

    Raises:
        BadInputError: If the form sends a schema and there is none.
    """
    if form == "free":
        return {}
    if form == "json_object":
        return {"response_format": {"type": "json_object"}}
    if schema is None:
        raise BadInputError(
            f"--response-format {form}: the benchmark's answers are texts and have no schema",
            mend="give `response_schema` in the benchmark file, or --response-format free",
        )
    if form == "structured_outputs":
        return {"structured_outputs": {"json": dict(schema)}}
    return {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": True, "schema": dict(schema)},
        }
    }


async def require_constraint(
    transport: Transport,
    like: Request,
    form: ResponseFormat,
    extra_body: Mapping[str, Any],
    settings: AskingSettings,
) -> None:
    """Make sure that the server constrains answers, by one request under a schema that the prompt speaks against.

    Args:
        transport: How it is sent.
        like: A request of the run, for the model's name and the images.
        form: How answers are constrained; nothing is asked for `free`.
        extra_body: As the run sends it.
        settings: How hard to ask.

    Raises:
        InfrastructureError: If the server fails, or does not constrain.
    """
    if form == "free":
        return
    schema = {
        "type": "object",
        "properties": {_KEY: {"type": "string", "enum": [_WORD]}},
        "required": [_KEY],
        "additionalProperties": False,
    }
    generation = replace(
        like.generation, max_tokens=_CANARY_TOKENS, stop=(), extra=request_extra(form, schema, extra_body)
    )
    record = await ask_alone(replace(like, prompt=_PROMPT, system="", generation=generation), transport, settings)
    if isinstance(record, Failure):
        raise InfrastructureError(
            f"the request that checks --response-format {form} failed ({record.kind}): {record.message}",
            mend="try another --response-format, or `free`, which asks by the prompt alone",
        )
    if record.truncated and record.text.strip() == "{":
        raise InfrastructureError(
            f"under --response-format {form} the model writes white space without end, which the server allows in JSON",
            mend="have the server allow none (vLLM: --structured-outputs-config "
            """'{"backend": "guidance", "disable_any_whitespace": true}'), or ask with --response-format free""",
        )
    if not _is_constrained(record, form):
        raise InfrastructureError(
            f"the server does not constrain answers under --response-format {form}: asked for prose under a schema, "
            f"it wrote {_shown(record.text)}",
            mend="start it with structured outputs, try another --response-format, or `free`",
        )


def _is_constrained(record: Record, form: ResponseFormat) -> bool:
    assert not isinstance(record, Failure)
    try:
        value = json.loads(record.text)
    except (ValueError, RecursionError):
        # A long object that was cut off is constrained all the same, as long as it began as one.
        return form == "json_object" and record.truncated and record.text.lstrip().startswith("{")
    return isinstance(value, dict) and (form == "json_object" or value == {_KEY: _WORD})


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:80] + "…")
