"""Codec 2, a second time: written from chapter 14 of docs/format.md alone, with no code of ntc.

Every number that chapter bounds goes through `u32`. It trusts its bytes: refusing is the reader's
business.
"""

from collections import defaultdict

Key = tuple[object, ...]


def u32(n: int) -> int:
    assert 0 <= n < 1 << 32, n
    return n


class Stream:
    """Chapter 14.1; probabilities are made when they are first asked for, by name."""

    def __init__(self, stored: bytes) -> None:
        self.bytes = list(stored[::-1])
        self.range, self.code = (1 << 32) - 1, 0
        for _ in range(4):
            self.code = self.code << 8 | self.bytes.pop()
        self.known: dict[Key, tuple[int, int]] = defaultdict(lambda: (32768, 0))

    def decide(self, *key: object) -> int:
        p, age = self.known[key]
        bound = u32((self.range >> 15) * (p >> 1))
        one = self.code < bound
        if one:
            self.range, p = bound, p + ((65536 - p) >> 3 + (age >> 3))
        else:
            self.range, p = self.range - bound, p - (p >> 3 + (age >> 3))
            self.code -= bound
        assert 127 <= p <= 65409
        self.known[key] = p, min(age + 1, 32)
        self.more()
        return int(one)

    def raw(self, count: int) -> int:
        value = 0
        for _ in range(count):
            self.range >>= 1
            one = self.code >= self.range
            self.code -= self.range if one else 0
            self.more()
            value = 2 * value + one
        return value

    def more(self) -> None:
        while self.range < 1 << 24:
            self.range = u32(self.range << 8)
            self.code = u32(self.code << 8 | self.bytes.pop())

    def tree(self, count: int, *key: object) -> int:
        node = 1
        for _ in range(count):
            node = 2 * node + self.decide(*key, node)
        return node - (1 << count)


