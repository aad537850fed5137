"""Where two materials differ: PSNR by tiles, and FLIP by texels."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ntc import metrics
from ntc.bench.rd.measure import flip_map
from ntc.comparison import Floats, Side, pair_map
from ntc.errors import UsageError
from ntc.format.metadata import MapRecord, Sample
from ntc.viewer.documents import TilesReport

_TILE_SIDES: Final = range(8, 4097)
_MOST_TILES: Final = 1 << 16
_MOST_FLIP_TEXELS: Final = 1 << 24  # 4096 x 4096: FLIP takes about 100 bytes a texel


def tiles(first: Side, second: Side, record: MapRecord, side: int) -> TilesReport:
    """PSNR of a map of `first` in tiles of so many texels a side, as `ntc compare` measures it."""
    height, width, _ = first.channels.shape
    columns, rows = -(-width // side), -(-height // side)
    if side not in _TILE_SIDES or columns * rows > _MOST_TILES:
        raise UsageError(
            f"size {side}: use 8 to 4096 texels, and at most {_MOST_TILES} tiles of {first.size}"
        )
    counted, exact, found = pair_map(first, second, record)
    psnr: list[float | None] = []
    for top in range(0, height, side):
        band = exact[top : top + side].astype(np.float64) - found[top : top + side]
        for errors in _row_of_tiles(band, side):
            psnr.append(metrics.set_psnr(errors, [counted]).psnr)
    known = [(value, place) for place, value in enumerate(psnr) if value is not None]
    return TilesReport(
        map=record.name,
        size=side,
        columns=columns,
        rows=rows,
        psnr=psnr,
        worst=[place for _, place in sorted(known)],
    )


def _row_of_tiles(differences: npt.NDArray[np.float64], side: int) -> list[npt.NDArray[np.float64]]:
    """The mean squared error `[channels]` of each tile of a band `[rows, w, channels]`."""
    rows, width, _ = differences.shape
    starts = np.arange(0, width, side)
    sums = np.add.reduceat((differences**2).sum(axis=0), starts, axis=0)
    widths = np.minimum(starts + side, width) - starts
    return list(sums / (rows * widths)[:, None])


def flip(first: Side, second: Side, record: MapRecord) -> npt.NDArray[np.uint8]:
    """`[h, w, 1]` FLIP of a map in steps of 1/255, shown as a screen shows its samples.

    Raises UsageError for maps of floats and very large ones, RuntimeFailure without the package.
    """
    height, width, _ = first.channels.shape
    if record.sample not in (Sample.UINT8, Sample.UINT16):
        raise UsageError(f"{record.name}: FLIP is for maps of integers, this one has floats")
    if height * width > _MOST_FLIP_TEXELS:
        raise UsageError(f"{first.path}: FLIP is for up to 4096x4096 texels, this is {first.size}")
    counted, exact, found = pair_map(first, second, record)
    pictures = [_picture(counted, first, planes) for planes in (exact, found)]
    errors = np.clip(flip_map(*pictures), 0, 1)
    return np.rint(255 * errors[:, :, None]).astype(np.uint8)


def _picture(record: MapRecord, side: Side, planes: Floats) -> Floats:
    """`[h, w, 3]`: the first three channels, or grey of a single one."""
    height, width, _ = side.channels.shape
    picture = np.zeros((height, width, 3), np.float32)
    top = 255 if record.sample is Sample.UINT8 else 65535
    shown = record.channels[:3] if len(record.channels) > 1 else record.channels * 3
    for index, channel in enumerate(shown):
        if channel.output is not None:
            picture[:, :, index] = planes[:, :, channel.output]
        else:
            picture[:, :, index] = (channel.constant or 0) / top
    return picture
