"""Wool tartan: a two-over-two twill of twisted yarns dyed in stripes both ways."""

from typing import NamedTuple

import numpy as np

from . import fields as f

THREADS = 32
PITCH = f.SIZE / THREADS
SETT = "NNGGGGGGGKRRKGGGGGGGNNNNNNWYNNNN"
DYES = {"N": "25304f", "G": "2c5a41", "K": "1d1f24", "R": "a8302c", "W": "d9d2c0", "Y": "c9992f"}


class Yarn(NamedTuple):
    """One thread system, each [h, w]: thread number, place across in [-1, 1], height, fibre."""

    number: f.Field
    across: f.Field
    height: f.Field
    fibre: f.Field


def spin(across: f.Field, along: f.Field, warp: bool, rng: f.Rng) -> Yarn:
    """Yarns that run with `along`; both coordinates are [h, w] in pixels and wrap at SIZE."""
    number = np.floor(across / PITCH).astype(int)
    offset = 2.0 * (across / PITCH - number) - 1.0
    place = along / PITCH - 0.5
    crossing = np.floor(place).astype(int)

    def side(other: f.Field) -> f.Field:
        over = (number - other) % 4 < 2
        return np.where(over, 1.0, -1.0) * (1.0 if warp else -1.0)

    lift = f.mix(side(crossing), side(crossing + 1), f.smoothstep(0.0, 1.0, place - crossing))
    phase = rng.uniform(0.0, 1.0, THREADS)[number % THREADS]
    twist = np.sin(2.0 * np.pi * (along / PITCH * 2.0 + 0.9 * offset + phase))
    fibre = 0.5 * twist + 0.9 * f.fbm((16, 96) if not warp else (96, 16), 2, rng)
    crown = np.sqrt(np.clip(1.0 - (offset / 1.06) ** 2, 0.0, 1.0))
    height = 3.0 * lift + 5.0 * crown + 0.55 * fibre * crown
    return Yarn(number % THREADS, offset, height, fibre)


def dye(yarn: Yarn, rng: f.Rng) -> f.Field:
    """Colour [h, w, 3] of the yarns, uneven from one to the next."""
    palette = np.array([f.rgb(DYES[letter]) for letter in SETT])
    palette = palette * rng.uniform(0.9, 1.1, (THREADS, 1))
    shade = 1.0 + 0.16 * yarn.fibre - 0.22 * yarn.across**2
    return palette[yarn.number] * shade[..., None]


def make() -> dict[str, f.Map]:
    """albedo, normal [h, w, 3]; roughness, height [h, w]."""
    rng = np.random.default_rng(3)
    x, y = f.grid()
    x, y = x + 2.0 * f.fbm(6, 3, rng), y + 2.0 * f.fbm(6, 3, rng)
    warp, weft = spin(x, y, True, rng), spin(y, x, False, rng)
    front = f.smoothstep(-0.7, 0.7, warp.height - weft.height)
    fuzz = f.fbm(72, 2, rng)
    height = f.mix(weft.height, warp.height, front) + 0.25 * fuzz + 1.2 * f.fbm(3, 3, rng)

    occlusion = f.occlusion_of(height)
    albedo = f.mix(dye(weft, rng), dye(warp, rng), front)
    albedo = albedo * (0.35 + 0.65 * occlusion)[..., None]
    albedo = f.mix(albedo, f.rgb("b4aea6"), 0.10 * f.smoothstep(0.0, 0.9, fuzz))
    fibre = f.mix(weft.fibre, warp.fibre, front)
    rough = 0.84 + 0.05 * fibre + 0.10 * (1.0 - occlusion) + 0.03 * fuzz
    return {
        "albedo": f.encode(albedo),
        "normal": f.encode_normal(f.normal_of(height)),
        "roughness": f.encode(rough),
        "height": f.encode_height(height),
    }
