"""JSON in a text that a model wrote: the lists and objects that stand whole in it, decoded strictly.

The text is hostile. What is broken or cut off is passed over with all that it holds, no character is read more than
twice, depth is limited, and literals that RFC 8259 does not know are refused.
"""

import json
import math
import re
from dataclasses import dataclass
from typing import Any

# Only these brackets can begin JSON; all others fail at once and open no fragment, so the decoder need not be asked.
_OPENING = re.compile(r'\{\s*["}]|\[\s*(?:[\[\]{"\-0-9]|true|false|null)')
_STRING_OR_BRACKET = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[{}\[\]]', re.DOTALL)


class _RefusedError(ValueError):
    """A literal that RFC 8259 does not know: NaN, Infinity, or a number beyond every float."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A JSON list or object that stood in the text, and whether an object in it said a key twice."""

    value: Any
    duplicates: bool


class Decoder:
    """Python's JSON decoder, held to RFC 8259 and to a depth, which notices keys that were said twice."""

    def __init__(self, max_depth: int) -> None:
        self._max_depth = max_depth
        self._duplicates = False
        self._json = json.JSONDecoder(
            parse_constant=_refuse, parse_float=_finite, object_pairs_hook=self._object_of_pairs
        )

    def _object_of_pairs(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        self._duplicates = self._duplicates or len(made) < len(pairs)
        return made

    def decode(self, text: str) -> Decoded | None:
        """Decode a text that is one list or object and nothing else; None where it is none, or is refused."""
        self._duplicates = False
        try:
            value, end = self._json.raw_decode(text)
        except (ValueError, RecursionError):
            # ValueError: no JSON, a refused literal, or an integer longer than Python reads (4300 digits).
            return None
        if end < len(text) or not isinstance(value, dict | list) or not depth_within(value, self._max_depth):
            return None
        return Decoded(value, self._duplicates)


def _refuse(literal: str) -> Any:
    raise _RefusedError(literal)


def _finite(literal: str) -> float:
    number = float(literal)
    if math.isinf(number):
        raise _RefusedError(literal)
    return number


def depth_within(value: Any, max_depth: int) -> bool:
    """Whether lists and objects are nested at most `max_depth` deep; level by level, without recursion."""
    level = [value]
    for _ in range(max_depth):
        level = [
            item
            for outer in level
            if isinstance(outer, dict | list)
            for item in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return True
    return not any(isinstance(item, dict | list) for item in level)


def json_values_in(text: str, decoder: Decoder) -> list[Decoded]:
    """Every list and object that stands in the text outside of broken ones, from left to right."""
    found: list[Decoded] = []
    position = 0
    while opening := _OPENING.search(text, position):
        start, position = opening.start(), _matching_end(text, opening.start())
        # What does not decode is a fragment. The search goes on behind it: no character is read more than twice.
        decoded = decoder.decode(text[start:position])
        if decoded is not None:
            found.append(decoded)
    return found


def _matching_end(text: str, start: int) -> int:
    """Where the bracket at `start` is closed, brackets inside double-quoted strings apart; else the text's end."""
    depth = 0
    for token in _STRING_OR_BRACKET.finditer(text, start):
        if token[0] in ("{", "["):
            depth += 1
        elif token[0] in ("}", "]"):
            depth -= 1
            if depth == 0:
                return token.end()
    return len(text)
