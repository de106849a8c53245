"""The base of every file format: unknown keys are refused, with the key that was probably meant."""

import difflib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from peakbench.errors import BadInputError


class StrictModel(BaseModel):
    """A frozen pydantic model that refuses unknown keys with a did-you-mean."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        known = [field.alias or name for name, field in cls.model_fields.items()]
        told, all_are_close = [], True
        for key in data:
            if key not in known:
                close = difflib.get_close_matches(str(key), known, n=1, cutoff=0.6)
                told.append(f"unknown key `{key}`" + (f"; did you mean `{close[0]}`?" if close else ""))
                all_are_close &= bool(close)
        if told:
            raise ValueError("\n".join(told) + ("" if all_are_close else f"; known keys: {', '.join(known)}"))
        return data


def read_yaml(path: Path) -> Any:
    """Read a YAML 1.2 file (so that `no` is a word, not a boolean); doubled keys are refused.

    Raises:
        BadInputError: If the file cannot be read or is no YAML.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInputError(f"{path}: {error.strerror}", mend="check the path") from error
    except (YAMLError, ValueError) as error:  # a ValueError is of a date or a number that is none
        reason = str(error).split("\n\nTo suppress")[0]
        raise BadInputError(f"{path} cannot be read as YAML: {reason}", mend="mend it at the place named") from error
    except RecursionError as error:
        raise BadInputError(f"{path} is nested too deep", mend="write it with fewer brackets in brackets") from error


_WANTED = {
    "model_type": "a mapping of keys to values is wanted here",
    "dict_type": "a mapping of keys to values is wanted here",
    "list_type": "a list is wanted here, such as [one, two]",
    "string_type": "a text is wanted here; put quotes around a number, or around a word such as true",
    "int_type": "a whole number is wanted here",
    "int_parsing": "a whole number is wanted here",
    "int_from_float": "a whole number is wanted here",
    "float_type": "a number is wanted here",
    "float_parsing": "a number is wanted here",
    "bool_type": "true or false is wanted here",
    "bool_parsing": "true or false is wanted here",
}
"""What is wrong, by pydantic's type of error, where its own words are those of a program."""


def validation_message(where: Path | str, error: ValidationError) -> str:
    """Say what a validation found: a line a finding, each with the key it is about."""
    findings: dict[str, list[str]] = {}
    for finding in error.errors(include_url=False):
        place = ".".join(str(part) for part in _place(finding["loc"], finding["type"]))
        message = _WANTED.get(finding["type"], finding["msg"].removeprefix("Value error, "))
        findings.setdefault(place, []).extend(message.split("\n"))
    return "\n".join(
        f"{where}: {place}: {message}" if place else f"{where}: {message}"
        for place, messages in findings.items()  # of a key that may be of several types there is a finding for each
        for message in dict.fromkeys(messages)
    )


def _place(parts: tuple[int | str, ...], kind: str) -> list[int | str]:
    """The keys that lead to a finding, without the names of the types that a key may have."""
    tag = {"str": "string", "int": "int", "float": "float", "bool": "bool"}.get(str(parts[-1])) if parts else None
    keys = parts[:-1] if tag and kind.startswith(f"{tag}_") else parts
    return [key for key in keys if not (isinstance(key, str) and key.startswith(("dict[", "list[")))]
