"""KTX2 files: the Khronos KTX 2.0 specification, with the basic data format descriptor.

No supercompression: the specification itself finds it of little use on blocks, and a `.ntc` is the
small form of the material.
"""

from __future__ import annotations

import math
import struct
from importlib.metadata import version
from typing import Final, NamedTuple

from ntc.errors import InputError
from ntc.transcode.formats import Level, Texture, first_level

_IDENTIFIER: Final = b"\xabKTX 20\xbb\r\n\x1a\n"
_HEADER: Final = struct.Struct("<12s9I4I2Q")
_LEVEL: Final = struct.Struct("<3Q")

_RGBSDA: Final = 1  # color model of formats without blocks
_ALPHA: Final = 15  # channel number of alpha in every model
_LINEAR, _SIGNED, _FLOAT = 0x10, 0x40, 0x80  # what a sample is, beside its channel number
_FLOAT_ONE, _FLOAT_MINUS_ONE = 0x3F800000, 0xBF800000


class _Codes(NamedTuple):
    """What the specifications call a format."""

    vulkan: tuple[int, int]  # VkFormat without and with the sRGB curve
    model: int  # color model of the data format descriptor
    samples: tuple[int, ...]  # channel number of each part of a block, in order
    kind: int = 0  # _SIGNED and _FLOAT


_CODES: Final = {
    "bc1": _Codes((131, 132), 128, (0,)),
    "bc3": _Codes((137, 138), 130, (_ALPHA, 0)),
    "bc4": _Codes((139, 139), 131, (0,)),
    "bc5": _Codes((141, 141), 132, (0, 1)),
    "bc6h": _Codes((143, 143), 133, (0,), _FLOAT),
    "bc7": _Codes((145, 146), 134, (0,)),
    "rgba8": _Codes((37, 43), _RGBSDA, (0, 1, 2, _ALPHA)),
    "rgba16f": _Codes((97, 97), _RGBSDA, (0, 1, 2, _ALPHA), _FLOAT | _SIGNED),
}


def chunks(texture: Texture) -> list[bytes]:
    """The bytes of the file: header, index, descriptor, keys, then each level, smallest first."""
    codes, format = _CODES[texture.format.name], texture.format
    descriptor, keys = _descriptor(texture), _keys()
    descriptor_at = _HEADER.size + _LEVEL.size * len(texture.levels)
    keys_at = descriptor_at + len(descriptor)
    header = _HEADER.pack(
        _IDENTIFIER,
        codes.vulkan[texture.srgb],
        format.dtype.itemsize if format.side == 1 else 1,
        texture.width,
        texture.height,
        0,  # depth: not a volume
        0,  # layers: not an array
        1,  # faces
        len(texture.levels),
        0,  # no supercompression
        descriptor_at,
        len(descriptor),
        keys_at,
        len(keys),
        0,
        0,
    )
    body: list[bytes] = []
    index: list[bytes] = []
    end = keys_at + len(keys)
    for level in reversed(texture.levels):
        padding = -end % math.lcm(format.block_bytes, 4)
        body += [bytes(padding), level]
        index.append(_LEVEL.pack(end + padding, len(level), len(level)))
        end += padding + len(level)
    return [header, *reversed(index), descriptor, keys, *body]


def read(data: bytes) -> Level:
    """The first level of a file, of those formats that `ntc export` writes. Raises InputError."""
    if len(data) < _HEADER.size + _LEVEL.size or data[:12] != _IDENTIFIER:
        raise InputError("is no KTX2 file")
    _, code, _, width, height, depth, layers, faces, _, packing, *_ = _HEADER.unpack_from(data)
    if (depth, faces) != (0, 1) or layers > 1:
        raise InputError("is no single image")
    if packing != 0:
        raise InputError("is packed once more (supercompression), which is not read")
    at, size, _ = _LEVEL.unpack_from(data, _HEADER.size)
    name = next((name for name, codes in _CODES.items() if code in codes.vulkan), None)
    return first_level(name, width, height, data[at : at + size])


def _descriptor(texture: Texture) -> bytes:
    """Section 3.10 of KTX 2.0, and chapter 5 of the Khronos Data Format Specification."""
    codes, format = _CODES[texture.format.name], texture.format
    side = format.side - 1
    block = struct.pack(
        "<I2H16B",
        0,  # a basic descriptor, by Khronos
        2,  # its version
        24 + 16 * len(codes.samples),
        codes.model,
        int(texture.color),  # primaries: Rec. 709, or none
        2 if texture.srgb else 1,  # transfer function: sRGB or linear
        0,  # alpha is not multiplied into the colours
        *(side, side, 0, 0),
        *(format.block_bytes, 0, 0, 0, 0, 0, 0, 0),
    )
    block += b"".join(_samples(texture))
    return struct.pack("<I", 4 + len(block)) + block


def _samples(texture: Texture) -> list[bytes]:
    codes = _CODES[texture.format.name]
    bits = 8 * texture.format.block_bytes // len(codes.samples)
    lower, upper = 0, min((1 << bits) - 1, 0xFFFFFFFF)
    if codes.kind & _FLOAT:
        lower, upper = _FLOAT_MINUS_ONE if codes.kind & _SIGNED else 0, _FLOAT_ONE
    samples = []
    for place, channel in enumerate(codes.samples):
        linear = _LINEAR if texture.srgb and channel == _ALPHA else 0
        kind = channel | codes.kind | linear
        samples.append(struct.pack("<H2B4x2I", place * bits, bits - 1, kind, lower, upper))
    return samples


def _keys() -> bytes:
    """The key/value data, sorted by key."""
    entries = {"KTXorientation": "rd", "KTXwriter": f"ntc {version('ntc')}"}
    data = b""
    for key, value in entries.items():
        entry = f"{key}\0{value}\0".encode()
        data += struct.pack("<I", len(entry)) + entry + bytes(-len(entry) % 4)
    return data
