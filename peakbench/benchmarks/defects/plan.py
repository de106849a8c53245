"""What a scene should show, and in what the picture departs from it, before anything has a place."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from peakbench.benchmarks.defects.vocabulary import (
    KINDS,
    MISMATCH_COUNTS,
    MISMATCH_SHARES,
    NUMBERS,
    PALETTE,
    SETTINGS,
    MismatchKind,
    Row,
)
from peakbench.benchmarks.defects.wording import named, noun_of
from peakbench.benchmarks.drawing.chance import pick
from peakbench.benchmarks.drawing.colors import distance

if TYPE_CHECKING:
    import numpy as np

ROOM = 352.0
"""Pixels that the things of a row may take, with `GAP` between any two."""
GAP = 10.0
_ALONE_SHARE = 0.45
_PLACED_SHARE = 0.6
_UNLIKE = 120.0
"""Least distance in sRGB between a colour and the one that is mistaken for it."""


@dataclass(frozen=True, slots=True)
class Group:
    """Things of one kind, side by side.

    Attributes:
        kind: Of the vocabulary.
        row: Where they stand.
        colors: One a thing as drawn; empty when there is none of it after all.
        claimed: The colour that the caption names.
        count: The number that the caption names; 0 when it does not name them.
        side: Where they are as drawn; None unless at an end of their row.
        claimed_side: Where the caption says that they are; None when it does not say.
        mismatch: In what the picture departs from the caption.
        desc: The same in a few words.
    """

    kind: str
    row: Row
    colors: tuple[str | None, ...]
    claimed: str | None
    count: int
    side: str | None = None
    claimed_side: str | None = None
    mismatch: MismatchKind | None = None
    desc: str = ""

    @property
    def width(self) -> float:
        """Pixels that the group takes, as drawn at scale 1; what is missing leaves its place free."""
        n = len(self.colors) or self.count
        return n * KINDS[self.kind].size[0] + (n - 1) * GAP


@dataclass(frozen=True, slots=True)
class Plan:
    """A scene's groups, from left to right in each row.

    Attributes:
        setting: Of the vocabulary.
        groups: Those of the back row first.
        alone: Whether the caption says that there is nothing else.
    """

    setting: str
    groups: tuple[Group, ...]
    alone: bool

    def row(self, row: Row) -> list[Group]:
        """The groups of a row, from left to right."""
        return [group for group in self.groups if group.row == row]


def draw_plan(rng: "np.random.Generator", misaligned: bool) -> Plan:
    """Draw what a scene should show; when `misaligned`, with one or two departures, else with none."""
    setting = pick(rng, dict.fromkeys(SETTINGS, 1.0))
    n_front = pick(rng, {2: 0.5, 3: 0.5})
    n_back = pick(rng, {0: 0.12, 1: 0.4, 2: 0.48})
    groups = _with_sides(_draw_row(rng, setting, "back", n_back) + _draw_row(rng, setting, "front", n_front))
    groups = [_place_claimed(rng, group) for group in groups]
    plan = Plan(setting, tuple(groups), alone=bool(rng.random() < _ALONE_SHARE))
    if not misaligned:
        return plan
    wanted = pick(rng, MISMATCH_COUNTS)
    done = 0
    for _ in range(40):
        kind = pick(rng, MISMATCH_SHARES)
        departed = _depart(rng, plan, kind)
        if departed is not None:
            plan = departed
            done += 1
        if done == wanted:
            break
    return plan


def _draw_row(rng: "np.random.Generator", setting: str, row: Row, n: int) -> list[Group]:
    groups: list[Group] = []
    for _ in range(n):
        group = _draw_group(rng, setting, row, {group.kind for group in groups}, ROOM - sum(g.width for g in groups))
        if group is not None:
            groups.append(group)
    return groups


def _draw_group(
    rng: "np.random.Generator", setting: str, row: Row, taken: set[str], room: float, most: int = 5
) -> Group | None:
    """A group that the caption names, if a kind that is not taken still fits with its gap."""
    place = SETTINGS[setting]
    kinds = place.front if row == "front" else place.back
    fitting = [kind for kind in kinds if kind not in taken and KINDS[kind].size[0] + 2 * GAP <= room]
    chance = float(rng.random())
    if not fitting:
        return None
    kind = pick(rng, dict.fromkeys(fitting, 1.0))
    entry = KINDS[kind]
    # Room is left for one more than named.
    fits = max(1, int((room - GAP) / (entry.size[0] + GAP)) - 1)
    count = 1 + int(chance * min(entry.most, fits, most))
    color = pick(rng, dict.fromkeys(_colors(setting, row, kind), 1.0)) if entry.colors else None
    return Group(kind, row, (color,) * count, color, count)


def _colors(setting: str, row: Row, kind: str) -> tuple[str, ...]:
    """The colours of a kind that show there."""
    hidden = SETTINGS[setting].hidden[1 if row == "back" else 0]
    return tuple(color for color in KINDS[kind].colors if color not in hidden)


def _with_sides(groups: list[Group]) -> list[Group]:
    """Say of the groups at the ends of a row of two or more that they are on the left or on the right."""
    sided = []
    for group in groups:
        row = [other for other in groups if other.row == group.row]
        side = None
        if len(row) > 1:
            side = "left" if group is row[0] else "right" if group is row[-1] else None
        sided.append(replace(group, side=side))
    return sided


def _place_claimed(rng: "np.random.Generator", group: Group) -> Group:
    """The caption says of some groups where they are."""
    said = rng.random() < _PLACED_SHARE * 0.6
    return replace(group, claimed_side=group.side) if said and group.side else group


def _depart(rng: "np.random.Generator", plan: Plan, kind: MismatchKind) -> Plan | None:
    """The plan with one more departure of a kind; None where there is no occasion for it."""
    if kind == "extra":
        return _with_extra(rng, plan)
    occasions = {
        number: 1.0
        for number, group in enumerate(plan.groups)
        if group.mismatch is None and group.count and _may(plan, group, kind)
    }
    chance = float(rng.random())
    if not occasions:
        return None
    number = pick(rng, occasions)
    group = plan.groups[number]
    match kind:
        case "color":
            changed = _recolored(rng, plan, group, chance)
        case "count":
            changed = _miscounted(group, chance)
        case "missing":
            name = named(group.kind, group.claimed, group.count)
            verb = "is" if group.count == 1 else "are"
            changed = replace(group, colors=(), desc=f"the {name} on the {group.claimed_side} {verb} missing")
        case _:
            other = "left" if group.side == "right" else "right"
            noun = noun_of(group.kind, group.count)
            verb = "is" if group.count == 1 else "are"
            desc = f"the {noun} {verb} on the {group.side}, not on the {other}"
            changed = replace(group, claimed_side=other, desc=desc)
    changed = replace(changed, mismatch=kind)
    groups = tuple(changed if place == number else other for place, other in enumerate(plan.groups))
    return replace(plan, groups=groups)


def _may(plan: Plan, group: Group, kind: MismatchKind) -> bool:
    """Whether there is an occasion."""
    match kind:
        case "color":
            return group.claimed is not None and len(_colors_unlike(plan, group)) > 0
        case "count":
            return KINDS[group.kind].most > 1
        case "missing":
            # What is missing has a place only where the caption gives it one.
            return group.claimed_side is not None
        case _:
            return group.side is not None


def _colors_unlike(plan: Plan, group: Group) -> tuple[str, ...]:
    claimed = PALETTE[str(group.claimed)]
    colors = _colors(plan.setting, group.row, group.kind)
    return tuple(color for color in colors if distance(PALETTE[color], claimed) >= _UNLIKE)


def _recolored(rng: "np.random.Generator", plan: Plan, group: Group, chance: float) -> Group:
    color = pick(rng, dict.fromkeys(_colors_unlike(plan, group), 1.0))
    # Of some kinds only a part has the colour, which their phrase names: `plant in a red pot`.
    whole = KINDS[group.kind].phrase.startswith("{color}")
    noun = noun_of(group.kind, group.count)
    if group.count == 1 or chance < 0.5:
        verb = "is" if group.count == 1 else "are"
        said = f"the {noun} {verb} {color}" if whole else named(group.kind, color, group.count)
        return replace(group, colors=(color,) * group.count, desc=f"{said}, not {group.claimed}")
    odd = int(chance * 2 * group.count) % group.count
    colors = tuple(color if place == odd else own for place, own in enumerate(group.colors))
    said = f"one of the {noun} is {color}" if whole else f"one {named(group.kind, color)}"
    return replace(group, colors=colors, desc=f"{said}, not {group.claimed}")


def _miscounted(group: Group, chance: float) -> Group:
    drawn = group.count - 1 if group.count > 1 and chance < 0.5 else group.count + 1
    desc = f"{NUMBERS[drawn]} {noun_of(group.kind, drawn)} instead of {NUMBERS[group.count]}"
    return replace(group, colors=(group.claimed,) * drawn, desc=desc)


def _with_extra(rng: "np.random.Generator", plan: Plan) -> Plan | None:
    """One thing that the caption does not name, in a caption that says there is nothing else."""
    room = ROOM - sum(group.width + GAP for group in plan.row("front"))
    taken = {group.kind for group in plan.groups}
    group = _draw_group(rng, plan.setting, "front", taken, room, most=1)
    chance = float(rng.random())
    if group is None or not plan.alone or any(other.mismatch == "extra" for other in plan.groups):
        return None
    desc = f"{named(group.kind, group.claimed)} that the caption does not name"
    extra = replace(group, count=0, mismatch="extra", desc=desc)
    front = plan.row("front")
    # Between others where there are two, so that what was at an end of the row still is.
    at = 1 + int(chance * (len(front) - 1)) if len(front) > 1 else len(front)
    return replace(plan, groups=(*plan.row("back"), *front[:at], extra, *front[at:]))
