"""A model of the grounding task that looks at pixels: grain for artifacts, colours against the caption for the rest.

It has learnt nothing. Its thresholds were set by looking at self-made scenes of the seed `TUNING_SEED` alone.
"""

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from peakbench.mock.answers import MockAnswer
from peakbench.mock.artifacts import Finding, find_artifacts
from peakbench.mock.captions import caption_in, find_misalignments

if TYPE_CHECKING:
    from PIL.Image import Image

TUNING_SEED = 2_000_003
"""Seed of the scenes that the thresholds were tuned on; a benchmark made with another seed shares none with them."""

_MOST_PIXELS = 1024
_COVERED = 0.1


@dataclass(frozen=True, slots=True)
class PixelDetective:
    """Answers with the defects that pixel statistics give away; without a caption in the prompt, with artifacts alone.

    Attributes:
        name: The name under which it is served.
    """

    name: str = "pixel-detective"

    def answer(self, image: "Image", prompt: str) -> MockAnswer:
        """`<think>…</think><answer>[…]</answer>`, boxes as x0, y0, x1, y1 in 0 to 1000; `[]` when nothing is seen."""
        defects = self.detect(image, caption_in(prompt))
        seen = "; ".join(defect["desc"] for defect in defects) or "nothing that looks wrong"
        return MockAnswer(
            f"<think>I compare the grain of the patches, then the colours with the caption. I see: {seen}.</think>"
            f"<answer>{json.dumps(defects)}</answer>"
        )

    def detect(self, image: "Image", caption: str) -> list[dict[str, Any]]:
        """The defects, artifacts first, in the form of the answer."""
        small = image.copy()
        small.thumbnail((_MOST_PIXELS, _MOST_PIXELS))
        artifacts = find_artifacts(small)
        # A damaged patch has colours that nothing in the scene has.
        differing = [
            finding
            for finding in find_misalignments(small, caption)
            if not any(_covered(finding, artifact) > _COVERED for artifact in artifacts)
        ]
        return [
            *(_row(finding, "artifact", small.size) for finding in artifacts),
            *(_row(finding, "misalignment", small.size) for finding in differing),
        ]


def _covered(finding: Finding, by: Finding) -> float:
    """The share of a finding's box that another covers."""
    x0, y0, x1, y1 = finding.patch
    width = min(x1, by.patch[2]) - max(x0, by.patch[0])
    height = min(y1, by.patch[3]) - max(y0, by.patch[1])
    return max(0, width) * max(0, height) / ((x1 - x0) * (y1 - y0))


def _row(finding: Finding, label: Literal["artifact", "misalignment"], size: tuple[int, int]) -> dict[str, Any]:
    x0, y0, x1, y1 = finding.patch
    box = [1000 * x0 // size[0], 1000 * y0 // size[1], -(-1000 * x1 // size[0]), -(-1000 * y1 // size[1])]
    share = (x1 - x0) * (y1 - y0) / (size[0] * size[1])
    importance = min(100, round(22 + 125 * math.sqrt(share)))
    return {"box_2d": box, "label": label, "desc": finding.desc, "importance": importance}
