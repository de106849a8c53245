"""The outlines of garments: pieces of cloth, and the places where buttons, brands, tags and defects go.

Every type is drawn from a few measures, in garment coordinates. Pieces are listed from back to front.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from peakbench.benchmarks.drawing.geometry import Points, curve, mirrored
from peakbench.benchmarks.garments.spec import GarmentSpec
from peakbench.benchmarks.garments.vocabulary import BOTTOMS, button_row


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of cloth.

    Attributes:
        outline: Shape (n, 2).
        grain: Degrees by which the cloth's pattern is turned.
        tone: Factor of its brightness.
    """

    outline: Points
    grain: float = 0.0
    tone: float = 1.0


@dataclass(frozen=True, slots=True)
class Band:
    """A cuff, a hem or a waistband: four corners, its outer edge first.

    Attributes:
        corners: Shape (4, 2): along the outer edge, and back along the inner one.
        ribbed: Knitted ribs instead of a stitched seam.
    """

    corners: Points
    ribbed: bool


@dataclass(frozen=True, slots=True)
class Shape:
    """A garment's geometry.

    Attributes:
        pieces: From back to front.
        bands: Cuffs, hems and waistbands.
        seams: Lines of stitching.
        top: y of the shoulder or of the waist.
        hem: y of the lower edge.
        neck: Half the width of the neck; of the waist for what is worn below it.
        buttons: Centres of the buttons.
        places: Where a defect lies, by the place's name.
        brand: (x, y, greatest width) of the brand.
        tag: Where a swing tag's string is fastened.
    """

    pieces: tuple[Piece, ...]
    bands: tuple[Band, ...]
    seams: tuple[Points, ...]
    top: float
    hem: float
    neck: float
    buttons: tuple[tuple[float, float], ...]
    places: Mapping[str, tuple[float, float]]
    brand: tuple[float, float, float]
    tag: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Measures:
    """Half widths and heights of a top, in pixels at scale 1.

    Attributes:
        top: y of the neck's root.
        hem: y of the hem.
        shoulder: Half width at the shoulders.
        chest: Half width under the arms.
        waist: Half width in the middle.
        skirt: Half width at the hem.
        cuff: Width of a long sleeve's end.
        ribbed: Whether cuffs and hem are ribbed.
    """

    top: float
    hem: float
    shoulder: float
    chest: float
    waist: float
    skirt: float
    cuff: float = 20.0
    ribbed: bool = False


TOPS: Mapping[str, Measures] = MappingProxyType(
    {
        "t-shirt": Measures(-88, 86, 50, 47, 46, 48),
        "shirt": Measures(-88, 92, 50, 47, 45, 48),
        "polo shirt": Measures(-86, 84, 50, 48, 47, 48),
        "hoodie": Measures(-62, 92, 55, 54, 55, 49, 22, ribbed=True),
        "sweatshirt": Measures(-80, 84, 55, 54, 55, 48, 22, ribbed=True),
        "tank top": Measures(-86, 84, 34, 42, 42, 45),
        "dress": Measures(-118, 122, 43, 38, 31, 72),
        "jacket": Measures(-74, 80, 55, 53, 52, 49, 23, ribbed=True),
        "coat": Measures(-104, 124, 53, 50, 49, 60, 24),
    }
)


def shape_of(spec: GarmentSpec) -> Shape:
    """Lay out a garment."""
    return _bottom(spec) if spec.type in BOTTOMS else _top(spec)


def _top(spec: GarmentSpec) -> Shape:
    measures = TOPS[spec.type]
    width, length = spec.pose.width, spec.pose.length
    top, hem = measures.top * length, measures.hem * length
    if spec.neckline == "hooded":
        top = max(top, -88.0)
    elif spec.neckline == "turtleneck":
        top = max(top, -104.0)
    shoulder, chest = measures.shoulder * width, measures.chest * width
    if spec.sleeve_length == "sleeveless":
        shoulder = min(shoulder, 34.0 * width)
    waist, skirt = measures.waist * width, measures.skirt * width
    neck = _neck_width(spec)
    drop, armpit = (5.0, 52.0) if spec.sleeve_length == "sleeveless" else (11.0, 47.0)
    middle = top + 0.55 * (hem - top) if spec.type != "dress" else top + 88.0
    shoulder_point, armpit_point = (shoulder, top + drop), (chest, top + armpit)
    hollow = shoulder - (7.0 if spec.sleeve_length == "sleeveless" else 5.0)
    armhole = curve(shoulder_point, (hollow, top + drop + 0.55 * (armpit - drop)), armpit_point)
    tails = spec.type == "shirt"
    corner = hem - (20 if tails else 0)
    side = curve(armpit_point, (waist, middle), ((waist + skirt) / 2, (middle + corner) / 2), (skirt, corner))
    edge = curve((skirt, corner), (0.55 * skirt, hem + (0 if tails else 3)), (0, hem + 4))
    collar = curve((0, top + 4), (0.6 * neck, top + 3), (neck, top))
    right = np.vstack([collar, armhole, side[:-1], edge])
    body = Piece(np.vstack([right, mirrored(right)]))
    sleeves, cuffs, places = _sleeves(spec, measures, shoulder_point, armpit_point)
    seams: list[Points] = []
    if sleeves:
        seams += [armhole, mirrored(armhole)]
    bands = list(cuffs)
    if _is_ribbed(spec, measures):
        bands.append(
            Band(np.array([(-skirt, hem + 1), (skirt, hem + 1), (skirt + 1, hem - 12), (-skirt - 1, hem - 12)]), True)
        )
    else:
        line = edge - np.array([0.0, 5.0])
        seams.append(np.vstack([line, mirrored(line)]))
    if spec.type == "dress":
        seams.append(curve((-waist, middle), (0, middle + 3), (waist, middle)))
    aside = 18.0 if spec.closure in ("button", "zipper") else 4.0
    places |= {
        "front": (-aside, hem - 0.18 * (hem - top)),
        "left side": (-0.68 * min(waist, chest), top + 92),
        "right side": (0.68 * min(waist, chest), top + 88),
        "hem": (-0.35 * skirt, hem + (3 if not tails else 0)),
    }
    return Shape(
        pieces=(*sleeves, body),
        bands=tuple(bands),
        seams=tuple(seams),
        top=top,
        hem=hem,
        neck=neck,
        buttons=_buttons_of_top(spec, top, hem),
        places=places,
        brand=_brand_of_top(spec, top, chest),
        tag=(0.62 * waist, min(hem - 46, top + 128)),
    )


