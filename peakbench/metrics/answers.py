"""From a record of the journal to what the metrics look at."""

from typing import TYPE_CHECKING

from peakbench.metrics.extraction import extract
from peakbench.metrics.metric import Answer
from peakbench.runs.records import Failure, Prediction, Record

if TYPE_CHECKING:
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


def answer_of(
    sample: "Sample", record: Record, prediction: Prediction | None, schema: "FieldSchema", registry: "Registry"
) -> Answer:
    """Compare a prediction, however it was come by, with the reference; None is a failed request."""
    comparer = registry.comparer(schema)
    value = prediction.value if prediction is not None and prediction.parsed else None
    return Answer(
        sample=sample,
        record=record,
        prediction=prediction,
        fields=comparer.compare(sample.reference, value),
        prediction_text=None if value is None else comparer.text(value),
        reference_text=comparer.text(sample.reference),
    )
