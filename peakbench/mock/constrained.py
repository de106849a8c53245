"""How the mock server constrains answers when it is told to: what does not fit the schema becomes the least that does.

A real server steers every token; here the model answers freely, and an answer that breaks the schema is replaced. To a
client it looks the same: what comes back always fits.
"""

import json
from collections.abc import Mapping
from typing import Any


def schema_of_request(response_format: Any, structured_outputs: Any) -> Mapping[str, Any] | None:
    """The JSON Schema that a request asks for; None when it asks for none."""
    match response_format:
        case {"type": "json_schema", "json_schema": {"schema": Mapping() as schema}}:
            return schema
        case {"type": "json_object"}:
            return {"type": "object"}
    match structured_outputs:
        case {"json": Mapping() as schema}:
            return schema
    return None


def held_to(text: str, schema: Mapping[str, Any]) -> str:
    """The text when it is JSON that fits the schema, else the least value that fits, as JSON."""
    from jsonschema import Draft202012Validator

    try:
        if Draft202012Validator(schema).is_valid(json.loads(text)):
            return text
    except (ValueError, RecursionError):
        pass
    return json.dumps(least(schema))


def least(schema: Mapping[str, Any]) -> Any:
    """The plainest value that fits a schema of the kind PeakBench sends: enums, types, required keys, items."""
    if schema.get("enum"):
        return schema["enum"][0]
    kinds = schema.get("type", "object")
    kind = "null" if "null" in kinds else kinds if isinstance(kinds, str) else kinds[0]
    if kind == "object":
        return {key: least(schema.get("properties", {}).get(key, {})) for key in schema.get("required", ())}
    if kind == "array":
        return [least(schema.get("items", {}))] * schema.get("minItems", 0)
    return {"null": None, "string": "", "boolean": False}.get(kind, 0)
