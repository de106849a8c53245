"""Writing rendered data to disk: a row and a picture an item, the same bytes whoever makes them and however often.

The data file is written last and whole: where `data.jsonl` is, the images are.
"""

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from peakbench.errors import BadInputError
from peakbench.files import disk_errors, make_folder, write_atomically

if TYPE_CHECKING:
    from PIL import Image

_QUALITY = 92


def jpeg_bytes(image: "Image.Image") -> bytes:
    """The image as JPEG, without metadata and with colour as fine as lightness."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY, subsampling=0)
    return buffer.getvalue()


def make_data_set(
    directory: Path,
    n: int,
    seed: int,
    *,
    what: str,
    row: Callable[[int], dict[str, Any]],
    jpeg: Callable[[int], bytes],
    benchmark_file: Callable[[], str] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Path:
    """Render `n` items into a folder: `data.jsonl`, `images/` and, when given, a `benchmark.yaml`.

    A folder that already holds these very items is left as it is; when images were lost, all are rendered again. An
    interrupted making leaves no `data.jsonl`, and the next one begins anew. A `benchmark.yaml` that is there is never
    overwritten.

    Args:
        directory: Made when it is not there.
        n: How many, 1 or more.
        seed: 0 or more.
        what: What the items are, for messages: `garments`.
        row: From an item's index to its row; the row's `image` is a path under the directory, `images/….jpg`.
        jpeg: From an item's index to its image's bytes.
        benchmark_file: Gives the text of `benchmark.yaml`; None writes no such file.
        progress: Called after each item with the number of those done.

    Returns:
        The path of `data.jsonl`.

    Raises:
        BadInputError: If `n` or `seed` is out of range, or the folder holds other data.
        InfrastructureError: If the disk refuses.
    """
    if n < 1 or seed < 0:
        raise BadInputError(
            f"cannot make {n} {what} of seed {seed}", mend="give a number of 1 or more and a seed of 0 or more"
        )
    rows = [row(index) for index in range(n)]
    images = [directory / str(one["image"]) for one in rows]
    lines = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in rows).encode()
    data = directory / "data.jsonl"
    if data.exists():
        with disk_errors(data):
            same = data.read_bytes() == lines
        if not same:
            raise BadInputError(
                f"{data} is there already and holds other {what} than the {n} of seed {seed}",
                mend="name another folder, or remove this one first",
            )
        if all(path.is_file() for path in images):
            return data
    make_folder(directory / "images")
    for index, path in enumerate(images):
        _write_image(path, jpeg(index))
        if progress is not None:
            progress(index + 1)
    if benchmark_file is not None and not (directory / "benchmark.yaml").exists():
        write_atomically(directory / "benchmark.yaml", benchmark_file())
    write_atomically(data, lines)
    return data


def _write_image(path: Path, content: bytes) -> None:
    """Write an image whole, since another process may be making the same data or reading it.

    It is not synced one by one, which would cost more than rendering: the data file comes after all of them.
    """
    with disk_errors(path):
        partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        try:
            partial.write_bytes(content)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
