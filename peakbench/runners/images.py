"""An image as it is sent: its untouched bytes in base64, the place of its file, a smaller copy of it, or its URL."""

import asyncio
import hashlib
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pybase64

from peakbench.benchmarks.sample import ImageFile, SampleImage
from peakbench.errors import BadInputError, InfrastructureError
from peakbench.files import make_folder, write_atomically
from peakbench.runners.asking import AskingSettings, ask_alone
from peakbench.runners.transport import Transport
from peakbench.runs.records import Failure, ImageSending, Request

if TYPE_CHECKING:
    from PIL.Image import Image

T = TypeVar("T")

_LARGE_BYTES = 1_000_000
"""The images of a request that are smaller than this take 2 ms at most; a thread of their own would not be worth it."""


async def with_images(request: Request, make: Callable[[], T]) -> T:
    """What is made of a request and its images: away from the event loop where that takes long, for all else waits.

    Large images are read, checked and encoded there, and the smaller copies that a request needs are made first.

    Args:
        request: What is sent.
        make: Puts it together; see `image_url`.

    Raises:
        BadInputError: If an image changed since the data was read.
        InfrastructureError: If the disk refuses.
    """
    files = [image for image in request.images if isinstance(image, ImageFile)]
    smaller = [image for image in files if _is_made_smaller(image, request.sending)]
    if not smaller and sum(image.n_bytes for image in files) < _LARGE_BYTES:
        return make()

    def made() -> T:
        for image in smaller:
            _smaller(image, request.sending)
        return make()

    return await asyncio.to_thread(made)


def image_url(image: SampleImage, sending: ImageSending) -> bytes:
    """What stands as the URL of an image in a request: a data URL, a `file://` URL or its own.

    Smaller copies have to be there already; see `with_images`.

    Raises:
        BadInputError: If the file is gone, or is no longer the one that was read when the run began.
    """
    if not isinstance(image, ImageFile):
        return image.url.encode("ascii")
    smaller = _is_made_smaller(image, sending)
    path = _place_of_smaller(image, sending) if smaller else image.path
    content = path.read_bytes() if smaller else untouched(image)
    if sending.form == "file":
        return path.resolve().as_uri().encode("ascii")
    mime = "image/png" if smaller else image.mime
    return b"data:" + mime.encode("ascii") + b";base64," + pybase64.b64encode(content)


async def require_readable_files(transport: Transport, like: Request, settings: AskingSettings) -> None:
    """Make sure, by one request for a single token, that the server reads the files whose places it is told.

    Args:
        transport: How it is sent.
        like: A request of the run; nothing is asked when it sends no file by its place.
        settings: How hard to ask.

    Raises:
        InfrastructureError: If the server does not answer it.
    """
    if like.sending.form != "file":
        return
    files = [image for image in like.images if isinstance(image, ImageFile)]
    if not files:
        return
    generation = replace(like.generation, max_tokens=1, stop=(), extra="", logprobs=None)
    record = await ask_alone(replace(like, generation=generation), transport, settings)
    if isinstance(record, Failure):
        raise InfrastructureError(
            f"the request that checks --images-as file failed ({record.kind}): {record.message}",
            mend="start the server on this machine and let it read the files (vLLM: --allowed-local-media-path "
            f"{_folder_of_sent(files[0], like.sending)}), or send their bytes: --images-as base64",
        )


def untouched(image: ImageFile) -> bytes:
    """An image's bytes.

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
    return content


def sent_size(image: ImageFile, sending: ImageSending) -> tuple[int, int]:
    """Width and height of an image as it is sent: its own, or those with at most `max_pixels` and the same shape."""
    pixels = image.width * image.height
    if sending.max_pixels is None or pixels <= sending.max_pixels:
        return image.width, image.height
    scale = math.sqrt(sending.max_pixels / pixels)
    return max(1, math.floor(image.width * scale)), max(1, math.floor(image.height * scale))


def _is_made_smaller(image: ImageFile, sending: ImageSending) -> bool:
    return sending.max_pixels is not None and image.width * image.height > sending.max_pixels


def _folder_of_sent(image: ImageFile, sending: ImageSending) -> Path:
    """The folder that a server has to be let read: that of the file, or of all smaller copies."""
    smaller = sending.folder if _is_made_smaller(image, sending) else None
    return (smaller or image.path.parent).resolve()


def _place_of_smaller(image: ImageFile, sending: ImageSending) -> Path:
    from PIL import __version__ as pillow

    if sending.folder is None:
        raise ValueError("smaller images need a folder")
    how = f"{sending.max_pixels}-{sending.interpolation}-pillow-{pillow}"
    return sending.folder / how / image.sha256[:2] / f"{image.sha256}.png"


def _smaller(image: ImageFile, sending: ImageSending) -> None:
    """Keep a smaller copy, as a PNG, which adds no loss of its own; made once for all runs.

    The orientation and the colour profile that the file declares go along; of several frames the first is taken.
    """
    path = _place_of_smaller(image, sending)
    if path.is_file():
        return
    import io

    from PIL import Image

    with Image.open(io.BytesIO(untouched(image))) as opened:
        profile, orientation = opened.info.get("icc_profile"), opened.getexif().get(_ORIENTATION)
        picture = _plain(opened).resize(sent_size(image, sending), Image.Resampling[sending.interpolation.upper()])
        same_colours = picture.mode == opened.mode  # else the profile would speak of others
    declared: dict[str, Any] = {}
    if orientation is not None:
        declared["exif"] = Image.Exif()
        declared["exif"][_ORIENTATION] = orientation
    if profile and same_colours:
        declared["icc_profile"] = profile
    written = io.BytesIO()
    picture.save(written, "PNG", compress_level=1, **declared)
    make_folder(path.parent)
    write_atomically(path, written.getvalue())


_ORIENTATION = 0x0112
"""The EXIF tag that says how to turn a picture before it is looked at."""


def _plain(picture: "Image") -> "Image":
    """The picture in a mode that can be resampled, and that PNG can hold."""
    if picture.mode in ("RGB", "RGBA", "L", "LA", "I;16"):
        return picture
    if picture.mode == "P":
        return picture.convert("RGBA" if "transparency" in picture.info else "RGB")
    return picture.convert("L" if picture.mode in ("1", "I", "F") else "RGB")
