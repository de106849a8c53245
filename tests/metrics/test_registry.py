"""The registry: what it gives, and what it refuses by name."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from peakbench.benchmarks.schema import FieldSchema, FieldSpec
from peakbench.content import content_root
from peakbench.errors import BadInputError
from peakbench.metrics.definitions import registry_json_schema
from peakbench.metrics.metric import Metric
from peakbench.metrics.registry import Registry

REGISTRY = Registry.load()
RAW: dict[str, Any] = json.loads((content_root() / "peakbench_metrics.json").read_text(encoding="utf-8"))
SCHEMA = FieldSchema(fields={"type": FieldSpec(type="categorical", weight=2), "brand": FieldSpec(type="brand")})
IDS = [
    "structured_match",
    "field_match_rate",
    "value_accuracy",
    "value_accuracy_all",
    "weighted_score",
    "field_f1",
    "field_outcomes",
    "sbert_similarity",
    "semantic_field_score",
    "hallucination",
    "hallucination_max",
    "fabrication_rate",
    "omission_rate",
    "skill_over_majority",
    "token_set_ratio",
    "rouge_l",
    "levenshtein_ratio",
    "consistency_semantic",
    "chrf_pp",
    "bleu",
    "meteor",
    "chrf_pp_corpus",
    "bleu_corpus",
    "json_parse_rate_strict",
    "json_parse_rate_extracted",
    "json_parse_rate_repaired",
    "schema_valid_rate",
    "truncation_rate",
    "failure_rate",
    "consistency_exact",
]
COMPOSITE_IDS = ["peakbench_quality"]
TIMING_IDS = ["throughput", "mean_e2el_ms", "median_e2el_ms", "p99_e2el_ms"]
REWARD_IDS = ["structured_reward"]
LEGACY_IDS = ["weighted_legacy_2026_04", "semantic_legacy_2026_04"]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the registry's content."""
    folder = tmp_path_factory.mktemp("content")
    shutil.copytree(content_root() / "metrics", folder / "metrics")
    return folder


def load_with(checkout: Path, **changes: Any) -> Registry:
    """Load the registry with changes to the entry of `weighted_score`."""
    raw = json.loads(json.dumps(RAW))
    entry = next(metric for metric in raw["metrics"] if metric["id"] == "weighted_score")
    entry |= changes
    path = checkout / "peakbench_metrics.json"
    path.write_text(json.dumps(raw), encoding="utf-8")
    return Registry.load(path)


def test_metrics_of_extraction_stand_in_the_order_of_the_file() -> None:
    assert list(REGISTRY.metrics("extraction", SCHEMA)) == IDS + REWARD_IDS + LEGACY_IDS + COMPOSITE_IDS
    assert list(REGISTRY.timing_metrics()) == TIMING_IDS
    boxes = list(REGISTRY.metrics("grounding", None))
    mine = {*IDS, *TIMING_IDS, *REWARD_IDS, *LEGACY_IDS, *COMPOSITE_IDS}
    others = [definition.id for definition in REGISTRY.definitions if definition.id not in mine]
    assert others == [name for name in boxes if name not in IDS]


def test_chosen_metrics_stand_in_the_order_of_the_file() -> None:
    assert list(REGISTRY.metrics("extraction", SCHEMA, ["rouge_l", "throughput", "field_f1"])) == [
        "field_f1",
        "rouge_l",
    ]


def test_unknown_id_is_refused_with_the_one_that_was_meant() -> None:
    for ask in (
        lambda: REGISTRY.metric("weighted_scores", SCHEMA),
        lambda: REGISTRY.metrics("extraction", SCHEMA, ["weighted_scores"]),
    ):
        with pytest.raises(BadInputError, match="unknown metric `weighted_scores`") as caught:
            ask()
        assert caught.value.mend == "did you mean `weighted_score`?"


