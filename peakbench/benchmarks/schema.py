"""The fields an answer should hold, and how each is compared."""

from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from peakbench.strict import StrictModel

Comparator = Literal["exact", "categorical", "size", "brand", "anls", "semantic", "number", "boolean", "list", "object"]
"""The comparators of this version; `metrics/comparators/card.md` defines each."""


Tolerance = Annotated[float, Field(ge=0, allow_inf_nan=False)]
DEFAULT_REL_TOL = 1e-6
SEMANTIC_THRESHOLD = 0.8
"""The `correct_threshold` of fields compared by meaning, where none is given."""
DEFAULT_TEMPLATE = "The {field} is {v}."
"""The sentence of a field, where none is given."""
MAX_DEPTH = 8
"""Deepest nesting of lists and objects that a field may declare."""


class FieldSpec(StrictModel):
    """One field of the answer.

    Attributes:
        type: The comparator.
        weight: Weight in `weighted_score`; all weights equal when none is given.
        synonyms: Head word to the words that mean the same (categorical, size, brand and semantic fields).
        aliases: Other names the key may have in an answer.
        null_values: Words that mean "nothing there" in this field, beside the registry's.
        correct_threshold: The score from which a field counts as right in the outcome counts; 1, and 0.8 for the type
            `semantic`, where none is given.
        description: What the field means, for people.
        abs_tol: By how much a number may differ (number fields).
        rel_tol: By which share of the reference a number may differ (number fields).
        items: How the items are compared (list fields, which need it).
        fields: The fields within (object fields, which need some).
        values: The values the field may have, for the response schema and for people; empty for any.
        template: The sentence that says a value of the field, for natural-language inference: `{v}` stands for the
            value, `{field}` for the field's name with spaces.
    """

    type: Comparator
    weight: Annotated[float, Field(ge=0, le=1_000_000)] = 1.0
    synonyms: dict[str, list[str]] = {}
    aliases: list[str] = []
    null_values: list[str] = []
    correct_threshold: Annotated[float, Field(gt=0, le=1)] = 1.0
    description: str = ""
    abs_tol: Tolerance = 0.0
    rel_tol: Tolerance = DEFAULT_REL_TOL
    items: "FieldSpec | None" = None
    fields: "dict[str, FieldSpec]" = {}
    values: list[str | int | Annotated[float, Field(allow_inf_nan=False)] | bool] = []
    template: str = DEFAULT_TEMPLATE

    @model_validator(mode="before")
    @classmethod
    def _threshold_of_meaning(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("type") == "semantic":
            return {"correct_threshold": SEMANTIC_THRESHOLD, **data}
        return data

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

    @field_validator("template")
    @classmethod
    def _a_sentence_with_a_value(cls, template: str) -> str:
        if "{v}" not in template:
            raise ValueError(f"the template `{template}` has no `{{v}}`, where the value goes")
        left = template.replace("{v}", "").replace("{field}", "")
        if "{" in left or "}" in left:
            raise ValueError(f"the template `{template}` has a brace that is neither `{{v}}` nor `{{field}}`")
        return template

    @model_validator(mode="after")
    def _nothing_without_effect(self) -> "FieldSpec":
        if (self.items is not None) != (self.type == "list"):
            raise ValueError(
                "a field of type `list` needs `items`, which say how its items are compared: items: {type: categorical}"
                if self.type == "list"
                else f"`items` is for the type `list`, not for `{self.type}`"
            )
        if bool(self.fields) != (self.type == "object"):
            raise ValueError(
                "a field of type `object` needs `fields`: fields: {city: {type: categorical}}"
                if self.type == "object"
                else f"`fields` is for the type `object`, not for `{self.type}`"
            )
        if self.type != "number" and (self.abs_tol, self.rel_tol) != (0.0, DEFAULT_REL_TOL):
            raise ValueError(f"`abs_tol` and `rel_tol` are for the type `number`, not for `{self.type}`")
        if self.values and self.type in ("list", "object"):
            raise ValueError("`values` is for scalars; give it to the items, or to the fields within")
        if self.items is not None and self.items.aliases:
            raise ValueError("items have no key, so they have no `aliases` either")
        for part in self.parts:
            default = SEMANTIC_THRESHOLD if part.type == "semantic" else 1.0
            if (part.weight, part.correct_threshold) != (1.0, default):
                raise ValueError("`weight` and `correct_threshold` are for whole fields, not for what is in them")
            if part.template != DEFAULT_TEMPLATE:
                raise ValueError("`template` is for whole fields, not for what is in them")
        if self.depth > MAX_DEPTH:
            raise ValueError(f"lists and objects are nested more than {MAX_DEPTH} deep")
        return self

    @property
    def parts(self) -> "tuple[FieldSpec, ...]":
        """What a list or an object is made of: its items, or its fields."""
        return tuple(self.fields.values()) if self.items is None else (self.items,)

    @cached_property
    def depth(self) -> int:
        """How deep lists and objects are nested in it; 0 for a scalar."""
        return 0 if self.type not in ("list", "object") else 1 + max(part.depth for part in self.parts)


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
