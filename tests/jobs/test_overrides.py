"""Overrides: each is a run of its own under a name that shows it; what is said nearer goes before."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from peakbench.errors import BadInputError
from peakbench.jobs.overrides import FileSettings, Override
from peakbench.jobs.settings import RunSettings
from peakbench.jobs.sweep import Combination, combinations, read_sweep, sweep
from peakbench.jobs.watching import Watching
from peakbench.metrics.registry import Registry
from peakbench.mock.serving import RunningMockServer
from peakbench.runners.endpoint import Endpoint
from peakbench.runs.manifest import ModelFacts

Tiny = Callable[..., Path]
Run = Callable[..., subprocess.CompletedProcess[str]]


def written(folder: Path, text: str) -> str:
    (folder / "sweep.yaml").write_text(f"schema_version: 1\n{text}")
    return str(folder / "sweep.yaml")


def planned(folder: Path, text: str, taken: frozenset[str] = frozenset(), **settings: Any) -> list[Combination]:
    file, path = read_sweep(written(folder, f"benchmarks: [garments-demo]\n{text}"))
    given = RunSettings(ModelFacts(name="x"), Endpoint("http://127.0.0.1:1/v1"), folder / "runs", **settings)
    return combinations(file, path, given, taken=taken)


def test_every_model_is_asked_in_every_way_and_named_by_it(tmp_path: Path) -> None:
    runs = planned(
        tmp_path,
        "overrides: [{}, {response_format: json_schema}, {name: few, limit: 3, max_concurrency: 2}]\n"
        "models: [{name: a}, {name: b, overrides: [{repeats: 2}]}, {name: c, overrides: []}]\n",
    )
    assert [run.title for run in runs] == ["a", "a [response_format=json_schema]", "a [few]", "b [repeats=2]", "c"]
    assert [run.settings.limit for run in runs] == [None, None, 3, None, None]
    assert [run.settings.asking.max_concurrency for run in runs] == [8, 8, 2, 8, 8]


def test_nearer_goes_before_farther_and_the_command_line_before_all(tmp_path: Path) -> None:
    text = (
        "settings: {limit: 1, seed: 1, repeats: 2, timeout: 9}\n"
        "overrides: [{name: way, limit: 3}]\n"
        "models: [{name: a, settings: {limit: 2, seed: 2, extra_body: {top_k: 1}}}]\n"
    )
    (run,) = planned(tmp_path, text)
    told = run.settings
    assert (told.limit, told.seed, told.repeats, told.asking.timeout_s) == (3, 2, 2, 9)
    assert (told.extra_body, told.variant) == ({"top_k": 1}, "way")
    (run,) = planned(tmp_path, text, frozenset({"limit", "repeats"}), limit=7, repeats=1)
    assert (run.settings.limit, run.settings.seed, run.settings.repeats, run.settings.variant) == (7, 2, 1, None)


def test_ways_that_the_command_line_makes_equal_are_asked_once(tmp_path: Path) -> None:
    text = "overrides: [{}, {limit: 2}, {limit: 3, repeats: 2}]\nmodels: [{name: a}]\n"
    assert [run.title for run in planned(tmp_path, text, frozenset({"limit"}))] == ["a", "a [repeats=2]"]


def test_how_images_are_sent_can_be_overridden(tmp_path: Path) -> None:
    text = "settings: {max_image_pixels: 9}\noverrides: [{}, {max_image_pixels: null}]\nmodels: [{name: a}]\n"
    assert [(run.title, run.settings.images.max_pixels) for run in planned(tmp_path, text)] == [
        ("a", 9),
        ("a [max_image_pixels=none]", None),
    ]


def test_no_limit_is_a_way_of_its_own(tmp_path: Path) -> None:
    runs = planned(tmp_path, "settings: {limit: 5}\noverrides: [{}, {limit: null}]\nmodels: [{name: a}]\n")
    assert [(run.title, run.settings.limit) for run in runs] == [("a", 5), ("a [limit=none]", None)]


def test_a_secret_in_an_override_stands_in_no_name(tmp_path: Path) -> None:
    (run,) = planned(tmp_path, "overrides: [{extra_body: {api_key: hush-hush}}]\nmodels: [{name: a}]\n")
    assert "hush" not in run.title


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("overrides: [{limit: 2}, {limit: 2}]\nmodels: [{name: a}]", "two overrides are `limit=2`"),
        ("overrides: [{}, {}]\nmodels: [{name: a}]", "two overrides are `{}`"),
        ("models: [{name: a, overrides: [{name: x, limit: 1}, {name: x, limit: 2}]}]", "two overrides are `x`"),
        ("overrides: [{name: ' x'}]\nmodels: [{name: a}]", "one line"),
        ("overrides: [{name: x}]\nmodels: [{name: a}]", "overrides nothing"),
        ("overrides: [{repeat: 2}]\nmodels: [{name: a}]", "did you mean `repeats`"),
        ("settings: {limit: 0}\nmodels: [{name: a}]", "settings.limit"),
        ("models: [{name: a, lora: adapter}]", "base:adapter"),
        ("models: [{name: a, lora: 'b:c@1', revision: '1'}]", "take `revision` out"),
        ("models: [{name: a, sources: {title: server}}]", "found out, not given"),
        ("models: [{name: a, path: not-there}]", "there is no folder"),
        ("models: [{name: a, boxes: {order: yxyx, scale: norm1000}}]", "has no boxes"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_asked(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        planned(tmp_path, f"{text}\n")


def test_an_adapter_is_named_with_its_base_and_its_revision(tmp_path: Path) -> None:
    (run,) = planned(tmp_path, "models: [{name: served, lora: 'org/base:org/lora@v2'}]\n")
    facts = run.settings.model
    assert (facts.name, facts.base, facts.adapter, facts.revision) == ("served", "org/base", "org/lora", "v2")
    (run,) = planned(tmp_path, "models: [{name: served, lora: '/a/base:/a/lora'}]\n")
    assert (run.settings.model.adapter, run.settings.model.revision) == ("/a/lora", None)


def test_a_sweep_with_overrides_is_resumed_as_a_whole(tiny: Tiny, server: RunningMockServer, tmp_path: Path) -> None:
    name = written(
        tmp_path,
        f"benchmarks: [{tiny()}]\noverrides: [{{}}, {{max_concurrency: 1}}, {{limit: 3}}]\n"
        "models: [{name: constant-null}, {name: not-there, overrides: []}]\n",
    )
    file, path = read_sweep(name)
    settings = RunSettings(ModelFacts(name="x"), Endpoint(server.base_url), tmp_path / "runs", keep_finished=True)
    outcomes = sweep(combinations(file, path, settings), Registry.load(), lambda _: Watching())
    assert [(one.title, one.state) for one in outcomes] == [
        ("constant-null", "finished"),
        ("constant-null [max_concurrency=1]", "finished"),  # no run of another way is taken for it
        ("constant-null [limit=3]", "finished"),
        ("not-there", "failed"),
    ]
    again = sweep(combinations(file, path, settings), Registry.load(), lambda _: Watching())
    assert [one.state for one in again] == ["kept", "kept", "kept", "failed"]
    assert [one.run and one.run.folder.path for one in again] == [one.run and one.run.folder.path for one in outcomes]


def test_each_way_has_a_row_on_the_board_and_the_end_tells_of_every_run(
    peakbench: Run, tiny: Tiny, server: RunningMockServer, tmp_path: Path
) -> None:
    name = written(
        tmp_path,
        f"benchmarks: [{tiny()}]\nsettings: {{output: here}}\n"
        "overrides: [{}, {repeats: 2}, {name: few, limit: 3}]\nmodels: [{name: constant-null}, {name: gone}]\n",
    )
    at = ("--base-url", server.base_url)
    done = peakbench("sweep", name, *at, "--board", "boards", COLUMNS="200")
    assert done.returncode == 5
    boards = "".join(path.read_text() for path in tmp_path.glob("boards/*/board.md")).replace("\\", "")
    assert "constant-null [repeats=2]" in boards
    assert "constant-null [few]" in boards
    assert "| constant-null |" in boards
    assert "not published" in boards
    assert "?" not in boards
    assert len(list((tmp_path / "boards").iterdir())) == 2  # three samples and six share no table
    table = done.stdout[done.stdout.index("Main score") :]
    assert table.count("finished") == 3
    assert table.count("failed") == 6
    assert "gone [few] on" in table
    assert (tmp_path / "here").is_dir()
    assert not (tmp_path / "runs").exists()


def test_the_page_of_run_files_names_every_setting() -> None:
    page = (Path(__file__).resolve().parents[2] / "runners" / "README.md").read_text(encoding="utf-8")
    assert [name for name in {**FileSettings.model_fields, **Override.model_fields} if f"`{name}`" not in page] == []
