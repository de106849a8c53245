"""Secrets are kept out of what is written and shown: by the names they go by, and by their values."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import unquote

REDACTED = "[redacted]"
_SECRET_NAME = re.compile(r"key|token$|secret|password|credential|authorization", re.IGNORECASE)
_TOKEN = re.compile(r"\b(?:hf_[A-Za-z0-9]{16,}|sk-[A-Za-z0-9_-]{16,})")
"""How the Hub's tokens and OpenAI's keys look; they are hidden wherever they come from."""
_PARAMETER = re.compile(r"(?:[?&;#]|\\u0026)([\w.~%\[\]-]+)=")
"""Where the value of a parameter of a URL begins, in any text; `&` may be written as HTML or JSON writes it."""
_END_OF_VALUE = re.compile(r"[\s&#\"'`<>\\]|$")
_SECRET_PARAMETER = re.compile(
    r"token|signature|passw|hmac|hdn(?:ea|ts)$|(?:^|[-_.])(?:auth|jwt|pass|policy|pwd|sas|session|sig)$", re.IGNORECASE
)
"""By what names parameters of signed URLs go beside those that sound secret anywhere: clouds, delivery networks."""
_SHORTEST = 8
"""Shorter values of the environment would be found, and replaced, in every other word."""
_SHORTEST_GIVEN = 4
"""The same of values that a person gave for this command."""


def sounds_secret(name: str) -> bool:
    """Whether a name sounds like that of a secret."""
    return _SECRET_NAME.search(name) is not None


def secret_values(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The values of an environment whose names sound secret."""
    return tuple(value for name, value in environment.items() if sounds_secret(name) and len(value) >= _SHORTEST)


def with_secrets_replaced(value: Any, by: Callable[[str], str], name: str = "") -> Any:
    """The same JSON value with something else in the place of every text whose key, or one above it, sounds secret.

    Args:
        value: The value.
        by: Gives what stands in the place of a text.
        name: The key it stands under.
    """
    if isinstance(value, Mapping):
        secret = sounds_secret(name)
        return {key: with_secrets_replaced(each, by, name if secret else str(key)) for key, each in value.items()}
    if isinstance(value, list):
        return [with_secrets_replaced(each, by, name) for each in value]
    return by(value) if isinstance(value, str) and sounds_secret(name) else value


def secrets_in(value: Any) -> tuple[str, ...]:
    """The texts of a JSON value whose key, or one above it, sounds secret."""
    found: list[str] = []

    def note(text: str) -> str:
        if len(text) >= _SHORTEST_GIVEN:
            found.append(text)
        return text

    with_secrets_replaced(value, note)
    return tuple(found)


def hide(text: str, secrets: Iterable[str]) -> str:
    """The text without the secrets, and without anything that looks like a token."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):  # one may hold another
        text = text.replace(secret, REDACTED)
    return _TOKEN.sub(REDACTED, text)


def hide_in_urls(text: str) -> str:
    """The text without the values of parameters of URLs that let their bearer in: signatures, keys, tokens.

    What else stands in a URL stays, so that a person can tell which one it is.

    >>> hide_in_urls("https://example.org/a.png?width=80&X-Amz-Signature=5e0f&v=2")
    'https://example.org/a.png?width=80&X-Amz-Signature=[redacted]&v=2'
    """
    parts, shown_to = [], 0
    for found in _PARAMETER.finditer(text):
        name = unquote(found[1])
        if found.start() < shown_to or not (sounds_secret(name) or _SECRET_PARAMETER.search(name)):
            continue
        end = _END_OF_VALUE.search(text, found.end())
        parts += [text[shown_to : found.end()], REDACTED]
        shown_to = end.start() if end else len(text)
    return hide("".join([*parts, text[shown_to:]]), ())
