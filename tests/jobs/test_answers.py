"""Scoring answers from Python: the same numbers as a run's, and a clear word about what does not fit together."""

import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import peakbench
from peakbench.benchmarks.benchmark import find_benchmark
from peakbench.errors import BadInputError
from peakbench.jobs.run import run_benchmark
from peakbench.jobs.settings import RunSettings
from peakbench.metrics.registry import Registry
from peakbench.mock import FaultKind, Faults, MockServerSettings, build_models, run_in_thread
from peakbench.runners.asking import AskingSettings
from peakbench.runners.endpoint import Endpoint
from peakbench.runs.manifest import ModelFacts
from peakbench.runs.records import Response, Timing, Usage

TEXT = '{"type": "shirt", "color": "red", "size": "M"}'
REFERENCE = {"type": "shirt", "color": "red", "size": "M"}
Tiny = Callable[..., Path]


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.load()


def test_answers_score_what_their_run_scored(tiny: Tiny, tmp_path: Path, registry: Registry) -> None:
    """With failures and clusters."""
    path = tiny(24, extra="columns: {cluster: group}\n")
    data = path.parent / "data.jsonl"
    lines = data.read_text().splitlines()
    data.write_text("".join(f'{line[:-1]}, "group": {index % 5}}}\n' for index, line in enumerate(lines)))
    faults = MockServerSettings(faults=Faults({FaultKind.RATE_LIMIT: 0.2}, max_per_request=100))
    with run_in_thread(build_models(["constant-null"]), faults) as flaky:
        settings = RunSettings(
            model=ModelFacts(name="constant-null"),
            endpoint=Endpoint(flaky.base_url),
            output=tmp_path / "runs",
            asking=AskingSettings(max_retries=0),
            seed=3,
        )
        outcome = run_benchmark(find_benchmark(str(path)), settings, registry)
    run = peakbench.load_run(outcome.folder.path)
    samples = run.samples()
    records = {record.sample_id: record for record in run.records()}
    assert 0 < outcome.results.n_failed < 24
    scored = peakbench.score(
        records,
        {sample.id: sample.reference for sample in samples},
        path,
        clusters={sample.id: sample.cluster for sample in samples},
        seed=3,
        registry=registry,
    )
    assert scored.results == {name: one for name, one in outcome.results.metrics.items() if name in scored.results}
    assert len(scored.results) > 10
    counted = (outcome.results.n_failed, outcome.results.n_unparsed, outcome.results.n_truncated)
    assert (scored.n_failed, scored.n_unparsed, scored.n_truncated) == counted
    pd.testing.assert_frame_equal(scored.scores(), run.scores())
    texts = [one.text if isinstance(one := records[sample.id], Response) else None for sample in samples]
    listed = peakbench.score(
        texts,
        [sample.reference for sample in samples],
        str(path),
        ids=[sample.id for sample in samples],
        clusters=[sample.cluster for sample in samples],
        seed=3,
        registry=registry,
    )
    assert listed.results == scored.results


def test_a_record_that_was_cut_off_is_counted(tiny: Tiny, registry: Registry) -> None:
    record = Response("x", 0, TEXT[:-5], None, "length", Usage(), Timing(started_at=0.0, e2el_ms=0.0))
    scored = peakbench.score([record, TEXT], [REFERENCE] * 2, tiny(), registry=registry)
    assert (scored.n_truncated, scored["truncation_rate"].value) == (1, 0.5)


@pytest.mark.parametrize(
    "prediction",
    [TEXT, {"type": "shirt", "color": "red", "size": "M"}, f"```json\n{TEXT}\n```", f"<think>no</think>{TEXT}"],
)
def test_an_answer_is_a_text_or_parsed_json(tiny: Tiny, registry: Registry, prediction: Any) -> None:
    scored = peakbench.score([prediction], [REFERENCE], tiny(), registry=registry)
    assert scored["weighted_score"].value == 1.0


def test_nan_in_parsed_json_is_null_at_every_depth(tiny: Tiny, registry: Registry) -> None:
    """As in a reference: it is what pandas holds where there is nothing."""
    metrics = ["structured_match", "json_parse_rate_strict"]
    nothing = {"type": "shirt", "color": math.nan, "size": [math.nan]}
    scored = peakbench.score(
        [nothing], [{"type": "shirt", "color": math.nan}], tiny(), metrics=metrics, registry=registry
    )
    assert scored["structured_match"].value == pytest.approx(2 / 3)  # [null] is not null
    assert scored["json_parse_rate_strict"].value == 1.0


