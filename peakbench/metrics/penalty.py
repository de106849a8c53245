"""The penalty for contradiction: from what a natural-language-inference model says to a factor.

Labels are found by their name in the model's `id2label`, never by position: the positions differ between models.
"""

import math
from collections.abc import Mapping, Sequence

THRESHOLD = 0.5
OFFSET = 1.5
LABEL = "contradiction"


def label_probability(logits: Sequence[float], id2label: Mapping[str, str], label: str = LABEL) -> float:
    """The probability of a label, by its name: the softmax of the logits at its place.

    Args:
        logits: One a label, in the model's order.
        id2label: Index, written as a text, to the label's name, in any case, as in a model's configuration.
        label: The name looked for.

    Returns:
        0..1.

    Raises:
        ValueError: If there is no such label, or more than one.
    """
    places = [int(index) for index, name in id2label.items() if name.strip().casefold() == label.casefold()]
    if len(places) != 1 or not 0 <= places[0] < len(logits):
        raise ValueError(f"the labels {list(id2label.values())} of {len(logits)} logits hold no single `{label}`")
    highest = max(logits)
    weights = [math.exp(logit - highest) for logit in logits]
    return weights[places[0]] / math.fsum(weights)


def penalty_multiplier(contradiction: float | None, threshold: float = THRESHOLD, offset: float = OFFSET) -> float:
    """The factor for a probability of contradiction: `offset - c` above the threshold, else 1.

    With the defaults it is continuous at 0.5, and 0.5 at certainty.

    Args:
        contradiction: c, 0..1; None where it is undefined, which is not punished.
        threshold: Up to here the factor is 1.
        offset: See above.
    """
    return 1.0 if contradiction is None or contradiction <= threshold else offset - contradiction
