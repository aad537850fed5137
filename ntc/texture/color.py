"""Transfer curves between what an image stores, storage space 0..1 and light.

Storage space is what a model is fitted to: x / 255 or x / 65535 for integers, and the curve of
the map for half and float samples. Every function works element by element and keeps the shape.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ntc.format.metadata import Curve

FloatArray = NDArray[np.floating[Any]]


def srgb_to_linear(encoded: FloatArray) -> FloatArray:
    """Decode sRGB, IEC 61966-2-1; keeps the sign and goes on above 1, in the input's precision."""
    size = np.abs(encoded)
    light = np.where(size <= 0.04045, size / 12.92, ((size + 0.055) / 1.055) ** 2.4)
    return np.copysign(light, encoded)


def linear_to_srgb(light: FloatArray) -> FloatArray:
    """Encode sRGB, IEC 61966-2-1; the inverse of `srgb_to_linear`."""
    size = np.abs(light)
    encoded = np.where(size <= 0.0031308, size * 12.92, 1.055 * size ** (1 / 2.4) - 0.055)
    return np.copysign(encoded, light)


def curve_encode(values: FloatArray, curve: Curve, low: float, high: float) -> FloatArray:
    """Bring `values` from low..high to 0..1.

    Linear, or log2(1 + v - low) / log2(1 + high - low), section 9 of docs/format.md.
    """
    if curve is Curve.LINEAR:
        return (values - low) / (high - low)
    encoded: FloatArray = np.log2(1 + values - low) / math.log2(1 + high - low)
    return encoded


def curve_decode(storage: FloatArray, curve: Curve, low: float, high: float) -> FloatArray:
    """Bring 0..1 back into low..high; the inverse of `curve_encode`."""
    if curve is Curve.LINEAR:
        return low + storage * (high - low)
    values: FloatArray = low + np.exp2(storage * math.log2(1 + high - low)) - 1
    return values
