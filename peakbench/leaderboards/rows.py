"""`board.json`: the board as data, from which every table, page and chart is made. Fractions, never percent."""

from dataclasses import dataclass
from typing import Literal

from peakbench.leaderboards.reported import ReportedTable
from peakbench.runs.results import Direction
from peakbench.strict import StrictModel


@dataclass(frozen=True, slots=True)
class ReferenceLine:
    """A value that a benchmark states to compare with, such as the agreement of people.

    Attributes:
        name: What the board calls it; lines of one name share a row.
        metric: The metric's id.
        value: In the metric's unit and range: a fraction, not percent.
        slice: `field=type` and the like; empty for whole samples.
        note: What a reader should know of it.
    """

    name: str
    metric: str
    value: float
    slice: str = ""
    note: str = ""


class BoardValue(StrictModel):
    """A metric's value for a run, or the one that a reference states."""

    value: float | None
    ci: tuple[float, float] | None
    """95 % interval; null when it cannot be given."""
    n: int | None
    """Samples in the denominator; null for a reference."""
    n_defined: int | None


class BoardMetric(StrictModel):
    """What a column holds: a metric, or one slice of it."""

    id: str
    title: str
    unit: str
    direction: Direction
    range: tuple[float | None, float | None]
    interval: str
    """How its intervals were made."""
    clusters: int
    """Clusters of samples that the intervals respect; 0 where there are none."""
    slice: str = ""
    """`field=type` and the like; empty for whole samples."""

    @property
    def key(self) -> str:
        """Where a row's `metrics` hold its value: `field_f1`, or `field_f1[field=type]` for a slice."""
        return f"{self.id}[{self.slice}]" if self.slice else self.id


class BoardRow(StrictModel):
    """A run on the board, or a reference."""

    kind: Literal["model", "floor", "ceiling", "reference"]
    """A floor is a trivial system; the ceiling answers with the reference of each sample; a reference is a value that
    the benchmark states, with no run behind it. None of them has a rank."""
    rank: int | None
    """Competition rank among the models (1, 2, 2, 4)."""
    unranked: str | None
    """Why a row that has no place by its value has none; null on a board that is not ranked."""
    model: str
    title: str
    """What the board calls it; unique on the board."""
    run_id: str | None
    """Null, like the counts, for a reference."""
    metrics: dict[str, BoardValue]
    """By the `key` of the column; and every other metric of the run by its id."""
    n: int | None
    repeats: int | None
    n_failed: int | None
    n_unparsed: int | None
    n_truncated: int | None
    warnings: list[str] = []
    """What a reader should look at before trusting the run's numbers."""
    throughput: float | None
    """Answered samples a second."""
    median_e2el_ms: float | None
    median_ttft_ms: float | None = None
    """Null unless answers were streamed."""
    max_concurrency: list[int]
    architecture: str | None
    parameters: str | None
    training: str | None
    quantization: str | None
    hub_id: str | None
    started: str
    hardware: str | None
    answers: str
    """How the server held answers to a schema; `free` for the prompt alone."""
    server: str | None
    note: str
    superseded: int
    """Earlier runs of the same model that are not shown."""


class BreakdownPart(StrictModel):
    """A column of a breakdown: a field, a label, a cluster, or an outcome."""

    name: str
    n: int
    """Samples in it."""


class BreakdownRow(StrictModel):
    """A run in a breakdown."""

    title: str
    """That of its row on the board."""
    kind: Literal["model", "floor", "ceiling"]
    value: float | None
    """Of the whole run."""
    values: list[float | None]
    """One for each part, in their order."""


class Breakdown(StrictModel):
    """A metric's values for parts of what was asked."""

    metric: str
    title: str
    unit: str
    direction: Direction
    parts: list[BreakdownPart]
    rows: list[BreakdownRow]
    """In the order of the board."""


class Board(StrictModel):
    """The whole of `board.json`."""

    schema_version: Literal[1] = 1
    benchmark: str
    """`id@version`."""
    rank_by: str | None
    """Null when the benchmark declares nothing to rank by."""
    columns: list[BoardMetric]
    """The metric that ranks first, if there is one; the other headline metrics; what else references are of."""
    rates: list[BoardMetric]
    """The parse rates, which tables show beside the columns."""
    comparable: dict[str, str]
    """What all runs agree in."""
    max_error_rate: float
    created: str | None
    findings: list[str]
    """What the board says, in sentences made from its rows."""
    notes: list[str]
    """What a reader has to know beside the table."""
    descriptions: list[str]
    """What each floor answers, and what is to be known of a model."""
    rows: list[BoardRow]
    """In the order of the board."""
    breakdowns: list[Breakdown] = []
    """The headline metric and the rates of invented and omitted values by field, the outcomes, and by cluster."""
    reported: list[ReportedTable] = []
    """What others report of their models, apart from the rows: not measured here, and not ranked."""

    @property
    def compared_by(self) -> BoardMetric:
        """What findings and chart are about.

        The metric that ranks; where none does, the JSON parse rate, or the first column if no run has that rate.
        """
        if self.rank_by is not None:
            return self.columns[0]
        rate = self.rates[0]
        measured = any(row.kind != "reference" and rate.key in row.metrics for row in self.rows)
        return rate if measured or not self.columns else self.columns[0]
