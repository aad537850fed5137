"""Which texels a step fits, and which latents they read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ntc.fit.encodings import LevelPlan
from ntc.fit.plan import Plan
from ntc.format import spec
from ntc.format.layout import SKIPPED, stored_cells

Ints = npt.NDArray[np.int64]

TILE: Final = 8  # texels a side
# Coarse mips are drawn more often than their area asks: they are the means of many texels, and
# teach coarse levels faster than mip 0 does. A mip is drawn at least this often, compared with it.
_AREA_POWER: Final = 0.6
_LEAST_SHARE: Final = 1 / 32
_WEIGHT_ONE: Final = 1 << 16  # what the weights of a texel add up to in integers

_Cells = tuple[tuple[Ints, ...], tuple[Ints, ...], tuple[Ints, ...]]  # rows, columns, weights


@dataclass(frozen=True, slots=True, eq=False)
class Taps:
    """Where the texels of one mip read one level along one axis."""

    position: Ints  # [texels] in 1/256 cells; the cell left of it may lie outside the level
    span: int  # cells that any tile reads

    @property
    def cell(self) -> Ints:
        """`[texels]` the cell left of each."""
        return self.position >> 8


def axis_taps(texels: int, cells: int, more: int = 0) -> Taps:
    """Sections 8.2 and 8.3 of docs/format.md, for all texels of an axis padded to whole tiles.

    `more` cells are read beyond the right one: one by triangles, along their columns.
    """
    padded = -(-texels // TILE) * TILE
    texel = np.minimum(np.arange(padded), texels - 1)
    fraction = ((2 * texel + 1) << (spec.POSITION_BITS - 1)) // texels
    position = ((fraction * cells) >> (spec.POSITION_BITS - 8)) - 128
    cell = position >> 8
    span = int((cell[TILE - 1 :: TILE] - cell[::TILE]).max()) + 2 + more
    return Taps(position, span)


def level_taps(level: LevelPlan, width: int, height: int) -> tuple[Taps, Taps]:
    """Taps along x and y of a mip of this size on a level."""
    return axis_taps(width, level.width, int(level.layout.simplex)), axis_taps(height, level.height)


def mip_shares(plan: Plan) -> npt.NDArray[np.float64]:
    """`[mips]` probability that a tile is drawn from each mip: docs/decisions/0008-encodings.md."""
    sizes = [spec.mip_size(plan.width, plan.height, mip) for mip in range(plan.mips)]
    areas = np.array([w * h for w, h in sizes], np.float64) / (plan.width * plan.height)
    shares = np.maximum(areas**_AREA_POWER, _LEAST_SHARE)
    return np.asarray(shares / shares.sum())


def patch_cells(
    taps_y: Taps,
    taps_x: Taps,
    tile_y: Ints,
    tile_x: Ints,
    level: LevelPlan,
    wrap: tuple[bool, bool],
) -> Ints:
    """`[tiles, span_y, span_x]` stored cell behind every cell that the tiles read, or `SKIPPED`."""
    y = taps_y.cell[tile_y * TILE][:, None] + np.arange(taps_y.span)
    x = taps_x.cell[tile_x * TILE][:, None] + np.arange(taps_x.span)
    y = y % level.height if wrap[1] else np.clip(y, 0, level.height - 1)
    x = x % level.width if wrap[0] else np.clip(x, 0, level.width - 1)
    rows, columns = np.broadcast_arrays(y[:, :, None], x[:, None, :])
    rows, columns = stored_cells(level.width, level.height, level.layout, rows, columns)
    return np.where(rows == SKIPPED, SKIPPED, rows * level.stored[0] + columns)


def patch_weights(
    taps_y: Taps, taps_x: Taps, tile_y: Ints, tile_x: Ints, level: LevelPlan
) -> tuple[Ints, npt.NDArray[np.float32]]:
    """`[tiles, TILE, TILE, 3 or 4]` cells between which texels lie, and their weights.

    Cells count from the first of their tile's patch, row by row.
    """
    texels = np.arange(TILE)
    y = taps_y.position[tile_y[:, None] * TILE + texels][:, :, None]
    x = taps_x.position[tile_x[:, None] * TILE + texels][:, None, :]
    taps = _triangle(y, x) if level.layout.simplex else _square(y, x)
    rows, columns, weights = (np.stack(np.broadcast_arrays(*part), axis=-1) for part in taps)
    rows -= taps_y.cell[tile_y * TILE][:, None, None, None]
    columns -= taps_x.cell[tile_x * TILE][:, None, None, None]
    return rows * taps_x.span + columns, (weights / _WEIGHT_ONE).astype(np.float32)


def _square(y: Ints, x: Ints) -> _Cells:
    """Section 8.5.1 of docs/format.md, of positions in 1/256 cells."""
    row, fy, column, fx = y >> 8, y & 255, x >> 8, x & 255
    upper, left = 256 - fy, 256 - fx
    return (
        (row, row, row + 1, row + 1),
        (column, column + 1, column, column + 1),
        (upper * left, upper * fx, fy * left, fy * fx),
    )


def _triangle(y: Ints, x: Ints) -> _Cells:
    """Section 8.5.2 of docs/format.md, of positions in 1/256 cells."""
    skewed = x + (y >> 1)
    row, fy, corner, fx = y >> 8, y & 255, skewed >> 8, skewed & 255
    right = fx >= fy
    rows = (row, np.where(right, row, row + 1), row + 1)
    corners = (corner, np.where(right, corner + 1, corner), corner + 1)
    columns = tuple(c - (r >> 1) for c, r in zip(corners, rows, strict=True))
    weights = (256 - np.maximum(fx, fy), np.abs(fx - fy), np.minimum(fx, fy))
    return rows, columns, tuple(256 * weight for weight in weights)