def _neck_width(spec: GarmentSpec) -> float:
    if spec.neckline == "scoop neck":
        return 25.0
    if spec.neckline in ("turtleneck", "hooded"):
        return 18.0
    return 20.0


def _is_ribbed(spec: GarmentSpec, measures: Measures) -> bool:
    """Trucker jackets and puffers have plain hems, bombers and sweatshirts ribbed ones."""
    return measures.ribbed and not (spec.type == "jacket" and spec.variant % 2)


def _sleeves(
    spec: GarmentSpec, measures: Measures, shoulder: tuple[float, float], armpit: tuple[float, float]
) -> tuple[list[Piece], list[Band], dict[str, tuple[float, float]]]:
    if spec.sleeve_length not in ("short sleeve", "long sleeve"):
        return [], [], {}
    long = spec.sleeve_length == "long sleeve"
    pieces, bands, places = [], [], {}
    for side, sign, spread in (("left", -1.0, spec.pose.arms[0]), ("right", 1.0, spec.pose.arms[1])):
        angle = (8 + 13 * spread) if long else (26 + 24 * spread)
        reach = 130.0 if long else 44.0
        cuff = measures.cuff if long else 33.0
        down = np.array([math.sin(math.radians(angle)), math.cos(math.radians(angle))])
        inward = np.array([-down[1], down[0]])
        tip, pit = np.array(shoulder), np.array(armpit)
        outer = tip + down * reach
        inner = outer + inward * cuff
        elbow = tip + down * reach * 0.45 - inward * (4 if long else 2)
        outside = curve(
            _pair(tip - np.array([3.0, 1.0])), _pair(tip + down * 10 - inward * 1.5), _pair(elbow), _pair(outer)
        )
        inside = curve(_pair(inner), _pair((inner + pit) / 2 + inward * 1.5), _pair(pit))
        hidden = np.array([(shoulder[0] - 13, shoulder[1] + 26), (shoulder[0] - 13, shoulder[1] + 4)])
        flip = np.array([sign, 1.0])
        pieces.append(Piece(np.vstack([outside, inside, hidden]) * flip, grain=-sign * angle, tone=0.96))
        depth = 11.0 if long else 4.0
        corners = np.array([outer, inner, inner - down * depth, outer - down * depth])
        bands.append(Band(corners * flip, ribbed=long and _is_ribbed(spec, measures)))
        middle = (tip + pit) / 2 * 0.35 + (outer + inner) / 2 * 0.65 if not long else tip + down * 62 + inward * 6
        places[f"{side} sleeve"] = _pair(middle * flip)
        places[f"{side} cuff"] = _pair((outer * 0.4 + inner * 0.6) * flip)
    return pieces, bands, places


def _pair(point: Points) -> tuple[float, float]:
    return float(point[0]), float(point[1])


def _buttons_of_top(spec: GarmentSpec, top: float, hem: float) -> tuple[tuple[float, float], ...]:
    if not button_row(spec.type, spec.closure):
        return ()
    if spec.type == "polo shirt":
        return tuple((0.0, y) for y in (top + 22, top + 36, top + 50))
    first = top + (50 if spec.type in ("jacket", "coat") else 26)
    last = hem - (18 if spec.type in ("shirt", "jacket") else 60)
    count = {"shirt": 7, "dress": 6, "jacket": 5, "coat": 4}[spec.type]
    rows = np.linspace(first, last, count)
    if spec.type == "coat" and spec.variant % 2:
        return tuple((x, float(y)) for y in rows for x in (-11.0, 11.0))
    return tuple((0.0, float(y)) for y in rows)


