"""The benchmark file: YAML that says what is measured. Validated here, with a did-you-mean on unknown keys."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from peakbench.benchmarks.schema import FieldSchema, FieldSpec
from peakbench.errors import BadInputError
from peakbench.strict import StrictModel, read_yaml, validation_message


class MadeData(StrictModel):
    """Data that PeakBench renders itself, the same for everyone who names the same kind, number and seed."""

    kind: Literal["garments"]
    n: Annotated[int, Field(ge=1, le=1_000_000)]
    seed: Annotated[int, Field(ge=0)]


class DataSource(StrictModel):
    """Where the samples are: a JSONL file with images beside it, or data that PeakBench renders."""

    path: str | None = None
    """JSONL file, relative to the benchmark file; images are relative to the JSONL file's folder."""
    make: MadeData | None = None

    @model_validator(mode="after")
    def _one_source(self) -> "DataSource":
        if (self.path is None) == (self.make is None):
            raise ValueError("give either `path` (a JSONL file) or `make` (data that PeakBench renders), not both")
        return self


class Columns(StrictModel):
    """Which key of a row holds what."""

    id: str = "id"
    image: str = "image"
    """A path, or a list of paths in the order in which they are sent."""
    reference: str = "reference"
    """A JSON object, or a string that holds one."""
    cluster: str | None = None


class PromptTemplate(StrictModel):
    """A prompt that differs from sample to sample."""

    template: str
    """Jinja, rendered in a sandbox; the row's columns are its variables."""


class GenerationSettings(StrictModel):
    """How the models are told to write."""

    max_tokens: Annotated[int, Field(ge=1)] = 512
    temperature: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    stop: list[str] = []


FloorName = Literal["never_json", "always_null", "majority_value", "random_row", "oracle"]


class BenchmarkFile(StrictModel):
    """A benchmark, as it is written by people."""

    schema_version: Literal[1]
    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")]
    version: Annotated[int, Field(ge=1)]
    """Raise it whenever a number could change."""
    task: Literal["extraction"]
    title: str = ""
    description: str = ""
    licence: str = ""
    data: DataSource
    columns: Columns = Columns()
    prompt: str | PromptTemplate
    system: str = ""
    generation: GenerationSettings = GenerationSettings()
    fields: dict[str, FieldSpec]
    null_values: list[str] = []
    """Words that mean "nothing there", beside the registry's."""
    metrics: list[str] = []
    """Ids of the metrics to score; empty means every metric of the registry that applies to the task."""
    rank_by: str = "weighted_score"
    floors: list[FloorName] = ["never_json", "always_null", "majority_value", "random_row", "oracle"]

    @field_validator("prompt")
    @classmethod
    def _some_prompt(cls, prompt: str | PromptTemplate) -> str | PromptTemplate:
        text = prompt if isinstance(prompt, str) else prompt.template
        if not text.strip():
            raise ValueError("the prompt is empty")
        return prompt

    @model_validator(mode="after")
    def _fields_make_a_schema(self) -> "BenchmarkFile":
        FieldSchema(fields=self.fields, null_values=self.null_values)
        if self.metrics and self.rank_by not in self.metrics:
            raise ValueError(f"rank_by `{self.rank_by}` is not among the metrics: {', '.join(self.metrics)}")
        return self

    @property
    def schema_of_fields(self) -> FieldSchema:
        """The fields with the null words that hold for all of them."""
        return FieldSchema(fields=self.fields, null_values=self.null_values)

    @property
    def name(self) -> str:
        """`id@version`."""
        return f"{self.id}@{self.version}"


def read_benchmark_file(path: Path) -> BenchmarkFile:
    """Read and validate a benchmark file.

    Raises:
        BadInputError: If it is not there, is no YAML, or breaks the format; the message names the key.
    """
    raw: Any = read_yaml(path)
    try:
        return BenchmarkFile.model_validate(raw)
    except ValidationError as error:
        raise BadInputError(
            validation_message(path, error),
            mend="mend the file; `peakbench benchmarks show garments-demo --yaml` prints a whole one",
        ) from error
