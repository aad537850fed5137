"""Samples of a map as a screen shows them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ntc.texture.color import linear_to_srgb


def screen_bytes(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """`[h, w, 1 or 3]` of an image; samples that are no integers are taken for light."""
    shown = pixels[:, :, : 3 if pixels.shape[2] >= 3 else 1]
    if shown.dtype == np.uint8:
        return np.ascontiguousarray(shown, np.uint8)
    if shown.dtype == np.uint16:
        return (shown.astype(np.uint16) >> 8).astype(np.uint8)
    light = np.clip(shown.astype(np.float64), 0, 1)
    return np.rint(255 * linear_to_srgb(light)).astype(np.uint8)
