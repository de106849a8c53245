"""A registry file that extends another: what it changes, what it keeps, and what is refused."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from peakbench.content import content_root
from peakbench.errors import BadInputError
from peakbench.metrics.golden import verify
from peakbench.metrics.registry import Registry

REGISTRY = Registry.load()
NEW = {
    "id": "mine",
    "version": 1,
    "title": "Mine",
    "family": "text",
    "level": "sample",
    "applies_to": ["text"],
    "formula": "as levenshtein_ratio",
    "range": [0, 1],
    "unit": "fraction",
    "direction": "higher",
    "undefined": "never",
    "on_unparsed": 0,
    "on_failed": 0,
    "statistics": ["sum", "n"],
    "interval": "t",
    "implementation": "peakbench.metrics.text:LevenshteinRatio",
    "card": "card.md",
}


def write(path: Path, extends: str = "canonical", **content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"schema_version": 1, "extends": extends, **content}), encoding="utf-8")
    return path


def test_a_file_that_changes_nothing_is_the_same_registry(tmp_path: Path) -> None:
    same = Registry.load(write(tmp_path / "mine.json"))
    assert same.digest == REGISTRY.digest
    assert same.file == REGISTRY.file
    assert same.golden_files() == REGISTRY.golden_files()
    assert {one.status for one in verify(same)} <= {"pass", "not_checkable"}


def test_an_entry_changes_in_the_keys_given_and_keeps_the_others(tmp_path: Path) -> None:
    metrics = [{"id": "rouge_l", "version": 2, "parameters": {"beta": 1}}, {"id": "weighted_score", "headline": False}]
    changed = Registry.load(write(tmp_path / "mine.json", metrics=metrics))
    rouge = changed.definition("rouge_l")
    assert (rouge.version, rouge.parameters["beta"], rouge.parameters["use_stemmer"]) == (2, 1, False)
    assert rouge.formula == REGISTRY.definition("rouge_l").formula
    assert not changed.definition("weighted_score").headline
    assert [one.id for one in changed.definitions] == [one.id for one in REGISTRY.definitions]
    assert changed.digest != REGISTRY.digest
    assert changed.card("rouge_l") == REGISTRY.card("rouge_l")
    assert changed.metric("rouge_l", None).signature != REGISTRY.metric("rouge_l", None).signature


def test_an_entry_may_be_added_or_left_out(tmp_path: Path) -> None:
    (tmp_path / "card.md").write_text("# Mine\n", encoding="utf-8")
    gone = [{"id": "levenshtein_ratio", "remove": True}]
    path = write(tmp_path / "mine.json", metrics=[NEW, *gone], composites=[{"id": "peakbench_quality", "remove": True}])
    changed = Registry.load(path)
    assert {one.id for one in REGISTRY.definitions} - {one.id for one in changed.definitions} == {
        "levenshtein_ratio",
        "peakbench_quality",
    }
    assert changed.card("mine") == "# Mine\n"
    assert "mine" in changed.metrics("text", None)


def test_a_part_left_out_makes_the_composite_say_so(tmp_path: Path) -> None:
    changed = Registry.load(write(tmp_path / "mine.json", metrics=[{"id": "rouge_l", "remove": True}]))
    assert "this registry has no metric `rouge_l`" in (changed.metric("peakbench_quality", None).lacking or "")


def test_weights_are_replaced_and_null_words_too(tmp_path: Path) -> None:
    quality = {
        "id": "peakbench_quality",
        "applies_to": ["text"],
        "weights": {"text": {"rouge_l": 1.0}},
        "penalty": None,
    }
    changed = Registry.load(write(tmp_path / "mine.json", composites=[quality], null_values=["nix"]))
    assert changed.null_values == ("nix",)
    assert changed.metric("peakbench_quality", None).lacking is None


def test_components_conventions_limits_and_floors_change_by_name(tmp_path: Path) -> None:
    path = write(
        tmp_path / "mine.json",
        components={"nli_penalty": {"parameters": {"threshold": 0.6}}},
        json_extraction={"max_depth": 50},
        conventions={"house": "ours"},
        comparators={"exact": "as before"},
        floors=[{"id": "oracle", "response": "the truth"}, {"id": "parrot", "response": "the prompt"}],
    )
    changed = Registry.load(path)
    assert changed.file.components["nli_penalty"].parameters == {
        "label": "contradiction",
        "threshold": 0.6,
        "offset": 1.5,
    }
    assert changed.limits.max_depth == 50
    assert changed.limits.max_chars == REGISTRY.limits.max_chars
    assert changed.file.conventions == {**REGISTRY.file.conventions, "house": "ours"}
    assert changed.file.comparators["exact"] == "as before"
    floors = {floor.id: floor.response for floor in changed.file.floors}
    assert (floors["oracle"], floors["parrot"]) == ("the truth", "the prompt")


def test_paths_are_relative_to_the_file_in_which_they_stand(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "card.md").write_text("# In base\n", encoding="utf-8")
    case = {"id": "a", "metric": "mine", "prediction": "ab", "reference": "ac", "peakbench_value": 0.5}
    top = tmp_path / "top"
    top.mkdir()
    (top / "mine.jsonl").write_text(json.dumps(case) + "\n", encoding="utf-8")
    write(tmp_path / "base" / "base.json", metrics=[NEW])
    path = write(top / "top.json", "../base/base.json", metrics=[{"id": "mine", "golden": ["mine.jsonl"]}])
    changed = Registry.load(path)
    assert changed.card("mine") == "# In base\n"
    assert top / "mine.jsonl" in changed.golden_files()
    assert [one.status for one in verify(changed) if one.file == "mine.jsonl"] == ["pass"]


def test_parameters_are_free_where_the_code_reads_them_or_is_ones_own(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.json", components={"nli_penalty": {"parameters": {"threshold": 0.7}}})
    assert Registry.load(path).file.components["nli_penalty"].parameters["threshold"] == 0.7
    own = {"id": "rouge_l", "implementation": "peakbench.metrics.text:TokenSetRatio", "parameters": {"beta": 2}}
    assert Registry.load(write(path, metrics=[own])).definition("rouge_l").parameters["beta"] == 2


def test_the_documented_file_is_taken(tmp_path: Path) -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
    (found,) = (block for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL) if "remove" in block)
    (tmp_path / "mine.json").write_text(found, encoding="utf-8")
    changed = Registry.load(tmp_path / "mine.json")
    assert "median_e2el_ms" not in {one.id for one in changed.definitions}
    assert changed.file.components["nli_penalty"].parameters["threshold"] == 0.6
    assert not [one for one in verify(changed) if one.status == "fail"]


def test_the_digest_does_not_tell_where_the_file_lies(tmp_path: Path) -> None:
    digests = set()
    for name in ("one", "two"):
        path = write(tmp_path / name / "mine.json", metrics=[NEW])
        (tmp_path / name / "card.md").write_text("# Mine\n", encoding="utf-8")
        digests.add(Registry.load(path).digest)
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"metrics": [{"id": "rouge_l", "verion": 2}]},
            r"metric `rouge_l`: unknown key `verion`; did you mean `version`",
        ),
        ({"metrics": [{"id": "new"}]}, r"metric `new`: formula: Field required"),
        ({"metrics": [{"version": 2}]}, r"metrics\.0\.id: Field required"),
        ({"metrics": [{"id": "New-One"}]}, r"metric `New-One`: id"),
        ({"metrics": [{"id": "rouge", "remove": True}]}, r"metrics: `rouge` is removed, but not there"),
        ({"metrics": [{"id": "rouge_l", "remove": True, "version": 2}]}, r"`rouge_l` is removed and given at once"),
        ({"metrics": [{"id": "rouge_l", "range": [1, 0]}]}, r"metric `rouge_l`: range"),
        ({"metrics": [{"id": "rouge_l", "card": "none.md"}]}, r"metric `rouge_l`: card `none\.md` is not there"),
        ({"metrics": [{"id": "rouge_l", "golden": ["../x.jsonl"]}]}, r"golden `\.\./x\.jsonl` lies outside"),
        ({"metrics": [{"id": "rouge_l", "statistics": ["sum"]}]}, r"metric `rouge_l`: a mean has two statistics"),
        ({"composites": [{"id": "peakbench_quality", "weights": {"json": {"rouge_l": 0.9}}}]}, r"`peakbench_quality`"),
        ({"components": {"nli_penalty": {"parametres": {}}}}, r"components\.nli_penalty: unknown key `parametres`"),
        ({"metrics": [{"id": "rouge_l", "version": 2}, {"id": "rouge_l"}]}, r"metrics: `rouge_l` is there twice"),
        ({"metrics": [{"id": "rouge_l", "parameters": {"beta": float("nan")}}]}, r"it holds NaN"),
        (
            {"metrics": [{"id": "rouge_l", "parameters": {"beta": 2}}]},
            r"metric `rouge_l`: the parameter `beta` is laid down by the code; adjustable here: nothing",
        ),
        ({"metrics": [{"id": "rouge_l", "parameters": {"new": 2}}]}, r"metric `rouge_l`: the parameter `new`"),
        ({"metrics": [{"id": "rouge_l", "adjustable": ["beta"]}]}, r"metric `rouge_l`: what is adjustable"),
        ({"components": {"comparators": {"parameters": {"brand_cutoff": 0.9}}}}, r"component `comparators`: the param"),
        (
            {"components": {"new": {"version": 1, "title": "New", "card": "card.md", "adjustable": ["x"]}}},
            r"component `new`: adjustable `x` is no parameter",
        ),
        ({"metrics": [{"id": "rouge_l", "parameters": [1]}]}, r"metric `rouge_l`: parameters"),
        ({"metric": []}, r"unknown key `metric`; did you mean `metrics`"),
        ({"schema_version": 2}, r"schema_version"),
        ({"extends": 7}, r"extends"),
        ({"extends": "none.json"}, r"none\.json: No such file"),
    ],
)
def test_what_is_wrong_is_refused_by_name(tmp_path: Path, content: dict[str, Any], message: str) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"schema_version": 1, "extends": "canonical", **content}), encoding="utf-8")
    with pytest.raises(BadInputError) as caught:
        Registry.load(path)
    assert re.search(message, caught.value.message), caught.value.message
    assert caught.value.mend


def test_a_number_beyond_floats_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.json", components={"nli_penalty": {"parameters": {"offset": 7}}})
    path.write_text(path.read_text(encoding="utf-8").replace("7", "1e999"), encoding="utf-8")
    with pytest.raises(BadInputError, match=r"components\.nli_penalty\.parameters\.offset"):
        Registry.load(tmp_path / "mine.json")


def test_files_that_extend_each_other_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.json", "b.json")
    write(tmp_path / "b.json", "./a.json")
    with pytest.raises(BadInputError, match=r"b\.json: it extends itself"):
        Registry.load(tmp_path / "a.json")
    with pytest.raises(BadInputError, match=r"c\.json: it extends itself"):
        Registry.load(write(tmp_path / "c.json", "c.json"))


def test_canonical_is_the_file_that_ships() -> None:
    assert REGISTRY.path == content_root() / "peakbench_metrics.json"
