import pytest
from board_parts import HEADLINE, entry, floor, performance
from hypothesis import given
from hypothesis import strategies as st

from peakbench.leaderboards.board import build_board
from peakbench.leaderboards.entries import BoardEntry
from peakbench.runs.results import Result


def say(*entries: BoardEntry) -> list[str]:
    return build_board(entries, HEADLINE).findings


def test_the_leader_is_named_with_distance_and_intervals() -> None:
    assert say(entry("a", 0.9), entry("b", 0.8)) == [
        "a leads with 90.0 % weighted score, 10.0 points ahead of b (80.0 %); their 95 % intervals do not overlap."
    ]
    assert say(entry("a", 0.9), entry("b", 0.89))[0].endswith(
        "1.0 point ahead of b (89.0 %); their 95 % intervals overlap."
    )


def test_without_intervals_nothing_is_said_of_them() -> None:
    assert say(entry("a", 0.9, None), entry("b", 0.8)) == [
        "a leads with 90.0 % weighted score, 10.0 points ahead of b (80.0 %)."
    ]


def test_a_small_lead_is_never_none() -> None:
    assert "less than 0.1 points ahead" in say(entry("a", 0.9), entry("b", 0.8999))[0]


def test_nobody_leads_who_is_tied() -> None:
    assert say(entry("a", 0.9), entry("b", 0.9), entry("c", 0.2)) == [
        "a and b share the first rank with 90.0 % weighted score."
    ]


def test_a_shared_second_rank_names_nobody() -> None:
    assert (
        "ahead of 2 models that share the second rank (50.0 %)."
        in say(entry("a", 0.9), entry("b", 0.5), entry("c", 0.5))[0]
    )


def test_a_single_model_leads_nobody() -> None:
    assert say(entry("a", 0.9)) == [
        "a is the only ranked model: 90.0 % weighted score (95 % interval 88.0 % to 92.0 %)."
    ]


def test_no_ranked_model_is_said_with_the_reasons() -> None:
    assert say(entry("a", None)) == ["No model is ranked (a: weighted_score is undefined)."]
    assert say(floor("always_null", 0.2)) == ["There is no model on this board, only floors."]


def test_the_best_floor_is_compared_and_the_ceiling_is_not() -> None:
    assert say(
        entry("a", 0.9), entry("b", 0.4), floor("majority_value", 0.5), floor("always_null", 0.3), floor("oracle", 1.0)
    )[1] == (
        "The best floor, majority_value, stands at 50.0 %, 40.0 points below the leader; "
        "1 of 2 ranked models does not beat it."
    )


@pytest.mark.parametrize(("model", "level"), [(0.5, "level with the model"), (0.3, "20.0 points above the model")])
def test_a_floor_that_nobody_beats_is_said_to_be(model: float, level: str) -> None:
    assert say(entry("a", model), floor("majority_value", 0.5))[1] == (
        f"No model beats the best floor, majority_value (50.0 %), which is {level}."
    )


def test_a_floor_that_every_model_beats_is_said_without_a_count() -> None:
    assert say(entry("a", 0.9), entry("b", 0.6), floor("majority_value", 0.5))[1] == (
        "The best floor, majority_value, stands at 50.0 %, 40.0 points below the leader."
    )


def test_a_floor_of_a_metric_where_lower_is_better_stands_above() -> None:
    lower = {"direction": "lower"}
    assert say(entry("a", 0.1, score=lower), floor("always_null", 0.4, score=lower))[1] == (
        "The best floor, always_null, stands at 40.0 %, 30.0 points above the model."
    )


def test_cut_off_answers_are_told_above_one_percent() -> None:
    board = build_board([entry("a", 0.9, n_truncated=3), entry("b", 0.8, n_truncated=2)], HEADLINE)
    told = [note for note in board.notes if "cut off" in note]
    assert told == [
        "Samples with an answer that was cut off: a 3 (1.5 %); a higher `max_tokens` may change the values."
    ]


values = st.one_of(st.none(), st.floats(0, 1), st.sampled_from([0.5, 0.25]))


@given(st.lists(values, max_size=6), st.lists(values, max_size=3))
def test_findings_never_contradict_the_table(models: list[float | None], floors: list[float | None]) -> None:
    entries = [entry(f"m{i}", value) for i, value in enumerate(models)]
    entries += [floor(f"f{i}", value) for i, value in enumerate(floors)]
    if not entries:
        return
    board = build_board(entries, HEADLINE)
    text = " ".join(board.findings)
    first = [row.title for row in board.rows if row.rank == 1]
    assert 1 <= len(board.findings) <= 2
    assert "?" not in text
    assert "None" not in text
    assert "nan" not in text
    assert " 0.0 points" not in text
    assert (" leads " in text) == (len(first) == 1 and sum(row.rank is not None for row in board.rows) > 1)
    assert all(name in text for name in first[:6]) or len(first) > 6


def test_sessions_at_one_concurrency_are_no_difference() -> None:
    thrice = performance().model_copy(update={"max_concurrency": [8, 8, 8]})
    board = build_board([entry("a", 0.9, speed=thrice), entry("b", 0.8)], HEADLINE)
    assert not [note for note in board.notes if "differ" in note]
    assert "concurrency 8" in " ".join(board.notes)


def test_few_clusters_are_told() -> None:
    clusters = {f"cluster={name}": Result(value=0.5, ci=None, n=50, n_defined=50) for name in "abcd"}
    score = {"interval": "t clustered", "slices": clusters}
    note = build_board([entry("a", 0.9, score=score), entry("b", 0.8, score=score)], HEADLINE).notes[0]
    assert "Student's t over 4 clusters of samples), which so few clusters make unsure" in note
