"""Whether answers have the form that was asked for, key by key and type by type."""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from peakbench.benchmarks.response_schema import fits, object_schema, schema_validator
from peakbench.canonical import digest
from peakbench.metrics.metric import Answer
from peakbench.metrics.reliability import Rate
from peakbench.metrics.signatures import DIGITS

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator


class SchemaValidRate(Rate):
    """Share of all samples whose extracted answer is as the benchmark's response schema says.

    Keys have to be written as in the schema: neither aliases nor another spelling are taken, since this tells whether
    an instruction, or the server's constraint, was followed.
    """

    uses = frozenset({"aliases"})  # what is extracted from a response depends on them

    @cached_property
    def lacking(self) -> str | None:
        """The response schema, for a benchmark that has none."""
        return "the benchmark has no response schema" if self._answer_schema is None else None

    def parameters(self) -> dict[str, Any]:
        """The digest of the response schema, beside what every metric has."""
        schema = self._answer_schema
        return super().parameters() | ({} if schema is None else {"response_schema": digest(schema)[:DIGITS]})

    def holds(self, answer: Answer) -> bool:
        """Whether the answer was parsed and fits."""
        return answer.parsed and answer.prediction is not None and fits(self._validator, answer.prediction.value)

    @cached_property
    def _answer_schema(self) -> Mapping[str, Any] | None:
        if self.context.answer_schema is not None or self.schema is None:
            return self.context.answer_schema
        return object_schema(self.schema.fields)

    @cached_property
    def _validator(self) -> "Draft202012Validator":
        assert self._answer_schema is not None, "nothing is scored without a schema"
        return schema_validator(self._answer_schema)
