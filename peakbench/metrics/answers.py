"""From a record of the journal to what the metrics look at."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from peakbench.metrics.extraction import Extractor, read_text
from peakbench.metrics.grounding.answer import GroundingReader
from peakbench.metrics.metric import Answer
from peakbench.metrics.semantic.comparator import SemanticFields, has_semantic
from peakbench.runs.records import Failure, Prediction, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from peakbench.benchmarks.file import BenchmarkFile
    from peakbench.benchmarks.sample import Sample
    from peakbench.benchmarks.schema import FieldSchema
    from peakbench.metrics.registry import Registry


def prepare(
    sample: "Sample",
    record: Record,
    schema: "FieldSchema",
    registry: "Registry",
    majority: Mapping[str, Any] | None = None,
) -> Answer:
    """Extract the answer from a record and compare it with the reference, once for all metrics.

    Args:
        sample: With its completed reference.
        record: The response, or the typed failure.
        schema: The benchmark's fields.
        registry: For null words and limits; it remembers comparisons, so pass one and the same.
        majority: What the majority answers to every sample; None where nothing is measured against it.
    """
    prediction = None
    if not isinstance(record, Failure):
        prediction = object_extractor(schema, registry).extract(record.text, record.reasoning)
    return answer_of(sample, record, prediction, schema, registry, majority)


def prepare_items(sample: "Sample", record: Record, reader: GroundingReader, registry: "Registry") -> Answer:
    """Extract the items of an answer to a grounding benchmark, and bring them and the reference into one form."""
    prediction = None
    if not isinstance(record, Failure):
        found = Extractor("array", reader.keys, {}, registry.limits)
        prediction = found.extract(record.text, record.reasoning)
    items = prediction.value if prediction is not None and prediction.parsed else ()
    return Answer(sample, record, prediction, {}, None, "", boxes=reader.read(sample, items))


def extractor(file: "BenchmarkFile", registry: "Registry") -> "Callable[[Record], Prediction | None]":
    """The function that makes predictions of a benchmark's records, by its task; None of a failed request.

    An object is extracted for the task `extraction`, a list of items for `grounding`; for `text` the answer is what
    the response says without its reasoning.
    """
    if file.task == "text":
        return lambda record: (
            None if isinstance(record, Failure) else read_text(record.text, record.reasoning, registry.limits)
        )
    if file.task == "grounding":
        found = Extractor("array", [*file.box_conventions.keys, "label"], {}, registry.limits)
    else:
        schema = file.schema_of_fields
        assert schema is not None, "an extraction benchmark has fields"
        found = object_extractor(schema, registry)
    return lambda record: None if isinstance(record, Failure) else found.extract(record.text, record.reasoning)


def object_extractor(schema: "FieldSchema", registry: "Registry") -> Extractor:
    """What finds the object of a schema's fields in a response."""
    aliases = {name: spec.aliases for name, spec in schema.fields.items()}
    return Extractor("object", list(schema.fields), aliases, registry.limits)


def preparer(
    file: "BenchmarkFile", registry: "Registry", majority: Mapping[str, Any] | None = None
) -> "Callable[[Sample, Record], Answer]":
    """The function that prepares the answers of a benchmark: what `extractor` finds; fields are compared, too.

    `majority` is the answer that fields are measured against.
    """
    predict = extractor(file, registry)
    if file.task == "text":
        return lambda sample, record: prepare_text(sample, record, registry)
    if file.task == "grounding":
        reader = GroundingReader(file.labels, file.box_conventions)
        return lambda sample, record: prepare_items(sample, record, reader, registry)
    schema = file.schema_of_fields
    assert schema is not None, "an extraction benchmark has fields"
    return lambda sample, record: answer_of(sample, record, predict(record), schema, registry, majority)


def prefetcher(file: "BenchmarkFile", registry: "Registry") -> "Callable[[Sequence[tuple[Sample, Record]]], None]":
    """The function that has many answers' fields embedded at once, before each is prepared; it changes no score.

    Where no field is compared by meaning, or what does that is lacking, it does nothing.
    """
    schema = file.schema_of_fields
    encoder = registry.field_encoder if schema is not None and has_semantic(schema) else None
    if schema is None or encoder is None:
        return lambda _: None
    fields = SemanticFields(schema, encoder)
    predict = extractor(file, registry)

    def pairs(items: "Sequence[tuple[Sample, Record]]") -> "Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]":
        for sample, record in items:
            found = predict(record)
            if found is not None and found.parsed and isinstance(sample.reference, Mapping):
                yield sample.reference, found.value

    return lambda items: fields.prefetch(pairs(items))


def prepare_text(sample: "Sample", record: Record, registry: "Registry") -> Answer:
    """The answer to a sample of texts: what the response says without its reasoning."""
    prediction = None if isinstance(record, Failure) else read_text(record.text, record.reasoning, registry.limits)
    said = prediction.value if prediction is not None and prediction.parsed else None
    return Answer(sample, record, prediction, {}, said, str(sample.reference))


def answer_of(
    sample: "Sample",
    record: Record,
    prediction: Prediction | None,
    schema: "FieldSchema",
    registry: "Registry",
    majority: Mapping[str, Any] | None = None,
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
        majority=None if majority is None else comparer.compare(sample.reference, majority),
    )
