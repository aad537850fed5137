"""Codec 2 in plain Python: the section of a level as decisions, chapter 14 of docs/format.md.

One function for each kind of decision serves both directions: it is given what an encoder knows
and returns what was coded. The native core has the same, a hundred times as fast.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from ntc.errors import FormatError
from ntc.format import bits, sections, spec
from ntc.format.layout import Mask, block_grid
from ntc.format.model import Level, tile_grid, tile_sides
from ntc.format.range_coder import Coder, Decoder, Encoder, new_model
from ntc.format.sections import LevelOutline

_WIDTHS: Final = 9  # of codes: 0..8 bits
_RAW_ZERO: Final = 1 << 14
# The class of an activity, in steps of a tile; all above 31 are of the last one.
_ACTIVITY_CLASS: Final = [0, 1, 2, 3, 4, 5, 6, 6, 7, 7, 7, 8, 8, 8, 8] + [9] * 7 + [10] * 10
_CLASSES: Final = 11


@dataclass(slots=True)
class Tile:
    """What the directory says of a tile, and its codes in their order."""

    width: int = 0
    scale: int = 0
    offset: int = 0
    inverse: int = 0  # 65536 // scale + 1: what divides by the scale
    zero: int = 0  # the code whose latent is closest to 0
    codes: bytearray = field(default_factory=bytearray)


def pack(section: bytes, outline: LevelOutline, coder: Encoder | None = None) -> bytes:
    """The stored bytes of a legal section, from an encoder that has coded nothing."""
    level = sections.read_level(section, outline)
    coder = coder or Encoder()
    mask = level.layout.mask
    if mask is not None:
        _code_mask(coder, mask)
    tiles = _tiles_of(level)
    rows, columns = level.tiles
    _code_directory(coder, tiles, (rows, columns))
    _code_codes(coder, outline, level.stored, tiles)
    return coder.finish()


def unpack(stored: bytes, outline: LevelOutline, size: int) -> bytes:
    """The section of `size` bytes in stored ones; takes time and memory in proportion to its size.

    Raises FormatError E1 (not the bytes of an encoder), E2 (another size, a directory that is not
    legal) or E3 (a code outside its tile).
    """
    coder = Decoder(stored)
    mask_size = sections.mask_size(outline)
    _check_size(mask_size, size)
    mask = None
    if outline.masked:
        grid = block_grid(outline.width, outline.height, outline.layout.block_log2)
        mask = _code_mask(coder, np.zeros(grid, np.bool_))
    stored_grid = outline.stored(mask)
    rows, columns = tile_grid(*stored_grid, outline.tile_log2)
    _check_size(mask_size + 8 * rows * columns, size)
    tiles = [Tile() for _ in range(rows * columns)]
    _code_directory(coder, tiles, (rows, columns))
    code_widths = np.array([tile.width for tile in tiles], np.uint8).reshape(rows, columns)
    found = sections.level_size(outline, code_widths, mask)
    if found != size:
        raise FormatError("E2", 0, f"a section of {found} bytes", f"{size} as in the table")
    cells = np.outer(*(tile_sides(n, outline.tile_log2) for n in reversed(stored_grid)))
    for tile, count in zip(tiles, cells.ravel().tolist(), strict=True):
        tile.codes = bytearray(count * outline.features if tile.width else 0)
    _code_codes(coder, outline, stored_grid, tiles)
    coder.finish()
    return sections.write_level(_level_of(outline, mask, tiles, (rows, columns)))


def _check_size(least: int, size: int) -> None:
    if least > size:
        raise FormatError("E2", 0, f"a section of {least} bytes or more", f"{size} as in the table")


def _tiles_of(level: Level) -> list[Tile]:
    height, width = (tile_sides(n, level.tile_log2) for n in reversed(level.stored))
    counts = np.outer(height, width).ravel() * level.features
    tiles = []
    for i, start in enumerate(level.starts.ravel().tolist()):
        c = int(level.code_widths.flat[i])
        at = 32 * start + c * np.arange(counts[i] if c else 0)
        codes = bits.extract(level.words, at, np.full(len(at), c)).astype(np.uint8)
        scale, offset = int(level.scales.flat[i]), int(level.offsets.flat[i])
        tiles.append(Tile(c, scale, offset, codes=bytearray(codes.tobytes())))
    return tiles


def _level_of(
    outline: LevelOutline, mask: Mask | None, tiles: list[Tile], grid: tuple[int, int]
) -> Level:
    packed = [
        bits.pack(np.frombuffer(tile.codes, np.uint8)[None], tile.width)[0]
        for tile in tiles
        if tile.width
    ]
    return Level(
        outline.width,
        outline.height,
        outline.features,
        outline.tile_log2,
        np.array([tile.width for tile in tiles], np.uint8).reshape(grid),
        np.array([tile.offset for tile in tiles], np.int16).reshape(grid),
        np.array([tile.scale for tile in tiles], np.uint16).reshape(grid),
        np.concatenate(packed) if packed else np.empty(0, np.uint32),
        replace(outline.layout, mask=mask),
    )


def _code_mask(coder: Coder, mask: Mask) -> Mask:
    """Chapter 14.2: block by block, between the left and the upper one."""
    kept = new_model(4)
    upper = [False] * mask.shape[1]
    for row in mask:
        left = False
        for column, one in enumerate(row.tolist()):
            left = coder.decide(kept, 2 * upper[column] + left, one)
            upper[column] = left
        row[:] = upper
        coder.check()
    if not mask.any():
        raise FormatError("E2", 0, "a mask that keeps no block", "at least one")
    return mask


def _code_directory(coder: Coder, tiles: list[Tile], grid: tuple[int, int]) -> None:
    """Chapter 14.3: tile by tile in row order."""
    rows, columns = grid
    model = _TileModel()
    for row in range(rows):
        for i in range(row * columns, (row + 1) * columns):
            left = tiles[i - 1].width if i > row * columns else 0
            upper = tiles[i - columns].width if row else 0
            model.code(coder, tiles[i], left + upper)
        coder.check()


class _TileModel:
    """What is learned of width, scale and offset of tiles."""

    def __init__(self) -> None:
        self._wider = [new_model(_WIDTHS - 1) for _ in range(2 * _WIDTHS - 1)]
        self._same, self._exact = new_model(_WIDTHS), new_model(_WIDTHS)
        self._same_scale = new_model(1)
        self._zero = [new_model(1 << c) for c in range(_WIDTHS)]
        self._last = [(0, 0)] + [(1, 0)] * (_WIDTHS - 1)  # scale and offset, by width
        self._last_scale = 1

    def code(self, coder: Coder, tile: Tile, around: int) -> None:
        """The next tile; `around` is the sum of the widths left of it and above."""
        c = 0
        while c < _WIDTHS - 1 and coder.decide(self._wider[around], c, tile.width > c):
            c += 1
        tile.width = c
        if coder.decide(self._same, c, (tile.scale, tile.offset) == self._last[c]):
            tile.scale, tile.offset = self._last[c]
        else:
            tile.scale = self._code_scale(coder, tile.scale) if c else 0
            tile.offset = self._code_offset(coder, tile)
        highest = tile.offset + tile.scale * ((1 << c) - 1)
        if tile.offset < -spec.LATENT_LIMIT or highest > spec.LATENT_LIMIT:
            found = f"latents {tile.offset}..{highest}"
            raise FormatError("E2", 0, found, f"within +-{spec.LATENT_LIMIT}")
        if (c == 0) != (tile.scale == 0):
            raise FormatError("E2", 0, f"scale 0 of a tile of width {c}", "1 or more")
        self._last[c] = tile.scale, tile.offset
        if c:
            self._last_scale = tile.scale
            tile.inverse = 65536 // tile.scale + 1
            tile.zero = _nearest_code(tile, 0)

    def _code_scale(self, coder: Coder, scale: int) -> int:
        if coder.decide(self._same_scale, 0, scale == self._last_scale):
            return self._last_scale
        return coder.raw(15, scale)

    def _code_offset(self, coder: Coder, tile: Tile) -> int:
        c, codes = tile.width, 1 << tile.width
        code = -tile.offset // max(tile.scale, 1)
        exact = tile.offset == -tile.scale * code and 0 <= code < codes
        if not coder.decide(self._exact, c, exact):
            return coder.raw(15, tile.offset + _RAW_ZERO) - _RAW_ZERO
        node = 1
        for i in range(c - 1, -1, -1):
            node = 2 * node + coder.decide(self._zero[c], node, bool(code >> i & 1))
        return -tile.scale * (node - codes)


def _nearest_code(tile: Tile, latent: int) -> int:
    distance = max(latent - tile.offset, 0) + (tile.scale >> 1)
    return min(distance * tile.inverse >> 16, (1 << tile.width) - 1)


class _CodeModel:
    """What is learned of the codes of one feature."""

    def __init__(self) -> None:
        self.differs = new_model(3 * _CLASSES)  # whether a code is another than predicted
        self.below = new_model(5 * 27)  # whether it is lower
        self.longer = [new_model(7) for _ in range(3 * _CLASSES)]  # one more bit of difference
        self.bits = new_model(256)  # the bits of the difference below its highest


def _code_codes(
    coder: Coder, outline: LevelOutline, stored: tuple[int, int], tiles: list[Tile]
) -> None:
    """Chapter 14.4: line by line of the stored grid, through all tiles that a line crosses."""
    features, side = outline.features, 1 << outline.tile_log2
    width, height = stored
    columns = -(-width // side)
    models = [_CodeModel() for _ in range(features)]
    # Latents of the line above, from its first cell to the one before of this line; on either side
    # a cell of zeros.
    latents = [0] * ((width + 2) * features)
    for top in range(0, height, side):
        row = tiles[top // side * columns :][:columns]
        lines = min(side, height - top) if any(tile.width for tile in row) else 1
        for line in range(lines):
            corner = [0] * features  # the line above, one cell back
            for i, tile in enumerate(row):
                wide = min(side, width - i * side)
                begin, end = (i * side + 1) * features, (i * side + 1 + wide) * features
                if tile.width:
                    _code_line(coder, models, tile, line * wide, (begin, end), latents, corner)
                    continue
                if i + 1 < columns and row[i + 1].width:
                    corner = latents[end - features : end]
                if line == 0:
                    latents[begin:end] = [tile.offset] * (end - begin)
            coder.check()


def _code_line(
    coder: Coder,
    models: list[_CodeModel],
    tile: Tile,
    cell: int,  # of the tile, the first on this line
    span: tuple[int, int],  # of this line in `latents`
    latents: list[int],
    corner: list[int],  # the latents above, one cell back; moved to the end of the line
) -> None:
    codes, features = tile.codes, len(models)
    i = cell * features
    surprise = 0  # how far the code of the feature before was from its prediction
    for at in range(*span):
        f = (at - span[0]) % features
        if f == 0:
            surprise = 0
        left, upper, right = latents[at - features], latents[at], latents[at + features]
        low, high = (left, upper) if left < upper else (upper, left)
        predicted = _nearest_code(tile, max(low, min(high, left + upper - corner[f])))
        lean = max(-2, min(2, predicted - tile.zero))
        spread = abs(left - corner[f]) + abs(upper - corner[f]) + abs(right - upper)
        activity = (min(spread, 65535) * tile.inverse >> 16) + surprise
        context = 3 * _ACTIVITY_CLASS[min(activity, 31)] + abs(lean)
        slope = 9 * _compare(left, corner[f]) + 3 * _compare(upper, corner[f])
        slope += 27 * (lean + 2) + _compare(right, upper)
        most = predicted, (1 << tile.width) - 1 - predicted
        known = codes[i] - predicted
        difference = _code_difference(coder, models[f], context, slope, most, known)
        codes[i] = predicted + difference
        i += 1
        surprise = abs(difference)
        corner[f] = upper
        latents[at] = tile.offset + tile.scale * (predicted + difference)


def _code_difference(
    coder: Coder,
    model: _CodeModel,
    context: int,
    slope: int,
    most: tuple[int, int],  # codes below and above the predicted one
    difference: int,
) -> int:
    if not coder.decide(model.differs, context, difference != 0):
        return 0
    lower, higher = most
    below = lower > 0 and (higher == 0 or coder.decide(model.below, slope, difference < 0))
    limit, size = lower if below else higher, abs(difference)
    extra = 0
    while 2 << extra <= limit and coder.decide(model.longer[context], extra, size >= 2 << extra):
        extra += 1
    value = 1
    for i in range(extra - 1, -1, -1):
        value = 2 * value + coder.decide(model.bits, (1 << extra) + value, bool(size >> i & 1))
    if value > limit:
        raise FormatError("E3", 0, f"a code {value} from the predicted one", f"at most {limit}")
    return -value if below else value


def _compare(a: int, b: int) -> int:
    return (a > b) - (a < b) + 1
