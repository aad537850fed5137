"""Red brick in running bond: chipped, weathered, with sandy recessed mortar."""

from typing import NamedTuple

import numpy as np

from . import fields as f

ROWS, COLUMNS = 8, 3
MORTAR = 9.0
FIRED = ("4a2a26", "6e332a", "8a3f2f", "9c4a33", "a9573a", "b36a48")


class Bond(NamedTuple):
    """Where the bricks are, each [h, w]: edge distance, local position, and values per brick."""

    distance: f.Field
    u: f.Field
    v: f.Field
    chance: f.Field


def lay(rng: f.Rng) -> Bond:
    """Bricks with uneven edges; `chance` [h, w, 6] in [-1, 1] is constant over a brick."""
    x, y = f.grid()
    x, y = x + 1.6 * f.fbm(10, 3, rng), y + 1.6 * f.fbm(10, 3, rng)
    length, course = f.SIZE / COLUMNS, f.SIZE / ROWS
    row = np.floor(y / course).astype(int)
    x = x + (row % 2) * length / 2.0
    column = np.floor(x / length).astype(int)
    u, v = x - (column + 0.5) * length, y - (row + 0.5) * course
    chance = rng.uniform(-1.0, 1.0, (ROWS, COLUMNS, 6))[row % ROWS, column % COLUMNS]
    u, v = u + 0.012 * chance[..., 0] * v, v - 0.012 * chance[..., 0] * u
    half_u = (length - MORTAR) / 2.0 + 1.5 * chance[..., 1]
    half_v = (course - MORTAR) / 2.0 + 1.2 * chance[..., 2]
    return Bond(f.box(u, v, (half_u, half_v), 5.0), u, v, chance)


def make() -> dict[str, f.Map]:
    """albedo, normal [h, w, 3]; roughness, ao, height [h, w]."""
    rng = np.random.default_rng(1)
    bond = lay(rng)
    ragged = 0.9 * f.fbm(40, 2, rng)
    loss = f.smoothstep(0.12, 0.5, f.fbm(9, 4, rng))
    distance = bond.distance + ragged + 7.0 * loss
    depth = np.maximum(-distance, 0.0)
    brick = f.coverage(distance / 1.5)
    chipped = brick * loss * f.smoothstep(12.0, 2.0, depth)

    grain, coarse = f.fbm(64, 2, rng), f.fbm(14, 3, rng)
    holes = f.pits(40, 7.0, rng)
    sand = f.fbm(90, 2, rng)
    tilt = (0.010 * bond.chance[..., 3] * bond.u) + (0.02 * bond.chance[..., 4] * bond.v)
    face = 6.5 + tilt + bond.chance[..., 5] + 1.1 * coarse + 0.7 * grain - 2.6 * holes
    rounding = 1.0 - np.exp(-depth / 2.6)
    joint = 0.6 * sand + 0.8 * f.fbm(24, 2, rng)
    height = f.mix(joint, face * rounding, brick)

    tone = 0.5 + 0.36 * bond.chance[..., 0] + 0.13 * bond.chance[..., 5]
    clay = f.ramp(tone + 0.28 * coarse + 0.13 * grain, FIRED)
    burnt = f.smoothstep(0.45, 1.0, bond.chance[..., 1] + 0.5 * coarse)
    clay = f.mix(clay, f.rgb("3d2a2b"), 0.6 * burnt)
    clay = f.mix(clay, f.rgb("bd7450"), 0.55 * chipped)
    clay = f.mix(clay, f.rgb("2e1d1a"), 0.6 * holes)
    lime = f.smoothstep(0.15, 0.7, f.fbm(5, 5, rng) + 0.22 * grain)
    clay = f.mix(clay, f.rgb("cbb8a6"), 0.42 * lime)
    cement = f.ramp(0.55 + 0.3 * sand + 0.25 * f.fbm(8, 3, rng), ("776d62", "a0968a", "bcb2a3"))
    smear = f.smoothstep(5.0, 0.0, depth) * f.smoothstep(-0.1, 0.5, f.fbm(12, 3, rng))
    albedo = f.mix(cement, f.mix(clay, cement, 0.6 * smear), brick)

    occlusion = f.occlusion_of(height)
    grime = f.smoothstep(1.0, 0.35, occlusion) + 0.35 * f.smoothstep(0.0, 0.8, f.fbm(3, 4, rng))
    albedo = f.mix(albedo, albedo * f.rgb("6f6258"), 0.75 * np.clip(grime, 0.0, 1.0))
    rough = f.mix(0.93 + 0.04 * sand, 0.78 + 0.07 * grain + 0.06 * coarse, brick)
    rough = rough + 0.1 * chipped + 0.08 * brick * (lime - burnt)
    return {
        "albedo": f.encode(albedo),
        "normal": f.encode_normal(f.normal_of(height)),
        "roughness": f.encode(rough),
        "ao": f.encode(occlusion),
        "height": f.encode_height(height),
    }
