"""A garment before it is drawn: nine attributes, and everything else that decides the pixels.

`draw_spec` draws one from a seed and an index alone, so garment 17 is the same whether 20 or 20,000 are made. Only
what the picture shows is in the reference: an attribute that the type has not got, a brand that is not printed, a size
without a tag and a flawless cloth are None.

Left and right in a defect's name are as seen in the picture, not as worn.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from peakbench.benchmarks.drawing.chance import between, pick
from peakbench.benchmarks.drawing.colors import COLORS, RGB, distance
from peakbench.benchmarks.garments.vocabulary import (
    ATTRIBUTES,
    BOTTOMS,
    BRAND_SHARE,
    BRANDS,
    COLOR_SHARES,
    DEFECT_SHARE,
    DEFECT_SHARES,
    KINDS,
    SIZE_SHARE,
    button_row,
    defect_places,
)

if TYPE_CHECKING:
    import numpy as np

WIDTH = 256
HEIGHT = 320
"""Pixels of a rendered image."""

Backdrop = Literal["plain", "linen", "planks"]
Tag = Literal["neck label", "swing tag"]

BACKDROPS: tuple[tuple[Backdrop, RGB], ...] = (
    ("plain", (228, 228, 226)),
    ("plain", (188, 190, 194)),
    ("plain", (186, 206, 220)),
    ("plain", (222, 198, 194)),
    ("plain", (88, 94, 106)),
    ("linen", (232, 224, 206)),
    ("linen", (180, 196, 178)),
    ("linen", (150, 142, 132)),
    ("planks", (196, 156, 112)),
    ("planks", (220, 204, 180)),
    ("planks", (112, 82, 58)),
)


@dataclass(frozen=True, slots=True)
class Pose:
    """How the garment lies.

    Attributes:
        rotation: Degrees, clockwise.
        scale: Size, 1.0 as designed.
        shift: Pixels to the right and down.
        width: Factor of the cut's width.
        length: Factor of the cut's length.
        arms: Where the left and the right sleeve point, 0 (hanging) to 1 (spread).
    """

    rotation: float
    scale: float
    shift: tuple[float, float]
    width: float
    length: float
    arms: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Scene:
    """What the garment lies on and how it is lit.

    Attributes:
        backdrop: Kind of ground.
        ground: Its sRGB colour.
        light: Direction that the light comes from, degrees.
        slope: How much brighter the lit side is, fraction.
        exposure: Factor of all brightness.
        warmth: Positive is yellower, fraction.
        noise: Amplitude of the sensor's noise, levels of 255.
    """

    backdrop: Backdrop
    ground: RGB
    light: float
    slope: float
    exposure: float
    warmth: float
    noise: int


@dataclass(frozen=True, slots=True)
class Defect:
    """A flaw in the cloth.

    Attributes:
        kind: As in the vocabulary, such as `small hole`.
        place: Where, left and right as seen in the picture.
        offset: Pixels (garment coordinates) away from the middle of the place.
        turn: Direction of a tear or a thread, degrees; also picks the missing button.
    """

    kind: str
    place: str
    offset: tuple[float, float]
    turn: float

    @property
    def text(self) -> str:
        """In a few words: `small hole on left sleeve`."""
        return f"{self.kind} on {self.place}"


@dataclass(frozen=True, slots=True)
class GarmentSpec:
    """Everything that is drawn.

    Attributes:
        seed: Of the data set.
        index: Of the garment in it, from 0.
        type: Garment type.
        color: The colour that covers most of the garment.
        accent: Colour of the pattern, the print or the stripes.
        pattern: Pattern of the cloth.
        neckline: None for what is worn below the waist.
        sleeve_length: None for what is worn below the waist.
        closure: None when nothing opens.
        brand: The word printed on the garment.
        upper_case: Whether the brand is printed in capitals.
        size: The size on the tag.
        tag: What the size stands on; None without a size.
        defect: The flaw, if any.
        variant: 0 to 5; picks between looks of one type, such as bomber and trucker jackets.
        pose: How it lies.
        scene: What it lies on, and the light.
        texture: Seeds folds, the pattern's offsets and noise.
    """

    seed: int
    index: int
    type: str
    color: str
    accent: str
    pattern: str
    neckline: str | None
    sleeve_length: str | None
    closure: str | None
    brand: str | None
    upper_case: bool
    size: str | None
    tag: Tag | None
    defect: Defect | None
    variant: int
    pose: Pose
    scene: Scene
    texture: int

    def reference(self) -> dict[str, str | None]:
        """The nine attributes as a right answer gives them, in the order of the schema."""
        values = {name: getattr(self, name) for name in ATTRIBUTES if name != "defect_type"}
        return {**values, "defect_type": self.defect.text if self.defect else None}


def draw_spec(seed: int, index: int) -> GarmentSpec:
    """Draw garment `index` of the data set `seed`.

    Args:
        seed: 0 or more.
        index: 0 or more; neighbours are independent of one another.

    Returns:
        The same garment for the same two numbers, in every process.

    Raises:
        ValueError: If one of them is negative.
    """
    import numpy as np

    rng = np.random.default_rng([seed, index])
    type_ = pick(rng, {name: kind.share for name, kind in KINDS.items()})
    kind = KINDS[type_]
    neckline, closure = pick(rng, kind.cuts)
    sleeve_length = pick(rng, kind.sleeves)
    patterns = {word: share for word, share in kind.patterns.items() if word != "graphic" or closure == "pullover"}
    pattern = pick(rng, patterns)
    color = pick(rng, COLOR_SHARES)
    # Plaid blends its two colours, and a blend of hues would be a third: its accent is a neutral one.
    accents = ("black", "white", "navy blue", "beige") if pattern == "plaid" else tuple(COLORS)
    accent = pick(rng, {name: 1.0 for name in accents if _stands_out(COLORS[name], COLORS[color])})
    brand = pick(rng, dict.fromkeys(BRANDS, 1.0))
    size = pick(rng, kind.sizes)
    has_brand, has_size = rng.random() < BRAND_SHARE, rng.random() < SIZE_SHARE
    tag: Tag = "neck label" if _open_neck(neckline) and rng.random() < 0.55 else "swing tag"
    return GarmentSpec(
        seed=seed,
        index=index,
        type=type_,
        color=color,
        accent=accent,
        pattern=pattern,
        neckline=neckline,
        sleeve_length=sleeve_length,
        closure=closure,
        brand=brand if has_brand else None,
        upper_case=bool(rng.random() < 0.5),
        size=size if has_size else None,
        tag=tag if has_size else None,
        defect=_draw_defect(rng, type_, sleeve_length, closure),
        variant=int(rng.random() * 6),
        pose=_draw_pose(rng, type_, sleeve_length),
        scene=_draw_scene(rng, COLORS[color]),
        texture=int(rng.random() * 2**31),
    )


def _draw_defect(
    rng: "np.random.Generator", type_: str, sleeve_length: str | None, closure: str | None
) -> Defect | None:
    flawed = rng.random() < DEFECT_SHARE
    shares = {word: share for word, share in DEFECT_SHARES.items() if word != "missing button"}
    if button_row(type_, closure):
        # Only about a third of the garments have a row of buttons; there the rarest defect is made up for.
        shares["missing button"] = 3 * DEFECT_SHARES["missing button"]
    kind = pick(rng, shares)
    place = pick(rng, dict.fromkeys(defect_places(type_, sleeve_length, kind), 1.0))
    offset = (between(rng, -5, 5), between(rng, -7, 7))
    turn = between(rng, 0, 360)
    return Defect(kind, place, offset, turn) if flawed else None


_LARGEST: Mapping[str, float] = MappingProxyType(
    {
        "dress": 1.14,
        "coat": 1.10,
        "pants": 1.14,
        "shorts": 1.40,
        "skirt": 1.45,
        "hoodie": 1.11,
        "jacket": 1.12,
        "sweatshirt": 1.12,
        "tank top": 1.40,
    }
)
"""The largest scale at which a garment of a type is still whole in the picture; others by their sleeves."""


def _draw_pose(rng: "np.random.Generator", type_: str, sleeve_length: str | None) -> Pose:
    largest = _LARGEST.get(type_, 1.18 if sleeve_length == "long sleeve" else 1.34)
    spread = between(rng, 0, 1)
    return Pose(
        rotation=between(rng, -7, 7),
        scale=largest * between(rng, 0.84, 1.0),
        shift=(between(rng, -8, 8), between(rng, -7, 7)),
        width=between(rng, 0.93, 1.08),
        length=between(rng, 0.92, 1.04) if type_ not in BOTTOMS else between(rng, 0.9, 1.03),
        arms=(_clip(spread + between(rng, -0.3, 0.3)), _clip(spread + between(rng, -0.3, 0.3))),
    )


def _draw_scene(rng: "np.random.Generator", cloth: RGB) -> Scene:
    grounds = {place: 1.0 for place in BACKDROPS if distance(place[1], cloth) > 75}
    backdrop, ground = pick(rng, grounds)
    return Scene(
        backdrop=backdrop,
        ground=ground,
        light=between(rng, 0, 360),
        slope=between(rng, 0.04, 0.22),
        exposure=between(rng, 0.92, 1.05),
        warmth=between(rng, -0.03, 0.03),
        noise=int(between(rng, 3, 9)),
    )


def _open_neck(neckline: str | None) -> bool:
    return neckline in ("crew neck", "v-neck", "scoop neck")


def _clip(value: float) -> float:
    return min(max(value, 0.0), 1.0)


def _stands_out(one: RGB, other: RGB) -> bool:
    """Whether a pattern in one colour shows on the other, in lightness and not in hue alone."""
    lightness = abs(sum(one) - sum(other)) / 3
    return lightness > 55 and distance(one, other) > 110
