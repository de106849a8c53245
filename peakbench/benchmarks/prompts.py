"""Prompts: one text for every sample, a column, or a Jinja template over the columns, rendered in a sandbox."""

from collections.abc import Callable, Mapping
from typing import Any

from peakbench.benchmarks.file import PromptColumn, RowTemplate
from peakbench.errors import BadInputError

_MAX_CHARS = 1_000_000


def prompt_renderer(prompt: str | RowTemplate | PromptColumn) -> Callable[[Mapping[str, Any]], str]:
    """Make the function that gives a row's prompt.

    The returned function raises `ValueError` for a row that lacks a column the template names, or whose prompt is
    empty or longer than a million characters.

    Raises:
        BadInputError: If the template is no Jinja.
    """
    if isinstance(prompt, str):
        return lambda row: prompt  # noqa: ARG005
    if isinstance(prompt, PromptColumn):
        return lambda row: _of_column(row, prompt.column)
    from jinja2 import StrictUndefined, TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)
    try:
        template = environment.from_string(prompt.template)
    except TemplateError as error:
        raise BadInputError(f"prompt template: {error}", mend="mend `prompt.template` in the benchmark file") from error

    def render(row: Mapping[str, Any]) -> str:
        try:
            text = template.render(row)
        except (TemplateError, TypeError, ValueError, OverflowError, MemoryError, RecursionError) as error:
            raise ValueError(f"prompt template: {error}") from error
        return _checked(text)

    return render


def _of_column(row: Mapping[str, Any], column: str) -> str:
    if column not in row:
        raise ValueError(f"column `{column}` is missing; the row has {', '.join(map(str, row)) or 'none'}")
    text = row[column]
    if not isinstance(text, str):
        raise ValueError(f"column `{column}` holds {text!r}; a prompt is a text")
    return _checked(text)


def _checked(text: str) -> str:
    if not text.strip():
        raise ValueError("the prompt is empty")
    if len(text) > _MAX_CHARS:
        raise ValueError(f"the prompt has {len(text):,} characters; {_MAX_CHARS:,} are allowed")
    return text
