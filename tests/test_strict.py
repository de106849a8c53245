"""What is wrong with a file is told in one go, by its keys, in words that are no program's."""

import pytest
from pydantic import ValidationError

from peakbench.runners.serving.section import ServeSection
from peakbench.strict import StrictModel, validation_message


class Inner(StrictModel):
    names: list[str] = []
    value: str | int | float | None = None


class Outer(StrictModel):
    inner: Inner | None = None
    number: int = 0
    int: dict[str, str] = {}


def told(model: type[StrictModel], content: object) -> list[str]:
    with pytest.raises(ValidationError) as failed:
        model.model_validate(content)
    return validation_message("f", failed.value).splitlines()


def test_every_unknown_key_is_told_with_the_one_that_was_meant() -> None:
    assert told(Outer, {"iner": {}, "nubmer": 5}) == [
        "f: unknown key `iner`; did you mean `inner`?",
        "f: unknown key `nubmer`; did you mean `number`?",
    ]
    assert told(Outer, {"nubmer": 5, "zzz": 1}) == [
        "f: unknown key `nubmer`; did you mean `number`?",
        "f: unknown key `zzz`; known keys: inner, number, int",
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"inner": []}, "inner: a mapping of keys to values is wanted here"),
        ({"inner": {"names": "one"}}, "inner.names: a list is wanted here, such as [one, two]"),
        ({"number": "five"}, "number: a whole number is wanted here"),
        ({"number": 1.5}, "number: a whole number is wanted here"),
        ({"int": "x"}, "int: a mapping of keys to values is wanted here"),
        (
            {"int": {"a": 5}},
            "int.a: a text is wanted here; put quotes around a number, or around a word such as true",
        ),
    ],
)
def test_what_is_wanted_is_told_in_plain_words(content: object, said: str) -> None:
    assert told(Outer, content) == [f"f: {said}"]


def test_the_types_that_a_key_may_have_are_no_part_of_its_place() -> None:
    lines = told(ServeSection, {"extra": "enforce-eager", "env": {"A": None}})
    assert {line.split(": ")[1] for line in lines} == {"extra", "env.A"}
    assert len(lines) == len(set(lines))
