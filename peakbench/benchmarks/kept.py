"""Samples on disk: read from the data and checked once, then gone through as often as needed, in flat memory.

Whatever the data is kept in, and however slow that is to read (a template to render, a Hub to stream from), a run goes
through its samples several times: it asks, it makes floors, it scores. So they are written down as they are read, a
line each, and one is in memory at a time.
"""

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from peakbench.benchmarks.loaders import DataPlace, Finding, told
from peakbench.benchmarks.sample import ImageFile, RemoteImage, Sample, SampleImage, data_digest
from peakbench.errors import BadInputError
from peakbench.files import TEMPORARY, disk_errors, put_in_place

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MOST_FINDINGS = 1000
_DIGEST_CHARS = 64
"""A line begins with the sample's digest, and goes on with the rest as JSON."""


@dataclass(frozen=True, slots=True)
class KeptSamples:
    """Samples that lie in a file, a line each; a list of them, but for its memory.

    Attributes:
        path: The file.
        n: How many there are.
    """

    path: Path
    n: int

    def __len__(self) -> int:
        return self.n

    def __iter__(self) -> Iterator[Sample]:
        return map(_decoded, self._lines())

    def digests(self) -> Iterator[str]:
        """The digests alone, at a tenth of the time."""
        return (line[:_DIGEST_CHARS].decode() for line in self._lines())

    def hold(self, digest: str) -> bool:
        """Whether the file is there whole, with the samples of this data digest; what they say is not read."""
        try:
            with self.path.open("rb") as file:
                file.seek(-1, os.SEEK_END)
                return file.read() == b"\n" and data_digest(self.digests()) == digest
        except (OSError, ValueError, BadInputError):
            return False

    def where(self, wanted: "NDArray[np.bool_]") -> Iterator[Sample]:
        """Those that are wanted; the others are passed over without a look at them.

        Args:
            wanted: Shape `(n,)`.
        """
        return map(_decoded, compress(self._lines(), wanted))

    def only(self, places: Sequence[int] | None, path: Path) -> "KeptSamples":
        """Those at some places, kept in a file of their own; all of them, where they are, for None.

        Args:
            places: From 0, ascending.
            path: The new file, in a folder for temporary files.

        Raises:
            InfrastructureError: If the disk refuses.
        """
        if places is None:
            return self
        rest = iter(places)
        following = next(rest, None)
        with disk_errors(path, TEMPORARY), path.open("xb") as file:
            for place, line in enumerate(self._lines()):
                if place == following:
                    file.write(line)
                    following = next(rest, None)
        return KeptSamples(path, len(places))

    def moved_to(self, path: Path) -> "KeptSamples":
        """The same samples, in a file elsewhere, which is there whole or not at all.

        Raises:
            InfrastructureError: If the disk refuses.
        """
        partial = path.with_name(f".{path.name}.partial")
        with disk_errors(path):
            try:
                shutil.move(self.path, partial)
                put_in_place(partial, path)
            finally:
                partial.unlink(missing_ok=True)
        return KeptSamples(path, self.n)

    def _lines(self) -> Iterator[bytes]:
        n = 0
        try:
            with self.path.open("rb") as file:
                for line in file:
                    n += 1
                    yield line
        except OSError as error:
            raise BadInputError(f"{self.path}: {error.strerror}", mend="run the command again") from error
        if n != self.n:
            raise BadInputError(f"{self.path}: {n} samples where {self.n} were kept", mend="remove this file")


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of a benchmark's data.

    Attributes:
        samples: All good ones, in the data's order.
        findings: Rows that were left out; the first thousand.
        n_bad: How many were left out.
    """

    samples: KeptSamples
    findings: tuple[Finding, ...]
    n_bad: int


def keep_samples(items: Iterable[Sample | Finding], data: DataPlace, path: Path, *, skip_bad: bool = False) -> Reading:
    """Write samples down as they are read.

    Args:
        items: What is read: samples, and findings about bad rows.
        data: Where it is read from, for messages.
        path: The file to write, which is not there yet; in a folder for temporary files.
        skip_bad: Leave bad rows out instead of refusing the data.

    Raises:
        BadInputError: If a row, or all of the data, cannot be used; the message names line and sample of each.
        InfrastructureError: If the disk refuses.
    """
    findings: list[Finding] = []
    n = n_bad = 0
    with disk_errors(path, TEMPORARY), path.open("xb") as file:
        for item in items:
            if isinstance(item, Finding):
                n_bad += 1
                if len(findings) < _MOST_FINDINGS:
                    findings.append(item)
            else:
                n += 1
                file.write(_encoded(item))
    if n_bad and not skip_bad:
        raise BadInputError(
            "\n".join(told(findings, n_bad)),
            mend="mend or remove these rows, or leave them out with --skip-bad; nothing was asked yet",
        )
    if not n:
        raise BadInputError(f"{data} holds no samples", mend="give it one row a sample")
    return Reading(KeptSamples(path, n), tuple(findings), n_bad)


def _encoded(sample: Sample) -> bytes:
    value = {
        "id": sample.id,
        "line": sample.line,
        "prompt": sample.prompt,
        "reference": sample.reference,
        "cluster": sample.cluster,
        "evidence": sample.evidence,
        "images": [_written(image) for image in sample.images],
    }
    # A reference may hold half a character (a lone surrogate), which comes back as it was.
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return f"{sample.digest}{text}\n".encode(errors="surrogatepass")


def _written(image: SampleImage) -> list[Any]:
    """An image as a list: of its facts, or of its URL alone."""
    if not isinstance(image, ImageFile):
        return [image.url]
    return [str(image.path), image.sha256, image.mime, image.width, image.height, image.n_bytes]


def _read(values: list[Any]) -> SampleImage:
    place, *rest = values
    return ImageFile(Path(place), *rest) if rest else RemoteImage(place)


def _decoded(line: bytes) -> Sample:
    value: dict[str, Any] = json.loads(line[_DIGEST_CHARS:])
    reference = value["reference"]
    return Sample(
        id=value["id"],
        prompt=value["prompt"],
        images=tuple(map(_read, value["images"])),
        reference=tuple(reference) if isinstance(reference, list) else reference,
        cluster=value["cluster"],
        evidence=value["evidence"],
        line=value["line"],
        known_digest=line[:_DIGEST_CHARS].decode(),
    )
