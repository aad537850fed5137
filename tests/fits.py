"""Plans of any layout and fits of noise, for what both backends have to agree about."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ntc.fit.encodings import LevelPlan
from ntc.fit.field import Field, codes_of
from ntc.fit.plan import Plan
from ntc.fit.presets import Recipe
from ntc.fit.problem import Problem
from ntc.format import spec
from ntc.format.layout import DENSE, Layout, block_grid

Rng = np.random.Generator
Size = tuple[int, int]
Wrap = tuple[bool, bool]
Images = tuple[npt.NDArray[np.uint16], ...]

KINDS = ("dense", "table", "blocks", "mask")
LAYOUTS = [*KINDS, *(f"{kind} simplex" for kind in KINDS)]
WIDE = Recipe(batch_texels=4096)  # batches of 64 tiles: all that some tests have
FEATURES = (3, 1, 4, 2, 5, 2, 3)  # of a pyramid's levels: none of them whole vectors but one


def some_layout(name: str, width: int, height: int, rng: Rng, wrap_v: bool) -> Layout:
    """The layout of `LAYOUTS` for a level: tables are small, so that cells share what they find.

    Squares, where triangles would have a seam (rule L6).
    """
    kind, _, triangles = name.partition(" ")
    simplex = bool(triangles) and not (wrap_v and height % 2)
    table_log2 = max((width * height).bit_length() - 3, spec.TABLE_LOG2_RANGE[0])
    if kind == "table":
        return Layout(simplex, table_log2)
    if kind == "blocks":
        return Layout(simplex, table_log2, int(rng.integers(1, 3)))
    if kind == "mask":
        mask = rng.random(block_grid(width, height, 2)) < 0.6
        mask.flat[rng.integers(mask.size)] = True
        return Layout(simplex, block_log2=2, mask=mask)
    return Layout(simplex=True) if simplex else DENSE


def pyramid(width: int, height: int) -> list[Size]:
    """Level sizes from this one down to 1 x 1."""
    sizes = [(width, height)]
    while sizes[-1] != (1, 1):
        w, h = sizes[-1]
        sizes.append(((w + 1) // 2, (h + 1) // 2))
    return sizes


def make_plan(
    size: Size,
    wrap: Wrap,
    channels: int = 5,
    hidden: tuple[int, ...] = (24, 16),
    layout: str = "dense",
    seed: int = 0,
    code_widths: Sequence[int] = range(1, 9),
    mips: int = spec.MAX_MIPS,
) -> Plan:
    """A pyramid of levels of one layout, whose code widths begin at a place that the seed tells.

    A mip reads the levels up to twice its size, and the last one.
    """
    rng = np.random.default_rng((seed, 1))
    sizes = list(zip(pyramid(*size), FEATURES, strict=False))
    levels = tuple(
        LevelPlan(
            *cells,
            features,
            some_layout(layout, *cells, rng, wrap[1]),
            code_widths[(seed + i) % len(code_widths)],
        )
        for i, (cells, features) in enumerate(sizes)
    )
    mips = min(mips, spec.full_mip_count(*size))
    first = np.cumsum([0, *(level.features for level in levels)])
    roles = np.full((mips, len(levels)), spec.NOT_READ, np.uint8)
    for mip in range(mips):
        w, h = spec.mip_size(*size, mip)
        for i, level in enumerate(levels):
            if i == len(levels) - 1 or (level.width <= 2 * w + 1 and level.height <= 2 * h + 1):
                roles[mip, i] = first[i]
    return Plan(*size, mips, wrap, levels, roles, (int(first[-1]) + 1, *hidden, channels))


def random_field(plan: Plan, rng: Rng, gain: float = 1.0) -> Field:
    """Latents anywhere within their range, and a decoder of all kinds of weights.

    With a `gain` of 0.1 for its last layer, outputs are hardly ever clipped.
    """
    latents = tuple(
        rng.uniform(codes.low, codes.high, (*level.stored[::-1], level.features)).astype(np.float32)
        for level, codes in ((level, codes_of(level)) for level in plan.levels)
    )
    layers = list(pairwise(plan.widths))
    weights = [rng.normal(0, (2 / i) ** 0.5, (o, i)).astype(np.float32) for i, o in layers]
    weights[-1] *= np.float32(gain)
    biases = [rng.normal(0, 0.2, o).astype(np.float32) for _, o in layers]
    biases[-1] = biases[-1] * np.float32(gain) + np.float32(0.5)
    return Field(latents, tuple(weights), tuple(biases))


def noise_mips(plan: Plan, rng: Rng) -> Images:
    """Images of all mips: random, so that every texel has gradients of its own."""
    sizes = (spec.mip_size(plan.width, plan.height, mip) for mip in range(plan.mips))
    channels = plan.widths[-1]
    return tuple(rng.integers(0, 1 << 16, (h, w, channels), np.uint16) for w, h in sizes)


def smooth_mips(plan: Plan) -> Images:
    """Images of three channels that can be learned in a moment."""
    y, x = np.mgrid[: plan.height, : plan.width] / 16.0
    image = np.stack([np.sin(y) * np.cos(x), np.sin(x + y), np.cos(y * 3)], -1) / 2 + 0.5
    image = np.rint(image * spec.OUTPUT_MAX).astype(np.uint16)
    sizes = (spec.mip_size(plan.width, plan.height, mip) for mip in range(plan.mips))
    return tuple(image[:: 1 << mip, :: 1 << mip][:h, :w].copy() for mip, (w, h) in enumerate(sizes))


def smooth_problem(threads: int, texels: int = 200_000, layout: str = "dense") -> Problem:
    """Smooth images, four mips of them, to be fitted with levels of this layout."""
    plan = make_plan((70, 53), (True, False), 3, (32, 32), layout, 0, (3, 4), 4)
    return Problem(plan, smooth_mips(plan), texels, 7, threads)
