"""What a model's folder says of it: `config.json`, the headers of its safetensors files, an adapter's config.

Only headers are read, never the weights themselves, so that a hundred gigabytes take no longer than a few megabytes.
Nothing is guessed: where files are missing or say nothing, the fact is None.
"""

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_CONFIG = "config.json"
_ADAPTER = "adapter_config.json"
_QUANTIZATION = "hf_quant_config.json"
"""Where NVIDIA's ModelOpt says what other quantizers say in the config."""
_SINGLE = "model.safetensors"
_WEIGHTS = frozenset({".safetensors", ".bin", ".pt", ".pth", ".gguf"})
"""Ends of the names of files of weights that servers load."""
_MAX_JSON_BYTES = 64 * 2**20
"""An index of thousands of tensors has some megabytes; a larger file is none."""
_MAX_CHARS = 200
_MAX_PATH_CHARS = 4096
UNQUANTIZED = "none in the weights"
"""A server may still quantize them as it loads them, and does not say so."""

_PLAIN = frozenset({"F64", "F32", "F16", "BF16"})
_PACKED_BITS = {"I32": 32, "U32": 32, "I8": 8, "U8": 8}
"""Types of elements that may hold several weights each."""
_PACKED_NAMES = frozenset({"qweight", "weight_packed", "weight"})
"""Last parts of the names of tensors that hold weights, where an element may hold several of them."""
_LARGEST_BUFFER = 65_536
"""Elements; a larger tensor of whole numbers, of a name that is not known, holds weights in some other way."""
_BESIDE = frozenset(
    {
        "scales", "qzeros", "g_idx", "weight_scale", "weight_scale_2", "weight_scale_inv", "weight_global_scale",
        "weight_zero_point", "weight_g_idx", "weight_shape", "input_scale", "input_global_scale", "k_scale", "v_scale",
        "q_scale", "absmax", "quant_map", "nested_absmax", "nested_quant_map", "bitsandbytes__nf4",
        "bitsandbytes__fp4", "SCB",
    }
)  # fmt: skip
"""Last parts of the names of tensors that a quantization adds; they are no parameters of the model."""


@dataclass(frozen=True, slots=True)
class WeightsFacts:
    """What a folder of weights says; None for what it does not say.

    Attributes:
        architecture: The first of `architectures`, such as `Qwen3VLForConditionalGeneration`.
        family: `model_type`, such as `qwen3_vl`.
        quantization: Such as `GPTQ 4-bit`; `none in the weights (BF16)` where the config names none.
        n_parameters: Elements of all weights, packed ones unpacked; None where the headers do not tell.
        dtypes: Number of elements by safetensors dtype.
        adapter: What an adapter's own config says, such as `LoRA, r = 16`.
        adapter_base: The base model that an adapter's config names.
    """

    architecture: str | None = None
    family: str | None = None
    quantization: str | None = None
    n_parameters: int | None = None
    dtypes: Mapping[str, int] | None = None
    adapter: str | None = None
    adapter_base: str | None = None