class Tile:
    def __init__(self, width: int, scale: int, offset: int) -> None:
        self.width, self.scale, self.offset = width, scale, offset
        self.top = (1 << width) - 1
        self.inverse = 65536 // scale + 1 if width else 0
        self.zero = self.nearest(0)
        self.bits = self.count = 0

    def nearest(self, latent: int) -> int:
        distance = max(latent - self.offset, 0) + self.scale // 2
        return min(u32(distance * self.inverse) >> 16, self.top)

    def append(self, code: int) -> None:
        self.bits |= code << self.count
        self.count += self.width

    def words(self) -> bytes:
        return self.bits.to_bytes((self.count + 31) // 32 * 4, "little")


def section(stored: bytes, size: tuple[int, int, int, int, int]) -> bytes:
    """The section of a level: its width, height, features, tile_log2 and layout."""
    level_width, level_height, features, tile_log2, layout = size
    stream = Stream(stored)
    block = 1 << (layout >> 5 & 7)
    mask, width, height = b"", level_width, level_height
    if layout >> 8 & 1:
        mask, kept = read_mask(stream, -(-level_width // block), -(-level_height // block))
        width, height = block, block * kept
    elif layout & 31:
        width, height = 1 << (layout & 31) - (layout & 31) // 2, 1 << (layout & 31) // 2
    side = 1 << tile_log2
    columns = -(-width // side)
    tiles = read_tiles(stream, columns, -(-height // side))
    read_codes(stream, tiles, (width, height, features), side)
    assert not stream.bytes
    assert stream.code == 0
    directory, words = b"", b"".join(tile.words() for tile in tiles)
    first = 0
    for tile in tiles:
        directory += (tile.width << 28 | first).to_bytes(4, "little")
        directory += tile.scale.to_bytes(2, "little")
        directory += tile.offset.to_bytes(2, "little", signed=True)
        first += len(tile.words()) // 4
    return mask + directory + words


def read_mask(stream: Stream, columns: int, rows: int) -> tuple[bytes, int]:
    """Chapter 14.2."""
    bits: list[int] = []
    for k in range(columns * rows):
        left = bits[k - 1] if k % columns else 0
        upper = bits[k - columns] if k >= columns else 0
        bits.append(stream.decide("kept", 2 * upper + left))
    number = sum(bit << k for k, bit in enumerate(bits))
    return number.to_bytes((len(bits) + 31) // 32 * 4, "little"), sum(bits)


def read_tiles(stream: Stream, columns: int, rows: int) -> list[Tile]:
    """Chapter 14.3."""
    tiles: list[Tile] = []
    last = {c: (min(c, 1), 0) for c in range(9)}
    last_scale = 1
    for i in range(columns * rows):
        around = tiles[i - 1].width if i % columns else 0
        around += tiles[i - columns].width if i >= columns else 0
        c = 0
        while c < 8 and stream.decide("wider", around, c):
            c += 1
        scale, offset = last[c]
        if not stream.decide("same", c):
            scale = 0
            if c:
                scale = last_scale if stream.decide("same scale") else stream.raw(15)
            if stream.decide("exact", c):
                offset = -scale * stream.tree(c, "zero", c)
            else:
                offset = stream.raw(15) - 16384
        last[c] = scale, offset
        last_scale = scale if c else last_scale
        tiles.append(Tile(c, scale, offset))
    return tiles


def read_codes(stream: Stream, tiles: list[Tile], size: tuple[int, int, int], side: int) -> None:
    """Chapter 14.4."""
    width, height, features = size
    columns = -(-width // side)
    latents: dict[tuple[int, int, int], int] = {}  # of tiles that have codes

    def latent(x: int, y: int, f: int) -> int:
        if not (0 <= x < width and 0 <= y < height):
            return 0
        tile = tiles[y // side * columns + x // side]
        return latents.get((x, y, f), 0) if tile.width else tile.offset

    for y in range(height):
        row = tiles[y // side * columns : (y // side + 1) * columns]
        for i, tile in enumerate(row):
            if not tile.width:
                continue
            for x in range(i * side, min((i + 1) * side, width)):
                before = 0
                for f in range(features):
                    left, above = latent(x - 1, y, f), latent(x, y - 1, f)
                    corner, right = latent(x - 1, y - 1, f), latent(x + 1, y - 1, f)
                    code = read_code(stream, tile, f, before, (left, above, corner, right))
                    before = abs(code[0] - code[1])
                    tile.append(code[0])
                    latents[x, y, f] = tile.offset + tile.scale * code[0]


def read_code(
    stream: Stream, tile: Tile, f: int, before: int, around: tuple[int, int, int, int]
) -> tuple[int, int]:
    """The code and what it was predicted to be."""
    left, above, corner, right = around
    low, high = min(left, above), max(left, above)
    predicted = tile.nearest(max(low, min(high, left + above - corner)))
    lean = min(max(predicted - tile.zero, -2), 2)
    spread = abs(left - corner) + abs(above - corner) + abs(right - above)
    activity = (u32(min(spread, 65535) * tile.inverse) >> 16) + before
    group = sum(activity >= first for first in (1, 2, 3, 4, 5, 6, 8, 11, 15, 22))
    context = 3 * group + abs(lean)
    if not stream.decide("differs", f, context):
        return predicted, predicted
    slope = 9 * sign(left, corner) + 3 * sign(above, corner) + sign(right, above)
    if predicted == 0:
        below = 0
    elif predicted == tile.top:
        below = 1
    else:
        below = stream.decide("below", f, 27 * (lean + 2) + slope)
    most = predicted if below else tile.top - predicted
    n = 0
    while 2 ** (n + 1) <= most and stream.decide("longer", f, context, n):
        n += 1
    size = 2**n + stream.tree(n, "bits", f, n)
    assert size <= most
    return (predicted - size if below else predicted + size), predicted


def sign(a: int, b: int) -> int:
    return 1 if a == b else 2 if a > b else 0
