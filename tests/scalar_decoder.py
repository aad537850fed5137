"""A second decoder, written from docs/format.md alone: one texel at a time, in Python integers.

Shares no code with ntc. Every intermediate goes through `i32` or `u32`, which fail when a 32-bit
machine would have overflowed. It trusts the file: refusing is the reader's business.
"""

import struct
from dataclasses import dataclass
from itertools import pairwise

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
    section: bytes = b""


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
    for i in range(count):
        entry = struct.unpack_from("<4sIQQQII", data, 40 + 40 * i)
        kind, index, offset, stored, raw, codec, _ = entry
        body = data[offset : offset + stored]
        sections[kind, index] = zstandard.decompress(body, raw) if codec else body
    material, widths = parse_model(sections[b"MODL", 0])
    material.layers = parse_network(sections[b"NETW", 0], widths)
    for i, grid in enumerate(material.grids):
        grid.section = sections[b"LEVL", i]
    return material


def parse_model(raw: bytes) -> tuple[Material, Ints]:
    """Chapter 4."""
    width, height, mips, _, n_levels, n_layers, wrap_u, wrap_v = struct.unpack_from(
        "<IIBBBBBB", raw
    )
    widths = list(struct.unpack_from("<5H", raw, 16))[: n_layers + 1]
    grids = [Grid(*struct.unpack_from("<IIBB", raw, 28 + 12 * i)) for i in range(n_levels)]
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
    u, v = texel_position(x, width), texel_position(y, height)
    inputs = [0] * material.inputs
    inputs[-1] = 8 * mip
    for grid, role in zip(material.grids, material.roles[mip], strict=True):
        if role != NOT_READ:
            inputs[role : role + grid.features] = features(grid, u, v, material.wrap)
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
    x0, x1 = (address(x + i, grid.width, wrap[0]) for i in (0, 1))
    y0, y1 = (address(y + i, grid.height, wrap[1]) for i in (0, 1))
    corners = [latents(grid, yi, xi) for yi, xi in ((y0, x0), (y0, x1), (y1, x0), (y1, x1))]
    result = []
    for a, b, c, d in zip(*corners, strict=True):
        top = i32(i32(a * (256 - fx)) + i32(b * fx))
        bottom = i32(i32(c * (256 - fx)) + i32(d * fx))
        blend = i32(i32(i32(top * (256 - fy)) + i32(bottom * fy)) + (1 << 22))
        result.append(blend >> 23)
        assert -127 <= result[-1] <= 127
    return result


def latents(grid: Grid, y: int, x: int) -> Ints:
    """Section 8.6."""
    side = 1 << grid.tile_log2
    columns, rows = -(-grid.width // side), -(-grid.height // side)
    tile_x, tile_y = x // side, y // side
    entry = struct.unpack_from("<IHh", grid.section, 8 * (tile_y * columns + tile_x))
    start, code_width, scale, offset = entry[0] & 0xFFFFFFF, entry[0] >> 28, entry[1], entry[2]
    cell = (y % side) * min(side, grid.width - tile_x * side) + x % side
    result = []
    for f in range(grid.features):
        bit = u32((cell * grid.features + f) * code_width)
        code = read_bits(
            grid.section, 8 * rows * columns + 4 * (start + bit // 32), bit % 32, code_width
        )
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
