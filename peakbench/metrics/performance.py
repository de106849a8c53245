"""How fast a run was, under the names and with the definitions of `vllm bench serve`.

Latencies are those of answered requests; a failed request is neither completed nor timed. The time of asking is summed
over sessions, so that the night between an interrupted run and its resumption does not count.

The formulas are those of `calculate_metrics` in vLLM's benchmarks/serve.py: means, medians, population standard
deviations and percentiles that are linear between ranks, over requests for TTFT, TPOT and E2EL, and over all chunks of
all answers for ITL. Where vLLM says 0 because nothing was measured, this says nothing.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from peakbench.metrics.metric import TimingMetric, Timings
from peakbench.runs.results import Performance

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHORTEST_WINDOW_S = 1.0
"""Below this many seconds of asking a throughput says nothing."""

PERCENTILES = (50, 90, 95, 99)
"""Those that `Performance` has; vLLM's `--metric-percentiles` names them alike."""


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
    answered = timings.answered
    completed = int(answered.sum())
    latency, first_token = timings.e2el_ms[answered], timings.ttft_ms[answered]
    thought = timings.reasoning_tokens
    read, written = _total(timings.prompt_tokens[answered]), _total(timings.completion_tokens[answered])
    return Performance.model_validate(
        {
            "completed": completed,
            "failed": len(answered) - completed,
            "duration": duration,
            "request_throughput": _a_second(completed, duration),
            "output_throughput": _a_second(written, duration),
            "total_token_throughput": None if read is None or written is None else _a_second(read + written, duration),
            "total_input_tokens": read,
            "total_output_tokens": written,
            "total_reasoning_tokens": _total(thought[answered]) if thought.size else None,
            "max_concurrency": max_concurrency,
            **_spread("ttft", first_token[~np.isnan(first_token)]),
            **_spread("tpot", _time_per_output_token(latency, first_token, timings.completion_tokens[answered])),
            **_spread("itl", timings.itl_ms),
            **_spread("e2el", latency),
        }
    )


def _spread(name: str, values: "NDArray[np.float64]") -> dict[str, Any]:
    """What vLLM tells of a latency, under its names; null where nothing was measured."""
    told = {
        "mean": _mean(values),
        "median": _percentile(values, 50),
        "std": float(values.std()) if values.size else None,
        **{f"p{percent}": _percentile(values, percent) for percent in PERCENTILES},
    }
    return {f"{statistic}_{name}_ms": value for statistic, value in told.items()}


def _time_per_output_token(
    latency: "NDArray[np.float64]", first_token: "NDArray[np.float64]", tokens: "NDArray[np.float64]"
) -> "NDArray[np.float64]":
    """(E2EL - TTFT) / (output tokens - 1), of the streamed answers with more than one token, as the server counts."""
    known = ~np.isnan(first_token) & (tokens > 1)  # NaN > 1 is false
    return (latency[known] - first_token[known]) / (tokens[known] - 1)


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


def _a_second(count: float | None, duration: float) -> float | None:
    return count / duration if count is not None and duration >= SHORTEST_WINDOW_S else None


def _mean(values: "NDArray[np.float64]") -> float | None:
    return float(values.mean()) if values.size else None


def _percentile(values: "NDArray[np.float64]", percent: float) -> float | None:
    """Linear between the two nearest ranks, numpy's default."""
    return float(np.percentile(values, percent)) if values.size else None


def _total(counts: "NDArray[np.float64]") -> int | None:
    """Sum of token counts; None unless the server counted for every answer."""
    return None if not counts.size or np.isnan(counts).any() else int(counts.sum())
