"""DDS files with the DX10 header: the layout of Microsoft's "DDS file layout" reference."""

from __future__ import annotations

import struct
from typing import Final

from ntc.errors import InputError
from ntc.transcode.formats import Level, Texture, first_level

# DXGI_FORMAT without and with the sRGB curve; BC6H is the unsigned one.
_DXGI: Final = {
    "bc1": (71, 72),
    "bc3": (77, 78),
    "bc4": (80, 80),
    "bc5": (83, 83),
    "bc6h": (95, 95),
    "bc7": (98, 99),
    "rgba8": (28, 29),
    "rgba16f": (10, 10),
}
_FOUR_CCS: Final = {  # of files without that header
    b"DXT1": "bc1",
    b"DXT5": "bc3",
    b"ATI1": "bc4",
    b"BC4U": "bc4",
    b"ATI2": "bc5",
    b"BC5U": "bc5",
}
_ALPHA_MODE: Final = {"opacity": 1, "none": 3, "data": 4}  # straight, opaque, custom

_CAPS, _HEIGHT, _WIDTH, _PITCH, _PIXEL_FORMAT = 0x1, 0x2, 0x4, 0x8, 0x1000
_MIP_COUNT, _LINEAR_SIZE = 0x20000, 0x80000
_CAPS_COMPLEX, _CAPS_TEXTURE, _CAPS_MIPS = 0x8, 0x1000, 0x400000
_FOUR_CC, _TEXTURE_2D = 0x4, 3


def chunks(texture: Texture) -> list[bytes]:
    """The bytes of the file: its header, then each level, largest first."""
    blocks = texture.format.side > 1
    mips = len(texture.levels)
    # Of blocks the size of the first level, else that of its rows.
    size = len(texture.levels[0]) if blocks else texture.format.level_bytes(texture.width, 1)
    flags = _CAPS | _HEIGHT | _WIDTH | _PIXEL_FORMAT | _MIP_COUNT
    caps = _CAPS_TEXTURE | (_CAPS_COMPLEX | _CAPS_MIPS if mips > 1 else 0)
    header = struct.pack(
        "<4s7I44x2I4s20x4I4x",
        b"DDS ",
        124,
        flags | (_LINEAR_SIZE if blocks else _PITCH),
        texture.height,
        texture.width,
        size,
        1,  # depth
        mips,
        32,  # bytes of the pixel format
        _FOUR_CC,
        b"DX10",
        caps,
        0,
        0,
        0,
    )
    number = _DXGI[texture.format.name][texture.srgb]
    extension = struct.pack("<5I", number, _TEXTURE_2D, 0, 1, _ALPHA_MODE[texture.alpha])
    return [header, extension, *texture.levels]


def read(data: bytes) -> Level:
    """The first level of a file, of those formats that `ntc export` writes. Raises InputError."""
    if len(data) < 148 or data[:4] != b"DDS ":
        raise InputError("is no DDS file")
    height, width = struct.unpack_from("<2I", data, 12)
    code = data[84:88]
    if code != b"DX10":
        return first_level(_FOUR_CCS.get(code), width, height, data[128:])
    number, dimension, _, count, _ = struct.unpack_from("<5I", data, 128)
    if dimension != _TEXTURE_2D or count != 1:
        raise InputError("is no single image")
    name = next((name for name, numbers in _DXGI.items() if number in numbers), None)
    return first_level(name, width, height, data[148:])
