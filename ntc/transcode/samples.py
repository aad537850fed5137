"""Samples of a map as numbers, and as the integers or halves that a texture holds."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ntc.format.metadata import ColorSpace, MapRecord, Sample, Semantic
from ntc.texture.color import curve_encode, linear_to_srgb, srgb_to_linear

Floats = NDArray[np.float32]
Pixels = NDArray[Any]

TOPS: Final = {Sample.UINT8: 255.0, Sample.UINT16: 65535.0, Sample.HALF: 1.0, Sample.FLOAT: 1.0}
_COLORS: Final = {Semantic.ALBEDO, Semantic.SPECULAR, Semantic.EMISSIVE}
_LARGEST_HALF: Final = 65504.0


def is_color(record: MapRecord) -> bool:
    """Whether a map holds colours: with the sRGB curve, or linear ones in float samples."""
    linear = record.sample in (Sample.HALF, Sample.FLOAT) and record.semantic in _COLORS
    return record.color_space is ColorSpace.SRGB or linear


def exceeds_one(record: MapRecord) -> bool:
    """Whether a float map has values that 0 to 1 cannot hold, normals as -1 to 1 aside."""
    if record.sample in (Sample.UINT8, Sample.UINT16):
        return False
    return record.high > 1 or (record.low < 0 and record.semantic is not Semantic.NORMAL)


def values(pixels: Pixels, record: MapRecord, *, srgb: bool, signed: bool) -> Floats:
    """`[h, w, c]` of the samples of a map: 0..1 of integers, floats as they are.

    Colours have the sRGB curve if `srgb`, else they are linear; alpha and data are left alone.
    Without `signed`, normals that come as -1..1 are brought to 0..1.
    """
    result: Floats = pixels.astype(np.float32)
    result /= np.float32(TOPS[record.sample])
    if record.semantic is Semantic.NORMAL and record.low < 0 and not signed:
        result = (result + np.float32(1)) / np.float32(2)
    if is_color(record) and srgb != (record.color_space is ColorSpace.SRGB):
        curve = linear_to_srgb if srgb else srgb_to_linear
        for index, channel in enumerate(record.channels):
            what, _, which = channel.meaning.partition(".")
            if what == record.semantic.value and which != "a":
                result[..., index] = curve(result[..., index])
    return result


def quantized(samples: Floats, dtype: np.dtype[Any]) -> Pixels:
    """The nearest samples of a type: 0..1 as integers, finite halves or floats. Ends are held."""
    if dtype.kind == "u":
        top = np.float32(np.iinfo(dtype).max)
        # The 24 bits of a float32 are enough for the 16 of a sample.
        samples = np.rint(np.clip(samples, 0, 1) * top)
    elif dtype == np.float16:
        samples = np.clip(samples, -_LARGEST_HALF, _LARGEST_HALF)
    rounded: Pixels = samples.astype(dtype)
    return rounded


def storage(samples: Floats, record: MapRecord) -> Floats:
    """Samples of a float map in its storage space 0..1, held at its ends; others as they are."""
    if record.sample in (Sample.UINT8, Sample.UINT16):
        return samples
    held = np.clip(samples, record.low, record.high)
    return np.asarray(curve_encode(held, record.curve, record.low, record.high), np.float32)
