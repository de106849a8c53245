"""The journal: nothing is lost, nothing is doubled, a torn end is mended wherever it was torn."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peakbench.errors import BadInputError
from peakbench.runs.journal import Journal, JournalWriter, mend_journal
from peakbench.runs.journal_lines import JournalHeader, decode_record, encode_record
from peakbench.runs.records import Failure, FailureKind, Record, Response, Timing, TokenLogprob, Usage

HEADER = JournalHeader(run_id="run", identity="identity")


def response(sample_id: str, repeat: int = 0, text: str = "{}") -> Response:
    return Response(sample_id, repeat, text, None, "stop", Usage(3, 4), Timing(1.5, 2.5), "id", None, "digest", 0)


def failure(sample_id: str, repeat: int = 0) -> Failure:
    return Failure(
        sample_id, repeat, FailureKind.SERVER_ERROR, "broken", 500, Timing(1.5, 2.5, None, 6), None, "digest", 0
    )


def write(path: Path, *records: Record) -> None:
    writer = JournalWriter(path, HEADER)
    for record in records:
        writer.append(record)
    writer.sync()
    writer.close()


anything = st.text(st.characters(codec=None), max_size=40)
told = (anything, st.none() | st.floats(-1e9, 0))


@given(
    text=anything,
    reasoning=st.none() | anything,
    finish=st.none() | anything,
    tokens=st.none() | st.integers(0, 10**9),
    at=st.floats(0, 1e12),
    gaps=st.none() | st.lists(st.floats(0, 1e6)).map(tuple),
    logprobs=st.none() | st.lists(st.builds(TokenLogprob, *told, st.lists(st.tuples(*told)).map(tuple))).map(tuple),
)
def test_a_response_survives_the_journal_whatever_the_model_wrote(
    text: str,
    reasoning: str | None,
    finish: str | None,
    tokens: int | None,
    at: float,
    gaps: tuple[float, ...] | None,
    logprobs: tuple[TokenLogprob, ...] | None,
) -> None:
    timing, usage = Timing(at, at, None if gaps is None else at, 2, gaps), Usage(tokens, None, tokens)
    record = Response("é\n", 3, text, reasoning, finish, usage, timing, sample_digest="d", logprobs=logprobs)
    line = encode_record(record)
    assert line.count(b"\n") == 1
    assert decode_record(line) == record


def test_a_record_from_before_streams_is_read() -> None:
    line = json.loads(encode_record(response("a")))
    del line["timing"]["itl_ms"], line["logprobs"]
    assert decode_record(json.dumps(line).encode()) == response("a")


@pytest.mark.parametrize(
    "wrong",
    [
        {"timing": []},
        {"timing": {"started_at": 1.5, "e2el_ms": 2.5, "itl_ms": 7}},
        {"logprobs": 7},
        {"logprobs": [["a", -1.0]]},
        {"logprobs": [["a", -1.0, 7]]},
    ],
)
def test_a_record_whose_times_or_log_probabilities_are_none_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"no record|unpack"):
        decode_record(json.dumps(json.loads(encode_record(response("a"))) | wrong).encode())


def test_a_failure_survives_the_journal() -> None:
    record = failure("s1", 2)
    assert decode_record(encode_record(record)) == record


def test_what_was_written_is_read_back_by_key(tmp_path: Path) -> None:
    path = tmp_path / "responses.jsonl"
    write(path, response("a"), failure("b"), response("a", 1))
    with Journal(path) as journal:
        assert journal.header == HEADER
        assert set(journal) == {("a", 0), ("b", 0), ("a", 1)}
        assert journal["a", 1] == response("a", 1)
        assert journal.n_failed == 1
        assert list(journal.records()) == [response("a"), failure("b"), response("a", 1)]


def test_a_torn_end_is_mended_at_every_byte(tmp_path: Path) -> None:
    whole = tmp_path / "whole.jsonl"
    write(whole, response("a", text="ä" * 9), failure("b"), response("c", text="\U0001f455"))
    content = whole.read_bytes()
    path = tmp_path / "torn.jsonl"
    for end in range(len(content) + 1):
        path.write_bytes(content[:end])
        kept = content[:end].count(b"\n")
        write(path)  # opening mends; a header is written when none is left
        with Journal(path) as journal:
            assert journal.header == HEADER
            assert len(journal) == max(0, kept - 1)
        write(path, *[record for record in (response("a"), failure("b"), response("c")) if _missing(path, record)])
        with Journal(path) as journal:
            assert set(journal) == {("a", 0), ("b", 0), ("c", 0)}


def _missing(path: Path, record: Record) -> bool:
    with Journal(path) as journal:
        return (record.sample_id, record.repeat) not in journal


def test_mending_finds_a_newline_far_from_the_end(tmp_path: Path) -> None:
    path = tmp_path / "torn.jsonl"
    path.write_bytes(b"{}\n" + b"x" * 200_000)
    assert mend_journal(path) == 200_000
    assert path.read_bytes() == b"{}\n"


def test_a_torn_end_is_ignored_by_a_reader(tmp_path: Path) -> None:
    path = tmp_path / "responses.jsonl"
    write(path, response("a"))
    with path.open("ab") as file:
        file.write(encode_record(response("b"))[:-5])
    with Journal(path) as journal:
        assert set(journal) == {("a", 0)}


def test_a_failure_may_be_superseded_and_a_response_may_not(tmp_path: Path) -> None:
    path = tmp_path / "responses.jsonl"
    write(path, failure("a"), response("a"))
    with Journal(path) as journal:
        assert journal["a", 0] == response("a")
        assert journal.n_failed == 0
    write(path, response("a"))
    with pytest.raises(BadInputError, match=r"line 4.*answered before"):
        Journal(path)


@pytest.mark.parametrize(
    "line", [b"not json\n", b"[]\n", b'{"kind":"response"}\n', b'{"kind":"other"}\n', b"\x00\x00\n", b"\xff\n"]
)
def test_a_damaged_line_is_named_and_not_skipped(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "responses.jsonl"
    write(path, response("a"))
    with path.open("ab") as file:
        file.write(line + encode_record(response("b")))
    with pytest.raises(BadInputError, match="line 3"):
        Journal(path)


def test_another_schema_version_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "responses.jsonl"
    path.write_text(json.dumps({"kind": "header", "schema_version": 99, "run_id": "r", "identity": "i"}) + "\n")
    with pytest.raises(BadInputError, match="schema version 99"):
        Journal(path)


@pytest.mark.parametrize("line", ['{"kind":"header","schema_version":1}', "[]", '{"kind":"response"}', "{"])
def test_a_damaged_header_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "responses.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(BadInputError, match="line 1"):
        Journal(path)


def test_the_journal_of_another_run_is_not_written_to(tmp_path: Path) -> None:
    path = tmp_path / "responses.jsonl"
    write(path, response("a"))
    before = path.read_bytes()
    with pytest.raises(BadInputError, match="another run"):
        JournalWriter(path, JournalHeader(run_id="run", identity="other"))
    assert path.read_bytes() == before
