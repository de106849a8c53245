"""An image as it is sent: base64 of the untouched bytes, in a data URL."""

import hashlib

import pybase64

from peakbench.benchmarks.sample import ImageFile
from peakbench.errors import BadInputError


def encoded_image(image: ImageFile) -> bytes:
    """An image's bytes, untouched, as base64.

    Raises:
        BadInputError: If the file is gone, or is no longer the one that was read when the run began.
    """
    try:
        content = image.path.read_bytes()
    except OSError as error:
        raise BadInputError(
            f"image {image.path}: {error.strerror}", mend="put it back, then go on with --resume"
        ) from error
    if hashlib.sha256(content).hexdigest() != image.sha256:
        raise BadInputError(
            f"image {image.path} changed while the run was going on", mend="put it back, then go on with --resume"
        )
    return pybase64.b64encode(content)


def data_url(image: ImageFile) -> str:
    """An image as a data URL; see `encoded_image`."""
    return f"data:{image.mime};base64,{encoded_image(image).decode('ascii')}"
