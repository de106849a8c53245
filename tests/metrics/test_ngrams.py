"""BLEU and chrF++: the numbers of sacrebleu, for single answers and for whole runs."""

import math
from typing import Any

import numpy as np
import pytest
from card_examples import record_of
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from peakbench.benchmarks.sample import Sample
from peakbench.metrics.metric import Answer
from peakbench.metrics.ngrams import BleuCorpus
from peakbench.metrics.registry import Registry
from peakbench.runs.records import Prediction

REGISTRY = Registry.load()
CORPUS = {name: REGISTRY.metric(name, None) for name in ("bleu_corpus", "chrf_pp_corpus")}
LIBRARY: dict[str, Any] = {"bleu_corpus": BLEU(), "chrf_pp_corpus": CHRF(word_order=2)}
WORDS = ["a", "red", "Red", "blue", "shirt,", "t-shirt", "Größe", "红色", "hole.", "(left)", "&amp;", "1,000"]
TEXT = st.lists(st.sampled_from(WORDS), min_size=1, max_size=9).map(" ".join)
PAIRS = st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=6)


def answer_of(prediction: str | None, reference: str, failed: bool = False) -> Answer:
    found = None
    if not failed:
        level: Any = "none" if prediction is None else "strict"
        found = Prediction(answer=prediction, reasoning=None, level=level, value={})
    record = record_of(None if failed else prediction or "")
    return Answer(Sample("a", "", (), {}), record, found, {}, prediction, reference)


def totals_of(name: str, pairs: list[tuple[str, str]]) -> Any:
    rows = [CORPUS[name].score(answer_of(prediction, reference))[0].stats for prediction, reference in pairs]
    return np.sum([np.zeros(len(CORPUS[name].statistics)), *(np.array(row) for row in rows if row)], axis=0)


@pytest.mark.parametrize("name", CORPUS)
@given(PAIRS)
def test_value_of_a_run_is_that_of_sacrebleu(name: str, pairs: list[tuple[str, str]]) -> None:
    value = float(CORPUS[name].from_totals(totals_of(name, pairs)))
    predictions, references = [prediction for prediction, _ in pairs], [reference for _, reference in pairs]
    library = LIBRARY[name].corpus_score(predictions, [references]).score / 100
    if predictions == references:
        assert value == 1.0
    else:
        assert value == pytest.approx(library, abs=1e-9)


@pytest.mark.parametrize("name", CORPUS)
def test_resamples_are_computed_at_once_and_agree_with_sacrebleu(name: str) -> None:
    pairs = [("a red shirt on the left", "a red shirt on the right"), ("blue", "blue"), ("a hole", "no hole at all")]
    rows = np.array([totals_of(name, [pair]) for pair in pairs])
    weights = np.array([[[3, 0, 0], [1, 1, 1]], [[0, 2, 1], [1, 0, 2]]])
    values = CORPUS[name].from_totals(weights @ rows)
    assert values.shape == (2, 2)
    for index in np.ndindex(2, 2):
        drawn = [pair for pair, count in zip(pairs, weights[index], strict=True) for _ in range(count)]
        library = LIBRARY[name].corpus_score([p for p, _ in drawn], [[r for _, r in drawn]]).score / 100
        assert values[index] == pytest.approx(library, abs=1e-9)


@pytest.mark.parametrize("sentence", ["bleu", "chrf_pp"])
@given(TEXT, TEXT)
def test_value_of_an_answer_is_that_of_sacrebleu(sentence: str, prediction: str, reference: str) -> None:
    library = BLEU(effective_order=True) if sentence == "bleu" else CHRF(word_order=2)
    (score,) = REGISTRY.metric(sentence, None).score(answer_of(prediction, reference))
    expected = 1.0 if prediction == reference else library.sentence_score(prediction, [reference]).score / 100
    assert score.value == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("name", CORPUS)
def test_no_answer_and_too_long_an_answer_count_as_empty(name: str) -> None:
    metric, long = CORPUS[name], "a red " * 3_334
    assert len(long) > 20_000
    empty = metric.score(answer_of("", "a red shirt"))
    assert empty[0].value == 0.0
    assert empty[0].stats is not None
    assert sum(empty[0].stats) > 0
    assert metric.score(answer_of(None, "a red shirt")) == empty
    assert metric.score(answer_of(None, "a red shirt", failed=True)) == empty
    assert metric.score(answer_of(long, "a red shirt")) == empty
    assert metric.score(answer_of(long, long))[0].value == 1.0


