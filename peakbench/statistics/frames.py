"""Scores and results as pandas frames, for people who go on in Python.

Text columns are plain text (no categories), so that frames of several runs can be joined as they are; what is missing
is missing as pandas says it (`NaN`), and a sample that contributes nothing has None for its statistics.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from peakbench.runs.results import MetricResult, Result

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


def scores_frame(table: "pa.Table") -> "pd.DataFrame":
    """The table of scores as a frame: a row a sample × repeat × metric × slice.

    Args:
        table: The columns of `peakbench.runs.scores.scores_schema`.

    Returns:
        Columns `sample_id`, `repeat`, `cluster`, `metric`, `slice` (empty for the whole sample), `value` (in the
        metric's range), `reason` (why there is no value), `stats` (an array of the sufficient statistics; their names
        are the keys of the result's `counts`).
    """
    import pyarrow as pa

    plain = pa.schema([_plain(field) for field in table.schema])
    frame: pd.DataFrame = table.cast(plain).to_pandas()
    return frame


def _plain(field: "pa.Field") -> "pa.Field":
    import pyarrow as pa

    return field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field


def results_frame(results: Mapping[str, MetricResult], *, slices: bool = False) -> "pd.DataFrame":
    """Results as a frame: a row a metric, and one for each of its slices where they are wanted.

    Args:
        results: Metric id to result.
        slices: Whether fields and clusters have rows of their own.

    Returns:
        Columns `metric`, `slice` (empty for the whole run), `value`, `ci_low`, `ci_high` (the 95 % interval), `n`,
        `n_defined`, `unit`, `direction` (which way is better). Fractions are 0..1, never percent.
    """
    import pandas as pd

    columns = ["metric", "slice", "value", "ci_low", "ci_high", "n", "n_defined", "unit", "direction"]
    return pd.DataFrame(_rows(results, slices), columns=columns).astype(
        {"value": "float64", "ci_low": "float64", "ci_high": "float64"}
    )


def _rows(results: Mapping[str, MetricResult], slices: bool) -> Iterator[tuple[Any, ...]]:
    for name, metric in results.items():
        parts: dict[str, Result] = {"": metric, **(metric.slices if slices else {})}
        for part, result in parts.items():
            low, high = result.ci or (None, None)
            yield (
                *(name, part, result.value, low, high, result.n, result.n_defined),
                *(metric.unit, metric.direction),
            )
