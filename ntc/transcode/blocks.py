"""Block compression by the package `ispc_texcomp`, and the way back by `imagecodecs`.

docs/decisions/0012-transcode.md says why the encoder is not ours, and what its profiles cost.
"""

from __future__ import annotations

import importlib
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from ntc.errors import RuntimeFailure
from ntc.transcode.formats import TextureFormat

Quality = Literal["fast", "slow"]  # of BC6H and BC7: the others have no profiles
Pixels = NDArray[Any]

# Its own `slow` takes four times as long as `basic`, and gains 0.2 dB on the mean.
_PROFILES: Final[dict[Quality, str]] = {"fast": "fast", "slow": "basic"}

# The encoder hears no Ctrl-C: this many texels, a fifth of a second, are encoded in one call.
_STRIP_TEXELS: Final = 1 << 16


def check_installed() -> None:
    """Raises RuntimeFailure unless block compression can run here."""
    _package("ispc_texcomp")
    _package("imagecodecs")


def encode(pixels: Pixels, format: TextureFormat, quality: Quality) -> bytes:
    """The blocks of an image `[h, w, channels]` of the format's type, row by row.

    `channels` are the `encoded_channels` of the format. Sides that are no multiple of 4 are filled
    up with the last row and column.
    """
    if format.side == 1:
        return pixels.tobytes()
    height, width, _ = pixels.shape
    padded = np.pad(pixels, ((0, -height % 4), (0, -width % 4), (0, 0)), "edge")
    rows = max(_STRIP_TEXELS // padded.shape[1] // 4, 1) * 4
    strips = [padded[top : top + rows] for top in range(0, len(padded), rows)]
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        return b"".join(threads.map(lambda strip: _compress(strip, format, quality), strips))


def decode(blocks: bytes, format: TextureFormat, width: int, height: int) -> Pixels:
    """`[h, w, channels]` samples of the format's type, as a GPU would read them."""
    if format.side == 1:
        return np.frombuffer(blocks, format.dtype).reshape(height, width, format.channels)
    number = int(format.name[2])  # of BC1 to BC7
    padded = height + -height % 4, width + -width % 4
    channels = 4 if format.name == "bc1" else format.channels
    shape = padded if channels == 1 else (*padded, channels)
    decoded = _package("imagecodecs").bcn_decode(blocks, number, shape=shape)
    pixels: Pixels = decoded.reshape(*padded, channels)
    return pixels[:height, :width, : format.channels]


def _compress(strip: Pixels, format: TextureFormat, quality: Quality) -> bytes:
    ispc = _package("ispc_texcomp")
    height, width, channels = strip.shape
    stride = width * channels * strip.itemsize
    surface = ispc.RGBASurface(strip.tobytes(), width, height, stride)
    settings, profile = [], _PROFILES[quality]
    if format.name == "bc7":
        opaque = bool((strip[..., 3] == 255).all())
        profile = profile if opaque else f"alpha_{profile}"
        settings = [ispc.BC7EncSettings.from_profile(profile)]
    elif format.name == "bc6h":
        settings = [ispc.BC6HEncSettings.from_profile(profile)]
    blocks: bytes = getattr(ispc, f"compress_blocks_{format.name}")(surface, *settings)
    # For BC1 it returns twice what it filled.
    return blocks[: format.level_bytes(width, height)]


def _package(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise RuntimeFailure(
            f"the package `{name}` is not installed: pip install 'ntc[transcode]'"
        ) from error
