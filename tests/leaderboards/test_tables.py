import csv
import html
import io
import json
import re

import pytest
from board_parts import HEADLINE, entry, floor
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from peakbench.leaderboards.board import build_board
from peakbench.leaderboards.rows import Board
from peakbench.leaderboards.tables import to_csv, to_json, to_markdown
from peakbench.leaderboards.wording import csv_text, distance, duration, markdown, number, one_line, share, shorten

HOSTILE = [
    "a|b",
    "`code`",
    "<script>alert(1)</script>",
    "[x](javascript:alert(1))",
    "line\nbreak\r\n| - |",
    "**bold** _it_ ~~no~~",
    "right\u202eleft",
    "half\ud800",
    "=cmd|' /C calc'!A0",
    "@everyone https://evil.example www.evil.example",
    "a\\|b",
    "&lt;b&gt;",
]


PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def legal(name: str) -> str:
    """JSON cannot hold half a character, so results cannot."""
    return name.encode("utf-8", "replace").decode()


def rows_of(text: str) -> list[list[str]]:
    return [re.split(r"(?<!\\)\|", line)[1:-1] for line in text.splitlines() if line.startswith("|")]


def test_percent_has_one_decimal_and_other_units_have_none() -> None:
    assert number(0.91249, "fraction") == "91.2"
    assert number(-0.0001, "fraction") == "0.0"
    assert number(15.917, "samples/s") == "15.92"
    assert number(None, "fraction") == "—"
    assert [duration(value) for value in (None, 480.2, 999.6, 1240.0)] == ["—", "480 ms", "1.00 s", "1.24 s"]
    assert [share(count, 200) for count in (0, 3)] == ["0", "3 (1.5 %)"]
    assert [distance(0.5, 0.5 - value, "fraction") for value in (0.0004, -0.01, 0.023)] == [
        "less than 0.1 points",
        "1.0 point",
        "2.3 points",
    ]
    assert distance(0.61655, 0.31249, "fraction") == "30.5 points"  # what 61.7 % and 31.2 % are apart


def test_long_names_lose_their_middle() -> None:
    assert shorten("organisation/model-7B-v2", 15) == "organis…l-7B-v2"
    assert len(shorten("x" * 100, 40)) == 40
    assert shorten("short", 5) == "short"


def test_markdown_has_a_row_a_run_with_percent_and_intervals() -> None:
    board = build_board([entry("a", 0.9124), floor("always_null", 0.3)], HEADLINE)
    table = rows_of(to_markdown(board))
    assert [cell.strip() for cell in table[0][:4]] == ["Rank", "Model", "Weighted score (%)", "Field F1 (%)"]
    assert [cell.strip() for cell in table[2][:3]] == ["1", "a", "91.2 [89.2, 93.2]"]
    assert [cell.strip() for cell in table[3][:3]] == ["floor", "always\\_null", "30.0"]
    assert "not published" in to_markdown(board)


def test_a_value_that_not_every_sample_has_shows_its_n() -> None:
    board = build_board([entry("a", 0.9, score={"n_defined": 150})], HEADLINE)
    assert "90.0 [88.0, 92.0], n = 150" in to_markdown(board)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_inside_their_cell_and_read_as_they_are(name: str) -> None:
    page = PARSER.render(to_markdown(build_board([entry("b", 0.8), entry(legal(name), 0.9)], HEADLINE)))
    names = re.findall(r"<tr>\s*<td[^>]*>\d+</td>\s*<td>(.*?)</td>", page)
    assert [html.unescape(each) for each in names] == [one_line(legal(name)), "b"]
    assert not re.search(r"<(script|b|em|strong|code|s|a)\b(?! href=\"board)", page.partition("All runs agree")[0])


@given(st.one_of(st.text(max_size=60), st.text("\\\\`*_{}[]()<>|~#!$&;-+=.1 \nab:/@", max_size=30)))
def test_escaped_text_reads_as_it_is_in_a_cell_and_in_a_list(text: str) -> None:
    shown = html.escape(one_line(text)).replace("&#x27;", "'")
    cell = PARSER.render(f"| a | b |\n| - | - |\n| {markdown(text)} | end |\n")
    assert f"<td>{shown}</td>\n<td>end</td>" in cell
    assert PARSER.render(f"- {markdown(text)}\n") == (f"<ul>\n<li>{shown}</li>\n</ul>\n")


def test_links_and_mentions_are_none() -> None:
    assert markdown("www.a.example https://b.example @c d@e.example") == (
        "www&#46;a.example https&#58;//b.example &#64;c d&#64;e.example"
    )
    assert markdown("garments@1") == "garments@1"


@given(st.text(max_size=60))
def test_csv_text_never_starts_a_formula(text: str) -> None:
    assert not csv_text(text).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


def test_one_line_has_no_breaks_controls_or_halves_of_characters() -> None:
    assert one_line("a\r\n b\x00\u202ec\ud800") == "a b c\ufffd"
    assert one_line("x" * 500, limit=10) == "x" * 9 + "…"


def test_csv_holds_fractions_in_full_and_one_row_a_run() -> None:
    board = build_board([entry("=1+1", 0.912345678), entry("b", None)], HEADLINE)
    rows = list(csv.DictReader(io.StringIO(to_csv(board))))
    assert rows[0]["title"] == "'=1+1"
    assert rows[0]["rank"] == "1"
    assert float(rows[0]["weighted_score"]) == 0.912345678
    assert float(rows[0]["weighted_score_low"]) == pytest.approx(0.892345678)
    assert (rows[1]["rank"], rows[1]["weighted_score"], rows[1]["weighted_score_low"]) == ("", "", "")
    assert "%" not in rows[0]["json_parse_rate_extracted"]


def test_json_reads_back_as_the_same_board() -> None:
    board = build_board([entry("a", 0.9), floor("always_null", 0.3)], HEADLINE)
    assert Board.model_validate_json(to_json(board)) == board
    assert json.loads(to_json(board))["schema_version"] == 1


def test_board_json_has_a_schema_that_it_keeps() -> None:
    import jsonschema

    board = build_board([entry("a", 0.9)], HEADLINE)
    jsonschema.validate(json.loads(to_json(board)), Board.model_json_schema(mode="serialization"))
