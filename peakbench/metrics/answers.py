"""From a record of the journal to what the metrics look at."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from peakbench.metrics.extraction import extract, read_text
from peakbench.metrics.metric import Answer
from peakbench.metrics.semantic.comparator import SemanticFields, has_semantic
from peakbench.runs.records import Failure, Prediction, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from peakbench.benchmarks.file import BenchmarkFile
    from peakbench.benchmarks.sample import Sample
    from peakbench.benchmarks.schema import FieldSchema
    from peakbench.metrics.registry import Registry


def prepare(sample: "Sample", record: Record, schema: "FieldSchema", registry: "Registry") -> Answer:
    """Extract the answer from a record and compare it with the reference, once for all metrics.

    Args:
        sample: With its completed reference.
        record: The response, or the typed failure.
        schema: The benchmark's fields.
        registry: For null words and limits; it remembers comparisons by schema object, so pass one and the same.
    """
    if isinstance(record, Failure):
        return answer_of(sample, record, None, schema, registry)
    aliases = {name: spec.aliases for name, spec in schema.fields.items()}
    prediction = extract(record.text, record.reasoning, "object", list(schema.fields), aliases, registry.limits)
    return answer_of(sample, record, prediction, schema, registry)


def preparer(file: "BenchmarkFile", registry: "Registry") -> "Callable[[Sample, Record], Answer]":
    """The function that prepares the answers of a benchmark, by its task.

    Fields are compared for the task `extraction`; for `grounding` a list of items is extracted; for `text` the answer
    is what the response says without its reasoning.
    """
    if file.task == "text":
        return lambda sample, record: _text_answer(sample, record, registry)
    if file.task == "grounding":
        keys = [*file.box_conventions.keys, "label"]
        return lambda sample, record: _items_answer(sample, record, keys, registry)
    schema = file.schema_of_fields
    assert schema is not None, "an extraction benchmark has fields"
    return lambda sample, record: prepare(sample, record, schema, registry)


def prefetcher(file: "BenchmarkFile", registry: "Registry") -> "Callable[[Sequence[tuple[Sample, Record]]], None]":
    """The function that has many answers' fields embedded at once, before each is prepared; it changes no score.

    Where no field is compared by meaning, or what does that is lacking, it does nothing.
    """
    schema = file.schema_of_fields
    encoder = registry.field_encoder if schema is not None and has_semantic(schema) else None
    if schema is None or encoder is None:
        return lambda _: None
    fields = SemanticFields(schema, encoder)
    aliases = {name: spec.aliases for name, spec in schema.fields.items()}

    def pairs(items: "Sequence[tuple[Sample, Record]]") -> "Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]":
        for sample, record in items:
            if isinstance(record, Failure) or not isinstance(sample.reference, Mapping):
                continue
            found = extract(record.text, record.reasoning, "object", list(schema.fields), aliases, registry.limits)
            if found.parsed and isinstance(found.value, Mapping):
                yield sample.reference, found.value

    return lambda items: fields.prefetch(pairs(items))


def _items_answer(sample: "Sample", record: Record, keys: list[str], registry: "Registry") -> Answer:
    prediction = None
    if not isinstance(record, Failure):
        prediction = extract(record.text, record.reasoning, "array", keys, {}, registry.limits)
    return Answer(sample, record, prediction, {}, None, "")


def _text_answer(sample: "Sample", record: Record, registry: "Registry") -> Answer:
    prediction = None if isinstance(record, Failure) else read_text(record.text, record.reasoning, registry.limits)
    said = prediction.value if prediction is not None and prediction.parsed else None
    return Answer(sample, record, prediction, {}, said, str(sample.reference))


def answer_of(
    sample: "Sample", record: Record, prediction: Prediction | None, schema: "FieldSchema", registry: "Registry"
) -> Answer:
    """Compare a prediction, however it was come by, with the reference; None is a failed request."""
    comparer = registry.comparer(schema)
    if not isinstance(sample.reference, Mapping):
        raise TypeError(f"sample {sample.id!r}: fields are compared with an object, not with {type(sample.reference)}")
    value = prediction.value if prediction is not None and prediction.parsed else None
    return Answer(
        sample=sample,
        record=record,
        prediction=prediction,
        fields=comparer.compare(sample.reference, value),
        prediction_text=None if value is None else comparer.text(value),
        reference_text=comparer.text(sample.reference),
    )
