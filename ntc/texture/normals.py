"""Which way green points in a normal map, read from the pixels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ntc.format.metadata import NormalConvention
from ntc.texture.images import Pixels, read_bands, read_header

_WINDOW = 1024
_CLEAR = 0.1


def guess_convention(normal: Path, heights: Sequence[Path]) -> tuple[NormalConvention, str]:
    """Return the convention of a normal map and the reason, for people.

    A height map, of the same size, decides if there is one: with rows counted downwards an OpenGL
    normal is proportional to (-dh/dx, +dh/drow, 1), a DirectX one to (-dh/dx, -dh/drow, 1), so
    the product of the two correlations is negative for OpenGL. A height map stored upside down
    flips both factors and changes nothing. Without a clear answer it is OpenGL.
    """
    vectors = _middle(normal) if heights else None
    for height in heights:
        if vectors is not None and vectors.shape[2] >= 2:
            across, down = _correlations(vectors, _middle(height))
            if min(abs(across), abs(down)) > _CLEAR:
                if across * down < 0:
                    return NormalConvention.OPENGL, "it agrees with the height map"
                return NormalConvention.DIRECTX, "it agrees with the height map"
    return NormalConvention.OPENGL, "assumed, nothing tells"


def _correlations(normal: Pixels, height: Pixels) -> tuple[float, float]:
    """Correlate x with dh/dx and y with dh/drow."""
    relief = height[:, :, 0].astype(np.float64)
    if min(relief.shape) < 3:
        return 0.0, 0.0
    x, y = (normal[:, :, axis].astype(np.float64) for axis in (0, 1))
    return _correlation(x, np.gradient(relief, axis=1)), _correlation(
        y, np.gradient(relief, axis=0)
    )


def _middle(path: Path) -> Pixels:
    """The middle of an image, [h, w, c] of at most 1024 texels a side."""
    header = read_header(path)
    first = max(0, (header.height - _WINDOW) // 2)
    left = max(0, (header.width - _WINDOW) // 2)
    top, parts = 0, []
    for band in read_bands(path):
        rows = slice(max(first - top, 0), max(first + _WINDOW - top, 0))
        parts.append(band[rows, left : left + _WINDOW].copy())
        top += len(band)
        if top >= first + _WINDOW:
            break
    return np.concatenate(parts)


def _correlation(a: Any, b: Any) -> float:
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / norm if norm else 0.0
