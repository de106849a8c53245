"""Speed, under vLLM's names."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peakbench.metrics.metric import Timings
from peakbench.metrics.performance import duration_of, performance_of
from peakbench.metrics.registry import Registry

TIMING = Registry.load().timing_metrics()
NAN = float("nan")


def timings(rows: list[tuple[float, float, bool, int]], **more: Any) -> Timings:
    """Rows are start (s), latency (ms), answered, session."""
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    unknown = np.full(len(rows), np.nan)
    return Timings(
        started_at=np.array(columns[0], dtype=np.float64),
        e2el_ms=np.array(columns[1], dtype=np.float64),
        answered=np.array(columns[2], dtype=np.bool_),
        session=np.array(columns[3], dtype=np.int64),
        ttft_ms=np.array(more.get("ttft_ms", unknown), dtype=np.float64),
        prompt_tokens=np.array(more.get("prompt_tokens", unknown), dtype=np.float64),
        completion_tokens=np.array(more.get("completion_tokens", unknown), dtype=np.float64),
        reasoning_tokens=np.array(more.get("reasoning_tokens", unknown), dtype=np.float64),
        itl_ms=np.array(more.get("itl_ms", ()), dtype=np.float64),
    )


ROWS = [(10.0, 3000.0, True, 0), (10.5, 500.0, True, 0), (12.0, 100.0, False, 0), (1000.0, 1000.0, True, 1)]


def test_duration_leaves_out_the_pause_between_sessions() -> None:
    assert duration_of(timings(ROWS)) == 4.0


def test_performance_of_a_run_with_two_sessions() -> None:
    found = performance_of(
        timings(ROWS, ttft_ms=[100, NAN, 5, 300], prompt_tokens=[1, 2, NAN, 3], completion_tokens=[4, 8, NAN, 8]),
        [8, 4],
    )
    assert (found.completed, found.failed, found.duration, found.max_concurrency) == (3, 1, 4.0, [8, 4])
    assert found.request_throughput == 0.75
    assert (found.total_input_tokens, found.total_output_tokens, found.output_throughput) == (6, 20, 5.0)
    assert (found.mean_e2el_ms, found.median_e2el_ms, found.p99_e2el_ms) == (1500.0, 1000.0, 2960.0)
    assert found.std_e2el_ms == pytest.approx(np.std([3000, 500, 1000]))
    assert (found.mean_ttft_ms, found.median_ttft_ms, found.p99_ttft_ms) == (200.0, 200.0, 298.0)


def by_vllm(answers: list[dict[str, Any]], duration: float) -> dict[str, float]:
    """The figures of answered, streamed requests, by the steps of `calculate_metrics` in vLLM's benchmarks/serve.py."""
    tpots = [(one["e2el"] - one["ttft"]) / (one["tokens"] - 1) for one in answers if one["tokens"] > 1]
    measured = {
        "ttft": [one["ttft"] for one in answers],
        "tpot": tpots,
        "itl": [gap for one in answers for gap in one["itl"]],
        "e2el": [one["e2el"] for one in answers],
    }
    wanted = {
        "completed": len(answers),
        "request_throughput": len(answers) / duration,
        "output_throughput": sum(one["tokens"] for one in answers) / duration,
        "total_token_throughput": sum(one["tokens"] + one["prompt"] for one in answers) / duration,
    }
    for name, values in measured.items():
        wanted |= {
            f"mean_{name}_ms": np.mean(values or 0),
            f"median_{name}_ms": np.median(values or 0),
            f"std_{name}_ms": np.std(values or 0),
            **{f"p{p}_{name}_ms": np.percentile(values or 0, p) for p in (50, 90, 95, 99)},
        }
    return {name: float(value) for name, value in wanted.items()}


