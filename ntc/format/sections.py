"""The binary sections: model outline, network, level. Chapters 4 to 7 of docs/format.md.

Each is a pair of functions, bytes <-> arrays. Offsets in errors count from the start of the
unpacked section.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from ntc.errors import FormatError
from ntc.format import spec
from ntc.format.layout import (
    DENSE,
    Layout,
    Mask,
    block_grid,
    mask_words,
    masked_size,
    stored_size,
)
from ntc.format.model import Layer, Level, QuantizedModel, align4, tile_grid, tile_words

# width height | mips channels levels layers | wrap_u wrap_v | 0 | inputs, units, channels | 0
MODEL: Final = struct.Struct("<II4B2BH5HH")
# width height | features tile_log2 | layout
OUTLINE: Final = struct.Struct("<IIBBH")
# first word (28 bits) and code width (4 bits) | scale | offset
_TILE: Final = np.dtype([("start_width", "<u4"), ("scale", "<u2"), ("offset", "<i2")])
_START_BITS: Final = 28
# Layout: table_log2 in bits 0..4, block_log2 in 5..7, then a bit for a mask and one for simplices.
_BLOCK_BIT: Final = 5
_MASK_BIT: Final = 8
_SIMPLEX_BIT: Final = 9
MODEL_LIMIT: Final = MODEL.size + spec.MAX_LEVELS * (OUTLINE.size + spec.MAX_MIPS)


@dataclass(frozen=True, slots=True)
class LevelOutline:
    """Shape of a level, known before its codes."""

    width: int
    height: int
    features: int
    tile_log2: int
    layout: Layout = DENSE  # without its mask
    masked: bool = False

    def stored(self, mask: Mask | None = None) -> tuple[int, int]:
        """Width and height of the stored grid; of a masked level with this mask, or at most."""
        if not self.masked:
            return stored_size(self.width, self.height, self.layout)
        rows, columns = block_grid(self.width, self.height, self.layout.block_log2)
        kept = rows * columns if mask is None else int(np.count_nonzero(mask))
        return masked_size(kept, self.layout.block_log2)


def outline_of(level: Level) -> LevelOutline:
    """What a `MODL` says of a level."""
    layout = level.layout
    shape = (level.width, level.height, level.features, level.tile_log2)
    return LevelOutline(*shape, replace(layout, mask=None), layout.mask is not None)


@dataclass(frozen=True, slots=True, eq=False)
class ModelOutline:
    """Everything that fixes the sizes of the sections to come."""

    width: int
    height: int
    mips: int
    wrap: tuple[bool, bool]
    widths: tuple[int, ...]  # inputs, hidden units layer by layer, channels
    levels: tuple[LevelOutline, ...]
    roles: npt.NDArray[np.uint8]  # [mips, levels]


def require(ok: bool, rule: str, offset: int, found: object, allowed: object) -> None:
    """Raises FormatError unless `ok`."""
    if not ok:
        raise FormatError(rule, offset, found, allowed)


def write_model(model: QuantizedModel) -> bytes:
    """Section MODL (chapter 4)."""
    widths = [model.inputs, *(layer.weights.shape[0] for layer in model.layers)]
    counts = (model.mips, model.channels, len(model.levels), len(model.layers))
    unused = [0] * (spec.MAX_LAYERS + 1 - len(widths))
    head = MODEL.pack(model.width, model.height, *counts, *model.wrap, 0, *widths, *unused, 0)
    levels = [
        OUTLINE.pack(lv.width, lv.height, lv.features, lv.tile_log2, _layout_bits(lv.layout))
        for lv in model.levels
    ]
    return head + b"".join(levels) + model.roles.astype(np.uint8).tobytes()


def _layout_bits(layout: Layout) -> int:
    masked = layout.mask is not None
    flags = masked << _MASK_BIT | layout.simplex << _SIMPLEX_BIT
    return layout.table_log2 | layout.block_log2 << _BLOCK_BIT | flags


def read_model(raw: bytes) -> ModelOutline:
    """The outline in a MODL section. Raises FormatError M1..M6, L1..L6."""
    require(len(raw) >= MODEL.size, "M1", len(raw), f"{len(raw)} bytes", f">= {MODEL.size}")
    width, height, mips, channels, n_levels, n_layers, *rest = MODEL.unpack_from(raw)
    wrap_u, wrap_v, zero, *widths, last_zero = rest
    side = f"1..{spec.MAX_SIDE}"
    require(1 <= width <= spec.MAX_SIDE, "M2", 0, f"width {width}", side)
    require(1 <= height <= spec.MAX_SIDE, "M2", 4, f"height {height}", side)
    most = spec.full_mip_count(width, height)
    require(1 <= mips <= most, "M3", 8, f"{mips} mips", f"1..{most}")
    limit = spec.MAX_CHANNELS
    require(1 <= channels <= limit, "M4", 9, f"{channels} channels", f"1..{limit}")
    limit = spec.MAX_LEVELS
    require(1 <= n_levels <= limit, "M4", 10, f"{n_levels} levels", f"1..{limit}")
    limit = spec.MAX_LAYERS
    require(1 <= n_layers <= limit, "M4", 11, f"{n_layers} layers", f"1..{limit}")
    require(wrap_u <= 1 and wrap_v <= 1, "M5", 12, f"wrap {wrap_u}, {wrap_v}", "0 or 1")
    used, unused = widths[: n_layers + 1], widths[n_layers + 1 :]
    require(zero == 0, "M6", 14, zero, 0)
    require(last_zero == 0 and not any(unused), "M6", 16, f"unused widths {unused}", "zeros")
    ok = all(1 <= n <= spec.MAX_WIDTH for n in used) and used[0] >= 2
    require(ok, "M4", 16, f"layer widths {used}", f"2..{spec.MAX_WIDTH} inputs, 1.. units")
    require(used[-1] == channels, "M4", 16, f"{used[-1]} outputs", f"{channels} channels")
    size = MODEL.size + n_levels * (OUTLINE.size + mips)
    require(len(raw) == size, "M1", len(raw), f"{len(raw)} bytes", size)
    levels = tuple(_read_outline(raw, i, width, height) for i in range(n_levels))
    roles = np.frombuffer(raw, np.uint8, offset=size - mips * n_levels).reshape(mips, n_levels)
    wrap = (bool(wrap_u), bool(wrap_v))
    for i, level in enumerate(levels):
        odd = level.layout.simplex and wrap[1] and level.height % 2 == 1
        at = MODEL.size + i * OUTLINE.size + 4
        require(not odd, "L6", at, f"{level.height} rows of triangles that wrap", "an even number")
    return ModelOutline(width, height, mips, wrap, tuple(used), levels, roles)


def _read_outline(raw: bytes, index: int, width: int, height: int) -> LevelOutline:
    at = MODEL.size + index * OUTLINE.size
    lw, lh, features, tile_log2, layout_bits = OUTLINE.unpack_from(raw, at)
    ok = 1 <= lw <= width and 1 <= lh <= height
    require(ok, "L1", at, f"level {lw}x{lh}", f"1x1..{width}x{height}")
    limit = spec.MAX_FEATURES
    require(1 <= features <= limit, "L2", at + 8, f"{features} features", f"1..{limit}")
    low, high = spec.TILE_LOG2_RANGE
    require(low <= tile_log2 <= high, "L3", at + 9, f"tile_log2 {tile_log2}", f"{low}..{high}")
    layout, masked = _read_layout(layout_bits, at + 10)
    outline = LevelOutline(lw, lh, features, tile_log2, layout, masked)
    if masked:
        rows, columns = block_grid(lw, lh, layout.block_log2)
        limit = spec.MAX_BLOCKS
        require(rows * columns <= limit, "L4", at, f"{rows * columns} blocks", f"at most {limit}")
    rows, columns = tile_grid(*outline.stored(), tile_log2)
    limit = spec.MAX_TILES
    require(rows * columns <= limit, "L4", at, f"{rows * columns} tiles", f"at most {limit}")
    return outline


def _read_layout(value: int, at: int) -> tuple[Layout, bool]:
    """A layout without its mask, and whether it has one."""
    table_log2 = value & ((1 << _BLOCK_BIT) - 1)
    block_log2 = value >> _BLOCK_BIT & ((1 << _MASK_BIT - _BLOCK_BIT) - 1)
    masked, simplex = (bool(value >> bit & 1) for bit in (_MASK_BIT, _SIMPLEX_BIT))
    require(value >> _SIMPLEX_BIT + 1 == 0, "M6", at, f"layout {value:#x}", "zeros above bit 9")
    low, high = spec.TABLE_LOG2_RANGE
    found = f"table_log2 {table_log2}, block_log2 {block_log2}, mask {masked:d}"
    if masked:
        ok = table_log2 == 0 and 2 <= block_log2 <= spec.MAX_BLOCK_LOG2
    elif table_log2:
        ok = low <= table_log2 <= high and block_log2 <= min(spec.MAX_BLOCK_LOG2, table_log2 // 2)
    else:
        ok = block_log2 == 0
    require(ok, "L5", at, found, "a dense grid, a table or a mask of docs/format.md, chapter 4")
    return Layout(simplex, table_log2, block_log2), masked


def write_network(layers: tuple[Layer, ...]) -> bytes:
    """Section NETW (chapter 5): per layer biases, shifts and rows of weights, padded to 4."""
    parts = []
    for layer in layers:
        outputs, inputs = layer.weights.shape
        weights = np.zeros((outputs, align4(inputs)), np.int8)
        weights[:, :inputs] = layer.weights
        shifts = np.zeros(align4(outputs), np.uint8)
        shifts[:outputs] = layer.shifts
        parts += [layer.biases.astype("<i4").tobytes(), shifts.tobytes(), weights.tobytes()]
    return b"".join(parts)


def network_size(widths: tuple[int, ...]) -> int:
    """Bytes of the NETW section for these layer widths."""
    pairs = pairwise(widths)
    return sum(4 * n_out + align4(n_out) + n_out * align4(n_in) for n_in, n_out in pairs)


def read_network(raw: bytes, widths: tuple[int, ...]) -> tuple[Layer, ...]:
    """The layers in a NETW section. Raises FormatError N1, N5."""
    size = network_size(widths)
    require(len(raw) == size, "N1", len(raw), f"{len(raw)} bytes", size)
    layers, at = [], 0
    for inputs, outputs in pairwise(widths):
        biases = np.frombuffer(raw, "<i4", outputs, at)
        at += biases.nbytes
        shifts = np.frombuffer(raw, np.uint8, align4(outputs), at)
        require(not shifts[outputs:].any(), "N5", at + outputs, "a set padding byte", 0)
        at += shifts.nbytes
        rows = np.frombuffer(raw, np.int8, outputs * align4(inputs), at).reshape(outputs, -1)
        require(not rows[:, inputs:].any(), "N5", at, "a set padding weight", 0)
        at += rows.nbytes
        layers.append(Layer(rows[:, :inputs], biases.astype(np.int32), shifts[:outputs]))
    return tuple(layers)


def write_level(level: Level) -> bytes:
    """Section LEVL (chapter 6): the mask, if any, the tile directory, then the packed codes."""
    mask = level.layout.mask
    tiles = np.empty(level.code_widths.shape, _TILE)
    tiles["start_width"] = level.starts | (level.code_widths.astype(np.int64) << _START_BITS)
    tiles["scale"] = level.scales
    tiles["offset"] = level.offsets
    before = b"" if mask is None else _mask_bytes(level, mask)
    return before + tiles.tobytes() + level.words.astype("<u4").tobytes()


def _mask_bytes(level: Level, mask: Mask) -> bytes:
    grid = block_grid(level.width, level.height, level.layout.block_log2)
    require(mask.shape == grid, "D6", 0, f"a mask of {mask.shape} blocks", grid)
    require(bool(mask.any()), "D6", 0, "a mask that keeps no block", "at least one")
    packed = np.packbits(mask, bitorder="little").tobytes()
    return packed.ljust(align4(len(packed)), b"\0")


def level_limit(outline: LevelOutline) -> int:
    """Bytes that no LEVL section of this shape exceeds: 8 bits a code, each tile padded by 3."""
    width, height = outline.stored()
    rows, columns = tile_grid(width, height, outline.tile_log2)
    return mask_size(outline) + 11 * rows * columns + width * height * outline.features


def mask_size(outline: LevelOutline) -> int:
    """Bytes of the mask of a level: whole words; 0 if it has none."""
    rows, columns = block_grid(outline.width, outline.height, outline.layout.block_log2)
    return 4 * mask_words(rows * columns) if outline.masked else 0


def level_size(outline: LevelOutline, code_widths: npt.NDArray[np.uint8], mask: Mask | None) -> int:
    """Bytes of the LEVL section with these code widths and this mask."""
    words = tile_words(*outline.stored(mask), outline.features, outline.tile_log2, code_widths)
    return mask_size(outline) + 8 * code_widths.size + 4 * int(words.sum())


def read_level(raw: bytes, outline: LevelOutline) -> Level:
    """The level in a LEVL section; its codes are a view of `raw`. Raises FormatError D1, D2, D6."""
    first = mask_size(outline)
    require(len(raw) >= first, "D2", len(raw), f"{len(raw)} bytes", f">= {first}")
    mask = _read_mask(raw, outline) if outline.masked else None
    rows, columns = tile_grid(*outline.stored(mask), outline.tile_log2)
    end = first + 8 * rows * columns
    require(len(raw) >= end, "D2", len(raw), f"{len(raw)} bytes", f">= {end}")
    tiles = np.frombuffer(raw, _TILE, rows * columns, first).reshape(rows, columns)
    widths = (tiles["start_width"] >> _START_BITS).astype(np.uint8)
    bad = np.flatnonzero(widths > 8)
    if bad.size:
        at = first + 8 * int(bad[0])
        raise FormatError("D1", at, f"code width {widths.flat[bad[0]]}", "0..8")
    size = level_size(outline, widths, mask)
    require(len(raw) == size, "D2", len(raw), f"{len(raw)} bytes", size)
    words = np.frombuffer(raw, "<u4", offset=end).astype(np.uint32, copy=False)
    shape = (outline.width, outline.height, outline.features, outline.tile_log2)
    scales, offsets = tiles["scale"].astype(np.uint16), tiles["offset"].astype(np.int16)
    layout = replace(outline.layout, mask=mask)
    level = Level(*shape, widths, offsets, scales, words, layout)
    starts = (tiles["start_width"] & ((1 << _START_BITS) - 1)).astype(np.int64)
    bad = np.flatnonzero(starts != level.starts)
    if bad.size:
        found, at = starts.flat[bad[0]], first + 8 * int(bad[0])
        raise FormatError("D2", at, f"first word {found}", level.starts.flat[bad[0]])
    return level


def _read_mask(raw: bytes, outline: LevelOutline) -> Mask:
    rows, columns = block_grid(outline.width, outline.height, outline.layout.block_log2)
    packed = np.frombuffer(raw, np.uint8, mask_size(outline))
    bits = np.unpackbits(packed, bitorder="little")
    require(not bits[rows * columns :].any(), "D6", 0, "bits set after the last block", "zeros")
    require(bool(bits.any()), "D6", 0, "a mask that keeps no block", "at least one")
    return bits[: rows * columns].reshape(rows, columns).astype(np.bool_)


def empty_level(outline: LevelOutline) -> Level:
    """A level whose codes have not arrived: all latents zero, however it will be stored."""
    tile_log2 = spec.TILE_LOG2_RANGE[1]
    grid = tile_grid(outline.width, outline.height, tile_log2)
    return Level(
        outline.width,
        outline.height,
        outline.features,
        tile_log2,
        np.zeros(grid, np.uint8),
        np.zeros(grid, np.int16),
        np.zeros(grid, np.uint16),
        np.empty(0, np.uint32),
        Layout(outline.layout.simplex),
    )
