"""Probing all endpoints of a model before the first request: which are up, and whether they serve the same thing."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from peakbench.runners.endpoint import Endpoint, NoAnswerError, probe
from peakbench.runs.manifest import ServerFacts


@dataclass(frozen=True, slots=True)
class Probed:
    """What came of probing an endpoint.

    Attributes:
        endpoint: Where.
        facts: What it says of itself; None when it does not answer.
        error: Why it does not; None when it does.
    """

    endpoint: Endpoint
    facts: ServerFacts | None
    error: NoAnswerError | None = None


async def probe_all(endpoints: Sequence[Endpoint], model: str) -> tuple[Probed, ...]:
    """Probe all at once.

    Raises:
        NoAnswerError: If none answers.
        InfrastructureError: If one answers, and refuses the key or does not serve the model: that is for a person to
            mend, and no reason to go on without it.
    """

    async def one(endpoint: Endpoint) -> Probed:
        try:
            return Probed(endpoint, await probe(endpoint, model))
        except NoAnswerError as error:
            return Probed(endpoint, None, error)

    probed = tuple(await asyncio.gather(*map(one, endpoints)))
    errors = [each.error for each in probed if each.error is not None]
    if len(errors) == 1 == len(probed):
        raise errors[0]
    if len(errors) == len(probed):
        raise NoAnswerError("\n".join(error.message for error in errors), mend=errors[0].mend)
    return probed


def differences(probed: Sequence[Probed]) -> list[str]:
    """What endpoints that are up say of themselves differently, a line each; answers may then differ, too."""
    up = [(each.endpoint.base_url, each.facts) for each in probed if each.facts is not None]
    lines = []
    for name in ("root", "max_model_len", "version"):
        said = {url: getattr(facts, name) for url, facts in up}
        if len(set(said.values())) > 1:
            told = ", ".join(f"{'nothing' if value is None else value} at {url}" for url, value in said.items())
            lines.append(f"the endpoints do not serve the same: {name} is {told}")
    return lines
