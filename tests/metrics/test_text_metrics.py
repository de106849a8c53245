"""Similarities of texts."""

from typing import Any

import pytest
from card_examples import record_of
from hypothesis import given
from hypothesis import strategies as st
from wordnet_here import cache_with_wordnet, needs_wordnet

from peakbench.benchmarks.sample import Sample
from peakbench.metrics.metric import Answer
from peakbench.metrics.registry import Registry
from peakbench.metrics.text import TextSimilarity, _lcs_f1, _rouge_scorer, words
from peakbench.runs.records import Prediction

REGISTRY = Registry.load(cache=cache_with_wordnet())
SIMILARITIES = ["token_set_ratio", "rouge_l", "levenshtein_ratio", "chrf_pp", "bleu", "meteor"]
IDS = [pytest.param(name, marks=needs_wordnet if name == "meteor" else ()) for name in SIMILARITIES]
METRICS = {name: REGISTRY.metric(name, None) for name in SIMILARITIES}
ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))


def similarity(name: str, prediction: str, reference: str) -> float | None:
    found = Prediction(answer=prediction, reasoning=None, level="strict", value={})
    answer = Answer(Sample("a", "", (), {}), record_of(prediction), found, {}, prediction, reference)
    (score,) = METRICS[name].score(answer)
    return score.value


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize(
    ("prediction", "reference", "value"),
    [
        ("", "", 1.0),
        (" \n", "", 1.0),
        ("a", "", 0.0),
        ("", "a", 0.0),
        (" Fac\u0327ade", "Façade ", 1.0),
        ("!", "!", 1.0),
    ],
)
def test_wrapper_goes_before_the_library(name: str, prediction: str, reference: str, value: float) -> None:
    assert similarity(name, prediction, reference) == value


@pytest.mark.parametrize("name", IDS)
def test_longer_than_max_chars_takes_on_unparsed_unless_equal(name: str) -> None:
    text = "ab " * 6_666 + "ab"
    assert len(text) == 20_000
    assert similarity(name, text, text[:-1] + "c") > 0.9  # type: ignore[operator]
    assert similarity(name, text + "b", text) == 0.0
    assert similarity(name, text, text + "b") == 0.0
    assert similarity(name, text + "b", text + "b") == 1.0


HOSTILE = {
    "brackets": ("[" * 10_000, "]" * 10_000),
    "one long word": ("x" * 20_000, "xy" * 10_000),
    "one word again and again": ("run " * 5_000, "set " * 5_000),
    "few words of many senses": ("break take make go " * 1_000, "cut give get run " * 1_000),
    "right to left": ("\u202eشلوار آبی " * 1_500, "שמלה כחולה " * 1_500),
    "lone surrogates": ("\ud800\udfff\ud800 " * 5_000, "\udfff" * 20_000),
    "combining": ("e" + "\u0301" * 19_999, "e" + "\u0323\u0301" * 9_999),
    "control characters": ("".join(map(chr, range(256))) * 70, "\x00" * 20_000),
    "entities": ("&quot;&lt;&amp;" * 1_300, "<skipped>" * 2_000),
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_texts_of_the_greatest_length_get_a_value_soon(name: str, kind: str) -> None:
    prediction, reference = HOSTILE[kind]
    value = similarity(name, prediction, reference)
    assert value is not None
    assert 0.0 <= value <= 1.0


@pytest.mark.parametrize("name", IDS)
@given(ANY_TEXT, ANY_TEXT)
def test_any_two_texts_have_a_similarity_and_each_equals_itself(name: str, first: str, second: str) -> None:
    value = similarity(name, first, second)
    assert value is not None
    assert 0.0 <= value <= 1.0
    assert similarity(name, first, first) == 1.0


class _Beyond(TextSimilarity):
    def similarity(self, reference: str, prediction: str) -> float:
        return 1.5


def test_library_is_clipped_and_not_asked_about_empty_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METRICS, "rouge_l", _Beyond(METRICS["rouge_l"].definition, None))
    assert similarity("rouge_l", "a", "b") == 1.0
    assert similarity("rouge_l", "", "b") == 0.0
    assert similarity("rouge_l", "a", "") == 0.0


def test_words_are_unicode_words() -> None:
    assert words("Größe: M, 红色") == ["größe", "m", "红色"]


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=30), st.lists(st.sampled_from("abc"), min_size=1))
def test_long_texts_get_the_number_of_the_library(reference: list[str], prediction: list[str]) -> None:
    library: Any = _scorer().score(" ".join(reference), " ".join(prediction))["rougeL"].fmeasure
    assert _lcs_f1(reference, prediction) == library


_KEPT: list[Any] = []


def _scorer() -> Any:
    if not _KEPT:
        _KEPT.append(_rouge_scorer())
    return _KEPT[0]
