"""`run.json`: everything needed to repeat a run and to trust it; and the run's identity.

The *identity* is what decides whether two sessions of asking may fill one journal: benchmark, data, prompt,
generation settings, schema, model and revision, repeats, and the limit with its seed. Where a server is, how hard it
is asked and where files go belong to a *session*, so that a run can be resumed gently, or on another machine.
"""

from typing import Any, Literal

from pydantic import field_validator

from peakbench.benchmarks.boxes import BoxConvention
from peakbench.benchmarks.values import without_surrogates
from peakbench.canonical import digest
from peakbench.strict import StrictModel

FactSource = Literal["file", "command", "config", "weights", "path", "server"]
"""Who says a fact: the run file, the command line, the model's own `config.json`, the headers of its weights, the place
of its folder in a Hub cache, or its server."""


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
    """Of the model; of the adapter where there is one."""
    note: str | None = None
    family: str | None = None
    """Models that are built alike: `model_type` of the config, such as `qwen3_vl`."""
    parameter_count: int | None = None
    """The exact number behind `parameters`, where it was counted."""
    base: str | None = None
    """Of an adapter: the model that it is laid over."""
    adapter: str | None = None
    """A LoRA or the like that the server lays over `base`."""
    path: str | None = None
    """Folder of the model's files on this machine, which is read for what is not given."""
    boxes: BoxConvention | None = None
    """How the model writes boxes, when that is not what the benchmark says of answers."""
    sources: dict[str, FactSource] = {}
    """Fact to who says it."""

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
    parent: str | None = None
    """Of an adapter: the served name of its base."""
    listed: bool = True
    """Whether its list of models holds the one that is asked; without a list, or with an empty one, a first request
    tells whether it answers for it."""


class ServedFacts(StrictModel):
    """A server that PeakBench started: how, on what, and what it counted."""

    command: list[str]
    """The words of its command line, without secrets."""
    environment: dict[str, str] = {}
    """The variables that the run file gives it, without secrets."""
    digest: str
    """SHA-256 of command and variables, whatever the port and the secrets; a part of the fingerprint."""
    ready_s: float
    """Seconds from its start until it was ready."""
    gpus: list[str] | None = None
    """Names of the machine's GPUs, as `nvidia-smi` tells; null when it does not."""
    driver: str | None = None
    """Version of the GPUs' driver."""
    log: str | None = None
    """Name of its log in the run folder; null when it could not be kept there."""
    counters: dict[str, float] | None = None
    """What the counters of its `/metrics` rose by meanwhile, summed over labels; null when it has none, or was
    gone at the end."""


class EndpointUse(StrictModel):
    """One of several endpoints of a session."""

    base_url: str
    server: ServerFacts | None
    """Null when it did not answer at the start: then it was not asked."""
    answered: int | None = None
    """Requests it answered; null when it was not asked, or until the session ends."""
    failed: int | None = None
    """Attempts that failed at it, those among them that another endpoint answered."""
    left_out: int | None = None
    """How often it was left out for a while."""


class ConcurrencyCourse(StrictModel):
    """How the number of requests at once went in a session that found it out itself."""

    start: int
    highest: int
    final: int
    cuts: int
    """How often it was cut, since the server said 429."""


class Session(StrictModel):
    """One stretch of asking: from a start, or a resume, to an end."""

    started: str
    ended: str | None = None
    """Null when the process was killed, or is still asking."""
    base_url: str
    """Where it was asked; the first that answered, where there were several."""
    endpoints: list[EndpointUse] = []
    """All of them, where there were several; empty where there was one."""
    transport: str = "openai"
    """What asked: `http`, or the `openai` client, which was the only one before this was recorded."""
    images_as: str = "base64"
    """How image files were sent: `base64`, their bytes, or `file`, their place on a disk that the server sees too."""
    stream: bool = False
    """Whether answers were asked for as streams."""
    headers: list[str] = []
    """Names of the headers that were sent beside the usual ones; never their values."""
    max_concurrency: int
    """Requests at once: so many, or at most so many where it was adaptive."""
    adaptive: bool = False
    """Whether asking found out itself how many at once."""
    course: ConcurrencyCourse | None = None
    """Null when it was not adaptive, or until the session ends."""
    timeout_s: float
    stall_timeout_s: float | None = None
    """Longest silence of a server that had begun to answer; null in files older than this key: none was set."""
    max_retries: int
    warmup: int = 0
    """Requests sent before the clock started; their answers are neither kept nor counted."""
    duration_s: float | None = None
    """Seconds from the first request to the last record, by a clock that nobody sets; warm-up is not in it. Null until
    the session ends, and so for ever when the process was killed."""
    server: ServerFacts = ServerFacts()
    served: ServedFacts | None = None
    """Null for a server that PeakBench did not start."""


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
    variant: str | None = None
    """What tells this run from others of the same model in one sweep, in words; null where there is but one."""

    @property
    def digest(self) -> str:
        """SHA-256, 64 hex digits."""
        dumped = self.model_dump(mode="json")
        if self.variant is None:  # as it was before there were variants
            del dumped["variant"]
        return digest(dumped)

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