def test_infinity_is_unparsed_in_parsed_json_as_in_a_text(tiny: Tiny, registry: Registry) -> None:
    answers: list[Any] = [{"type": "shirt", "size": math.inf}, '{"type": "shirt", "size": 1e999}', TEXT]
    scored = peakbench.score(answers, [REFERENCE] * 3, tiny(), metrics=["structured_match"], registry=registry)
    assert scored.n_unparsed == 2
    assert scored["structured_match"].value == pytest.approx(1 / 3)


def test_a_failed_request_scores_the_worst_and_is_counted(tiny: Tiny, registry: Registry) -> None:
    scored = peakbench.score([TEXT, None, "no JSON"], [REFERENCE] * 3, tiny(), registry=registry)
    assert scored["weighted_score"].value == pytest.approx(1 / 3)
    assert (scored.n, scored.n_failed, scored.n_unparsed) == (3, 1, 1)
    assert scored["failure_rate"].counts == {"numerator": 1.0, "denominator": 3.0}


def test_the_benchmark_owns_weights_and_synonyms(tiny: Tiny, registry: Registry) -> None:
    """Another weight and another synonym, in a file that was never written to disk."""
    file = find_benchmark(str(tiny())).file
    reference, answer = {"type": "shirt", "color": "red"}, {"type": "top", "color": "red", "size": None}
    assert peakbench.score([answer], [reference], file)["weighted_score"].value == pytest.approx(2.5 / 5)
    fields = {**file.fields, "type": file.fields["type"].model_copy(update={"synonyms": {"shirt": ["top"]}})}
    knowing = file.model_copy(update={"fields": fields})
    assert peakbench.score([answer], [reference], knowing)["weighted_score"].value == 1.0
    fields = {**file.fields, "type": file.fields["type"].model_copy(update={"weight": 7.5})}
    heavy = file.model_copy(update={"fields": fields})
    assert peakbench.score([answer], [reference], heavy)["weighted_score"].value == pytest.approx(2.5 / 10)


def test_metrics_can_be_picked_and_a_missing_one_is_named(tiny: Tiny, registry: Registry) -> None:
    scored = peakbench.score([TEXT], [REFERENCE], tiny(), metrics=["field_f1"], registry=registry)
    assert list(scored) == ["field_f1"]
    assert scored.rank_by is None
    with pytest.raises(KeyError, match="did you mean `field_f1`"):
        scored["field_f"]
    with pytest.raises(BadInputError, match="unknown metric `field_f`"):
        peakbench.score([TEXT], [REFERENCE], tiny(), metrics=["field_f"], registry=registry)


def test_texts_are_scored_as_texts(tmp_path: Path, registry: Registry) -> None:
    path = tmp_path / "benchmark.yaml"
    path.write_text(
        "schema_version: 1\nid: words\nversion: 1\ntask: text\ndata: {path: data.jsonl}\ncolumns: {image: null}\n"
        "prompt: Describe it.\n"
    )
    scored = peakbench.score({"a": "a red shirt"}, {"a": "a red shirt"}, path, registry=registry)
    assert scored["rouge_l"].value == 1.0
    with pytest.raises(BadInputError, match="the prediction of sample 'a' is"):
        peakbench.score({"a": {"say": "a red shirt"}}, {"a": "a red shirt"}, path, registry=registry)


def test_printed_it_is_a_small_table(tiny: Tiny, registry: Registry) -> None:
    chosen = ["weighted_score", "failure_rate"]
    scored = peakbench.score([TEXT, None], [REFERENCE] * 2, tiny(), metrics=chosen, registry=registry)
    assert repr(scored).splitlines() == [
        "tiny@1: 2 samples, 1 failed",
        "  weighted_score  50.0 %  [0.0 %, 100.0 %]",
        "  failure_rate    50.0 %  [9.5 %, 90.5 %]",
    ]


def test_frames_have_plain_columns_and_a_row_a_slice(tiny: Tiny, registry: Registry) -> None:
    chosen = ["structured_match", "value_accuracy"]
    scored = peakbench.score(
        [TEXT, None], [REFERENCE] * 2, tiny(), metrics=chosen, ids=["a", "b"], clusters=["x", None], registry=registry
    )
    scores = scored.scores()
    assert [str(scores.dtypes[name]) for name in ("sample_id", "cluster", "metric", "slice", "reason")] == ["str"] * 5
    failed = scores[(scores.sample_id == "b") & (scores.metric == "value_accuracy")].iloc[0]
    assert math.isnan(failed["value"])
    assert failed["reason"] == "failed"
    assert failed["stats"] is None
    match = scores[(scores.metric == "structured_match") & (scores.sample_id == "a")]
    assert match["slice"].tolist() == ["", "field=type", "field=color", "field=size"]
    assert match["stats"].iloc[0].tolist() == [1.0, 1.0]
    assert scored.frame()["metric"].tolist() == chosen
    sliced = scored.frame(slices=True).query("metric == 'structured_match'")
    assert sliced["slice"].tolist() == ["", "cluster=x", "field=color", "field=size", "field=type"]
    assert sliced["value"].tolist() == [0.5, 1.0, 0.5, 0.5, 0.5]
    assert sliced["ci_low"].isna().tolist() == [False, True, False, False, False]


