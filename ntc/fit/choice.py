"""Which encoding suits a material: docs/decisions/0008-encodings.md has the numbers behind this."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from ntc.fit.plan import Plan

Image = npt.NDArray[np.uint16]

_BUSY: Final = 0.78  # share of an image with detail, from which on tables are too crowded
_SQUARE: Final = 32  # texels a side: eight cells of a quarter of the size
_MOST_DETAIL: Final = 0.9


def choose(plans: Mapping[str, Plan], image: Image, ease: Callable[[], None]) -> str:
    """`grid` or `hash`, of which there are plans, for this mip 0 `[h, w, channels]`.

    A grid with a level of full size is as good, in smaller files. Where bits do not buy one, tables
    give theirs to the cells with detail, and win unless detail is everywhere.
    """
    height, width, _ = image.shape
    finest = plans["grid"].levels[0]
    if not any(level.layout.table_log2 for level in plans["hash"].levels):
        return "grid"
    if (finest.width, finest.height) == (width, height):
        return "grid"
    return "grid" if busy_share(image, ease) > _BUSY else "hash"


def busy_share(image: Image, ease: Callable[[], None]) -> float:
    """Share of the squares of an image that hold 90 % of its detail; 1 if it has none.

    Detail is what an image of a quarter of the size has and one of an eighth lacks: finer detail
    is noise more often, and coarser detail is cheap.
    """
    columns = image.shape[1] // _SQUARE
    energies = np.empty((image.shape[0] // _SQUARE, columns))
    for i in range(len(energies)):
        rows = image[i * _SQUARE : (i + 1) * _SQUARE, : columns * _SQUARE]
        energies[i] = _detail(rows.astype(np.float32), columns)
        ease()
    total = energies.sum()
    if total == 0:
        return 1.0
    held = np.cumsum(np.sort(energies, axis=None)[::-1])
    return float(np.mean(held < _MOST_DETAIL * total))


def _detail(rows: npt.NDArray[np.float32], columns: int) -> npt.NDArray[np.float32]:
    """`[columns]` squared detail of a row of squares."""
    channels = rows.shape[2]
    quarter = rows.reshape(_SQUARE // 4, 4, columns * _SQUARE // 4, 4, channels).mean((1, 3))
    pairs = quarter.reshape(_SQUARE // 8, 2, columns, _SQUARE // 8, 2, channels)
    detail = pairs - pairs.mean((1, 4), keepdims=True)
    energies: npt.NDArray[np.float32] = np.einsum("ypxqrc,ypxqrc->x", detail, detail)
    return energies
