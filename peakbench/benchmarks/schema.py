"""The fields an answer should hold, and how each is compared."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from peakbench.strict import StrictModel

Comparator = Literal["exact", "categorical", "size", "brand", "anls"]
"""The comparators of this version; `metrics/comparators/card.md` defines each."""


class FieldSpec(StrictModel):
    """One field of the answer.

    Attributes:
        type: The comparator.
        weight: Weight in `weighted_score`; all weights equal when none is given.
        synonyms: Head word to the words that mean the same (categorical, size and brand fields).
        aliases: Other names the key may have in an answer.
        null_values: Words that mean "nothing there" in this field, beside the registry's.
        correct_threshold: The score from which a field counts as right in the outcome counts.
        description: What the field means, for people.
    """

    type: Comparator
    weight: Annotated[float, Field(ge=0, le=1_000_000)] = 1.0
    synonyms: dict[str, list[str]] = {}
    aliases: list[str] = []
    null_values: list[str] = []
    correct_threshold: Annotated[float, Field(gt=0, le=1)] = 1.0
    description: str = ""

    @field_validator("synonyms")
    @classmethod
    def _one_head_a_word(cls, synonyms: dict[str, list[str]]) -> dict[str, list[str]]:
        heads: dict[str, str] = {}
        for head, words in synonyms.items():
            for word in [head, *words]:
                other = heads.setdefault(word.strip().casefold(), head)
                if other != head:
                    raise ValueError(
                        f"the word `{word}` stands under `{other}` and under `{head}`; it can mean one only"
                    )
        return synonyms


class FieldSchema(StrictModel):
    """The fields of a benchmark, in order, with the null words that hold for all of them.

    Attributes:
        fields: Name to specification; the order is the order of the benchmark file.
        null_values: Null words added to the registry's for every field.
    """

    fields: dict[str, FieldSpec]
    null_values: list[str] = []

    @model_validator(mode="after")
    def _some_weight(self) -> "FieldSchema":
        if not self.fields:
            raise ValueError("a field schema needs at least one field")
        if sum(spec.weight for spec in self.fields.values()) <= 0:
            raise ValueError("the weights of all fields are 0; give at least one field a positive weight")
        return self
