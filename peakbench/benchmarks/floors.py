"""Floors: trivial systems that are scored like models and stand on every board, so that luck can be told from ability.

A floor answers every sample with a text, as a model would; `oracle` is no floor but the ceiling, kept here since it is
made and shown in the same way.
"""

import json
import random
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import repeat
from tempfile import SpooledTemporaryFile
from typing import Any

from peakbench.benchmarks.boxes import BoxConvention, converted
from peakbench.benchmarks.file import BenchmarkFile, FloorName
from peakbench.benchmarks.references import answer_writer
from peakbench.benchmarks.response_schema import item_as_answer
from peakbench.benchmarks.sample import Sample, Samples
from peakbench.benchmarks.values import equality_form, field_null_words, is_null, scalar_text
from peakbench.files import temporary_files

FLOOR_NOTES: Mapping[FloorName, str] = {
    "never_json": "answers with a sentence that holds no JSON",
    "always_null": "answers null in every field",
    "majority_value": "answers each field's most frequent value",
    "random_row": "answers with the reference of another sample, drawn with the run's seed",
    "defects_always_empty": "answers that every picture is clean",
    "defects_whole_image": "answers one box over the whole picture for each label",
    "oracle": "answers with the reference itself: the ceiling",
}

_IN_MEMORY_BYTES = 2**20
"""Longest answers of all samples together that are shuffled in memory."""


def floor_answers(
    file: BenchmarkFile,
    name: FloorName,
    samples: Samples,
    seed: int,
    majority: Mapping[str, Any] | None = None,
) -> Iterator[str]:
    """What a floor answers to each sample, in flat memory.

    Args:
        file: The benchmark; box floors write their boxes as it declares for answers.
        name: The floor.
        samples: The samples asked about, with completed references; at least one.
        seed: For `random_row`.
        majority: As `majority_answer` gives it; needed for `majority_value`.

    Returns:
        One text a sample, in their order.

    Raises:
        ValueError: If `majority_value` is asked for without the majority's answer.
    """
    if name == "majority_value" and majority is None:
        raise ValueError("the floor `majority_value` needs the majority's answer")
    write = _writer(file)
    makers: dict[FloorName, Callable[[], Iterator[str]]] = {
        "never_json": lambda: repeat("I cannot tell from this picture.", len(samples)),
        "always_null": lambda: repeat(_text(dict.fromkeys(file.fields)), len(samples)),
        "majority_value": lambda: repeat(_text(write(majority or {})), len(samples)),
        "random_row": lambda: _of_other_rows((_answer(file, write, sample) for sample in samples), len(samples), seed),
        "defects_always_empty": lambda: repeat("[]", len(samples)),
        "defects_whole_image": lambda: (_whole_image(file, sample) for sample in samples),
        "oracle": lambda: (_answer(file, write, sample) for sample in samples),
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
    return sample.size or (1, 1)


def _whole_image(file: BenchmarkFile, sample: Sample) -> str:
    conventions = file.box_conventions
    whole = BoxConvention(order="xyxy", scale="norm1")
    box = converted([0.0, 0.0, 1.0, 1.0], whole, conventions.answers, _size(sample))
    items = [
        {conventions.keys[0]: box, "label": label, "desc": "the whole picture", "importance": 50}
        for label in file.labels
    ]
    return _text(items)


def majority_answer(
    file: BenchmarkFile,
    samples: Iterable[Sample],
    null_values: Iterable[str],
    training: Iterable[Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """Each field's most frequent value: the best that one answer for all can do, field by field.

    Values are counted as they compare: null and every null word as one, which answers null; texts that are equal but
    for case and white space as one, which answers in its most frequent spelling. Among equals the first one in the
    data is taken.

    Args:
        file: A benchmark with fields.
        samples: The samples asked about, whose references are counted when there is no training split: in-sample.
        null_values: The registry's null words; the file's own are counted beside them.
        training: Completed references of the training split, read once; memory grows with their distinct values,
            not with their number.

    Returns:
        Field to value, every field in the schema's order.

    Raises:
        ValueError: If the file has no fields, or there is no reference to count.
    """
    schema = file.schema_of_fields
    if schema is None:
        raise ValueError(f"{file.name} has no fields whose values could be counted")
    references = training
    if references is None:
        references = (sample.reference for sample in samples if isinstance(sample.reference, Mapping))
    counts: dict[str, Counter[_Spelling]] = {name: Counter() for name in schema.fields}
    for reference in references:
        for name, spellings in counts.items():
            spellings[_spelling(reference.get(name))] += 1
    if not all(counts.values()):
        raise ValueError("there is no reference to count")
    nulls = field_null_words(schema, null_values)
    return {name: _most_frequent(spellings, nulls[name]) for name, spellings in counts.items()}


_Spelling = tuple[bool, str]
"""Whether a value is a text, and the text; or the JSON of what is none."""


def _spelling(value: Any) -> _Spelling:
    return (True, value) if isinstance(value, str) else (False, json.dumps(value, sort_keys=True))


def _most_frequent(spellings: Counter[_Spelling], nulls: frozenset[str]) -> Any:
    """The most frequent spelling of the most frequent value; dictionaries keep the data's order for equals."""
    values: dict[str, Counter[str]] = {}
    for (is_text, text), n in spellings.items():
        value = text if is_text else json.loads(text)
        value = None if is_null(value, nulls) else value
        form = json.dumps(_counted_form(value), sort_keys=True)
        values.setdefault(form, Counter())[json.dumps(value)] += n
    chosen = max(values.values(), key=Counter.total)
    return json.loads(chosen.most_common(1)[0][0])


def _counted_form(value: Any) -> Any:
    """A JSON value with its texts in equality form; a number counts as the text that it is written as."""
    if isinstance(value, Mapping):
        return {key: _counted_form(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_counted_form(item) for item in value]
    text = scalar_text(value)
    return None if text is None else equality_form(text)


def _of_other_rows(answers: Iterable[str], n: int, seed: int) -> Iterator[str]:
    """For each of n rows the answer of another one, drawn uniformly; a single row has no other and stands for itself.

    The answers wait on disk, where any of them is found by where it begins.
    """
    draw = random.Random(seed)
    with temporary_files(), SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES) as file:
        starts = array("q", [0])
        for answer in answers:
            starts.append(starts[-1] + file.write(answer.encode(errors="surrogatepass")))
        for index in range(n):
            other = (index + draw.randrange(1, n)) % n if n > 1 else 0
            file.seek(starts[other])
            yield file.read(starts[other + 1] - starts[other]).decode(errors="surrogatepass")
