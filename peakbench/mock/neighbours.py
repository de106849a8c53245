"""A nearest-neighbour model: it answers with what the most similar training picture was.

One search for the colour, one for the pattern, one over the silhouette for type, neckline, sleeve length and closure.
Brand, size and defect are words printed small and flaws a few pixels wide, which these features do not see: there the
most common value among the nearest silhouettes is given, which is mostly null.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from peakbench.mock.answers import MockAnswer, answer_text
from peakbench.mock.features import Array, features_of
from peakbench.mock.training import TrainingSet

if TYPE_CHECKING:
    from PIL.Image import Image

_N_VOTERS = 25


class NearestNeighbour:
    """Answers with the words of the nearest training pictures.

    Args:
        name: The name under which it is served.
        examples: What it learns from, one garment or more.
    """

    def __init__(self, name: str, examples: TrainingSet) -> None:
        self._name = name
        self._labels = examples.labels
        self._features = examples.features

    @property
    def name(self) -> str:
        """The name under which it is served."""
        return self._name

    def answer(self, image: "Image", prompt: str) -> MockAnswer:  # noqa: ARG002
        """The nine keys as JSON, whatever the prompt asks for."""
        return MockAnswer(answer_text(self.predict(image)))

    def predict(self, image: "Image") -> Mapping[str, str | None]:
        """The nine attributes of the garment in the picture."""
        seen = features_of(image)
        shape = _squared_distances(self._features.shape, seen.shape)
        by_color = self._labels[int(np.argmin(_squared_distances(self._features.color, seen.color)))]
        by_pattern = self._labels[int(np.argmin(_squared_distances(self._features.pattern, seen.pattern)))]
        by_shape = self._labels[int(np.argmin(shape))]
        voters = [self._labels[place] for place in np.argsort(shape, kind="stable")[:_N_VOTERS]]
        return {
            "type": by_shape["type"],
            "color": by_color["color"],
            "pattern": by_pattern["pattern"],
            "neckline": by_shape["neckline"],
            "sleeve_length": by_shape["sleeve_length"],
            "closure": by_shape["closure"],
            "brand": _most_common([voter["brand"] for voter in voters]),
            "size": _most_common([voter["size"] for voter in voters]),
            "defect_type": _most_common([voter["defect_type"] for voter in voters]),
        }


def _squared_distances(points: Array, point: Array) -> Array:
    """Squared Euclidean distances from a point to each row."""
    offsets = points - point
    squared: Array = np.einsum("ij,ij->i", offsets, offsets)
    return squared


def _most_common(values: Sequence[str | None]) -> str | None:
    """The value given most often; of those given equally often, the one given first."""
    return Counter(values).most_common(1)[0][0]
