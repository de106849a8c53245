"""`samples.jsonl`: what was asked about, so that a reader of a run can tell without the data.

The first line is a header; every other line is a sample in the order of asking: its id, where it stands in the data,
its digest, its cluster, and of each image the digest, the size and the type, or the URL that was sent, without what in
it is secret. Prompt and reference stay in the data, which the sample's digest vouches for.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec
from pydantic import ValidationError

from peakbench.benchmarks.sample import ImageFile, SampleImage, Samples
from peakbench.errors import BadInputError
from peakbench.files import write_lines_atomically
from peakbench.redaction import hide_in_urls
from peakbench.strict import StrictModel, validation_message

_MEND = "go on with the run, or make it again; what was asked is not recorded otherwise"


class SamplesHeader(StrictModel):
    """The first line."""

    kind: Literal["header"] = "header"
    schema_version: Literal[1] = 1
    run_id: str
    """The run folder's name."""
    data: str
    """The data digest, as `run.json` has it."""
    n: int
    """Samples, a line each."""


class ImageFacts(StrictModel):
    """An image of a sample; it was sent untouched unless the run's identity says that images were made smaller."""

    sha256: str
    """Of the bytes."""
    mime: str
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    bytes: int
    path: str
    """Where the file lay."""


class RemoteImageFacts(StrictModel):
    """An image that was sent as a URL; what lay there when the server looked, nobody here knows."""

    url: str
    """Without the values of parameters that let their bearer in; the sample's digest is of the whole URL."""


class SampleFacts(StrictModel):
    """A sample that was asked about."""

    kind: Literal["sample"] = "sample"
    id: str
    line: int
    """Line or row in the data, from 1."""
    digest: str
    """Of id, prompt, completed reference and images; the records of the journal carry it too."""
    cluster: str | None = None
    images: list[ImageFacts | RemoteImageFacts] = []
    """In the order in which they are sent."""

    @property
    def files(self) -> list[ImageFacts]:
        """The images that were files."""
        return [image for image in self.images if isinstance(image, ImageFacts)]


def write_samples(path: Path, run_id: str, data: str, samples: Samples) -> None:
    """Write a run's `samples.jsonl`, line by line and whole or not at all.

    Args:
        path: The file.
        run_id: The run folder's name.
        data: The data digest.
        samples: In the order of asking.

    Raises:
        InfrastructureError: If the disk refuses.
    """
    write_lines_atomically(path, _lines(SamplesHeader(run_id=run_id, data=data, n=len(samples)), samples))


def _lines(header: SamplesHeader, samples: Samples) -> Iterator[str]:
    yield header.model_dump_json()
    for sample in samples:  # as `SampleFacts` says, whose own way of writing takes twice the time
        facts = {
            "kind": "sample",
            "id": sample.id,
            "line": sample.line,
            "digest": sample.digest,
            "cluster": sample.cluster,
            "images": [_image(image) for image in sample.images],
        }
        yield json.dumps(facts, ensure_ascii=False, separators=(",", ":"))


def _image(image: SampleImage) -> dict[str, Any]:
    if not isinstance(image, ImageFile):
        return {"url": hide_in_urls(image.url)}
    return {
        "sha256": image.sha256,
        "mime": image.mime,
        "width": image.width,
        "height": image.height,
        "bytes": image.n_bytes,
        "path": str(image.path.absolute()),
    }


class _Id(msgspec.Struct):
    """What of a line names the sample; the rest is passed over."""

    id: str


_read_id = msgspec.json.Decoder(_Id).decode


def read_sample_ids(path: Path) -> Iterator[str]:
    """The ids alone of a run's `samples.jsonl`, at a tenth of the time.

    Raises:
        BadInputError: If it is missing or of another format.
    """
    try:
        with path.open("rb") as file:
            SamplesHeader.model_validate_json(file.readline())
            for line in file:
                yield _read_id(line).id
    except OSError as error:
        raise BadInputError(f"{path}: {error.strerror}", mend=_MEND) from error
    except ValidationError as error:
        raise BadInputError(validation_message(path, error), mend=_MEND) from error
    except msgspec.MsgspecError as error:
        raise BadInputError(f"{path}: {error}", mend=_MEND) from error


def read_samples_file(path: Path) -> Iterator[SampleFacts]:
    """Read a run's `samples.jsonl`, one sample at a time.

    Raises:
        BadInputError: If it is missing, of another format, or holds another number of samples than it says.
    """
    try:
        with path.open("rb") as file:
            header = SamplesHeader.model_validate_json(file.readline())
            n = 0
            for line in file:
                n += 1
                yield SampleFacts.model_validate_json(line)
    except OSError as error:
        raise BadInputError(f"{path}: {error.strerror}", mend=_MEND) from error
    except ValidationError as error:
        raise BadInputError(validation_message(path, error), mend=_MEND) from error
    if n != header.n:
        raise BadInputError(f"{path}: {n} samples where its header says {header.n}", mend=_MEND)
