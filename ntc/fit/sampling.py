"""Where the samples of a step lie, which latents they read, and what they should be.

A fit by texels has its samples on texel centres of whole mips. A filtered fit shifts each tile by
a part of a texel and of a mip: a decoder that is right there, too, filters as it decodes.
"""

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
Doubles = npt.NDArray[np.float64]

TILE: Final = 8  # samples a side, a texel apart
PHASES: Final = 8  # shifts of a tile along an axis, 1/8 texel apart; the first one is none
LOD_STEPS: Final = spec.LOD_STEP  # from a mip to the next one: those that the lod input counts in
# How often a mip is drawn, by its area: at the start of a fit, and at its end. Coarse mips are the
# means of many texels, and teach coarse levels faster than mip 0 does. A mip is drawn at least
# this often, compared with mip 0.
_AREA_POWERS: Final = 0.3, 1.0
_LEAST_SHARE: Final = 1 / 32
_WEIGHT_ONE: Final = 1 << 16  # what the weights of a sample add up to in integers

_Cells = tuple[tuple[Ints, ...], tuple[Ints, ...], tuple[Ints, ...]]  # rows, columns, weights


@dataclass(frozen=True, slots=True, eq=False)
class Taps:
    """Where the samples of one mip read one level, or one image, along one axis."""

    position: Ints  # [phases, texels] in 1/256 cells; the cell left of it may lie outside the level
    span: int  # cells that any tile reads

    @property
    def cell(self) -> Ints:
        """`[phases, texels]` the cell left of each."""
        return self.position >> 8


@dataclass(frozen=True, slots=True, eq=False)
class Tiles:
    """Tiles of one mip, and how far their samples are from texel centres of this mip."""

    y: Ints  # [tiles]
    x: Ints
    phase_y: Ints  # [tiles] 0..PHASES-1; 0: on the centres
    phase_x: Ints
    lod_step: Ints  # [tiles] towards the next mip, in 1/LOD_STEPS

    def __len__(self) -> int:
        return len(self.y)


def tiles_at(y: Ints, x: Ints) -> Tiles:
    """These tiles of texels, on their centres."""
    zero = np.zeros_like(y)
    return Tiles(y, x, zero, zero, zero)


def axis_taps(texels: int, cells: int, more: int = 0, phases: int = 1) -> Taps:
    """Sections 8.2 and 8.3 of docs/format.md, for all texels of an axis padded to whole tiles.

    `more` cells are read beyond the right one: one by triangles, along their columns.
    """
    fraction = (_sixteenths(texels, phases) << (spec.POSITION_BITS - 4)) // texels
    return _taps(((fraction * cells) >> (spec.POSITION_BITS - 8)) - 128, more)


def image_taps(texels: int, size: int) -> Taps:
    """Where the samples of a mip lie between the texels of an image, to the nearest 1/256."""
    return _taps((_sixteenths(texels, PHASES) * size * 32 + texels) // (2 * texels) - 128)


def _sixteenths(texels: int, phases: int) -> Ints:
    """`[phases, texels]` positions in 1/16 texel: centres, and 1/8 to 3/8 and -4/8 to -1/8 away."""
    padded = -(-texels // TILE) * TILE
    shift = (np.arange(phases) + PHASES // 2) % PHASES - PHASES // 2
    return 16 * np.minimum(np.arange(padded), texels - 1) + 8 + 2 * shift[:, None]


def _taps(position: Ints, more: int = 0) -> Taps:
    cell = position >> 8
    span = int((cell[:, TILE - 1 :: TILE] - cell[:, ::TILE]).max()) + 2 + more
    return Taps(position, span)


def level_taps(level: LevelPlan, width: int, height: int, phases: int = 1) -> tuple[Taps, Taps]:
    """Taps along x and y of a mip of this size on a level."""
    triangles = int(level.layout.simplex)
    x = axis_taps(width, level.width, triangles, phases)
    return x, axis_taps(height, level.height, 0, phases)


def mip_shares(plan: Plan, done: float) -> Doubles:
    """`[mips]` how likely a tile is drawn from each mip when the part `done` of a fit is over.

    docs/decisions/0008-encodings.md and 0025-few-visits.md.
    """
    first, last = _AREA_POWERS
    sizes = [spec.mip_size(plan.width, plan.height, mip) for mip in range(plan.mips)]
    areas = np.array([w * h for w, h in sizes], np.float64) / (plan.width * plan.height)
    shares = np.maximum(areas ** (first + (last - first) * done), _LEAST_SHARE)
    return np.asarray(shares / shares.sum())


def patch_cells(
    taps_y: Taps, taps_x: Taps, tiles: Tiles, level: LevelPlan, wrap: tuple[bool, bool]
) -> Ints:
    """`[tiles, span_y, span_x]` stored cell behind every cell that the tiles read, or `SKIPPED`."""
    rows, columns = _patch(taps_y, taps_x, tiles, (level.height, level.width), wrap)
    rows, columns = stored_cells(level.width, level.height, level.layout, rows, columns)
    return np.where(rows == SKIPPED, SKIPPED, rows * level.stored[0] + columns)


def patch_texels(
    taps_y: Taps, taps_x: Taps, tiles: Tiles, size: tuple[int, int], wrap: tuple[bool, bool]
) -> Ints:
    """`[tiles, span_y, span_x]` texels, row by row, that the tiles read of an image of `h, w`."""
    rows, columns = _patch(taps_y, taps_x, tiles, size, wrap)
    return rows * size[1] + columns


def _patch(
    taps_y: Taps, taps_x: Taps, tiles: Tiles, size: tuple[int, int], wrap: tuple[bool, bool]
) -> tuple[Ints, ...]:
    """`[tiles, span_y, span_x]` rows and columns within the border."""
    y = taps_y.cell[tiles.phase_y, tiles.y * TILE][:, None] + np.arange(taps_y.span)
    x = taps_x.cell[tiles.phase_x, tiles.x * TILE][:, None] + np.arange(taps_x.span)
    y = y % size[0] if wrap[1] else np.clip(y, 0, size[0] - 1)
    x = x % size[1] if wrap[0] else np.clip(x, 0, size[1] - 1)
    return np.broadcast_arrays(y[:, :, None], x[:, None, :])


def patch_weights(
    taps_y: Taps, taps_x: Taps, tiles: Tiles, simplex: bool = False
) -> tuple[Ints, npt.NDArray[np.float32]]:
    """`[tiles, TILE, TILE, 3 or 4]` cells between which samples lie, and their weights.

    Cells count from the first of their tile's patch, row by row.
    """
    along = np.arange(TILE)
    y = taps_y.position[tiles.phase_y[:, None], tiles.y[:, None] * TILE + along][:, :, None]
    x = taps_x.position[tiles.phase_x[:, None], tiles.x[:, None] * TILE + along][:, None, :]
    taps = _triangle(y, x) if simplex else _square(y, x)
    rows, columns, weights = (np.stack(np.broadcast_arrays(*part), axis=-1) for part in taps)
    rows -= taps_y.cell[tiles.phase_y, tiles.y * TILE][:, None, None, None]
    columns -= taps_x.cell[tiles.phase_x, tiles.x * TILE][:, None, None, None]
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