milliseconds = st.floats(0, 1e5)


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "ttft": milliseconds,
                "itl": st.lists(milliseconds, max_size=5),
                "tokens": st.integers(1, 9),
                "prompt": st.integers(0, 9),
            }
        ),
        min_size=1,
        max_size=12,
    )
)
def test_figures_of_streamed_answers_are_those_of_vllm(answers: list[dict[str, Any]]) -> None:
    for one in answers:
        one["e2el"] = one["ttft"] + sum(one["itl"])
    rows = [(0.0, one["e2el"], True, 0) for one in answers] + [(0.0, 2e6, False, 0)]
    found = performance_of(
        timings(
            rows,
            ttft_ms=[*(one["ttft"] for one in answers), NAN],
            prompt_tokens=[*(one["prompt"] for one in answers), NAN],
            completion_tokens=[*(one["tokens"] for one in answers), NAN],
            itl_ms=[gap for one in answers for gap in one["itl"]],
        ),
        [1],
    )
    for name, value in by_vllm(answers, 2000.0).items():
        told = getattr(found, name)
        if told is None:  # vLLM says 0 of what it has not measured
            assert value == 0
            assert not any(one["itl" if "itl" in name else "tokens"] > (1 if "tpot" in name else []) for one in answers)
        else:
            assert told == pytest.approx(value, rel=1e-9, abs=1e-9), name


def test_what_was_not_streamed_has_no_times_of_tokens() -> None:
    found = performance_of(timings(ROWS, completion_tokens=[4, 8, NAN, 8]), [1]).model_dump()
    of_tokens = {name: value for name, value in found.items() if name.endswith(("_ttft_ms", "_tpot_ms", "_itl_ms"))}
    assert len(of_tokens) == 3 * 7
    assert set(of_tokens.values()) == {None}


def test_time_per_output_token_needs_a_count_and_more_than_one_token() -> None:
    rows = [(0.0, 1000.0, True, 0)] * 4
    found = performance_of(timings(rows, ttft_ms=[100, 100, NAN, 100], completion_tokens=[10, NAN, 10, 1]), [1])
    assert (found.mean_tpot_ms, found.p99_tpot_ms, found.std_tpot_ms) == (100.0, 100.0, 0.0)


def test_timing_metrics_agree_with_performance() -> None:
    given_timings = timings(ROWS)
    found = performance_of(given_timings, [8])
    values = {name: metric.from_timings(given_timings) for name, metric in TIMING.items()}
    assert values == {
        "throughput": found.request_throughput,
        "mean_e2el_ms": found.mean_e2el_ms,
        "median_e2el_ms": found.median_e2el_ms,
        "p99_e2el_ms": found.p99_e2el_ms,
    }


def test_throughput_is_undefined_below_a_second() -> None:
    assert TIMING["throughput"].from_timings(timings([(0.0, 999.0, True, 0)])) is None
    assert TIMING["throughput"].from_timings(timings([(0.0, 1000.0, True, 0)])) == 1.0
    assert performance_of(timings([(0.0, 999.0, True, 0)], completion_tokens=[5]), [1]).output_throughput is None


def test_tokens_are_unknown_unless_every_answer_was_counted() -> None:
    found = performance_of(timings(ROWS, completion_tokens=[4, NAN, NAN, 8]), [1])
    assert found.total_output_tokens is None
    assert found.output_throughput is None


def test_nothing_answered_has_no_latency() -> None:
    for rows in ([], [(0.0, 2000.0, False, 0)]):
        found = performance_of(timings(rows), [1])
        assert (found.completed, found.failed) == (0, len(rows))
        assert found.mean_e2el_ms is found.median_e2el_ms is found.p99_e2el_ms is found.std_e2el_ms is None
        for name, metric in TIMING.items():
            assert metric.from_timings(timings(rows)) == (0.0 if rows and name == "throughput" else None)


@given(
    st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e6), st.booleans(), st.integers(0, 2)), min_size=1, max_size=20)
)
def test_timing_values_are_in_range_or_undefined(rows: list[tuple[float, float, bool, int]]) -> None:
    for metric in TIMING.values():
        value = metric.from_timings(timings(rows))
        assert value is None or value >= metric.definition.bounds[0]


def test_reasoning_tokens_are_counted_where_every_answer_tells_them() -> None:
    assert performance_of(timings(ROWS, reasoning_tokens=[3, 0, NAN, 4]), [8]).total_reasoning_tokens == 7
    assert performance_of(timings(ROWS, reasoning_tokens=[3, NAN, NAN, 4]), [8]).total_reasoning_tokens is None
    assert performance_of(timings(ROWS), [8]).total_reasoning_tokens is None
