"""Secrets in URLs: what lets its bearer in is hidden, in any text, and all else stays."""

import html
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peakbench.redaction import REDACTED, hide_in_urls

SIGNED = [
    "https://b.s3.amazonaws.com/a%20b.png?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={0}&X-Amz-Date=20261122T000000Z"
    "&X-Amz-Expires=3600&X-Amz-Security-Token={0}&X-Amz-SignedHeaders=host&X-Amz-Signature={0}",
    "https://b.s3.amazonaws.com/a.png?AWSAccessKeyId={0}&Signature={0}&Expires=1700000000",
    "https://storage.googleapis.com/b/a.png?GoogleAccessId=me%40project&Expires=1&Signature={0}",
    "https://a.blob.core.windows.net/c/a.png?sp=r&st=2026-11-22&sv=2022-11-02&sr=b&sig={0}",
    "https://d.cloudfront.net/a.png?Policy={0}&Signature={0}&Key-Pair-Id={0}",
    "https://example.org/a.png?width=80&token={0}#part",
    "https://example.org/a.png?access_token={0};page=2",
    "https://example.org/a.png?page=2;auth={0}",
    "https://example.org/a.png?s%69g={0}",
    "https://cdn.example.org/a.png?hdnts={0}&v=3",
]


@pytest.mark.parametrize("url", SIGNED)
def test_signed_urls_of_clouds_lose_their_signatures_only(url: str) -> None:
    signed = url.format("aB3%2Fx+/9.~-_=")
    assert hide_in_urls(signed) == url.replace(";page=2", "").format(REDACTED)
    for written in (html.escape(signed), json.dumps(signed), json.dumps(signed).replace("&", "\\u0026")):
        assert "aB3" not in hide_in_urls(f"403, message='Forbidden', url={written}")


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org/design/sigma.png?design=blue&page=2&id=5f2b3c9d",
        "max_tokens=300 is more than the model's 256; temperature=0",
        "no URL? none = none; and sig = nature",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert hide_in_urls(text) == text


@given(st.text(alphabet="abcXYZ019%._~+/=-", min_size=1, max_size=80), st.text(max_size=30), st.text(max_size=30))
def test_no_value_of_a_signature_is_left_whatever_stands_around_it(value: str, before: str, after: str) -> None:
    secret = f"QZQZ{value}"
    assert "QZQZ" not in hide_in_urls(f"{before}https://h/a?x=1&sig={secret} {after}")
