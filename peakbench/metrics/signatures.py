"""The signature of a score: what has to be equal for two numbers to share a table.

    weighted_score@1|comparators=1.0d3f5a77|json_extraction=1.58c1f2e0|on_failed=0.0|on_unparsed=0.0|schema=9a2b11c4|
    rapidfuzz=3.14.6

(in one line): id and version, then parameters and the declared values of failed and unparsed answers, components
(version and digest of their parameters) and a digest of those facts of the field schema that the metric looks at, then
the versions of the libraries that compute it. After sacrebleu.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from peakbench.benchmarks.values import field_null_words, key_index, null_words, synonym_heads
from peakbench.canonical import canonical_json, digest
from peakbench.installed import installed_version
from peakbench.metrics.verbalisation import sentence

if TYPE_CHECKING:
    from peakbench.benchmarks.schema import FieldSchema, FieldSpec
    from peakbench.metrics.definitions import MetricDefinition

SchemaFact = Literal["type", "weight", "synonyms", "aliases", "null_values", "correct_threshold", "template"]
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
    written += [f"{name}={installed_version(name)}" for name in sorted({*definition.libraries, *libraries})]
    return "|".join(written)


def schema_digest(schema: "FieldSchema", uses: frozenset[SchemaFact], null_values: Iterable[str]) -> str:
    """Digest (8 hex digits) of what a metric looks at in a schema: names, in order, and the facts it uses.

    What counts is what is in force: weights as shares of their sum, null words as the set of the field, synonyms as the
    head that each form stands for, aliases as the keys that lead to the field. So another spelling of the same schema
    has the same digest, and another winner among contradicting entries another one. What a list or an object is made
    of, and the tolerance of a number, are facts of the type.
    """
    nulls = field_null_words(schema, null_values)
    total = sum(spec.weight for spec in schema.fields.values())
    facts = _facts_of_fields(schema.fields, nulls, uses)
    for name, known in facts:
        if "weight" in uses:
            known["weight"] = schema.fields[name].weight / total
        if "correct_threshold" in uses:
            known["correct_threshold"] = schema.fields[name].correct_threshold
        if "template" in uses:
            known["template"] = sentence(schema.fields[name].template, name, "{v}")
    return digest(facts)[:DIGITS]


def _facts_of_fields(
    fields: "Mapping[str, FieldSpec]", nulls: Mapping[str, frozenset[str]], uses: frozenset[SchemaFact]
) -> list[tuple[str, dict[str, Any]]]:
    index = key_index(list(fields), {name: spec.aliases for name, spec in fields.items()})
    facts = []
    for name, spec in fields.items():
        known = _facts(spec, nulls[name], uses)
        if "aliases" in uses:
            known["aliases"] = sorted(key for key, field in index.items() if field == name)
        facts.append((name, known))
    return facts


def _facts(spec: "FieldSpec", nulls: frozenset[str], uses: frozenset[SchemaFact]) -> dict[str, Any]:
    """What holds for items as for fields; what is within a field matters to those who look at its type."""
    known: dict[SchemaFact, Any] = {"type": spec.type, "synonyms": synonym_heads(spec), "null_values": sorted(nulls)}
    facts: dict[str, Any] = {fact: value for fact, value in known.items() if fact in uses}
    if "type" not in uses:
        return facts
    if spec.type == "number":
        facts |= {"abs_tol": spec.abs_tol, "rel_tol": spec.rel_tol}
    if spec.items is not None:
        facts["items"] = _facts(spec.items, nulls | null_words(spec.items.null_values), uses)
    if spec.fields:
        inner = {name: nulls | null_words(part.null_values) for name, part in spec.fields.items()}
        facts["fields"] = _facts_of_fields(spec.fields, inner, uses)
    return facts


def _text(value: Any) -> str:
    return value if isinstance(value, str) else canonical_json(value).decode()
