"""What a folder of weights says is read from configs and headers; what it does not say is None, never a guess."""

import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from safetensors.numpy import save_file
from shared_data import shared

from peakbench.jobs.weights import cached_snapshot, hub_snapshot, missing_weights, parameters_text, read_weights

CONFIG = {"architectures": ["Qwen3VLForConditionalGeneration"], "model_type": "qwen3_vl"}
KEYS = (
    *("architectures", "model_type", "quantization_config", "bits", "quant_method", "config_groups", "weights", "type"),
    *("num_bits", "format", "load_in_4bit", "quant_algo", "peft_type", "r", "base_model_name_or_path"),
)


def folder_of(place: Path, config: dict[str, Any] | None, **tensors: Any) -> Path:
    place.mkdir(parents=True, exist_ok=True)
    if config is not None:
        (place / "config.json").write_text(json.dumps(config))
    if tensors:
        named = {name.replace("__", "."): np.zeros(shape, dtype) for name, (shape, dtype) in tensors.items()}
        save_file(named, place / "model.safetensors")
    return place


def test_architecture_family_and_size_are_read_from_config_and_header(tmp_path: Path) -> None:
    facts = read_weights(
        folder_of(tmp_path, CONFIG, a__weight=((10, 20), np.float16), b__bias=((7,), np.float32), p=((4,), np.int64))
    )
    assert (facts.architecture, facts.family) == ("Qwen3VLForConditionalGeneration", "qwen3_vl")
    assert facts.n_parameters == 207  # the whole numbers are a buffer
    assert facts.dtypes == {"F16": 200, "F32": 7, "I64": 4}
    assert facts.quantization == "none in the weights (F16)"


def test_every_file_of_an_index_is_counted_and_a_missing_one_leaves_the_size_unknown(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, CONFIG)
    for number in (1, 2):
        save_file({f"w{number}.weight": np.zeros((3, number), np.float32)}, folder / f"part-{number}.safetensors")
    index = {"weight_map": {"w1.weight": "part-1.safetensors", "w2.weight": "part-2.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert read_weights(folder).n_parameters == 9
    (folder / "part-2.safetensors").unlink()
    assert read_weights(folder).n_parameters is None
    assert read_weights(folder).family == "qwen3_vl"


def test_an_index_cannot_name_files_elsewhere(tmp_path: Path) -> None:
    save_file({"w.weight": np.zeros((3,), np.float32)}, tmp_path / "other.safetensors")
    folder = folder_of(tmp_path / "model", CONFIG)
    index = {"weight_map": {"w.weight": "../other.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert read_weights(folder).n_parameters is None


NF4 = {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}
GPTQ = {"quant_method": "gptq", "bits": 4}
PACKED = {"config_groups": {"g": {"weights": {"num_bits": 4, "type": "int"}}}}
FP8 = {"config_groups": {"g": {"weights": {"num_bits": 8, "type": "float"}}}}


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (GPTQ, "GPTQ 4-bit"),
        ({"quant_method": "awq", "bits": 4}, "AWQ 4-bit"),
        ({"quant_method": "fp8"}, "FP8"),
        ({"quant_method": "mxfp4"}, "MXFP4"),
        (NF4, "bitsandbytes 4-bit (nf4)"),
        ({"quant_method": "bitsandbytes", "load_in_8bit": True}, "bitsandbytes 8-bit"),
        ({"quant_method": "compressed-tensors", "format": "nvfp4-pack-quantized"}, "NVFP4"),
        ({"quant_method": "compressed-tensors", **PACKED}, "compressed-tensors 4-bit"),
        ({"quant_method": "compressed-tensors", **FP8}, "FP8"),
        ({"quant_method": "compressed-tensors"}, "compressed-tensors"),
        ({"quant_method": "modelopt", "quant_algo": "NVFP4"}, "NVFP4"),
        ({"quant_method": "something-new"}, "something-new"),
        ({}, None),
        ("nonsense", None),
    ],
)  # fmt: skip
def test_a_quantization_is_called_as_boards_call_it(tmp_path: Path, told: Any, said: str | None) -> None:
    folder = folder_of(tmp_path, CONFIG | {"quantization_config": told}, a__weight=((2, 2), np.float16))
    assert read_weights(folder).quantization == said


@pytest.mark.parametrize(
    ("told", "tensors", "n"),
    [
        (GPTQ, {"a__qweight": ((8, 4), np.int32), "a__scales": ((9, 9), np.float16), "n": ((5,), np.float16)}, 261),
        (GPTQ | {"bits": 3}, {"a__qweight": ((8, 4), np.int32)}, None),
        ({"quant_method": "gptq"}, {"a__qweight": ((8, 4), np.int32)}, None),
        ({"quant_method": "modelopt", "quant_algo": "NVFP4"}, {"a__weight": ((8, 4), np.uint8)}, 64),
        ({"quant_method": "bitsandbytes", "load_in_8bit": True}, {"a__weight": ((8, 4), np.int8)}, 32),
        ({"quant_method": "mxfp4"}, {"experts__up_blocks": ((300, 300), np.uint8)}, None),
        ({"quant_method": "compressed-tensors", **PACKED}, {"a__weight_packed": ((8, 4), np.int32)}, 256),
    ],
)
def test_packed_weights_are_counted_one_by_one_or_not_at_all(
    tmp_path: Path, told: dict[str, Any], tensors: dict[str, Any], n: int | None
) -> None:
    assert read_weights(folder_of(tmp_path, CONFIG | {"quantization_config": told}, **tensors)).n_parameters == n


def test_a_quantization_that_lies_in_a_file_of_its_own_is_found(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, CONFIG, a__weight=((8, 4), np.uint8))
    assert read_weights(folder).quantization is None
    (folder / "hf_quant_config.json").write_text(json.dumps({"quantization": {"quant_algo": "FP8"}}))
    assert read_weights(folder).quantization == "FP8"


def test_an_adapter_says_what_it_is_and_of_which_base(tmp_path: Path) -> None:
    told = {"peft_type": "LORA", "r": 16, "base_model_name_or_path": "org/base"}
    folder = folder_of(tmp_path, None, lora__weight=((2, 2), np.float32))
    (folder / "adapter_config.json").write_text(json.dumps(told))
    facts = read_weights(folder)
    assert (facts.adapter, facts.adapter_base, facts.n_parameters) == ("LoRA, r = 16", "org/base", None)


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"architectures": "x", "model_type": 7}', "[" * 100_000])
def test_broken_files_say_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content)
    (tmp_path / "model.safetensors").write_bytes(b"\xff" * 64)
    facts = read_weights(tmp_path)
    assert (facts.architecture, facts.family, facts.n_parameters, facts.quantization) == (None, None, None, None)
    assert read_weights(tmp_path / "nowhere").architecture is None


