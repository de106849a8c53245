"""What a server loads, as people write it: a folder or a Hub id, its revision, and an adapter of it."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from peakbench.errors import BadInputError
from peakbench.runners.serving.section import ServeSection

_LORA = re.compile(r"(?P<base>[^:@\s]+):(?P<adapter>[^:@\s]+)(@(?P<revision>[^:@\s]+))?")


@dataclass(frozen=True, slots=True)
class Source:
    """What a server loads: a model, and a LoRA adapter of it.

    Attributes:
        base: A folder or a Hub id.
        revision: Of the base, on the Hub.
        adapter: A folder or a Hub id; None for the base alone.
        adapter_revision: Of the adapter, on the Hub.
    """

    base: str
    revision: str | None = None
    adapter: str | None = None
    adapter_revision: str | None = None

    @property
    def asked(self) -> tuple[str, str | None]:
        """Id and revision of what is asked: the adapter, else the base."""
        return (self.adapter, self.adapter_revision) if self.adapter else (self.base, self.revision)

    @property
    def name(self) -> str:
        """The name under which it is served when none is given: a Hub id, or the last part of a folder's path."""
        asked, _ = self.asked
        return Path(asked).resolve().name if is_local(asked) else asked


def read_source(text: str, revision: str | None = None) -> Source:
    """Read `BASE` or `BASE:ADAPTER`, each with or without its `@REVISION`.

    Args:
        text: What is to be read.
        revision: Of what is asked, the adapter where there is one, when it is known from elsewhere.

    Raises:
        BadInputError: If a part of it is empty, or it names another revision.
    """
    source = _parts(text)
    asked, named = source.asked
    if revision is None or is_local(asked):
        return source
    if named is not None and named != revision:
        raise BadInputError(f"`{text}` names another revision than {revision}", mend="name it once")
    return replace(source, **{"adapter_revision" if source.adapter else "revision": revision})


def source_of(text: str, revision: str | None, section: ServeSection) -> Source:
    """What a section's server loads; to another server than vLLM, `gemma3:4b` is a name like any other.

    Raises:
        BadInputError: As `read_source`.
    """
    if section.command is not None and not is_local(text):
        return Source(text, revision)
    return read_source(text, revision)


def read_lora(text: str) -> Source:
    """Read `base:adapter` or `base:adapter@revision`, the words of run files; what is on this machine is not looked at.

    The revision is cut off a folder's path, too.

    Raises:
        ValueError: If it is written otherwise.
    """
    told = _LORA.fullmatch(text)
    if told is None:
        raise ValueError(f"`lora` is written base:adapter or base:adapter@revision, not {text!r}")
    return Source(told["base"], None, told["adapter"], told["revision"])


def _parts(text: str) -> Source:
    if text and Path(text).expanduser().exists():
        return Source(str(Path(text).expanduser()))
    base, colon, adapter = text.partition(":")
    if not base or (colon and not adapter):
        raise BadInputError(f"`{text}` is no model", mend="give a folder, a Hub id, or BASE:ADAPTER@REVISION")
    return Source(*_part(base), *(_part(adapter) if adapter else ()))


def _part(text: str) -> tuple[str, str | None]:
    if is_local(text):
        path = Path(text).expanduser()
        return str(path) if path.exists() else text, None  # what is not there is told as it was typed
    name, _, revision = text.partition("@")
    if not name or (not revision and "@" in text):
        raise BadInputError(f"`{text}` is no model", mend="give a folder, a Hub id, or ID@REVISION")
    return name, revision or None


def is_local(text: str) -> bool:
    """Whether a model is given by its path: it looks like one, or there is such a folder."""
    return text.startswith(("/", "./", "../", "~")) or Path(text).exists()
