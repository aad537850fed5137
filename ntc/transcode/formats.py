"""The formats that a texture can be exported to, and a texture in one of them."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

import numpy as np

from ntc.errors import InputError
from ntc.format.spec import mip_size

_MAX_SIDE: Final = 16384

Alpha = Literal["none", "opacity", "data"]  # what the fourth channel of a texture holds


@dataclass(frozen=True)
class TextureFormat:
    """How texels lie in memory: in blocks of `side` x `side` texels, row by row."""

    name: str
    channels: int  # that it keeps
    side: int
    block_bytes: int
    dtype: np.dtype[Any]  # of the samples that are encoded
    has_srgb: bool  # whether a GPU can turn its colours to linear light while it samples

    @property
    def label(self) -> str:
        """Its name for people."""
        return self.name.upper()

    @property
    def encoded_channels(self) -> int:
        """Channels that the encoder takes: with three come four."""
        return 4 if self.channels == 3 else self.channels

    def level_bytes(self, width: int, height: int) -> int:
        """Bytes of a level of this many texels."""
        return self.block_bytes * -(-width // self.side) * -(-height // self.side)


def _format(
    name: str, channels: int, block_bytes: int, *, side: int = 4, half: bool = False
) -> TextureFormat:
    dtype: np.dtype[Any] = np.dtype(np.float16 if half else np.uint8)
    has_srgb = channels > 2 and not half
    return TextureFormat(name, channels, side, block_bytes, dtype, has_srgb)


FORMATS: Final = MappingProxyType(
    {
        format.name: format
        for format in (
            _format("bc1", 3, 8),
            _format("bc3", 4, 16),
            _format("bc4", 1, 8),
            _format("bc5", 2, 16),
            _format("bc6h", 3, 16, half=True),
            _format("bc7", 4, 16),
            _format("rgba8", 4, 4, side=1),
            _format("rgba16f", 4, 8, side=1, half=True),
        )
    }
)


@dataclass(frozen=True)
class Texture:
    """A texture with its mips, ready to be put into a file."""

    format: TextureFormat
    srgb: bool  # colours are stored with the sRGB curve
    color: bool  # colours with Rec. 709 primaries, and not data
    alpha: Alpha
    width: int
    height: int
    levels: tuple[bytes, ...]  # largest first

    def __post_init__(self) -> None:
        for mip, level in enumerate(self.levels):
            expected = self.format.level_bytes(*mip_size(self.width, self.height, mip))
            assert len(level) == expected, (mip, len(level), expected)

    @property
    def nbytes(self) -> int:
        """Bytes in video memory."""
        return sum(map(len, self.levels))


@dataclass(frozen=True)
class Level:
    """The first level of a texture that was read."""

    format: TextureFormat
    width: int
    height: int
    data: bytes


def first_level(name: str | None, width: int, height: int, data: bytes) -> Level:
    """A level of the format of this name, whose bytes `data` begin with. Raises InputError."""
    if name is None:
        raise InputError("is in a format that `ntc export` does not write")
    if not (0 < width <= _MAX_SIDE and 0 < height <= _MAX_SIDE):
        raise InputError(f"is {width}x{height}; sides are 1 to {_MAX_SIDE}")
    size = FORMATS[name].level_bytes(width, height)
    if len(data) < size:
        raise InputError(f"ends too early: {size} bytes of its first level, {len(data)} are there")
    return Level(FORMATS[name], width, height, data[:size])


def bc_format(planes: int, *, normal: bool) -> TextureFormat:
    """The format that a map of 8 bits with so many channels is compared in: a normal in BC7."""
    return FORMATS["bc7" if planes > 2 or normal else "bc5" if planes == 2 else "bc4"]
