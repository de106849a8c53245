import base64
import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mock_requests import chat, data_url, messages, picture
from PIL import Image

from peakbench.mock.answers import ConstantModel, MockAnswer
from peakbench.mock.completion import Completion, complete, image_tokens, pieces_of
from peakbench.mock.pictures import decode_image
from peakbench.mock.refusing import RefusedError

TEXT = '{"type": "t-shirt", "color": "navy blue"} and some more'


class Fixed:
    """Answers with a text given to the test, and remembers what it saw."""

    name = "fixed"

    def __init__(self, text: str = TEXT) -> None:
        self.text = text
        self.seen: list[tuple[Image.Image, str]] = []

    def answer(self, image: Image.Image, prompt: str) -> MockAnswer:
        self.seen.append((image, prompt))
        return MockAnswer(self.text)


def ask(
    model: Fixed | None = None, *, max_image_pixels: int = 1_000_000, max_model_len: int = 8192, **other: Any
) -> Completion:
    fixed = model or Fixed()
    body = json.dumps(chat("fixed", **other)).encode()
    return complete(body, {"fixed": fixed}, max_image_pixels=max_image_pixels, max_model_len=max_model_len)


def refusal(**other: Any) -> RefusedError:
    with pytest.raises(RefusedError) as refused:
        ask(**other)
    return refused.value


@given(st.text())
def test_pieces_joined_are_the_text_again(text: str) -> None:
    assert "".join(pieces_of(text)) == text


def test_pieces_are_short_words_and_punctuation_with_the_white_space_before() -> None:
    assert pieces_of('{"color": navy  embroidered}\n') == (
        "{",
        '"',
        "color",
        '"',
        ":",
        " navy",
        "  embroi",
        "dered",
        "}",
        "\n",
    )


@pytest.mark.parametrize(("size", "tokens"), [((28, 28), 1), ((29, 28), 2), ((256, 320), 120), ((9000, 9000), 1280)])
def test_an_image_costs_a_token_a_patch_up_to_a_limit(size: tuple[int, int], tokens: int) -> None:
    assert image_tokens(*size) == tokens


def test_usage_counts_prompt_image_and_answer() -> None:
    completion = ask(messages=messages(data_url(picture(width=56, height=56)), "one two"))
    assert completion.usage == {
        "prompt_tokens": 4 + 2,
        "completion_tokens": len(pieces_of(TEXT)),
        "total_tokens": 6 + len(pieces_of(TEXT)),
    }


def test_the_model_sees_the_pixels_and_all_texts() -> None:
    model = Fixed()
    sent = [{"role": "system", "content": "Be brief."}, *messages(data_url(picture(123)), "What is it?")]
    ask(model, messages=sent)
    [(image, prompt)] = model.seen
    assert image.mode == "RGB"
    assert image.getpixel((0, 0)) == (123, 40, 60)
    assert prompt == "Be brief.\nWhat is it?"


def test_without_limits_the_answer_is_whole_and_ends_with_stop() -> None:
    completion = ask()
    assert (completion.text, completion.finish_reason) == (TEXT, "stop")


@pytest.mark.parametrize("key", ["max_tokens", "max_completion_tokens"])
def test_the_answer_ends_with_length_at_the_most_tokens(key: str) -> None:
    wanted: dict[str, Any] = {key: 4}
    completion = ask(**wanted)
    assert completion.pieces == pieces_of(TEXT)[:4]
    assert completion.finish_reason == "length"


def test_an_answer_of_exactly_the_most_tokens_is_not_cut() -> None:
    completion = ask(max_tokens=len(pieces_of(TEXT)))
    assert (completion.text, completion.finish_reason) == (TEXT, "stop")


def test_max_completion_tokens_wins_over_max_tokens() -> None:
    assert len(ask(max_tokens=2, max_completion_tokens=5).pieces) == 5


@pytest.mark.parametrize(
    ("stop", "expected"),
    [
        ("}", TEXT.split("}")[0]),
        (["no such", "navy", "color"], '{"type": "t-shirt", "'),
        ("{", ""),
        (["no such"], TEXT),
    ],
)
def test_the_answer_ends_before_the_first_stop_string(stop: str | list[str], expected: str) -> None:
    completion = ask(stop=stop)
    assert (completion.text, completion.finish_reason) == (expected, "stop")


