"""Plans of servers: by which command line, and what of it may be shown."""

import json
import os
from pathlib import Path

import pytest

from peakbench.errors import BadInputError
from peakbench.runners.serving.plan import ServePlan
from peakbench.runners.serving.section import ServeSection
from peakbench.runners.serving.source import Source, read_source


def plan(text: str = "org/model", revision: str | None = None, **section: object) -> ServePlan:
    return ServePlan("it", read_source(text, revision), ServeSection.model_validate(section))


def test_the_command_of_vllm() -> None:
    made = plan(revision="v1", max_model_len=5).command(8123)
    assert made == [
        *("vllm", "serve", "org/model", "--host", "127.0.0.1", "--port", "8123", "--served-model-name", "it"),
        *("--revision", "v1", "--max-model-len", "5"),
    ]


@pytest.mark.parametrize(
    ("config", "extra", "rank"),
    [({"r": 16}, {}, None), ({"r": 24}, {}, "32"), ({"r": 24}, {"max_lora_rank": 64}, "64"), ({}, {}, None)],
)
def test_an_adapter_is_served_under_the_name_that_is_asked(
    tmp_path: Path, config: dict[str, int], extra: dict[str, int], rank: str | None
) -> None:
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    made = plan(f"org/model:{tmp_path}", extra=extra).command(1)
    assert made[made.index("--served-model-name") + 1] == "it-base"
    assert "--enable-lora" in made
    assert json.loads(made[made.index("--lora-modules") + 1]) == {"name": "it", "path": str(tmp_path)}
    assert made.count("--max-lora-rank") == (rank is not None)
    if rank:
        assert made[made.index("--max-lora-rank") + 1] == rank


def test_another_server_is_started_by_its_own_command() -> None:
    made = plan("/", command="llama-server -m {model} --port {port} --host {host} --alias {name}").command(7)
    assert made == ["llama-server", "-m", "/", "--port", "7", "--host", "127.0.0.1", "--alias", "it"]


def test_a_command_that_is_not_there_is_told_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no command `no-such`") as refused:
        ServePlan("it", Source("m"), ServeSection(), "no-such").check()
    assert "--vllm-bin" in refused.value.mend
    with pytest.raises(BadInputError, match="no command `no-such`"):
        plan(command="no-such {port}").check()
    for text in ("/no/such/folder", "org/model:./no-such"):
        with pytest.raises(BadInputError, match=r"no model at \.?/no.such"):
            plan(text, command="sh {port}").check()
    with pytest.raises(BadInputError, match="BASE:ADAPTER is for vLLM"):
        plan("a/b:c/d", command="sh {port}").check()
    plan(command="sh {port}").check()
    vllm = tmp_path / "vllm"
    vllm.write_text("#!/bin/sh\n")
    vllm.chmod(0o755)
    ServePlan("it", Source("m"), ServeSection(), str(vllm)).check()


def test_servers_are_started_on_linux_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    with pytest.raises(BadInputError, match="Linux only") as refused:
        plan(command="sh {port}").check()
    assert "--base-url" in refused.value.mend


def test_secrets_are_shown_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "topsecret-of-the-hub")
    made = ServePlan(
        "it",
        Source("m"),
        ServeSection.model_validate(
            {
                "command": "srv --api-key hunter22 --token=abcdefgh --port {port} --say topsecret-of-the-hub",
                "env": {"MY_PASSWORD": "swordfish", "PLAIN": "yes", "NOTE": "mail hunter22"},
            }
        ),
        known_secrets=("endpoint-key",),
    )
    told = f"{made.in_words(made.command(1))} {made.shown_environment()} " + made.hidden(
        "hunter22 abcdefgh swordfish topsecret-of-the-hub endpoint-key hf_abcdefghijklmnopqrstuv"
    )
    for secret in ("hunter22", "abcdefgh", "swordfish", "topsecret-of-the-hub", "endpoint-key", "hf_abc"):
        assert secret not in told
    assert made.shown_environment()["PLAIN"] == "yes"
    assert "--port 1" in made.in_words(made.command(1))
    assert made.environment()["MY_PASSWORD"] == "swordfish"
    assert made.environment()["PATH"] == os.environ["PATH"]


def test_the_digest_knows_flags_and_variables_but_neither_port_nor_secrets() -> None:
    one = plan(max_model_len=5, env={"A": "1", "KEY": "abcdefgh"})
    assert one.digest() == plan(max_model_len=5, env={"A": "1", "KEY": "other-secret"}, port=8100).digest()
    others = [plan(max_model_len=6), plan(max_model_len=5, env={"A": "2"}), plan("org/other"), plan(revision="v2")]
    assert len({one.digest(), *(other.digest() for other in others)}) == 5
    assert plan("a/b:c/d@v1").digest() != plan("a/b:c/d@v2").digest(), "known without fetching it"
