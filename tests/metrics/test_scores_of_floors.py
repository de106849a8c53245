"""What trivial systems score by every metric of the registry: no answer is worst, the reference itself best."""

from functools import cache
from typing import Any

import numpy as np
import pytest
from card_examples import record_of

from peakbench.benchmarks.file import BenchmarkFile, FloorName
from peakbench.benchmarks.floors import floor_answers, majority_answer
from peakbench.benchmarks.sample import Sample
from peakbench.metrics.answers import preparer
from peakbench.metrics.metric import Answer, Metric, RepeatMetric
from peakbench.metrics.registry import Registry

REGISTRY = Registry.load()
FILE = BenchmarkFile.model_validate(
    {
        "schema_version": 1,
        "id": "garments",
        "version": 1,
        "task": "extraction",
        "data": {"path": "data.jsonl"},
        "prompt": "p",
        "fields": {
            "type": {"type": "categorical", "weight": 2.5, "synonyms": {"t-shirt": ["tee"]}},
            "color": {"type": "categorical"},
            "brand": {"type": "brand", "weight": 1.5},
            "size": {"type": "size", "weight": 1.5},
            "defect": {"type": "anls", "weight": 2.0, "correct_threshold": 0.5},
        },
    }
)
COLUMNS: dict[str, list[str | None]] = {
    "type": ["t-shirt", "t-shirt", "pants", "jacket", "t-shirt", "hoodie"],
    "color": ["black", "navy blue", "black", "black", "white", "grey"],
    "brand": [None, None, "Nike", None, None, None],
    "size": [None, "M", None, None, "XL", None],
    "defect": [None, None, None, "a small hole", None, None],
}
SAMPLES = [Sample(f"s{i}", "p", (), {name: COLUMNS[name][i] for name in COLUMNS}) for i in range(6)]
METRICS = REGISTRY.metrics("extraction", FILE.schema_of_fields)
DESCRIBE_RESPONSES = {"truncation_rate", "failure_rate"}
FLOORS: tuple[FloorName, ...] = ("never_json", "always_null", "majority_value", "random_row", "oracle")


@cache
def answers_of(floor: FloorName) -> tuple[Answer, ...]:
    majority = majority_answer(FILE, SAMPLES, REGISTRY.null_values)
    prepare = preparer(FILE, REGISTRY, majority)
    texts = floor_answers(FILE, floor, SAMPLES, 0, majority)
    return tuple(prepare(sample, record_of(text)) for sample, text in zip(SAMPLES, texts, strict=True))


def value(metric: Metric, floor: FloorName) -> float | None:
    """The metric's value for the floor's run; what compares repeats is given each answer twice."""
    if metric.lacking is not None:
        pytest.skip(metric.lacking)
    if isinstance(metric, RepeatMetric):
        scores: list[Any] = [metric.score_repeats([answer, answer])[0] for answer in answers_of(floor)]
    else:
        scores = [metric.score(answer)[0] for answer in answers_of(floor)]
    total = np.sum([np.zeros(len(metric.statistics)), *(score.stats for score in scores if score.stats)], axis=0)
    found = float(metric.from_totals(total))
    return None if np.isnan(found) else found


def ends(metric: Metric) -> tuple[float, float]:
    """The worst and the best end of a metric's range."""
    low, high = metric.definition.bounds
    return (low, high) if metric.definition.direction == "higher" else (high, low)


@pytest.mark.parametrize("name", [name for name in METRICS if METRICS[name].definition.headline])
def test_no_answer_gets_the_worst_of_every_headline_score(name: str) -> None:
    assert value(METRICS[name], "never_json") == ends(METRICS[name])[0]


@pytest.mark.parametrize("name", [name for name in METRICS if np.isfinite(ends(METRICS[name])[1])])
def test_the_reference_itself_gets_the_best_of_every_bounded_metric(name: str) -> None:
    assert value(METRICS[name], "oracle") == ends(METRICS[name])[1]


@pytest.mark.parametrize("name", [name for name in METRICS if name not in DESCRIBE_RESPONSES])
def test_no_floor_is_better_than_the_reference_itself_or_worse_than_the_range(name: str) -> None:
    metric = METRICS[name]
    low, high = metric.definition.bounds
    best = value(metric, "oracle")
    assert best is not None
    sign = 1 if metric.definition.direction == "higher" else -1
    for floor in FLOORS:
        found = value(metric, floor)
        if found is not None:
            assert low <= found <= high
            assert sign * found <= sign * best


def test_never_json_is_undefined_only_where_an_answer_is_described() -> None:
    here = [metric for metric in METRICS.values() if metric.lacking is None]
    undefined = [metric.definition for metric in here if value(metric, "never_json") is None]
    assert {"value_accuracy", "fabrication_rate", "omission_rate"} <= {definition.id for definition in undefined}
    assert all(definition.on_unparsed is None and not definition.headline for definition in undefined)
