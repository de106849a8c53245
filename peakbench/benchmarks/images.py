"""Pictures of samples: paths, bytes, data URLs or URLs in the data; files, known by their digest, from then on.

Data is hostile: a path may not leave the data's folder (a symlink out of it included), bytes and pixels are limited,
pipes and devices are never opened, and what cannot be decoded is no image. A URL is never fetched here; whether it may
be sent to a server is decided where a run begins.
"""

import base64
import binascii
import hashlib
import io
import stat
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from peakbench.benchmarks.decoded import Decoded, DecodedPictures
from peakbench.benchmarks.sample import ImageFile, RemoteImage
from peakbench.files import make_folder, write_atomically
from peakbench.redaction import hide_in_urls

MAX_PIXELS = 100_000_000
"""Largest image that is read, in pixels."""
MAX_IMAGE_BYTES = 64 * 2**20
"""Largest image file that is read."""
_LONGEST_URL = 8192
_FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
"""The formats that are read. Pillow knows many more; one of them (EPS) is a program, which it would run."""


class ImageReader:
    """Reads the images of one data set.

    Images that the data holds as bytes, or as data URLs, are put into a folder under the digest of their bytes, so that
    they can be sent later without reading the data again.

    Args:
        folder: The folder that paths are relative to, and may not leave; None where the data has no folder.
        store: Where images go that the data holds as bytes.
        decoded: Which pictures need not be decoded again; every one is decoded where that is not given.
    """

    def __init__(self, folder: Path | None, store: Path, decoded: DecodedPictures | None = None) -> None:
        self._folder = folder
        self._store = store
        self._decoded = decoded
        self._last: tuple[str, ImageFile] | None = None

    def read(self, value: Any) -> ImageFile | RemoteImage:
        """Look at one image: its digest, media type and size.

        Args:
            value: A path, a data URL, bytes, what `datasets` makes of an image (`{"bytes": …, "path": …}`), or an
                http(s) URL, of which only the form is looked at.

        Raises:
            ValueError: If it is missing, outside the folder, too large, or no image.
        """
        if isinstance(value, Mapping) and set(value) <= {"bytes", "path"}:
            value = value.get("path") if value.get("bytes") is None else value["bytes"]
        if isinstance(value, bytes | bytearray | memoryview):
            return self._kept(bytes(value))
        if not isinstance(value, str) or not value or "\0" in value:
            raise ValueError(f"{value!r} is no image: a path, a data URL or bytes are needed")
        if value.startswith("data:"):
            return self._kept(_of_data_url(value))
        if "://" in value:
            return _remote(value)
        return self._file(value)

    def _file(self, name: str) -> ImageFile:
        if self._last and self._last[0] == name:  # many rows in a line may share one picture
            return self._last[1]
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"the path of an image is no UTF-8: {error}") from error
        if self._folder is None:
            raise ValueError(f"image {name} is a path, and this data has no folder for it to lie in")
        path = self._folder / name
        try:
            resolved = path.resolve()
            if not resolved.is_relative_to(self._folder.resolve()):
                raise ValueError(f"image {name} leaves the data's folder")
            about = resolved.stat()
            if not stat.S_ISREG(about.st_mode):
                raise ValueError(f"image {name} is no file")
            _require_size(f"image {name}", about.st_size)
            content = resolved.read_bytes()
        except OSError as error:
            raise ValueError(f"image {name}: {error.strerror}") from error
        except RuntimeError as error:  # a symlink that points at itself
            raise ValueError(f"image {name}: {error}") from error
        found = self._look_at(f"image {name}", path, content, hashlib.sha256(content).hexdigest())
        self._last = (name, found)
        return found

    def _kept(self, content: bytes) -> ImageFile:
        """An image that the data holds itself, as a file in the store."""
        _require_size("the image", len(content))
        digest = hashlib.sha256(content).hexdigest()
        path = self._store / digest[:2] / digest
        found = self._look_at("the image", path, content, digest)
        if not path.is_file() or path.stat().st_size != len(content):
            make_folder(path.parent)
            write_atomically(path, content)
        return found

    def _look_at(self, what: str, path: Path, content: bytes, sha256: str) -> ImageFile:
        found = self._decoded.find(sha256) if self._decoded else None
        if found is None:
            found = _decode(what, content)
            if self._decoded:
                self._decoded.note(sha256, found)
        return ImageFile(path, sha256, found.mime, found.width, found.height, len(content))


def decoded_pictures(store: Path) -> DecodedPictures:
    """The notes on the pictures that passed the checks of this module, in the folder for images."""
    from PIL import __version__ as pillow

    checks = f"pillow {pillow}: {' '.join(_FORMATS)}, at most {MAX_PIXELS} pixels"
    return DecodedPictures(store / "decoded.sqlite", checks)


def _remote(url: str) -> RemoteImage:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"image {hide_in_urls(url)}: {error}") from error
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError(f"image {hide_in_urls(url)} is no http(s) URL; a file is given by its path, without a scheme")
    if parts.username or parts.password:
        raise ValueError(f"the URL of an image at {host} holds a user or a password, which would be written down")
    if len(url) > _LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError(f"the URL of an image at {host} is longer than {_LONGEST_URL:,} or not percent-encoded")
    return RemoteImage(url)


def _of_data_url(url: str) -> bytes:
    head, comma, encoded = url.partition(",")
    if not comma or not head.endswith(";base64"):
        raise ValueError("the image is a data URL that is not in base64")
    try:
        return base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise ValueError(f"the image is a data URL whose base64 is broken: {error}") from error


def _require_size(what: str, n_bytes: int) -> None:
    if n_bytes > MAX_IMAGE_BYTES:
        raise ValueError(f"{what} has {n_bytes:,} bytes; {MAX_IMAGE_BYTES:,} are allowed")


def _decode(what: str, content: bytes) -> Decoded:
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of broken metadata, and of pixels, whose limit below is ours
            with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
                width, height = image.size
                # A JPEG with further pictures behind the first, as telephones write, calls itself something else.
                mime = "image/jpeg" if image.format == "MPO" else Image.MIME[image.format or ""]
                if width * height <= MAX_PIXELS:
                    # All of a JPEG's stream is read, but only an eighth of its width and height is computed.
                    image.draft("L", (1, 1))
                    image.load()
    except Exception as error:  # a decoder may raise anything for bytes that were made to break it
        reason = f"it is none of {', '.join(_FORMATS)}" if isinstance(error, UnidentifiedImageError) else error
        raise ValueError(f"{what} cannot be decoded: {reason}") from error
    if width * height > MAX_PIXELS:
        raise ValueError(f"{what} has {width} × {height} pixels; {MAX_PIXELS:,} are allowed")
    return Decoded(mime, width, height)
