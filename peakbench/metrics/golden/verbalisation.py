"""Golden cases of fields as sentences: which pairs of premise and hypothesis an answer gives."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from peakbench.metrics.golden.case import Finding, answer_with, compare
from peakbench.metrics.golden.structured import schema_of
from peakbench.metrics.verbalisation import FieldPairs

if TYPE_CHECKING:
    from peakbench.metrics.registry import Registry

_SCHEMA_FILE = "garment_schema.json"


def check_verbalisation(registry: "Registry", folder: Path, case: Mapping[str, Any]) -> Iterator[Finding]:
    """An answer, its reference and the templates; and the pairs that are different.

    Where `hallucination` is null, no field is held on both sides, so that it is undefined whatever a model would say.
    """
    schema = schema_of({"schema": _SCHEMA_FILE, **case}, folder)
    fields = {
        name: spec.model_copy(update={"template": case["templates"][name]} if name in case["templates"] else {})
        for name, spec in schema.fields.items()
    }
    schema = schema.model_copy(update={"fields": fields})
    answer = answer_with(registry, schema, case["gt"], case["pred"])
    pairs = FieldPairs(schema)
    got = [
        {"field": name, "premise": premise, "hypothesis": hypothesis}
        for name, (premise, hypothesis) in pairs.sentences(answer).items()
    ]
    yield compare("pairs", got, case["pairs"], 0)
    if "hallucination" in case and case["hallucination"] is None:
        yield compare("fields that are held", pairs.held(answer), [], 0)
