"""The normative decoder, in numpy, laid out like chapter 8 of docs/format.md.

Slow and plain on purpose: every other decoder is compared with this one bit for bit.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ntc.decode import region
from ntc.format import bits, spec
from ntc.format.layout import SKIPPED, stored_cells
from ntc.format.model import Layer, Level, QuantizedModel

Ints = npt.NDArray[np.int64]
Outputs = npt.NDArray[np.uint16]

_BAND_TEXELS = 1 << 16  # texels decoded at once: bounds the memory of a rectangle


def decode(model: QuantizedModel, mip: int = 0, rect: region.Rect | None = None) -> Outputs:
    """`[h, w, channels]` storage values 0..65535 of a rectangle `(x, y, w, h)`, or of a whole mip.

    Raises UsageError if the mip does not exist or the rectangle leaves it.
    """
    x, y, w, h = region.rectangle(model, mip, rect)
    out = np.empty((h, w, model.channels), np.uint16)
    rows = max(_BAND_TEXELS // w, 1)
    for top in range(0, h, rows):
        ys = np.arange(y + top, y + min(top + rows, h))
        out[top : top + len(ys)] = _texels(model, mip, ys[:, None], np.arange(x, x + w)[None, :])
    return out


def decode_texels(model: QuantizedModel, mip: int, x: Ints, y: Ints) -> Outputs:
    """`[n, channels]` storage values of the texels `(x[i], y[i])` of a mip.

    Raises UsageError if the mip does not exist or a texel lies outside it.
    """
    region.check_texels(model, mip, x, y)
    bands = range(0, len(x), _BAND_TEXELS)
    parts = [_texels(model, mip, y[i : i + _BAND_TEXELS], x[i : i + _BAND_TEXELS]) for i in bands]
    return np.concatenate([np.empty((0, model.channels), np.uint16), *parts])


def decode_field(model: QuantizedModel, u: Ints, v: Ints, lod8: Ints) -> Outputs:
    """Section 8.9: `[n, channels]` storage values of samples between texels and between mips.

    `u` and `v` are in 1/2**24 of the material, `lod8` in eighths of a mip. Raises UsageError
    unless they lie in 0..2**24 - 1 and 0..8 * (mips - 1).
    """
    region.check_samples(model, u, v, lod8)
    out = np.empty((len(u), model.channels), np.uint16)
    for lod in np.unique(lod8):
        chosen = np.flatnonzero(lod8 == lod)
        for i in range(0, len(chosen), _BAND_TEXELS):
            band = chosen[i : i + _BAND_TEXELS]
            out[band] = _field(model, v[band], u[band], int(lod))
    return out


def _texels(model: QuantizedModel, mip: int, y: Ints, x: Ints) -> Outputs:
    """Section 8.1. `y` and `x` broadcast against each other to the shape of the result."""
    width, height = region.mip_size(model, mip)
    return _field(model, texel_position(y, height), texel_position(x, width), spec.LOD_STEP * mip)


def _field(model: QuantizedModel, v: Ints, u: Ints, lod8: int) -> Outputs:
    """Sections 8.1 and 8.9: inputs from all levels that the mip reads, then the decoder."""
    shape = np.broadcast_shapes(v.shape, u.shape)
    inputs = np.zeros((*shape, model.inputs), np.int64)
    inputs[..., -1] = lod8
    mip, step = divmod(lod8, spec.LOD_STEP)
    for index, (level, role) in enumerate(zip(model.levels, model.roles[mip], strict=True)):
        if role == spec.NOT_READ:
            continue
        values = features(level, u, v, model.wrap)
        if step and model.roles[mip + 1, index] == spec.NOT_READ:
            values = faded(values, step)
        inputs[..., role : role + level.features] = values
    return mlp(model.layers, inputs.reshape(-1, model.inputs)).reshape(*shape, model.channels)


def texel_position(texel: Ints, size: int) -> Ints:
    """Section 8.2: the centre of a texel, as a 24-bit fraction of the texture."""
    return ((2 * texel + 1) << (spec.POSITION_BITS - 1)) // size


def cell_position(position: Ints, cells: int) -> tuple[Ints, Ints]:
    """Section 8.3: the cell left of a position, and the distance to its centre in 1/256 cells."""
    p = ((position * cells) >> (spec.POSITION_BITS - 8)) - 128
    return p >> 8, p & 255


def address(cell: Ints, cells: int, wrap: bool) -> Ints:
    """Section 8.4: cells outside the level come from the other side, or repeat the border."""
    return cell % cells if wrap else np.clip(cell, 0, cells - 1)


def features(level: Level, u: Ints, v: Ints, wrap: tuple[bool, bool]) -> Ints:
    """Section 8.5: `[..., features]` inputs -127..127, between the cells around a position."""
    taps = simplex_taps if level.layout.simplex else square_taps
    blend: Ints = np.zeros((), np.int64)
    for x, y, weight in taps(level, u, v):
        column, row = address(x, level.width, wrap[0]), address(y, level.height, wrap[1])
        blend = blend + weight[..., None] * latents(level, *stored(level, row, column))
    return np.asarray((blend + (1 << 22)) >> 23)


def square_taps(level: Level, u: Ints, v: Ints) -> list[tuple[Ints, ...]]:
    """Section 8.5.1: column, row and weight of four cells; weights add up to 2**16."""
    x, fx = cell_position(u, level.width)
    y, fy = cell_position(v, level.height)
    columns, rows = ((x, 256 - fx), (x + 1, fx)), ((y, 256 - fy), (y + 1, fy))
    return [tuple(np.broadcast_arrays(cx, cy, wx * wy)) for cy, wy in rows for cx, wx in columns]


def simplex_taps(level: Level, u: Ints, v: Ints) -> list[tuple[Ints, ...]]:
    """Section 8.5.2: column, row and weight of three cells; weights add up to 2**16.

    Skewed by half a column a row, the lattice of triangles is one of squares cut along their
    diagonal; the sorted fractions tell the half: Wen and Yang, arXiv 2311.15439, section 3.
    """
    x, fx = cell_position(u, level.width)
    y, fy = cell_position(v, level.height)
    skewed = (x << 8) + fx + (((y << 8) + fy) >> 1)
    i, fi = skewed >> 8, skewed & 255
    first = fi >= fy
    vertices = (
        (i, y, 256 - np.maximum(fi, fy)),
        (np.where(first, i + 1, i), np.where(first, y, y + 1), np.abs(fi - fy)),
        (i + 1, y + 1, np.minimum(fi, fy)),
    )
    return [tuple(np.broadcast_arrays(c - (r >> 1), r, w << 8)) for c, r, w in vertices]


def stored(level: Level, row: Ints, column: Ints) -> tuple[Ints, Ints]:
    """Section 8.5.3: where cells keep their latents; `SKIPPED` rows have none."""
    return stored_cells(level.width, level.height, level.layout, row, column)


def latents(level: Level, y: Ints, x: Ints) -> Ints:
    """Section 8.6: `[..., features]` latents of stored cells, in 1/128 of an int8 step."""
    kept = y != SKIPPED
    y = np.where(kept, y, 0)
    tile_y, tile_x = y >> level.tile_log2, x >> level.tile_log2
    side = 1 << level.tile_log2
    tile_width = np.minimum(level.stored[0] - tile_x * side, side)
    cell = (y & (side - 1)) * tile_width + (x & (side - 1))
    width = level.code_widths[tile_y, tile_x].astype(np.int64)[..., None]
    code = cell[..., None] * level.features + np.arange(level.features)
    bit = 32 * level.starts[tile_y, tile_x][..., None] + code * width
    scale = level.scales[tile_y, tile_x].astype(np.int64)[..., None]
    offset = level.offsets[tile_y, tile_x].astype(np.int64)[..., None]
    values: Ints = offset + scale * bits.extract(level.words, bit, width)
    return np.where(kept[..., None], values, 0)


def faded(inputs: Ints, step: int) -> Ints:
    """Section 8.9: inputs of a level that the next mip does not read, `step` eighths before it."""
    return (inputs * (8 - step) + 4) >> 3


def mlp(layers: tuple[Layer, ...], x: Ints) -> Outputs:
    """Section 8.7: `[n, inputs]` to `[n, channels]` storage values."""
    for layer in layers[:-1]:
        x = activation((layer.biases + products(layer, x)) >> layer.shifts)
    last = layers[-1]
    out = (last.biases + spec.OUTPUT_GAIN * products(last, x)) >> last.shifts
    clipped: Outputs = np.clip(out, 0, spec.OUTPUT_MAX).astype(np.uint16)
    return clipped


def products(layer: Layer, x: Ints) -> Ints:
    """`weights @ x` for each row of x.

    In float32, for speed: no sum exceeds 128 * 127 * 127 < 2**24, so each one is exact.
    """
    sums = x.astype(np.float32) @ layer.weights.T.astype(np.float32)
    return sums.astype(np.int64)


def activation(t: Ints) -> Ints:
    """Section 8.8: a hard swish with knees at +-64; results -8..127."""
    t = np.clip(t, -spec.ACTIVATION_KNEE, spec.ACTIVATION_MAX)
    gate = np.minimum(t + spec.ACTIVATION_KNEE, 2 * spec.ACTIVATION_KNEE)
    return (t * gate + spec.ACTIVATION_KNEE) >> 7
