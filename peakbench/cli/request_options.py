"""Options whose text is read and checked: what a request holds beside PeakBench's own, and how many go at once."""

import json
import os
import re
from collections.abc import Sequence
from typing import Any

from peakbench.errors import BadInputError
from peakbench.redaction import sounds_secret, with_secrets_replaced

_TEMPLATE = "chat_template_kwargs"
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VARIABLE = re.compile(r"(?:--serve[-_]option=)?env\.(?P<name>[^=]+)=")
_ADDING = ("--extra-body", "--extra_body", "--chat-template-kwargs", "--chat_template_kwargs")
_ADDED = re.compile(rf"(?P<option>{'|'.join(_ADDING)})=(?P<value>.*)", re.DOTALL)
_FROM_ENVIRONMENT = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}")
_OURS = frozenset(
    {"authorization", "content-type", "content-length", "host", "transfer-encoding", "connection", "accept-encoding"}
)


def added_keys(extra_body: str | None, chat_template_kwargs: str | None) -> dict[str, Any]:
    """What `--extra-body` and `--chat-template-kwargs` add to every request.

    Raises:
        BadInputError: If one is no JSON object, or both say what the template is given.
    """
    body = _json_object("--extra-body", extra_body, '{"top_k": 1}')
    keywords = _json_object("--chat-template-kwargs", chat_template_kwargs, '{"enable_thinking": false}')
    if keywords and _TEMPLATE in body:
        raise BadInputError(
            f"--extra-body holds {_TEMPLATE}, and --chat-template-kwargs is given, too", mend="give one of the two"
        )
    return {**body, _TEMPLATE: keywords} if keywords else body


def _json_object(option: str, given: str | None, example: str) -> dict[str, Any]:
    """The JSON object that an option gives; empty when it is not given.

    Raises:
        BadInputError: If it is none.
    """
    if given is None:
        return {}
    mend = f"quote it whole: {option} '{example}'"
    try:
        value = json.loads(given, object_pairs_hook=_keys_once)
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{option} is no JSON: {error}", mend=mend) from error
    if not isinstance(value, dict):
        raise BadInputError(f"{option} is no JSON object", mend=mend)
    return value


def _keys_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of which no key is given twice: of two, one would be dropped without a word.

    Raises:
        ValueError: If one is.
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} is given twice")
    return found


def headers(given: Sequence[str] | None) -> tuple[tuple[str, str], ...]:
    """Names and values of headers.

    Args:
        given: Each `NAME: VALUE`; a value `${VARIABLE}` is that of an environment variable, which no list of processes
            shows.

    Raises:
        BadInputError: If one has another form, or is PeakBench's own, or its variable is not set. Values are not shown.
    """
    found: list[tuple[str, str]] = []
    for position, text in enumerate(given or (), start=1):
        name, colon, value = text.partition(":")
        value = value.strip()
        if variable := _FROM_ENVIRONMENT.fullmatch(value):
            value = os.environ.get(variable["name"], "").strip()
            if not value:
                raise BadInputError(
                    f"--header number {position}: the environment variable {variable['name']} is not set",
                    mend="set it, or give the value itself",
                )
        if not colon or not _NAME.fullmatch(name.strip()) or not (value.isascii() and value.isprintable() and value):
            raise BadInputError(f"--header number {position} has not the form `NAME: VALUE`", mend="mend it")
        if name.strip().lower() in _OURS:
            raise BadInputError(
                f"--header {name.strip()} is what PeakBench sends itself",
                mend="a key is read from the environment (--api-key-env)",
            )
        if name.strip().lower() in (before.lower() for before, _ in found):
            raise BadInputError(f"--header {name.strip()} is given twice", mend="give each header once")
        found.append((name.strip(), value))
    return tuple(found)


def without_values(words: Sequence[str]) -> list[str]:
    """A command line without the values of its headers, and of added keys and servers' variables that sound secret."""
    shown = []
    hidden = False
    before = ""
    for word in words:
        variable, added = _VARIABLE.match(word), _ADDED.fullmatch(word)
        if hidden:
            shown.append(_without_value(word))
        elif before in _ADDING:
            shown.append(_without_secrets(word))
        elif added:
            shown.append(f"{added['option']}={_without_secrets(added['value'])}")
        elif variable and sounds_secret(variable["name"]):
            shown.append(f"{variable[0]}…")
        elif word.startswith("--header="):
            shown.append(f"--header={_without_value(word.removeprefix('--header='))}")
        else:
            shown.append(word)
        hidden = word == "--header"
        before = word
    return shown


def _without_value(header: str) -> str:
    """A header without its value, unless that is the name of a variable."""
    name, _, value = header.partition(":")
    return header if _FROM_ENVIRONMENT.fullmatch(value.strip()) else f"{name}: …"


def _without_secrets(text: str) -> str:
    """A JSON object as it was typed, unless it holds secrets."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    plain = with_secrets_replaced(value, lambda _: "…")
    return text if plain == value else json.dumps(plain, ensure_ascii=False)
