"""What is asked of the Hugging Face Hub, without the patience of its own client."""

import urllib.request
from http import HTTPStatus
from http.client import HTTPException


def answers(url: str) -> bool:
    """Whether a web server answers with something; its own client would find out in half a minute that it does not."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=10) as response:
            return bool(response.status == HTTPStatus.OK)
    except (OSError, ValueError, HTTPException):
        return False
