"""From rows on disk to samples: every row is checked before the first request, and every bad one is named.

Data is hostile: an image path may not leave the data's folder (a symlink out of it included), bytes and pixels are
limited, pipes and devices are never opened, and a file that cannot be decoded is no image.
"""

import hashlib
import io
import json
import stat
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from peakbench.benchmarks.file import BenchmarkFile
from peakbench.benchmarks.prompts import prompt_renderer
from peakbench.benchmarks.sample import ImageFile, Sample
from peakbench.benchmarks.values import complete_reference
from peakbench.errors import BadInputError

MAX_PIXELS = 100_000_000
"""Largest image that is read, in pixels."""
MAX_IMAGE_BYTES = 64 * 2**20
"""Largest image file that is read."""
MAX_LINE_BYTES = 16 * 2**20
"""Longest row that is read."""
_SHOWN_FINDINGS = 20
_FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
"""The formats that are read. Pillow knows many more; one of them (EPS) is a program, which it would run."""


def load_samples(file: BenchmarkFile, data: Path, progress: Callable[[int], None] | None = None) -> list[Sample]:
    """Read all samples of a JSONL file, in its order.

    Args:
        file: The benchmark.
        data: The JSONL file; image paths are relative to its folder.
        progress: Called with the number of samples read so far.

    Raises:
        BadInputError: If the file or any row cannot be used; the message names line and sample of each.
    """
    render = prompt_renderer(file.prompt)
    samples: list[Sample] = []
    findings: list[str] = []
    seen: dict[str, int] = {}
    for line, row in _rows(data, findings):
        name = row.get(file.columns.id)
        try:
            sample = _sample(file, data, line, row, render)
            if sample.id in seen:
                raise ValueError(f"the id was given before, in line {seen[sample.id]}")
            seen[sample.id] = line
            samples.append(sample)
        except ValueError as error:
            named = "" if name is None else f", sample {name!r}"
            findings.append(f"{data}, line {line}{named}: {error}")
        if progress:
            progress(len(samples))
    if findings:
        more = len(findings) - _SHOWN_FINDINGS
        shown = findings[:_SHOWN_FINDINGS] + ([f"… and {more} more"] if more > 0 else [])
        raise BadInputError("\n".join(shown), mend="mend or remove these rows; nothing was asked yet")
    if not samples:
        raise BadInputError(f"{data} holds no samples", mend="write one JSON object a line")
    return samples


def _rows(data: Path, findings: list[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    if data.exists() and not data.is_file():
        raise BadInputError(f"{data} is no file", mend="name a JSONL file; it is read more than once")
    try:
        with data.open("rb") as file:
            for line, text in enumerate(iter(lambda: file.readline(MAX_LINE_BYTES + 1), b""), start=1):
                if len(text) > MAX_LINE_BYTES:
                    findings.append(f"{data}, line {line}: longer than {MAX_LINE_BYTES:,} bytes; not read on from here")
                    return
                if not text.strip():
                    continue
                try:
                    row = _json(text)
                except (ValueError, RecursionError) as error:
                    findings.append(f"{data}, line {line}: no JSON: {error}")
                    continue
                if not isinstance(row, dict):
                    findings.append(f"{data}, line {line}: a JSON {type(row).__name__} where an object is needed")
                    continue
                yield line, row
    except OSError as error:
        raise BadInputError(
            f"{data}: {error.strerror}", mend="check `data.path` in the benchmark file; it is relative to that file"
        ) from error


def _json(text: str | bytes) -> Any:
    """Read JSON; an object that says two things under one key is refused, where Python would keep the last.

    Raises:
        ValueError: If it is no JSON.
        RecursionError: If it is nested too deep.
    """
    return json.loads(text, object_pairs_hook=_object)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in made if keys.count(key) > 1)
        raise ValueError(f"the key `{twice}` is given twice")
    return made


def _sample(
    file: BenchmarkFile, data: Path, line: int, row: Mapping[str, Any], render: Callable[[Mapping[str, Any]], str]
) -> Sample:
    """Build one sample; a ValueError says what is wrong with the row."""
    columns = file.columns
    identifier = _column(row, columns.id)
    if isinstance(identifier, int) and not isinstance(identifier, bool):
        identifier = str(identifier)
    if not isinstance(identifier, str) or not identifier.strip():
        raise ValueError(f"column `{columns.id}` holds {identifier!r}; a string or a whole number is needed")
    reference = _column(row, columns.reference)
    if isinstance(reference, str):
        try:
            reference = _json(reference)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"column `{columns.reference}` is a string that holds no JSON: {error}") from error
    if not isinstance(reference, dict):
        raise ValueError(f"column `{columns.reference}` holds no JSON object")
    images = _column(row, columns.image)
    paths = images if isinstance(images, list) else [images]
    if not paths:
        raise ValueError(f"column `{columns.image}` holds no image")
    cluster = _column(row, columns.cluster) if columns.cluster else None
    if cluster is not None and (isinstance(cluster, bool) or not isinstance(cluster, str | int)):
        raise ValueError(f"column `{columns.cluster}` holds {cluster!r}; a string, a whole number or null is needed")
    prompt = render(row)
    for what, text in (("the id", identifier), ("the prompt", prompt), ("the cluster", str(cluster))):
        _require_utf8(what, text)
    return Sample(
        id=identifier,
        prompt=prompt,
        images=tuple(read_image(data.parent, path) for path in paths),
        reference=complete_reference(file.schema_of_fields, reference),
        cluster=None if cluster is None else str(cluster),
        line=line,
    )


