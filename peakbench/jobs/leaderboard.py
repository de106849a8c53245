"""From run folders to a board: pick the runs that stand on it, have the floors beside them, build and write it."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from peakbench.benchmarks.benchmark import Benchmark
from peakbench.benchmarks.file import BenchmarkFile
from peakbench.errors import BadInputError, NotComparableError
from peakbench.jobs.floors import ensure_floors
from peakbench.jobs.reading import read_samples
from peakbench.jobs.score import score_run
from peakbench.leaderboards.board import build_board
from peakbench.leaderboards.entries import BoardEntry, newest_entries, read_entry
from peakbench.leaderboards.reported import ReportedTable
from peakbench.leaderboards.rows import Board, ReferenceLine
from peakbench.metrics.registry import Registry
from peakbench.runs.folder import RunFolder, find_runs


def make_boards(
    places: Sequence[Path],
    registry: Registry,
    max_error_rate: float = 0.01,
    say: Callable[[str], None] = lambda _: None,
    reported: Sequence[ReportedTable] = (),
) -> list[Board]:
    """Build a board for each benchmark found in the places given.

    A model that was run more than once stands with its newest finished run. Floors that are missing are made, from
    the data that the runs name.

    Args:
        places: Run folders, or folders that hold some.
        registry: The metrics.
        max_error_rate: Share of failed samples above which a model is not ranked.
        say: Called with a line for the person about each run that is left out.
        reported: What others report, each to stand below the board of its benchmark; below the only board there is,
            whatever it was measured on.

    Raises:
        BadInputError: If no finished run is found, or none of several boards is of a benchmark that is reported about.
        NotComparableError: If runs of one benchmark differ in data, prompt, samples or metrics.
    """
    runs = find_runs(places)
    entries = [entry for run in runs if (entry := _entry(run, registry, say))]
    if not entries:
        raise BadInputError(
            f"{len(runs)} run folders, but no finished run of a model",
            mend="go on with an unfinished one (`peakbench run … --resume`), or make one with `peakbench run`",
        )
    newest = newest_entries(entries)
    boards, names = [], []
    for benchmark in dict.fromkeys(entry.results.benchmark for entry in newest):  # in the order of their first runs
        chosen = [entry for entry in newest if entry.results.benchmark == benchmark]
        _require_same_data(chosen)
        floors = [read_entry(floor.path) for floor in _floors(chosen[0], registry)]
        lines = _reference_lines(RunFolder(chosen[0].facts.folder))
        boards.append(build_board([*chosen, *floors], registry.definitions, max_error_rate, reference_lines=lines))
        names.append(_benchmark_names(RunFolder(chosen[0].facts.folder)))
    return _with_reported(boards, names, reported)


def _benchmark_names(run: RunFolder) -> set[str]:
    """What others may call a run's benchmark: its id, with or without version, or its data set on the Hub."""
    file = BenchmarkFile.model_validate(run.read_manifest().benchmark)
    return {file.id, file.name, *([file.data.hub.repo] if file.data.hub else [])}


def _with_reported(boards: list[Board], names: list[set[str]], reported: Sequence[ReportedTable]) -> list[Board]:
    """The boards, each with what is reported about its benchmark."""
    sections: list[list[ReportedTable]] = [[] for _ in boards]
    for table in reported:
        place = next((place for place, known in enumerate(names) if table.benchmark in known), None)
        if place is None and len(boards) > 1:
            raise BadInputError(
                f"what is reported is about {table.benchmark}, and these are the boards of "
                f"{', '.join(board.benchmark for board in boards)}",
                mend="name the runs of one benchmark alone, below whose board it is to stand",
            )
        sections[place or 0].append(table)
    return [board.model_copy(update={"reported": some}) for board, some in zip(boards, sections, strict=True)]


def boards_of_sweep(runs: Sequence[RunFolder], registry: Registry, max_error_rate: float = 0.01) -> list[Board]:
    """Boards of the runs of one sweep: runs over different samples, as by other limits, stand on boards of their own.

    Args:
        runs: Finished, scored runs.
        registry: The metrics.
        max_error_rate: Share of failed samples above which a model is not ranked.
    """
    groups: dict[tuple[tuple[str, str], ...], list[Path]] = {}
    for run in runs:
        groups.setdefault(tuple(sorted(run.read_results().comparable.items())), []).append(run.path)
    return [board for paths in groups.values() for board in make_boards(paths, registry, max_error_rate)]


def _reference_lines(run: RunFolder) -> list[ReferenceLine]:
    """The values to compare with that the run's benchmark declares."""
    declared = BenchmarkFile.model_validate(run.read_manifest().benchmark).reference_lines
    return [ReferenceLine(line.name, line.metric, line.value, line.slice, line.note) for line in declared]


def _entry(run: RunFolder, registry: Registry, say: Callable[[str], None]) -> BoardEntry | None:
    """A finished run of a model, scored if it was not yet."""
    manifest = run.read_manifest()
    if manifest.identity.kind != "run":
        return None
    if manifest.finished is None:
        say(f"left out, for it is unfinished: {run.path}")
        return None
    if not run.results_path.is_file():
        with run.lock():
            score_run(run, registry)
    return read_entry(run.path)


def _require_same_data(entries: Sequence[BoardEntry]) -> None:
    """Refuse runs over different samples before floors are made for some of them."""
    groups: dict[str, list[str]] = {}
    for entry in entries:
        groups.setdefault(entry.results.comparable["data"], []).append(str(entry.facts.folder))
    if len(groups) > 1:
        told = "\n".join(f"  data {digest[:12]}: {', '.join(paths)}" for digest, paths in groups.items())
        raise NotComparableError(
            f"these runs of {entries[0].results.benchmark} are over different samples:\n{told}",
            mend="name only the run folders that belong together: peakbench leaderboard RUN RUN …",
        )


def _floors(entry: BoardEntry, registry: Registry) -> list[RunFolder]:
    """The floors over a run's samples, made beside it if they are not there."""
    run = RunFolder(entry.facts.folder)
    manifest = run.read_manifest()
    benchmark = Benchmark(BenchmarkFile.model_validate(manifest.benchmark), Path(manifest.benchmark_path))
    with ExitStack() as stack:
        return ensure_floors(
            run.root_of(manifest.identity),
            benchmark,
            manifest.data,
            lambda: stack.enter_context(read_samples(run, manifest, benchmark)),
            registry,
            manifest.identity,
        )
