"""The form of a metric: sufficient statistics a sample, and one function of their sum.

A metric looks at one answer and gives, for the whole sample and for each of its slices, a value and the *sufficient
statistics* behind it (for F1: soft true positives, predicted fields, reference fields). Statistics add up: a value for
a run, for a slice, for a bootstrap resample or for any subset is `from_totals` of the summed statistics. So pooled
metrics and their intervals are right by construction, and no average of averages can creep in.

What a failed request or an unparsed answer is worth is declared in `peakbench_metrics.json` and applied here, once.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from peakbench.canonical import digest
from peakbench.errors import MetricError, OutOfRangeError, PeakBenchError
from peakbench.metrics.context import MetricContext
from peakbench.metrics.semantic.models import LIBRARIES, EncoderParameters
from peakbench.metrics.signatures import DIGITS, SchemaFact, schema_digest, signature_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from peakbench.benchmarks.sample import Sample
    from peakbench.benchmarks.schema import FieldSchema
    from peakbench.metrics.comparators import FieldComparison
    from peakbench.metrics.definitions import MetricDefinition
    from peakbench.metrics.grounding.answer import GroundingAnswer
    from peakbench.runs.records import Prediction, Record


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything a metric may look at for one sample and repeat. Built once by `answers.prepare`.

    Attributes:
        sample: With its completed reference.
        record: The response, or the typed failure.
        prediction: None when the request failed.
        fields: Comparison of every schema field; all UNPARSED when the request failed or nothing was parsed.
        prediction_text: Values of the answer as one text (see `text_of_json`); None when failed or unparsed.
        reference_text: Values of the reference as one text.
        majority: What comparing the majority's one answer for all with this reference gives; None where the benchmark
            has no fields, or nobody said what the majority answers.
        boxes: Items of the reference and of the answer in one form; None for a task other than `grounding`.
    """

    sample: "Sample"
    record: "Record"
    prediction: "Prediction | None"
    fields: "Mapping[str, FieldComparison]"
    prediction_text: str | None
    reference_text: str
    majority: "Mapping[str, FieldComparison] | None" = None
    boxes: "GroundingAnswer | None" = None

    @property
    def failed(self) -> bool:
        """Whether the request got no answer."""
        return self.prediction is None

    @property
    def parsed(self) -> bool:
        """Whether there is a JSON value that may be scored."""
        return self.prediction is not None and self.prediction.parsed


@dataclass(frozen=True, slots=True)
class Score:
    """A metric's value for one sample, or for one slice of it.

    Attributes:
        value: In the metric's range, or None when undefined.
        stats: Sufficient statistics, in the order of the metric's `statistics`; None when it contributes nothing. There
            may be some where the value is undefined: what counts for a run can be too little for a value of its own.
        slice: `""` for the whole sample, else `field=type` and the like.
        reason: Why the value is undefined.
    """

    value: float | None
    stats: tuple[float, ...] | None
    slice: str = ""
    reason: str | None = None


