"""`QuantizedModel`: what a fit produces and a decoder reads. Integers only, no framework types."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ntc.format import bits, spec
from ntc.format.layout import DENSE, Layout, mask_words, stored_size

Codes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """A grid of cells with latents; its stored grid is cut into tiles of their own code width.

    The latent of a code is `offset + scale * code`, in units of 1/128 of an int8 step. Tiles at
    the right and lower border hold only the cells that exist.
    """

    width: int  # cells over the material
    height: int
    features: int
    tile_log2: int
    code_widths: npt.NDArray[np.uint8]  # [tiles_y, tiles_x], 0..8 bits
    offsets: npt.NDArray[np.int16]  # [tiles_y, tiles_x]
    scales: npt.NDArray[np.uint16]  # [tiles_y, tiles_x]
    words: npt.NDArray[np.uint32]  # packed codes, tile after tile in row order
    layout: Layout = DENSE

    @property
    def stored(self) -> tuple[int, int]:
        """Width and height of the grid that the tiles cover."""
        return stored_size(self.width, self.height, self.layout)

    @property
    def tiles(self) -> tuple[int, int]:
        """Rows and columns of tiles."""
        return tile_grid(*self.stored, self.tile_log2)

    @property
    def starts(self) -> npt.NDArray[np.int64]:
        """`[tiles_y, tiles_x]` first word of each tile; tiles follow each other without a gap."""
        counts = tile_words(*self.stored, self.features, self.tile_log2, self.code_widths)
        ends = np.cumsum(counts, dtype=np.int64)
        return (ends - counts.ravel()).reshape(counts.shape)

    @property
    def nbytes(self) -> int:
        """Bytes a GPU keeps for this level: tile directory, packed codes and mask.

        Of a mask, a bit for each block and the sum of the bits before every 32 of them.
        """
        mask = 0 if self.layout.mask is None else 8 * mask_words(self.layout.mask.size)
        return 8 * self.code_widths.size + 4 * self.words.size + mask


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One layer of the decoder: `(bias + weights @ x) >> shift`, per output row."""

    weights: npt.NDArray[np.int8]  # [outputs, inputs], -127..127
    biases: npt.NDArray[np.int32]  # [outputs], rounding of the shift included
    shifts: npt.NDArray[np.uint8]  # [outputs]


@dataclass(frozen=True, slots=True, eq=False)
class QuantizedModel:
    """A material as integers: levels, the role of each level in each mip, decoder layers."""

    width: int
    height: int
    mips: int
    wrap: tuple[bool, bool]  # address mode in u and v: wrap, or clamp
    levels: tuple[Level, ...]  # finest first
    roles: npt.NDArray[np.uint8]  # [mips, levels], first input of the level's features, or 255
    layers: tuple[Layer, ...]

    @property
    def channels(self) -> int:
        """Outputs of the decoder."""
        return len(self.layers[-1].weights)

    @property
    def inputs(self) -> int:
        """Inputs of the decoder; the last one is the lod."""
        return int(self.layers[0].weights.shape[1])

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one texel."""
        return sum(layer.weights.size for layer in self.layers)


def tile_grid(width: int, height: int, tile_log2: int) -> tuple[int, int]:
    """Rows and columns of tiles that cover a level."""
    side = 1 << tile_log2
    return -(-height // side), -(-width // side)


def tile_sides(length: int, tile_log2: int) -> npt.NDArray[np.int64]:
    """Cells of each tile along one axis: full tiles, then what is left."""
    starts = np.arange(0, length, 1 << tile_log2)
    return np.minimum(length - starts, 1 << tile_log2)


def tile_words(
    width: int, height: int, features: int, tile_log2: int, code_widths: Codes
) -> npt.NDArray[np.int64]:
    """`[tiles_y, tiles_x]` words of packed codes in each tile (rule D2)."""
    cells = np.outer(tile_sides(height, tile_log2), tile_sides(width, tile_log2))
    return np.asarray((cells * features * code_widths.astype(np.int64) + 31) // 32)


def pack_level(
    codes: Codes,  # [h, w, features] of the stored grid
    code_widths: Codes,  # [tiles_y, tiles_x]
    offsets: npt.NDArray[np.int16],  # [tiles_y, tiles_x]
    scales: npt.NDArray[np.uint16],  # [tiles_y, tiles_x]
    tile_log2: int,
    size: tuple[int, int] | None = None,  # width and height of the level, unless it is dense
    layout: Layout = DENSE,
) -> Level:
    """The level that holds these codes; every code is below 2**width of its tile."""
    height, width, features = codes.shape
    side = 1 << tile_log2
    w, h = size or (width, height)
    none = np.empty(0, np.uint32)
    empty = Level(w, h, features, tile_log2, code_widths, offsets, scales, none, layout)
    counts = tile_words(width, height, features, tile_log2, code_widths)
    words = np.zeros(int(counts.sum()), np.uint32)
    starts = empty.starts
    rows, columns = tile_sides(height, tile_log2), tile_sides(width, tile_log2)
    shapes = rows[:, None] * (side + 1) + columns[None, :]
    # Tiles of one shape and width are packed together: a level has at most four shapes.
    for key in np.unique(np.stack([shapes.ravel(), code_widths.ravel()], -1), axis=0):
        shape, bit_width = int(key[0]), int(key[1])
        if bit_width == 0:
            continue
        th, tw = shape // (side + 1), shape % (side + 1)
        ty, tx = np.nonzero((shapes == shape) & (code_widths == bit_width))
        y = (ty * side)[:, None, None] + np.arange(th)[None, :, None]
        x = (tx * side)[:, None, None] + np.arange(tw)[None, None, :]
        packed = bits.pack(codes[y, x].reshape(len(ty), th * tw * features), bit_width)
        words[starts[ty, tx][:, None] + np.arange(packed.shape[1])] = packed
    return replace(empty, words=words)


def video_memory_bytes(model: QuantizedModel) -> int:
    """Bytes a GPU keeps to sample any texel: levels with directories, decoder, roles."""
    network: int = sum(
        layer.biases.nbytes
        + layer.shifts.nbytes
        + layer.weights.shape[0] * align4(layer.weights.shape[1])
        for layer in model.layers
    )
    return sum(level.nbytes for level in model.levels) + network + model.roles.nbytes


def encoding_of(model: QuantizedModel) -> str:
    """What the layouts of its levels make of a model: `grid`, `hash` or `simplex`."""
    layouts = [level.layout for level in model.levels]
    if any(layout.simplex for layout in layouts):
        return "simplex"
    hashed = any(layout.table_log2 or layout.mask is not None for layout in layouts)
    return "hash" if hashed else "grid"


def bytes_per_texel(model: QuantizedModel) -> int:
    """Most bytes of codes and directory that one texel of mip 0 reads, before any cache."""
    total = 0
    for level, role in zip(model.levels, model.roles[0], strict=True):
        if role != spec.NOT_READ:
            taps = 3 if level.layout.simplex else 4
            mask = 8 if level.layout.mask is not None else 0
            total += taps * (mask + 8 + -(-level.features * int(level.code_widths.max()) // 8))
    return total


def align4(n: int) -> int:
    """The next multiple of four: int8 dot products read four weights at a time."""
    return (n + 3) // 4 * 4
