"""Six leaves of different kinds on an empty sheet; alpha is 0 or 1."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from . import fields as f


@dataclass(frozen=True)
class Blade:
    """One leaf surface along a midrib from (x, y) towards `angle` (degrees, 90 is up)."""

    x: float
    y: float
    angle: float
    length: float
    width: float
    low: float = 0.7
    high: float = 0.8
    teeth: int = 0
    tooth: float = 0.0
    lobed: bool = False
    bend: float = 0.0
    veins: int = 9
    lean: float = 0.45


@dataclass(frozen=True)
class Leaf:
    """Blades that share a colour scheme, and a stalk from the blade to (x, y)."""

    blades: tuple[Blade, ...]
    stalk: tuple[float, float, float, float]
    codes: tuple[str, ...]


@dataclass
class Sheet:
    """What is nearest the viewer at each pixel, each [h, w]; `inside` > 0 on a leaf."""

    inside: f.Field
    u: f.Field
    across: f.Field
    vein: f.Field
    quilt: f.Field
    leaf: f.Field


def outline(blade: Blade, u: f.Field) -> f.Field:
    """Half width [h, w] in pixels at the fraction `u` of the midrib; 0 beyond its ends."""
    t = np.clip(u, 1e-6, 1.0 - 1e-6)
    peak = blade.low / (blade.low + blade.high)
    shape = t**blade.low * (1.0 - t) ** blade.high
    shape = shape / (peak**blade.low * (1.0 - peak) ** blade.high)
    phase = t * blade.teeth
    if blade.lobed:
        edge = 1.0 - blade.tooth * (0.5 + 0.5 * np.cos(2.0 * np.pi * phase))
    else:
        edge = 1.0 - blade.tooth * (phase % 1.0)
    half = 0.5 * blade.width * shape * edge
    return np.where((u > 0.0) & (u < 1.0), half, 0.0)


def grow(sheet: Sheet, blade: Blade, number: int) -> None:
    """Put the blade on the sheet where it reaches deeper inside than what is there."""
    x, y = f.grid()
    cos, sin = np.cos(np.radians(blade.angle)), np.sin(np.radians(blade.angle))
    dx, dy = x - blade.x, blade.y - y
    u = (dx * cos + dy * sin) / blade.length
    v = -dx * sin + dy * cos - blade.bend * blade.length * 4.0 * u * (1.0 - u)
    side = np.abs(v)
    half = outline(blade, u)
    inside = np.where(half > 0.0, half - side, -1e3)

    reach = np.clip(side / (0.5 * blade.width), 0.0, 1.2)
    order = blade.veins * (u - blade.lean * (blade.width / blade.length) * reach**1.25)
    order = order + 0.25 * np.sign(v)
    nearest = np.abs(order - np.round(order))
    spacing = blade.length / blade.veins
    branch = f.smoothstep(1.5, 0.3, nearest * spacing / (1.15 - 0.7 * reach)) * (1 - 0.6 * reach)
    midrib = f.smoothstep(1.5, 0.6, side / (1.5 - 0.9 * np.clip(u, 0.0, 1.0)))
    wins = inside > sheet.inside
    sheet.inside = np.where(wins, inside, sheet.inside)
    sheet.u = np.where(wins, u, sheet.u)
    sheet.across = np.where(wins, v / (0.5 * blade.width), sheet.across)
    sheet.vein = np.where(wins, np.maximum(midrib, 0.7 * branch), sheet.vein)
    quilt = spacing * 0.055 * np.cos(np.pi * 2.0 * nearest + np.pi) - 0.14 * side
    sheet.quilt = np.where(wins, quilt, sheet.quilt)
    sheet.leaf = np.where(wins, number, sheet.leaf)


def palmate(x: float, y: float, angle: float, length: float) -> tuple[Blade, ...]:
    """A maple leaf: five toothed lobes from one point."""
    lobe = Blade(x, y, angle, length, 0.52 * length, 0.62, 0.62, 5, 0.34, veins=7, lean=0.5)
    turns = ((-106, 0.52), (-49, 0.84), (0, 1.0), (49, 0.84), (106, 0.52))
    return tuple(
        replace(lobe, angle=angle + turn, length=size * length, width=0.52 * size * length)
        for turn, size in turns
    )


def pinnate(x: float, y: float, angle: float, length: float) -> Iterator[Blade]:
    """An ash leaf: pairs of leaflets along a stalk, and one at its end."""
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    leaflet = Blade(x, y, angle, 0.0, 0.0, 0.8, 0.9, 12, 0.10, bend=0.03, veins=8)
    for at, size in ((0.18, 0.30), (0.38, 0.36), (0.58, 0.35)):
        for turn in (-62.0, 62.0):
            yield replace(
                leaflet,
                x=x + at * length * cos,
                y=y - at * length * sin,
                angle=angle + turn,
                length=size * length,
                width=0.40 * size * length,
                bend=0.04 * np.sign(turn),
            )
    tip = (x + 0.66 * length * cos, y - 0.66 * length * sin)
    yield replace(leaflet, x=tip[0], y=tip[1], length=0.36 * length, width=0.15 * length)


def leaves() -> list[Leaf]:
    """The atlas: maple, beech, oak, willow, ash and aspen."""
    green = ("27491d", "3d6a28", "5d8a35", "86a848")
    lime = ("3f6420", "5f8a2c", "84a83b", "b0c456")
    olive = ("3d4a20", "5b6a2c", "7d883c", "a39f4c")
    amber = ("7c2f12", "b5501a", "d6822a", "e2ad45")
    silver = ("35553a", "507650", "74966a", "9db28a")
    beech = Blade(304, 196, 80, 172, 104, 0.72, 0.85, 15, 0.05, bend=0.02, veins=10, lean=0.5)
    oak = Blade(442, 210, 92, 188, 118, 0.85, 0.42, 5, 0.46, lobed=True, bend=-0.015, veins=5)
    willow = Blade(40, 478, 72, 196, 40, 0.85, 0.95, 30, 0.04, bend=0.05, veins=16, lean=0.8)
    aspen = Blade(420, 452, 100, 146, 140, 0.5, 0.66, 11, 0.09, veins=7, lean=0.5)
    return [
        Leaf(palmate(138, 182, 94, 158), (138, 182, 150, 246), amber),
        Leaf((beech,), (304, 196, 292, 240), green),
        Leaf((oak,), (442, 210, 438, 240), olive),
        Leaf((willow,), (40, 478, 32, 500), silver),
        Leaf(tuple(pinnate(214, 492, 84, 220)), (236, 285, 213, 502), lime),
        Leaf((aspen,), (420, 452, 438, 504), (*green[1:], "a9bd5c")),
    ]


def draw(rng: f.Rng) -> tuple[Sheet, f.Field]:
    """The sheet of all leaves, and the distance [h, w] to the nearest stalk, negative inside."""
    blank = np.zeros((f.SIZE, f.SIZE))
    sheet = Sheet(blank - 1e3, blank, blank, blank, blank, blank)
    x, y = f.grid()
    stalk, owner = blank + 1e3, blank
    for number, leaf in enumerate(leaves()):
        for blade in leaf.blades:
            grow(sheet, blade, number)
        away = f.segment(x, y, *leaf.stalk) - 1.9
        owner = np.where(away < stalk, number, owner)
        stalk = np.minimum(stalk, away)
    sheet.leaf = np.where(sheet.inside > 0.0, sheet.leaf, owner)
    return sheet, stalk + 0.4 * f.fbm(24, 2, rng)


def inner(opaque: f.Field) -> f.Field:
    """1 where the pixel and its four neighbours are opaque, otherwise 0."""
    near = [np.roll(opaque, step, axis) for step in (-1, 1) for axis in (0, 1)]
    return np.minimum.reduce([opaque, *near])


def mean_colour(colour: f.Field, opaque: f.Field) -> f.Field:
    """Mean colour [3] of the opaque pixels."""
    return (colour * opaque[..., None]).sum((0, 1)) / opaque.sum()


def spread(colour: f.Field, opaque: f.Field) -> f.Field:
    """Colours [h, w, 3] carried out over the empty space, so that filtering shows no fringe."""
    filled = colour
    for sigma in (24.0, 8.0, 3.0):
        weight = f.blur(opaque, sigma) + 1e-3
        near = np.stack([f.blur(c * opaque, sigma) for c in np.moveaxis(colour, -1, 0)], -1)
        trust = f.smoothstep(0.004, 0.05, weight)
        smooth = (near + 1e-3 * mean_colour(colour, opaque)) / weight[..., None]
        filled = smooth if sigma == 24.0 else f.mix(filled, smooth, trust)
    return f.mix(filled, colour, opaque)


def make() -> dict[str, f.Map]:
    """albedo [h, w, 4], normal [h, w, 3], roughness [h, w]."""
    rng = np.random.default_rng(4)
    sheet, stalk = draw(rng)
    blotch, fine = f.fbm(9, 4, rng), f.fbm(64, 2, rng)
    edge = sheet.inside + 0.8 * f.fbm(40, 2, rng)
    on_blade = edge > 0.0
    on_stalk = stalk < 0.0
    opaque = (on_blade | on_stalk).astype(float)
    vein = np.where(on_blade, sheet.vein, 0.0)
    rim = f.smoothstep(7.0, 0.0, edge)

    tone = 0.42 + 0.34 * blotch + 0.10 * fine + 0.12 * sheet.across - 0.12 * rim
    colour = np.zeros((f.SIZE, f.SIZE, 3))
    for number, leaf in enumerate(leaves()):
        mine = sheet.leaf == number
        pale = 0.35 + 0.65 * f.rgb(leaf.codes[-1])
        shade = f.mix(f.ramp(tone, leaf.codes), pale, 0.55 * vein)
        shade = f.mix(shade, f.rgb(leaf.codes[0]), 0.45 * rim)
        wood = f.mix(pale, f.rgb("6a4a2a"), 0.6)
        shade = np.where((on_stalk & ~on_blade)[..., None], wood, shade)
        colour = np.where(mine[..., None], shade, colour)
    spots = f.smoothstep(0.45, 0.6, f.fbm(22, 3, rng) + 0.3 * blotch) * on_blade
    colour = f.mix(colour, f.rgb("5a3a1c"), 0.7 * spots)

    blade = sheet.quilt - 0.9 * vein + 0.22 * fine + 1.2 * blotch
    height = np.where(on_blade, blade, 2.0 * np.sqrt(np.clip(-stalk, 0.0, 2.0)))
    normal = f.mix(np.array([0.0, 0.0, 1.0]), f.normal_of(height), inner(opaque))
    normal = normal / np.linalg.norm(normal, axis=-1, keepdims=True)
    rough = 0.50 + 0.12 * vein + 0.25 * spots + 0.06 * blotch + 0.04 * fine + 0.10 * rim
    rough = np.where(on_stalk & ~on_blade, 0.7, rough)
    return {
        "albedo": f.encode(np.concatenate([spread(colour, opaque), opaque[..., None]], -1)),
        "normal": f.encode_normal(normal),
        "roughness": f.encode(np.where(opaque > 0.0, rough, 0.6)),
    }
