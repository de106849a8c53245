"""Drawing a scene by chance: a plan, places for its things, light, artifacts, and the reference."""

import math
from typing import TYPE_CHECKING

from peakbench.benchmarks.defects.artifacts import box_of_artifact, draw_artifacts
from peakbench.benchmarks.defects.figures import marks_of
from peakbench.benchmarks.defects.marks import box_of
from peakbench.benchmarks.defects.plan import GAP, Group, Plan, draw_plan
from peakbench.benchmarks.defects.spec import SIZE, Box, Label, Light, SceneDefect, SceneSpec, Thing
from peakbench.benchmarks.defects.vocabulary import DEFECT_SHARES, KINDS, SETTINGS, STRENGTHS, Row
from peakbench.benchmarks.defects.wording import caption, counted, placed
from peakbench.benchmarks.drawing.chance import between, pick

if TYPE_CHECKING:
    import numpy as np

_MARGIN = 10.0
_HIDES = 8.0
_CENTRED = ("window", "clock", "picture frame")


def draw_scene(seed: int, index: int) -> SceneSpec:
    """Draw scene `index` of the data set `seed`.

    Args:
        seed: 0 or more.
        index: 0 or more; neighbours are independent of one another.

    Returns:
        The same scene for the same two numbers, in every process.

    Raises:
        ValueError: If one of them is negative.
    """
    import numpy as np

    rng = np.random.default_rng([seed, index])
    damaged, misaligned = pick(rng, DEFECT_SHARES)
    plan = draw_plan(rng, misaligned)
    placed_groups = [pair for row in ("back", "front") for pair in _place_row(rng, plan, row)]
    shown = [(group, thing) for group, things in placed_groups for thing in things if group.colors]
    things = tuple(thing for _, thing in shown)
    wrong = [group.mismatch is not None for group, _ in shown]
    artifacts = draw_artifacts(rng, things, wrong) if damaged else []
    defects = [
        _defect("artifact", box_of_artifact(artifact, things), desc, STRENGTHS[artifact.kind])
        for artifact, desc in artifacts
    ]
    for group, members in placed_groups:
        if group.mismatch is not None:
            box = _hull([box_of(marks_of(thing)) for thing in _culprits(group, members)])
            defects.append(_defect("misalignment", box, group.desc, STRENGTHS[group.mismatch]))
    return SceneSpec(
        seed=seed,
        index=index,
        setting=plan.setting,
        caption=_caption_of(plan),
        things=things,
        artifacts=tuple(artifact for artifact, _ in artifacts),
        defects=tuple(sorted(defects, key=lambda defect: (-defect.importance, defect.box))),
        light=Light(
            direction=between(rng, 0, 360),
            slope=between(rng, 0.04, 0.2),
            exposure=between(rng, 0.94, 1.04),
            warmth=between(rng, -0.03, 0.03),
            noise=int(between(rng, 4, 8)),
        ),
        texture=int(rng.random() * 2**31),
    )


def _place_row(rng: "np.random.Generator", plan: Plan, row: Row) -> list[tuple[Group, list[Thing]]]:
    """Give the things of a row their places: groups from left to right, what room is left spread between them."""
    groups = plan.row(row)
    setting = SETTINGS[plan.setting]
    base = setting.base[1 if row == "back" else 0]
    room = SIZE - 2 * _MARGIN
    natural = sum(group.width for group in groups) + GAP * (len(groups) + 1)
    tallest = max((KINDS[group.kind].size[1] for group in groups), default=1.0)
    # The front row may hide a little of the back row's feet, not more.
    headroom = base - 24.0 if row == "back" else base - setting.base[1] + _HIDES
    scale = min(between(rng, 0.96, 1.32), room / max(natural, 1.0), headroom / tallest)
    free = max(0.0, room - sum(group.width for group in groups) * scale)
    shares = [0.6 + float(rng.random()) for _ in range(len(groups) + 1)]
    # Between two groups there is more room than at the edges, so that a group on the left is on the left.
    shares = [share * (0.7 if place in (0, len(groups)) else 1.0) for place, share in enumerate(shares)]
    x = _MARGIN
    rows = []
    for place, group in enumerate(groups):
        x += free * shares[place] / sum(shares)
        members = []
        width = KINDS[group.kind].size[0]
        colors = group.colors or (group.claimed,) * group.count
        lift = between(rng, 6, 42) if group.kind == "hot-air balloon" else 0.0
        for number, color in enumerate(colors):
            still = group.kind in _CENTRED
            members.append(
                Thing(
                    kind=group.kind,
                    color=color,
                    x=x + scale * (number * (width + GAP) + width / 2),
                    base=base - lift + (0.0 if still else between(rng, -7, 7)),
                    scale=scale,
                    flipped=bool(rng.random() < 0.5) and not still,
                    tilt=0.0 if still else between(rng, -2.5, 2.5),
                    look=float(rng.random()),
                )
            )
        x += group.width * scale
        rows.append((group, members))
    return rows


def _culprits(group: Group, members: list[Thing]) -> list[Thing]:
    """The things that a misalignment is about: those of the wrong colour, else the whole group."""
    if group.mismatch != "color":
        return members
    return [thing for thing in members if thing.color != group.claimed]


def _hull(boxes: list[Box]) -> Box:
    lefts, uppers, rights, lowers = zip(*boxes, strict=True)
    return min(lefts), min(uppers), max(rights), max(lowers)


def _defect(label: Label, box: Box, desc: str, strength: float) -> SceneDefect:
    return SceneDefect(label, box, desc, importance_of(box, strength))


def importance_of(box: Box, strength: float) -> int:
    """How much a defect matters, 1 to 100: by its area, by how much its kind disturbs, by how central it lies.

    `12 + 130 · strength · √(share of the picture) + 14 · (1 − distance of the two middles)`, the distance as a share of
    that of a corner.
    """
    x0, y0, x1, y1 = box
    area = (x1 - x0) * (y1 - y0) / SIZE**2
    off = math.hypot(x0 + x1 - SIZE, y0 + y1 - SIZE) / math.hypot(SIZE, SIZE)
    return min(100, max(1, round(12 + 130 * strength * math.sqrt(area) + 14 * (1 - off))))


def _caption_of(plan: Plan) -> str:
    phrases: dict[Row, list[str]] = {
        row: [counted(group.kind, group.claimed, group.count) for group in plan.row(row) if group.count]
        for row in ("front", "back")
    }
    places = [placed(group.kind, group.count, group.claimed_side) for group in plan.groups if group.claimed_side]
    return caption(plan.setting, phrases["front"], phrases["back"], places, plan.alone)