def test_a_stop_string_beyond_the_most_tokens_has_no_effect() -> None:
    assert ask(stop="more", max_tokens=4).finish_reason == "length"


def test_the_context_length_leaves_room_for_what_is_wanted() -> None:
    used = ask().prompt_tokens
    assert ask(max_model_len=used + 3).finish_reason == "length"
    assert "too large" in refusal(max_model_len=used + 3, max_tokens=4).message
    assert "maximum context length" in refusal(max_model_len=used).message


def test_an_unknown_model_is_named_beside_those_served() -> None:
    with pytest.raises(RefusedError) as refused:
        complete(
            json.dumps(chat("gpt-none")).encode(),
            {"constant-null": ConstantModel()},
            max_image_pixels=10**6,
            max_model_len=8192,
        )
    assert refused.value.status == 404
    assert "gpt-none" in refused.value.message
    assert "constant-null" in refused.value.message


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": 2.1}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"n": 2}, "n:"),
        ({"stop": ["a", ""]}, "empty string"),
        ({"stream_options": {"include_usage": True}}, "stream=True"),
        ({"messages": []}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": [{"role": "robot", "content": "hello"}]}, "role"),
        ({"messages": [{"role": "user", "content": "hello"}]}, "no image"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "input_audio"),
        ({"messages": messages() * 2}, "At most 1 image"),
        ({"messages": messages("https://example.org/a.png")}, "remote images"),
        ({"messages": messages("data:image/png,abc")}, "not base64"),
        ({"messages": messages("data:image/png;base64,@@@")}, "valid base64"),
        ({"messages": messages("data:image/png;base64,")}, "cannot be decoded"),
        (
            {"messages": messages("data:image/png;base64," + base64.b64encode(b"GIF89a no").decode())},
            "cannot be decoded",
        ),
        ({"max_image_pixels": 5119}, "at most 5119"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_400_and_a_reason(other: dict[str, Any], said: str) -> None:
    refused = refusal(**other)
    assert refused.status == 400
    assert said in refused.message


@pytest.mark.parametrize("body", [b"", b"{", b"[1, 2]", b"\xff\xfe", b"null", b"[" * 100_000])
def test_a_body_that_is_no_request_is_refused_with_400(body: bytes) -> None:
    with pytest.raises(RefusedError) as refused:
        complete(body, {}, max_image_pixels=10**6, max_model_len=8192)
    assert refused.value.status == 400


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_common_formats_are_decoded_to_rgb(kind: str) -> None:
    image = decode_image(data_url(picture(), kind), 10**6)
    assert (image.mode, image.size) == ("RGB", (64, 80))
    pixel = image.getpixel((30, 30))
    assert isinstance(pixel, tuple)
    assert all(abs(a - b) < 8 for a, b in zip(pixel, (200, 40, 60), strict=True))


def test_transparency_becomes_white() -> None:
    assert decode_image(data_url(Image.new("RGBA", (4, 4), (0, 0, 0, 0))), 10**6).getpixel((0, 0)) == (255, 255, 255)


def test_a_picture_of_far_too_many_pixels_is_refused_before_it_is_unpacked() -> None:
    bomb = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(bomb, "PNG")
    url = f"data:image/png;base64,{base64.b64encode(bomb.getvalue()).decode()}"
    with pytest.raises(RefusedError, match="pixels"):
        decode_image(url, 10**6)


def _encoded(kind: str) -> bytes:
    stream = io.BytesIO()
    Image.effect_noise((40, 30), 60).convert("RGB").save(stream, kind)
    return stream.getvalue()


ENCODED = {kind: _encoded(kind) for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP")}


@settings(max_examples=200, deadline=None)
@given(
    kind=st.sampled_from(sorted(ENCODED)),
    flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), max_size=6),
    kept=st.floats(0, 1),
)
def test_damaged_images_are_decoded_or_refused_and_nothing_else(
    kind: str, flips: list[tuple[float, int]], kept: float
) -> None:
    damaged = bytearray(ENCODED[kind])
    for place, change in flips:
        damaged[int(place * len(damaged))] ^= change
    payload = base64.b64encode(bytes(damaged[: int(kept * len(damaged))])).decode()
    try:
        assert decode_image(f"data:image/png;base64,{payload}", 10**6).mode == "RGB"
    except RefusedError as refused:
        assert refused.status == 400
