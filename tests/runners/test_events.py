"""Server-sent events: whatever the cuts, the line ends and the company they come in."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai._streaming import SSEDecoder

from peakbench.runners.events import EventReader


def read(*chunks: bytes) -> list[bytes]:
    """All payloads of a stream that came in these pieces."""
    reader = EventReader()
    payloads = [payload for chunk in chunks for payload in reader.feed(chunk)]
    return payloads + reader.finish()


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("cut", [None, 1, 2, 3, 7])
def test_every_line_end_and_every_cut_reads_the_same(end: bytes, cut: int | None) -> None:
    lines = [b": comment", b"event: x", b"data: {", b"data:  }", b"", b"id: 7", b"", b"data:b", b"retry: 1", b"", b""]
    stream = end.join(lines)
    pieces = [stream[i : i + cut] for i in range(0, len(stream), cut)] if cut else [stream]
    assert read(*pieces) == [b"{\n }", b"b"]


def test_a_return_and_a_newline_in_two_pieces_are_one_line_end() -> None:
    assert read(b"data: a\r", b"\ndata: b\r", b"\n\r", b"\n") == [b"a\nb"]
    assert read(b"data: a\r", b"\rdata: b\r", b"", b"\r") == [b"a", b"b"]


def test_only_the_first_byte_order_mark_is_none() -> None:
    assert read(b"\xef", b"\xbb\xbfdata: a\n\n", b"\xef\xbb\xbfdata: b\n\n") == [b"a"]


def test_an_event_is_given_as_soon_as_it_is_whole() -> None:
    reader = EventReader()
    assert reader.feed(b"data: a\n") == []
    assert reader.feed(b"\n") == [b"a"]
    assert reader.feed(b"data: b\r\r") == [b"b"]


@pytest.mark.parametrize("rest", [b"data: [DONE]", b"data: [DONE]\n", b"data: [DONE]\r\n", b"data: [DONE]\n\n"])
def test_the_last_event_needs_no_blank_line(rest: bytes) -> None:
    assert read(b"data: a\n\n", rest) == [b"a", b"[DONE]"]


def test_what_is_no_line_end_elsewhere_is_none_here() -> None:
    payload = "a\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029z".encode()
    assert read(b"data: " + payload + b"\n\n") == [payload]


def test_a_long_line_in_small_pieces_is_one_line() -> None:
    assert read(b"data: ", *[b"x"] * 1000, b"\n\n") == [b"x" * 1000]


LINES = st.sampled_from(
    [
        b"data: a",
        b"data:b",
        b"data",
        b"data:",
        b"data:  c",
        b"",
        b"",
        b"",
        b": no",
        b"event: e",
        b"datax: n",
        "data: é😀".encode(),
    ]
)


@given(
    st.lists(st.tuples(LINES, st.sampled_from([b"\n", b"\r\n", b"\r"])), max_size=30),
    st.lists(st.integers(0, 200), max_size=8),
)
def test_it_agrees_with_the_client_of_openai(lines: list[tuple[bytes, bytes]], cuts: list[int]) -> None:
    stream = b"".join(line + end for line, end in lines) + b"\n\n"  # what lacks its blank line is read more kindly here
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    pieces = [stream[start:end] for start, end in pairwise(places)]
    given_by_openai = [event.data.encode() for event in SSEDecoder().iter_bytes(iter(pieces))]
    # The client gives events of other fields alone, with an empty payload.
    assert [payload for payload in read(*pieces) if payload] == [payload for payload in given_by_openai if payload]
