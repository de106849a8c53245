"""The server of a model, not started yet: its command line, its environment, and what of them may be shown."""

import json
import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from peakbench.canonical import digest
from peakbench.errors import BadInputError, InfrastructureError
from peakbench.redaction import REDACTED, hide, secret_values, sounds_secret
from peakbench.runners.serving.section import ServeSection, fill, split_command
from peakbench.runners.serving.source import Source, is_local

HOST = "127.0.0.1"
"""A server that PeakBench starts is for PeakBench alone."""
_SHORTEST_SECRET = 4
"""Shorter values would be found, and replaced, in every other word."""
_LORA_RANKS = (16, 32, 64, 128, 256, 320, 512)
"""Ranks that vLLM makes room for, of which 16 is its default."""


@dataclass(frozen=True, slots=True)
class ServePlan:
    """One model's server, not started yet.

    Attributes:
        name: The name that is asked.
        source: What is loaded.
        section: How.
        vllm: The command of vLLM, or its path.
        known_secrets: What must not be shown, beside what the environment holds.
    """

    name: str
    source: Source
    section: ServeSection = field(default_factory=ServeSection)
    vllm: str = "vllm"
    known_secrets: tuple[str, ...] = field(repr=False, default=())

    def check(self) -> None:
        """Find what cannot work before anything is started.

        Raises:
            BadInputError: On another system than Linux, or if a folder or the command is not there.
        """
        if not sys.platform.startswith("linux"):
            raise BadInputError(
                "PeakBench starts servers on Linux only: elsewhere it could not make sure that none is left behind",
                mend="start the server yourself, and give its --base-url instead of --serve",
            )
        for place in (self.source.base, self.source.adapter):
            if place is not None and is_local(place) and not Path(place).exists():
                raise BadInputError(
                    f"`{self.name}`: no model at {place}, seen from {Path.cwd()}", mend="check the path"
                )
        word = self.vllm if self.section.command is None else split_command(self.section.command)[0]
        if "{" not in word and shutil.which(word) is None:
            raise BadInputError(
                f"there is no command `{word}` to start a server with",
                mend="install vLLM (pip install vllm), or give the path of its command: --vllm-bin PATH"
                if self.section.command is None
                else "install it, or give its path in `serve.command`",
            )
        if self.section.command is not None and self.source.adapter is not None:
            raise BadInputError(
                f"`{self.name}`: BASE:ADAPTER is for vLLM, and `serve.command` starts another server",
                mend="name the adapter in the command",
            )

    def command(self, port: int) -> list[str]:
        """The command line for a port.

        Raises:
            InfrastructureError: If a LoRA adapter's revision cannot be had from the Hub.
        """
        adapter = self.source.adapter and adapter_folder(self.source.adapter, self.source.adapter_revision)
        return self._command(str(port), adapter)

    def _command(self, port: str, adapter: str | None) -> list[str]:
        source = self.source
        if self.section.command is not None:
            values = {"model": source.base, "name": self.name, "host": HOST, "port": port}
            return fill(split_command(self.section.command), values)
        words = [self.vllm, "serve", source.base, "--host", HOST, "--port", port]
        words += ["--served-model-name", f"{self.name}-base" if adapter else self.name]
        if source.revision:
            words += ["--revision", source.revision]
        return words + (self._lora(adapter) if adapter else []) + self.section.flags()

    def _lora(self, adapter: str) -> list[str]:
        """Flags that have an adapter served under the name that is asked; vLLM has to be told of large ranks."""
        words = ["--enable-lora", "--lora-modules", json.dumps({"name": self.name, "path": adapter})]
        rank = _lora_rank(Path(adapter))
        given = any("max-lora-rank" in word for word in self.section.flags())
        if rank is not None and rank > _LORA_RANKS[0] and not given:
            words += ["--max-lora-rank", str(next((one for one in _LORA_RANKS if one >= rank), rank))]
        return words

    def environment(self) -> dict[str, str]:
        """The server's environment, whole."""
        return {**os.environ, **self._own_environment()}

    def _own_environment(self) -> dict[str, str]:
        return {name: str(value) for name, value in self.section.env.items()}

    def shown_environment(self) -> dict[str, str]:
        """The variables of the section, without secrets."""
        own = self._own_environment()
        return {name: REDACTED if sounds_secret(name) else self.hidden(value) for name, value in own.items()}

    def shown(self, command: Sequence[str]) -> list[str]:
        """A command line without secrets."""
        words = []
        secret = False
        for word in command:
            name, equals, _ = word.partition("=")
            is_flag = word.startswith("-")
            if secret and not is_flag:
                words.append(REDACTED)
            elif is_flag and equals and sounds_secret(name):
                words.append(f"{name}={REDACTED}")
            else:
                words.append(self.hidden(word))
            secret = is_flag and not equals and sounds_secret(word)
        return words

    def hidden(self, text: str) -> str:
        """A text, such as the server's log, without secrets."""
        return hide(text, (*self.known_secrets, *secret_values(self.environment()), *self._secret_words()))

    def _secret_words(self) -> tuple[str, ...]:
        """Values of flags of the command that sound secret."""
        words = self.section.flags() if self.section.command is None else split_command(self.section.command)
        found = [after for word, after in pairwise(words) if word[:1] == "-" and sounds_secret(word)]
        found += [word.partition("=")[2] for word in words if word[:1] == "-" and sounds_secret(word.partition("=")[0])]
        return tuple(value for value in found if len(value) >= _SHORTEST_SECRET and not value.startswith(("-", "{")))

    def digest(self) -> str:
        """SHA-256 of the command line and the section's variables, whatever the port and the secrets."""
        return digest({"command": self._before_start(), "environment": self.shown_environment()})

    def planned_command(self) -> str:
        """The command line as one types it, without secrets, and with `PORT` for a port that is not known yet."""
        return shlex.join(self._before_start(str(self.section.port or "PORT")))

    def _before_start(self, port: str = "PORT") -> list[str]:
        """The command line without secrets; a revision of an adapter is not fetched for it."""
        adapter = "@".join(filter(None, (self.source.adapter, self.source.adapter_revision))) or None
        return self.shown(self._command(port, adapter))

    def in_words(self, command: Sequence[str]) -> str:
        """A command line as one types it, without secrets."""
        return shlex.join(self.shown(command))


def adapter_folder(adapter: str, revision: str | None) -> str:
    """Where vLLM finds an adapter: a folder, or its Hub id; a revision of it is fetched first, for vLLM takes none.

    Raises:
        BadInputError: If `huggingface_hub` is not installed.
        InfrastructureError: If the Hub does not give it.
    """
    if revision is None or is_local(adapter):
        return adapter
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise BadInputError(
            f"a revision of the adapter {adapter} is fetched with huggingface_hub, which is not installed",
            mend="pip install huggingface_hub, or give the adapter's folder",
        ) from error
    try:
        return str(snapshot_download(adapter, revision=revision))
    except Exception as error:  # requests', httpx's and the Hub's own, which have nothing else in common
        first = str(error).strip().splitlines() or [type(error).__name__]
        raise InfrastructureError(
            f"the adapter {adapter}@{revision} cannot be had from the Hub: {first[0]}",
            mend="check its name and revision, the network and HF_TOKEN, or give the adapter's folder",
        ) from error


def _lora_rank(folder: Path) -> int | None:
    """The rank that an adapter's `adapter_config.json` tells; None where there is none."""
    try:
        rank = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8")).get("r")
    except (OSError, ValueError, AttributeError):
        return None
    return rank if isinstance(rank, int) and not isinstance(rank, bool) else None
