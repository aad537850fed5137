"""Levels whose latents follow from their codes alike everywhere."""

import numpy as np
import numpy.typing as npt

from ntc.format.layout import Layout
from ntc.format.model import Level, pack_level, tile_grid


def level_of(
    codes: npt.NDArray[np.int64], size: tuple[int, int], layout: Layout, tile_log2: int = 3
) -> Level:
    """A level with latents 127 * codes - 16256 of the stored grid; codes `[h, w, features]`."""
    tiles = tile_grid(codes.shape[1], codes.shape[0], tile_log2)
    ones = np.ones(tiles, np.int64)
    directory = (8 * ones).astype("u1"), (-16256 * ones).astype("i2"), (127 * ones).astype("u2")
    return pack_level(codes.astype("u1"), *directory, tile_log2, size, layout)
