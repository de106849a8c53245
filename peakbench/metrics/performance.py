"""How fast a run was, under the names and with the definitions of `vllm bench serve`.

Latencies are those of answered requests; a failed request is neither completed nor timed. The time of asking is summed
over sessions, so that the night between an interrupted run and its resumption does not count.
"""

from typing import TYPE_CHECKING

import numpy as np

from peakbench.metrics.metric import TimingMetric, Timings
from peakbench.runs.results import Performance

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHORTEST_WINDOW_S = 1.0
"""Below this many seconds of asking a throughput says nothing."""


class Throughput(TimingMetric):
    """Answered requests a second of asking; undefined below one second."""

    def from_timings(self, timings: Timings) -> float | None:
        """Requests a second."""
        return _a_second(float(timings.answered.sum()), duration_of(timings))


class MeanLatency(TimingMetric):
    """Mean end-to-end latency of answered requests, milliseconds."""

    def from_timings(self, timings: Timings) -> float | None:
        """Milliseconds; None when nothing was answered."""
        return _mean(timings.e2el_ms[timings.answered])


class MedianLatency(TimingMetric):
    """Median end-to-end latency of answered requests, milliseconds."""

    def from_timings(self, timings: Timings) -> float | None:
        """Milliseconds; None when nothing was answered."""
        return _percentile(timings.e2el_ms[timings.answered], 50)


class P99Latency(TimingMetric):
    """99th percentile of the end-to-end latency of answered requests, milliseconds."""

    def from_timings(self, timings: Timings) -> float | None:
        """Milliseconds; None when nothing was answered."""
        return _percentile(timings.e2el_ms[timings.answered], 99)


def performance_of(timings: Timings, max_concurrency: list[int]) -> Performance:
    """All that is said about a run's speed.

    Args:
        timings: Of every record of the run.
        max_concurrency: Of each session.
    """
    duration = duration_of(timings)
    latency = timings.e2el_ms[timings.answered]
    first_token = timings.ttft_ms[timings.answered]
    first_token = first_token[~np.isnan(first_token)]
    completed = int(timings.answered.sum())
    written = _total(timings.completion_tokens[timings.answered])
    return Performance(
        completed=completed,
        failed=len(timings.answered) - completed,
        duration=duration,
        request_throughput=_a_second(completed, duration),
        output_throughput=None if written is None else _a_second(written, duration),
        total_input_tokens=_total(timings.prompt_tokens[timings.answered]),
        total_output_tokens=written,
        mean_e2el_ms=_mean(latency),
        median_e2el_ms=_percentile(latency, 50),
        std_e2el_ms=float(latency.std()) if latency.size else None,
        p99_e2el_ms=_percentile(latency, 99),
        mean_ttft_ms=_mean(first_token),
        median_ttft_ms=_percentile(first_token, 50),
        p99_ttft_ms=_percentile(first_token, 99),
        max_concurrency=max_concurrency,
    )


def duration_of(timings: Timings) -> float:
    """Seconds of asking, summed over sessions: as measured, else from the first start to the last end by wall clock.

    A session has no measured time when its process was killed, or in runs older than that key.
    """
    total = 0.0
    for session in np.unique(timings.session):
        measured = timings.session_s.get(int(session))
        if measured is not None:
            total += measured
            continue
        inside = timings.session == session
        starts = timings.started_at[inside]
        total += float((starts + timings.e2el_ms[inside] / 1000).max() - starts.min())
    return total


def _a_second(count: float, duration: float) -> float | None:
    return count / duration if duration >= SHORTEST_WINDOW_S else None


def _mean(values: "NDArray[np.float64]") -> float | None:
    return float(values.mean()) if values.size else None


def _percentile(values: "NDArray[np.float64]", percent: float) -> float | None:
    """Linear between the two nearest ranks, numpy's default."""
    return float(np.percentile(values, percent)) if values.size else None


def _total(counts: "NDArray[np.float64]") -> int | None:
    """Sum of token counts; None unless the server counted for every answer."""
    return None if not counts.size or np.isnan(counts).any() else int(counts.sum())
