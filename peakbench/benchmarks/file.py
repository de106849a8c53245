"""The benchmark file: YAML that says what is measured. Validated here, with a did-you-mean on unknown keys."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue, ValidationError, field_validator, model_validator

from peakbench.benchmarks.boxes import BoxConvention
from peakbench.benchmarks.response_schema import check_response_schema, check_values, items_schema, object_schema
from peakbench.benchmarks.schema import FieldSchema, FieldSpec
from peakbench.errors import BadInputError
from peakbench.strict import StrictModel, read_yaml, validation_message

Task = Literal["extraction", "grounding", "text"]


class MadeData(StrictModel):
    """Data that PeakBench renders itself, the same for everyone who names the same kind, number and seed."""

    kind: Literal["garments", "defects"]
    n: Annotated[int, Field(ge=1, le=1_000_000)]
    seed: Annotated[int, Field(ge=0)]


class HubData(StrictModel):
    """A data set on the Hugging Face Hub, read through `datasets` (the extra `peakbench[datasets]`)."""

    repo: str
    """Such as `org/name`."""
    split: str
    revision: Annotated[str, Field(min_length=1)]
    """A commit, tag or branch; a commit says for ever the same."""
    config: str | None = None


class DataSource(StrictModel):
    """Where the samples are: a file or folder, the Hub, or data that PeakBench renders."""

    path: str | None = None
    """JSONL, CSV or Parquet, or a folder that `datasets` saved; relative to the benchmark file. Images that are paths
    are relative to the folder the data lies in."""
    hub: HubData | None = None
    make: MadeData | None = None

    @model_validator(mode="after")
    def _one_source(self) -> "DataSource":
        if sum(source is not None for source in (self.path, self.hub, self.make)) != 1:
            raise ValueError("give one of `path` (a file), `hub` (a data set on the Hub) and `make` (rendered data)")
        return self


class RowTemplate(StrictModel):
    """A text made of a row."""

    template: str
    """Jinja, rendered in a sandbox; the row's columns are its variables."""


class Columns(StrictModel):
    """Which column of a row holds what."""

    id: str | RowTemplate | None = "id"
    """A column, or a template over several; null takes the row's number."""
    image: str | list[str] | None = "image"
    """A path, bytes or a data URL, or a list of them, in the order in which they are sent; several columns (front,
    back, tag) in theirs; null for a benchmark of text."""
    reference: str = "reference"
    """A JSON object or list, or a string that holds one; for the task `text` a text."""
    cluster: str | None = None
    """Samples that are not independent of one another share a value of it."""
    evidence: str | None = None
    """What a text may be checked against, beside its prompt."""

    @property
    def images(self) -> tuple[str, ...]:
        """The columns of images, in order."""
        if self.image is None:
            return ()
        return (self.image,) if isinstance(self.image, str) else tuple(self.image)


class PromptColumn(StrictModel):
    """A prompt that each row carries."""

    column: str


class GenerationSettings(StrictModel):
    """How the models are told to write."""

    max_tokens: Annotated[int, Field(ge=1)] = 512
    temperature: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    stop: list[str] = []


class BoxConventions(StrictModel):
    """How boxes are written in the references and, apart from that, in the answers."""

    references: BoxConvention
    answers: BoxConvention
    keys: Annotated[list[str], Field(min_length=1)] = ["box_2d", "bbox_2d"]
    """Keys that a box may have in an item, the first one preferred."""


class ReferenceLine(StrictModel):
    """A value to compare with, such as the agreement of people; shown on boards, never ranked."""

    name: str
    metric: str
    value: float
    """In the metric's unit: a fraction, not percent."""
    slice: str = ""
    note: str = ""


FloorName = Literal[
    "never_json",
    "always_null",
    "majority_value",
    "random_row",
    "defects_always_empty",
    "defects_whole_image",
    "oracle",
]
FLOORS_OF_TASK: Mapping[Task, tuple[FloorName, ...]] = {
    "extraction": ("never_json", "always_null", "majority_value", "random_row", "oracle"),
    "grounding": ("never_json", "defects_always_empty", "defects_whole_image", "random_row", "oracle"),
    "text": ("random_row", "oracle"),
}


