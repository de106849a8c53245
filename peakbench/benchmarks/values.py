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
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from peakbench.benchmarks.schema import FieldSchema, FieldSpec

_SPACES_AND_HYPHENS = re.compile(r"[\s\-‐‑]+")
_NO_WORD = re.compile(r"[\W_]+")
_SURROGATE = re.compile("[\ud800-\udfff]")
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


def complete_reference(schema: FieldSchema, reference: Mapping[str, Any]) -> dict[str, str | int | float | bool | None]:
    """Make a reference whole: every field of the schema, in schema order, absent ones as None.

    Keys may be written like those of an answer (aliases too).

    Args:
        schema: The fields.
        reference: As it stands in the data.

    Raises:
        ValueError: If a key names no field, or a value is no text, number, boolean or null, or is not finite.
    """
    found, extra = resolve_keys(reference, schema.fields, schema_key_index(schema))
    if extra:
        close = difflib.get_close_matches(normalise_key(extra[0]), schema.fields, n=1, cutoff=0.6)
        hint = (
            f"write `{close[0]}`, or declare it as an alias of that field" if close else "leave it out, or add a field"
        )
        raise ValueError(f"the reference has the key `{extra[0]}`, which the schema does not have; {hint}")
    return {name: _reference_value(name, found.get(name)) for name in schema.fields}


def _reference_value(name: str, value: Any) -> str | int | float | bool | None:
    if isinstance(value, str):
        # As in answers, so that an answer can equal its reference.
        return without_surrogates(value)
    if isinstance(value, int):
        return value
    if isinstance(value, float) and not math.isinf(value):
        return None if math.isnan(value) else value
    if value is None or (isinstance(value, list | tuple | Mapping) and not value):
        return None
    what = "an object" if isinstance(value, Mapping) else "a list" if isinstance(value, list | tuple) else repr(value)
    raise ValueError(f"field `{name}` of the reference is {what}; it takes a text, a finite number, a boolean or null")
