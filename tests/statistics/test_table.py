"""The table of scores, gone through in parts: what is made of it is what plain loops over its rows make of it."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_pooled import Correlation
from test_summary import metric, row, table

from peakbench.errors import BadInputError
from peakbench.runs.scores import ScoreGroups, ScoreRow, ScoresWriter, groups_of_file, groups_of_table
from peakbench.statistics.cells import RowCells, ScoreCells
from peakbench.statistics.table import ScoreTable

SAMPLES = ["b", "ä", "a", "a-long-name", "𝒳", "", "10", "9"]
PARTS = ["", "field=x", "field=é"]
CLUSTERS = {"b": "two", "a": "two", "ä": "one"}
PLACES = st.tuples(st.sampled_from(SAMPLES), st.sampled_from(PARTS), st.integers(0, 3), st.sampled_from("mno"))
NUMBERS = st.floats(-1e6, 1e6)
SCORES = st.tuples(st.none() | NUMBERS, st.none() | st.tuples(NUMBERS, NUMBERS), st.sampled_from([None, "x", "y"]))
TABLES = st.dictionaries(PLACES, SCORES, min_size=1, max_size=30).flatmap(
    lambda made: st.permutations(list(made.items()))
)


def rows_of(made: Sequence[Any]) -> list[ScoreRow]:
    return [
        row(sample, value, name, part, repeat=repeat, stats=stats, reason=reason, cluster=CLUSTERS.get(sample))
        for (sample, part, repeat, name), (value, stats, reason) in made
    ]


def parted(rows: Sequence[ScoreRow], size: int) -> ScoreGroups:
    """The rows in parts of so many, each with a numbering of its own."""

    def groups(columns: Sequence[str]) -> Iterator[Any]:
        for start in range(0, len(rows), size):
            yield table(rows[start : start + size]).select(list(columns))

    return groups


def same(found: Any, expected: Any) -> bool:
    return np.array_equal(np.array(found, dtype=np.float64), np.array(expected, dtype=np.float64), equal_nan=True)


@settings(max_examples=40)
@given(TABLES, st.integers(1, 50), st.sampled_from([1, 1500, 10**9]))
def test_scores_are_what_plain_loops_make_of_the_rows(made: Sequence[Any], size: int, at_once: int) -> None:
    rows = rows_of(made)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("peakbench.statistics.table._BYTES_AT_ONCE", at_once)
        found = ScoreTable(parted(rows, size))
        names = sorted({one.sample_id for one in rows})
        wanted = {name: metric(name) for name in "omn"}
        seen = []
        for batch in found.batches(wanted):
            for name, cells in batch.items():
                seen.append(name)
                assert isinstance(cells, ScoreCells)
                check_scores(cells, [one for one in rows if one.metric == name], names, rows, found.reason_names)
    assert seen == list(wanted)
    assert found.n_samples == len(names)
    assert found.cluster_names == sorted({CLUSTERS[name] for name in names if name in CLUSTERS})
    assert [found.cluster_names[code] if code >= 0 else None for code in found.clusters] == [
        CLUSTERS.get(name) for name in names
    ]
    assert found.repeated == any(one.repeat for one in rows)


def check_scores(
    cells: ScoreCells, rows: list[ScoreRow], names: list[str], everything: list[ScoreRow], reasons: list[str]
) -> None:
    parts = sorted({one.slice for one in rows} | {one.slice for one in everything if not one.slice})
    scores = cells.scores(reasons)
    assert scores.slices == parts
    undefined: dict[str, int] = {}
    for place, part in enumerate(parts):
        for sample, name in enumerate(names):
            own = sorted(
                (one for one in rows if (one.slice, one.sample_id) == (part, name)), key=lambda one: one.repeat
            )
            values = [one.value for one in own if one.value is not None]
            stats = [one.stats for one in own if one.stats is not None]
            assert scores.present[place, sample] == bool(own)
            assert scores.counted[place, sample] == bool(values or stats)
            assert same(scores.values[place, sample], plain_mean(values))
            assert same(
                scores.statistics[place, sample],
                [plain_mean([one[k] for one in stats]) if stats else 0.0 for k in range(2)],
            )
            if scores.repeats is not None and scores.spread is not None:
                assert scores.repeats[place, sample] == len(values)
                spread = float(np.var(values, ddof=1)) if len(values) > 1 else math.nan
                assert scores.spread[place, sample] == pytest.approx(spread, rel=1e-9, abs=1e-6, nan_ok=True)
            else:
                assert len(values) < 2
            if own and not part and not values and not stats:
                why = own[0].reason or "no reason given"
                undefined[why] = undefined.get(why, 0) + 1
    assert scores.reasons == undefined


def plain_mean(values: Sequence[float]) -> float:
    """One added to the other, as they come."""
    total = 0.0
    for value in values:
        total += value
    return total / len(values) if values else math.nan


@settings(max_examples=40)
@given(TABLES, st.integers(1, 50))
def test_rows_are_those_of_the_table_in_the_order_of_the_repeats(made: Sequence[Any], size: int) -> None:
    rows = rows_of(made)
    rows = [one for one in rows if one.metric == "m"] or [row("a", None)]
    names = sorted({one.sample_id for one in rows})
    used = {"m": Correlation(metric("m", "none", statistics=["one", "other"]).definition, None)}
    scores = ScoreTable(parted(rows, size))
    ((cells,),) = (batch.values() for batch in scores.batches(used))
    assert isinstance(cells, RowCells)
    found = cells.scores(scores.reason_names)
    for place, part in enumerate(found.slices):
        for sample, name in enumerate(names):
            own = [one for one in rows if (one.slice, one.sample_id) == (part, name) and one.stats is not None]
            expected = [[one.stats] for one in sorted(own, key=lambda one: one.repeat)]
            assert [numbers.tolist() for numbers in found.rows[place][sample]] == [
                [list(stats or ()) for stats in one] for one in expected
            ]
            assert found.counted[place, sample] == bool(own)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_what_is_wrong_is_told_wherever_the_parts_end(size: int) -> None:
    twice = [row("b", 1.0), row("a", 1.0), row("a", 0.0)]
    with pytest.raises(BadInputError, match="sample a is scored twice by m"):
        list(ScoreTable(parted(twice, size)).batches({"m": metric("m")}))
    torn = [row("b", 1.0), row("a", 1.0, cluster="x"), row("a", 0.0, repeat=1, cluster="y")]
    with pytest.raises(BadInputError, match="sample a stands in two clusters"):
        ScoreTable(parted(torn, size))
    half = [row("b", 1.0), row("a", 1.0, cluster="x"), row("a", 0.0, repeat=1)]
    with pytest.raises(BadInputError, match="sample a stands in two clusters"):
        ScoreTable(parted(half, size))


def test_texts_that_are_not_numbered_yet_and_parts_of_a_table_are_read_too() -> None:
    rows = [
        row(f"s{i % 7}", i / 30, repeat=i // 7, cluster=f"c{i % 2 or None}" if i % 7 == 3 else None)
        for i in (3, 1, 2, 9)
    ]
    whole = table([row("other", 1.0), *rows, row("last", 1.0)]).slice(1, 4)
    plain = whole.cast(whole.schema.set(0, whole.schema.field("sample_id").with_type(pa.string())))
    for given_table in (whole, plain):
        found = ScoreTable(groups_of_table(given_table))
        ((cells,),) = (batch.values() for batch in found.batches({"m": metric("m")}))
        assert found.n_samples == 3
        assert isinstance(cells, ScoreCells)
        assert same(cells.scores([]).statistics[0, :, 0], [1 / 30, (2 / 30 + 9 / 30) / 2, 3 / 30])


def test_a_file_is_read_as_often_as_its_metrics_need_and_no_part_stays(tmp_path: Path) -> None:
    path = tmp_path / "scores.parquet"
    with ScoresWriter(path) as writer:
        writer.write(row(f"s{i}", i / 10, name) for i in range(10) for name in "mn")
    read: list[Sequence[str]] = []

    def groups(columns: Sequence[str]) -> Iterator[Any]:
        read.append(columns)
        return groups_of_file(path)(columns)

    list(ScoreTable(groups).batches({name: metric(name) for name in "mn"}))
    assert len(read) == 2
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("peakbench.statistics.table._BYTES_AT_ONCE", 1)
        list(ScoreTable(groups).batches({name: metric(name) for name in "mn"}))
    assert len(read) == 2 + 3
    assert all("value" not in columns for columns in (read[0], read[2]))
    assert list(ScoreTable(groups).batches({})) == []
