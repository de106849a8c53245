import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peakbench.errors import BadInputError
from peakbench.mock.faults import Fault, FaultKind, FaultLedger, Faults, read_rates, unit_draw


def sequence(faults: Faults, bodies: list[bytes], attempts: int = 5) -> dict[bytes, list[Fault | None]]:
    ledger = FaultLedger(faults)
    return {body: [ledger.next_fault(body) for _ in range(attempts)] for body in bodies}


BODIES = [f"body {i}".encode() for i in range(400)]
MIXED = Faults({FaultKind.RATE_LIMIT: 0.2, FaultKind.SERVER_ERROR: 0.1, FaultKind.RESET: 0.1})


def test_the_same_seed_gives_the_same_faults_in_any_order_of_arrival() -> None:
    forward = sequence(MIXED, BODIES)
    backward = sequence(MIXED, BODIES[::-1])
    assert forward == {body: backward[body] for body in BODIES}


def test_another_seed_hits_other_requests() -> None:
    assert sequence(MIXED, BODIES) != sequence(dataclasses.replace(MIXED, seed=1), BODIES)


def test_rates_are_kept_on_first_attempts() -> None:
    first = [hits[0].kind for hits in sequence(MIXED, BODIES).values() if hits[0] is not None]
    # Four standard deviations of a binomial share of 400.
    for kind, rate in ((FaultKind.RATE_LIMIT, 0.2), (FaultKind.SERVER_ERROR, 0.1), (FaultKind.RESET, 0.1)):
        assert abs(first.count(kind) / 400 - rate) < 4 * (rate * (1 - rate) / 400) ** 0.5


@given(rate=st.floats(0, 1), limit=st.integers(0, 4), seed=st.integers(0, 2**64), body=st.binary(max_size=20))
def test_a_request_is_never_hit_more_often_than_allowed(rate: float, limit: int, seed: int, body: bytes) -> None:
    faults = Faults({FaultKind.RATE_LIMIT: rate / 2, FaultKind.STALL: rate / 2}, seed=seed, max_per_request=limit)
    kinds = sequence(faults, [body], attempts=12)[body]
    assert sum(kind is not None for kind in kinds) <= limit


def test_at_full_rate_every_request_is_hit_exactly_as_often_as_allowed() -> None:
    certain = Faults({FaultKind.SERVER_ERROR: 1.0}, max_per_request=2)
    for hits in sequence(certain, BODIES[:20]).values():
        assert [hit and hit.kind for hit in hits] == [FaultKind.SERVER_ERROR, FaultKind.SERVER_ERROR, None, None, None]


def test_the_order_in_which_rates_are_given_says_nothing() -> None:
    turned = dataclasses.replace(MIXED, rates=dict(reversed(list(MIXED.rates.items()))))
    assert sequence(turned, BODIES) == sequence(MIXED, BODIES)


def test_the_form_of_a_fault_is_spread_evenly() -> None:
    draws = [hits[0].draw for hits in sequence(Faults({FaultKind.STALL: 1.0}), BODIES).values() if hits[0] is not None]
    assert len(draws) == 400
    for part in range(4):  # four standard deviations of a binomial share of 400
        share = sum(part / 4 <= draw < (part + 1) / 4 for draw in draws) / 400
        assert abs(share - 0.25) < 4 * (0.25 * 0.75 / 400) ** 0.5


def test_rates_are_read_as_they_are_written() -> None:
    assert read_rates(["stall=0.05", "slow-loris=1"]) == {FaultKind.STALL: 0.05, FaultKind.SLOW_LORIS: 1.0}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["stall"], "KIND=RATE"),
        (["stall=often"], "KIND=RATE"),
        (["stal=0.1"], "did you mean `stall`"),
        (["zebra=0.1"], "broken_envelope"),
        (["stall=0.1", "stall=0.2"], "twice"),
    ],
)
def test_rates_that_cannot_be_read_are_refused_with_a_mend(given: list[str], said: str) -> None:
    with pytest.raises(BadInputError) as refused:
        read_rates(given)
    assert said in f"{refused.value.message} {refused.value.mend}"


@given(seed=st.integers(0, 2**32), attempt=st.integers(1, 100), body_digest=st.text(max_size=8))
def test_draws_lie_in_the_unit_interval(seed: int, attempt: int, body_digest: str) -> None:
    assert 0 <= unit_draw("fault", seed, body_digest, attempt) < 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"rates": {FaultKind.RATE_LIMIT: -0.1}},
        {"rates": {FaultKind.SERVER_ERROR: 1.1}},
        {"rates": {FaultKind.RESET: float("nan")}},
        {"rates": {FaultKind.RATE_LIMIT: 0.6, FaultKind.STALL: 0.6}},
        {"hold_s": float("inf")},
        {"retry_after_s": -1.0},
        {"retry_after_s": float("inf")},
        {"max_per_request": -1},
    ],
)
def test_values_out_of_range_are_refused_with_a_mend(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInputError) as refused:
        Faults(**wrong)
    assert refused.value.mend
