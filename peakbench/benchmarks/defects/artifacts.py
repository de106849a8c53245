"""Artifacts: where they lie, and the pixels that they damage.

An artifact's region is laid out first, as a mask; the box and the damage both come from it, so that they cannot
disagree: no pixel outside the region changes.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from peakbench.benchmarks.defects.figures import marks_of
from peakbench.benchmarks.defects.marks import box_of, draw_marks
from peakbench.benchmarks.defects.spec import SIZE, Artifact, Box, Thing
from peakbench.benchmarks.defects.vocabulary import ARTIFACT_COUNTS, ARTIFACT_NAMES, ArtifactKind
from peakbench.benchmarks.defects.wording import named, quarter
from peakbench.benchmarks.drawing.chance import between, pick
from peakbench.benchmarks.drawing.geometry import SUPERSAMPLING

Mask = NDArray[np.bool_]
"""Shape (384, 384)."""

_BLOCK = 12
"""Pixels of a glitched block's side."""
_ANYWHERE = frozenset({"noise", "blocks", "ringing"})
"""Kinds that show on a plain ground too."""
_REACH: Mapping[ArtifactKind, tuple[float, float]] = MappingProxyType(
    {
        "smear": (0.62, 0.40), "noise": (0.5, 0.5), "blocks": (0.55, 0.5), "ghost": (0.5, 0.5), "melt": (0.5, 0.40),
        "ringing": (0.6, 0.6), "tear": (0.75, 0.28), "blur": (0.55, 0.5), "swirl": (0.55, 0.55),
    }
)  # fmt: skip
"""Half the width and height of a region, as shares of the thing that it lies on."""
_SLENDER = frozenset({"starfish", "parasol", "floor lamp", "flower", "hot-air balloon", "bicycle", "tree"})
"""What is too thin at its foot for drips to show."""
_MOST_OVERLAP = 0.02


def draw_artifacts(
    rng: np.random.Generator, things: Sequence[Thing], wrong: Sequence[bool]
) -> list[tuple[Artifact, str]]:
    """Draw one to three artifacts apart from one another, each with its description.

    Args:
        rng: Gives the draws.
        things: What the picture shows.
        wrong: Which of them the caption does not fit; artifacts keep off those where they can.
    """
    wanted = pick(rng, ARTIFACT_COUNTS)
    made: list[tuple[Artifact, str]] = []
    boxes: list[Box] = []
    for _ in range(12):
        artifact, desc = _draw_artifact(rng, things, wrong)
        if artifact.kind in {other.kind for other, _ in made}:
            continue
        box = box_of_artifact(artifact, things)
        if all(_apart(box, other) for other in boxes):
            made.append((artifact, desc))
            boxes.append(box)
        if len(made) == wanted:
            break
    return made


