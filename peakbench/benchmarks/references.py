"""What a good answer would be, by task: the fields of an object, a list of boxes, or a text. Checked as it is read."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from peakbench.benchmarks.boxes import box_fault
from peakbench.benchmarks.file import BenchmarkFile
from peakbench.benchmarks.sample import Reference
from peakbench.benchmarks.sources import read_json
from peakbench.benchmarks.values import complete_reference, equality_form

ReferenceReader = Callable[[Any], Reference]
"""Makes a reference of a column's value; a ValueError says what is wrong with it."""


def reference_reader(file: BenchmarkFile) -> ReferenceReader:
    """The reader of a benchmark's references."""
    if file.task == "text":
        return _text
    if file.task == "grounding":
        return lambda value: _items(file, _json(value, list, "list"))
    schema = file.schema_of_fields
    assert schema is not None, "an extraction benchmark has fields"
    return lambda value: complete_reference(schema, _json(value, dict, "object"))


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


def _items(file: BenchmarkFile, items: list[Any]) -> tuple[Mapping[str, Any], ...]:
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
        fault = box_fault(item[key], file.box_conventions.references)
        if fault:
            raise ValueError(f"item {number} of the reference, `{key}`: {fault}")
        for name, other in item.items():
            if isinstance(other, float) and not math.isfinite(other):
                raise ValueError(f"item {number} of the reference, `{name}`: {other} is no number of JSON")
        whole.append({**item, "label": head, key: [float(edge) for edge in item[key]]})
    return tuple(whole)
