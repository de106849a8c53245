"""How numbers and names are written for people, and made harmless where they are shown.

Inside, everything is a fraction; percent exists only in what these functions return. Names come from people and from
model cards, so each place they are shown in has its own escape: Markdown, CSV; a terminal and a chart take plain text.
"""

import re
import unicodedata

from peakbench.durations import latency

NOTHING = "—"
"""Stands where there is no value."""

NOT_PUBLISHED = "not published"

PERCENT_UNITS = frozenset({"fraction", "probability"})
"""Units that are printed as percent."""

_MARKDOWN = re.compile(r"([\\`*_{}\[\]|~#!$])")
_MENTION = re.compile(r"@(?!\d)")
"""Not the `@` of `benchmark@1`, which is no mention and no address."""

_LINE_START = re.compile(r"^(\d+(?=[.)])|(?=[-+=]))")
"""What would begin a list, a rule or a heading."""
_HARMLESS = {"Cc": " ", "Zl": " ", "Zp": " ", "Cf": "", "Cs": "\ufffd"}
"""What stands for characters of these Unicode categories: controls, line ends, invisible formatting, surrogates."""

_FORMULA_START = ("=", "+", "-", "@", "\t", "\r")


def one_line(text: str, limit: int = 120) -> str:
    """Text without line breaks, control and direction characters, or halves of characters; cut with `…` at `limit`."""
    plain = "".join(_HARMLESS.get(unicodedata.category(char), char) for char in text)
    plain = " ".join(plain.split())
    return plain if len(plain) <= limit else plain[: limit - 1].rstrip() + "…"


def shorten(text: str, limit: int) -> str:
    """Text cut in its middle, since names of models differ at their ends: `org/Model-3…truct-v20`."""
    if len(text) <= limit:
        return text
    tail = (limit - 1) // 2
    return f"{text[: limit - 1 - tail]}…{text[len(text) - tail :]}"


def markdown(text: str) -> str:
    """Text that Markdown shows as it is: no markup, HTML, table cell or link comes of it."""
    escaped = one_line(text, limit=10_000).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    escaped = _MARKDOWN.sub(r"\\\1", escaped)
    escaped = _MENTION.sub("&#64;", escaped.replace("://", "&#58;//").replace("www.", "www&#46;"))
    return _LINE_START.sub(r"\1\\", escaped)


def csv_text(text: str) -> str:
    """Text that no spreadsheet takes for a formula: a leading `=`, `+`, `-` or `@` gets a quote before it."""
    plain = one_line(text, limit=10_000)
    return f"'{plain}" if plain.startswith(_FORMULA_START) else plain


def number(value: float | None, unit: str) -> str:
    """A value without its unit's sign: percent with one decimal, else four significant digits."""
    if value is None:
        return NOTHING
    if unit in PERCENT_UNITS:
        return f"{round(100 * value, 1) + 0.0:.1f}"
    return f"{value:.4g}"


def quantity(value: float | None, unit: str) -> str:
    """A value with its unit's sign, such as `91.2 %`."""
    return NOTHING if value is None else f"{number(value, unit)} {unit_sign(unit)}".rstrip()


def unit_sign(unit: str) -> str:
    """What stands behind a number of this unit."""
    return "%" if unit in PERCENT_UNITS else unit


def distance(one: float, other: float, unit: str) -> str:
    """How far two values of a unit lie apart, as words.

    It is the distance of the values as they are printed, so that a reader who subtracts finds the same; never
    `0.0 points` for a difference that is there.
    """
    if unit not in PERCENT_UNITS:
        return f"{abs(one - other):.3g} {unit}".rstrip()
    points = f"{abs(round(100 * one, 1) - round(100 * other, 1)):.1f}"
    if points == "0.0" and one != other:
        return "less than 0.1 points"
    return f"{points} point{'' if points == '1.0' else 's'}"


def share(count: int, n: int) -> str:
    """A count, with its share of n in percent unless it is none."""
    return f"{count} ({100 * count / n:.1f} %)" if count and n else str(count)


def in_sentence(title: str) -> str:
    """A title as it stands inside a sentence: `weighted score`, but `JSON parse rate`."""
    return title[:1].lower() + title[1:] if title[1:2].islower() else title


def duration(milliseconds: float | None) -> str:
    """A latency; a dash where there is none."""
    return NOTHING if milliseconds is None else latency(milliseconds)


def listing(names: list[str]) -> str:
    """Names as an enumeration: `a`, `a and b`, `a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def plural(count: int, one: str, many: str = "") -> str:
    """`1 sample`, `2 samples`."""
    return f"{count} {one if count == 1 else many or one + 's'}"