def _draw_artifact(rng: np.random.Generator, things: Sequence[Thing], wrong: Sequence[bool]) -> tuple[Artifact, str]:
    kind = pick(rng, dict.fromkeys(ARTIFACT_NAMES, 1.0))
    number = pick(rng, {place: 0.05 if departed else 1.0 for place, departed in enumerate(wrong)})
    if kind == "melt" and things[number].kind in _SLENDER:
        kind = "smear"
    free = kind in _ANYWHERE and rng.random() < 0.3
    grow, turn = between(rng, 0.85, 1.25), between(rng, 0, 360)
    across, down = between(rng, -0.3, 0.3), between(rng, -0.3, 0.3)
    texture = int(rng.random() * 2**31)
    if free:
        radius_x, radius_y = between(rng, 26, 58), between(rng, 24, 50)
        x, y = between(rng, radius_x, SIZE - radius_x), between(rng, radius_y, SIZE - radius_y)
        artifact = Artifact(kind, x, y, radius_x, radius_y, turn, texture)
        return artifact, f"{ARTIFACT_NAMES[kind]} in the {quarter(x, y, SIZE)}"
    x0, y0, x1, y1 = box_of(marks_of(things[number]))
    middle_x, middle_y, width, height = (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0
    reach_x, reach_y = _REACH[kind]
    artifact = Artifact(
        kind,
        x=middle_x + across * width * 0.5,
        y=middle_y + down * height * 0.5,
        radius_x=min(75.0, max(20.0, reach_x * width * grow)),
        radius_y=min(62.0, max(18.0, reach_y * height * grow)),
        turn=turn,
        texture=texture,
    )
    if kind == "ghost":
        # Sideways by more than its quarter and a little up, so that the double shows beside its original.
        way = 1 if turn < 180 else -1
        artifact = replace(artifact, thing=number, x=way * (0.34 * width + 8), y=-0.10 * height - 4)
    elif kind == "melt":
        # From the lower part of the thing to where its drips end.
        artifact = replace(artifact, x=middle_x, y=y1 - 0.08 * height)
    elif kind in ("smear", "swirl"):
        # A round and a tilted region need both radii alike.
        artifact = replace(artifact, radius_y=max(artifact.radius_y, 0.7 * artifact.radius_x))
    thing = things[number]
    return artifact, f"{ARTIFACT_NAMES[kind]} {'of' if kind in ('ghost', 'melt') else 'on'} the {_name(thing)}"


def _name(thing: Thing) -> str:
    return named(thing.kind, thing.color)


def _apart(one: Box, other: Box) -> bool:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(0, width) * max(0, height) <= _MOST_OVERLAP * (one[2] - one[0]) * (one[3] - one[1])


def box_of_artifact(artifact: Artifact, things: Sequence[Thing]) -> Box:
    """The box of an artifact's region in pixels, x1 and y1 exclusive."""
    return bounds(region_of(artifact, things))


def bounds(region: Mask) -> Box:
    """The smallest box that holds a region of one pixel or more."""
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def region_of(artifact: Artifact, things: Sequence[Thing]) -> Mask:
    """The pixels that an artifact may change."""
    if artifact.kind == "ghost":
        return silhouette_of(double_of(artifact, things))
    y, x = np.mgrid[0:SIZE, 0:SIZE] + 0.5
    u, v = (x - artifact.x) / artifact.radius_x, (y - artifact.y) / artifact.radius_y
    match artifact.kind:
        case "noise":
            angle = np.arctan2(v, u)
            rng = np.random.default_rng([artifact.texture, 1])
            phases = rng.random(3) * 2 * math.pi
            rim = 1 + sum(0.09 * np.sin((k + 2) * angle + phase) for k, phase in enumerate(phases.tolist())) - 0.1
            return np.asarray(np.hypot(u, v) < rim)
        case "blocks":
            rng = np.random.default_rng([artifact.texture, 1])
            left, upper = (
                round((m - r) / _BLOCK) for m, r in ((artifact.x, artifact.radius_x), (artifact.y, artifact.radius_y))
            )
            across, down = (max(3, round(2 * r / _BLOCK)) for r in (artifact.radius_x, artifact.radius_y))
            chosen = rng.random((down, across)) < 0.72
            chosen[down // 2, :] = chosen[:, across // 2] = True
            whole = np.zeros((SIZE // _BLOCK, SIZE // _BLOCK), dtype=bool)
            for row, column in np.argwhere(chosen).tolist():
                if 0 <= upper + row < len(whole) and 0 <= left + column < len(whole):
                    whole[upper + row, left + column] = True
            return np.kron(whole, np.ones((_BLOCK, _BLOCK), dtype=bool))
        case "tear" | "melt":
            return np.asarray((np.abs(u) < 1) & (np.abs(v) < 1))
        case _:
            return np.asarray(np.hypot(u, v) < 1)


def double_of(artifact: Artifact, things: Sequence[Thing]) -> Thing:
    """The thing that a ghost doubles, where its double stands."""
    if artifact.thing is None:
        raise ValueError("a ghost doubles a thing")
    thing = things[artifact.thing]
    return replace(thing, x=thing.x + artifact.x, base=thing.base + artifact.y)


def silhouette_of(thing: Thing) -> Mask:
    """The pixels that a thing covers by half or more."""
    canvas = Image.new("L", (SIZE * SUPERSAMPLING, SIZE * SUPERSAMPLING), 0)
    draw_marks(ImageDraw.Draw(canvas), marks_of(thing), 255)
    return np.asarray(canvas.reduce(SUPERSAMPLING)) > 127
