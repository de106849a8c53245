"""Results and facts for tests of boards: as few words as possible for what a test is about."""

from pathlib import Path
from typing import Any

from peakbench.leaderboards.entries import BoardEntry, RunFacts
from peakbench.metrics.definitions import MetricDefinition
from peakbench.runs.results import MetricResult, Performance, Results

COMPARABLE = {
    "benchmark": "a" * 64,
    "data": "b" * 64,
    "prompt": "c" * 64,
    "sample_set": "d" * 64,
    "metrics": "e" * 64,
}


def definition(name: str, title: str, **changes: Any) -> MetricDefinition:
    known: dict[str, Any] = {
        "id": name,
        "version": 1,
        "title": title,
        "family": "structured",
        "level": "sample",
        "applies_to": ["json"],
        "formula": "as measured",
        "range": (0.0, 1.0),
        "unit": "fraction",
        "direction": "higher",
        "undefined": "never",
        "on_unparsed": 0.0,
        "on_failed": 0.0,
        "implementation": "peakbench.metrics.structured:WeightedScore",
        "interval": "t",
        "card": "card.md",
        "headline": True,
    }
    return MetricDefinition(**(known | changes))


HEADLINE = [
    definition("weighted_score", "Weighted score"),
    definition("field_f1", "Field F1"),
    definition("json_parse_rate_extracted", "JSON parse rate"),
]


def metric(value: float | None, half: float | None = 0.02, n: int = 200, **changes: Any) -> MetricResult:
    ci = None if value is None or half is None else (max(value - half, 0.0), min(value + half, 1.0))
    known: dict[str, Any] = {
        "value": value,
        "ci": ci,
        "n": n,
        "n_defined": 0 if value is None else n,
        "direction": "higher",
        "unit": "fraction",
        "signature": "m@1",
        "interval": "t",
    }
    return MetricResult(**(known | changes))


def performance(throughput: float | None = 12.5, median: float | None = 480.0, concurrency: int = 8) -> Performance:
    return Performance(
        completed=200,
        failed=0,
        duration=16.0,
        request_throughput=throughput,
        output_throughput=None,
        total_input_tokens=None,
        total_output_tokens=None,
        mean_e2el_ms=median,
        median_e2el_ms=median,
        std_e2el_ms=None,
        p99_e2el_ms=median,
        mean_ttft_ms=None,
        median_ttft_ms=None,
        p99_ttft_ms=None,
        max_concurrency=[concurrency],
    )


def entry(
    model: str,
    value: float | None,
    half: float | None = 0.02,
    *,
    facts: dict[str, Any] | None = None,
    score: dict[str, Any] | None = None,
    speed: Performance | None = None,
    **changes: Any,
) -> BoardEntry:
    floor = changes.get("kind") == "floor"
    run_id = changes.get("run_id", f"20261121T100000Z-{len(model):08x}")
    known: dict[str, Any] = {
        "kind": "run",
        "benchmark": "garments-demo@1",
        "model": model,
        "run_id": run_id,
        "n": 200,
        "repeats": 1,
        "n_failed": 0,
        "n_unparsed": 0,
        "n_truncated": 0,
        "rank_by": "weighted_score",
        "comparable": COMPARABLE,
        "fingerprint": "f" * 64,
        "metrics": {
            "weighted_score": metric(value, half, **(score or {})),
            "field_f1": metric(value and value * 0.9, half, interval="bootstrap"),
            "json_parse_rate_strict": metric(0.9, interval="wilson"),
            "json_parse_rate_extracted": metric(1.0, interval="wilson"),
        },
        "performance": None if floor else speed or performance(),
    }
    about: dict[str, Any] = {
        "run_id": run_id,
        "folder": Path("runs") / run_id,
        "title": model,
        "started": "2026-11-21T10:00:00Z",
        "hardware": None if floor else "NVIDIA H200",
        "server": None if floor else "vllm 0.11.2",
    }
    return BoardEntry(Results(**(known | changes)), RunFacts(**(about | (facts or {}))))


def floor(name: str, value: float | None, half: float | None = None, **changes: Any) -> BoardEntry:
    return entry(name, value, half, kind="floor", **changes)


def unranked(model: str, rate: float | None, half: float | None = 0.02, **changes: Any) -> BoardEntry:
    """A run on a benchmark that declares nothing to rank by and has only the metrics of every response."""
    metrics = {
        "json_parse_rate_strict": metric(rate and rate / 2, half, interval="wilson"),
        "json_parse_rate_extracted": metric(rate, half, interval="wilson"),
        "failure_rate": metric(0.0, interval="wilson", direction="lower"),
    }
    return entry(model, None, **({"benchmark": "boxes@1", "rank_by": None, "metrics": metrics} | changes))
