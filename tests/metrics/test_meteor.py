"""METEOR: the number of nltk, with WordNet where it was fetched."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from card_examples import record_of
from nltk.translate.meteor_score import single_meteor_score
from wordnet_here import cache_with_wordnet, needs_wordnet

from peakbench.benchmarks.sample import Sample
from peakbench.metrics.fetch.wordnet import CONTENT_SHA256
from peakbench.metrics.meteor import _synonyms, tokens
from peakbench.metrics.metric import Answer, Metric, Score
from peakbench.metrics.registry import Registry
from peakbench.runs.records import Prediction


def meteor(cache: Path) -> Metric:
    return Registry.load(cache=cache).metric("meteor", None)


def score(metric: Metric, prediction: str, reference: str) -> Score:
    found = Prediction(answer=prediction, reasoning=None, level="strict", value={})
    answer = Answer(Sample("a", "", (), {}), record_of(prediction), found, {}, prediction, reference)
    (one,) = metric.score(answer)
    return one


def test_without_wordnet_every_answer_is_undefined_with_the_command(tmp_path: Path) -> None:
    metric = meteor(tmp_path)
    assert metric.lacking == "WordNet is not there: peakbench metrics fetch wordnet"
    for prediction in ("a", "b"):
        assert score(metric, prediction, "a") == Score(None, None, reason=metric.lacking)


@needs_wordnet
def test_synonyms_stems_and_inflections_match() -> None:
    metric = meteor(cache_with_wordnet())
    assert metric.lacking is None
    assert score(metric, "blue trousers", "blue pants").value == 0.9375
    assert score(metric, "blue shoes", "blue pants").value == 0.25
    assert score(metric, "SOFAS", "couch").value == 0.5  # by WordNet's rules of inflection; one word, one chunk
    assert score(metric, "T-Shirt!", "t - shirt !").value == 1.0
    assert score(metric, "tee shirt", "t-shirt").value == pytest.approx(0.17, abs=0.005)


@needs_wordnet
def test_value_is_that_of_nltk() -> None:
    metric = meteor(cache_with_wordnet())
    synonyms = _synonyms(cache_with_wordnet() / "wordnet-3.0")
    for prediction, reference in [
        ("a small tear near the left cuff", "little rip by the left cuff"),
        ("It is a navy blue t-shirt in size M.", "t-shirt; navy blue; M"),
        ("Größe: M", "größe M, Façade"),
    ]:
        expected = single_meteor_score(tokens(reference), tokens(prediction), wordnet=synonyms)
        assert score(metric, prediction, reference).value == pytest.approx(expected, abs=1e-9)


@needs_wordnet
def test_signature_names_wordnet_and_its_content(tmp_path: Path) -> None:
    here, nowhere = meteor(cache_with_wordnet()).signature, meteor(tmp_path).signature
    assert f"|wordnet=3.0.{CONTENT_SHA256[:8]}|" in here
    assert "|nltk=" in here
    assert all("=" in part for part in here.split("|")[1:])
    assert here == nowhere


@needs_wordnet
def test_threads_share_one_wordnet() -> None:
    folder = cache_with_wordnet() / "wordnet-3.0"
    with (folder / "index.verb").open() as file:
        words = [line.split()[0] for line in file if not line.startswith(" ")][::6]
    synonyms = _synonyms(folder)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # so that threads come between each other's seeks and reads
    try:
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(synonyms.synsets, words))
    finally:
        sys.setswitchinterval(interval)
    for word, synsets in zip(words, found, strict=True):
        assert any(word in [name.lower() for name in synset.lemma_names()] for synset in synsets), word


@needs_wordnet
def test_nothing_of_nltk_is_loaded_or_changed_before_the_first_pair() -> None:
    code = (
        "import sys; from pathlib import Path; from peakbench.metrics.registry import Registry;"
        f"metric = Registry.load(cache=Path({str(cache_with_wordnet())!r})).metric('meteor', None);"
        "assert metric.lacking is None; assert 'nltk' not in sys.modules and 'sacrebleu' not in sys.modules;"
        "metric.similarity('couch', 'sofa'); import nltk;"
        f"assert not any({str(cache_with_wordnet())!r} in str(path) for path in nltk.data.path)"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
