"""The schema of answers: derived or given, and answers written so that they fit it."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from peakbench.benchmarks.benchmark import builtin_benchmarks, find_benchmark
from peakbench.benchmarks.file import BenchmarkFile
from peakbench.benchmarks.floors import floor_answers, majority_answer
from peakbench.benchmarks.references import answer_writer, reference_reader
from peakbench.benchmarks.response_schema import as_answer, fits, misfit, object_schema, schema_validator
from peakbench.benchmarks.sample import ImageFile, Sample
from peakbench.benchmarks.schema import FieldSchema
from peakbench.benchmarks.values import complete_reference
from peakbench.metrics.registry import Registry

REGISTRY = Registry.load()
FIELDS: dict[str, Any] = {
    "type": {"type": "categorical", "values": ["t-shirt", "coat"], "synonyms": {"t-shirt": ["tee"]}},
    "size": {"type": "size", "description": "as on the label"},
    "code": {"type": "exact"},
    "price": {"type": "number"},
    "stretch": {"type": "boolean"},
    "tags": {"type": "list", "items": {"type": "anls"}},
    "maker": {
        "type": "object",
        "fields": {"city": {"type": "brand"}, "founded": {"type": "number", "values": [1, 2.5]}},
    },
}
BASE = {"schema_version": 1, "id": "b", "version": 1, "data": {"path": "x.jsonl"}, "prompt": "p"}
BOXES = {
    "keys": ["bbox_2d", "box_2d"],
    "references": {"order": "xyxy", "scale": "norm1000"},
    "answers": {"order": "yxyx", "scale": "norm1000"},
}
GROUNDING = {**BASE, "task": "grounding", "labels": {"artifact": ["artefact"], "misalignment": []}, "boxes": BOXES}


def extraction(**more: Any) -> BenchmarkFile:
    return BenchmarkFile.model_validate({**BASE, "task": "extraction", "fields": FIELDS, **more})


def test_schema_follows_from_the_fields() -> None:
    text = {"type": ["string", "null"]}
    assert extraction().answer_schema == {
        "type": "object",
        "properties": {
            "type": {"type": ["string", "null"], "enum": ["t-shirt", "coat", None]},
            "size": {"description": "as on the label", **text},
            "code": {"type": ["string", "number", "boolean", "null"]},
            "price": {"type": ["number", "null"]},
            "stretch": {"type": ["boolean", "null"]},
            "tags": {"type": ["array", "null"], "items": text},
            "maker": {
                "type": ["object", "null"],
                "properties": {"city": text, "founded": {"type": ["number", "null"], "enum": [1, 2.5, None]}},
                "required": ["city", "founded"],
                "additionalProperties": False,
            },
        },
        "required": list(FIELDS),
        "additionalProperties": False,
    }


def test_schema_follows_from_labels_and_box_keys() -> None:
    schema = BenchmarkFile.model_validate(GROUNDING).answer_schema
    assert schema is not None
    validator = schema_validator(schema)
    item = {"bbox_2d": [1, 2.5, 3, 4], "label": "artifact"}
    for good in ([], [item], [item | {"desc": "x", "importance": 7}], [item | {"description": "x"}, item]):
        assert fits(validator, good)
    bad: list[Any] = [
        item,
        [item | {"label": "artefact"}],
        [item | {"bbox_2d": [1, 2, 3]}],
        [item | {"extra": 1}],
        ["x"],
        None,
    ]
    bad += [[{"label": "artifact"}], [{"box_2d": [1, 2, 3, 4], "label": "artifact"}], [item | {"importance": "high"}]]
    for wrong in bad:
        assert not fits(validator, wrong)


def test_text_has_no_schema_and_takes_none() -> None:
    assert BenchmarkFile.model_validate({**BASE, "task": "text"}).answer_schema is None
    with pytest.raises(ValidationError, match="`response_schema` is not for the task `text`"):
        BenchmarkFile.model_validate({**BASE, "task": "text", "response_schema": {"type": "string"}})


@pytest.mark.parametrize("name", builtin_benchmarks())
def test_schemas_of_built_in_benchmarks_are_json_schemas(name: str) -> None:
    schema = find_benchmark(name).file.answer_schema
    assert schema is not None
    Draft202012Validator.check_schema(schema)


def test_an_authors_schema_is_in_force_and_kept_with_the_benchmark() -> None:
    own = {"type": "object", "properties": {"type": {"$ref": "#/$defs/t"}}, "$defs": {"t": {"type": "string"}}}
    file = extraction(response_schema=own)
    assert file.answer_schema == own
    assert BenchmarkFile.model_validate(file.model_dump(mode="json")) == file


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "objekt"}, r"type: 'objekt' is not valid"),
        ({"properties": {"a": {"minimum": "x"}}}, r"properties\.a\.minimum: 'x' is not of type 'number'"),
        ({"pattern": "["}, r"pattern: '\[' is not a 'regex'"),
        (
            {"properties": {"a": {"$ref": "https://example.org/x.json"}}},
            r"properties\.a\.\$ref: .* is not in the schema",
        ),
        ({"$ref": "#/$defs/none"}, r"\$ref: `#/\$defs/none` is not in the schema"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "is not read; write it for https"),
        ("object", "valid dictionary"),
    ],
)
def test_what_is_no_usable_json_schema_is_refused_by_place(schema: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        extraction(response_schema=schema)


def test_values_that_are_none_of_their_type_are_refused_by_field() -> None:
    fields = {"a": {"type": "object", "fields": {"b": {"type": "list", "items": {"type": "number", "values": ["x"]}}}}}
    with pytest.raises(ValidationError, match=r"fields\.a\.b\.items\.values: 'x' is no value of the type `number`"):
        extraction(fields=fields)


def test_reference_is_written_as_the_schema_wants_it() -> None:
    schema = FieldSchema.model_validate({"fields": FIELDS})
    reference = {"type": "Tee", "size": 42, "code": True, "price": "$1,200.50", "stretch": "yes", "tags": "red"}
    reference["maker"] = {"city": "N/A", "founded": "2.5"}
    whole = complete_reference(schema, reference, REGISTRY.null_values)
    assert as_answer(schema, REGISTRY.null_values, whole) == {
        "type": "t-shirt",
        "size": "42",
        "code": True,
        "price": 1200.5,
        "stretch": True,
        "tags": ["red"],
        "maker": {"city": None, "founded": 2.5},
    }


TEXTS = st.text(st.characters(codec=None, exclude_categories=()), max_size=8)
SCALARS = TEXTS | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()
NUMBERS = st.integers() | st.sampled_from([0.5, "12 cm", "$1,000", "n/a", "-3.25 kg", "9" * 400])
REFERENCES = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["Tee", "coat", "N/A", None]),
        "size": SCALARS,
        "code": SCALARS,
        "price": st.none() | NUMBERS,
        "stretch": st.sampled_from([True, "no", 1, None, "not visible"]),
        "tags": st.none() | SCALARS | st.lists(st.none() | SCALARS, max_size=3),
        "maker": st.none()
        | st.fixed_dictionaries({"city": SCALARS}, optional={"founded": st.sampled_from([1, "2.5"])}),
    },
)


@given(REFERENCES)
def test_what_the_oracle_writes_fits_the_schema_and_scores_1(reference: dict[str, Any]) -> None:
    schema = FieldSchema.model_validate({"fields": FIELDS})
    whole = complete_reference(schema, reference, REGISTRY.null_values)
    written = json.loads(json.dumps(as_answer(schema, REGISTRY.null_values, whole)))
    assert misfit(schema_validator(object_schema(schema.fields)), written) == ""
    verdicts = REGISTRY.comparer(SCHEMA_OF_FIELDS).compare(whole, written)
    assert {name: verdict.score for name, verdict in verdicts.items()} == dict.fromkeys(FIELDS, 1.0)


SCHEMA_OF_FIELDS = FieldSchema.model_validate({"fields": FIELDS})


def test_references_have_to_fit_an_authors_schema() -> None:
    own = {"properties": {"size": {"enum": ["S", "M"]}, "price": {"type": ["string", "null"]}}}
    file = extraction(response_schema=own)
    read, write = reference_reader(file), answer_writer(file)
    length, stretch = read({"size": "M", "price": "12 cm"}, None), read({"size": "M", "stretch": "no"}, None)
    assert isinstance(length, Mapping)
    assert isinstance(stretch, Mapping)
    assert write(length)["price"] == "12 cm"  # its schema does not take 12
    assert write(stretch)["stretch"] is False
    with pytest.raises(ValueError, match=r"does not fit `response_schema`: size: 'L' is not one of"):
        read({"size": "L"}, None)


def test_floors_of_lists_and_objects_fit_the_schema() -> None:
    file = extraction()
    read = reference_reader(file)
    rows = [
        {"tags": ["a", "b"], "maker": {"city": "x"}},
        {"tags": "a", "price": "12 cm"},
        {"tags": ["a"], "price": "12 cm"},
    ]
    samples = [Sample(str(n), "", (), read(row, None)) for n, row in enumerate(rows)]
    validator = schema_validator(file.answer_schema or {})
    for name in ("always_null", "majority_value", "random_row", "oracle"):
        majority = majority_answer(file, samples, ())
        answers = [json.loads(text) for text in floor_answers(file, name, samples, 0, majority)]
        assert [misfit(validator, answer) for answer in answers] == [""] * 3
        if name == "majority_value":
            assert answers[0] == {**dict.fromkeys(FIELDS), "tags": ["a"], "price": 12}
        if name == "oracle":
            assert answers[2]["price"] == 12


def test_floors_of_boxes_fit_the_schema(tmp_path: Any) -> None:
    file = BenchmarkFile.model_validate(GROUNDING)
    image = ImageFile(tmp_path / "a.png", "0", "image/png", 100, 50, 1)
    item = {"box_2d": [1, 2, 3, 4], "label": "artefact", "description": "x", "importance": 3, "annotator": "7"}
    samples = [Sample("a", "", (image,), reference_reader(file)([item], (100, 50)))]
    validator = schema_validator(file.answer_schema or {})
    for name in ("defects_always_empty", "defects_whole_image", "random_row", "oracle"):
        (text,) = floor_answers(file, name, samples, seed=0)
        assert misfit(validator, json.loads(text)) == ""
    kept = {"bbox_2d": [2, 1, 4, 3], "label": "artifact", "description": "x", "importance": 3}
    assert json.loads(text) == [kept]
    own = BenchmarkFile.model_validate({**GROUNDING, "response_schema": {"type": "array"}})
    (text,) = floor_answers(own, "oracle", samples, seed=0)
    assert json.loads(text) == [kept | {"annotator": "7"}]


def test_a_value_nested_too_deep_to_tell_does_not_fit() -> None:
    validator = schema_validator({"type": ["array", "integer"], "items": {"$ref": "#"}})
    deep: Any = 1
    for _ in range(5000):
        deep = [deep]
    assert fits(validator, [[1]])
    assert not fits(validator, deep)
