"""What counts as the same, and what counts as nothing: the one home of every equality that scores depend on.

Two people who write `N/A`, `navy  blue` or `Sleeve-Length` mean what others write as null, `navy blue` and
`sleeve_length`. Which spellings are equal decides every number of a leaderboard, so it is decided here and nowhere
else: the forms in which texts are compared, the rule for null, the names of keys, and what a whole reference is.
"""

import difflib
import json
import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from peakbench.benchmarks.schema import FieldSchema, FieldSpec

_SPACES_AND_HYPHENS = re.compile(r"[\s\-‐‑]+")
_NO_WORD = re.compile(r"[\W_]+")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NUMBER = re.compile(
    r"(?P<sign>[+\-−]?)\s*(?P<digits>\d{1,3}(?:,\d{3})+|\d+)(?P<decimals>\.\d+)?\s*(?P<unit>[^\d\s][^\d,;]*[23]?)?"
)
_UNIT = re.compile(r"\D+|\D*m\^?[23]")
"""The only digits in a unit are the 2 and 3 of m2 and m3."""
_UNIT_SIGNS = "%‰°'\"′″"
_LONGEST_NUMBER = 1000
"""Longest text that is read as a number."""
_SHORT = 200
"""Texts up to this length are normalised as they are: sorting a few marks slowly is fast enough."""

KeyIndex = Mapping[str, str]
"""From a key as it may be written (normalised, aliases too) to the field it names."""


def normalised(form: Literal["NFC", "NFKC"], text: str) -> str:
    """`unicodedata.normalize` in bounded time.

    Python puts the marks on a letter into canonical order by insertion, in a time that grows with the square of their
    number: an answer of nothing but accents would take hours. Here long texts are decomposed and their marks sorted
    beforehand, which is canonically equivalent, so the outcome is the same and Python finds nothing left to move.
    """
    if len(text) <= _SHORT or text.isascii():
        return unicodedata.normalize(form, text)
    decomposition: Literal["NFD", "NFKD"] = "NFD" if form == "NFC" else "NFKD"
    parts = {char: unicodedata.normalize(decomposition, char) for char in set(text)}
    marks = {char for part in parts.values() for char in part if unicodedata.combining(char)}
    if not marks:
        return unicodedata.normalize(form, text)
    apart = "".join(map(parts.__getitem__, text))
    runs = re.compile(f"[{re.escape(''.join(sorted(marks)))}]{{2,}}")
    in_order = runs.sub(lambda run: "".join(sorted(run[0], key=unicodedata.combining)), apart)
    return unicodedata.normalize(form, in_order)


def equality_form(text: str) -> str:
    """NFKC, casefolded, white space collapsed and stripped: texts equal in this form say the same."""
    return " ".join(normalised("NFKC", text).casefold().split())


def wrapper_form(text: str) -> str:
    """NFC and stripped: the form that text similarities see, and in which equal texts score 1 without further ado."""
    return normalised("NFC", text).strip()


def canonical_form(text: str) -> str:
    """NFKC, casefolded, every run of anything but letters and digits one space; the equality form if that is empty.

    So `T-Shirt`, `t_shirt` and `t shirt` are one, while `?` and `!` stay two.
    """
    words = _NO_WORD.sub(" ", normalised("NFKC", text).casefold()).strip()
    return words or equality_form(text)


def scalar_text(value: Any) -> str | None:
    """The text of a JSON value where text is expected: numbers and booleans as JSON (`42.0` is `42`).

    Returns:
        None for a list or an object, which are no text, and for None.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        # Python refuses to print integers of more than 4300 digits; their hexadecimal form is as good for equality.
        return str(value) if value.bit_length() < 4096 else hex(value)
    if isinstance(value, float):
        return repr(value or 0.0).removesuffix(".0")
    return None


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it is read.

    Attributes:
        value: In decimal, as written.
        unit: In equality form, without `^`; empty where there is none.
        currency: A currency sign, before or after the number; empty where there is none.
    """

    value: Decimal
    unit: str = ""
    currency: str = ""