@pytest.mark.parametrize("name", CORPUS)
def test_nothing_on_either_side_is_undefined_and_adds_nothing(name: str) -> None:
    (score,) = CORPUS[name].score(answer_of("", ""))
    assert (score.value, score.stats, score.reason) == (None, None, CORPUS[name].definition.undefined)


def test_words_where_the_reference_has_none_lower_bleu() -> None:
    (score,) = CORPUS["bleu_corpus"].score(answer_of("a red shirt on the left", ""))
    assert score.value == 0.0
    one = totals_of("bleu_corpus", [("a red shirt on the left", "a red shirt on the left")])
    both = one + np.array(score.stats)
    expected = LIBRARY["bleu_corpus"].corpus_score(["a red shirt on the left"] * 2, [["a red shirt on the left", ""]])
    assert float(CORPUS["bleu_corpus"].from_totals(both)) == pytest.approx(expected.score / 100, abs=1e-9)


@pytest.mark.parametrize("name", CORPUS)
@pytest.mark.parametrize("text", ["M", "navy blue", "x" * 300, "a red shirt on the left sleeve"])
def test_run_of_the_references_is_best_however_short_they_are(name: str, text: str) -> None:
    assert float(CORPUS[name].from_totals(totals_of(name, [(text, text), ("M", "M")]))) == 1.0


def test_short_texts_that_do_not_all_match_are_0_as_in_sacrebleu() -> None:
    pairs = [("navy blue", "navy blue"), ("navy", "blue")]
    assert float(CORPUS["bleu_corpus"].from_totals(totals_of("bleu_corpus", pairs))) == 0.0
    assert LIBRARY["bleu_corpus"].corpus_score(["navy blue", "navy"], [["navy blue", "blue"]]).score == 0.0


def test_means_of_repeats_are_parts_of_a_word() -> None:
    """Averaged counts give the value of all repeats together, the brevity penalty too."""
    reference = "a red shirt on the left sleeve"
    said = ["a red shirt on the left", "a red shirt on"]
    value = float(CORPUS["bleu_corpus"].from_totals(totals_of("bleu_corpus", [(s, reference) for s in said]) / 2))
    assert value == pytest.approx(LIBRARY["bleu_corpus"].corpus_score(said, [[reference] * 2]).score / 100, abs=1e-9)
    assert value < 0.7


def test_parameters_of_the_file_reach_the_library() -> None:
    definition = CORPUS["bleu_corpus"].definition.model_copy(
        update={"parameters": {"tokenize": "char", "smooth_method": "none", "effective_order": False}}
    )
    (score,) = BleuCorpus(definition, None).score(answer_of("navy blues", "navy blue"))
    expected = BLEU(tokenize="char", smooth_method="none").corpus_score(["navy blues"], [["navy blue"]]).score / 100
    assert score.value == pytest.approx(expected, abs=1e-9)


def test_statistics_are_named_in_the_order_of_the_library() -> None:
    names = CORPUS["bleu_corpus"].statistics
    counts = dict(zip(names, totals_of("bleu_corpus", [("a red shirt", "a red hat on top")]), strict=True))
    assert counts == dict.fromkeys(names, 0) | {
        "answer_words": 3, "reference_words": 5, "match_1": 2, "match_2": 1, "answer_1": 3, "answer_2": 2, "answer_3": 1
    }  # fmt: skip
    names = CORPUS["chrf_pp_corpus"].statistics
    counts = dict(zip(names, totals_of("chrf_pp_corpus", [("ab c", "ab")]), strict=True))
    assert {name: count for name, count in counts.items() if count} == {
        "answer_chars_1": 3, "reference_chars_1": 2, "match_chars_1": 2,
        "answer_chars_2": 2, "reference_chars_2": 1, "match_chars_2": 1,
        "answer_words_1": 2, "reference_words_1": 1, "match_words_1": 1,
    }  # fmt: skip


@pytest.mark.parametrize("name", CORPUS)
def test_sums_of_nothing_are_undefined(name: str) -> None:
    assert math.isnan(CORPUS[name].from_totals(np.zeros(len(CORPUS[name].statistics))))


def test_library_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(101):  # at the hundredth line that ends in a free period sacrebleu speaks up
        CORPUS["bleu_corpus"].score(answer_of("a red shirt .", "a red shirt ."))
        REGISTRY.metric("bleu", None).score(answer_of("a red shirt .", "a red hat ."))
    assert not caplog.records
