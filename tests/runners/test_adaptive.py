"""The law of the limit, against servers of known capacity, in simulated time."""

import heapq
import random
import statistics
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peakbench.runners.adaptive import START, AdaptiveLimit

SERVICES: dict[str, Callable[[random.Random], float]] = {
    "exponential": lambda draw: draw.expovariate(1.0),
    "constant": lambda _: 1.0,
    "heavy-tailed": lambda draw: draw.lognormvariate(-0.5, 1.0),
}


@dataclass
class Simulation:
    """A server that works at `capacity` requests at once for about a second each, and a client that keeps to the law.

    What comes beyond the capacity queues, or is refused with 429 and comes again after a wait; in the time of `burst`
    everything is refused, and in that of `trouble` every answer goes with a failure of another request.
    """

    capacity: int
    refuses: bool
    service: Callable[[random.Random], float]
    maximum: int = 256
    seed: int = 0
    burst: tuple[float, float] = (0.0, 0.0)
    trouble: tuple[float, float] = (0.0, 0.0)
    limits: list[tuple[float, int]] = field(default_factory=list)

    def run(self, n: int) -> AdaptiveLimit:
        draw = random.Random(self.seed)
        law = AdaptiveLimit(self.maximum, 0.0)
        now, out, busy, order = 0.0, 0, 0, count()
        waiting: deque[float] = deque()
        events: list[tuple[float, int, str, float, int]] = []

        def push(after: float, what: str, began: float, attempt: int = 0) -> None:
            heapq.heappush(events, (now + after, next(order), what, began, attempt))

        def arrive(attempt: int) -> None:
            nonlocal busy
            if self.burst[0] <= now < self.burst[1] or (self.refuses and busy >= self.capacity):
                push(0.01, "refused", now, attempt)
            elif busy < self.capacity:
                busy += 1
                push(self.service(draw), "answered", now)
            else:
                waiting.append(now)

        while len(self.limits) < n:
            while out < law.limit:
                out += 1
                arrive(0)
            now, _, what, began, attempt = heapq.heappop(events)
            if what == "answered":
                if waiting:
                    push(self.service(draw), "answered", waiting.popleft())
                else:
                    busy -= 1
                if self.trouble[0] <= now < self.trouble[1]:
                    law.troubled()
                law.answered(began, now, out)
                out -= 1
                self.limits.append((now, law.limit))
            elif what == "refused":
                law.rate_limited(began, now, out)
                push(min(30, 0.5 * 2**attempt) + draw.uniform(0, 0.5), "again", now, attempt + 1)
            else:
                arrive(attempt)
            assert 1 <= law.limit <= self.maximum
        return law

    def throughput(self) -> float:
        """Of what the server can do, in the second half, when the limit is found."""
        half = self.limits[len(self.limits) // 2 :]
        return len(half) / (half[-1][0] - half[0][0]) / self.capacity

    def limit_at(self, time: float) -> int:
        return next(limit for when, limit in self.limits if when >= time)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("refuses", [False, True], ids=["queues", "refuses"])
@pytest.mark.parametrize("capacity", [3, 10, 50, 120])
def test_it_grows_to_near_what_the_server_can_do(capacity: int, refuses: bool, service: str) -> None:
    for seed in range(3):
        simulation = Simulation(capacity, refuses, SERVICES[service], seed=seed)
        law = simulation.run(120 * capacity + 1500)
        assert simulation.throughput() > 0.7, seed
        assert (law.cuts > 0) == refuses


@pytest.mark.parametrize("capacity", [3, 10, 50])
def test_a_server_that_queues_is_not_asked_for_many_times_what_it_can_do(capacity: int) -> None:
    for seed in range(3):
        simulation = Simulation(capacity, refuses=False, service=SERVICES["exponential"], seed=seed)
        simulation.run(120 * capacity + 1500)
        half = [limit for _, limit in simulation.limits[len(simulation.limits) // 2 :]]
        assert statistics.median(half) <= max(4 * START, 4 * capacity)


def test_where_the_server_can_do_more_the_maximum_is_reached_and_kept() -> None:
    simulation = Simulation(1000, refuses=False, service=SERVICES["exponential"], maximum=100)
    law = simulation.run(6000)
    assert (law.highest, law.cuts) == (100, 0)
    assert simulation.limits[-1][1] == 100


def test_a_burst_of_429_cuts_it_a_few_times_and_it_recovers() -> None:
    simulation = Simulation(100, refuses=False, service=SERVICES["exponential"], burst=(60.0, 70.0), seed=1)
    law = simulation.run(20_000)
    before, during, after = (simulation.limit_at(time) for time in (59.0, 71.0, 160.0))
    assert before >= 64
    assert during < before / 2
    assert after >= 64
    assert 1 <= law.cuts <= 12


def test_one_burst_is_one_cut() -> None:
    law = AdaptiveLimit(64, 0.0)
    for _ in range(8):  # all that were sent before the first of them came back
        law.rate_limited(began=0.5, now=1.0, in_flight=8)
    assert (law.limit, law.cuts) == (5, 1)
    law.rate_limited(began=1.5, now=2.0, in_flight=7)  # sent after, but the cut has not taken effect yet
    assert law.cuts == 1
    law.rate_limited(began=2.5, now=3.0, in_flight=5)
    assert (law.limit, law.cuts) == (3, 2)


def test_other_failures_neither_cut_it_nor_let_it_grow() -> None:
    simulation = Simulation(100, refuses=False, service=SERVICES["exponential"], trouble=(5.0, 30.0))
    simulation.run(6000)
    during = {limit for when, limit in simulation.limits if 5.0 <= when < 30.0}
    assert len(during) == 1
    assert during == {simulation.limit_at(4.9)}
    assert max(limit for when, limit in simulation.limits if when >= 30.0) > max(during)


def test_a_limit_that_is_not_used_up_does_not_grow() -> None:
    law = AdaptiveLimit(64, 0.0)
    for step in range(1000):
        law.answered(began=step, now=step + 0.5, in_flight=2)
    assert (law.limit, law.highest) == (START, START)


def test_a_limit_that_brings_nothing_is_given_up_again() -> None:
    simulation = Simulation(START, refuses=False, service=SERVICES["constant"])
    law = simulation.run(4000)
    limits = [limit for _, limit in simulation.limits]
    assert 2 * START <= law.highest <= 4 * START
    assert limits.index(2 * START) < limits.index(START, limits.index(2 * START))  # it was measured, and given up
    assert statistics.median(limits) <= 1.25 * START


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["answered", "rate_limited", "troubled"]),
        st.floats(0, 3),
        st.floats(0, 10),
        st.integers(1, 80),
    ),
    max_size=300,
)


@settings(max_examples=60)
@given(maximum=st.integers(1, 64), events=EVENTS)
def test_whatever_comes_the_limit_is_from_one_to_the_maximum(
    maximum: int, events: list[tuple[str, float, float, int]]
) -> None:
    now = 0.0
    law = AdaptiveLimit(maximum, now)
    for what, later, took, in_flight in events:
        now += later
        before = law.limit
        if what == "answered":
            law.answered(now - took, now, in_flight)
        elif what == "rate_limited":
            law.rate_limited(now - took, now, in_flight)
            assert law.limit <= before
        else:
            law.troubled()
            assert law.limit == before
        assert 1 <= law.limit <= law.highest <= maximum