def read_number(value: Any) -> Number | None:
    """Read a number: a JSON number, or a text with an optional currency sign, sign and unit.

    In a text `,` stands between groups of three digits alone, `.` before decimals. Booleans, infinities, and texts of
    any other form are no numbers.

    Returns:
        None for what is no number.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Number(Decimal(value))
    if isinstance(value, float):
        return Number(Decimal(repr(value))) if math.isfinite(value) else None
    return _number_in(value.strip()) if isinstance(value, str) and len(value) <= _LONGEST_NUMBER else None


def _number_in(text: str) -> Number | None:
    currency = text[0] if text and _is_currency(text[0]) else ""
    found = _NUMBER.fullmatch(text[len(currency) :].lstrip())
    if found is None:
        return None
    unit = found["unit"] or ""
    if len(unit) == 1 and _is_currency(unit):
        if currency:
            return None
        currency, unit = unit, ""
    if unit and not (_UNIT.fullmatch(unit) and (unit[0].isalpha() or unit[0] in _UNIT_SIGNS)):
        return None
    sign = "-" if found["sign"] in ("-", "−") else ""
    whole = f"{sign}{found['digits'].replace(',', '')}{found['decimals'] or ''}"
    return Number(Decimal(whole), equality_form(unit).strip(" .").replace("^", ""), equality_form(currency))


def _is_currency(character: str) -> bool:
    return unicodedata.category(character) == "Sc"


def read_boolean(value: Any) -> bool | None:
    """Read a boolean: `true`, `yes`, `1`, or `false`, `no`, `0`, as JSON or in a text; None for all else."""
    text = scalar_text(value)
    if text is None:
        return None
    return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}.get(equality_form(text))


def without_surrogates(text: str) -> str:
    """The text with U+FFFD for every lone surrogate, which no file and no server could take."""
    return _SURROGATE.sub("\ufffd", text)


def null_words(words: Iterable[str]) -> frozenset[str]:
    """The equality forms of words that mean "nothing there", as `is_null` wants them."""
    return frozenset(equality_form(word) for word in words)


def field_null_words(schema: FieldSchema, registry_words: Iterable[str]) -> dict[str, frozenset[str]]:
    """The null words of every field: the registry's, the schema's and the field's own."""
    common = null_words([*registry_words, *schema.null_values])
    return {name: common | null_words(spec.null_values) for name, spec in schema.fields.items()}


def is_null(value: Any, words: frozenset[str]) -> bool:
    """Whether a value says "nothing there".

    Null are None, NaN, an empty list or object, and a string that is one of the words, with or without surrounding
    spaces and full stops. 0, false and `[null]` are not.

    Args:
        value: Any JSON value.
        words: In equality form, as `null_words` gives them.
    """
    if value is None:
        return True
    if isinstance(value, str):
        form = equality_form(value)
        return form in words or form.strip(" .") in words
    if isinstance(value, float):
        return math.isnan(value)
    return isinstance(value, list | tuple | Mapping) and not value


def normalise_key(key: str) -> str:
    """NFKC, casefolded, every run of spaces and hyphens an underscore: `Sleeve-Length` is `sleeve_length`."""
    return _SPACES_AND_HYPHENS.sub("_", normalised("NFKC", key).casefold())


def key_index(fields: Sequence[str], aliases: Mapping[str, Sequence[str]]) -> KeyIndex:
    """Which normalised key names which field; a field's own name goes before any alias, then the first field wins.

    Args:
        fields: Names of the fields.
        aliases: Field to its other names.
    """
    index: dict[str, str] = {}
    for name in fields:
        index.setdefault(normalise_key(name), name)
    for name in fields:
        for alias in aliases.get(name, ()):
            index.setdefault(normalise_key(alias), name)
    return index


def schema_key_index(schema: FieldSchema) -> KeyIndex:
    """`key_index` of a schema's fields and aliases."""
    return key_index(list(schema.fields), {name: spec.aliases for name, spec in schema.fields.items()})


def synonym_heads(spec: FieldSpec) -> dict[str, str]:
    """Canonical form of every head and synonym of a field to that of its head; a head stands for itself.

    Empty for the types that know no synonyms. A word of two heads stands for the first of them.
    """
    if spec.type not in ("categorical", "size", "brand", "semantic"):
        return {}
    heads = {canonical_form(head): canonical_form(head) for head in spec.synonyms}
    for head, words in spec.synonyms.items():
        for word in words:
            heads.setdefault(canonical_form(word), canonical_form(head))
    return heads


def resolve_keys(value: Mapping[str, Any], fields: Iterable[str], index: KeyIndex) -> tuple[dict[str, Any], list[str]]:
    """Sort an object's values by field.

    Where two keys name one field, the one written exactly like the field wins, else the last.

    Returns:
        The values of the fields that are there, in the object's order; and the keys that name no field.
    """
    names = frozenset(fields)
    found: dict[str, Any] = {}
    extra: list[str] = []
    for key, item in value.items():
        name = key if key in names else index.get(normalise_key(key))
        if name is None:
            extra.append(key)
        elif key == name or name not in value:
            found[name] = item
    return found, extra


def text_of_json(
    value: Mapping[str, Any], schema: FieldSchema, index: KeyIndex, nulls: Mapping[str, frozenset[str]]
) -> str:
    """The values of an object as one text, for similarities of text.

    Values of the schema's fields in schema order, nulls left out; strings as written, stripped; others as JSON with
    sorted keys; joined by `; `. Never keys or braces, which would match whatever the values say.

    Args:
        value: An answer or a reference.
        schema: The fields.
        index: As `schema_key_index` gives it.
        nulls: As `field_null_words` gives them.
    """
    found, _ = resolve_keys(value, schema.fields, index)
    parts = []
    for name in schema.fields:
        item = found.get(name)
        if not is_null(item, nulls[name]):
            text = item.strip() if isinstance(item, str) else json.dumps(item, sort_keys=True, ensure_ascii=False)
            parts.append(text)
    return "; ".join(parts)


