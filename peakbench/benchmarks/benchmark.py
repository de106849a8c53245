"""Finding a benchmark by name or path, and its data; drawing the samples to ask about."""

import difflib
import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from peakbench.benchmarks.file import BenchmarkFile, read_benchmark_file
from peakbench.benchmarks.loaders import load_samples
from peakbench.benchmarks.sample import Sample
from peakbench.canonical import digest
from peakbench.errors import BadInputError


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
        """Digest of the field schema with its null words."""
        return digest(self.file.schema_of_fields.model_dump(mode="json"))

    def resolved(self) -> dict[str, Any]:
        """The whole file as JSON, defaults included, as `run.json` keeps it."""
        return self.file.model_dump(mode="json")

    def data_path(self, cache: Path) -> Path:
        """The JSONL file; data that PeakBench renders is made in the cache when it is not there yet.

        Args:
            cache: Where rendered data is kept.
        """
        source = self.file.data
        if source.path is not None:
            return self.path.parent / source.path
        from peakbench.benchmarks.garments import garments_from_cache

        assert source.make is not None
        return garments_from_cache(source.make.n, source.make.seed, cache)

    def samples(self, data: Path, progress: Callable[[int], None] | None = None) -> list[Sample]:
        """All samples, in the data's order.

        Raises:
            BadInputError: If a row cannot be used.
        """
        return load_samples(self.file, data, progress)


def builtin_benchmarks() -> list[str]:
    """Names of the benchmarks that come with PeakBench."""
    folder = resources.files("peakbench.benchmarks") / "builtin"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def find_benchmark(name: str) -> Benchmark:
    """Find a benchmark: a path of a YAML file, or the name of a built-in one, with or without `@version`.

    Raises:
        BadInputError: If there is none, or its file breaks the format.
    """
    path = Path(name)
    if path.is_dir() and (path / "benchmark.yaml").is_file():
        path = path / "benchmark.yaml"
    if path.suffix in (".yaml", ".yml") or path.is_file():
        return Benchmark(read_benchmark_file(path), path.resolve())
    names = builtin_benchmarks()
    stem, _, version = name.partition("@")
    if stem not in names:
        close = difflib.get_close_matches(stem, names, n=1)
        hint = f"did you mean `{close[0]}`? " if close else ""
        raise BadInputError(
            f"no benchmark `{name}`; built in: {', '.join(names)}",
            mend=f"{hint}give one of these names, or the path of a benchmark file (.yaml)",
        )
    path = Path(str(resources.files("peakbench.benchmarks") / "builtin" / f"{stem}.yaml"))
    found = Benchmark(read_benchmark_file(path), path)
    if version and version != str(found.file.version):
        raise BadInputError(
            f"no benchmark `{name}`; this PeakBench has {found.name}",
            mend=f"ask for {found.name}, or install the PeakBench that has {name}",
        )
    return found


def draw_samples(samples: Sequence[Sample], limit: int | None, seed: int) -> list[Sample]:
    """The samples to ask about: all, or `limit` of them drawn without replacement, in the data's order.

    Data files are often sorted, so the first few would be no fair draw; the same limit and seed give the same samples.
    """
    if limit is None or limit >= len(samples):
        return list(samples)
    chosen = random.Random(seed).sample(range(len(samples)), limit)
    return [samples[index] for index in sorted(chosen)]


def cache_folder() -> Path:
    """Where PeakBench keeps what it can make again: `$PEAKBENCH_CACHE`, else `$XDG_CACHE_HOME/peakbench`."""
    if own := os.environ.get("PEAKBENCH_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "peakbench"
