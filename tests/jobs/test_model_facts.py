"""Facts of models: the person goes first, then the model's files, then its server; each says who said it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from peakbench.jobs.model_facts import complete_facts
from peakbench.runs.manifest import ModelFacts, ServerFacts

HERE = "http://127.0.0.1:8000/v1"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return made(tmp_path / "model")


def made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"architectures": ["TinyForTests"], "model_type": "tiny"}))
    save_file({"a.weight": np.zeros((1000, 2), np.float16)}, folder / "model.safetensors")
    return folder


def served(root: object, **more: Any) -> ServerFacts:
    return ServerFacts(owned_by="vllm", root=str(root), **more)


def test_what_the_person_says_is_never_replaced_and_the_rest_is_read(model: Path) -> None:
    given = ModelFacts(name="m", architecture="Tiny", training="SFT", path=str(model))
    facts = complete_facts(given, None, HERE)
    assert (facts.architecture, facts.family, facts.parameters) == ("Tiny", "tiny", "2K")
    assert facts.parameter_count == 2000
    assert facts.sources == {
        "architecture": "file",
        "training": "file",
        "family": "config",
        "quantization": "weights",
        "parameters": "weights",
    }
    assert (facts.hub_id, facts.revision) == (None, None)
    sized = complete_facts(given.model_copy(update={"parameters": "2B"}), None, HERE)
    assert (sized.parameters, sized.parameter_count) == ("2B", None)


def test_the_folder_that_a_server_on_this_machine_serves_is_read(model: Path) -> None:
    assert complete_facts(ModelFacts(name="m"), served(model), HERE).family == "tiny"


@pytest.mark.parametrize("url", ["http://10.0.0.7:8000/v1", "https://example.org/v1"])
def test_a_path_of_another_machine_is_not_looked_for_on_this_one(model: Path, url: str) -> None:
    facts = complete_facts(ModelFacts(name="m"), served(model), url)
    assert (facts.family, facts.hub_id, facts.sources) == (None, None, {})


def test_a_folder_in_a_hub_cache_says_repository_and_commit(tmp_path: Path) -> None:
    folder = made(tmp_path / "models--org--name" / "snapshots" / COMMIT)
    facts = complete_facts(ModelFacts(name="m"), served(folder), HERE)
    assert (facts.hub_id, facts.revision) == ("org/name", COMMIT)
    assert facts.sources["revision"] == "path"
    other = complete_facts(ModelFacts(name="m", hub_id="org/other"), served(folder), HERE)
    assert (other.hub_id, other.revision) == ("org/other", None)


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Hub cache that holds `org/name`."""
    constants = pytest.importorskip("huggingface_hub.constants", reason="huggingface_hub is not installed")
    repo = tmp_path / "hub" / "models--org--name"
    made(repo / "snapshots" / COMMIT)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text(COMMIT)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


def test_the_local_hub_cache_is_read_but_its_commit_is_nobodys_word(cached: None, no_network: None) -> None:
    facts = complete_facts(ModelFacts(name="m", hub_id="org/name"), None, HERE)
    assert (facts.family, facts.parameters, facts.revision) == ("tiny", "2K", None)


def test_a_root_is_a_hub_id_when_the_hub_cache_holds_it_and_may_else_be_a_path(cached: None, no_network: None) -> None:
    facts = complete_facts(ModelFacts(name="m"), served("org/name"), HERE)
    assert (facts.hub_id, facts.family) == ("org/name", "tiny")
    assert facts.sources["hub_id"] == "server"
    assert complete_facts(ModelFacts(name="m"), served("outputs/checkpoint-500"), HERE) == ModelFacts(name="m")


def test_an_adapter_has_the_architecture_of_its_base_and_a_training_of_its_own(tmp_path: Path) -> None:
    base, adapter = made(tmp_path / "base"), tmp_path / "adapter"
    adapter.mkdir()
    told = {"peft_type": "LORA", "r": 8, "base_model_name_or_path": str(base)}
    (adapter / "adapter_config.json").write_text(json.dumps(told))
    facts = complete_facts(ModelFacts(name="m"), served(adapter, parent="served-base"), HERE)
    assert (facts.base, facts.adapter, facts.training) == (str(base), str(adapter), "LoRA, r = 8")
    assert (facts.architecture, facts.parameters) == ("TinyForTests", "2K")
    elsewhere = complete_facts(ModelFacts(name="m"), served("/not/here", parent="served-base"), HERE)
    assert (elsewhere.base, elsewhere.adapter) == ("served-base", "/not/here")
    assert elsewhere.sources == {"base": "server", "adapter": "server"}


def test_the_path_of_a_base_is_kept_whole_or_not_at_all(tmp_path: Path) -> None:
    deep = made(tmp_path.joinpath(*["a" * 100] * 4))
    for told, base, architecture in (
        (str(deep), str(deep), "TinyForTests"),
        ("/" + "x" * 3000, "/" + "x" * 3000, None),
        ("/" + "x" * 5000, None, None),
    ):
        adapter = {"peft_type": "LORA", "base_model_name_or_path": told}
        (tmp_path / "adapter_config.json").write_text(json.dumps(adapter))
        facts = complete_facts(ModelFacts(name="m"), served(tmp_path), HERE)
        assert (facts.base, facts.architecture) == (base, architecture)


def test_a_root_that_no_file_system_takes_is_no_folder() -> None:
    assert complete_facts(ModelFacts(name="m"), served("/" + "x" * 3000), HERE) == ModelFacts(name="m")


def test_what_nobody_says_stays_unknown() -> None:
    facts = complete_facts(ModelFacts(name="m"), ServerFacts(), HERE)
    assert facts == ModelFacts(name="m")
