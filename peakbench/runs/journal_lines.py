"""The lines of a journal: a header and records as JSON, written and read."""

import json
from dataclasses import dataclass
from typing import Any

from peakbench.runs.records import Failure, FailureKind, Record, Response, Timing, TokenLogprob, Usage

JOURNAL_SCHEMA_VERSION = 1

Key = tuple[str, int]
"""(sample id, repeat)."""


@dataclass(frozen=True, slots=True)
class JournalHeader:
    """The first line of a journal.

    Attributes:
        run_id: The run folder's name.
        identity: The run's identity digest.
        schema_version: Of the journal's format.
    """

    run_id: str
    identity: str
    schema_version: int = JOURNAL_SCHEMA_VERSION


def line_of(value: dict[str, Any]) -> bytes:
    """A JSON value as one line, the newline included."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode() + b"\n"
    except UnicodeEncodeError:  # a lone surrogate, which UTF-8 cannot hold but a JSON escape can
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def encode_record(record: Record) -> bytes:
    """Encode a record as one line of the journal, the newline included."""
    timing = record.timing
    value: dict[str, Any] = {
        "kind": "response" if isinstance(record, Response) else "failure",
        "sample_id": record.sample_id,
        "repeat": record.repeat,
        "sample_digest": record.sample_digest,
        "session": record.session,
        "timing": {
            "started_at": timing.started_at,
            "e2el_ms": timing.e2el_ms,
            "ttft_ms": timing.ttft_ms,
            "attempts": timing.attempts,
            "itl_ms": timing.itl_ms,
        },
    }
    if isinstance(record, Response):
        usage = record.usage
        value |= {
            "text": record.text,
            "reasoning": record.reasoning,
            "finish_reason": record.finish_reason,
            "usage": {
                "prompt_tokens": usage.prompt_tokens,
                "completion_tokens": usage.completion_tokens,
                "reasoning_tokens": usage.reasoning_tokens,
            },
            "request_id": record.request_id,
            "system_fingerprint": record.system_fingerprint,
            "logprobs": record.logprobs,
        }
    else:
        value |= {"error": str(record.kind), "status": record.status, "message": record.message}
    return line_of(value)


def decode_record(line: bytes) -> Record:
    """Decode one line of the journal.

    Raises:
        ValueError: If the line is no record of this schema version.
    """
    value = json.loads(line)
    try:
        timing = value["timing"]
        if timing.get("itl_ms") is not None:
            timing["itl_ms"] = tuple(timing["itl_ms"])
        common = {
            "sample_id": value["sample_id"],
            "repeat": value["repeat"],
            "sample_digest": value["sample_digest"],
            "session": value["session"],
            "timing": Timing(**timing),
        }
        if value["kind"] == "response":
            return Response(
                **common,
                text=value["text"],
                reasoning=value["reasoning"],
                finish_reason=value["finish_reason"],
                usage=Usage(**value["usage"]),
                request_id=value["request_id"],
                system_fingerprint=value["system_fingerprint"],
                logprobs=_logprobs(value.get("logprobs")),  # older journals have none
            )
        if value["kind"] == "failure":
            return Failure(**common, kind=FailureKind(value["error"]), status=value["status"], message=value["message"])
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"no record: {error}") from error
    raise ValueError(f"no record: kind {value['kind']!r}")


def _logprobs(tokens: list[Any] | None) -> tuple[TokenLogprob, ...] | None:
    if tokens is None:
        return None
    return tuple(TokenLogprob(token, logprob, tuple((one, its) for one, its in top)) for token, logprob, top in tokens)


def decode_header(line: bytes) -> JournalHeader:
    """Decode the first line of a journal.

    Raises:
        ValueError: If it is no header of this schema version.
    """
    value = json.loads(line)
    if not isinstance(value, dict) or value.get("kind") != "header":
        raise ValueError("the first line is no header")
    version = value.get("schema_version")
    if version != JOURNAL_SCHEMA_VERSION:
        raise ValueError(f"schema version {version}; this PeakBench reads version {JOURNAL_SCHEMA_VERSION}")
    run_id, identity = value.get("run_id"), value.get("identity")
    if not isinstance(run_id, str) or not isinstance(identity, str):
        raise ValueError("the header names no run or no identity")
    return JournalHeader(run_id, identity)
