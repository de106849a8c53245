"""Writing rendered scenes to disk as a benchmark's data, and keeping them in a cache."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from peakbench.benchmarks.defects.spec import SceneSpec
from peakbench.benchmarks.rendered import jpeg_bytes, make_data_set


def sample_id(spec: SceneSpec) -> str:
    """`scene-7-000012`: seed and index, so that data sets of two seeds can be joined."""
    return f"scene-{spec.seed}-{spec.index:06d}"


def jpeg_of(spec: SceneSpec) -> bytes:
    """The rendered scene as JPEG, without metadata; the same bytes for the same specification."""
    from peakbench.benchmarks.defects.rendering import render_scene

    return jpeg_bytes(render_scene(spec))


def row_of(spec: SceneSpec) -> dict[str, Any]:
    """The scene's row in `data.jsonl`."""
    return {
        "id": sample_id(spec),
        "image": f"images/{sample_id(spec)}.jpg",
        "caption": spec.caption,
        "reference": spec.reference(),
    }


def make_defects(
    directory: Path,
    n: int,
    seed: int,
    progress: Callable[[int], None] | None = None,
    benchmark_file: Callable[[], str] | None = None,
) -> Path:
    """Render `n` scenes into a folder: `data.jsonl` and `images/`.

    A folder that already holds these very scenes is left as it is; images that were lost are rendered again. An
    interrupted making leaves no `data.jsonl`, and the next one begins anew.

    Args:
        directory: Made when it is not there.
        n: How many, 1 or more.
        seed: 0 or more; another seed gives other scenes.
        progress: Called after each scene with the number of those done.
        benchmark_file: Gives the text of a `benchmark.yaml` to put beside the data; one that is there is kept.

    Returns:
        The path of `data.jsonl`: a row a scene with `id`, `image`, `caption` and `reference`, a list of defects
        as `SceneSpec.reference` gives them.

    Raises:
        BadInputError: If `n` or `seed` is out of range, or the folder holds other data.
        InfrastructureError: If the disk refuses.
    """
    from peakbench.benchmarks.defects.scene import draw_scene

    return make_data_set(
        directory,
        n,
        seed,
        what="scenes",
        row=lambda index: row_of(draw_scene(seed, index)),
        jpeg=lambda index: jpeg_of(draw_scene(seed, index)),
        benchmark_file=benchmark_file,
        progress=progress,
    )


def defects_from_cache(n: int, seed: int, cache: Path) -> Path:
    """The `data.jsonl` of `n` scenes under `cache`, rendered there when it is absent.

    Args:
        n: How many, 1 or more.
        seed: 0 or more.
        cache: A folder that may be deleted at any time; each version of the renderer has its own folder in it.

    Raises:
        BadInputError: If `n` or `seed` is out of range, or the cached file was changed.
        InfrastructureError: If the disk refuses.
    """
    return make_defects(cached_defects(n, seed, cache).parent, n, seed)


def cached_defects(n: int, seed: int, cache: Path) -> Path:
    """Where `defects_from_cache` keeps its `data.jsonl`, whether it is there or not."""
    from peakbench.benchmarks.defects.rendering import RENDERER_VERSION

    return cache / f"defects-{n}-{seed}-v{RENDERER_VERSION}" / "data.jsonl"