class Metric(ABC):
    """Base of every metric. A subclass gives `measure` and `from_totals`.

    Args:
        definition: The metric's entry in `peakbench_metrics.json`.
        schema: The benchmark's fields, with their weights, synonyms, aliases and null words.
        context: What else of the registry it depends on.
    """

    uses: ClassVar[frozenset[SchemaFact]] = frozenset()
    """What of the schema changes the number; part of the signature."""

    def __init__(
        self, definition: "MetricDefinition", schema: "FieldSchema | None", context: MetricContext | None = None
    ) -> None:
        self.definition = definition
        self.schema = schema
        self.context = context or MetricContext()

    def score(self, answer: Answer) -> list[Score]:
        """Score one answer: the whole sample first, then its slices.

        A failed request takes the definition's `on_failed`, an answer without JSON its `on_unparsed`; where they say
        `measured`, the metric looks at such responses itself. Where something is `lacking`, every answer is undefined.

        Raises:
            OutOfRangeError: If a value is outside the metric's range, or not a number.
            MetricError: If the metric's code raises anything.
        """
        if self.lacking is not None:
            return [Score(None, None, reason=self.lacking)]
        declared, reason = self._declared(answer)
        if declared == "measured":
            try:
                scores = list(self.measure(answer))
            except PeakBenchError:
                raise
            except Exception as error:
                raise self._error_at(answer, error) from error
        else:
            scores = list(self.worth(answer, declared, reason))
        self._check(scores, answer)
        return scores

    def prefetch(self, answers: Sequence[Answer]) -> None:  # noqa: B027  most metrics have nothing to do here
        """Get ready to score many answers, where a model does many at once far faster than one by one.

        It changes no score. `score` gives the same without it.
        """

    @abstractmethod
    def measure(self, answer: Answer) -> Iterable[Score]:
        """Score an answer that was parsed (or any response, for a metric that describes responses)."""

    def worth(self, answer: Answer, value: float | None, reason: str) -> Iterable[Score]:  # noqa: ARG002
        """What an answer scores that takes a declared value: that value, or undefined with the reason.

        Raises:
            TypeError: If a value is declared for a metric of counts, which has to say `measured` instead.
        """
        if value is not None:
            raise TypeError(f"{self.definition.id} is made of counts: declare `measured` instead of {value}")
        yield Score(None, None, reason=reason)

    @abstractmethod
    def from_totals(self, totals: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """Turn summed statistics into values; NaN where the metric is undefined.

        Args:
            totals: Shape `(..., k)`, k the number of statistics: sums over samples (repeats averaged first).

        Returns:
            Shape `(...)`.
        """

    @cached_property
    def signature(self) -> str:
        """Everything that changes the number, in one line: numbers of different signatures share no table."""
        parts = {**self.parameters(), **self.context.components}
        if self.uses and self.schema is not None:
            parts["schema"] = schema_digest(self.schema, self.uses, self.context.null_values)
        libraries = self.context.libraries
        if (encoder := self._compared_by) is not None:
            parts["semantic"] = digest(self.context.models.in_force(encoder))[:DIGITS]
            libraries = (*libraries, *LIBRARIES)
        if self.context.code is not None:
            parts["code"] = self.context.code
        return signature_of(self.definition, parts, libraries)

    @cached_property
    def lacking(self) -> str | None:
        """What is missing here to compute it, with the command that fetches it; None when nothing is."""
        encoder = self._compared_by
        return None if encoder is None else self.context.models.lacking(encoder)

    @property
    def _compared_by(self) -> EncoderParameters | None:
        """What the scores of fields depend on, for a metric that looks at them."""
        return self.context.field_encoder if "type" in self.uses else None

    @property
    def statistics(self) -> tuple[str, ...]:
        """Names of the sufficient statistics of a sample, in order."""
        return tuple(self.definition.statistics)

    def parameters(self) -> dict[str, Any]:
        """The knobs beside id and version that change the number."""
        limit = {} if self.definition.max_chars is None else {"max_chars": self.definition.max_chars}
        declared = {"on_failed": self.definition.on_failed, "on_unparsed": self.definition.on_unparsed}
        declared = {name: value for name, value in declared.items() if value != "measured"}
        return {**self.definition.parameters, **limit, **declared}

    def _declared(self, answer: Answer) -> tuple[Any, str]:
        if answer.failed:
            return self.definition.on_failed, "failed"
        if not answer.parsed:
            return self.definition.on_unparsed, "unparsed"
        return "measured", ""

    def _error_at(self, answer: Answer, error: Exception) -> MetricError:
        """An error of the metric's code, with the metric and the sample that it is about."""
        mend = "this is a bug in PeakBench" if self.context.code is None else "mend that code"
        return MetricError(
            f"metric {self.definition.id} ({self.definition.implementation}): {type(error).__name__}: {error}, "
            f"for sample {answer.sample.id}",
            mend=f"{mend}; nothing was written",
        )

    def _check(self, scores: Iterable[Score], answer: Answer) -> None:
        low, high = self._bounds
        for score in scores:
            value = score.value
            if value is not None and not low <= value <= high:  # NaN is in no range
                raise OutOfRangeError(
                    f"metric {self.definition.id}: {value} for sample {answer.sample.id}"
                    f"{f' ({score.slice})' if score.slice else ''} is outside its range [{low:g}, {high:g}]",
                    mend="this is a bug in the metric; nothing was written",
                )

    @cached_property
    def _bounds(self) -> tuple[float, float]:
        return self.definition.bounds


class RepeatMetric(Metric):
    """A metric of all repeats of a sample together: how much they agree. It scores a sample once, not each answer."""

    def measure(self, answer: Answer) -> Iterable[Score]:  # noqa: ARG002
        """Undefined: one answer agrees with nothing.

        Raises:
            TypeError: Always; `score_repeats` is asked instead.
        """
        raise TypeError(f"{self.definition.id} compares the repeats of a sample: ask `score_repeats`")

    def score_repeats(self, answers: Sequence[Answer]) -> list[Score]:
        """Score the answers to one sample, in the order of the repeats: the whole sample first, then its slices.

        Raises:
            OutOfRangeError: If a value is outside the metric's range, or not a number.
            MetricError: If the metric's code raises anything.
        """
        if self.lacking is not None:
            return [Score(None, None, reason=self.lacking)]
        try:
            scores = list(self.measure_repeats(answers))
        except PeakBenchError:
            raise
        except Exception as error:
            raise self._error_at(answers[0], error) from error
        if answers:  # of none, nothing is defined
            self._check(scores, answers[0])
        return scores

    @abstractmethod
    def measure_repeats(self, answers: Sequence[Answer]) -> Iterable[Score]:
        """Score the repeats; failed and unparsed answers are among them."""


class MeanMetric(Metric):
    """A metric whose value for a run is the mean of its samples' values; its statistics are `sum` and `n`."""

    def worth(self, answer: Answer, value: float | None, reason: str) -> Iterable[Score]:  # noqa: ARG002
        """The declared value, counted like any other; or undefined with the reason."""
        yield self.one(value, reason)

    def one(self, value: float | None, reason: str = "", part: str = "") -> Score:
        """A sample's value, counted once; nothing where it is undefined."""
        if value is None:
            return Score(None, None, part, reason)
        return Score(value, (value, 1.0), part)

    def from_totals(self, totals: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """`sum / n`; undefined without a defined sample."""
        return ratio(totals[..., 0], totals[..., 1])


class PooledMetric(Metric):
    """A metric of rows that cannot be summed: a rank correlation of pairs, the average precision of ranked boxes.

    A sample's statistics are its rows, of one width, one behind the other; it has no value of its own. The value of a
    run, or of a resample, is `from_rows` of the rows of all its answers, those of all repeats.
    """

    @abstractmethod
    def from_rows(self, answers: "Sequence[NDArray[np.float64]]") -> float:
        """Turn rows into a value; NaN where the metric is undefined.

        Args:
            answers: The rows of each answer, shape `(rows, k)`, k the number of names in `statistics`.
        """

    def from_totals(self, totals: "NDArray[np.float64]") -> "NDArray[np.float64]":  # noqa: ARG002
        """Undefined: rows have no sum.

        Raises:
            TypeError: Always; `from_rows` is asked instead.
        """
        raise TypeError(f"{self.definition.id} is no function of sums: ask `from_rows`")

    def of_rows(self, rows: Sequence[Sequence[float]], part: str) -> Score:
        """The score of one answer's rows, which has no value of its own."""
        if not rows:
            return Score(None, None, part, self.definition.undefined)
        return Score(None, tuple(float(number) for row in rows for number in row), part, "a value of whole runs")


def ratio(numerator: "NDArray[np.float64]", denominator: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Element-wise quotient of two arrays of one shape; NaN where the denominator is 0."""
    top, bottom = np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64)
    quotient = np.full(bottom.shape, np.nan)
    np.divide(top, bottom, out=quotient, where=bottom != 0)
    return quotient


@dataclass(frozen=True, slots=True)
class Timings:
    """The timing of every record of a run, as parallel arrays.

    Attributes:
        started_at: Seconds since 1970 (UTC), float64.
        e2el_ms: End-to-end latency of the attempt that settled the matter, float64.
        ttft_ms: Time to first token, float64; NaN where the answer was not streamed.
        answered: False for failures.
        session: Session of asking, int64; sessions do not overlap.
        prompt_tokens: float64; NaN where the server did not count.
        completion_tokens: float64; NaN where the server did not count.
        reasoning_tokens: Of the completion's, those of the reasoning; float64, NaN where the server did not count
            them; empty where none did.
        itl_ms: Inter-token latencies of all answered requests in a row, float64; empty where nothing was streamed.
        session_s: Session to its seconds of asking by a monotonic clock, for those that recorded it.
    """

    started_at: "NDArray[np.float64]"
    e2el_ms: "NDArray[np.float64]"
    ttft_ms: "NDArray[np.float64]"
    answered: "NDArray[np.bool_]"
    session: "NDArray[np.int64]"
    prompt_tokens: "NDArray[np.float64]"
    completion_tokens: "NDArray[np.float64]"
    reasoning_tokens: "NDArray[np.float64]" = field(default_factory=lambda: np.zeros(0))
    itl_ms: "NDArray[np.float64]" = field(default_factory=lambda: np.zeros(0))
    session_s: Mapping[int, float] = field(default_factory=dict)


class TimingMetric(ABC):
    """A metric of how fast a run went: a function of all timings, not of single answers."""

    def __init__(self, definition: "MetricDefinition", context: MetricContext | None = None) -> None:
        self.definition = definition
        self.context = context or MetricContext()

    @cached_property
    def signature(self) -> str:
        """Id, version, parameters and library versions; and of the code, where that is not PeakBench's own."""
        code = {} if self.context.code is None else {"code": self.context.code}
        return signature_of(self.definition, {**self.definition.parameters, **code}, self.context.libraries)

    @abstractmethod
    def from_timings(self, timings: Timings) -> float | None:
        """The metric's value for a run, in the definition's unit; None when undefined."""
