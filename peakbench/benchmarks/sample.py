"""One item of a benchmark: images, a prompt, and the reference a good answer would match."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from peakbench.canonical import canonical_json

Reference = Mapping[str, Any] | tuple[Mapping[str, Any], ...] | str
"""What a good answer would be: an object of fields (extraction), items with boxes (grounding), or a text."""


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
    """

    id: str
    prompt: str
    images: tuple[SampleImage, ...]
    reference: Reference
    cluster: str | None = None
    evidence: str | None = None
    line: int = field(default=0, compare=False)

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
        parts: dict[str, Any] = {
            "id": self.id,
            "prompt": self.prompt,
            "reference": self.reference,
            "images": [image.sha256 if isinstance(image, ImageFile) else f"url:{image.url}" for image in self.images],
        }
        if self.evidence is not None:
            parts["evidence"] = self.evidence
        return hashlib.sha256(canonical_json(parts)).hexdigest()


def data_digest(sample_digests: Iterable[str]) -> str:
    """Digest of a data set: of its samples' digests, whatever the order or the file format they came in."""
    return hashlib.sha256("\n".join(sorted(sample_digests)).encode()).hexdigest()
