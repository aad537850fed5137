"""The mips of a map as a texture, and what the format costs in quality."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ntc import metrics
from ntc.format.metadata import ColorSpace, MapRecord
from ntc.transcode.blocks import Quality, decode, encode
from ntc.transcode.formats import Texture
from ntc.transcode.layout import Layout
from ntc.transcode.samples import Floats, Pixels, quantized, storage, values


def make_texture(
    record: MapRecord,
    layout: Layout,
    size: tuple[int, int],
    mips: Iterable[Iterable[Pixels]],
    quality: Quality = "fast",
) -> tuple[Texture, float | None]:
    """A texture of `size`, and its PSNR in dB: of the first mip, None if it is exact.

    `mips` are those of the map, largest first, each as bands `[rows, w, c]` of its samples from top
    to bottom, of a multiple of 4 rows but for the last. PSNR is over the channels that the texture
    keeps, for a peak of 1: of what it stores, or, of halves, in the storage space of the map.
    Memory is needed for the texture and for a band.
    """
    levels: list[bytes] = []
    total, count = 0.0, 0
    for bands in mips:
        parts = []
        for band in bands:
            exact = _kept(band, record, layout)
            parts.append(encode(_arranged(exact, layout), layout.format, quality))
            if not levels:
                error = _error(exact, _read(parts[-1], exact, layout), record, layout)
                total += float(np.sum(error * error, dtype=np.float64))
                count += error.size
        levels.append(b"".join(parts))
    texture = Texture(
        layout.format, layout.srgb, layout.color, layout.alpha_kind, *size, tuple(levels)
    )
    return texture, metrics.psnr(total / count)


def _kept(band: Pixels, record: MapRecord, layout: Layout) -> Floats:
    """`[rows, w, c]` of the channels that the texture keeps, as numbers that it stands for."""
    half = layout.format.dtype.kind == "f"
    # Formats without an sRGB variant hold the colours of integer images as these do.
    srgb = layout.srgb or (not half and record.color_space is ColorSpace.SRGB)
    return values(band, record, srgb=srgb, signed=half)[..., layout.sources]


def _arranged(exact: Floats, layout: Layout) -> Pixels:
    """Samples for the encoder: as many channels as it takes, 0 or, for alpha, 1 where none is."""
    height, width, _ = exact.shape
    count = layout.format.encoded_channels
    arranged = np.zeros((height, width, count), np.float32)
    colors = len(layout.channels)
    arranged[..., :colors] = exact[..., :colors]
    if count == 4:
        arranged[..., 3] = 1 if layout.alpha is None else exact[..., -1]
    return quantized(arranged, layout.format.dtype)


def _error(exact: Floats, read: Floats, record: MapRecord, layout: Layout) -> Floats:
    if layout.format.dtype.kind == "f":
        return storage(exact, record) - storage(read, record)
    return exact - read


def _read(blocks: bytes, exact: Floats, layout: Layout) -> Floats:
    """What a GPU reads in the place of `exact`."""
    height, width, _ = exact.shape
    decoded = decode(blocks, layout.format, width, height)
    places = [*range(len(layout.channels)), *(() if layout.alpha is None else (3,))]
    top = 255 if decoded.dtype.kind == "u" else 1
    return decoded[..., places].astype(np.float32) / np.float32(top)
