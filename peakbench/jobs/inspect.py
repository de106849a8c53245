"""Looking at a benchmark's data before anything is asked: everything that is wrong with it, and what is in it."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from peakbench.benchmarks.benchmark import Benchmark
from peakbench.benchmarks.file import BenchmarkFile
from peakbench.benchmarks.loaders import DataPlace, Finding
from peakbench.benchmarks.sample import Sample
from peakbench.benchmarks.schema import FieldSpec
from peakbench.benchmarks.training import training_references
from peakbench.benchmarks.values import field_null_words, is_null, null_words
from peakbench.metrics.registry import Registry

_MOST_FINDINGS = 1000
"""Findings that are kept; the others are counted."""
_SHOWN_PROMPTS = 3
_COUNTED_VALUES = 10_000
"""Most distinct values of a field that are counted one by one."""


@dataclass(frozen=True, slots=True)
class Validation:
    """What a pass over the data found.

    Attributes:
        n: Good samples.
        n_bad: Bad rows.
        findings: What is wrong, the first ones.
        n_training: Good references of the training split; None when the benchmark names none.
        n_remote: Images of good samples that are URLs, which a run needs leave for.
    """

    n: int
    n_bad: int
    findings: tuple[Finding, ...]
    n_training: int | None = None
    n_remote: int = 0


def validate(benchmark: Benchmark, data: Path | None, cache: Path) -> Validation:
    """Check every row of a benchmark's data, and of its training split, in one pass and in flat memory.

    Args:
        benchmark: The benchmark.
        data: Another data file than the benchmark's.
        cache: Where rendered data and images are kept that the data holds as bytes.
    """
    findings: list[Finding] = []
    n_remote = 0

    def samples() -> Iterator[Sample | Finding]:
        nonlocal n_remote
        for item in benchmark.each_sample(data or benchmark.data_place(cache), cache):
            if isinstance(item, Sample):
                n_remote += len(item.images) - len(item.files)
            yield item

    n, n_bad = _counted(samples(), findings)
    training = training_references(benchmark)
    if training is None:
        return Validation(n, n_bad, tuple(findings), n_remote=n_remote)
    n_training, n_bad_training = _counted(training, findings)
    return Validation(n, n_bad + n_bad_training, tuple(findings), n_training, n_remote)


def _counted(items: Iterable[object], findings: list[Finding]) -> tuple[int, int]:
    """The number of good items and of findings; the first findings are put with the others."""
    n = n_bad = 0
    for item in items:
        if isinstance(item, Finding):
            n_bad += 1
            if len(findings) < _MOST_FINDINGS:
                findings.append(item)
        else:
            n += 1
    return n, n_bad


@dataclass(slots=True)
class Contents:
    """What is in a benchmark's data.

    Attributes:
        n: Good samples.
        n_bad: Bad rows.
        nulls: Field to how many references have nothing there (extraction).
        values: Field, or `label`, to how often each value is there; items of a list `tags` are counted under `tags[]`,
            a field `city` within an object `address` under `address.city`.
        sizes: Width and height of images, in pixels, to how many have it.
        n_remote: Images that are URLs.
        clusters: Cluster to its number of samples.
        prompts: The first prompts that differ, as they would be sent.
        whole: Whether every row was looked at.
    """

    n: int = 0
    n_bad: int = 0
    nulls: Counter[str] = field(default_factory=Counter)
    values: dict[str, Counter[str]] = field(default_factory=dict)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    n_remote: int = 0
    clusters: Counter[str] = field(default_factory=Counter)
    prompts: list[str] = field(default_factory=list)
    whole: bool = True


def contents(
    benchmark: Benchmark, data: DataPlace, cache: Path, registry: Registry, limit: int | None = None
) -> Contents:
    """Count what is in a benchmark's data.

    Args:
        benchmark: The benchmark.
        data: Where its data lies.
        cache: Where rendered data and images are kept that the data holds as bytes.
        registry: For its null words.
        limit: Look at the first so many rows only.
    """
    found = Contents()
    schema = benchmark.file.schema_of_fields
    nulls = _null_words(schema.fields, field_null_words(schema, registry.null_values)) if schema else {}
    items = benchmark.each_sample(data, cache)
    for item in islice(items, limit):
        if isinstance(item, Finding):
            found.n_bad += 1
            continue
        found.n += 1
        found.sizes.update((image.width, image.height) for image in item.files)
        found.n_remote += len(item.images) - len(item.files)
        if item.cluster is not None:
            found.clusters[item.cluster] += 1
        if len(found.prompts) < _SHOWN_PROMPTS and item.prompt not in found.prompts:
            found.prompts.append(item.prompt)
        for name, value in _values(benchmark.file, item):
            if name in nulls and is_null(value, nulls[name]):
                found.nulls[name] += 1
                continue
            counts = found.values.setdefault(name, Counter())
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
            if text in counts or len(counts) < _COUNTED_VALUES:
                counts[text] += 1
    found.whole = next(items, None) is None
    return found


def _values(file: BenchmarkFile, sample: Sample) -> Iterator[tuple[str, Any]]:
    if isinstance(sample.reference, Mapping):
        for name, spec in file.fields.items():
            yield from _within(spec, name, sample.reference[name])
    elif file.task == "grounding" and not isinstance(sample.reference, str):
        if not sample.reference:
            yield "label", "(clean)"
        for item in sample.reference:
            yield "label", item["label"]


def _within(spec: FieldSpec, path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """A value that is counted under its path; of a list its items, of an object the values of its fields."""
    if spec.items is not None and isinstance(value, list):
        for item in value:
            yield from _within(spec.items, f"{path}[]", item)
    elif spec.fields and isinstance(value, Mapping):
        for name, part in spec.fields.items():
            yield from _within(part, f"{path}.{name}", value[name])
    else:
        yield path, value


def _null_words(fields: Mapping[str, FieldSpec], nulls: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """The null words of every path."""
    found = dict(nulls)
    waiting = [(path, spec) for path, spec in fields.items()]
    while waiting:
        path, spec = waiting.pop()
        inner = {f"{path}.{name}": part for name, part in spec.fields.items()}
        if spec.items is not None:
            inner[f"{path}[]"] = spec.items
        found |= {name: found[path] | null_words(part.null_values) for name, part in inner.items()}
        waiting += inner.items()
    return found
