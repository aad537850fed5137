"""Code widths tile by tile: as few bits as the codes of a tile span, tiles as large as pays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ntc.fit.encodings import LevelPlan
from ntc.format import spec
from ntc.format.model import Codes, Level, pack_level, tile_grid, tile_words

_DIRECTORY_BYTES = 8  # of a tile


def pack_narrow(codes: Codes, plan: LevelPlan, lowest: int, scale: int) -> Level:
    """The level of these codes `[h, w, features]` in the tiles that take the fewest bytes.

    `lowest` is the latent of code 0, `scale` the distance between neighbours. A tile of one value
    takes nothing but its place in the directory.
    """
    smallest, largest = spec.TILE_LOG2_RANGE
    ranges = {log2: tile_ranges(codes, log2) for log2 in range(smallest, largest + 1)}
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


def tile_ranges(codes: Codes, tile_log2: int) -> tuple[npt.NDArray[np.int64], ...]:
    """`[tiles_y, tiles_x]` lowest and highest code of each tile."""
    height, width, _ = codes.shape
    side = 1 << tile_log2
    rows, columns = np.arange(0, height, side), np.arange(0, width, side)
    return tuple(
        reduce.reduceat(
            reduce.reduceat(reduce.reduce(codes, axis=2), rows, axis=0), columns, axis=1
        ).astype(np.int64)
        for reduce in (np.minimum, np.maximum)
    )


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
