"""`--serve-option KEY=VALUE`: a key of the `serve:` section of run files, on the command line."""

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from peakbench.errors import BadInputError
from peakbench.runners.serving.section import ServeSection
from peakbench.strict import validation_message

_MAPPINGS = ("env", "extra", "limit_mm_per_prompt")


def read_options(given: Sequence[str] | None) -> ServeSection:
    """The section that options say; values are YAML; `env.NAME`, `extra.FLAG` and so on are keys of mappings.

    >>> read_options(["max_model_len=4096", "extra.enforce_eager=true"]).flags()
    ['--max-model-len', '4096', '--enforce-eager']

    Raises:
        BadInputError: If one has another form, or the section knows no such key.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    section: dict[str, Any] = {}
    for text in given or ():
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise BadInputError(f"--serve-option {text!r} has not the form `KEY=VALUE`", mend="mend it")
        try:
            read = value if key in ("command", "model") else YAML(typ="safe", pure=True).load(value)
        except (YAMLError, ValueError) as error:
            raise BadInputError(f"--serve-option {key}: {value!r} cannot be read as YAML", mend="quote it") from error
        above, dot, below = key.partition(".")
        if dot and above in _MAPPINGS:
            inner = section.setdefault(above, {})
            if not isinstance(inner, dict):
                raise BadInputError(f"--serve-option {key}: `{above}` was given whole before", mend="give one of them")
            inner[below] = read
        else:
            section[key] = read
    if "model" in section:
        raise BadInputError("--serve-option model: that is what --model says", mend="leave it out")
    try:
        return ServeSection.model_validate(section)
    except ValidationError as error:
        raise BadInputError(validation_message("--serve-option", error), mend="mend the option") from error
