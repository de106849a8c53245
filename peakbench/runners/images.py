"""An image as it is sent: a base64 data URL of the untouched bytes."""

import base64
import hashlib

from peakbench.benchmarks.sample import ImageFile
from peakbench.errors import BadInputError


def data_url(image: ImageFile) -> str:
    """Encode an image's bytes, untouched, as a data URL.

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
    return f"data:{image.mime};base64,{base64.b64encode(content).decode('ascii')}"