class BenchmarkFile(StrictModel):
    """A benchmark, as it is written by people."""

    schema_version: Literal[1]
    extends: str | None = None
    """Another benchmark file, or a built-in one, whose keys hold where this file gives none; maps are merged. Its
    `training` holds only where this file gives no `data` of its own."""
    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")]
    version: Annotated[int, Field(ge=1)]
    """Raise it whenever a number could change."""
    task: Task
    title: str = ""
    description: str = ""
    licence: str = ""
    citation: str = ""
    verified: str = ""
    """What has not been checked about this file, for a reader to know."""
    data: DataSource
    training: DataSource | None = None
    """For the task `extraction`: a training split, whose references the floor `majority_value` is taken from, read by
    the same columns. Without one it is taken from the samples that it answers, and marked `in-sample`."""
    columns: Columns = Columns()
    prompt: str | RowTemplate | PromptColumn
    system: str = ""
    generation: GenerationSettings = GenerationSettings()
    fields: dict[str, FieldSpec] = {}
    """For the task `extraction`: the fields of the answer, in order."""
    null_values: list[str] = []
    """Words that mean "nothing there", beside the registry's."""
    labels: dict[str, list[str]] = {}
    """For the task `grounding`: label to the words that mean the same."""
    boxes: BoxConventions | None = None
    """For the task `grounding`: order and scale of boxes, for references and for answers apart."""
    response_schema: dict[str, JsonValue] | None = None
    """A JSON Schema (draft 2020-12) of the answer; when it is not given, it follows from the fields, or from the labels
    and boxes."""
    metrics: list[str] = []
    """Ids of the metrics to score; empty means every metric of the registry that applies to the task."""
    rank_by: str | None = None
    """The metric that boards rank by; `weighted_score` for the task `extraction` when it is not given, and nothing for
    the others."""
    floors: list[FloorName] | None = None
    """Trivial systems on every board; those of the task when it is not given."""
    reference_lines: list[ReferenceLine] = []

    @field_validator("prompt")
    @classmethod
    def _some_prompt(cls, prompt: str | RowTemplate | PromptColumn) -> str | RowTemplate | PromptColumn:
        text = prompt.template if isinstance(prompt, RowTemplate) else prompt
        if isinstance(text, str) and not text.strip():
            raise ValueError("the prompt is empty")
        return prompt

    @field_validator("response_schema")
    @classmethod
    def _a_json_schema(cls, schema: dict[str, JsonValue] | None) -> dict[str, JsonValue] | None:
        if schema is not None:
            check_response_schema(schema)
        return schema

    @model_validator(mode="after")
    def _whole_for_its_task(self) -> "BenchmarkFile":
        needs = {"extraction": ["fields"], "grounding": ["labels", "boxes"], "text": []}[self.task]
        for key in ("fields", "labels", "boxes"):
            given = bool(getattr(self, key))
            if key in needs and not given:
                raise ValueError(f"the task `{self.task}` needs `{key}`")
            if key not in needs and given:
                raise ValueError(f"`{key}` is not for the task `{self.task}`")
        if self.response_schema is not None and self.task == "text":
            raise ValueError("`response_schema` is not for the task `text`, whose answers are no JSON")
        check_values(self.fields)
        if self.fields:
            FieldSchema(fields=self.fields, null_values=self.null_values)
        self._require_fit_training()
        if self.metrics and self.ranked_by is not None and self.ranked_by not in self.metrics:
            raise ValueError(f"rank_by `{self.ranked_by}` is not among the metrics: {', '.join(self.metrics)}")
        wrong = [floor for floor in self.floors or () if floor not in FLOORS_OF_TASK[self.task]]
        if wrong:
            known = ", ".join(FLOORS_OF_TASK[self.task])
            raise ValueError(f"the floor `{wrong[0]}` is not for the task `{self.task}`, which has {known}")
        return self

    def _require_fit_training(self) -> None:
        training, data = self.training, self.data
        if training is None:
            return
        if self.task != "extraction":
            raise ValueError(f"`training` is not for the task `{self.task}`, which has no majority value")
        if training.make is not None and training.make.kind != "garments":
            raise ValueError(f"`training` cannot be rendered {training.make.kind}, which have no fields")
        same_seed = training.make and data.make and training.make.seed == data.make.seed
        if training == data or same_seed:
            raise ValueError("`training` names the very samples that are asked about; name others, or leave it out")

    @property
    def schema_of_fields(self) -> FieldSchema | None:
        """The fields with the null words that hold for all of them; None for a task without fields."""
        return FieldSchema(fields=self.fields, null_values=self.null_values) if self.fields else None

    @property
    def answer_schema(self) -> dict[str, Any] | None:
        """The JSON Schema of answers that is in force: the file's own, or what follows from it; None for texts."""
        if self.response_schema is not None:
            return dict(self.response_schema)
        if self.fields:
            return object_schema(self.fields)
        return items_schema(list(self.labels), self.boxes.keys[0]) if self.boxes else None

    @property
    def box_conventions(self) -> BoxConventions:
        """The declared conventions of a grounding benchmark."""
        assert self.boxes is not None, "a grounding benchmark declares its boxes"
        return self.boxes

    @property
    def ranked_by(self) -> str | None:
        """The metric that boards rank by; None for a benchmark that declares nothing to rank by."""
        return self.rank_by or ("weighted_score" if self.task == "extraction" else None)

    @property
    def all_floors(self) -> tuple[FloorName, ...]:
        """The floors of every board."""
        return FLOORS_OF_TASK[self.task] if self.floors is None else tuple(self.floors)

    @property
    def name(self) -> str:
        """`id@version`."""
        return f"{self.id}@{self.version}"


