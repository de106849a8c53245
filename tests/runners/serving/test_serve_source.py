"""What a server loads, read from how people write it."""

from pathlib import Path

import pytest

from peakbench.errors import BadInputError
from peakbench.runners.serving.section import ServeSection
from peakbench.runners.serving.source import Source, read_lora, read_source, source_of


@pytest.mark.parametrize(
    ("text", "source", "name"),
    [
        ("org/model", Source("org/model"), "org/model"),
        ("org/model@v1", Source("org/model", "v1"), "org/model"),
        ("org/model:me/adapter", Source("org/model", None, "me/adapter"), "me/adapter"),
        ("org/model@v1:me/adapter@v2", Source("org/model", "v1", "me/adapter", "v2"), "me/adapter"),
    ],
)
def test_models_and_adapters_are_read_with_their_revisions(text: str, source: Source, name: str) -> None:
    assert read_source(text) == source
    assert source.name == name


def test_folders_are_models_and_their_last_part_is_a_name(tmp_path: Path) -> None:
    odd = tmp_path / "a:b@c"
    odd.mkdir()
    assert read_source(str(odd)) == Source(str(odd))
    assert read_source(str(odd)).name == "a:b@c"
    (tmp_path / "adapter").mkdir()
    assert read_source(f"org/model:{tmp_path}/adapter").name == "adapter"
    assert read_source(str(odd), "main").revision is None, "a folder has no revision to be asked for"


@pytest.mark.parametrize("text", ["", ":x", "x:", "x@", "@x"])
def test_what_is_no_model_is_refused(text: str) -> None:
    with pytest.raises(BadInputError):
        read_source(text)


def test_a_revision_is_that_of_what_is_asked_and_named_once() -> None:
    assert read_source("a/b", "v1") == Source("a/b", "v1")
    assert read_source("a/b:c/d", "v1") == Source("a/b", None, "c/d", "v1")
    assert read_source("a/b@v1", "v1") == Source("a/b", "v1")
    with pytest.raises(BadInputError, match="another revision"):
        read_source("a/b@v1", "v2")


def test_a_name_with_a_colon_is_a_name_to_another_server(tmp_path: Path) -> None:
    other = ServeSection.model_validate({"command": "ollama-like {model} {port}"})
    assert source_of("gemma3:4b", None, other) == Source("gemma3:4b")
    assert source_of("a/b:c/d", None, ServeSection()).adapter == "c/d"
    assert source_of(str(tmp_path), None, other) == Source(str(tmp_path))
    assert source_of("/no/such", None, other) == Source("/no/such")


def test_the_lora_of_a_run_file_is_read_without_a_look_at_folders() -> None:
    assert read_lora("org/base:me/lora@v2") == Source("org/base", None, "me/lora", "v2")
    assert read_lora("/no/base:/no/lora") == Source("/no/base", None, "/no/lora", None)


@pytest.mark.parametrize("text", ["", "adapter", "a:", ":b", "a@1:b", "a:b@", "a:b:c", "a:b@1@2", "a: b"])
def test_a_lora_that_is_written_otherwise_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="base:adapter@revision"):
        read_lora(text)
