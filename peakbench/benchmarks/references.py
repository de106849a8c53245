"""What a good answer would be, by task: the fields of an object, a list of boxes, or a text. Checked as it is read."""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from peakbench.benchmarks.boxes import box_fault
from peakbench.benchmarks.file import BenchmarkFile
from peakbench.benchmarks.response_schema import as_answer, fits, misfit, schema_validator
from peakbench.benchmarks.sample import Reference
from peakbench.benchmarks.sources import read_json
from peakbench.benchmarks.values import equality_form, reference_completer
from peakbench.content import content_root

Size = tuple[int, int]
"""Width and height of an image, pixels."""
ReferenceReader = Callable[[Any, Size | None], Reference]
"""Makes a reference of a column's value and the size of the image that its boxes are on, when that is known; a
ValueError says what is wrong with it."""


def reference_reader(file: BenchmarkFile) -> ReferenceReader:
    """The reader of a benchmark's references."""
    if file.task == "text":
        return lambda value, _: _text(value)
    if file.task == "grounding":
        return lambda value, size: _items(file, _json(value, list, "list"), size)
    return _object_reader(file)


def _object_reader(file: BenchmarkFile) -> ReferenceReader:
    """The reader of objects of fields; under a response schema of the benchmark's own, a perfect answer has to fit."""
    schema = file.schema_of_fields
    assert schema is not None, "an extraction benchmark has fields"
    complete = reference_completer(schema, common_null_values())
    if file.response_schema is None:
        return lambda value, _: complete(_json(value, dict, "object"))
    write = answer_writer(file)
    validator = schema_validator(file.response_schema)

    def read(value: Any, _: Size | None) -> Reference:
        reference = complete(_json(value, dict, "object"))
        wrong = misfit(validator, write(reference))
        if wrong:
            raise ValueError(f"an answer that says what the reference says does not fit `response_schema`: {wrong}")
        return reference

    return read


def answer_writer(file: BenchmarkFile) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
    """The function that writes a completed reference of an extraction benchmark as a perfect answer.

    It is written as the derived response schema wants it (see `as_answer`). Where the benchmark's own schema does not
    take that, the reference is left as it is.
    """
    schema = file.schema_of_fields
    assert schema is not None, "an extraction benchmark has fields"
    null_values = common_null_values()
    if file.response_schema is None:
        return lambda reference: as_answer(schema, null_values, reference)
    validator = schema_validator(file.response_schema)

    def write(reference: Mapping[str, Any]) -> Mapping[str, Any]:
        written = as_answer(schema, null_values, reference)
        return written if fits(validator, written) else reference

    return write


def common_null_values() -> tuple[str, ...]:
    """The null words of every benchmark, as `peakbench_metrics.json` gives them."""
    return tuple(json.loads((content_root() / "peakbench_metrics.json").read_text(encoding="utf-8"))["null_values"])


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"the reference is {value!r}; a text is needed")
    return value


def _json(value: Any, kind: type, name: str) -> Any:
    """The value, or what a string holds; columns of Parquet come as they are."""
    if isinstance(value, str):
        try:
            value = read_json(value)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"the reference is a string that holds no JSON: {error}") from error
    if not isinstance(value, kind):
        raise ValueError(f"the reference holds no JSON {name}")
    return value


def label_words(labels: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """The equality form of each label and synonym to the label; a label's own name goes before another's synonym."""
    words = {equality_form(word): label for label, others in labels.items() for word in others}
    return words | {equality_form(label): label for label in labels}


def _items(file: BenchmarkFile, items: list[Any], size: Size | None) -> tuple[Mapping[str, Any], ...]:
    """Items with a label of the set and a box in the declared order and scale; other keys are kept."""
    keys = file.box_conventions.keys
    words = label_words(file.labels)
    whole = []
    for number, item in enumerate(items, start=1):
        if not isinstance(item, Mapping):
            raise ValueError(f"item {number} of the reference is no object")
        label = item.get("label")
        head = words.get(equality_form(label)) if isinstance(label, str) else None
        if head is None:
            raise ValueError(
                f"item {number} of the reference has the label {label!r}; the set has {', '.join(file.labels)}"
            )
        key = next((key for key in keys if key in item), None)
        if key is None:
            raise ValueError(f"item {number} of the reference has no box: none of {', '.join(keys)}")
        fault = box_fault(item[key], file.box_conventions.references, size)
        if fault:
            raise ValueError(f"item {number} of the reference, `{key}`: {fault}")
        for name, other in item.items():
            if isinstance(other, float) and not math.isfinite(other):
                raise ValueError(f"item {number} of the reference, `{name}`: {other} is no number of JSON")
        whole.append({**item, "label": head, key: [float(edge) for edge in item[key]]})
    return tuple(whole)
