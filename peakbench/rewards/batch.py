"""The form of a reward function: what a trainer hands over, made into responses and references.

A trainer calls it with a list of completions and with the columns of the data set as lists of the same length; each
prompt has several completions, one behind the other, so equal references follow each other and are read once.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peakbench.benchmarks.benchmark import find_benchmark
from peakbench.benchmarks.file import BenchmarkFile, Task
from peakbench.benchmarks.references import reference_reader
from peakbench.errors import BadInputError

Message = Mapping[str, Any]
Completion = str | Sequence[Message]
"""What a model wrote: a text, or the messages of a chat, of which the assistant's last one is the answer."""
_REASONING_KEYS = ("reasoning_content", "reasoning")


@dataclass(frozen=True, slots=True)
class Response:
    """A completion as it is scored.

    Attributes:
        text: What the model wrote.
        reasoning: What it thought, where the completion holds that apart.
    """

    text: str
    reasoning: str | None = None


class Reward(ABC):
    """A reward function for the answers to a benchmark.

    It holds nothing that calls change, and it can be pickled.

    Args:
        file: The benchmark's file, which says how answers are read.
        task: The task that it must have.
        reference: Name of the column that holds the references.

    Raises:
        BadInputError: If the benchmark has another task.
    """

    def __init__(self, file: BenchmarkFile, task: Task, reference: str) -> None:
        if file.task != task:
            raise BadInputError(
                f"the benchmark {file.name} has the task `{file.task}`; this reward is for `{task}`",
                mend=f"give a benchmark of the task `{task}`",
            )
        self.file = file
        self.reference = reference
        self.__name__ = f"{file.id.replace('-', '_').replace('.', '_')}_reward"  # what trainers call it in their logs
        self._read_reference = reference_reader(file)

    def __call__(self, completions: Sequence[Completion], **columns: Any) -> list[float | None]:
        """The reward of each completion.

        Args:
            completions: Texts, or lists of chat messages.
            columns: The column of references, a value a completion: as in the benchmark's data, JSON text too. None
                says that a row is not this reward's business. All other columns are ignored.

        Returns:
            A reward a completion, None where the reference is None.

        Raises:
            BadInputError: If the column is not there or of another length, or if a reference or a completion is none.
        """
        given = columns.get(self.reference)
        if given is None:
            raise BadInputError(
                f"{self.__name__}: there is no column `{self.reference}` of references; "
                f"columns: {', '.join(columns) or 'none'}",
                mend="name the column that has them: reference='COLUMN'",
            )
        if len(given) != len(completions):
            raise BadInputError(
                f"{self.__name__}: {len(completions)} completions, but {len(given)} references",
                mend="give a reference a completion",
            )
        rows = [row for row, reference in enumerate(given) if reference is not None]
        responses = [self._response(row, completions[row]) for row in rows]
        rewards: list[float | None] = [None] * len(completions)
        for row, reward in zip(rows, self.rewards(responses, self._references(rows, given)), strict=True):
            rewards[row] = reward
        return rewards

    @abstractmethod
    def rewards(self, responses: Sequence[Response], references: Sequence[Any]) -> list[float]:
        """The rewards of responses, each to its reference, which `prepared` made."""

    @abstractmethod
    def prepared(self, reference: Any) -> Any:
        """What rewards are computed from, made of a reference that was read."""

    def _references(self, rows: Sequence[int], given: Sequence[Any]) -> list[Any]:
        made: list[Any] = []
        before = None
        for row in rows:
            written = repr(given[row])  # it keeps 1, 1.0 and true apart, which `==` does not
            if written == before:
                made.append(made[-1])
                continue
            before = written
            try:
                made.append(self.prepared(self._read_reference(_without_gaps(given[row]), None)))
            except ValueError as error:
                raise BadInputError(
                    f"{self.__name__}: column `{self.reference}`, row {row}: {error}", mend="mend the data"
                ) from error
        return made

    def _response(self, row: int, completion: Completion) -> Response:
        if isinstance(completion, str):
            return Response(completion)
        answers = [
            message
            for message in (completion if isinstance(completion, Sequence) else ())
            if isinstance(message, Mapping) and message.get("role", "assistant") == "assistant"
        ]
        if not answers:
            raise BadInputError(
                f"{self.__name__}: completion {row} is no text and holds no message of the assistant: "
                f"{type(completion).__name__}",
                mend="give texts, or lists of messages with the keys `role` and `content`",
            )
        last = answers[-1]
        reasoning = next((last[key] for key in _REASONING_KEYS if isinstance(last.get(key), str)), None)
        return Response(_text_of(last.get("content")), reasoning)


def benchmark_file(benchmark: str | Path | BenchmarkFile) -> BenchmarkFile:
    """A benchmark by its name or path, or its file as it is.

    Raises:
        BadInputError: If there is none, or its file breaks the format.
    """
    return benchmark if isinstance(benchmark, BenchmarkFile) else find_benchmark(str(benchmark)).file


def _text_of(content: Any) -> str:
    """The text of a message, which may come in parts; an empty one where it says nothing, as a call of tools does."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, Sequence) else ()
    texts = [part.get("text") if isinstance(part, Mapping) else part for part in parts]
    return "".join(text for text in texts if isinstance(text, str))


def _without_gaps(reference: Any) -> Any:
    """A list of items without the keys that are null: tables of items fill in what one has and another lacks."""
    if not isinstance(reference, list | tuple):
        return reference
    return [
        {key: value for key, value in item.items() if value is not None} if isinstance(item, Mapping) else item
        for item in reference
    ]
