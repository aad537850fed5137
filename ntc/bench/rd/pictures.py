"""AVIF, JPEG XL and WebP, by the package `imagecodecs`: files without random access."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from ntc.bench.rd.contender import (
    Codec,
    Contender,
    image_contender,
    package,
    source_digest,
    versions,
)
from ntc.bench.rd.subject import Bytes, Image

_SPEED: Final = 6  # of the AVIF encoder
_EFFORT: Final = 7  # of the JPEG XL encoder
_METHOD: Final = 6  # of the WebP encoder, its slowest
_IDENTITY_MATRIX: Final = 0  # green, blue and red as they are
_QUALITIES: Final = ("15", "25", "35", "50", "65", "80", "90", "96")
_DISTANCES: Final = ("15", "10", "6", "4", "2.5", "1.5", "1", "0.5", "0.2")
_LEVELS: Final = ("5", "20", "40", "60", "75", "85", "95", "100")


def picture_contenders() -> list[Contender]:
    """AVIF as tools write it, AVIF with data maps as they are, JPEG XL, WebP."""
    make = partial(image_contender, texture=False, identity=_identity())
    avif, plain = _codec(_avif), _codec(_avif_rgb)
    return [
        make("avif", f"AVIF 4:4:4, YCbCr, speed {_SPEED}", _QUALITIES, avif),
        make(
            "avif_rgb",
            f"AVIF 4:4:4, colours in YCbCr, data as RGB, speed {_SPEED}",
            _QUALITIES,
            plain,
        ),
        make("jxl", f"JPEG XL, effort {_EFFORT}, by distance", _DISTANCES, _codec(_jxl)),
        make("webp", f"WebP 4:2:0, method {_METHOD}", _LEVELS, _codec(_webp)),
    ]


def _identity() -> dict[str, str]:
    return {"source": source_digest(Path(__file__)), **versions("imagecodecs")}


def _codec(code: Callable[[Any, Bytes, str, bool], tuple[bytes, Bytes]]) -> Codec:
    """Images of up to three planes at a time: a fourth one need not be opacity, and what some
    codecs take for invisible would be lost."""

    def run(image: Image, setting: str) -> tuple[int, Bytes]:
        imagecodecs = package("imagecodecs", "imagecodecs")
        size, decoded = 0, []
        for planes in _colors_and_greys(image.pixels):
            count = planes.shape[2]
            data, back = code(imagecodecs, planes, setting, image.color and count == 3)
            size += len(data)
            decoded.append(back.reshape(*planes.shape[:2], -1)[:, :, :count])
        return size, np.concatenate(decoded, axis=2)

    return run


def _colors_and_greys(pixels: Bytes) -> list[Bytes]:
    """Three planes together, and each other one alone."""
    together = 3 if pixels.shape[2] >= 3 else 0
    parts = [pixels[:, :, :3]] if together else []
    parts += [pixels[:, :, i : i + 1] for i in range(together, pixels.shape[2])]
    return [np.ascontiguousarray(part) for part in parts]


def _avif(codecs: Any, planes: Bytes, setting: str, color: bool) -> tuple[bytes, Bytes]:
    return _encode_avif(codecs, planes, setting)


def _avif_rgb(codecs: Any, planes: Bytes, setting: str, color: bool) -> tuple[bytes, Bytes]:
    matrix = {} if color or planes.shape[2] == 1 else {"matrix": _IDENTITY_MATRIX}
    return _encode_avif(codecs, planes, setting, **matrix)


def _encode_avif(codecs: Any, planes: Bytes, setting: str, **options: int) -> tuple[bytes, Bytes]:
    # Grey is coded without loss by imagecodecs 2026.3.6, whatever the level. As three equal planes
    # it is not, and takes as many bytes as grey takes by Pillow.
    data = codecs.avif_encode(
        _as_rgb(planes), level=int(setting), speed=_SPEED, pixelformat="444", **options
    )
    return data, codecs.avif_decode(data)


def _jxl(codecs: Any, planes: Bytes, setting: str, color: bool) -> tuple[bytes, Bytes]:
    image = planes if planes.shape[2] == 3 else planes[:, :, 0]
    data = codecs.jpegxl_encode(image, distance=float(setting), effort=_EFFORT)
    return data, codecs.jpegxl_decode(data)


def _webp(codecs: Any, planes: Bytes, setting: str, color: bool) -> tuple[bytes, Bytes]:
    data = codecs.webp_encode(_as_rgb(planes), level=float(setting), lossless=False, method=_METHOD)
    return data, codecs.webp_decode(data)


def _as_rgb(planes: Bytes) -> Bytes:
    return planes if planes.shape[2] == 3 else np.repeat(planes, 3, axis=2)
