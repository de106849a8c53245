"""Runs on disk, as objects and frames for people who go on in Python. Nothing is asked and nothing is written."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from peakbench.benchmarks.benchmark import Benchmark
from peakbench.benchmarks.file import BenchmarkFile
from peakbench.benchmarks.sample import Sample
from peakbench.benchmarks.values import without_surrogates
from peakbench.errors import BadInputError
from peakbench.jobs.answers import result_of, results_lines
from peakbench.jobs.reading import read_samples
from peakbench.metrics.answers import extractor
from peakbench.metrics.registry import Registry
from peakbench.runs.folder import RunFolder, find_runs
from peakbench.runs.manifest import RunManifest
from peakbench.runs.records import Record, Response
from peakbench.runs.results import MetricResult, Results
from peakbench.runs.scores import read_scores
from peakbench.statistics.frames import results_frame, scores_frame
from peakbench.terminal import printable

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False, eq=False)
class LoadedRun:
    """A run of a model, or a floor. Printed, it says what it is and what it scored.

    Attributes:
        path: The run folder.
        manifest: `run.json`: what was asked of whom, with what.
    """

    path: Path
    manifest: RunManifest

    @property
    def model(self) -> str:
        """The served name; `floor/…` for a floor."""
        return self.manifest.identity.model

    @cached_property
    def benchmark(self) -> Benchmark:
        """The benchmark as it was when it was asked."""
        return Benchmark(BenchmarkFile.model_validate(self.manifest.benchmark), Path(self.manifest.benchmark_path))

    @property
    def scored(self) -> bool:
        """Whether the run has results."""
        return self._folder.results_path.is_file()

    @cached_property
    def results(self) -> Results:
        """`results.json`: values with intervals, counts, performance.

        Raises:
            BadInputError: If the run was not scored yet.
        """
        self._require_scores()
        return self._folder.read_results()

    def __getitem__(self, metric: str) -> MetricResult:
        """A metric's result.

        Raises:
            KeyError: If it was not scored; the message says which ones were.
            BadInputError: If nothing was scored yet.
        """
        return result_of(self.results.metrics, metric)

    def __iter__(self) -> Iterator[str]:
        return iter(self.results.metrics)

    def frame(self, *, slices: bool = False) -> "pd.DataFrame":
        """The results as a frame; see `peakbench.statistics.frames.results_frame`.

        Raises:
            BadInputError: If the run was not scored yet.
        """
        return results_frame(self.results.metrics, slices=slices)

    def scores(self) -> "pd.DataFrame":
        """A row a sample × repeat × metric × slice; see `peakbench.statistics.frames.scores_frame`.

        Raises:
            BadInputError: If the run was not scored yet.
        """
        self._require_scores()
        return scores_frame(read_scores(self._folder.scores_path))

    def samples(self) -> list[Sample]:
        """The samples that were asked about, read from the data again.

        Raises:
            BadInputError: If the data is gone or no longer the same.
        """
        with read_samples(self._folder, self.manifest, self.benchmark) as samples:
            return list(samples)

    def records(self) -> Iterator[Record]:
        """What came back for each sample and repeat, in the order of the journal: a response or a typed failure.

        Raises:
            BadInputError: If there is no journal, or it is damaged.
        """
        with self._folder.journal() as journal:
            yield from journal.records()

    def responses(self) -> "pd.DataFrame":
        """What came back as a frame: a row a sample × repeat.

        Returns:
            Columns `sample_id`, `repeat`, `text` (missing for a failure; raw but for halves of characters, which no
            frame can hold and `records` gives as they came), `reasoning`, `finish_reason`, `error` (the kind of the
            failure; missing for a response), `message` (of the failure), `e2el_ms`, `prompt_tokens`,
            `completion_tokens`.
        """
        import pandas as pd

        types = {
            **{"sample_id": "str", "repeat": "int64", "text": "str", "reasoning": "str", "finish_reason": "str"},
            **{"error": "str", "message": "str", "e2el_ms": "float64"},
            **{"prompt_tokens": "Int64", "completion_tokens": "Int64"},
        }
        rows = []
        for record in self.records():
            row = {"sample_id": record.sample_id, "repeat": record.repeat, "e2el_ms": record.timing.e2el_ms}
            if isinstance(record, Response):
                row |= {"text": record.text, "reasoning": record.reasoning, "finish_reason": record.finish_reason}
                row |= {"prompt_tokens": record.usage.prompt_tokens}
                row |= {"completion_tokens": record.usage.completion_tokens}
            else:
                row |= {"error": str(record.kind), "message": record.message}
            rows.append({name: without_surrogates(one) if isinstance(one, str) else one for name, one in row.items()})
        return pd.DataFrame(rows, columns=list(types)).astype(types)

    def predictions(self, registry: Registry | None = None) -> "pd.DataFrame":
        """What was extracted from the responses, done again: a row a sample × repeat.

        Args:
            registry: Its limits hold; that of the metrics that come with PeakBench when not given.

        Returns:
            Columns `sample_id`, `repeat`, `level` (`strict`, `extracted`, `repaired`, `none`; missing for a failure),
            `value` (the JSON that is scored, or the text; None where there is none), `flags` (a tuple of what was
            noticed), `oversize`.
        """
        import pandas as pd

        predict = extractor(self.benchmark.file, registry if registry is not None else Registry.load())
        rows = []
        for record in self.records():
            made = predict(record)
            found = (None, None, (), False) if made is None else (made.level, made.value, made.flags, made.oversize)
            rows.append((record.sample_id, record.repeat, *found))
        frame = pd.DataFrame(rows, columns=["sample_id", "repeat", "level", "value", "flags", "oversize"], dtype=object)
        return frame.astype({"sample_id": "str", "repeat": "int64", "level": "str", "oversize": "bool"})

    def __repr__(self) -> str:
        head = f"{self.model} on {self.manifest.identity.benchmark}, {self.manifest.data.n} samples ({self.path})"
        return "\n".join(
            [printable(head), *(results_lines(self.results.metrics) if self.scored else ["  not scored yet"])]
        )

    @property
    def _folder(self) -> RunFolder:
        return RunFolder(self.path)

    def _require_scores(self) -> None:
        if not self.scored:
            unfinished = self.manifest.finished is None
            raise BadInputError(
                f"{self.path} was not scored yet" + (": it is unfinished" if unfinished else ""),
                mend="go on with the command that began it, and --resume"
                if unfinished
                else f"score it: peakbench score {self.path}",
            )


def load_run(path: str | Path) -> LoadedRun:
    """Load a run, or a floor, from its folder.

    Args:
        path: The run folder, or a folder that holds exactly one run.

    Raises:
        BadInputError: If there is no run, or more than one, or `run.json` is of another format.

    >>> import peakbench
    >>> run = peakbench.load_run(run_folder)
    >>> run.model
    'constant-null'
    >>> run["weighted_score"].n
    6
    >>> run.responses()["finish_reason"].unique().tolist()
    ['stop']
    >>> run.scores().query("metric == 'weighted_score' and slice == ''")["value"].tolist()
    [1.0, 0.0, 1.0, 0.0, 1.0, 0.0]
    """
    runs = load_runs(path)
    if len(runs) > 1:
        raise BadInputError(
            f"{path} holds {len(runs)} runs", mend="name one of them, or load them all: peakbench.load_runs(…)"
        )
    return runs[0]


def load_runs(root: str | Path) -> list[LoadedRun]:
    """Load every run and floor in a folder, and in the folders in it, oldest first.

    Raises:
        BadInputError: If there is none, or a `run.json` is of another format.
    """
    return [LoadedRun(folder.path, folder.read_manifest()) for folder in find_runs([Path(root)])]
