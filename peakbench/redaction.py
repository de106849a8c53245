"""Secrets are kept out of what is written and shown: by the names they go by, and by their values."""

import re
from collections.abc import Iterable, Mapping

REDACTED = "[redacted]"
_SECRET_NAME = re.compile(r"key|token$|secret|password|credential|authorization", re.IGNORECASE)
_TOKEN = re.compile(r"\b(?:hf_[A-Za-z0-9]{16,}|sk-[A-Za-z0-9_-]{16,})")
"""How the Hub's tokens and OpenAI's keys look; they are hidden wherever they come from."""
_SHORTEST = 8
"""Shorter values of the environment would be found, and replaced, in every other word."""


def sounds_secret(name: str) -> bool:
    """Whether a name sounds like that of a secret."""
    return _SECRET_NAME.search(name) is not None


def secret_values(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The values of an environment whose names sound secret."""
    return tuple(value for name, value in environment.items() if sounds_secret(name) and len(value) >= _SHORTEST)


def hide(text: str, secrets: Iterable[str]) -> str:
    """The text without the secrets, and without anything that looks like a token."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):  # one may hold another
        text = text.replace(secret, REDACTED)
    return _TOKEN.sub(REDACTED, text)
