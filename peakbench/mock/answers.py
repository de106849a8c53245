"""What a model of the mock server is: something that looks at one picture and answers with text.

A model sees pixels and the prompt, nothing else: never a reference, never a sample's id.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from peakbench.benchmarks.garments.vocabulary import ATTRIBUTES

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, slots=True)
class MockAnswer:
    """What a model wrote.

    Attributes:
        text: The whole text.
        finish_reason: `stop` when the model ended by itself, `length` when it broke off.
    """

    text: str
    finish_reason: Literal["stop", "length"] = "stop"


class MockModel(Protocol):
    """A model that the mock server can host. `answer` is called from several threads at once."""

    @property
    def name(self) -> str:
        """The name under which it is served."""
        ...

    def answer(self, image: "Image", prompt: str) -> MockAnswer:
        """Answer from the pixels of one RGB image, of any size from 1 × 1 pixel."""
        ...


def answer_text(values: Mapping[str, str | None]) -> str:
    """The JSON object, on one line, with the nine keys in order; an absent key is null."""
    return json.dumps({key: values.get(key) for key in ATTRIBUTES}, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class ConstantModel:
    """Answers all nine keys with null, whatever the picture; needs no training."""

    name: str = "constant-null"

    def answer(self, image: "Image", prompt: str) -> MockAnswer:  # noqa: ARG002
        """The same answer always."""
        return MockAnswer(answer_text({}))


@dataclass(frozen=True, slots=True)
class EmptyModel:
    """Answers that nothing is wrong, whatever the picture: an empty list of defects."""

    name: str = "constant-empty"

    def answer(self, image: "Image", prompt: str) -> MockAnswer:  # noqa: ARG002
        """The same answer always."""
        return MockAnswer("<answer>[]</answer>")


@dataclass(frozen=True, slots=True)
class ProseModel:
    """Another model's answer, wrapped in prose and a Markdown fence, as chat models like to do."""

    name: str
    plain: MockModel

    def answer(self, image: "Image", prompt: str) -> MockAnswer:
        """The plain model's text, unchanged, between the fences."""
        plain = self.plain.answer(image, prompt)
        text = (
            "Sure! Here is what I can make out in the picture:\n\n"
            f"```json\n{plain.text}\n```\n\n"
            "Please let me know if you would like me to look at anything else."
        )
        return MockAnswer(text, plain.finish_reason)


@dataclass(frozen=True, slots=True)
class CutModel:
    """Another model's answer, broken off in the middle for about half of the images.

    Which ones is decided by a digest of the pixels, so the same image is always treated alike. A cut answer holds the
    first half of the characters and its finish reason is `length`.
    """

    name: str
    plain: MockModel

    def answer(self, image: "Image", prompt: str) -> MockAnswer:
        """The plain model's answer, or the first half of its text."""
        plain = self.plain.answer(image, prompt)
        if self.cuts(image):
            return MockAnswer(plain.text[: len(plain.text) // 2], "length")
        return plain

    @staticmethod
    def cuts(image: "Image") -> bool:
        """Whether the answer about this image is cut: the first bit of the SHA-256 of its pixels."""
        return hashlib.sha256(image.tobytes()).digest()[0] >= 128
