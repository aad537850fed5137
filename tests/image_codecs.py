"""Image codecs written from the specifications, to check ours against."""

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def noise(rng: np.random.Generator, dtype: Any, h: int, w: int, c: int) -> np.ndarray:
    if np.dtype(dtype).kind == "u":
        return rng.integers(0, np.iinfo(dtype).max, (h, w, c), dtype, endpoint=True)
    return (rng.standard_normal((h, w, c)) * 100).astype(dtype)


def pillow(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image).astype(int)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_bytes(
    width: int, height: int, bits: int, color: int, rows: bytes, *extra: tuple[bytes, bytes]
) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0)
    chunks = [(b"IHDR", head), *extra, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*c) for c in chunks)


def plain_png(pixels: np.ndarray) -> bytes:
    """An independent writer: filter 0, big-endian samples."""
    h, w, c = pixels.shape
    raw = pixels.astype(pixels.dtype.newbyteorder(">")).reshape(h, -1)
    rows = b"".join(b"\0" + line.tobytes() for line in raw)
    color = {1: 0, 2: 4, 3: 2, 4: 6}[c]
    return png_bytes(w, h, pixels.dtype.itemsize * 8, color, rows)


def decode_png(data: bytes) -> np.ndarray:
    """An independent reader: PNG specification sections 7 and 9, no interlace, no palette."""
    at, packed, shape = 8, b"", (0, 0, 0, 0)
    while at < len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        if kind == b"IHDR":
            width, height, bits, color = struct.unpack(">IIBB", body[:10])
            shape = (height, width, {0: 1, 4: 2, 2: 3, 6: 4}[color], bits // 8)
        packed += body if kind == b"IDAT" else b""
        at += size + 12
    height, width, channels, size = shape
    step, stride = channels * size, width * channels * size
    raw = zlib.decompress(packed)
    above, out = [0] * stride, bytearray()
    for y in range(height):
        start = y * (stride + 1)
        mode, line = raw[start], list(raw[start + 1 : start + 1 + stride])
        for i in range(stride):
            a = line[i - step] if i >= step else 0
            b, c = above[i], above[i - step] if i >= step else 0
            p = a + b - c
            paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            line[i] = (line[i] + (0, a, b, (a + b) // 2, paeth)[mode]) & 255
        out += bytes(line)
        above = line
    dtype = np.dtype(">u2" if size == 2 else "u1")
    return np.frombuffer(bytes(out), dtype).reshape(height, width, channels)


def plain_exr(pixels: np.ndarray, names: list[str]) -> bytes:
    """An independent writer: one part, scan lines, no compression (OpenEXR file layout)."""
    h, w, _ = pixels.shape
    kind = 1 if pixels.dtype == np.float16 else 2
    order = sorted(range(len(names)), key=lambda i: names[i])
    channels = b"".join(
        names[i].encode() + b"\0" + struct.pack("<iB3xii", kind, 0, 1, 1) for i in order
    )
    box = struct.pack("<iiii", 0, 0, w - 1, h - 1)
    attributes = [
        (b"channels", b"chlist", channels + b"\0"),
        (b"compression", b"compression", b"\0"),
        (b"dataWindow", b"box2i", box),
        (b"displayWindow", b"box2i", box),
        (b"lineOrder", b"lineOrder", b"\0"),
        (b"pixelAspectRatio", b"float", struct.pack("<f", 1)),
        (b"screenWindowCenter", b"v2f", struct.pack("<ff", 0, 0)),
        (b"screenWindowWidth", b"float", struct.pack("<f", 1)),
    ]
    head = b"\x76\x2f\x31\x01" + struct.pack("<i", 2)
    for name, type_name, value in attributes:
        head += name + b"\0" + type_name + b"\0" + struct.pack("<i", len(value)) + value
    head += b"\0"
    lines = [
        struct.pack("<ii", y, w * len(names) * pixels.dtype.itemsize)
        + b"".join(np.ascontiguousarray(pixels[y, :, i]).tobytes() for i in order)
        for y in range(h)
    ]
    start = len(head) + 8 * h
    offsets = [start + sum(map(len, lines[:y])) for y in range(h)]
    return head + struct.pack(f"<{h}Q", *offsets) + b"".join(lines)
