"""The pictures of a request: base64 data URLs, and files where the server allows them."""

import base64
import binascii
import io
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from peakbench.mock.refusing import RefusedError

if TYPE_CHECKING:
    from PIL.Image import Image

_IMAGE_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
# What Pillow's decoders are known to raise on damaged files.
_DECODE_ERRORS = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    TypeError,
    LookupError,
    OverflowError,
    MemoryError,
    struct.error,
    zlib.error,
)


def decode_image(url: str, max_pixels: int, local_media: Path | None = None) -> "Image":
    """Decode a base64 data URL, or a file, to an RGB image; transparency becomes white.

    Args:
        url: `data:…;base64,…`, or `file://…`.
        max_pixels: Most pixels.
        local_media: Folder that files may lie in; None lets none be read.

    Raises:
        RefusedError: 400 if it is no such URL, no image that can be decoded, or has too many pixels.
    """
    from PIL import Image, ImageOps

    encoded = _local_file(url, local_media) if url.startswith("file:") else _data_of(url)
    try:
        with Image.open(io.BytesIO(encoded), formats=_IMAGE_FORMATS) as image:
            # The header alone is read so far; pixels are only unpacked when there are not too many.
            if image.width * image.height > max_pixels:
                raise RefusedError(
                    400,
                    f"The image has {image.width} × {image.height} pixels; at most {max_pixels} are taken.",
                    param="messages",
                )
            upright = ImageOps.exif_transpose(image)
            if upright.has_transparency_data:
                white = Image.new("RGBA", upright.size, (255, 255, 255, 255))
                return Image.alpha_composite(white, upright.convert("RGBA")).convert("RGB")
            return upright.convert("RGB")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise RefusedError(400, f"The image has too many pixels; at most {max_pixels} are taken.") from error
    except _DECODE_ERRORS as error:
        raise RefusedError(400, "The image cannot be decoded: its bytes are damaged or of no known format.") from error


def _data_of(url: str) -> bytes:
    """The bytes of a data URL."""
    scheme, _, payload = url.partition(",")
    if not scheme.lower().startswith("data:"):
        raise RefusedError(
            400,
            "Only base64 data URLs are taken (data:image/png;base64,…); remote images are not fetched.",
            param="messages",
        )
    if not scheme.lower().endswith(";base64"):
        raise RefusedError(400, "The data URL is not base64.", param="messages")
    try:
        return base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError) as error:
        raise RefusedError(400, f"The image is not valid base64: {error}", param="messages") from error


def _local_file(url: str, allowed: Path | None) -> bytes:
    """The bytes of a file within the folder that may be read, refused in vLLM's words elsewhere."""
    if allowed is None:
        raise RefusedError(400, "Cannot load local files without `--allowed-local-media-path`.", param="messages")
    parts = urlsplit(url)
    path = Path(url2pathname(parts.netloc + parts.path)).resolve()
    if allowed.resolve() not in path.parents:
        raise RefusedError(
            400,
            f"The file path {path} must be a subpath of `--allowed-local-media-path {allowed}`.",
            param="messages",
        )
    try:
        return path.read_bytes()
    except OSError as error:
        raise RefusedError(400, f"{path}: {error.strerror}", param="messages") from error
