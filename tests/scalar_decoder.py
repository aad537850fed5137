"""A second decoder, written from docs/format.md alone: one texel at a time, in Python integers.

Shares no code with ntc. Every intermediate goes through `i32` or `u32`, which fail when a 32-bit
machine would have overflowed. It trusts the file: refusing is the reader's business.
"""

import struct
from dataclasses import dataclass
from itertools import pairwise

import scalar_entropy
import zstandard

Ints = list[int]
KNEE, NOT_READ = 64, 255


def i32(n: int) -> int:
    assert -(1 << 31) <= n < 1 << 31, n
    return n


def u32(n: int) -> int:
    assert 0 <= n < 1 << 32, n
    return n


@dataclass
class Grid:
    width: int
    height: int
    features: int
    tile_log2: int
    layout: int
    section: bytes = b""

    @property
    def table_log2(self) -> int:
        return self.layout & 31

    @property
    def block_log2(self) -> int:
        return self.layout >> 5 & 7

    @property
    def masked(self) -> bool:
        return self.layout >> 8 & 1 == 1

    @property
    def simplex(self) -> bool:
        return self.layout >> 9 & 1 == 1


@dataclass
class Row:
    bias: int
    shift: int
    weights: Ints


@dataclass
class Material:
    width: int
    height: int
    mips: int
    wrap: tuple[bool, bool]
    inputs: int
    grids: list[Grid]
    roles: list[Ints]
    layers: list[list[Row]]


def parse(data: bytes) -> Material:
    """Chapters 2 to 6."""
    count = struct.unpack_from("<I", data, 20)[0]
    sections = {}
    coded = {}
    for i in range(count):
        entry = struct.unpack_from("<4sIQQQII", data, 40 + 40 * i)
        kind, index, offset, stored, raw, codec, _ = entry
        body = data[offset : offset + stored]
        if codec == 2:
            coded[index] = body
        else:
            sections[kind, index] = zstandard.decompress(body, raw) if codec else body
    material, widths = parse_model(sections[b"MODL", 0])
    material.layers = parse_network(sections[b"NETW", 0], widths)
    for i, grid in enumerate(material.grids):
        if i in coded:
            size = (grid.width, grid.height, grid.features, grid.tile_log2, grid.layout)
            grid.section = scalar_entropy.section(coded[i], size)
        else:
            grid.section = sections[b"LEVL", i]
    return material


def parse_model(raw: bytes) -> tuple[Material, Ints]:
    """Chapter 4."""
    width, height, mips, _, n_levels, n_layers, wrap_u, wrap_v = struct.unpack_from(
        "<IIBBBBBB", raw
    )
    widths = list(struct.unpack_from("<5H", raw, 16))[: n_layers + 1]
    grids = [Grid(*struct.unpack_from("<IIBBH", raw, 28 + 12 * i)) for i in range(n_levels)]
    first = 28 + 12 * n_levels
    roles = [list(raw[first + m * n_levels :][:n_levels]) for m in range(mips)]
    wrap = (wrap_u == 1, wrap_v == 1)
    return Material(width, height, mips, wrap, widths[0], grids, roles, []), widths


def parse_network(raw: bytes, widths: Ints) -> list[list[Row]]:
    """Chapter 5."""
    layers, at = [], 0
    for n_in, n_out in pairwise(widths):
        padded = (n_in + 3) // 4 * 4
        shifts = at + 4 * n_out
        weights = shifts + (n_out + 3) // 4 * 4
        layers.append(
            [
                Row(
                    struct.unpack_from("<i", raw, at + 4 * row)[0],
                    raw[shifts + row],
                    list(struct.unpack_from(f"<{n_in}b", raw, weights + row * padded)),
                )
                for row in range(n_out)
            ]
        )
        at = weights + n_out * padded
    return layers


def decode_texel(material: Material, mip: int, x: int, y: int) -> Ints:
    """Section 8.1."""
    width, height = max(material.width >> mip, 1), max(material.height >> mip, 1)
    return decode_sample(material, texel_position(x, width), texel_position(y, height), 8 * mip)


