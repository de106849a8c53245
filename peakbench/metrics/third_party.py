"""Metrics of other people: from what a registry file names as an `implementation` to the class that computes.

Importing a module runs it, and a file that came from elsewhere must not make that happen. So a file may name:

    peakbench.metrics.text:RougeL       a class of PeakBench: always
    entry-point:NAME                    an entry point in the group `peakbench.metrics` of an installed package: always,
                                        since the person installed it
    module:Class                        any other module: only where code is allowed
    ./metrics/mine/metric.py:Class      a file below the registry file's folder: only where code is allowed
"""

import hashlib
import importlib
import importlib.util
import inspect
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from peakbench.errors import BadInputError

ENTRY_POINT_GROUP = "peakbench.metrics"
_ENTRY_POINT = "entry-point:"
_DIGITS = 8


def find_implementation(where: str, implementation: str, folder: Path, *, allow_code: bool) -> Any:
    """What an `implementation` names: a class, if the file is right.

    Args:
        where: File and metric, for messages.
        implementation: As it stands in the file.
        folder: Of that file.
        allow_code: Whether modules and files other than PeakBench's own may be imported.

    Raises:
        BadInputError: If it may not be imported, or cannot be.
    """
    where = f"{where}: implementation `{implementation}`"
    if implementation.startswith(_ENTRY_POINT):
        return _of_entry_point(where, implementation.removeprefix(_ENTRY_POINT))
    module, _, name = implementation.rpartition(":")
    own = module.partition(".")[0] == "peakbench"
    if not own and not allow_code:
        raise BadInputError(
            f"{where} is code that is not PeakBench's own",
            mend="look at that code; if you trust it, give --allow-code",
        )
    try:
        imported = _import_file(folder, module) if module.startswith("./") else importlib.import_module(module)
    except BadInputError as error:
        raise BadInputError(f"{where}: {error.message}", mend=error.mend) from error
    except ImportError as error:
        raise BadInputError(
            f"{where} cannot be imported: {error}",
            mend="name a class that is there, as `module:Class`, and install what it imports",
        ) from error
    except (Exception, SystemExit) as error:  # it is another's code: anything may come out
        raise BadInputError(
            f"{where} cannot be imported: {type(error).__name__}: {error}", mend="mend that code"
        ) from error
    found = getattr(imported, name, None)
    if found is None:
        raise BadInputError(
            f"{where} cannot be imported: it has no `{name}`", mend="name a class that is there, as `module:Class`"
        )
    return found


def require_subclass(where: str, implementation: str, found: Any, base: type) -> None:
    """Make sure that an implementation is a whole class of a kind.

    Raises:
        BadInputError: If it is none, or lacks a method.
    """
    where = f"{where}: implementation `{implementation}`"
    if not (isinstance(found, type) and issubclass(found, base)):
        raise BadInputError(f"{where} is no {base.__name__}", mend=f"derive it from {base.__module__}:{base.__name__}")
    lacking = sorted(getattr(found, "__abstractmethods__", ()))
    if lacking:
        raise BadInputError(f"{where} is not whole", mend=f"give it: {', '.join(lacking)}")


def code_digest(implementation: type) -> str | None:
    """Digest (8 hex digits) of the file that a class stands in; None for PeakBench's own, which its version tells."""
    if implementation.__module__.partition(".")[0] == "peakbench":
        return None
    try:
        source = Path(inspect.getfile(implementation)).read_bytes()
    except (OSError, TypeError):
        return "unknown"
    return hashlib.sha256(source).hexdigest()[:_DIGITS]


def _import_file(folder: Path, relative: str) -> Any:
    path = (folder / relative).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise BadInputError(f"it lies outside {folder}", mend="move it inside")
    if not path.is_file():
        raise BadInputError(f"{path} is not there", mend="add it, or mend the path")
    name = f"peakbench_third_party_{hashlib.sha256(str(path).encode()).hexdigest()[:16]}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None, "a .py file has a loader"
    assert spec.loader is not None, "a .py file has a loader"
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickles look their module up there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _of_entry_point(where: str, name: str) -> Any:
    found = entry_points(group=ENTRY_POINT_GROUP, name=name)
    if not found:
        known = sorted(entry_points(group=ENTRY_POINT_GROUP).names)
        raise BadInputError(
            f"{where} is not installed",
            mend=f"install the package that brings it; installed in the group {ENTRY_POINT_GROUP}: "
            f"{', '.join(known) or 'none'}",
        )
    if len({point.value for point in found}) > 1:
        values = ", ".join(sorted(point.value for point in found))
        raise BadInputError(f"{where} is brought by several packages: {values}", mend="uninstall all but one")
    try:
        return next(iter(found)).load()
    except (Exception, SystemExit) as error:  # it is another's code: anything may come out
        raise BadInputError(
            f"{where} cannot be imported: {type(error).__name__}: {error}", mend="mend or update that package"
        ) from error
