"""What a board is made of: the results of runs, and the facts about them that `run.json` holds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from peakbench.runs.folder import RunFolder
from peakbench.runs.results import Results

if TYPE_CHECKING:
    from peakbench.runs.manifest import RunManifest


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What is known of a run beside its results. None means that nobody published it.

    Attributes:
        run_id: Name of the run.
        folder: Where it lies; for messages only, never written to a board.
        title: What a board calls the model.
        architecture: As the model's author states it, such as `Qwen3-VL`.
        parameters: Such as `4B`.
        training: How it was trained or tuned.
        quantization: Such as `AWQ`.
        hub_id: Repository on the Hugging Face Hub.
        started: When asking began, ISO 8601 in UTC.
        hardware: Of the machine that asked.
        answers: How the server held answers to a schema; `free` for the prompt alone.
        server: The server's name and version.
        note: What else a reader should know; for a floor, what it answers.
        superseded: Earlier runs of the same model that this one stands for.
        variant: What tells it from other runs of the model in one sweep.
    """

    run_id: str
    folder: Path
    title: str
    architecture: str | None = None
    parameters: str | None = None
    training: str | None = None
    quantization: str | None = None
    hub_id: str | None = None
    started: str = ""
    hardware: str | None = None
    answers: str = "free"
    server: str | None = None
    note: str = ""
    superseded: int = 0
    variant: str | None = None


@dataclass(frozen=True, slots=True)
class BoardEntry:
    """One run as a board takes it.

    Attributes:
        results: `results.json`.
        facts: From `run.json`.
    """

    results: Results
    facts: RunFacts


def read_entry(folder: Path) -> BoardEntry:
    """Read a run folder's `results.json` and `run.json`.

    Raises:
        BadInputError: If one of them is missing or of another format; a run that was not scored has no results.
    """
    run = RunFolder(folder)
    return BoardEntry(run.read_results(), _facts(folder, run.read_manifest()))


def newest_entries(entries: Iterable[BoardEntry]) -> list[BoardEntry]:
    """Keep the newest run of each model (and variant, and floor) on each benchmark, and count those it stands for.

    The newest is the one that was started last; among equals the one whose run id sorts last.
    """
    groups: dict[tuple[str, str, str, str | None], list[BoardEntry]] = {}
    for entry in entries:
        key = (entry.results.benchmark, entry.results.kind, entry.results.model, entry.facts.variant)
        groups.setdefault(key, []).append(entry)
    kept = []
    for group in groups.values():
        newest = max(group, key=lambda entry: (entry.facts.started, entry.facts.run_id))
        earlier = sum(entry.facts.superseded for entry in group) + len(group) - 1
        kept.append(replace(newest, facts=replace(newest.facts, superseded=earlier)))
    return kept


def _facts(folder: Path, manifest: "RunManifest") -> RunFacts:
    model = manifest.model
    floor = manifest.identity.kind == "floor"
    last = manifest.sessions[-1] if manifest.sessions else None
    server = None
    if last is not None and last.server.version is not None:
        server = " ".join(part for part in (last.server.owned_by, last.server.version) if part)
    title = model.title or (model.name.rpartition("/")[2] if floor else model.name)
    notes = [manifest.note or model.note or ""]
    if model.boxes is not None:
        notes.append(f"its boxes are read as {model.boxes.order}, {model.boxes.scale}")
    if model.adapter is not None:
        notes.append(f"the adapter {model.adapter} over {model.base or 'a base that is not published'}")
    return RunFacts(
        run_id=manifest.run_id,
        folder=folder,
        title=f"{title} [{manifest.identity.variant}]" if manifest.identity.variant else title,
        architecture=model.architecture,
        parameters=model.parameters,
        training=model.training,
        quantization=model.quantization,
        hub_id=model.hub_id,
        started=manifest.sessions[0].started if manifest.sessions else manifest.created,
        hardware=None if floor else _hardware(manifest.hardware),
        answers=manifest.identity.generation.get("response_format", "free"),
        server=server,
        note="; ".join(filter(None, notes)),
        superseded=0,
        variant=manifest.identity.variant,
    )


def _hardware(facts: Mapping[str, str]) -> str | None:
    """The parts that a reader compares: processors and the like, and the number of cores."""
    parts = [value for key, value in facts.items() if key not in ("cores", "machine", "system") and value != "unknown"]
    cores = facts.get("cores", "unknown")
    return ", ".join([*parts, *([] if cores == "unknown" else [f"{cores} cores"])]) or None