def read_weights(folder: Path) -> WeightsFacts:
    """Read what a model's folder says of it, from its JSON files and the headers of its safetensors.

    Args:
        folder: As `transformers` saves it, or a snapshot in a Hub cache. A file that is missing or broken says nothing.
    """
    config = _json_object(folder / _CONFIG)
    if config and "quantization_config" not in config and (apart := _json_object(folder / _QUANTIZATION)):
        config["quantization_config"] = apart
    adapter = _json_object(folder / _ADAPTER)
    tensors = None if adapter else _tensors(folder)
    dtypes = _dtypes(tensors) if tensors else None
    quantization = _quantization(config)
    if quantization is None and config and dtypes and "quantization_config" not in config:
        most = max(dtypes, key=lambda name: dtypes[name])
        quantization = f"{UNQUANTIZED} ({most})" if most in _PLAIN else None
    return WeightsFacts(
        architecture=_first_text(config.get("architectures")),
        family=_text(config.get("model_type")),
        quantization=quantization,
        n_parameters=_count(tensors, _bits_of(config)) if tensors else None,
        dtypes=dtypes,
        adapter=_adapter(adapter),
        adapter_base=_place(adapter.get("base_model_name_or_path")),
    )


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter, such as a LoRA, instead of a model."""
    return (folder / _ADAPTER).is_file()


def hub_snapshot(folder: Path) -> tuple[str | None, str | None]:
    """Hub id and commit of a folder `models--org--name/snapshots/<commit>`; None and None of any other."""
    path = folder.absolute()
    above = path.parent.parent.name
    if path.parent.name != "snapshots" or not above.startswith("models--"):
        return None, None
    commit = path.name if len(path.name) == 40 and set(path.name) <= set("0123456789abcdef") else None
    return above.removeprefix("models--").replace("--", "/", 1), commit


def cached_snapshot(repo: str, revision: str | None = None) -> Path | None:
    """The folder of a Hub model in the local Hub cache; the network is never asked.

    Args:
        repo: Such as `org/name`.
        revision: Commit, tag or branch; the branch `main` when None.

    Returns:
        None where the cache does not hold it, or `huggingface_hub`, which knows the cache, is not installed.
    """
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError
    except ImportError:
        return None
    try:
        return Path(snapshot_download(repo, revision=revision, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError, OSError, ValueError):
        return None


def parameters_text(n: int) -> str:
    """A number of parameters as boards write it, three digits long: `3.78M`, `2.13B`."""
    for size, sign in ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "K")):
        if n >= size * 0.9995:  # what would be printed as 1000 of the smaller
            value = n / size
            digits = max(0, 2 - math.floor(math.log10(value) + 1e-12)) if value >= 1 else 2
            text = f"{value:.{digits}f}"
            return (text.rstrip("0").rstrip(".") if "." in text else text) + sign
    return str(n)


def _json_object(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MAX_JSON_BYTES:
            return {}
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    """A text of a file that may hold anything; JSON can write halves of characters, which no file of ours can."""
    if not isinstance(value, str):
        return None
    return value.encode(errors="replace").decode().strip()[:_MAX_CHARS] or None


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _place(value: Any) -> str | None:
    """A path or Hub id, whole or not at all: cut short, or with other characters, it would be that of another model."""
    if not isinstance(value, str) or len(value) > _MAX_PATH_CHARS or value.encode(errors="replace").decode() != value:
        return None
    return value.strip() or None


def _first_text(value: Any) -> str | None:
    return _text(value[0]) if isinstance(value, list) and value else None


def _files(folder: Path) -> list[Path] | None:
    """The safetensors files of the model: those of its index, else the single one; None when one is missing."""
    files = _indexed(folder) or [folder / _SINGLE]
    return files if all(file.is_file() for file in files) else None


def _indexed(folder: Path) -> list[Path]:
    """The files that the index of a folder names; none where there is no index."""
    weight_map = _json_object(folder / f"{_SINGLE}.index.json").get("weight_map")
    if not isinstance(weight_map, dict):
        return []
    names = {name for name in weight_map.values() if isinstance(name, str) and Path(name).name == name}
    return [folder / name for name in sorted(names)]


def missing_weights(folder: Path) -> str | None:
    """What a folder lacks of its weights, in words; None where they are there, be they safetensors or of another kind.

    Args:
        folder: Of a model or an adapter.
    """
    files = _indexed(folder)
    gone = [file.name for file in files if not file.is_file()]
    if gone:
        return f"{len(gone)} of its {len(files)} files of weights are missing, such as {gone[0]}"
    there = sorted(file for file in folder.iterdir() if file.suffix in _WEIGHTS)
    damaged = next((file.name for file in there if file.suffix == ".safetensors" and not _is_whole(file)), None)
    if damaged is not None:
        return f"{damaged} is damaged, or not whole"
    return None if there else "there are no weights in it"


def _is_whole(file: Path) -> bool:
    """Whether the header of a safetensors file can be read, and the file is as long as it says."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="numpy"):
            return True
    except (SafetensorError, OSError):
        return False


