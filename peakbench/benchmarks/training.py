"""The training split: rows apart from the samples asked about, from which the floor `majority_value` is taken.

A floor that is taken from the very samples it answers knows a little of them. Where a benchmark names a training split
the floor knows nothing of its samples, as an honest model does. Only references are read: no image, no prompt.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from peakbench.benchmarks.benchmark import Benchmark
from peakbench.benchmarks.file import DataSource
from peakbench.benchmarks.floors import majority_answer
from peakbench.benchmarks.loaders import DataPlace, Finding, iter_references, place_text, told
from peakbench.benchmarks.sample import Reference
from peakbench.benchmarks.values import complete_reference
from peakbench.canonical import canonical_json
from peakbench.errors import BadInputError

_MODULUS = 2**256
_MOST_FINDINGS = 1000


@dataclass(frozen=True, slots=True)
class Training:
    """What was read of a training split.

    Attributes:
        place: Where it lies.
        digest: SHA-256 (hex) over its completed references, whatever their order.
        n: References counted.
        findings: Rows that were left out; the first thousand.
        n_bad: How many were left out.
        majority: Each field's most frequent value.
    """

    place: str
    digest: str
    n: int
    findings: tuple[Finding, ...]
    n_bad: int
    majority: dict[str, Any]


@dataclass(slots=True)
class _Reading:
    """References as they go by: their number, their digest, and the rows that hold none."""

    n: int = 0
    n_bad: int = 0
    findings: list[Finding] = field(default_factory=list)
    _sum: int = 0

    def good(self, references: Iterable[Reference | Finding]) -> Iterator[Mapping[str, Any]]:
        for reference in references:
            if isinstance(reference, Finding):
                self.n_bad += 1
                if len(self.findings) < _MOST_FINDINGS:
                    self.findings.append(reference)
                continue
            assert isinstance(reference, Mapping), "the references of a benchmark with fields are objects"
            self.n += 1
            # A sum does not see the order and needs no memory, where sorting a million digests would.
            self._sum = (self._sum + int(hashlib.sha256(canonical_json(reference)).hexdigest(), 16)) % _MODULUS
            yield reference

    @property
    def digest(self) -> str:
        return hashlib.sha256(f"{self.n}\n{self._sum:064x}".encode()).hexdigest()


def training_references(benchmark: Benchmark) -> Iterator[Reference | Finding] | None:
    """The completed references of a benchmark's training split, one by one; None for a benchmark that names none.

    Raises:
        BadInputError: If the split cannot be read at all; a row that cannot comes as a finding.
    """
    source = benchmark.file.training
    if source is None:
        return None
    return _references(benchmark, source, _place(benchmark, source))


def read_training(benchmark: Benchmark, null_values: Iterable[str], *, skip_bad: bool = False) -> Training | None:
    """Read a benchmark's training split, in one pass and in memory that does not grow with it.

    Args:
        benchmark: The benchmark.
        null_values: The registry's null words.
        skip_bad: Leave bad rows out instead of refusing the split.

    Returns:
        What was read; None for a benchmark without a training split.

    Raises:
        BadInputError: If the split, or any row of it, cannot be used.
    """
    source = benchmark.file.training
    if source is None:
        return None
    place = _place(benchmark, source)
    told_place = place if isinstance(place, str) else place_text(place)
    reading = _Reading()
    try:
        references = reading.good(_references(benchmark, source, place))
        majority = majority_answer(benchmark.file, [], null_values, references)
    except ValueError as error:
        if reading.n:
            raise
        _refuse(reading)  # there may be rows, but none that can be used
        raise BadInputError(
            f"the training split {told_place} holds no rows", mend="give it rows, or take it out"
        ) from error
    if not skip_bad:
        _refuse(reading)
    return Training(told_place, reading.digest, reading.n, tuple(reading.findings), reading.n_bad, majority)


def _refuse(reading: _Reading) -> None:
    if reading.n_bad:
        raise BadInputError(
            "\n".join(["in the training split:", *told(reading.findings, reading.n_bad)]),
            mend="mend or remove these rows, or leave them out with --skip-bad; nothing was asked yet",
        )


def _references(benchmark: Benchmark, source: DataSource, place: DataPlace | str) -> Iterator[Reference | Finding]:
    if source.make is not None:
        return _made(benchmark, source.make.n, source.make.seed)
    assert not isinstance(place, str), "what is not rendered lies somewhere"
    return iter_references(benchmark.file, place)


def _made(benchmark: Benchmark, n: int, seed: int) -> Iterator[Reference | Finding]:
    """The references of garments that need not be rendered."""
    from peakbench.benchmarks.garments import draw_spec

    schema = benchmark.file.schema_of_fields
    assert schema is not None, "a benchmark with a training split has fields"
    for index in range(n):
        try:
            yield complete_reference(schema, draw_spec(seed, index).reference())
        except ValueError as error:  # the benchmark has other fields than garments have
            yield Finding(f"garment {index + 1} of seed {seed}", None, str(error))


def _place(benchmark: Benchmark, source: DataSource) -> DataPlace | str:
    """Where the split lies; in words for garments that are drawn on the spot."""
    if source.make is not None:
        return f"{source.make.n} {source.make.kind} of seed {source.make.seed}, not rendered"
    return benchmark.place_of(source)
