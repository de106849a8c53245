import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peakbench.errors import BadInputError
from peakbench.mock.faults import FaultKind, FaultLedger, Faults, unit_draw


def sequence(faults: Faults, bodies: list[bytes], attempts: int = 5) -> dict[bytes, list[FaultKind | None]]:
    ledger = FaultLedger(faults)
    return {body: [ledger.next_fault(body) for _ in range(attempts)] for body in bodies}


BODIES = [f"body {i}".encode() for i in range(400)]
MIXED = Faults(rate_429=0.2, rate_500=0.1, rate_reset=0.1)


def test_the_same_seed_gives_the_same_faults_in_any_order_of_arrival() -> None:
    forward = sequence(MIXED, BODIES)
    backward = sequence(MIXED, BODIES[::-1])
    assert forward == {body: backward[body] for body in BODIES}


def test_another_seed_hits_other_requests() -> None:
    assert sequence(MIXED, BODIES) != sequence(dataclasses.replace(MIXED, seed=1), BODIES)


def test_rates_are_kept_on_first_attempts() -> None:
    first = [kinds[0] for kinds in sequence(MIXED, BODIES).values()]
    # Four standard deviations of a binomial share of 400.
    for kind, rate in ((FaultKind.RATE_LIMIT, 0.2), (FaultKind.SERVER_ERROR, 0.1), (FaultKind.RESET, 0.1)):
        assert abs(first.count(kind) / 400 - rate) < 4 * (rate * (1 - rate) / 400) ** 0.5


@given(rate=st.floats(0, 1), limit=st.integers(0, 4), seed=st.integers(0, 2**64), body=st.binary(max_size=20))
def test_a_request_is_never_hit_more_often_than_allowed(rate: float, limit: int, seed: int, body: bytes) -> None:
    faults = Faults(rate_429=rate / 2, rate_reset=rate / 2, seed=seed, max_per_request=limit)
    kinds = sequence(faults, [body], attempts=12)[body]
    assert sum(kind is not None for kind in kinds) <= limit


def test_at_full_rate_every_request_is_hit_exactly_as_often_as_allowed() -> None:
    for kinds in sequence(Faults(rate_500=1.0, max_per_request=2), BODIES[:20]).values():
        assert kinds == [FaultKind.SERVER_ERROR, FaultKind.SERVER_ERROR, None, None, None]


@given(seed=st.integers(0, 2**32), attempt=st.integers(1, 100), body_digest=st.text(max_size=8))
def test_draws_lie_in_the_unit_interval(seed: int, attempt: int, body_digest: str) -> None:
    assert 0 <= unit_draw("fault", seed, body_digest, attempt) < 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"rate_429": -0.1},
        {"rate_500": 1.1},
        {"rate_reset": float("nan")},
        {"rate_429": 0.6, "rate_500": 0.6},
        {"retry_after_s": -1.0},
        {"retry_after_s": float("inf")},
        {"max_per_request": -1},
    ],
)
def test_values_out_of_range_are_refused_with_a_mend(wrong: dict[str, float]) -> None:
    with pytest.raises(BadInputError) as refused:
        Faults(**wrong)  # type: ignore[arg-type]
    assert refused.value.mend