def _tensors(folder: Path) -> list[tuple[str, str, int]] | None:
    """Name, dtype and number of elements of every tensor, from the headers; None where a file cannot be read."""
    from safetensors import SafetensorError, safe_open

    files = _files(folder)
    if files is None:
        return None
    found = []
    try:
        for file in files:
            with safe_open(file, framework="numpy") as opened:
                for name in opened.keys():  # noqa: SIM118  # it is no mapping
                    part = opened.get_slice(name)
                    found.append((name, str(part.get_dtype()), math.prod(part.get_shape())))
    except (SafetensorError, OSError):
        return None
    return found


def _dtypes(tensors: Iterable[tuple[str, str, int]]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for _, dtype, n in tensors:
        counts[dtype] += n
    return dict(counts.most_common())


def _count(tensors: Iterable[tuple[str, str, int]], bits: int | None) -> int | None:
    """Parameters of all tensors; None where packed weights do not say how many there are in an element."""
    total = 0
    for name, dtype, n in tensors:
        last = name.rpartition(".")[2]
        if last in _BESIDE:
            continue
        if dtype in _PACKED_BITS and (last in _PACKED_NAMES or n > _LARGEST_BUFFER):
            if last not in _PACKED_NAMES or bits is None or _PACKED_BITS[dtype] % bits:
                return None
            total += n * (_PACKED_BITS[dtype] // bits)
        elif dtype.startswith(("F", "BF")):
            total += n
        # What is left are buffers of whole numbers, such as position_ids.
    return total


def _bits_of(config: Mapping[str, Any]) -> int | None:
    """Bits of a packed weight, as the quantization's config says; 8 where weights are whole bytes."""
    told = config.get("quantization_config")
    if not isinstance(told, dict):
        return None
    if told.get("load_in_4bit") is True or _modelopt(told) == "NVFP4" or "nvfp4" in str(told.get("format", "")).lower():
        return 4
    if told.get("load_in_8bit") is True:
        return 8
    widths = [told["bits"]] if "bits" in told else [group.get("num_bits") for group in _weight_groups(told)]
    only = _whole(widths[0]) if widths and all(width == widths[0] for width in widths) else None
    return only if only is not None and only > 0 else None


def _weight_groups(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What compressed-tensors says of the weights of each group of layers."""
    groups = told.get("config_groups")
    each = groups.values() if isinstance(groups, dict) else []
    return [group["weights"] for group in each if isinstance(group, dict) and isinstance(group.get("weights"), dict)]


def _modelopt(told: Mapping[str, Any]) -> str | None:
    nested = told.get("quantization")
    return _text(told.get("quant_algo")) or (_text(nested.get("quant_algo")) if isinstance(nested, dict) else None)


def _quantization(config: Mapping[str, Any]) -> str | None:
    """A config's quantization in the words that boards use; None where there is none or it does not say which."""
    told = config.get("quantization_config")
    if not isinstance(told, dict):
        return None
    if algorithm := _modelopt(told):
        return algorithm
    method = _text(told.get("quant_method"))
    if method is None:
        return None
    if method == "compressed-tensors":
        form = str(told.get("format", "")).lower()
        if "nvfp4" in form:
            return "NVFP4"
        kinds = [(group.get("type"), group.get("num_bits")) for group in _weight_groups(told)]
        if not kinds or any(kind != kinds[0] for kind in kinds):
            return method
        kind, bits = kinds[0]
        if (kind, bits) == ("float", 8):
            return "FP8"
        return method if _whole(bits) is None else f"compressed-tensors {bits}-bit"
    if method == "bitsandbytes":
        kind = f" ({told['bnb_4bit_quant_type']})" if isinstance(told.get("bnb_4bit_quant_type"), str) else ""
        return f"bitsandbytes 4-bit{kind}" if told.get("load_in_4bit") is True else "bitsandbytes 8-bit"
    name = method.upper() if method in ("gptq", "awq", "fp8", "mxfp4") else method
    return name if (bits := _whole(told.get("bits"))) is None else f"{name} {bits}-bit"


def _adapter(config: Mapping[str, Any]) -> str | None:
    kind = _text(config.get("peft_type"))
    if kind is None:
        return None
    rank = config.get("r")
    name = "LoRA" if kind.upper() == "LORA" else kind
    return name if _whole(rank) is None else f"{name}, r = {rank}"