def test_metric_of_another_task_is_refused() -> None:
    with pytest.raises(BadInputError, match="`weighted_score` is not defined for the task `text`"):
        REGISTRY.metrics("text", None, ["weighted_score"])
    with pytest.raises(BadInputError, match="unknown task `extracting`") as caught:
        REGISTRY.metrics("extracting", SCHEMA)
    assert "extraction" in caught.value.mend


def test_timing_metric_scores_no_answers() -> None:
    with pytest.raises(BadInputError, match="throughput"):
        REGISTRY.metric("throughput", SCHEMA)


def test_file_fits_its_json_schema() -> None:
    jsonschema.Draft202012Validator(registry_json_schema()).validate(RAW)


def test_digest_changes_with_the_file(checkout: Path) -> None:
    assert load_with(checkout).digest == REGISTRY.digest
    assert load_with(checkout, title="Another").digest != REGISTRY.digest


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": "Weighted-Score"}, r"metric `Weighted-Score`: id"),
        ({"id": "2nd"}, r"metric `2nd`: id"),
        ({"id": "rouge_l"}, r"metric `rouge_l` is there twice"),
        ({"range": [1, 0]}, r"metric `weighted_score`.*range \[1.0, 0.0\] is inverted"),
        ({"range": [0, 0]}, r"metric `weighted_score`.*inverted"),
        ({"on_unparsed": -1.0}, r"metric `weighted_score`.*on_unparsed -1.0 is outside"),
        ({"on_failed": 2.0}, r"metric `weighted_score`.*on_failed 2.0 is outside"),
        ({"implementation": "peakbench.metrics.nowhere:X"}, r"metric `weighted_score`.*`peakbench.metrics.nowhere:X`"),
        ({"implementation": "peakbench.metrics.structured:Nothing"}, r"metric `weighted_score`.*Nothing"),
        ({"implementation": "json:JSONDecoder"}, r"metric `weighted_score`.*is not PeakBench's own"),
        ({"implementation": "peakbench.metrics.metric:Answer"}, r"metric `weighted_score`.*is no Metric"),
        ({"implementation": "peakbench.metrics.performance:Throughput"}, r"metric `weighted_score`.*is no Metric"),
        ({"implementation": "peakbench"}, r"metric `weighted_score`: implementation"),
        ({"card": "metrics/weighted_score/nothing.md"}, r"metric `weighted_score`: card .*nothing.md` is not there"),
        ({"card": "metrics"}, r"metric `weighted_score`: card `metrics` is not there"),
        ({"golden": ["metrics/none.jsonl"]}, r"metric `weighted_score`: golden `metrics/none.jsonl` is not there"),
        ({"golden": ["../../etc/passwd"]}, r"metric `weighted_score`: golden .*lies outside"),
        ({"floors": ["never_jason"]}, r"metric `weighted_score`: unknown floor `never_jason`"),
        ({"components": ["comparator"]}, r"metric `weighted_score`: unknown component `comparator`"),
        ({"direction": "up"}, r"metric `weighted_score`: direction"),
        ({"interval": "normal"}, r"metric `weighted_score`: interval"),
        ({"versoin": 2}, r"metric `weighted_score`: unknown key `versoin`; did you mean `version`"),
        ({"version": 0}, r"metric `weighted_score`: version"),
    ],
)
def test_broken_entry_is_refused_by_name(checkout: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInputError) as caught:
        load_with(checkout, **changes)
    assert re.search(message, caught.value.message), caught.value.message
    assert caught.value.mend


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "no JSON"), ("[]", "a mapping of keys to values is wanted"), ('{"schema_version": 2}', "schema_version")],
)
def test_broken_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "registry.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadInputError, match=message):
        Registry.load(path)


def test_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"nothing\.json"):
        Registry.load(tmp_path / "nothing.json")


