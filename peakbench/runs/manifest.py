"""`run.json`: everything needed to repeat a run and to trust it; and the run's identity.

The *identity* is what decides whether two sessions of asking may fill one journal: benchmark, data, prompt,
generation settings, schema, model and revision, repeats, and the limit with its seed. Where a server is, how hard it
is asked and where files go belong to a *session*, so that a run can be resumed gently, or on another machine.
"""

from typing import Any, Literal

from pydantic import field_validator

from peakbench.benchmarks.values import without_surrogates
from peakbench.canonical import digest
from peakbench.strict import StrictModel


class ModelFacts(StrictModel):
    """What is evaluated. What is not known is null, and shown as "not published"."""

    name: str
    """The served name, as it is sent to the endpoint."""
    title: str | None = None
    """What boards call it; the served name when null."""
    architecture: str | None = None
    parameters: str | None = None
    training: str | None = None
    quantization: str | None = None
    hub_id: str | None = None
    revision: str | None = None
    note: str | None = None

    @field_validator("name")
    @classmethod
    def _some_name(cls, name: str) -> str:
        if not name.strip() or without_surrogates(name) != name:
            raise ValueError(f"the name of a model is a text, not {name!r}")
        return name


class TrainingFacts(StrictModel):
    """The training split that a benchmark names, as it was when the run began."""

    path: str
    digest: str
    """Over the completed references, whatever their order."""
    n: int
    """References counted."""
    n_skipped: int = 0
    """Bad rows that were left out, as the person asked."""
    majority: dict[str, Any]
    """Each field's most frequent value: what the floor `majority_value` answers. Kept, so that a run can be scored
    where the split is not."""


class DataFacts(StrictModel):
    """Where the data lies, and what it is."""

    path: str
    digest: str
    """Over the canonical samples that were asked: id, prompt, completed reference, image digests."""
    revision: str | None = None
    """The commit of a data set on the Hub, whatever branch or tag the benchmark names; else null."""
    n: int
    """Samples asked."""
    n_skipped: int = 0
    """Bad rows that were left out, as the person asked."""
    skipped: list[str] = []
    """What was wrong with them, the first thousand."""
    file_sha256: str | None = None
    """Of the data file's bytes, by which a run that goes on knows it again without reading every row; null where the
    data is no single file, or its samples have images."""
    training: TrainingFacts | None = None
    """Null when the benchmark names no training split: its majority is taken in-sample."""


class ServerFacts(StrictModel):
    """What the endpoint says of itself."""

    version: str | None = None
    owned_by: str | None = None
    root: str | None = None
    max_model_len: int | None = None


class Session(StrictModel):
    """One stretch of asking: from a start, or a resume, to an end."""

    started: str
    ended: str | None = None
    """Null when the process was killed, or is still asking."""
    base_url: str
    transport: str = "openai"
    """What asked: `http`, or the `openai` client, which was the only one before this was recorded."""
    headers: list[str] = []
    """Names of the headers that were sent beside the usual ones; never their values."""
    max_concurrency: int
    timeout_s: float
    max_retries: int
    server: ServerFacts = ServerFacts()


class Identity(StrictModel):
    """What must agree for two sessions to be one run."""

    kind: Literal["run", "floor"]
    benchmark: str
    data: str
    prompt: str
    generation: dict[str, Any]
    fields: str
    model: str
    revision: str | None
    repeats: int
    limit: int | None
    seed: int
    training: str | None = None
    """Digest of the training split's references; null when there is none."""

    @property
    def digest(self) -> str:
        """SHA-256, 64 hex digits."""
        return digest(self.model_dump(mode="json"))

    def differences(self, other: "Identity") -> dict[str, tuple[Any, Any]]:
        """The keys that differ, with this identity's value and the other's."""
        mine, theirs = self.model_dump(mode="json"), other.model_dump(mode="json")
        return {key: (mine[key], theirs[key]) for key in mine if mine[key] != theirs[key]}


class RunManifest(StrictModel):
    """The whole of `run.json`."""

    schema_version: Literal[1] = 1
    run_id: str
    identity: Identity
    identity_digest: str
    benchmark: dict[str, Any]
    """The resolved benchmark file."""
    benchmark_path: str
    data: DataFacts
    model: ModelFacts
    created: str
    finished: str | None = None
    """When every request was settled; null until then."""
    sessions: list[Session] = []
    hardware: dict[str, str]
    """Of the machine that asked."""
    packages: dict[str, str]
    """Versions of Python, PeakBench and what it stands on."""
    registry: str | None = None
    """Digest of the metric registry that the run was begun with; null in files older than this key."""
    code_revision: str | None
    """Commit of the checkout, with `+changes` when it was changed; null for an installed package."""
    note: str = ""
