"""Reading a registry file: `peakbench_metrics.json`, or a file that extends it.

A file with the key `extends` says only what is new or different. It is laid over the file that it extends: entries are
found by id, a key that is given takes the place of the other file's, `parameters` name by name. The outcome is a whole
registry file, checked like one that was written whole.

A parameter that the code does not read from the file is refused: it would change the signature, and no number.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from peakbench.content import content_root
from peakbench.errors import BadInputError
from peakbench.metrics.definitions import EntryChange, RegistryExtension, RegistryFile
from peakbench.strict import validation_message

CANONICAL = "canonical"
"""The name under which the file that comes with PeakBench is extended."""
_PLACED = ("card", "golden", "implementation")
"""Keys whose paths are relative to the file in which they stand."""


@dataclass(frozen=True, slots=True)
class RegistrySource:
    """A registry file, whole and valid, and where its parts came from.

    Attributes:
        file: What it says.
        path: The file that was read.
        folders: (Id, key) to the folder that the paths of this key are relative to.
        base: The folder for everything else: that of the file at the bottom.
    """

    file: RegistryFile
    path: Path
    folders: Mapping[tuple[str, str], Path]
    base: Path

    def folder(self, identifier: str, key: str) -> Path:
        """The folder to which the paths of an entry's key (`card`, `golden`, `implementation`) are relative."""
        return self.folders.get((identifier, key), self.base)


def canonical_path() -> Path:
    """The registry file that comes with PeakBench."""
    return content_root() / "peakbench_metrics.json"


def read_registry_file(path: Path) -> RegistrySource:
    """Read and validate a registry file, with what it extends.

    Whether the files and classes it names are there is not looked at.

    Raises:
        BadInputError: If a file is not there, is no JSON, breaks the format or extends itself; the message names the
            metric and the key.
    """
    above: list[tuple[Path, RegistryExtension]] = []
    seen = {path.resolve()}
    raw = _read_json(path)
    bottom = path
    while isinstance(raw, dict) and "extends" in raw:
        try:
            extension = RegistryExtension.model_validate(raw)
        except ValidationError as error:
            raise BadInputError(_told(bottom, error, raw), mend="mend the entry that is named") from error
        above.append((bottom, extension))
        bottom = canonical_path() if extension.extends == CANONICAL else bottom.parent / extension.extends
        if bottom.resolve() in seen:
            raise BadInputError(f"{above[-1][0]}: it extends itself, through {bottom}", mend="take `extends` away")
        seen.add(bottom.resolve())
        raw = _read_json(bottom)
    whole = _validated(bottom, raw)
    folders: dict[tuple[str, str], Path] = {}
    for place, extension in reversed(above):
        raw = whole.model_dump(mode="json")
        _lay_over(raw, extension, place, folders)
        whole = _validated(place, raw)
    return RegistrySource(whole, path, folders, bottom.parent)


def _lay_over(
    raw: dict[str, Any], extension: RegistryExtension, path: Path, folders: dict[tuple[str, str], Path]
) -> None:
    """Change a whole registry file, in place, by what a file says that extends it."""
    for key in ("conventions", "json_extraction", "comparators"):
        raw[key] |= getattr(extension, key)
    if extension.null_values is not None:
        raw["null_values"] = extension.null_values
    floors = {floor["id"]: floor for floor in raw["floors"]}
    raw["floors"] = list((floors | {floor.id: floor.model_dump() for floor in extension.floors}).values())
    for name, change in extension.components.items():
        raw["components"][name] = _changed(raw["components"].get(name, {}), change, f"{path}: component `{name}`")
        _note_places(name, change, path, folders)
    for key, entries in (("metrics", extension.metrics), ("composites", extension.composites)):
        by_id = {entry["id"]: entry for entry in raw[key]}
        doubled = [name for name, count in Counter(entry.id for entry in entries).items() if count > 1]
        if doubled:
            raise BadInputError(f"{path}: {key}: `{doubled[0]}` is there twice", mend="make one entry of the two")
        for entry in entries:
            given = dict(entry.model_extra or {})
            if entry.remove:
                _remove(by_id, entry, given, f"{path}: {key}")
            else:
                where = f"{path}: {key.removesuffix('s')} `{entry.id}`"
                by_id[entry.id] = _changed(by_id.get(entry.id, {}), {"id": entry.id, **given}, where)
                _note_places(entry.id, given, path, folders)
        raw[key] = list(by_id.values())


def _changed(entry: Mapping[str, Any], change: Mapping[str, Any], where: str) -> dict[str, Any]:
    """An entry with the keys given in the place of its own; parameters name by name."""
    changed = {**entry, **change}
    if isinstance(change.get("parameters"), dict):
        changed["parameters"] = {**entry.get("parameters", {}), **change["parameters"]}
    if entry and "implementation" not in change and isinstance(changed["parameters"], dict):
        free = entry["adjustable"]
        pinned = [
            name
            for name, value in changed["parameters"].items()
            if name not in free and not (name in entry["parameters"] and entry["parameters"][name] == value)
        ]
        if pinned or "adjustable" in change:
            what = f"the parameter `{pinned[0]}` is" if pinned else "what is adjustable is"
            raise BadInputError(
                f"{where}: {what} laid down by the code; adjustable here: {', '.join(free) or 'nothing'}",
                mend="take it out, or give an implementation of your own",
            )
    return changed


def _note_places(identifier: str, given: Mapping[str, Any], path: Path, folders: dict[tuple[str, str], Path]) -> None:
    folders.update({(identifier, key): path.parent for key in _PLACED if key in given})


def _remove(by_id: dict[str, Any], entry: EntryChange, given: Mapping[str, Any], where: str) -> None:
    if given:
        raise BadInputError(
            f"{where}: `{entry.id}` is removed and given at once", mend="give `id` and `remove`, nothing else"
        )
    if by_id.pop(entry.id, None) is None:
        raise BadInputError(
            f"{where}: `{entry.id}` is removed, but not there", mend=f"one of: {', '.join(by_id) or 'none'}"
        )


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"), parse_constant=_refuse_constant)
    except OSError as error:
        raise BadInputError(f"{path}: {error.strerror}", mend="check the path") from error
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{path} is no JSON: {error}", mend="mend the file at the place named") from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"it holds {name}, which JSON has no number for")


def _validated(path: Path, raw: Any) -> RegistryFile:
    try:
        return RegistryFile.model_validate(raw)
    except ValidationError as error:
        raise BadInputError(_told(path, error, raw), mend="mend the entry that is named") from error


def _told(path: Path, error: ValidationError, raw: Any) -> str:
    """What a validation found, with the ids of entries in the place of their positions in the list."""
    message = validation_message(path, error)
    for key, one in (("metrics", "metric"), ("composites", "composite")):
        entries = raw.get(key) if isinstance(raw, dict) else None
        for position, entry in enumerate(entries if isinstance(entries, list) else []):
            if isinstance(entry, dict) and isinstance(entry.get("id"), str):
                message = message.replace(f" {key}.{position}.", f" {one} `{entry['id']}`: ")
                message = message.replace(f" {key}.{position}:", f" {one} `{entry['id']}`:")
    return message