def test_equal_schemas_share_a_comparer_and_others_do_not() -> None:
    registry = Registry.load()
    first = registry.comparer(SCHEMA)
    assert registry.comparer(SCHEMA) is first
    assert registry.comparer(SCHEMA.model_copy(deep=True)) is first
    turned = SCHEMA.model_copy(update={"fields": dict(reversed(SCHEMA.fields.items()))})
    assert list(registry.comparer(turned).schema.fields) == list(reversed(SCHEMA.fields))
    for number in range(20):
        other = SCHEMA.model_copy(update={"null_values": [f"word {number}"]})
        assert registry.comparer(other).schema is other
    assert len(registry._comparers) <= 8
    assert len(registry._comparers_by_object) <= 8


def signature(identifier: str, schema: FieldSchema = SCHEMA, registry: Registry = REGISTRY) -> str:
    metric: Metric = registry.metric(identifier, schema)
    return metric.signature


def test_signature_names_id_version_components_schema_and_libraries() -> None:
    assert re.fullmatch(
        r"weighted_score@1\|comparators=1\.[0-9a-f]{8}\|json_extraction=1\.[0-9a-f]{8}"
        r"\|on_failed=0\.0\|on_unparsed=0\.0\|schema=[0-9a-f]{8}\|rapidfuzz=[\d.]+",
        signature("weighted_score"),
    )
    assert "max_chars=20000" in signature("rouge_l")
    assert "rouge-score=0.1.2" in signature("rouge_l")
    assert signature("failure_rate") == "failure_rate@1"
    assert REGISTRY.timing_metrics()["throughput"].signature == "throughput@1"


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        ({"weight": 3}, {"weighted_score"}),
        ({"description": "what it is"}, set()),
        ({"correct_threshold": 0.5}, {"field_outcomes"}),
        ({"synonyms": {"tee": ["t"]}}, {"structured_match", "weighted_score", "field_f1", "field_outcomes"}),
        ({"type": "exact"}, {"structured_match", "weighted_score", "field_f1", "field_outcomes"}),
        (
            {"null_values": ["nix"]},
            {"structured_match", "weighted_score", "field_f1", "field_outcomes", "token_set_ratio"},
        ),
        (
            {"aliases": ["kind"]},
            {
                "structured_match",
                "weighted_score",
                "field_f1",
                "field_outcomes",
                "token_set_ratio",
                "field_match_rate",
                "json_parse_rate_strict",
            },
        ),
    ],
)
def test_signature_changes_with_exactly_what_the_number_depends_on(change: dict[str, Any], changed: set[str]) -> None:
    spec = FieldSpec.model_validate(SCHEMA.fields["type"].model_dump() | change)
    other = FieldSchema(fields={**SCHEMA.fields, "type": spec})
    watched = {
        "structured_match",
        "weighted_score",
        "field_f1",
        "field_outcomes",
        "token_set_ratio",
        "field_match_rate",
        "json_parse_rate_strict",
        "truncation_rate",
    }
    assert {name for name in watched if signature(name) != signature(name, other)} == changed


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ({"type": "number"}, {"abs_tol": 1}),
        ({"type": "number"}, {"rel_tol": 0.1}),
        ({"type": "list", "items": {"type": "exact"}}, {"items": {"type": "anls"}}),
        ({"type": "list", "items": {"type": "number"}}, {"items": {"type": "number", "abs_tol": 2}}),
        ({"type": "list", "items": {"type": "exact"}}, {"items": {"type": "exact", "null_values": ["nix"]}}),
        ({"type": "object", "fields": {"a": {"type": "exact"}}}, {"fields": {"b": {"type": "exact"}}}),
        (
            {"type": "object", "fields": {"a": {"type": "exact"}}},
            {"fields": {"a": {"type": "exact", "aliases": ["b"]}}},
        ),
        (
            {"type": "object", "fields": {"a": {"type": "brand"}}},
            {"fields": {"a": {"type": "brand", "synonyms": {"x": ["y"]}}}},
        ),
    ],
)
def test_signature_tells_what_is_within_a_field(field: dict[str, Any], change: dict[str, Any]) -> None:
    plain, other = (FieldSchema.model_validate({"fields": {"f": found}}) for found in (field, field | change))
    for name in ("structured_match", "weighted_score", "field_f1", "field_outcomes"):
        assert signature(name, plain) != signature(name, other)
    assert signature("field_match_rate", plain) == signature("field_match_rate", other)


