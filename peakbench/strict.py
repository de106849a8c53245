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
        for key in data:
            if key not in known:
                close = difflib.get_close_matches(str(key), known, n=1, cutoff=0.6)
                hint = f"did you mean `{close[0]}`?" if close else f"known keys: {', '.join(known)}"
                raise ValueError(f"unknown key `{key}`; {hint}")
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


def validation_message(where: Path | str, error: ValidationError) -> str:
    """Say what a validation found: a line a finding, each with the key it is about."""
    lines = []
    for finding in error.errors(include_url=False):
        place = ".".join(str(part) for part in finding["loc"])
        message = finding["msg"].removeprefix("Value error, ")
        if finding["type"] in ("model_type", "dict_type"):
            message = "a mapping of keys to values is wanted here"
        lines.append(f"{where}: {place}: {message}" if place else f"{where}: {message}")
    return "\n".join(lines)
