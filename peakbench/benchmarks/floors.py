"""Floors: trivial systems that are scored like models and stand on every board, so that luck can be told from ability.

A floor answers every sample with a text, as a model would; `oracle` is no floor but the ceiling, kept here since it is
made and shown in the same way.
"""

import json
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from peakbench.benchmarks.boxes import BoxConvention, converted
from peakbench.benchmarks.file import BenchmarkFile, FloorName
from peakbench.benchmarks.references import answer_writer
from peakbench.benchmarks.response_schema import item_as_answer
from peakbench.benchmarks.sample import Sample

FLOOR_NOTES: Mapping[FloorName, str] = {
    "never_json": "answers with a sentence that holds no JSON",
    "always_null": "answers null in every field",
    "majority_value": "answers each field's most frequent value, taken in-sample from the references themselves",
    "random_row": "answers with the reference of another sample, drawn with the run's seed",
    "defects_always_empty": "answers that every picture is clean",
    "defects_whole_image": "answers one box over the whole picture for each label",
    "oracle": "answers with the reference itself: the ceiling",
}


def floor_answers(file: BenchmarkFile, name: FloorName, samples: Sequence[Sample], seed: int) -> list[str]:
    """What a floor answers to each sample.

    Args:
        file: The benchmark; box floors write their boxes as it declares for answers.
        name: The floor.
        samples: The samples asked about, with completed references; at least one.
        seed: For `random_row`.

    Returns:
        One text a sample, in their order.
    """
    write = _writer(file)
    makers: dict[FloorName, Callable[[], list[str]]] = {
        "never_json": lambda: ["I cannot tell from this picture."] * len(samples),
        "always_null": lambda: [_text(dict.fromkeys(file.fields)) for _ in samples],
        "majority_value": lambda: [_text(write(_majority(samples)))] * len(samples),
        "random_row": lambda: [_answer(file, write, samples[index]) for index in _other_rows(len(samples), seed)],
        "defects_always_empty": lambda: ["[]"] * len(samples),
        "defects_whole_image": lambda: [_whole_image(file, sample) for sample in samples],
        "oracle": lambda: [_answer(file, write, sample) for sample in samples],
    }
    return makers[name]()


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _writer(file: BenchmarkFile) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
    """Writes objects of fields as answers; other tasks have none."""
    return answer_writer(file) if file.fields else lambda reference: reference


def _answer(file: BenchmarkFile, write: Callable[[Mapping[str, Any]], Mapping[str, Any]], sample: Sample) -> str:
    """A sample's reference as an answer; boxes are written as the benchmark declares for answers."""
    reference = sample.reference
    if isinstance(reference, str):
        return reference
    if isinstance(reference, Mapping):
        return _text(write(reference))
    key = file.box_conventions.keys[0]
    items = []
    for item in reference:
        box = _answer_box(file, sample, item)
        if file.response_schema is None:
            items.append(item_as_answer(item, key, box))
        else:
            others = {name: value for name, value in item.items() if name not in file.box_conventions.keys}
            items.append({key: box, **others})
    return _text(items)


def _answer_box(file: BenchmarkFile, sample: Sample, item: Mapping[str, Any]) -> list[float]:
    conventions = file.box_conventions
    box = next(item[key] for key in conventions.keys if key in item)
    return converted(box, conventions.references, conventions.answers, _size(sample))


def _size(sample: Sample) -> tuple[int, int]:
    return (sample.images[0].width, sample.images[0].height) if sample.images else (1, 1)


def _whole_image(file: BenchmarkFile, sample: Sample) -> str:
    conventions = file.box_conventions
    whole = BoxConvention(order="xyxy", scale="norm1")
    box = converted([0.0, 0.0, 1.0, 1.0], whole, conventions.answers, _size(sample))
    items = [
        {conventions.keys[0]: box, "label": label, "desc": "the whole picture", "importance": 50}
        for label in file.labels
    ]
    return _text(items)


def _majority(samples: Sequence[Sample]) -> dict[str, Any]:
    """Each field's most frequent value, null included; among equals the one that comes first in the data."""
    majority = {}
    references = [sample.reference for sample in samples if isinstance(sample.reference, Mapping)]
    for name in references[0]:
        values = [reference[name] for reference in references]
        counts = Counter(json.dumps(value, sort_keys=True) for value in values)
        majority[name] = json.loads(counts.most_common(1)[0][0])
    return majority


def _other_rows(n: int, seed: int) -> list[int]:
    """For each of n rows another one, drawn uniformly; a single row has no other and stands for itself."""
    draw = random.Random(seed)
    return [(index + draw.randrange(1, n)) % n if n > 1 else 0 for index in range(n)]
