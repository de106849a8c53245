"""Writing rendered garments to disk as a benchmark's data, and keeping them in a cache.

The data file is written last and whole: where `data.jsonl` is, the images are.
"""

import io
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

from peakbench.benchmarks.garments.spec import GarmentSpec, draw_spec
from peakbench.errors import BadInputError
from peakbench.files import disk_errors, make_folder, write_atomically

BUILTIN = Path(__file__).resolve().parent.parent / "builtin" / "garments-demo.yaml"
"""The benchmark file whose prompt and fields made data sets share."""

_QUALITY = 92


def sample_id(spec: GarmentSpec) -> str:
    """`garment-7-000012`: seed and index, so that data sets of two seeds can be joined."""
    return f"garment-{spec.seed}-{spec.index:06d}"


def jpeg_of(spec: GarmentSpec) -> bytes:
    """The rendered garment as JPEG, without metadata; the same bytes for the same specification."""
    from peakbench.benchmarks.garments.rendering import render

    buffer = io.BytesIO()
    render(spec).save(buffer, "JPEG", quality=_QUALITY, subsampling=0)
    return buffer.getvalue()


def row_of(spec: GarmentSpec) -> dict[str, object]:
    """The garment's row in `data.jsonl`."""
    box = spec.defect_box
    return {
        "id": sample_id(spec),
        "image": f"images/{sample_id(spec)}.jpg",
        "reference": spec.reference(),
        "defect_box": list(box) if box else None,
    }


def make_garments(directory: Path, n: int, seed: int, progress: Callable[[int], None] | None = None) -> Path:
    """Render `n` garments into a folder: `data.jsonl`, `images/` and a `benchmark.yaml` to run and to edit.

    A folder that already holds these very garments is left as it is; images that were lost are rendered again. An
    interrupted making leaves no `data.jsonl`, and the next one begins anew. A `benchmark.yaml` that is there is never
    overwritten.

    Args:
        directory: Made when it is not there.
        n: How many, 1 or more.
        seed: 0 or more; another seed gives other garments.
        progress: Called after each garment with the number of those done.

    Returns:
        The path of `data.jsonl`: a row a garment with `id`, `image`, `reference` (nine attributes) and `defect_box`
        ([x0, y0, x1, y1] in pixels, or null).

    Raises:
        BadInputError: If `n` or `seed` is out of range, or the folder holds other data.
        InfrastructureError: If the disk refuses.
    """
    if n < 1 or seed < 0:
        raise BadInputError(
            f"cannot make {n} garments of seed {seed}", mend="give a number of 1 or more and a seed of 0 or more"
        )
    data, images = directory / "data.jsonl", directory / "images"
    specs = [draw_spec(seed, index) for index in range(n)]
    lines = "".join(json.dumps(row_of(spec), ensure_ascii=False) + "\n" for spec in specs).encode()
    if data.exists():
        with disk_errors(data):
            same = data.read_bytes() == lines
        if not same:
            raise BadInputError(
                f"{data} is there already and holds other garments than the {n} of seed {seed}",
                mend="name another folder, or remove this one first",
            )
        if all((images / f"{sample_id(spec)}.jpg").is_file() for spec in specs):
            return data
    make_folder(images)
    for done, spec in enumerate(specs, start=1):
        _write_image(images / f"{sample_id(spec)}.jpg", jpeg_of(spec))
        if progress is not None:
            progress(done)
    if not (directory / "benchmark.yaml").exists():
        write_atomically(directory / "benchmark.yaml", _benchmark_file())
    write_atomically(data, lines)
    return data


def garments_from_cache(n: int, seed: int, cache: Path) -> Path:
    """The `data.jsonl` of `n` garments under `cache`, rendered there when it is absent.

    Args:
        n: How many, 1 or more.
        seed: 0 or more.
        cache: A folder that may be deleted at any time; each version of the renderer has its own folder in it.

    Raises:
        BadInputError: If `n` or `seed` is out of range, or the cached file was changed.
        InfrastructureError: If the disk refuses.
    """
    from peakbench.benchmarks.garments.rendering import RENDERER_VERSION

    return make_garments(cache / f"garments-{n}-{seed}-v{RENDERER_VERSION}", n, seed)


def _write_image(path: Path, content: bytes) -> None:
    """Write an image whole, since another process may be making the same garments or reading them.

    It is not synced one by one, which would cost more than rendering: the data file comes after all of them.
    """
    with disk_errors(path):
        partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        try:
            partial.write_bytes(content)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


def _benchmark_file() -> str:
    """The built-in benchmark file, told to read `data.jsonl`."""
    text = BUILTIN.read_text(encoding="utf-8")
    head = "# Made by PeakBench. Edit it freely: raise `version` whenever a number could change.\n"
    text = re.sub(r"\A(#.*\n)+", head, text)
    text = re.sub(r"(?m)^id: .*$", "id: garments-made", text)
    text = re.sub(r"(?m)^title: .*$", "title: Garments, made on this machine", text)
    return re.sub(r"(?m)^data:\n(  .*\n)+", "data:\n  path: data.jsonl\n", text)
