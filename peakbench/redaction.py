"""Secrets are kept out of what is written and shown: by the names they go by, and by their values."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

REDACTED = "[redacted]"
_SECRET_NAME = re.compile(r"key|token$|secret|password|credential|authorization", re.IGNORECASE)
_TOKEN = re.compile(r"\b(?:hf_[A-Za-z0-9]{16,}|sk-[A-Za-z0-9_-]{16,})")
"""How the Hub's tokens and OpenAI's keys look; they are hidden wherever they come from."""
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
