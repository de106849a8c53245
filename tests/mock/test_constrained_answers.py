"""What the mock server gives when it constrains always fits the schema."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from peakbench.benchmarks.benchmark import builtin_benchmarks, find_benchmark
from peakbench.mock.constrained import held_to, least, schema_of_request


@pytest.mark.parametrize("name", builtin_benchmarks())
def test_the_least_value_fits_the_schema_of_every_built_in_benchmark(name: str) -> None:
    schema: Any = find_benchmark(name).file.answer_schema
    Draft202012Validator(schema).validate(least(schema))
    for text in ("prose", '{"other": 1}', "[[[", '[{"label": "none"}]'):
        Draft202012Validator(schema).validate(json.loads(held_to(text, schema)))


def test_what_fits_is_left_as_it_is() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "number"}}, "required": ["a"]}
    assert held_to('{"a":   2}', schema) == '{"a":   2}'


def test_the_schema_is_found_in_every_form_of_request() -> None:
    schema = {"type": "object"}
    assert schema_of_request({"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}, None) == schema
    assert schema_of_request({"type": "json_object"}, None) == schema
    assert schema_of_request(None, {"json": schema}) == schema
    for other in (None, {"type": "text"}, {"type": "json_schema"}, 5):
        assert schema_of_request(other, None) is None
