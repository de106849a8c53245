"""Where a journal settles the requests of a run, in a few bytes a request."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from peakbench.runs.journal import Journal, damaged
from peakbench.runs.records import Record

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Settled:
    """Where a journal settles the requests of a run; samples go by their places, from 0, in the order of asking.

    Attributes:
        journal: The journal, which stays open.
        offsets: Shape `(repeats, samples)`: byte at which the settled record begins, -1 where there is none.
        failed: Shape `(repeats, samples)`: whether that record is a failure.
    """

    journal: Journal
    offsets: "NDArray[np.int64]"
    failed: "NDArray[np.bool_]"

    @property
    def n_missing(self) -> int:
        """Requests that are not settled."""
        return int((self.offsets < 0).sum())

    def record(self, place: int, repeat: int) -> Record:
        """The settled record of a request.

        Raises:
            KeyError: If it is not settled.
        """
        offset = int(self.offsets[repeat, place])
        if offset < 0:
            raise KeyError((place, repeat))
        return self.journal.record_at(offset)


def settled_requests(journal: Journal, ids: Callable[[], Iterable[str]], n: int, repeats: int) -> Settled:
    """Find where a journal settles each request of a run.

    Args:
        journal: The journal.
        ids: Gives the ids of the run's samples, in the order in which they are asked.
        n: How many samples there are.
        repeats: How often each is asked.

    Raises:
        BadInputError: If the journal settles what the run does not ask.
    """
    import numpy as np

    offsets = np.full((repeats, n), -1, dtype=np.int64)
    failed = np.zeros((repeats, n), dtype=np.bool_)
    places: dict[int, _Places] = {}
    for line in journal.lines():
        sample_id, repeat = line.key
        place = None
        if 0 <= repeat < repeats:
            if repeat not in places:
                places[repeat] = _Places(ids())
            place = places[repeat].of(sample_id, again=line.superseded)
        if place is None:
            raise damaged(
                journal.path, line.number, ValueError(f"sample {sample_id!r}, repeat {repeat} is none of this run")
            )
        if not line.superseded:
            offsets[repeat, place] = line.offset
            failed[repeat, place] = line.failed
    return Settled(journal, offsets, failed)


class _Places:
    """The places of a run's samples by their ids, found in about the order in which they were asked.

    Requests are settled nearly in the order in which they are asked, so those that are passed over on the way to the
    next one are few: what is in flight, and what was in flight when a run was killed. They alone are in memory. A
    journal in another order takes more memory, and gives the same.
    """

    def __init__(self, ids: Iterable[str]) -> None:
        self._rest: Iterator[tuple[int, str]] = enumerate(ids)
        self._passed: dict[str, int] = {}

    def of(self, sample_id: str, *, again: bool) -> int | None:
        """The place of a sample; None where there is none.

        Args:
            sample_id: The sample.
            again: Whether it will be asked for once more; else its place is forgotten.
        """
        if sample_id not in self._passed:
            for place, other in self._rest:
                self._passed[other] = place
                if other == sample_id:
                    break
        return self._passed.get(sample_id) if again else self._passed.pop(sample_id, None)
