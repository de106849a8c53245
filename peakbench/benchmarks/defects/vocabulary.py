"""What scenes may show, where, in which colours, and which defects are made."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from peakbench.benchmarks.drawing.colors import COLORS, RGB

Row = Literal["back", "front"]
ArtifactKind = Literal["smear", "noise", "blocks", "ghost", "melt", "ringing", "tear", "blur", "swirl"]
MismatchKind = Literal["color", "count", "missing", "extra", "position"]

PALETTE: Mapping[str, RGB] = MappingProxyType(
    {
        word: COLORS[word]
        for word in ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white", "gray")
    }
)
"""The colours that captions name."""

_BRIGHT = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "white")
_PAINTED = ("red", "yellow", "green", "blue", "white", "black")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of thing.

    Attributes:
        plural: As in "two apples".
        colors: What it comes in; empty when captions name no colour for it.
        size: Width and height as designed, pixels of the image.
        most: How many of it may stand together.
        phrase: How a caption names one of a colour.
        phrases: How a caption names several of a colour.
    """

    plural: str
    colors: tuple[str, ...]
    size: tuple[float, float]
    most: int = 1
    phrase: str = "{color} {noun}"
    phrases: str = "{color} {noun}"


_SHIRT = ("{noun} in {article} {color} shirt", "{noun} in {color} shirts")
_LEAVES = ("{noun} with {color} leaves", "{noun} with {color} leaves")
_SAIL = ("{noun} with {article} {color} sail", "{noun} with {color} sails")
_POT = ("{noun} in {article} {color} pot", "{noun} in {color} pots")
_SHADE = ("{noun} with {article} {color} shade", "{noun} with {color} shades")
_DAISIES = ("{color} {noun} with flowers", "{color} {noun} with flowers")
_STRIPED = ("{color} and white striped {noun}", "{color} and white striped {noun}")

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "apple": Kind("apples", ("red", "green", "yellow"), (42, 46), 4),
        "pear": Kind("pears", ("green", "yellow", "red"), (38, 56), 4),
        "cup": Kind("cups", _BRIGHT, (58, 44), 3),
        "vase": Kind("vases", _BRIGHT, (54, 118), 2, *_DAISIES),
        "bottle": Kind("bottles", ("green", "blue", "brown", "white", "red"), (30, 104), 3),
        "book": Kind("books", ("red", "green", "blue", "yellow", "black", "purple"), (26, 84), 4),
        "bowl": Kind("bowls", _BRIGHT, (92, 42)),
        "candle": Kind("candles", ("white", "red", "yellow", "purple", "pink"), (22, 80), 3),
        "teapot": Kind("teapots", _BRIGHT, (88, 62)),
        "picture frame": Kind("picture frames", ("black", "red", "blue", "brown", "green"), (64, 78), 3),
        "clock": Kind("clocks", ("black", "red", "blue", "green", "yellow"), (64, 64)),
        "window": Kind("windows", (), (88, 100), 2),
        "sofa": Kind("sofas", ("red", "green", "blue", "gray", "purple", "orange"), (150, 78)),
        "floor lamp": Kind("floor lamps", ("yellow", "red", "green", "pink", "blue"), (56, 132), 1, *_SHADE),
        "plant": Kind("plants", ("red", "blue", "white", "yellow", "purple"), (64, 104), 2, *_POT),
        "ball": Kind("balls", _BRIGHT[:-1], (40, 40), 3),
        "house": Kind("houses", ("red", "yellow", "blue", "white", "pink", "orange"), (88, 116), 3),
        "tree": Kind("trees", ("green", "orange", "yellow"), (70, 116), 3, *_LEAVES),
        "car": Kind("cars", _PAINTED, (112, 52), 2),
        "mailbox": Kind("mailboxes", ("red", "blue", "yellow", "green"), (36, 68), 2),
        "bicycle": Kind("bicycles", ("red", "blue", "yellow", "black", "green"), (90, 58)),
        "tent": Kind("tents", ("red", "orange", "yellow", "blue", "purple"), (92, 70), 2),
        "hot-air balloon": Kind("hot-air balloons", ("red", "orange", "yellow", "green", "purple"), (66, 98), 3),
        "flower": Kind("flowers", ("red", "yellow", "purple", "pink", "white", "orange"), (32, 62), 4),
        "sailing boat": Kind("sailing boats", ("red", "orange", "yellow", "white", "pink"), (78, 92), 3, *_SAIL),
        "lighthouse": Kind("lighthouses", ("red", "black", "green"), (50, 122), 1, *_STRIPED),
        "parasol": Kind("parasols", ("red", "blue", "green", "purple", "pink", "white"), (108, 112), 2),
        "bucket": Kind("buckets", ("red", "green", "blue", "purple", "pink"), (46, 52), 3),
        "starfish": Kind("starfish", ("red", "orange", "purple", "pink"), (44, 36), 3),
        "person": Kind("people", ("red", "yellow", "green", "blue", "purple", "orange"), (44, 120), 3, *_SHIRT),
        "dog": Kind("dogs", ("brown", "black", "white", "gray"), (70, 56), 2),
        "cat": Kind("cats", ("black", "orange", "gray", "white"), (56, 64), 2),
        "sheep": Kind("sheep", ("white", "black", "brown"), (72, 56), 3),
        "duck": Kind("ducks", ("white", "yellow", "brown"), (54, 46), 3),
    }
)
"""Noun to kind."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a scene takes place.

    Attributes:
        front: What may stand in the front row.
        back: What may stand in the back row.
        base: Where the things of a row stand, pixels from the upper edge (front, back).
        hidden: Colours that would not show there (front, back).
        opening: The caption's first sentence; `{things}` are those of the front row.
        behind: Its second, about the back row.
        alone: The sentence that says that nothing else is there.
    """

    front: tuple[str, ...]
    back: tuple[str, ...]
    base: tuple[float, float]
    hidden: tuple[frozenset[str], frozenset[str]]
    opening: str
    behind: str
    alone: str


