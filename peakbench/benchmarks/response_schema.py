"""What an answer should look like: a JSON Schema for servers that constrain answers, and for the check of answers.

A benchmark file may give a schema (`response_schema`); otherwise it follows from the fields, or from labels and box
keys. It is written in what vLLM's and OpenAI's structured output accept: types, enums, required keys, no other keys.
Every field is required and may be null. References are not written so (a number may be `12 cm`, a list a single text),
so `as_answer` writes them so: what the oracle answers fits the schema.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from peakbench.benchmarks.schema import FieldSchema, FieldSpec
from peakbench.benchmarks.values import (
    declared_value,
    field_null_words,
    is_null,
    null_words,
    read_boolean,
    read_number,
    scalar_text,
)

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_SCALARS = ["string", "number", "boolean"]
_ITEM_TEXTS = ("desc", "description")


def object_schema(fields: Mapping[str, FieldSpec]) -> dict[str, Any]:
    """The JSON Schema of an object of fields."""
    return {
        "type": "object",
        "properties": {name: _value_schema(spec) for name, spec in fields.items()},
        "required": list(fields),
        "additionalProperties": False,
    }


def _value_schema(spec: FieldSpec) -> dict[str, Any]:
    schema: dict[str, Any]
    if spec.items is not None:
        schema = {"type": ["array", "null"], "items": _value_schema(spec.items)}
    elif spec.fields:
        schema = object_schema(spec.fields)
        schema["type"] = ["object", "null"]
    elif spec.values:
        values = list(dict.fromkeys(map(_canonical, (as_value(spec, frozenset(), value) for value in spec.values))))
        types = [kind for kind in _SCALARS if any(kind == found for found, _ in values)]
        schema = {"type": [*types, "null"], "enum": [*(value for _, value in values), None]}
    else:
        types = {"number": ["number"], "boolean": ["boolean"], "exact": _SCALARS}.get(spec.type, ["string"])
        schema = {"type": [*types, "null"]}
    return {"description": spec.description, **schema} if spec.description else schema


def _canonical(value: Any) -> tuple[str, Any]:
    """A scalar with its JSON type, which keeps 1 and true apart."""
    return ("boolean" if isinstance(value, bool) else "string" if isinstance(value, str) else "number", value)


def items_schema(labels: Sequence[str], box_key: str) -> dict[str, Any]:
    """The JSON Schema of a list of defects: a box of four numbers and a label each; description and importance may be.

    Args:
        labels: The labels of the set.
        box_key: The key of the box.
    """
    item = {
        "type": "object",
        "properties": {
            box_key: {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4},
            "label": {"type": "string", "enum": list(labels)},
            **{key: {"type": "string"} for key in _ITEM_TEXTS},
            "importance": {"type": "number"},
        },
        "required": [box_key, "label"],
        "additionalProperties": False,
    }
    return {"type": "array", "items": item}


def check_values(fields: Mapping[str, FieldSpec], place: str = "fields") -> None:
    """Make sure that the `values` of fields are values of their types.

    Raises:
        ValueError: If one is not; the message names the field.
    """
    for name, spec in fields.items():
        for value in spec.values:
            if as_value(spec, frozenset(), value) is None:
                raise ValueError(f"{place}.{name}.values: {value!r} is no value of the type `{spec.type}`")
        inner = spec.fields if spec.items is None else {"items": spec.items}
        check_values(inner, f"{place}.{name}")


def check_response_schema(schema: Mapping[str, Any]) -> None:
    """Make sure that an author's schema is a JSON Schema, and that it can be used without asking anyone else.

    Raises:
        ValueError: If it is none, or refers to what is not in it; the message names the place.
    """
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    dialect = schema.get("$schema", DIALECT)
    if str(dialect).rstrip("#") != DIALECT:
        raise ValueError(f"$schema: {dialect!r} is not read; write it for {DIALECT}, or leave `$schema` out")
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise ValueError(f"{_place(error.absolute_path)}: {error.message}") from error
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    for place, target in _references(schema, ()):
        if not _is_within(schema, target):
            raise ValueError(f"{_place(place)}: `{target}` is not in the schema; refer to `#/$defs/NAME`")


def _references(schema: Any, place: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every reference with its place."""
    if isinstance(schema, Mapping):
        for key, value in schema.items():
            if key in ("$ref", "$dynamicRef") and isinstance(value, str):
                yield (*place, key), value
            else:
                yield from _references(value, (*place, key))
    elif isinstance(schema, list):
        for number, value in enumerate(schema):
            yield from _references(value, (*place, number))


