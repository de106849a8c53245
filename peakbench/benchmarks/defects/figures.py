"""From a thing to its marks."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from peakbench.benchmarks.defects import creatures, household, outdoors
from peakbench.benchmarks.defects.marks import Mark, Pen
from peakbench.benchmarks.defects.spec import Thing
from peakbench.benchmarks.defects.vocabulary import PALETTE
from peakbench.benchmarks.drawing.colors import RGB

FIGURES: Mapping[str, Callable[[Pen, RGB], None]] = MappingProxyType(
    {
        "apple": household.apple,
        "pear": household.pear,
        "cup": household.cup,
        "vase": household.vase,
        "bottle": household.bottle,
        "book": household.book,
        "bowl": household.bowl,
        "candle": household.candle,
        "teapot": household.teapot,
        "picture frame": household.picture_frame,
        "clock": household.clock,
        "window": household.window,
        "sofa": household.sofa,
        "floor lamp": household.floor_lamp,
        "plant": household.potted_plant,
        "ball": household.ball,
        "house": outdoors.house,
        "tree": outdoors.tree,
        "car": outdoors.car,
        "mailbox": outdoors.mailbox,
        "bicycle": outdoors.bicycle,
        "tent": outdoors.tent,
        "hot-air balloon": outdoors.hot_air_balloon,
        "flower": outdoors.flower,
        "sailing boat": outdoors.sailing_boat,
        "lighthouse": outdoors.lighthouse,
        "parasol": outdoors.parasol,
        "bucket": outdoors.bucket,
        "starfish": outdoors.starfish,
        "person": creatures.person,
        "dog": creatures.dog,
        "cat": creatures.cat,
        "sheep": creatures.sheep,
        "duck": creatures.duck,
    }
)
"""Noun to the function that lays it out."""


def marks_of(thing: Thing) -> list[Mark]:
    """The marks of a thing, in the order of drawing."""
    pen = Pen(thing)
    FIGURES[thing.kind](pen, PALETTE[thing.color or "white"])
    return pen.marks