_SOURCES = ("data", "training")
"""Keys of a benchmark file that name a source of data."""


def read_benchmark_file(path: Path, builtin: Path | None = None) -> BenchmarkFile:
    """Read and validate a benchmark file.

    Args:
        path: The file.
        builtin: Folder of the built-in files, which `extends` may name.

    Raises:
        BadInputError: If it is not there, is no YAML, or breaks the format; the message names the key.
    """
    raw = _extended(path, builtin, ())
    try:
        return BenchmarkFile.model_validate(raw)
    except ValidationError as error:
        raise BadInputError(
            validation_message(path, error),
            mend="mend the file; `peakbench benchmarks show garments-demo --yaml` prints a whole one",
        ) from error


def _extended(path: Path, builtin: Path | None, seen: tuple[Path, ...]) -> Any:
    """The file's content over that of the file it extends, whose own paths are kept relative to where it lies."""
    raw = read_yaml(path)
    if not isinstance(raw, dict) or not isinstance(raw.get("extends"), str):
        return raw
    name = raw["extends"]
    other = path.parent / name
    if not other.is_file() and builtin is not None and (builtin / f"{name}.yaml").is_file():
        other = builtin / f"{name}.yaml"
    if not other.is_file():
        raise BadInputError(
            f"{path}: extends `{name}`, which is no file there", mend="name a file, or a built-in benchmark"
        )
    if other.resolve() in seen:
        raise BadInputError(f"{path}: `extends` goes round in a circle", mend="take one of them out")
    base = _extended(other, builtin, (*seen, path.resolve()))
    if isinstance(base, dict):
        if "data" in raw:  # a training split belongs to the data that it was split from
            base = {key: value for key, value in base.items() if key != "training"}
        for key in _SOURCES:
            source = base.get(key)
            if isinstance(source, dict) and isinstance(source.get("path"), str):
                base = {**base, key: {**source, "path": str(other.parent / source["path"])}}
    return _merged(base, raw)


def _merged(base: Any, over: Any) -> Any:
    """Maps key by key; where a source of data is given, it replaces the other's."""
    if not (isinstance(base, dict) and isinstance(over, dict)):
        return over
    whole = {**base}
    for key, value in over.items():
        whole[key] = value if key in (*_SOURCES, "prompt") else _merged(base.get(key), value) if key in base else value
    return whole
