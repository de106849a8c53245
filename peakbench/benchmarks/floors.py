"""Floors: trivial systems that are scored like models and stand on every board, so that luck can be told from ability.

A floor answers every sample with a text, as a model would; `oracle` is no floor but the ceiling, kept here since it is
made and shown in the same way.
"""

import json
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from peakbench.benchmarks.file import FloorName
from peakbench.benchmarks.sample import Sample

FLOOR_NOTES: Mapping[FloorName, str] = {
    "never_json": "answers with a sentence that holds no JSON",
    "always_null": "answers null in every field",
    "majority_value": "answers each field's most frequent value, taken in-sample from the references themselves",
    "random_row": "answers with the reference of another sample, drawn with the run's seed",
    "oracle": "answers with the reference itself: the ceiling",
}


def floor_answers(name: FloorName, samples: Sequence[Sample], seed: int) -> list[str]:
    """What a floor answers to each sample.

    Args:
        name: The floor.
        samples: The samples asked about, with completed references; at least one.
        seed: For `random_row`.

    Returns:
        One text a sample, in their order.
    """
    makers: dict[FloorName, Callable[[], list[str]]] = {
        "never_json": lambda: ["I cannot tell from this picture."] * len(samples),
        "always_null": lambda: [_text(dict.fromkeys(sample.reference)) for sample in samples],
        "majority_value": lambda: [_text(_majority(samples))] * len(samples),
        "random_row": lambda: [_text(samples[index].reference) for index in _other_rows(len(samples), seed)],
        "oracle": lambda: [_text(sample.reference) for sample in samples],
    }
    return makers[name]()


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)


def _majority(samples: Sequence[Sample]) -> dict[str, Any]:
    """Each field's most frequent value, null included; among equals the one that comes first in the data."""
    majority = {}
    for name in samples[0].reference:
        values = [sample.reference[name] for sample in samples]
        counts = Counter(json.dumps(value, sort_keys=True) for value in values)
        majority[name] = json.loads(counts.most_common(1)[0][0])
    return majority


def _other_rows(n: int, seed: int) -> list[int]:
    """For each of n rows another one, drawn uniformly; a single row has no other and stands for itself."""
    draw = random.Random(seed)
    return [(index + draw.randrange(1, n)) % n if n > 1 else 0 for index in range(n)]
