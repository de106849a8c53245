"""Endpoints: one form for every way to write a URL, and facts about what is served."""

import asyncio

import pytest

from peakbench.errors import BadInputError
from peakbench.mock.serving import RunningMockServer
from peakbench.runners.endpoint import Endpoint, normalise_base_url, probe


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("http://host:8000", "http://host:8000/v1"),
        ("http://host:8000/", "http://host:8000/v1"),
        ("http://host:8000/v1", "http://host:8000/v1"),
        ("http://host:8000/v1/", "http://host:8000/v1"),
        ("host:8000", "http://host:8000/v1"),
        ("https://host/openai/v1/chat/completions", "https://host/openai/v1"),
        ("https://host/v1beta", "https://host/v1beta"),
        ("https://host/api/v3", "https://host/api/v3"),
        ("http://[::1]:8000", "http://[::1]:8000/v1"),
    ],
)
def test_every_way_to_write_a_url_becomes_one(given: str, expected: str) -> None:
    assert normalise_base_url(given) == expected
    assert normalise_base_url(expected) == expected


@pytest.mark.parametrize(
    "given", ["", "ftp://host", "http://", "http://a:b@host", "http://host/v1?key=x", "http://host:99999"]
)
def test_what_is_no_url_is_refused(given: str) -> None:
    with pytest.raises(BadInputError):
        normalise_base_url(given)


def test_the_server_tells_what_it_serves(server: RunningMockServer) -> None:
    facts = asyncio.run(probe(Endpoint(server.base_url), "constant-null"))
    assert facts.version
    assert facts.owned_by == "peakbench"
    assert facts.max_model_len


def test_a_key_is_not_shown_by_its_endpoint() -> None:
    assert "secret" not in repr(Endpoint("http://host/v1", "secret"))