def test_signature_leaves_out_what_scores_nothing() -> None:
    plain, other = (
        FieldSchema(fields={"f": FieldSpec(type="number", values=values, description=text)})
        for values, text in (([], ""), ([1, 2], "how much"))
    )
    assert signature("weighted_score", plain) == signature("weighted_score", other)


def test_equal_weights_have_one_signature() -> None:
    ones, twos = (
        FieldSchema(fields={name: FieldSpec(type="exact", weight=weight) for name in "ab"}) for weight in (1, 2)
    )
    assert signature("weighted_score", ones) == signature("weighted_score", twos)


def test_another_spelling_of_the_same_schema_has_one_signature() -> None:
    def made(**facts: Any) -> FieldSchema:
        return FieldSchema(fields={"sleeve": FieldSpec(type="categorical", **facts)})

    plain = made(aliases=["sleeve length"], synonyms={"long": ["Full-Length", "l"]}, null_values=["nix"])
    other = made(
        aliases=["Sleeve-Length", "sleeve_length", "SLEEVE"],
        synonyms={"Long": ["l", "full length", "long"]},
        null_values=[" NIX", "n/a"],
    )
    for name in ("weighted_score", "field_outcomes", "token_set_ratio", "json_parse_rate_strict"):
        assert signature(name, plain) == signature(name, other)


def test_synonyms_of_types_without_synonyms_are_no_part_of_the_signature() -> None:
    plain, other = (
        FieldSchema(fields={"a": FieldSpec(type="anls", synonyms=synonyms)}) for synonyms in ({}, {"x": ["y"]})
    )
    assert signature("weighted_score", plain) == signature("weighted_score", other)


def test_signature_tells_which_of_two_heads_a_word_stands_for() -> None:
    first, second = (
        FieldSchema(fields={"a": FieldSpec(type="categorical", synonyms={head: [word] for head, word in pairs})})
        for pairs in ((("b", "x-y"), ("c", "x y")), (("c", "x y"), ("b", "x-y")))
    )
    comparisons = [REGISTRY.comparer(schema).compare({"a": "b"}, {"a": "X Y"})["a"].score for schema in (first, second)]
    assert comparisons == [1.0, 0.0]
    assert signature("weighted_score", first) != signature("weighted_score", second)


@pytest.mark.parametrize("key", ["on_failed", "on_unparsed"])
def test_signature_changes_with_the_declared_value(checkout: Path, key: str) -> None:
    raw = json.loads(json.dumps(RAW))
    (entry,) = (metric for metric in raw["metrics"] if metric["id"] == "weighted_score")
    entry[key] = 0.5
    path = checkout / "other.json"
    path.write_text(json.dumps(raw), encoding="utf-8")
    assert signature("weighted_score", registry=Registry.load(path)) != signature("weighted_score")


def test_signature_changes_with_the_registrys_null_words_and_limits(checkout: Path) -> None:
    raw = json.loads(json.dumps(RAW))
    raw["null_values"].append("nix")
    raw["json_extraction"]["max_depth"] = 50
    path = checkout / "other.json"
    path.write_text(json.dumps(raw), encoding="utf-8")
    other = Registry.load(path)
    mine, others = signature("structured_match").split("|"), signature("structured_match", registry=other).split("|")
    assert [a.split("=")[0] for a, b in zip(mine, others, strict=True) if a != b] == ["json_extraction", "schema"]


def test_loading_the_registry_loads_nothing_heavy() -> None:
    code = (
        "import sys; from peakbench.metrics.registry import Registry; Registry.load();"
        "print([name for name in ('pandas','matplotlib','openai','torch','pyarrow','nltk','rouge_score','aiohttp')"
        " if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    assert done.stdout.strip() == "[]"
