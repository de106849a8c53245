"""`board.json`: the board as data, from which every table, page and chart is made. Fractions, never percent."""

from typing import Literal

from peakbench.runs.results import Direction
from peakbench.strict import StrictModel


class BoardValue(StrictModel):
    """A metric's value for a run."""

    value: float | None
    ci: tuple[float, float] | None
    """95 % interval; null when it cannot be given."""
    n: int
    n_defined: int


class BoardMetric(StrictModel):
    """A metric that has a column of its own."""

    id: str
    title: str
    unit: str
    direction: Direction
    range: tuple[float, float | None]
    interval: str
    """How its intervals were made."""
    clusters: int
    """Clusters of samples that the intervals respect; 0 where there are none."""


class BoardRow(StrictModel):
    """A run on the board."""

    kind: Literal["model", "floor", "ceiling"]
    """A floor is a trivial system; the ceiling answers with the reference. Neither has a rank."""
    rank: int | None
    """Competition rank among the models (1, 2, 2, 4)."""
    unranked: str | None
    """Why a run that has no place by its value has none."""
    model: str
    title: str
    """What the board calls it; unique on the board."""
    run_id: str
    metrics: dict[str, BoardValue]
    n: int
    repeats: int
    n_failed: int
    n_unparsed: int
    n_truncated: int
    throughput: float | None
    """Answered samples a second."""
    median_e2el_ms: float | None
    max_concurrency: list[int]
    architecture: str | None
    parameters: str | None
    training: str | None
    quantization: str | None
    hub_id: str | None
    started: str
    hardware: str | None
    server: str | None
    note: str
    superseded: int
    """Earlier runs of the same model that are not shown."""


class Board(StrictModel):
    """The whole of `board.json`."""

    schema_version: Literal[1] = 1
    benchmark: str
    """`id@version`."""
    rank_by: str
    columns: list[BoardMetric]
    """The metric that ranks first, then the other headline metrics."""
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

    @property
    def ranking(self) -> BoardMetric:
        """The metric that ranks."""
        return self.columns[0]