SETTINGS: Mapping[str, Setting] = MappingProxyType(
    {
        "table": Setting(
            ("apple", "pear", "cup", "vase", "bottle", "book", "bowl", "candle", "teapot"),
            ("picture frame", "clock", "window"),
            (334, 152),
            (frozenset({"brown", "orange"}), frozenset({"white"})),
            "{things} on a wooden table.",
            "On the wall: {things}.",
            "There is nothing else on the table or the wall.",
        ),
        "street": Setting(
            ("car", "person", "mailbox", "bicycle", "dog"),
            ("house", "tree"),
            (340, 214),
            (frozenset({"gray", "black"}), frozenset()),
            "{things} on a street.",
            "In the background: {things}.",
            "There is nothing else on the street.",
        ),
        "meadow": Setting(
            ("sheep", "duck", "dog", "person", "flower", "ball"),
            ("tree", "tent", "hot-air balloon"),
            (346, 206),
            (frozenset({"green"}), frozenset({"green", "blue"})),
            "{things} on a meadow.",
            "In the background: {things}.",
            "There is nothing else on the meadow.",
        ),
        "beach": Setting(
            ("parasol", "bucket", "starfish", "ball", "person", "duck"),
            ("sailing boat", "lighthouse"),
            (350, 204),
            (frozenset({"yellow", "orange", "brown"}), frozenset({"blue"})),
            "{things} on a sandy beach.",
            "On the water: {things}.",
            "There is nothing else on the beach or the water.",
        ),
        "room": Setting(
            ("sofa", "floor lamp", "plant", "cat", "dog", "ball"),
            ("picture frame", "clock", "window"),
            (344, 142),
            (frozenset({"brown", "orange"}), frozenset({"white"})),
            "{things} in a living room.",
            "On the wall: {things}.",
            "There is nothing else in the room.",
        ),
    }
)

DEFECT_SHARES: Mapping[tuple[bool, bool], float] = MappingProxyType(
    {(False, False): 0.25, (True, False): 0.43, (False, True): 0.10, (True, True): 0.22}
)
"""(with artifacts, with misalignments) to share: near those of SDG-30K, with somewhat more misalignment alone."""

ARTIFACT_COUNTS: Mapping[int, float] = MappingProxyType({1: 0.62, 2: 0.28, 3: 0.10})
MISMATCH_COUNTS: Mapping[int, float] = MappingProxyType({1: 0.75, 2: 0.25})

ARTIFACT_NAMES: Mapping[ArtifactKind, str] = MappingProxyType(
    {
        "smear": "smeared patch",
        "noise": "patch of coloured noise",
        "blocks": "blocky glitch",
        "ghost": "ghosted double",
        "melt": "melted edge",
        "ringing": "ringing stripes",
        "tear": "torn, shifted strips",
        "blur": "blurred patch",
        "swirl": "twisted, warped part",
    }
)
"""How a description names an artifact. Each kind is drawn as often as the others."""

STRENGTHS: Mapping[str, float] = MappingProxyType(
    {
        "smear": 1.0, "noise": 1.3, "blocks": 1.3, "ghost": 0.9, "melt": 1.0, "ringing": 0.8, "tear": 1.1, "blur": 0.7,
        "swirl": 1.0, "color": 1.1, "count": 1.2, "missing": 1.3, "extra": 1.0, "position": 0.9,
    }
)  # fmt: skip
"""How much a defect of a kind counts for its importance."""

MISMATCH_SHARES: Mapping[MismatchKind, float] = MappingProxyType(
    {"color": 0.36, "count": 0.24, "missing": 0.14, "extra": 0.12, "position": 0.14}
)

NUMBERS = ("no", "one", "two", "three", "four", "five")