def complete_reference(
    schema: FieldSchema, reference: Mapping[str, Any], null_values: Iterable[str] = ()
) -> dict[str, Any]:
    """Make a reference whole: every field of the schema, in schema order, absent ones as None.

    Keys may be written like those of an answer (aliases too). Where a list is expected, any other value becomes a list
    of one; objects within are made whole too.

    Args:
        schema: The fields.
        reference: As it stands in the data.
        null_values: Null words beside the schema's: in a number, boolean, list or object field they are null and no
            value of a wrong type.

    Raises:
        ValueError: If a key names no field, or a value does not fit its field; the message names the field.
    """
    return reference_completer(schema, null_values)(reference)


def reference_completer(
    schema: FieldSchema, null_values: Iterable[str] = ()
) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """`complete_reference` for many references under one schema."""
    nulls, index = field_null_words(schema, null_values), schema_key_index(schema)
    return lambda reference: _complete_object(schema.fields, index, nulls, reference, "")


def _complete_object(
    fields: Mapping[str, FieldSpec],
    index: KeyIndex,
    nulls: Mapping[str, frozenset[str]],
    reference: Mapping[str, Any],
    place: str,
) -> dict[str, Any]:
    found, extra = resolve_keys(reference, fields, index)
    if extra:
        close = difflib.get_close_matches(normalise_key(extra[0]), fields, n=1, cutoff=0.6)
        hint = (
            f"write `{close[0]}`, or declare it as an alias of that field" if close else "leave it out, or add a field"
        )
        raise ValueError(f"the reference has the key `{place}{extra[0]}`, which the schema does not have; {hint}")
    return {name: _complete_value(spec, nulls[name], found.get(name), place + name) for name, spec in fields.items()}


def _complete_value(spec: FieldSpec, nulls: frozenset[str], value: Any, place: str) -> Any:
    if isinstance(value, str):
        # As in answers, so that an answer can equal its reference.
        value = without_surrogates(value)
        # A null word fits every field and stays as it is written; where any text fits, nobody need look.
        if (spec.values or spec.type in ("number", "boolean", "list", "object")) and is_null(value, nulls):
            return value
    elif is_null(value, nulls):
        return None
    if spec.items is not None:
        words = nulls | null_words(spec.items.null_values)
        items = value if isinstance(value, list | tuple) else [value]
        return [_complete_value(spec.items, words, item, f"{place}[{n}]") for n, item in enumerate(items, start=1)]
    if spec.fields:
        if not isinstance(value, Mapping):
            raise _misfit(place, value, "an object or null")
        inner = {name: nulls | null_words(part.null_values) for name, part in spec.fields.items()}
        index = key_index(list(spec.fields), {name: part.aliases for name, part in spec.fields.items()})
        return _complete_object(spec.fields, index, inner, value, f"{place}.")
    if spec.type == "number" and read_number(value) is None:
        raise _misfit(place, value, "a number or null, such as 12, 1250.5 or `12 cm`")
    if spec.type == "boolean" and read_boolean(value) is None:
        raise _misfit(place, value, "true, false or null")
    if not isinstance(value, str | int | float) or value in (math.inf, -math.inf):
        raise _misfit(place, value, "a text, a finite number, a boolean or null")
    if spec.values and declared_value(spec, value) is None:
        known = ", ".join(json.dumps(known, ensure_ascii=False) for known in spec.values)
        raise _misfit(place, value, f"one of its `values`, which are {known}")
    return value


def _misfit(place: str, value: Any, takes: str) -> ValueError:
    what = "an object" if isinstance(value, Mapping) else "a list" if isinstance(value, list | tuple) else repr(value)
    return ValueError(f"field `{place}` of the reference is {what}; it takes {takes}")


def declared_value(spec: FieldSpec, value: Any) -> str | int | float | bool | None:
    """The one of a field's `values` that a scalar says, in another spelling perhaps; None where it says none."""
    wanted = _said(spec, value)
    return next((known for known in spec.values if _said(spec, known) == wanted), None)


def _said(spec: FieldSpec, value: Any) -> Any:
    """What a scalar says under a field's comparator, as something that can be compared by `==`."""
    if spec.type == "number":
        number = read_number(value)
        return None if number is None else number.value
    if spec.type == "boolean":
        return read_boolean(value)
    if spec.type == "exact" and not isinstance(value, str):
        return (isinstance(value, bool), value)
    text = scalar_text(value) or ""
    if spec.type in ("exact", "anls"):
        return equality_form(text)
    form = canonical_form(text)
    return synonym_heads(spec).get(form, form)
