"""Where a journal settles the requests of a run: the same as a dictionary would say, whatever the order."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peakbench.errors import BadInputError
from peakbench.runs.journal import Journal, JournalWriter
from peakbench.runs.journal_lines import JournalHeader
from peakbench.runs.records import Failure, FailureKind, Record, Response, Timing, Usage
from peakbench.runs.settled import settled_requests

IDS = [f"s{index}" for index in range(6)]
REPEATS = 2


def record(sample: str, repeat: int, *, failed: bool, number: int = 0) -> Record:
    if failed:
        return Failure(sample, repeat, FailureKind.TIMEOUT, f"{number}", None, Timing(1.0, 2.0))
    return Response(sample, repeat, f"{number}", None, "stop", Usage(), Timing(1.0, 2.0))


def write(path: Path, records: list[Record]) -> Path:
    writer = JournalWriter(path, JournalHeader("run", "identity"))
    for one in records:
        writer.append(one)
    writer.close()
    return path


@st.composite
def journals(draw: st.DrawFn) -> list[Record]:
    """Requests in any order, each failed any number of times before it is answered, or not at all."""
    keys = draw(st.permutations([(sample, repeat) for sample in IDS for repeat in range(REPEATS)]))
    lines = []
    for sample, repeat in keys[: draw(st.integers(0, len(keys)))]:
        failures = draw(st.integers(0, 2))
        lines += [(sample, repeat, True)] * failures
        if not failures or draw(st.booleans()):
            lines.append((sample, repeat, False))
    order = draw(st.permutations(range(len(lines))))
    moved = sorted(range(len(lines)), key=lambda place: (order[place] // 3, place))  # mixed, an answer still last
    rank = dict.fromkeys(keys, 0)
    made: list[Record] = []
    for place in moved:
        sample, repeat, _ = lines[place]
        own = [line for line in lines if line[:2] == (sample, repeat)]
        failed = own[rank[sample, repeat]][2]
        rank[sample, repeat] += 1
        made.append(record(sample, repeat, failed=failed, number=len(made)))
    return made


@settings(deadline=None)
@given(records=journals())
def test_every_request_is_found_where_it_is_settled(records: list[Record]) -> None:
    expected = {(one.sample_id, one.repeat): one for one in records}  # the last one stands
    with tempfile.TemporaryDirectory() as folder, Journal(write(Path(folder) / "journal", records)) as journal:
        settled = settled_requests(journal, lambda: iter(IDS), len(IDS), REPEATS)
        found = {}
        for repeat in range(REPEATS):
            for place, sample in enumerate(IDS):
                if settled.offsets[repeat, place] >= 0:
                    found[sample, repeat] = settled.record(place, repeat)
                    assert settled.failed[repeat, place] == isinstance(found[sample, repeat], Failure)
                else:
                    with pytest.raises(KeyError):
                        settled.record(place, repeat)
        assert found == expected
        assert settled.n_missing == len(IDS) * REPEATS - len(expected)
        assert (len(journal), set(journal)) == (len(expected), set(expected))
        assert {(one.sample_id, one.repeat): one for one in journal.records()} == expected
        assert list(journal.failures()) == [one for one in journal.records() if isinstance(one, Failure)]


@pytest.mark.parametrize(("sample", "repeat"), [("other", 0), ("s1", 2), ("s1", -1)])
def test_what_the_run_does_not_ask_is_refused(tmp_path: Path, sample: str, repeat: int) -> None:
    records = [record("s0", 0, failed=False), record(sample, repeat, failed=False)]
    with (
        Journal(write(tmp_path / "journal", records)) as journal,
        pytest.raises(BadInputError, match=r"line 3.*is none of this run"),
    ):
        settled_requests(journal, lambda: iter(IDS), len(IDS), REPEATS)


def test_a_failure_after_an_answer_is_refused(tmp_path: Path) -> None:
    records = [record("a", 0, failed=False), record("b", 0, failed=False), record("a", 0, failed=True)]
    with pytest.raises(BadInputError, match=r"line 4.*answered before"):
        Journal(write(tmp_path / "journal", records))


def test_two_requests_that_share_a_hash_are_two(tmp_path: Path) -> None:
    assert hash(("a", -1)) == hash(("a", -2))
    records = [record("a", -1, failed=False), record("a", -2, failed=False)]
    with Journal(write(tmp_path / "journal", records)) as journal:
        assert len(journal) == 2
    with pytest.raises(BadInputError, match=r"line 4.*answered before"):
        Journal(write(tmp_path / "journal", [record("a", -2, failed=False)]))