def decode_sample(material: Material, u: int, v: int, lod: int) -> Ints:
    """Section 8.9."""
    inputs = [0] * material.inputs
    inputs[-1] = lod
    mip, k = lod >> 3, lod & 7
    for i, grid in enumerate(material.grids):
        role = material.roles[mip][i]
        if role != NOT_READ:
            values = features(grid, u, v, material.wrap)
            if k > 0 and material.roles[mip + 1][i] == NOT_READ:
                values = [i32(n * (8 - k) + 4) >> 3 for n in values]
                assert all(-127 <= n <= 127 for n in values)
            inputs[role : role + grid.features] = values
    return mlp(material.layers, inputs)


def texel_position(texel: int, size: int) -> int:
    """Section 8.2, in two divisions of 32 bits."""
    high, rest = divmod(u32((2 * texel + 1) << 12), size)
    return u32((high << 11) + u32(rest << 11) // size)


def cell_position(position: int, cells: int) -> tuple[int, int]:
    """Section 8.3, in two products of 32 bits."""
    high, low = position >> 12, position & 0xFFF
    p = i32((u32(u32(high * cells) + (u32(low * cells) >> 12)) >> 4) - 128)
    return p >> 8, p & 255


def address(cell: int, cells: int, wrap: bool) -> int:
    """Section 8.4."""
    if cell < 0:
        return cells - 1 if wrap else 0
    if cell >= cells:
        return 0 if wrap else cells - 1
    return cell


def features(grid: Grid, u: int, v: int, wrap: tuple[bool, bool]) -> Ints:
    """Section 8.5."""
    x, fx = cell_position(u, grid.width)
    y, fy = cell_position(v, grid.height)
    blends = (
        lattice(grid, x, fx, y, fy, wrap) if grid.simplex else squares(grid, x, fx, y, fy, wrap)
    )
    result = [i32(blend + (1 << 22)) >> 23 for blend in blends]
    assert all(-127 <= n <= 127 for n in result)
    return result


def squares(grid: Grid, x: int, fx: int, y: int, fy: int, wrap: tuple[bool, bool]) -> Ints:
    """Section 8.5.1, before it is rounded."""
    corners = [cell(grid, x + i, y + j, wrap) for j in (0, 1) for i in (0, 1)]
    result = []
    for a, b, c, d in zip(*corners, strict=True):
        top = i32(i32(a * (256 - fx)) + i32(b * fx))
        bottom = i32(i32(c * (256 - fx)) + i32(d * fx))
        result.append(i32(i32(top * (256 - fy)) + i32(bottom * fy)))
    return result


def lattice(grid: Grid, x: int, fx: int, y: int, fy: int, wrap: tuple[bool, bool]) -> Ints:
    """Section 8.5.2, before it is rounded."""
    q = i32(256 * y + fy)
    s = i32(256 * x + fx + (q >> 1))
    i, fi = s >> 8, s & 255
    second = (i + 1, y) if fi >= fy else (i, y + 1)
    corners = []
    for a, j in ((i, y), second, (i + 1, y + 1)):
        column = a - (j >> 1)
        assert -1 <= column <= grid.width
        assert -1 <= j <= grid.height
        corners.append(cell(grid, column, j, wrap))
    w0, w1, w2 = 256 - max(fi, fy), abs(fi - fy), min(fi, fy)
    assert w0 + w1 + w2 == 256
    return [
        i32(i32(i32(a * w0) + i32(b * w1) + i32(c * w2)) << 8)
        for a, b, c in zip(*corners, strict=True)
    ]


def cell(grid: Grid, x: int, y: int, wrap: tuple[bool, bool]) -> Ints:
    """Section 8.5.3: the latents of a cell, which lies at most one outside the level."""
    x, y = address(x, grid.width, wrap[0]), address(y, grid.height, wrap[1])
    bits = grid.block_log2
    inner = (1 << bits) - 1
    block_x, block_y, inner_x, inner_y = x >> bits, y >> bits, x & inner, y & inner
    if grid.masked:
        number = u32(block_y * block_columns(grid) + block_x)
        if not mask_bit(grid, number):
            return [0] * grid.features
        row = u32(sum(mask_bit(grid, k) for k in range(number)) << bits)
        return latents(grid, row | inner_y, inner_x)
    if grid.table_log2:
        columns_log2 = grid.table_log2 - grid.table_log2 // 2 - bits
        product = block_y * 2654435761 & 0xFFFFFFFF
        k = (block_x ^ product) & ((1 << (grid.table_log2 - 2 * bits)) - 1)
        column, row = k & ((1 << columns_log2) - 1), k >> columns_log2
        return latents(grid, row << bits | inner_y, column << bits | inner_x)
    return latents(grid, y, x)


def block_columns(grid: Grid) -> int:
    return -(-grid.width // (1 << grid.block_log2))


def block_count(grid: Grid) -> int:
    """Chapter 4."""
    return block_columns(grid) * -(-grid.height // (1 << grid.block_log2))


def mask_bit(grid: Grid, k: int) -> int:
    return struct.unpack_from("<I", grid.section, 4 * (k >> 5))[0] >> (k & 31) & 1


def stored_grid(grid: Grid) -> tuple[int, int, int]:
    """Chapter 6: width and height of the stored grid, and bytes of the mask."""
    if grid.masked:
        blocks, side = block_count(grid), 1 << grid.block_log2
        kept = sum(mask_bit(grid, k) for k in range(blocks))
        return side, side * kept, 4 * -(-blocks // 32)
    if grid.table_log2:
        half = grid.table_log2 // 2
        return 1 << (grid.table_log2 - half), 1 << half, 0
    return grid.width, grid.height, 0


def latents(grid: Grid, y: int, x: int) -> Ints:
    """Section 8.6."""
    side = 1 << grid.tile_log2
    width, height, first = stored_grid(grid)
    assert 0 <= x < width
    assert 0 <= y < height
    columns, rows = -(-width // side), -(-height // side)
    tile_x, tile_y = x // side, y // side
    entry = struct.unpack_from("<IHh", grid.section, first + 8 * (tile_y * columns + tile_x))
    start, code_width, scale, offset = entry[0] & 0xFFFFFFF, entry[0] >> 28, entry[1], entry[2]
    words = first + 8 * rows * columns
    cell = (y % side) * min(side, width - tile_x * side) + x % side
    result = []
    for f in range(grid.features):
        bit = u32((cell * grid.features + f) * code_width)
        code = read_bits(grid.section, words + 4 * (start + bit // 32), bit % 32, code_width)
        result.append(i32(offset + i32(scale * code)))
        assert -16256 <= result[-1] <= 16256
    return result


def read_bits(section: bytes, at: int, bit: int, count: int) -> int:
    """`count` bits from `bit` of the word at byte `at`; the next word only where they reach it."""
    if count == 0:
        return 0
    code = struct.unpack_from("<I", section, at)[0] >> bit
    if bit + count > 32:
        code |= u32(struct.unpack_from("<I", section, at + 4)[0] << (32 - bit) & 0xFFFFFFFF)
    return code & ((1 << count) - 1)


def mlp(layers: list[list[Row]], x: Ints) -> Ints:
    """Section 8.7."""
    for rows in layers[:-1]:
        x = [activation(i32(row.bias + product(row, x)) >> row.shift) for row in rows]
    sums = [i32(row.bias + i32(256 * product(row, x))) >> row.shift for row in layers[-1]]
    return [min(max(n, 0), 65535) for n in sums]


def product(row: Row, x: Ints) -> int:
    total = 0
    for weight, value in zip(row.weights, x, strict=True):
        assert -128 <= value <= 127
        total = i32(total + weight * value)
    return total


def activation(t: int) -> int:
    """Section 8.8."""
    t = min(max(t, -KNEE), 127)
    return i32(t * min(t + KNEE, 2 * KNEE) + KNEE) >> 7
