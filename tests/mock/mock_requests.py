"""What the tests of the mock server send."""

import base64
import io
from typing import Any

from PIL import Image


def picture(red: int = 200, *, width: int = 64, height: int = 80) -> Image.Image:
    return Image.new("RGB", (width, height), (red, 40, 60))


def data_url(image: Image.Image, kind: str = "PNG") -> str:
    stream = io.BytesIO()
    image.save(stream, kind)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(stream.getvalue()).decode()}"


def messages(url: str | None = None, prompt: str = "Describe the garment.") -> list[dict[str, Any]]:
    image = {"type": "image_url", "image_url": {"url": url or data_url(picture())}}
    return [{"role": "user", "content": [image, {"type": "text", "text": prompt}]}]


def chat(model: str = "constant-null", **other: Any) -> dict[str, Any]:
    return {"model": model, "messages": messages(), "temperature": 0, **other}
