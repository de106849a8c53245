"""Finding a benchmark by name or path, and its data; drawing the samples to ask about."""

import difflib
import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from peakbench.benchmarks.boxes import BoxConvention
from peakbench.benchmarks.file import BenchmarkFile, DataSource, MadeData, read_benchmark_file
from peakbench.benchmarks.kept import Reading, keep_samples
from peakbench.benchmarks.loaders import DataPlace, Finding, iter_samples
from peakbench.benchmarks.sample import Sample
from peakbench.benchmarks.sources import pinned
from peakbench.canonical import digest
from peakbench.errors import BadInputError
from peakbench.files import temporary_files

_BUILTIN = Path(__file__).resolve().parent / "builtin"


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A benchmark that was found: its file, and where that lies.

    Attributes:
        file: The validated benchmark file.
        path: Where it lies.
    """

    file: BenchmarkFile
    path: Path

    @property
    def name(self) -> str:
        """`id@version`."""
        return self.file.name

    @property
    def prompt_digest(self) -> str:
        """Digest of the prompt, or of its template, with the system prompt."""
        dumped = self.file.model_dump(mode="json", include={"prompt", "system"})
        return digest(dumped)

    @property
    def fields_digest(self) -> str:
        """Digest of what answers are read by: fields with their null words, or labels and box conventions."""
        dumped = self.file.model_dump(mode="json", include={"fields", "null_values", "labels", "boxes"})
        return digest(dumped)

    def read_with(self, answers: BoxConvention | None) -> "Benchmark":
        """The benchmark for a model that writes boxes in its own way; the same one where there is nothing to change.

        References, prompt and schema stay as they are: only how answers are read changes.

        Raises:
            BadInputError: If the benchmark has no boxes.
        """
        if answers is None:
            return self
        if self.file.boxes is None:
            raise BadInputError(
                f"{self.name} has no boxes, so no order of boxes can be declared for it",
                mend="take `boxes` out, or ask that model this benchmark without it",
            )
        boxes = self.file.boxes.model_copy(update={"answers": answers})
        return Benchmark(self.file.model_copy(update={"boxes": boxes}), self.path)

    def resolved(self) -> dict[str, Any]:
        """The whole file as JSON, defaults included, as `run.json` keeps it."""
        return self.file.model_dump(mode="json")

    def data_place(self, cache: Path) -> DataPlace:
        """Where the data lies; data that PeakBench renders is made in the cache when it is not there yet.

        Args:
            cache: Where rendered data is kept.
        """
        make = self.file.data.make
        if make is not None:
            return _renderer(make.kind)(make.n, make.seed, cache)
        return self.place_of(self.file.data)

    def data_at_hand(self, cache: Path) -> DataPlace | None:
        """Where the data lies, when it can be read without rendering or fetching it; else None."""
        source = self.file.data
        if source.hub is not None:
            return None
        if source.make is not None:
            place = _rendered_place(source.make, cache)
            return place if place.is_file() else None
        return self.place_of(source)

    def place_of(self, source: DataSource) -> DataPlace:
        """Where a source lies that is not rendered; on the Hub, at the commit that its revision names now.

        Raises:
            BadInputError: If it is on the Hub, which does not tell, or a built-in one whose data is not shipped.
        """
        if source.hub is not None:
            return pinned(source.hub)
        assert source.path is not None, "a source that is not rendered is a path or on the Hub"
        path = self.path.parent / source.path
        if self.path.parent == _BUILTIN and not path.exists():
            raise BadInputError(
                f"the data of {self.name} is not shipped with PeakBench",
                mend=f"name a benchmark file of your own, with `extends: {self.path.stem}` and "
                f"`data: {{path: …/{source.path}}}`; or give a single run its place: --data PATH",
            )
        return path

    def samples(self, data: DataPlace, cache: Path, *, skip_bad: bool = False) -> tuple[list[Sample], list[Finding]]:
        """All samples as a list, in the data's order, and the rows that were left out (the first thousand).

        Args:
            data: Where the data lies.
            cache: Where images are kept that the data holds as bytes.
            skip_bad: Leave bad rows out instead of refusing the data.

        Raises:
            BadInputError: If a row cannot be used.
        """
        with self.reading(data, cache, skip_bad=skip_bad) as read:
            return list(read.samples), list(read.findings)

    @contextmanager
    def reading(self, data: DataPlace, cache: Path, *, skip_bad: bool = False) -> Iterator[Reading]:
        """Read and check all data once; inside the block its samples are at hand, on disk and in flat memory.

        Args:
            data: Where the data lies.
            cache: Where images are kept that the data holds as bytes.
            skip_bad: Leave bad rows out instead of refusing the data.

        Raises:
            BadInputError: If a row cannot be used; the message names line and sample of each.
            InfrastructureError: If the disk refuses.
        """
        with temporary_files():
            temporary = TemporaryDirectory(prefix="peakbench-samples-")
        with temporary as folder:
            yield keep_samples(self.each_sample(data, cache), data, Path(folder) / "samples.jsonl", skip_bad=skip_bad)

    def each_sample(self, data: DataPlace, cache: Path) -> Iterator[Sample | Finding]:
        """Samples one by one, in flat memory; a bad row comes as a finding."""
        return iter_samples(self.file, data, cache / "images")


def _renderer(kind: str) -> Callable[[int, int, Path], Path]:
    if kind == "defects":
        from peakbench.benchmarks.defects import defects_from_cache

        return defects_from_cache
    from peakbench.benchmarks.garments import garments_from_cache

    return garments_from_cache


def _rendered_place(make: MadeData, cache: Path) -> Path:
    """Where rendered data is kept, whether it is there or not."""
    if make.kind == "defects":
        from peakbench.benchmarks.defects.making import cached_defects

        return cached_defects(make.n, make.seed, cache)
    from peakbench.benchmarks.garments.making import cached_garments

    return cached_garments(make.n, make.seed, cache)


def builtin_benchmarks() -> list[str]:
    """Names of the benchmarks that come with PeakBench."""
    return sorted(path.stem for path in _BUILTIN.glob("*.yaml"))


def find_benchmark(name: str) -> Benchmark:
    """Find a benchmark: a path of a YAML file, or the name of a built-in one, with or without `@version`.

    Raises:
        BadInputError: If there is none, or its file breaks the format.
    """
    path = Path(name)
    if path.is_dir() and (path / "benchmark.yaml").is_file():
        path = path / "benchmark.yaml"
    if path.suffix in (".yaml", ".yml") or path.is_file():
        return Benchmark(read_benchmark_file(path, _BUILTIN), path.resolve())
    names = builtin_benchmarks()
    stem, _, version = name.partition("@")
    if stem not in names:
        close = difflib.get_close_matches(stem, names, n=1)
        hint = f"did you mean `{close[0]}`? " if close else ""
        raise BadInputError(
            f"no benchmark `{name}`; built in: {', '.join(names)}",
            mend=f"{hint}give one of these names, or the path of a benchmark file (.yaml)",
        )
    path = _BUILTIN / f"{stem}.yaml"
    found = Benchmark(read_benchmark_file(path, _BUILTIN), path)
    if version and version != str(found.file.version):
        raise BadInputError(
            f"no benchmark `{name}`; this PeakBench has {found.name}",
            mend=f"ask for {found.name}, or install the PeakBench that has {name}",
        )
    return found


def draw(n: int, limit: int | None, seed: int) -> list[int] | None:
    """Which of n samples to ask about: places from 0, ascending, drawn without replacement; None for all.

    Data files are often sorted, so the first few would be no fair draw; the same limit and seed give the same samples.
    """
    if limit is None or limit >= n:
        return None
    return sorted(random.Random(seed).sample(range(n), limit))


def cache_folder() -> Path:
    """Where PeakBench keeps what it can make again: `$PEAKBENCH_CACHE`, else `$XDG_CACHE_HOME/peakbench`.

    Raises:
        BadInputError: If neither is set and the user has no home.
    """
    if own := os.environ.get("PEAKBENCH_CACHE"):
        return Path(own)
    if shared := os.environ.get("XDG_CACHE_HOME"):
        return Path(shared) / "peakbench"
    try:
        return Path.home() / ".cache" / "peakbench"
    except RuntimeError as error:  # a user without a home, as in some containers
        raise BadInputError(
            f"there is no cache folder: {error}", mend="name one: PEAKBENCH_CACHE=/some/folder"
        ) from error
