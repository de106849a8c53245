"""One way to turn a value into bytes, so that equal things have equal digests."""

import hashlib
import json
from typing import Any


def canonical_json(value: Any) -> bytes:
    """Encode a JSON value as UTF-8 with sorted keys and no white space; NaN and Infinity are refused.

    Lone surrogates, which UTF-8 cannot hold, are kept as JSON escapes.

    Raises:
        ValueError: If the value holds a number that JSON cannot say.
    """
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def digest(value: Any) -> str:
    """SHA-256 (64 hex digits) of a JSON value's canonical form."""
    return hashlib.sha256(canonical_json(value)).hexdigest()
