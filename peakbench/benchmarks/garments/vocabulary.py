"""What garments may be: the words of the nine attributes, what goes with what, and how often.

Every word here can appear in a reference, and the benchmark file has synonyms for each. The brands are invented: no
picture shows a real company's name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from peakbench.benchmarks.drawing.colors import COLORS as COLORS

ATTRIBUTES = ("type", "color", "pattern", "neckline", "sleeve_length", "closure", "brand", "size", "defect_type")
"""The nine keys of a reference, in the order of the benchmark's schema."""

COLOR_SHARES: Mapping[str, float] = MappingProxyType(
    {name: 1.6 if name in ("black", "white", "gray", "navy blue") else 1.0 for name in COLORS}
)

EVERYDAY_PATTERNS: Mapping[str, float] = MappingProxyType(
    {"solid": 0.42, "striped": 0.17, "plaid": 0.11, "polka dot": 0.10, "floral": 0.10, "graphic": 0.10}
)
PRINTED_PATTERNS: Mapping[str, float] = MappingProxyType(
    {"solid": 0.36, "striped": 0.16, "plaid": 0.06, "polka dot": 0.08, "floral": 0.08, "graphic": 0.26}
)
OUTERWEAR_PATTERNS: Mapping[str, float] = MappingProxyType(
    {"solid": 0.66, "striped": 0.10, "plaid": 0.16, "polka dot": 0.04, "floral": 0.04}
)

LETTER_SIZES: Mapping[str, float] = MappingProxyType({"XS": 0.1, "S": 0.2, "M": 0.25, "L": 0.2, "XL": 0.15, "XXL": 0.1})
WAIST_SIZES: Mapping[str, float] = MappingProxyType(
    {"S": 0.12, "M": 0.16, "L": 0.12, "30": 0.15, "32": 0.15, "34": 0.15, "36": 0.15}
)

BRANDS = (
    "Tarvok", "Mirvek", "Zolber", "Fennor", "Kuvant", "Plinva", "Drovan", "Yelmic", "Ondrix", "Brimsa", "Volmek",
    "Horvan", "Jaspel", "Nulvet", "Orbeck", "Pelimo", "Rundiq", "Sorvel", "Ulmara", "Wexol", "Xerbol", "Cavor",
    "Glimbo", "Quibor",
)  # fmt: skip
"""Invented words, short enough to be legible on a small label."""

BRAND_SHARE = 0.40
SIZE_SHARE = 0.35
DEFECT_SHARE = 0.25

BOTTOMS = frozenset({"pants", "shorts", "skirt"})


@dataclass(frozen=True, slots=True)
class Kind:
    """What garments of one type look like.

    Attributes:
        share: How often the type is drawn, relative to the others.
        cuts: (neckline, closure) to weight; None where the attribute does not apply or nothing closes.
        sleeves: Sleeve length to weight.
        patterns: Pattern to weight; `graphic` is only printed where nothing closes in front.
        sizes: Size to weight.
    """

    share: float
    cuts: Mapping[tuple[str | None, str | None], float]
    sleeves: Mapping[str | None, float]
    patterns: Mapping[str, float]
    sizes: Mapping[str, float]


def _kind(
    share: float,
    cuts: dict[tuple[str | None, str | None], float],
    sleeves: dict[str | None, float],
    patterns: Mapping[str, float] = EVERYDAY_PATTERNS,
    sizes: Mapping[str, float] = LETTER_SIZES,
) -> Kind:
    return Kind(share, MappingProxyType(cuts), MappingProxyType(sleeves), patterns, sizes)


_CREW = ("crew neck", "pullover")
_V = ("v-neck", "pullover")
_SCOOP = ("scoop neck", "pullover")
_TURTLE = ("turtleneck", "pullover")

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "t-shirt": _kind(
            1.5, {_CREW: 0.55, _V: 0.3, _SCOOP: 0.15}, {"short sleeve": 0.8, "long sleeve": 0.2}, PRINTED_PATTERNS
        ),
        "shirt": _kind(1.2, {("collared", "button"): 1.0}, {"long sleeve": 0.65, "short sleeve": 0.35}),
        "polo shirt": _kind(0.9, {("collared", "button"): 1.0}, {"short sleeve": 0.8, "long sleeve": 0.2}),
        "hoodie": _kind(
            1.0, {("hooded", "pullover"): 0.6, ("hooded", "zipper"): 0.4}, {"long sleeve": 1.0}, PRINTED_PATTERNS
        ),
        "sweatshirt": _kind(1.0, {_CREW: 0.65, _V: 0.15, _TURTLE: 0.2}, {"long sleeve": 1.0}, PRINTED_PATTERNS),
        "tank top": _kind(0.8, {_SCOOP: 0.5, _V: 0.25, _CREW: 0.25}, {"sleeveless": 1.0}, PRINTED_PATTERNS),
        "dress": _kind(
            1.1,
            {_CREW: 0.2, _V: 0.25, _SCOOP: 0.2, _TURTLE: 0.1, ("collared", "button"): 0.25},
            {"sleeveless": 0.4, "short sleeve": 0.35, "long sleeve": 0.25},
        ),
        "jacket": _kind(
            1.0,
            {
                ("collared", "zipper"): 0.4,
                ("collared", "button"): 0.25,
                ("hooded", "zipper"): 0.25,
                ("hooded", "button"): 0.1,
            },
            {"long sleeve": 1.0},
            OUTERWEAR_PATTERNS,
        ),
        "coat": _kind(
            0.9,
            {
                ("collared", "button"): 0.6,
                ("collared", "zipper"): 0.1,
                ("hooded", "button"): 0.2,
                ("hooded", "zipper"): 0.1,
            },
            {"long sleeve": 1.0},
            OUTERWEAR_PATTERNS,
        ),
        "pants": _kind(
            1.2, {(None, "button"): 0.6, (None, None): 0.4}, {None: 1.0}, OUTERWEAR_PATTERNS, WAIST_SIZES
        ),
        "shorts": _kind(
            0.8, {(None, "button"): 0.5, (None, None): 0.5}, {None: 1.0}, EVERYDAY_PATTERNS, WAIST_SIZES
        ),
        "skirt": _kind(0.9, {(None, None): 0.5, (None, "button"): 0.25, (None, "zipper"): 0.25}, {None: 1.0}),
    }
)  # fmt: skip

DEFECT_SHARES: Mapping[str, float] = MappingProxyType(
    {
        "small hole": 0.17,
        "large hole": 0.13,
        "small stain": 0.17,
        "large stain": 0.15,
        "tear": 0.15,
        "loose thread": 0.13,
        "missing button": 0.10,
    }
)


def defect_places(type_: str, sleeve_length: str | None, defect: str) -> tuple[str, ...]:
    """The places where a defect can be seen on a garment, left and right as seen in the picture.

    A button can only be missing where several were: see `button_row`.
    """
    if defect == "missing button":
        return ("front",)
    if defect == "loose thread":
        return ("hem",) if sleeve_length != "long sleeve" else ("hem", "left cuff", "right cuff")
    if type_ == "skirt":
        return ("front", "left side", "right side")
    if type_ in BOTTOMS:
        return ("left leg", "right leg")
    if sleeve_length in ("short sleeve", "long sleeve"):
        return ("front", "left side", "right side", "left sleeve", "right sleeve")
    return ("front", "left side", "right side")


def button_row(type_: str, closure: str | None) -> bool:
    """Whether a row of buttons runs down the front, so that a gap in it shows."""
    return closure == "button" and type_ not in ("pants", "shorts")
