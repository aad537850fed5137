"""Code widths tile by tile: as few bits as the codes of a tile span, tiles as large as pays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ntc.fit.encodings import LevelPlan
from ntc.format import spec
from ntc.format.model import Codes, Level, pack_level, tile_grid, tile_words

# Of tiles whose ranges are chosen while they are fitted, 16 cells a side: smaller ones take more
# directory than they save, larger ones are seldom narrow.
RANGE_LOG2: Final = 4
_DIRECTORY_BYTES: Final = 8  # of a tile

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Ranges:
    """The codes of a level that its tiles may have: 2**width of them, from `first` on."""

    first: Ints  # [tiles_y, tiles_x]
    width: Ints  # [tiles_y, tiles_x] bits


def all_codes(plan: LevelPlan) -> Ranges:
    """Every tile has all codes of its level."""
    grid = tile_grid(*plan.stored, RANGE_LOG2)
    return Ranges(np.zeros(grid, np.int64), np.full(grid, plan.code_width))


def needed_ranges(codes: Codes) -> Ranges:
    """The narrowest that hold these codes `[h, w, features]`."""
    low, high = tile_ranges(codes)[RANGE_LOG2]
    return Ranges(low, _widths(low, high).astype(np.int64))


def memory_bits(plan: LevelPlan, ranges: Ranges) -> Ints:
    """`[tiles_y, tiles_x]` bits of each tile in video memory, with its place in the directory."""
    words = tile_words(*plan.stored, plan.features, RANGE_LOG2, ranges.width.astype(np.uint8))
    return 32 * words + 8 * _DIRECTORY_BYTES


def clipped(codes: Codes, ranges: Ranges) -> Codes:
    """Each code `[h, w, features]` as the nearest one that its tile may have."""
    rows, columns = (np.arange(n) >> RANGE_LOG2 for n in codes.shape[:2])
    last = ranges.first + (1 << ranges.width) - 1
    low, high = (
        bound.astype(np.uint8)[rows[:, None], columns][..., None] for bound in (ranges.first, last)
    )
    return np.clip(codes, low, high)


def narrowed(codes: Codes, ranges: Ranges, plan: LevelPlan) -> Ranges:
    """One bit less for each tile that has one, where that moves its codes least, squared."""
    values = np.arange(1 << plan.code_width)
    counts = np.stack([_tile_sums(codes == value) for value in values], axis=-1)
    width, first = np.maximum(ranges.width - 1, 0), ranges.first
    for bits in np.unique(width):
        starts = values[: len(values) - (1 << bits) + 1, None]
        nearest = np.clip(values, starts, starts + (1 << bits) - 1)
        moved = counts @ ((values - nearest) ** 2).T
        first = np.where(width == bits, moved.argmin(axis=-1), first)
    return Ranges(first, width)


def _tile_sums(cells: npt.NDArray[np.bool_]) -> Ints:
    """`[tiles_y, tiles_x]` how many of `[h, w, features]` hold."""
    rows, columns = (np.arange(0, n, 1 << RANGE_LOG2) for n in cells.shape[:2])
    each = cells.sum(axis=2, dtype=np.int64)
    sums: Ints = np.add.reduceat(np.add.reduceat(each, rows, axis=0), columns, axis=1)
    return sums


def pack_narrow(codes: Codes, plan: LevelPlan, lowest: int, scale: int) -> Level:
    """The level of these codes `[h, w, features]` in the tiles that take the fewest bytes.

    `lowest` is the latent of code 0, `scale` the distance between neighbours. A tile of one value
    takes nothing but its place in the directory.
    """
    ranges = tile_ranges(codes)
    best = min(ranges, key=lambda log2: _nbytes(codes, log2, ranges[log2]))
    low, high = ranges[best]
    widths = _widths(low, high)
    # A tile's widest code may stand for no latent beyond those of the level.
    first = np.minimum(low, (1 << plan.code_width) - (1 << widths.astype(np.int64)))
    lowest_codes = first.astype(np.uint8)
    side = 1 << best
    below = np.repeat(np.repeat(lowest_codes, side, 0), side, 1)
    return pack_level(
        codes - below[: codes.shape[0], : codes.shape[1], None],
        widths,
        (lowest + scale * first).astype(np.int16),
        np.where(widths > 0, scale, 0).astype(np.uint16),
        best,
        (plan.width, plan.height),
        plan.layout,
    )


def tile_ranges(codes: Codes) -> dict[int, tuple[Ints, Ints]]:
    """`[tiles_y, tiles_x]` lowest and highest code of each tile, by the log2 of its side."""
    smallest, largest = spec.TILE_LOG2_RANGE
    low = high = codes
    ranges = {}
    for log2 in range(1, largest + 1):
        low, high = _halved(low, np.minimum), _halved(high, np.maximum)
        if log2 == smallest:
            low, high = low.min(axis=2, keepdims=True), high.max(axis=2, keepdims=True)
        if log2 >= smallest:
            ranges[log2] = low[..., 0].astype(np.int64), high[..., 0].astype(np.int64)
    return ranges


def _halved(values: Codes, extreme: np.ufunc) -> Codes:
    """`[h / 2, w / 2, features]` the extreme of 2 x 2 values; of fewer at an odd border."""
    for _ in range(2):
        pairs = len(values) // 2
        halved = values[::2].copy(order="K")
        extreme(halved[:pairs], values[1::2], out=halved[:pairs])
        values = halved.swapaxes(0, 1)
    return values


def _widths(low: npt.NDArray[np.int64], high: npt.NDArray[np.int64]) -> Codes:
    """Bits that count from 0 to the difference."""
    widths: Codes = np.ceil(np.log2(high - low + 1)).astype(np.uint8)
    return widths


def _nbytes(codes: Codes, tile_log2: int, ranges: tuple[npt.NDArray[np.int64], ...]) -> float:
    height, width, features = codes.shape
    tiles = np.prod(tile_grid(width, height, tile_log2))
    if tiles > spec.MAX_TILES:
        return np.inf
    words = tile_words(width, height, features, tile_log2, _widths(*ranges))
    return float(_DIRECTORY_BYTES * tiles + 4 * words.sum())