def _brand_of_top(spec: GarmentSpec, top: float, chest: float) -> tuple[float, float, float]:
    if spec.type == "dress" and spec.closure == "button":
        return -27.0 * spec.pose.width, top + 142, 38.0 * spec.pose.width
    if spec.closure in ("button", "zipper"):
        return 0.53 * chest, top + 62, 0.80 * chest
    if spec.pattern == "graphic":
        return 0.0, top + (98 if spec.type == "hoodie" else 108), 1.3 * chest
    return 0.0, top + 66, 1.45 * chest


def _bottom(spec: GarmentSpec) -> Shape:
    width, length = spec.pose.width, spec.pose.length
    if spec.type == "skirt":
        return _skirt(spec, width, length)
    pants = spec.type == "pants"
    top, hem = (-122 * length, 126 * length) if pants else (-70 * length, 62 * length)
    waist, hip = (37 * width, 47 * width) if pants else (46 * width, 57 * width)
    slim = (spec.variant % 3) * 4.0
    outer = (48 + 1.5 * (4 - slim)) * width if pants else 66 * width
    inner = 13.0 + 0.6 * slim if pants else 9.0
    crotch = top + (78 if pants else 70)
    right = np.vstack(
        [
            curve((0, top + 3), (0.6 * waist, top + 2), (waist, top)),
            curve((waist, top), (hip, top + 42), (outer - 2, (top + 42 + hem) / 2), (outer, hem)),
            curve((outer, hem), ((outer + inner) / 2, hem + 2), (inner, hem - 1)),
            curve((inner, hem - 1), (0.55 * inner, (hem + crotch) / 2), (0, crotch)),
        ]
    )
    crease = curve((0, crotch), (1, top + 50), (0, top + 12))
    fold = curve(((outer + inner) / 2, hem), (0.53 * (outer + inner), (hem + crotch) / 2), (0.62 * hip, top + 40))
    cut = np.array([(outer, hem - 7), (inner, hem - 8)])
    pocket = curve((0.55 * waist, top + 11), (0.66 * hip, top + 28), (0.96 * hip, top + 36))
    seams = [crease, cut, mirrored(cut), pocket, mirrored(pocket)]
    if spec.closure == "button":
        seams.append(curve((7, top + 11), (7, top + 36), (0, top + 46)))
        seams += [fold, mirrored(fold)] if pants and spec.variant % 2 else []
    leg = ((outer + inner) / 2, crotch + (0.52 if pants else 0.42) * (hem - crotch))
    return Shape(
        pieces=(Piece(np.vstack([right, mirrored(right)])),),
        bands=(_waistband(waist, top, spec.closure is None),),
        seams=tuple(seams),
        top=top,
        hem=hem,
        neck=waist,
        buttons=((0.0, top + 6),) if spec.closure == "button" else (),
        places={"left leg": (-leg[0], leg[1]), "right leg": leg, "hem": (-(outer + inner) / 2, hem + 1)},
        brand=(-0.53 * hip, top + 52, 0.86 * hip),
        tag=(0.55 * waist, top + 9),
    )


def _waistband(waist: float, top: float, elastic: bool) -> Band:
    return Band(np.array([(-waist, top), (waist, top), (waist + 2, top + 12), (-waist - 2, top + 12)]), ribbed=elastic)


def _skirt(spec: GarmentSpec, width: float, length: float) -> Shape:
    top, hem = -84 * length, (84 if spec.variant % 3 else 56) * length
    waist = 38 * width
    flare = (62 + 5 * (spec.variant % 3)) * width
    right = np.vstack(
        [
            curve((0, top + 3), (0.6 * waist, top + 2), (waist, top)),
            curve((waist, top), (0.55 * waist + 0.45 * flare, top + 0.38 * (hem - top)), (flare, hem - 6)),
            curve((flare, hem - 6), (0.55 * flare, hem + 2), (0, hem + 4)),
        ]
    )
    line = curve((flare, hem - 12), (0.55 * flare, hem - 4), (0, hem - 2))
    seams: list[Points] = [np.vstack([line, mirrored(line)])]
    if spec.closure is None and spec.variant % 2:
        seams += [
            np.array([(waist * share, top + 13), (flare * share, hem - 2 - 5 * abs(share))])
            for share in np.linspace(-0.8, 0.8, 7)
        ]
    rows = np.linspace(top + 22, hem - 24, 6)
    return Shape(
        pieces=(Piece(np.vstack([right, mirrored(right)])),),
        bands=(_waistband(waist, top, spec.closure is None and not spec.variant % 2),),
        seams=tuple(seams),
        top=top,
        hem=hem,
        neck=waist,
        buttons=tuple((0.0, float(y)) for y in rows) if spec.closure == "button" else (),
        places={
            "front": (-14, top + 0.72 * (hem - top)),
            "left side": (-0.62 * flare, top + 0.76 * (hem - top)),
            "right side": (0.62 * flare, top + 0.76 * (hem - top)),
            "hem": (-0.35 * flare, hem + 3),
        },
        brand=(-0.72 * waist, top + 62, 1.08 * waist) if spec.closure else (0, top + 64, 1.6 * waist),
        tag=(0.55 * waist, top + 10),
    )
