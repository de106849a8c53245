"""Writing rendered garments to disk as a benchmark's data, and keeping them in a cache."""

import re
from collections.abc import Callable
from pathlib import Path

from peakbench.benchmarks.garments.spec import GarmentSpec, draw_spec
from peakbench.benchmarks.rendered import jpeg_bytes, make_data_set

BUILTIN = Path(__file__).resolve().parent.parent / "builtin" / "garments-demo.yaml"
"""The benchmark file whose prompt and fields made data sets share."""


def sample_id(spec: GarmentSpec) -> str:
    """`garment-7-000012`: seed and index, so that data sets of two seeds can be joined."""
    return f"garment-{spec.seed}-{spec.index:06d}"


def jpeg_of(spec: GarmentSpec) -> bytes:
    """The rendered garment as JPEG, without metadata; the same bytes for the same specification."""
    from peakbench.benchmarks.garments.rendering import render

    return jpeg_bytes(render(spec))


def row_of(spec: GarmentSpec) -> dict[str, object]:
    """The garment's row in `data.jsonl`."""
    from peakbench.benchmarks.garments.defects import box_of

    box = box_of(spec)
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
    return make_data_set(
        directory,
        n,
        seed,
        what="garments",
        row=lambda index: row_of(draw_spec(seed, index)),
        jpeg=lambda index: jpeg_of(draw_spec(seed, index)),
        benchmark_file=_benchmark_file,
        progress=progress,
    )


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
    return make_garments(cached_garments(n, seed, cache).parent, n, seed)


def cached_garments(n: int, seed: int, cache: Path) -> Path:
    """Where `garments_from_cache` keeps its `data.jsonl`, whether it is there or not."""
    from peakbench.benchmarks.garments.rendering import RENDERER_VERSION

    return cache / f"garments-{n}-{seed}-v{RENDERER_VERSION}" / "data.jsonl"


def _benchmark_file() -> str:
    """The built-in benchmark file, told to read `data.jsonl`."""
    text = BUILTIN.read_text(encoding="utf-8")
    head = "# Made by PeakBench. Edit it freely: raise `version` whenever a number could change.\n"
    text = re.sub(r"\A(#.*\n)+", head, text)
    text = re.sub(r"(?m)^id: .*$", "id: garments-made", text)
    text = re.sub(r"(?m)^title: .*$", "title: Garments, made on this machine", text)
    text = re.sub(r"(?m)^training:\n(  .*\n)+", "", text)  # other data will have another one, or none
    return re.sub(r"(?m)^data:\n(  .*\n)+", "data:\n  path: data.jsonl\n", text)