def _is_within(schema: Mapping[str, Any], target: str) -> bool:
    from referencing import Registry
    from referencing.exceptions import NoSuchResource, Unresolvable
    from referencing.jsonschema import DRAFT202012

    resource = DRAFT202012.create_resource(schema)
    try:
        Registry().with_resource("", resource).resolver().lookup(target)
    except (NoSuchResource, Unresolvable):
        return False
    return True


def _place(path: Iterable[str | int]) -> str:
    return ".".join(map(str, path)) or "at its root"


def schema_validator(schema: Mapping[str, Any]) -> "Draft202012Validator":
    """A validator of answers, to be made once; it asks no network."""
    from jsonschema import Draft202012Validator
    from referencing import Registry

    return Draft202012Validator(schema, registry=Registry())


def misfit(validator: "Draft202012Validator", value: Any) -> str:
    """What is wrong with a value, and where; empty when it is as the schema says."""
    error = next(validator.iter_errors(value), None)
    return "" if error is None else f"{_place(error.absolute_path)}: {error.message}"


def fits(validator: "Draft202012Validator", value: Any) -> bool:
    """Whether a value is as the schema says; a value that is nested too deep to tell is not."""
    try:
        return validator.is_valid(value)
    except RecursionError:
        return False


def as_answer(schema: FieldSchema, null_values: Iterable[str], reference: Mapping[str, Any]) -> dict[str, Any]:
    """A completed reference, written as the derived schema wants an answer; it scores as the reference itself.

    Null words become null, numbers and booleans those of JSON, and texts of fields with `values` the value they say.

    Args:
        schema: The fields.
        null_values: The null words of every benchmark; those of the schema are added.
        reference: As `complete_reference` makes it.
    """
    nulls = field_null_words(schema, null_values)
    return {name: as_value(spec, nulls[name], reference.get(name)) for name, spec in schema.fields.items()}


def as_value(spec: FieldSpec, nulls: frozenset[str], value: Any) -> Any:
    """A value of a completed reference as the field's schema wants it; see `as_answer`."""
    if is_null(value, nulls):
        return None
    if spec.items is not None:
        words = nulls | null_words(spec.items.null_values)
        return [as_value(spec.items, words, item) for item in value]
    if spec.fields:
        return {
            name: as_value(part, nulls | null_words(part.null_values), value.get(name))
            for name, part in spec.fields.items()
        }
    declared = declared_value(spec, value)
    value = value if declared is None else declared
    if spec.type == "number":
        return _json_number(value)
    if spec.type == "boolean":
        return read_boolean(value)
    return value if spec.type == "exact" else scalar_text(value)


def _json_number(value: Any) -> int | float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    number = read_number(value)
    if number is None:
        return None
    as_float = float(number.value)
    whole = number.value == number.value.to_integral_value() or not math.isfinite(as_float)
    return int(number.value) if whole else as_float


def item_as_answer(item: Mapping[str, Any], box_key: str, box: Sequence[float]) -> dict[str, Any]:
    """An item of a grounding reference, written as the derived schema wants an answer.

    Args:
        item: With its label.
        box_key: The key of the box.
        box: As the benchmark declares boxes of answers.
    """
    written: dict[str, Any] = {box_key: list(box), "label": item["label"]}
    written |= {key: item[key] for key in _ITEM_TEXTS if isinstance(item.get(key), str)}
    importance = item.get("importance")
    if isinstance(importance, int | float) and not isinstance(importance, bool):
        written["importance"] = importance
    return written