def _require_utf8(what: str, text: str) -> None:
    """JSON can say half a character (a lone surrogate), which can be neither sent nor kept."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{what} is no UTF-8: {error}") from error


def _column(row: Mapping[str, Any], name: str) -> Any:
    if name not in row:
        raise ValueError(f"column `{name}` is missing; the row has {', '.join(map(str, row)) or 'none'}")
    return row[name]


def read_image(folder: Path, name: Any) -> ImageFile:
    """Look at an image: its digest, media type and size.

    Args:
        folder: The folder that the path may not leave.
        name: The path, relative to the folder.

    Raises:
        ValueError: If it is missing, outside the folder, too large, or no image.
    """
    from PIL import Image, UnidentifiedImageError

    if not isinstance(name, str) or not name or "\0" in name:
        raise ValueError(f"{name!r} is no path of an image")
    _require_utf8("the path of an image", name)
    path = folder / name
    try:
        resolved = path.resolve()
        if not resolved.is_relative_to(folder.resolve()):
            raise ValueError(f"image {name} leaves the data's folder")
        about = resolved.stat()
        if not stat.S_ISREG(about.st_mode):
            raise ValueError(f"image {name} is no file")
        if about.st_size > MAX_IMAGE_BYTES:
            raise ValueError(f"image {name} has {about.st_size:,} bytes; {MAX_IMAGE_BYTES:,} are allowed")
        content = resolved.read_bytes()
    except OSError as error:
        raise ValueError(f"image {name}: {error.strerror}") from error
    except RuntimeError as error:  # a symlink that points at itself
        raise ValueError(f"image {name}: {error}") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of broken metadata, and of pixels, whose limit below is ours
            with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
                width, height = image.size
                # A JPEG with further pictures behind the first, as telephones write, calls itself something else.
                mime = "image/jpeg" if image.format == "MPO" else Image.MIME[image.format or ""]
                if width * height <= MAX_PIXELS:
                    image.load()
    except Exception as error:  # a decoder may raise anything for bytes that were made to break it
        reason = f"it is none of {', '.join(_FORMATS)}" if isinstance(error, UnidentifiedImageError) else error
        raise ValueError(f"image {name} cannot be decoded: {reason}") from error
    if width * height > MAX_PIXELS:
        raise ValueError(f"image {name} has {width} × {height} pixels; {MAX_PIXELS:,} are allowed")
    return ImageFile(path, hashlib.sha256(content).hexdigest(), mime, width, height, len(content))
