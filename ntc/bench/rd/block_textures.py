"""BC4, BC5 and BC7 by `ispc_texcomp`, ASTC by `astc-encoder-py`: textures that GPUs sample."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ntc.bench.rd.contender import Contender, image_contender, package, source_digest, versions
from ntc.bench.rd.subject import Bytes, Image
from ntc.transcode.blocks import decode
from ntc.transcode.formats import TextureFormat, bc_format

Floats = npt.NDArray[np.float32]

_WHOLE, _HALF = "whole", "half"  # sizes of the texture that BC is given
_BLOCK_SIDES: Final = ("12x12", "10x10", "8x8", "6x6", "5x5", "4x4")
_STRIP_ROWS: Final = 64  # that a thread encodes at once; a multiple of 4


def texture_contenders() -> list[Contender]:
    """BC with as many channels as there are, ASTC with blocks of all sizes."""
    make = partial(image_contender, texture=True)
    source = {"source": source_digest(Path(__file__))}
    return [
        make(
            "bc7",
            "BC7 for 3 or 4 channels and normals, BC5 for 2, BC4 for 1, slow; at half of the size "
            "upsampled bilinearly",
            (_HALF, _WHOLE),
            _bc,
            source | versions("ispc_texcomp", "imagecodecs"),
        ),
        make(
            "astc",
            "ASTC, LDR linear profile, medium",
            _BLOCK_SIDES,
            _astc,
            source | versions("astc-encoder-py"),
        ),
    ]


def _bc(image: Image, setting: str) -> tuple[int, Bytes]:
    width, height = image.size
    pixels = image.pixels
    if setting == _HALF:
        pixels = resampled(pixels, max(width // 2, 1), max(height // 2, 1))
    blocks, back = _through_bc(pixels, bc_format(pixels.shape[2], normal=image.normal))
    return len(blocks), back if setting == _WHOLE else resampled(back, width, height)


def _through_bc(pixels: Bytes, format: TextureFormat) -> tuple[bytes, Bytes]:
    height, width, planes = pixels.shape
    padded = np.pad(pixels, ((0, -height % 4), (0, -width % 4), (0, 0)), "edge")
    if format.encoded_channels > planes:
        missing = (*padded.shape[:2], format.encoded_channels - planes)
        padded = np.concatenate([padded, np.full(missing, 255, np.uint8)], axis=2)
    strips = [padded[top : top + _STRIP_ROWS] for top in range(0, len(padded), _STRIP_ROWS)]
    profile = "alpha_slow" if planes == 4 else "slow"
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        blocks = b"".join(threads.map(lambda strip: _encode(strip, format, profile), strips))
    return blocks, decode(blocks, format, width, height)[:, :, :planes]


def _encode(strip: Bytes, format: TextureFormat, profile: str) -> bytes:
    ispc: Any = package("ispc_texcomp", "ispc_texcomp")
    height, width, channels = strip.shape
    surface = ispc.RGBASurface(strip.tobytes(), width, height, width * channels)
    settings = [ispc.BC7EncSettings.from_profile(profile)] if format.name == "bc7" else []
    blocks: bytes = getattr(ispc, f"compress_blocks_{format.name}")(surface, *settings)
    return blocks[: format.level_bytes(width, height)]


def _astc(image: Image, setting: str) -> tuple[int, Bytes]:
    astc: Any = package("astc_encoder", "astc-encoder-py")
    height, width, planes = image.pixels.shape
    texels = np.full((height, width, 4), 255, np.uint8)
    if planes <= 2:  # grey, or grey and alpha: what the format has cheap endpoints for
        texels[:, :, :3] = image.pixels[:, :, :1]
        texels[:, :, 3:] = image.pixels[:, :, 1:] if planes == 2 else 255
    else:
        texels[:, :, :planes] = image.pixels
    side = int(setting.partition("x")[0])
    config = astc.ASTCConfig(astc.ASTCProfile.LDR, side, side)
    context = astc.ASTCContext(config, os.cpu_count() or 1)
    swizzle = astc.ASTCSwizzle()
    source = astc.ASTCImage(astc.ASTCType.U8, width, height, 1, texels.tobytes())
    blocks = context.compress(source, swizzle)
    target = astc.ASTCImage(astc.ASTCType.U8, width, height)
    back = context.decompress(blocks, target, swizzle).data
    decoded = np.frombuffer(back, np.uint8).reshape(height, width, 4)
    return len(blocks), decoded[:, :, [0, 3] if planes == 2 else slice(planes)]


def resampled(pixels: Bytes, width: int, height: int) -> Bytes:
    """An image at another size, bilinearly between texel centres, clamped at its borders.

    At half of an even size that is the mean of four texels.
    """
    rows = _along(pixels.astype(np.float32), height)
    columns = _along(rows.transpose(1, 0, 2), width).transpose(1, 0, 2)
    return np.asarray(np.rint(columns), np.uint8)


def _along(image: Floats, count: int) -> Floats:
    """The first axis of an image, resampled to so many texels."""
    position = (np.arange(count, dtype=np.float64) + 0.5) * len(image) / count - 0.5
    position = np.clip(position, 0, len(image) - 1)
    first = np.minimum(position.astype(np.int64), max(len(image) - 2, 0))
    after = np.minimum(first + 1, len(image) - 1)
    part = (position - first).astype(np.float32)[:, None, None]
    return np.asarray(image[first] * (1 - part) + image[after] * part)
