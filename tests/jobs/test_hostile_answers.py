"""Whatever a model writes is scored, by every metric of the registry: a value in range, or undefined with a reason."""

import json
import time
from typing import Any

import pandas as pd
import pytest

import peakbench
from peakbench.benchmarks.benchmark import find_benchmark
from peakbench.benchmarks.file import BenchmarkFile
from peakbench.benchmarks.schema import FieldSpec
from peakbench.jobs.score import metrics_of
from peakbench.metrics.registry import Registry

FIELDS = {
    "kind": FieldSpec(type="categorical", synonyms={"t-shirt": ["tee"]}),
    "size": FieldSpec(type="size"),
    "brand": FieldSpec(type="brand"),
    "note": FieldSpec(type="anls"),
    "code": FieldSpec(type="exact"),
    "width": FieldSpec(type="number"),
    "worn": FieldSpec(type="boolean"),
    "colours": FieldSpec(type="list", items=FieldSpec(type="categorical")),
    "table": FieldSpec(type="list", items=FieldSpec(type="list", items=FieldSpec(type="number"))),
    "parts": FieldSpec(type="object", fields={"n": FieldSpec(type="number"), "names": FieldSpec(type="brand")}),
}
"""A field of every type but `semantic`, which needs a model."""
REFERENCE = {
    "kind": "t-shirt", "size": "XL", "brand": "Nike", "note": "small hole", "code": "q", "width": "12 cm", "worn": True,
    "colours": ["red", "blue"], "table": [[1, 2], [3]], "parts": {"n": 1, "names": "ab"},
}  # fmt: skip
VALUES = {
    "every sign of a plane": "".join(map(chr, range(0x3000))),
    "10,000 brackets": "[" * 10_000,
    "brackets that close": "[" * 10_000 + "]" * 10_000,
    "beyond the limit of texts": "y" * 20_001,
    "many words": "ab " * 6_600,
    "lone surrogates": "\ud800 \udfff\ud800",
    "right to left": "\u202eשלום\u202c مرحبا بالعالم",
    "accents": "a" + "\u0301\u0327" * 9_000,
    "no words": ".,;" * 6_000,
    "zero": "\x00",
    "many digits": "9" * 5_000,
    "a great exponent": "1e999999999",
    "white space": " \n\t" * 5_000,
    "emoji": "👨‍👩‍👧‍👦" * 1_800,
    "one sign that is many": "\ufdfa" * 19_999,
}
TEXTS = {
    "NaN": '{"width": NaN}',
    "infinity": '{"width": -Infinity}',
    "a number that overflows": '{"width": 1e400, "kind": "tee"}',
    "a number of many digits": '{"width": ' + "9" * 5_000 + "}",
    "oversize": "x" * 1_000_001,
    "oversize JSON": '{"kind": "' + "y" * 1_000_000 + '"}',
    "deep objects": '{"kind":' * 10_000,
    "one key often": "{" + ",".join(f'"kind": {n}' for n in range(5_000)) + "}",
    "tags": "<think>" * 3_000 + "</think><answer>" * 3_000,
    "a long list": '{"colours": [' + ",".join(f'"c{n}"' for n in range(2_000)) + "]}",
}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.load()


def scored(file: BenchmarkFile, answers: list[str], reference: Any, registry: Registry) -> pd.DataFrame:
    """The scores of answers to one reference, by every metric that is there and needs no model."""
    chosen = [
        name
        for name, metric in metrics_of(file.model_copy(update={"metrics": ()}), registry).items()
        if metric.lacking is None and "semantic" not in metric.definition.requires and name != "peakbench_quality"
    ]
    before = time.perf_counter()
    scores = peakbench.score(answers, [reference] * len(answers), file, metrics=chosen, registry=registry).scores()
    assert time.perf_counter() - before < 60
    assert set(scores["metric"]) == set(chosen)
    return scores


def check(scores: pd.DataFrame, n: int, registry: Registry) -> None:
    assert scores["sample_id"].nunique() == n
    for name, rows in scores.groupby("metric"):
        low, high = registry.definition(str(name)).bounds
        given = rows["value"].dropna()
        assert ((given >= low) & (given <= high)).all(), name
        assert rows["reason"][rows["value"].isna()].notna().all(), name


def test_answers_in_every_type_of_field_are_scored(registry: Registry) -> None:
    file = find_benchmark("garments-demo").file.model_copy(update={"fields": FIELDS})
    inside = [
        json.dumps({**dict.fromkeys(FIELDS, said), "colours": [said], "parts": {"n": said, "names": said}})
        for said in VALUES.values()
    ]
    answers = [*inside, *VALUES.values(), *TEXTS.values()]
    check(scored(file, answers, REFERENCE, registry), len(answers), registry)


def test_texts_are_scored(registry: Registry) -> None:
    file = find_benchmark("garments-demo").file.model_copy(update={"task": "text", "fields": {}, "rank_by": None})
    answers = [*VALUES.values(), *TEXTS.values()]
    check(scored(file, answers, "a small hole on the left shoulder", registry), len(answers), registry)


def test_items_are_scored(registry: Registry) -> None:
    file = find_benchmark("defects-demo").file
    inside = [
        json.dumps([{"box_2d": [0, said, 1e308, -5], "label": said, "importance": said, "desc": said}, said, None])
        for said in VALUES.values()
    ]
    answers = [*inside, *VALUES.values(), *TEXTS.values()]
    reference = [{"box_2d": [1, 2, 30, 40], "label": next(iter(file.labels)), "importance": 5, "desc": "x"}]
    check(scored(file, answers, reference, registry), len(answers), registry)
