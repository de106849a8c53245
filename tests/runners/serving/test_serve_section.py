"""The `serve:` section: flags as vLLM calls them, any other server by its command, and clear words about mistakes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from peakbench.runners.serving.section import ServeSection, combined, fill, split_command


def read(section: dict[str, Any]) -> ServeSection:
    return ServeSection.model_validate(section)


def test_typed_keys_and_extra_flags_become_vllms_flags() -> None:
    section = read(
        {
            "tensor_parallel_size": 2,
            "max_model_len": 4096,
            "quantization": "awq",
            "dtype": "bfloat16",
            "gpu_memory_utilization": 0.8,
            "limit_mm_per_prompt": {"image": 4, "video": 0},
            "seed": 0,
            "extra": {
                "enforce_eager": True,
                "enable-prefix-caching": False,
                "max_num_seqs": 16,
                "mm_processor_kwargs": {"max_pixels": 1},
                "allowed_origins": ["a", "b"],
            },
        }
    )
    assert section.flags() == [
        *("--tensor-parallel-size", "2", "--max-model-len", "4096", "--quantization", "awq", "--dtype", "bfloat16"),
        *("--gpu-memory-utilization", "0.8", "--limit-mm-per-prompt", '{"image":4,"video":0}', "--seed", "0"),
        *("--enforce-eager", "--no-enable-prefix-caching", "--max-num-seqs", "16"),
        *("--mm-processor-kwargs", '{"max_pixels":1}', "--allowed-origins", "a", "b"),
    ]
    assert read({"extra": ["--enforce-eager", "-O3"]}).flags() == ["--enforce-eager", "-O3"]
    assert read({}).flags() == []


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"max_modle_len": 1}, "did you mean `max_model_len`"),
        ({"max_model_len": 0}, "greater than or equal to 1"),
        ({"gpu_memory_utilization": 1.5}, "less than or equal to 1"),
        ({"dtype": "float8"}, "bfloat16"),
        ({"port": 70_000}, "65535"),
        ({"health": "health"}, "pattern"),
        ({"ready_timeout": 0}, "greater than 0"),
        ({"env": {"A=B": "1"}}, "no variable"),
        ({"extra": {"max_model_len": 1}}, "key of `serve` itself"),
        ({"extra": ["--max-model-len=1"]}, "key of `serve` itself"),
        ({"extra": {"host": "0.0.0.0"}}, "given by PeakBench"),
        ({"extra": ["--served-model-name", "x"]}, "given by PeakBench"),
        ({"extra": {"revision": "x"}}, "given by PeakBench"),
        ({"extra": {"enforce_eager": None}}, "no value"),
        ({"extra": {"a b": 1}}, "no flag"),
        ({"command": "serve {prot}"}, "did you mean {port}"),
        ({"command": "serve {quux} {port}"}, "known: {model}"),
        ({"command": "serve"}, "no {port}"),
        ({"command": ""}, "empty"),
        ({"command": "serve 'x {port}"}, "quotation"),
        ({"command": "serve {port}", "max_model_len": 1}, "of vLLM"),
        ({"command": "serve {port}", "extra": {"a": 1}}, "of vLLM"),
    ],
)
def test_what_cannot_work_is_refused_in_plain_words(section: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        read(section)
    assert said in str(refused.value)


def test_a_models_own_keys_go_over_the_sweeps() -> None:
    whole = read({"max_model_len": 1, "dtype": "half", "env": {"A": 1, "B": 2}, "extra": {"x": 1, "y": 2}})
    own = read({"max_model_len": 9, "env": {"B": 3}, "extra": {"y": 3}, "port": 8100})
    both = combined(whole, own)
    assert both.flags() == ["--max-model-len", "9", "--dtype", "half", "--x", "1", "--y", "3"]
    assert both.env == {"A": 1, "B": 3}
    assert both.port == 8100
    assert combined(whole, None) == whole
    assert combined(None, None) == ServeSection()
    assert combined(whole, read({"extra": ["--z"]})).extra == ["--z"]


def test_a_model_with_a_server_of_its_own_takes_no_vllm_flags_from_the_sweep() -> None:
    whole = read({"max_model_len": 1, "extra": {"x": 1}, "env": {"A": "1"}, "ready_timeout": 7})
    both = combined(whole, read({"command": "other --port {port}"}))
    assert (both.max_model_len, both.extra, both.env, both.ready_timeout) == (None, {}, {"A": "1"}, 7)
    with pytest.raises(ValueError, match="of vLLM"):
        combined(read({"command": "other --port {port}"}), read({"max_model_len": 1}))


def test_placeholders_are_filled_in_word_by_word_and_json_is_left_alone() -> None:
    values = {"model": "/a b/m", "name": "n", "host": "h", "port": "1"}
    words = split_command("""s -m {model} --alias={name} --json '{"image": {"count": 1}}' --at {host}:{port}""")
    assert fill(words, values) == ["s", "-m", "/a b/m", "--alias=n", "--json", '{"image": {"count": 1}}', "--at", "h:1"]
    assert split_command(["a b", "c"]) == ["a b", "c"]


@given(
    st.dictionaries(
        st.from_regex(r"x_[a-z]{1,5}", fullmatch=True), st.integers() | st.booleans() | st.text(max_size=5), max_size=4
    )
)
def test_every_extra_flag_is_given_once(extra: dict[str, Any]) -> None:
    flags = read({"extra": extra}).flags()
    for name, value in extra.items():
        flag = "--" + name.replace("_", "-")
        if value is False:
            flag = f"--no-{flag[2:]}"
        assert flag in flags
        if not isinstance(value, bool):
            assert str(value) in flags
    assert len(flags) == sum(1 if isinstance(value, bool) else 2 for value in extra.values())
    assert json.loads(json.dumps(flags)) == flags
