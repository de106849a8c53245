"""The signature of a score: what has to be equal for two numbers to share a table.

    weighted_score@1|comparators=1.0d3f5a77|json_extraction=1.58c1f2e0|on_failed=0.0|on_unparsed=0.0|schema=9a2b11c4|
    rapidfuzz=3.14.6

(in one line): id and version, then parameters and the declared values of failed and unparsed answers, components
(version and digest of their parameters) and a digest of those facts of the field schema that the metric looks at, then
the versions of the libraries that compute it. After sacrebleu.
"""

from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Literal

from peakbench.benchmarks.values import field_null_words, schema_key_index, synonym_heads
from peakbench.canonical import canonical_json, digest

if TYPE_CHECKING:
    from peakbench.benchmarks.schema import FieldSchema
    from peakbench.metrics.definitions import MetricDefinition

SchemaFact = Literal["type", "weight", "synonyms", "aliases", "null_values", "correct_threshold"]
DIGITS = 8


def signature_of(definition: "MetricDefinition", parts: Mapping[str, Any], libraries: Iterable[str] = ()) -> str:
    """Write a signature.

    Args:
        definition: The metric.
        parts: What changes the number beside id and version; written in alphabetical order.
        libraries: Distributions beside the definition's own.
    """
    written = [f"{definition.id}@{definition.version}"]
    written += [f"{name}={_text(value)}" for name, value in sorted(parts.items())]
    written += [f"{name}={_version(name)}" for name in sorted({*definition.libraries, *libraries})]
    return "|".join(written)


def schema_digest(schema: "FieldSchema", uses: frozenset[SchemaFact], null_values: Iterable[str]) -> str:
    """Digest (8 hex digits) of what a metric looks at in a schema: names, in order, and the facts it uses.

    What counts is what is in force: weights as shares of their sum, null words as the set of the field, synonyms as the
    head that each form stands for, aliases as the keys that lead to the field. So another spelling of the same schema
    has the same digest, and another winner among contradicting entries another one.
    """
    nulls = field_null_words(schema, null_values)
    index = schema_key_index(schema)
    total = sum(spec.weight for spec in schema.fields.values())
    facts = []
    for name, spec in schema.fields.items():
        known: dict[SchemaFact, Any] = {
            "type": spec.type,
            "weight": spec.weight / total,
            "synonyms": synonym_heads(spec),
            "aliases": sorted(key for key, field in index.items() if field == name),
            "null_values": sorted(nulls[name]),
            "correct_threshold": spec.correct_threshold,
        }
        facts.append([name, {fact: value for fact, value in known.items() if fact in uses}])
    return digest(facts)[:DIGITS]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else canonical_json(value).decode()


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "absent"
