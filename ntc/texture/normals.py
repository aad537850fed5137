"""Which way green points in a normal map, read from the pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ntc.format.metadata import NormalConvention
from ntc.texture.images import Pixels

_WINDOW = 1024
_CLEAR = 0.1


def guess_convention(normal: Pixels, heights: Sequence[Pixels]) -> tuple[NormalConvention, str]:
    """Return the convention of a normal map [h, w, c] and the reason, for people.

    A height map of the same size decides, if one is given: with rows counted downwards an OpenGL
    normal is proportional to (-dh/dx, +dh/drow, 1), a DirectX one to (-dh/dx, -dh/drow, 1), so
    the product of the two correlations is negative for OpenGL. A height map stored upside down
    flips both factors and changes nothing. Without a clear answer it is OpenGL.
    """
    for height in heights:
        if height.shape[:2] == normal.shape[:2] and normal.shape[2] >= 2:
            across, down = _correlations(normal, height)
            if min(abs(across), abs(down)) > _CLEAR:
                if across * down < 0:
                    return NormalConvention.OPENGL, "it agrees with the height map"
                return NormalConvention.DIRECTX, "it agrees with the height map"
    return NormalConvention.OPENGL, "assumed, nothing tells"


def _correlations(normal: Pixels, height: Pixels) -> tuple[float, float]:
    """Correlate x with dh/dx and y with dh/drow over the middle of the images."""
    rows, columns = (_middle(size) for size in normal.shape[:2])
    relief = height[rows, columns, 0].astype(np.float64)
    if min(relief.shape) < 3:
        return 0.0, 0.0
    x, y = (normal[rows, columns, axis].astype(np.float64) for axis in (0, 1))
    return _correlation(x, np.gradient(relief, axis=1)), _correlation(
        y, np.gradient(relief, axis=0)
    )


def _middle(size: int) -> slice:
    start = max(0, (size - _WINDOW) // 2)
    return slice(start, start + _WINDOW)


def _correlation(a: Any, b: Any) -> float:
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / norm if norm else 0.0
