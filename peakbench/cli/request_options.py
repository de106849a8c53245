"""Options that say what a request holds beside PeakBench's own: read, checked, and kept out of what is printed."""

import json
import re
from collections.abc import Sequence
from typing import Any

from peakbench.errors import BadInputError
from peakbench.redaction import sounds_secret

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VARIABLE = re.compile(r"(?:--serve[-_]option=)?env\.(?P<name>[^=]+)=")
_OURS = frozenset({"authorization", "content-type", "content-length", "host"})


def json_object(option: str, given: str | None) -> dict[str, Any]:
    """The JSON object that an option gives; empty when it is not given.

    Raises:
        BadInputError: If it is none.
    """
    if given is None:
        return {}
    try:
        value = json.loads(given)
    except (ValueError, RecursionError) as error:
        raise BadInputError(
            f"{option} is no JSON: {error}", mend=f"quote it whole: {option} '{{\"top_k\": 1}}'"
        ) from error
    if not isinstance(value, dict):
        raise BadInputError(f"{option} is no JSON object", mend=f"quote it whole: {option} '{{\"top_k\": 1}}'")
    return value


def headers(given: Sequence[str] | None) -> tuple[tuple[str, str], ...]:
    """Names and values of headers.

    Raises:
        BadInputError: If one has not the form `NAME: VALUE`, or is PeakBench's own. Values are not shown.
    """
    found = []
    for position, text in enumerate(given or (), start=1):
        name, colon, value = text.partition(":")
        value = value.strip()
        if not colon or not _NAME.fullmatch(name.strip()) or not (value.isascii() and value.isprintable() and value):
            raise BadInputError(f"--header number {position} has not the form `NAME: VALUE`", mend="mend it")
        if name.strip().lower() in _OURS:
            raise BadInputError(
                f"--header {name.strip()} is what PeakBench sends itself",
                mend="a key is read from the environment (--api-key-env)",
            )
        found.append((name.strip(), value))
    return tuple(found)


def without_values(words: Sequence[str]) -> list[str]:
    """A command line without the values of its headers, and of its servers' variables that sound secret."""
    shown = []
    hidden = False
    for word in words:
        variable = _VARIABLE.match(word)
        if hidden:
            shown.append(f"{word.partition(':')[0]}: …")
        elif variable and sounds_secret(variable["name"]):
            shown.append(f"{variable[0]}…")
        elif word.startswith("--header="):
            shown.append(f"--header={word.removeprefix('--header=').partition(':')[0]}: …")
        else:
            shown.append(word)
        hidden = word == "--header"
    return shown