_ODD = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.sampled_from(["gptq", "LORA", "\ud800"])),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(KEYS), _ODD), st.booleans())
@example({"model_type": "half a character: \ud800"}, False)
@example({"quantization_config": {"bits": []}}, False)
def test_whatever_a_config_holds_it_is_read_and_can_be_written(config: dict[str, Any], adapter: bool) -> None:
    with TemporaryDirectory() as name:
        folder = folder_of(Path(name), None, a__qweight=((2,), np.int32))
        (folder / ("adapter_config.json" if adapter else "config.json")).write_text(json.dumps(config))
        facts = read_weights(folder)
    told = (facts.architecture, facts.family, facts.quantization, facts.adapter, facts.adapter_base)
    json.dumps(told, ensure_ascii=False).encode()


def test_what_a_folder_lacks_of_its_weights_is_told(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, CONFIG)
    assert missing_weights(folder) == "there are no weights in it"
    index = {"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    save_file({"a": np.zeros(3)}, folder / "one.safetensors")
    assert missing_weights(folder) == "1 of its 2 files of weights are missing, such as two.safetensors"
    save_file({"b": np.zeros(3)}, folder / "two.safetensors")
    assert missing_weights(folder) is None
    with (folder / "two.safetensors").open("r+b") as file:
        file.truncate(file.seek(0, os.SEEK_END) - 1)
    assert missing_weights(folder) == "two.safetensors is damaged, or not whole"


def test_a_snapshot_of_a_hub_cache_names_repository_and_commit(tmp_path: Path) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    assert hub_snapshot(tmp_path / "models--org--a-b" / "snapshots" / commit) == ("org/a-b", commit)
    assert hub_snapshot(tmp_path / "models--org--a-b" / "snapshots" / "main") == ("org/a-b", None)
    assert hub_snapshot(tmp_path / "a-b" / "snapshots" / commit) == (None, None)


def test_the_hub_cache_is_looked_into_without_the_network(no_network: None) -> None:
    assert cached_snapshot("org/nobody-has-this") is None
    assert cached_snapshot("no hub id at all") is None


def test_the_trained_test_model_is_read_whole() -> None:
    facts = read_weights(shared("models/tiny-garment-vlm/final"))
    assert facts.n_parameters == 3_776_960
    assert facts.quantization == "none in the weights (BF16)"


@pytest.mark.parametrize(
    ("n", "text"),
    [(0, "0"), (999, "999"), (1000, "1K"), (3_776_960, "3.78M"), (2_127_532_032, "2.13B"), (7_000_000_000, "7B"),
     (35_900_000_000, "35.9B"), (122_000_000_000, "122B"), (999_999_999, "1B"), (1_500_000_000_000, "1.5T")],
)  # fmt: skip
def test_numbers_of_parameters_are_written_as_boards_do(n: int, text: str) -> None:
    assert parameters_text(n) == text


@given(st.integers(1, 10**15))
def test_a_written_number_is_within_half_a_percent(n: int) -> None:
    text = parameters_text(n)
    sizes = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
    value = float(text[:-1]) * sizes[text[-1]] if text[-1] in sizes else float(text)
    assert abs(value - n) <= 0.00501 * n