GOOD = ([TEXT], [REFERENCE])
WRONG: dict[str, tuple[Any, Any, dict[str, Any], str]] = {
    "fewer predictions": ([], [REFERENCE], {}, "0 predictions, but 1 references"),
    "one text": (TEXT, [REFERENCE], {}, "`predictions` is"),
    "no list": (7, [REFERENCE], {}, "`predictions` is 7"),
    "a set": ({TEXT}, [REFERENCE], {}, "`predictions` is"),
    "a map and a list": ({"a": TEXT}, [REFERENCE], {}, "one is a map"),
    "nothing": ([], [], {}, "nothing to score"),
    "other samples": ({"a": TEXT}, {"b": REFERENCE}, {}, "there are none for 'b'"),
    "more samples": ({"a": TEXT, "b": TEXT}, {"a": REFERENCE}, {}, "there are no references for 'b'"),
    "ids of maps": ({"a": TEXT}, {"a": REFERENCE}, {"ids": ["a"]}, "maps have names"),
    "too few ids": ([TEXT], [REFERENCE], {"ids": []}, "0 ids, but 1 references"),
    "an id twice": ([TEXT] * 2, [REFERENCE] * 2, {"ids": ["a", "a"]}, "'a' is there twice"),
    "an id that is none": (*GOOD, {"ids": [None]}, "None .* is no sample id"),
    "half a character": (*GOOD, {"ids": ["\ud800"]}, "no Unicode text"),
    "half a cluster": (*GOOD, {"clusters": ["\ud800"]}, "no Unicode text"),
    "a number": ([7], [REFERENCE], {}, "the prediction of sample 'row-000001' is 7"),
    "an object": ([{"type": object()}], [REFERENCE], {}, "is no JSON"),
    "a wrong key": ([TEXT], [{"kind": "shirt"}], {}, "sample 'row-000001': the reference has the key `kind`"),
    "a text as reference": ([TEXT], ["shirt"], {}, "holds no JSON"),
    "a cluster that is none": (*GOOD, {"clusters": [1.5]}, "the cluster of sample 'row-000001' is 1.5"),
    "a prompt that is none": (*GOOD, {"prompts": [None]}, "the prompt of sample 'row-000001'"),
    "metrics as a text": (*GOOD, {"metrics": "field_f1"}, "`metrics` is"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_refused_with_a_way_to_mend_it(tiny: Tiny, registry: Registry, case: str) -> None:
    predictions, references, others, message = WRONG[case]
    with pytest.raises(BadInputError, match=message) as caught:
        peakbench.score(predictions, references, tiny(), registry=registry, **others)
    assert caught.value.mend


def test_a_benchmark_that_is_none_is_refused(registry: Registry) -> None:
    with pytest.raises(BadInputError, match="`benchmark` is 7"):
        peakbench.score([TEXT], [REFERENCE], 7, registry=registry)  # type: ignore[arg-type]


def test_boxes_in_pixels_need_pictures(registry: Registry) -> None:
    file = find_benchmark("defects-demo").file
    conventions = file.box_conventions
    pixels = conventions.answers.model_copy(update={"scale": "pixel"})
    in_pixels = file.model_copy(update={"boxes": conventions.model_copy(update={"answers": pixels})})
    with pytest.raises(BadInputError, match="no pictures here"):
        peakbench.score(["[]"], [[]], in_pixels, registry=registry)
    assert peakbench.score(["[]"], [[]], file, registry=registry)["json_parse_rate_strict"].value == 1.0


def test_columns_of_pandas_and_generators_are_lists_too(tiny: Tiny, registry: Registry) -> None:
    frame = pd.DataFrame({"answer": [TEXT, TEXT], "reference": [REFERENCE, REFERENCE], "group": ["a", "b"]})
    scored = peakbench.score(
        frame["answer"], (one for one in frame["reference"]), tiny(), clusters=frame["group"], registry=registry
    )
    assert scored["weighted_score"].value == 1.0


def test_scoring_loads_no_client_and_no_charts() -> None:
    code = (
        "import sys, peakbench\n"
        "peakbench.score(['{}'], [{}], 'garments-demo')\n"
        "print(*[name for name in ('openai', 'matplotlib', 'pandas', 'torch') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
