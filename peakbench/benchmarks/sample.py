"""One item of a benchmark: images, a prompt, and the reference a good answer would match."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any, Protocol

from peakbench.canonical import canonical_json
from peakbench.files import temporary_files

if TYPE_CHECKING:
    from numpy.typing import NDArray

Reference = Mapping[str, Any] | tuple[Mapping[str, Any], ...] | str
"""What a good answer would be: an object of fields (extraction), items with boxes (grounding), or a text."""

_DIGEST_BYTES = 32
_SORTED_AT_ONCE = 65_536
"""Digests that are sorted in memory at a time (2 MB)."""


@dataclass(frozen=True, slots=True)
class ImageFile:
    """An image of a sample, known by its bytes' digest; the bytes stay on disk until they are sent.

    Attributes:
        path: Where the file lies.
        sha256: Hex digest of the file's bytes.
        mime: Media type read from the bytes, such as `image/png`.
        width: Pixels.
        height: Pixels.
        n_bytes: Size of the file.
    """

    path: Path
    sha256: str
    mime: str
    width: int
    height: int
    n_bytes: int


@dataclass(frozen=True, slots=True)
class RemoteImage:
    """An image that the data gives as a URL, which is sent as it stands; nobody here sees its bytes.

    Attributes:
        url: With the scheme http or https.
    """

    url: str


SampleImage = ImageFile | RemoteImage


@dataclass(frozen=True, slots=True)
class Sample:
    """One item of a benchmark.

    Attributes:
        id: Unique within the benchmark's data.
        prompt: The rendered prompt, as it will be sent.
        images: In the order in which they are sent.
        reference: The completed reference: for fields, every schema field is there, absent ones as None.
        cluster: Samples that are not independent of one another share one; None when the benchmark declares none.
        evidence: What a text may be checked against; None when the benchmark declares none.
        line: Line or row in the data, from 1, for messages.
        known_digest: `digest`, for a sample that was kept with it; None when it is to be computed.
    """

    id: str
    prompt: str
    images: tuple[SampleImage, ...]
    reference: Reference
    cluster: str | None = None
    evidence: str | None = None
    line: int = field(default=0, compare=False)
    known_digest: str | None = field(default=None, compare=False, repr=False)

    @property
    def files(self) -> tuple[ImageFile, ...]:
        """The images that are files."""
        return tuple(image for image in self.images if isinstance(image, ImageFile))

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height of the first image, pixels; None where there is none, or nobody here sees it."""
        first = self.images[0] if self.images else None
        return (first.width, first.height) if isinstance(first, ImageFile) else None

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of what was asked and expected: id, prompt, reference, and the images' bytes or URLs."""
        if self.known_digest is not None:
            return self.known_digest
        parts: dict[str, Any] = {
            "id": self.id,
            "prompt": self.prompt,
            "reference": self.reference,
            "images": [image.sha256 if isinstance(image, ImageFile) else f"url:{image.url}" for image in self.images],
        }
        if self.evidence is not None:
            parts["evidence"] = self.evidence
        return hashlib.sha256(canonical_json(parts)).hexdigest()


class Samples(Protocol):
    """Samples that can be counted, and gone through as often as needed: a list, or samples kept on disk."""

    def __len__(self) -> int:
        """How many there are."""

    def __iter__(self) -> Iterator[Sample]:
        """One after the other, always in the same order."""


def data_digest(sample_digests: Iterable[str]) -> str:
    """Digest of a data set: of its samples' digests, whatever the order or the file format they came in.

    It is the SHA-256 of the sorted digests, a line each. Memory does not grow with their number: beyond some they wait
    on disk, and are sorted a range of values at a time.
    """
    whole = hashlib.sha256()
    with temporary_files(), SpooledTemporaryFile(max_size=_SORTED_AT_ONCE * _DIGEST_BYTES) as file:
        n = 0
        for one in sample_digests:
            file.write(bytes.fromhex(one))
            n += 1
        parts, separator = -(-n // _SORTED_AT_ONCE), ""
        for part in range(parts):
            some = _sorted_between(file, part * 65_536 // parts, (part + 1) * 65_536 // parts)
            if some:
                whole.update(f"{separator}{some.hex(chr(10), _DIGEST_BYTES)}".encode())
                separator = "\n"
    return whole.hexdigest()


def _sorted_between(file: IO[bytes], low: int, high: int) -> bytes:
    """Of the digests in a file those whose first two bytes are a number from `low` to below `high`, sorted."""
    import numpy as np

    file.seek(0)
    chosen: list[NDArray[np.uint8]] = []
    while chunk := file.read(_SORTED_AT_ONCE * _DIGEST_BYTES):
        rows = np.frombuffer(chunk, dtype=np.uint8).reshape(-1, _DIGEST_BYTES)
        heads = rows[:, 0].astype(np.int64) * 256 + rows[:, 1]
        chosen.append(rows[(heads >= low) & (heads < high)])
    found = np.concatenate(chosen).reshape(-1)
    return np.sort(found.view(f"S{_DIGEST_BYTES}")).tobytes()  # NULs at an end sort as they should
