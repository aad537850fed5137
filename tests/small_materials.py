"""Materials that fit in a second: smooth waves, so that a good fit shows."""

from pathlib import Path

import numpy as np
from material_files import put

NAMES = {"bricks_albedo.png", "bricks_normal_gl.png", "bricks_height.png", "bricks_ao.tif"}


def waves(width: int, height: int, channels: int, top: int = 255) -> np.ndarray:
    """`[h, w, channels]` integer samples 0..top, another wave in each channel."""
    y, x = np.mgrid[:height, :width]
    planes = [
        0.5 + 0.4 * np.sin(2 * np.pi * ((1 + c % 3) * x / width + (c % 2) * y / height) + c)
        for c in range(channels)
    ]
    return np.rint(np.stack(planes, -1) * top).astype(np.uint8 if top < 256 else np.uint16)


def make_bricks(folder: Path, width: int = 24, height: int = 16) -> Path:
    """Four maps: RGB with alpha, a normal, 16-bit grey, and a constant."""
    put(folder / "bricks_albedo.png", waves(width, height, 4))
    put(folder / "bricks_normal_gl.png", waves(width, height, 3))
    put(folder / "bricks_height.png", waves(width, height, 1, 65535))
    put(folder / "bricks_ao.tif", np.full((height, width, 1), 200, np.uint8))
    return folder
