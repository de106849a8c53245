"""From what a model wrote to the JSON value that is scored.

Models wrap answers in reasoning, tags, fences and prose, repeat themselves, and stop in the middle. What is taken from
that decides every score, so it is seven fixed steps (`json_extraction` in `peakbench_metrics.json` says them in words):
the whole text; else what follows `</think>`; else the last `<answer>`; there, every bracket is tried with a JSON
decoder, and what is broken or cut off is never mined for its inner parts, since the first object of a truncated list
is not the answer. What only a repair could read is counted, and never scored.

The text is hostile: each character is looked at a bounded number of times, depth is limited, and nothing escapes.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from peakbench.benchmarks.values import KeyIndex, key_index, normalise_key, without_surrogates
from peakbench.metrics.json_in_text import Decoded, Decoder, depth_within, json_values_in
from peakbench.runs.records import ParseLevel, Prediction

Root = Literal["object", "array"]

_JSON_SPACE = " \t\n\r"
_THINK_END = re.compile(r"</think>", re.IGNORECASE)
_THINK = re.compile(r"<think>", re.IGNORECASE)
_ANSWER = re.compile(r"<answer>", re.IGNORECASE)
_ANSWER_END = re.compile(r"</answer>", re.IGNORECASE)
_FENCE = "```"
_BRACKET = re.compile(r"[{\[]")


@dataclass(frozen=True, slots=True)
class ExtractionLimits:
    """How much is looked at.

    Attributes:
        max_chars: Longest response that is parsed; a longer one is oversize and counts as unparsed.
        max_depth: Deepest nesting of lists and objects; a deeper value is refused.
        repair_max_chars: Longest text that is given to the repair.
        repair_max_brackets: Most opening brackets in it: the repair's time grows with the square of their number.
    """

    max_chars: int
    max_depth: int
    repair_max_chars: int
    repair_max_brackets: int


class Extractor:
    """Finds the answers of one benchmark in responses.

    Args:
        root: What an answer must be: one object, or a list of objects.
        expected_keys: Names of the fields; an object without any of them is no answer.
        aliases: Field to other names its key may have.
        limits: How much is looked at.
    """

    def __init__(
        self,
        root: Root,
        expected_keys: Sequence[str],
        aliases: Mapping[str, Sequence[str]],
        limits: ExtractionLimits,
    ) -> None:
        index = key_index(expected_keys, aliases)
        written = [*expected_keys, *(alias for others in aliases.values() for alias in others)]
        self._search = _Search(root, index, {key: index[normalise_key(key)] for key in written}, limits)
        self._limits = limits

    def extract(self, response_text: str, reasoning: str | None) -> Prediction:
        """Find the answer in a response.

        Args:
            response_text: The message's content, raw.
            reasoning: The separate reasoning channel, where the server has one.

        Returns:
            The prediction; of level `none` where there is no answer. Nothing is raised, whatever the text.
        """
        if len(response_text) > self._limits.max_chars:
            return Prediction(answer=None, reasoning=reasoning, level="none", oversize=True)
        search, decoder = self._search, Decoder(self._limits.max_depth)

        whole = decoder.decode(response_text.removeprefix("\ufeff").strip(_JSON_SPACE))
        if whole is not None and search.accepts(whole.value):
            seen = ("duplicate_keys",) if whole.duplicates else ()
            value = _without_surrogates(whole.value)
            return Prediction(response_text, reasoning, "strict", value, value, seen)

        flags: set[str] = set()
        answer, thought = _without_reasoning(response_text, flags)
        if reasoning is None:
            reasoning = thought
        if answer is None:
            return Prediction(None, reasoning, "none", flags=tuple(sorted(flags)))
        answer = _inside_answer_tag(answer, flags)
        if _FENCE in answer:
            flags.add("fence")

        found = search.choose(json_values_in(answer, decoder), flags)
        if found is not None:
            value = _without_surrogates(found)
            return Prediction(answer, reasoning, "extracted", value, value, tuple(sorted(flags)))
        repaired = search.repaired(answer, flags)
        if repaired is not None:
            value = _without_surrogates(repaired)
            return Prediction(answer, reasoning, "repaired", None, value, tuple(sorted(flags)))
        return Prediction(answer, reasoning, "none", flags=tuple(sorted(flags)))


def extract(
    response_text: str,
    reasoning: str | None,
    root: Root,
    expected_keys: Sequence[str],
    aliases: Mapping[str, Sequence[str]],
    limits: ExtractionLimits,
) -> Prediction:
    """Find the answer in one response; for many of one benchmark, keep an `Extractor`."""
    return Extractor(root, expected_keys, aliases, limits).extract(response_text, reasoning)


def read_text(response_text: str, reasoning: str | None, limits: ExtractionLimits) -> Prediction:
    """Read the answer of a task whose answers are texts: what is said, without the reasoning before it.

    Args:
        response_text: The message's content, raw.
        reasoning: The separate reasoning channel, where the server has one.
        limits: How much is looked at.

    Returns:
        The prediction, whose value is a text; of level `none` where reasoning never ended or the text is oversize.
    """
    if len(response_text) > limits.max_chars:
        return Prediction(answer=None, reasoning=reasoning, level="none", oversize=True)
    flags: set[str] = set()
    answer, thought = _without_reasoning(response_text, flags)
    if reasoning is None:
        reasoning = thought
    if answer is None:
        return Prediction(None, reasoning, "none", flags=tuple(sorted(flags)))
    said = _without_surrogates(_inside_answer_tag(answer, flags))
    level: ParseLevel = "extracted" if flags else "strict"
    return Prediction(said, reasoning, level, said, said, tuple(sorted(flags)))


def _without_reasoning(text: str, flags: set[str]) -> tuple[str | None, str | None]:
    """The text after the last `</think>`, and what stood before it; no text where a `<think>` was never closed."""
    thought: str | None = None
    ends = list(_THINK_END.finditer(text))
    if ends:
        flags.add("think_removed")
        thought = _THINK.sub("", text[: ends[-1].start()], count=1).strip()
        text = text[ends[-1].end() :]
    opened = _THINK.search(text)
    if opened:
        flags.add("think_unclosed")
        return None, thought if thought is not None else text[opened.end() :].strip()
    return text, thought


def _inside_answer_tag(text: str, flags: set[str]) -> str:
    """What the last `<answer>` holds, closed or not; the whole text where there is none."""
    opened = list(_ANSWER.finditer(text))
    if not opened:
        return text
    flags.add("answer_tag")
    start = opened[-1].end()
    closed = _ANSWER_END.search(text, start)
    return text[start : closed.start()] if closed else text[start:]


@dataclass(frozen=True, slots=True)
class _Search:
    """What is looked for: the root, and the keys of which at least one must be there, normalised and as declared."""

    root: Root
    index: KeyIndex
    declared: Mapping[str, str]
    limits: ExtractionLimits

    def expected_in(self, value: Any) -> int:
        """How many fields an object names; 0 for anything else."""
        if not isinstance(value, dict):
            return 0
        fields = {self.declared.get(key) or self.index.get(normalise_key(key)) for key in value}
        return len(fields - {None})

    def accepts(self, value: Any) -> bool:
        """Whether a value is an answer: an object with an expected key, or a list, empty or holding such an object."""
        if self.root == "object":
            return self.expected_in(value) > 0
        return isinstance(value, list) and (not value or any(self.expected_in(item) for item in value))

    def choose(self, candidates: list[Decoded], flags: set[str]) -> Any:
        """The answer among the values that stood in the text; None where none is one."""
        if self.root == "object":
            return self._choose_object(candidates, flags)
        lists = [candidate for candidate in candidates if isinstance(candidate.value, list)]
        if len(lists) > 1:
            flags.add("multiple_json")
        accepted = [candidate for candidate in lists if self.accepts(candidate.value)]
        filled = [candidate for candidate in accepted if candidate.value]
        if accepted:
            chosen = (filled or accepted)[-1]
            if chosen.duplicates:
                flags.add("duplicate_keys")
            return chosen.value
        objects = [candidate for candidate in candidates if self.expected_in(candidate.value)]
        if not objects:
            return None
        flags.add("wrapped_object")
        if any(candidate.duplicates for candidate in objects):
            flags.add("duplicate_keys")
        return [candidate.value for candidate in objects]

    def _choose_object(self, candidates: list[Decoded], flags: set[str]) -> Any:
        objects = [(candidate, *_unwrapped(candidate.value)) for candidate in candidates]
        objects = [entry for entry in objects if isinstance(entry[1], dict)]
        if len(objects) > 1:
            flags.add("multiple_json")
        best: tuple[int, Decoded, Any, bool] | None = None
        for candidate, value, unwrapped in objects:
            expected = self.expected_in(value)
            if expected and (best is None or expected >= best[0]):
                best = (expected, candidate, value, unwrapped)
        if best is None:
            return None
        if best[1].duplicates:
            flags.add("duplicate_keys")
        if best[3]:
            flags.add("unwrapped_list")
        return best[2]

    def repaired(self, text: str, flags: set[str]) -> Any:
        """What `json_repair` makes of the last fence, or of everything from the first bracket; None where nothing."""
        start = _BRACKET.search(text)
        if start is None:
            return None
        fenced = _last_fence(text)
        inside = _BRACKET.search(fenced) if fenced is not None else None
        broken = fenced[inside.start() :] if fenced is not None and inside is not None else text[start.start() :]
        brackets = broken.count("{") + broken.count("[")
        if len(broken) > self.limits.repair_max_chars or brackets > self.limits.repair_max_brackets:
            return None
        from json_repair import loads

        try:
            value: Any = loads(broken)
        except Exception:  # noqa: BLE001 - a library on hostile text: whatever it raises, nothing was repaired
            return None
        if not depth_within(value, self.limits.max_depth):
            return None
        value = _null_for_non_finite(value)
        wrapping: str | None = None
        if self.root == "object":
            value, unwrapped = _unwrapped(value)
            wrapping = "unwrapped_list" if unwrapped else None
        elif isinstance(value, dict):
            value, wrapping = [value], "wrapped_object"
        # Here an empty list is no answer: the repair makes one of any lone bracket.
        if not value or not self.accepts(value):
            return None
        flags.add("repaired")
        if wrapping:
            flags.add(wrapping)
        return value


def _unwrapped(value: Any) -> tuple[Any, bool]:
    """The object of a list of exactly one object, and True; anything else as it is, and False."""
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
        return value[0], True
    return value, False


def _last_fence(text: str) -> str | None:
    """What the last code fence holds, closed or not; None without a fence."""
    parts = text.split(_FENCE)
    if len(parts) < 2:
        return None
    # Fences alternate between opening and closing: the parts with an odd number are inside.
    return parts[-1] if len(parts) % 2 == 0 else parts[-2]


def _null_for_non_finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _null_for_non_finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_null_for_non_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _without_surrogates(value: Any) -> Any:
    """The value with U+FFFD for every lone surrogate in it."""
    if isinstance(value, str):
        return without_surrogates(value)
    if isinstance(value, dict):
        return {without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    return value
