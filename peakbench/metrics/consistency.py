"""Whether a model says the same when it is asked the same again.

Temperature 0 is not deterministic: batching changes the order of sums, and a word may tip. Repeats measure how often.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import combinations
from typing import Any

from peakbench.benchmarks.values import KeyIndex, resolve_keys, schema_key_index, wrapper_form
from peakbench.canonical import canonical_json
from peakbench.metrics.metric import Answer, MeanMetric, RepeatMetric, Score


class ConsistencyExact(RepeatMetric, MeanMetric):
    """Share of the unordered pairs of a sample's repeats that say the same.

    Objects say the same when every field does: the same JSON value, or equal by the field's comparator whichever of
    the two is taken for the reference, null rule and synonyms included; a key that only one of them has differs. Texts
    are equal in the wrapper form, lists of items when they hold the same items as JSON, in any order. A pair with a
    failed or unparsed answer differs.
    """

    uses = frozenset({"type", "synonyms", "aliases", "null_values"})

    def measure_repeats(self, answers: Sequence[Answer]) -> Iterable[Score]:
        """The share; undefined for fewer than two repeats."""
        if len(answers) < 2:
            yield self.one(None, self.definition.undefined)
            return
        pairs = list(combinations([self._comparable(answer) for answer in answers], 2))
        yield self.one(sum(self._same(one, other) for one, other in pairs) / len(pairs))

    @cached_property
    def _index(self) -> KeyIndex:
        return schema_key_index(self.schema) if self.schema is not None else {}

    def _comparable(self, answer: Answer) -> Any:
        """What is compared of an answer: fields by name, a text in wrapper form, sorted items; None for no answer."""
        value = answer.prediction.value if answer.prediction is not None and answer.parsed else None
        if isinstance(value, str):
            return wrapper_form(value)
        if isinstance(value, list):
            return sorted(canonical_json(item) for item in value)
        if isinstance(value, Mapping) and self.schema is not None:
            return resolve_keys(value, self.schema.fields, self._index)[0]
        return value

    def _same(self, one: Any, other: Any) -> bool:
        if one is None or other is None:
            return False
        if not isinstance(one, Mapping):
            return bool(one == other)
        comparer = self.context.comparer
        if comparer is None or one.keys() != other.keys():
            return False
        there, back = comparer.compare(one, other), comparer.compare(other, one)
        return all(
            there[name].score == back[name].score == 1.0 or canonical_json(one[name]) == canonical_json(other[name])
            for name in one
        )
