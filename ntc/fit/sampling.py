"""Which texels a step fits, and which latents they read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ntc.fit.plan import LevelPlan, Plan
from ntc.format import spec

Ints = npt.NDArray[np.int64]

TILE: Final = 8  # texels a side
_LEAST_MIP_TEXELS: Final = 512  # a smaller mip is drawn as often as one of this size


@dataclass(frozen=True, slots=True, eq=False)
class Taps:
    """Where the texels of one mip read one level along one axis."""

    cell: Ints  # [texels], left of the two cells, may lie outside the level
    fraction: npt.NDArray[np.float32]  # [texels], 0 .. 255/256
    span: int  # cells that any tile reads


def axis_taps(texels: int, cells: int) -> Taps:
    """Sections 8.2 and 8.3 of docs/format.md, for all texels of an axis padded to whole tiles."""
    padded = -(-texels // TILE) * TILE
    texel = np.minimum(np.arange(padded), texels - 1)
    position = ((2 * texel + 1) << (spec.POSITION_BITS - 1)) // texels
    p = ((position * cells) >> (spec.POSITION_BITS - 8)) - 128
    cell = p >> 8
    span = int((cell[TILE - 1 :: TILE] - cell[::TILE]).max()) + 2
    return Taps(cell, ((p & 255) / 256).astype(np.float32), span)


def mip_shares(plan: Plan) -> npt.NDArray[np.float64]:
    """`[mips]` probability that a tile is drawn from each mip: its area, small mips lifted."""
    sizes = [spec.mip_size(plan.width, plan.height, mip) for mip in range(plan.mips)]
    areas = np.array([max(w * h, _LEAST_MIP_TEXELS) for w, h in sizes], np.float64)
    return np.asarray(areas / areas.sum())


def patch_cells(
    taps_y: Taps,
    taps_x: Taps,
    tile_y: Ints,
    tile_x: Ints,
    level: LevelPlan,
    wrap: tuple[bool, bool],
) -> Ints:
    """`[tiles, span_y, span_x]` index of every cell of a level that the tiles read."""
    y = taps_y.cell[tile_y * TILE][:, None] + np.arange(taps_y.span)
    x = taps_x.cell[tile_x * TILE][:, None] + np.arange(taps_x.span)
    y = y % level.height if wrap[1] else np.clip(y, 0, level.height - 1)
    x = x % level.width if wrap[0] else np.clip(x, 0, level.width - 1)
    return np.asarray(y[:, :, None] * level.width + x[:, None, :])


def patch_weights(taps: Taps, tile: Ints) -> npt.NDArray[np.float32]:
    """`[tiles, TILE, span]` bilinear weights of a tile's texels on the cells of its patch."""
    texel = tile[:, None] * TILE + np.arange(TILE)
    near = taps.cell[texel] - taps.cell[tile * TILE][:, None]
    weights = np.zeros((len(tile), TILE, taps.span), np.float32)
    tiles, rows = np.arange(len(tile))[:, None], np.arange(TILE)[None, :]
    weights[tiles, rows, near] = 1 - taps.fraction[texel]
    weights[tiles, rows, near + 1] += taps.fraction[texel]
    return weights
