"""How much of a score is ability: what is left of it above the one answer that does best without looking.

On data where most fields are null, a model that has learned the most frequent values scores high and sees nothing.
Skill puts that answer at 0 and the perfect one at 1 (a skill score, as weather forecasts are judged against the
climate).
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from peakbench.metrics.comparators import FieldComparison
from peakbench.metrics.metric import Answer, Metric, Score, ratio
from peakbench.metrics.structured import weighted_mean

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class SkillOverMajority(Metric):
    """(score − floor) / (1 − floor), of `weighted_score` and that of the majority's answer to the same samples.

    Statistics: score, floor, n. Score and floor of a sample stay together, so that a resample draws both.
    """

    uses = frozenset({"type", "weight", "synonyms", "aliases", "null_values"})

    def against(self, majority: str) -> "SkillOverMajority":
        """The same metric where the majority was counted elsewhere: a training split with its digest."""
        return type(self)(self.definition, self.schema, replace(self.context, majority=majority))

    def parameters(self) -> dict[str, Any]:
        """Also where the majority was counted."""
        return {**super().parameters(), "majority": self.context.majority}

    def measure(self, answer: Answer) -> Iterable[Score]:
        """The sample, then each field by itself."""
        parts = ["", *(f"field={name}" for name in answer.fields)]
        if answer.majority is None:
            yield from (Score(None, None, part, "no majority to compare with") for part in parts)
            return
        yield self._score("", self._weighted(answer.fields), self._weighted(answer.majority))
        for name, verdict in answer.fields.items():
            yield self._score(f"field={name}", verdict.score, answer.majority[name].score)

    def _score(self, part: str, score: float, floor: float) -> Score:
        """Where the majority is all right there is no value, but the sample counts in the run's."""
        if floor == 1.0:
            return Score(None, (score, floor, 1.0), part, self.definition.undefined)
        return Score((score - floor) / (1.0 - floor), (score, floor, 1.0), part)

    def _weighted(self, fields: Mapping[str, FieldComparison]) -> float:
        assert self.schema is not None, "skill_over_majority is defined for a field schema"
        return weighted_mean(fields, self.schema)

    def from_totals(self, totals: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """`(score − floor) / (n − floor)` of the sums."""
        return ratio(totals[..., 0] - totals[..., 1], totals[..., 2] - totals[..., 1])
