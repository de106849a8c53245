"""A scene before it is drawn: its caption, what is really in the picture, and what is wrong with it.

The caption is made from what the picture should show; misalignments change what it does show, artifacts damage its
pixels. Boxes are pixels of the image (x0, y0, x1, y1), x1 and y1 exclusive.
"""

from dataclasses import dataclass
from typing import Any, Literal

from peakbench.benchmarks.defects.vocabulary import ArtifactKind

SIZE = 384
"""Pixels of a rendered image, along each axis."""

Box = tuple[int, int, int, int]
Label = Literal["artifact", "misalignment"]


@dataclass(frozen=True, slots=True)
class Thing:
    """Something in the picture.

    Attributes:
        kind: Noun of the vocabulary.
        color: Word of the palette; None for a kind without one.
        x: Its middle, pixels from the left edge.
        base: Where it stands, pixels from the upper edge.
        scale: Size, 1.0 as designed.
        flipped: Whether left and right are exchanged.
        tilt: Degrees, clockwise.
        look: 0 to 1; picks between looks of one kind.
    """

    kind: str
    color: str | None
    x: float
    base: float
    scale: float
    flipped: bool
    tilt: float
    look: float


@dataclass(frozen=True, slots=True)
class Artifact:
    """Damage to the pixels of a region.

    Attributes:
        kind: As in the vocabulary.
        x: Middle of the region, pixels; of a ghost, how far to the right of its original the double stands.
        y: Middle of the region, pixels; of a ghost, how far below its original the double stands.
        radius_x: Half its width, pixels.
        radius_y: Half its height, pixels.
        turn: Direction, degrees.
        texture: Seeds what is random in it.
        thing: Number of the thing that is doubled; None for the other kinds.
    """

    kind: ArtifactKind
    x: float
    y: float
    radius_x: float
    radius_y: float
    turn: float
    texture: int
    thing: int | None = None


@dataclass(frozen=True, slots=True)
class SceneDefect:
    """What is wrong, as a right answer names it.

    Attributes:
        label: Whether pixels are damaged or picture and caption differ.
        box: Where, in pixels.
        desc: What, in a few words.
        importance: 1 to 100.
    """

    label: Label
    box: Box
    desc: str
    importance: int

    def row(self) -> dict[str, Any]:
        """As in a reference: the box in thousandths of the image, rounded outwards."""
        x0, y0, x1, y1 = self.box
        low = [1000 * edge // SIZE for edge in (x0, y0)]
        high = [-(-1000 * edge // SIZE) for edge in (x1, y1)]
        return {"box_2d": [*low, *high], "label": self.label, "desc": self.desc, "importance": self.importance}


@dataclass(frozen=True, slots=True)
class Light:
    """How the scene is lit and recorded.

    Attributes:
        direction: Where the light grows to, degrees clockwise from the right.
        slope: Its change across the picture, a share.
        exposure: Factor.
        warmth: Share by which red gains and blue loses.
        noise: Most by which the grain departs from zero, levels.
    """

    direction: float
    slope: float
    exposure: float
    warmth: float
    noise: int


@dataclass(frozen=True, slots=True)
class SceneSpec:
    """Everything that is drawn, and what is wrong with it.

    Attributes:
        seed: Of the data set.
        index: Of the scene in it, from 0.
        setting: Where it takes place.
        caption: What the picture should show.
        things: What it shows, from back to front.
        artifacts: In the order in which they are made.
        defects: The reference: artifacts and misalignments, the most important first.
        light: Of the scene.
        texture: Seeds the ground and the grain.
    """

    seed: int
    index: int
    setting: str
    caption: str
    things: tuple[Thing, ...]
    artifacts: tuple[Artifact, ...]
    defects: tuple[SceneDefect, ...]
    light: Light
    texture: int

    def reference(self) -> list[dict[str, Any]]:
        """The defects as a right answer gives them; empty for a clean scene.

        Each is `{"box_2d": [x0, y0, x1, y1], "label": …, "desc": …, "importance": …}`, the box in 0 to 1000 of the
        image's width and height, the label `artifact` or `misalignment`, the importance 1 to 100.
        """
        return [defect.row() for defect in self.defects]
