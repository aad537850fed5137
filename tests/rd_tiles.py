"""A small material with all that `ntc bench rd` treats in a way of its own."""

from pathlib import Path

import numpy as np
from material_files import put, write_manifest
from small_materials import waves

from ntc.bench.rd import Fits

WIDTH, HEIGHT = 50, 40  # not a multiple of every block
FITS = Fits((2.0, 40.0), "fast", texels=1 << 15, threads=1)


def make_tiles(folder: Path) -> Path:
    """A colour, a normal with a constant z, a smaller map, two channels, and a copy of one."""
    rng = np.random.default_rng(0)

    def noisy(width: int, height: int, channels: int) -> np.ndarray:
        noise = rng.integers(-9, 10, (height, width, channels))
        return np.clip(waves(width, height, channels) + noise, 0, 255).astype(np.uint8)

    normal = noisy(WIDTH, HEIGHT, 3)
    normal[:, :, 2] = 230
    put(folder / "tiles_albedo.png", noisy(WIDTH, HEIGHT, 3))
    put(folder / "tiles_normal.png", normal)
    put(folder / "tiles_height.png", noisy(20, 16, 1))
    put(folder / "tiles_other.png", mask := noisy(WIDTH, HEIGHT, 2))
    put(folder / "tiles_roughness.png", mask[:, :, :1])
    names = ("albedo", "normal", "height", "other", "roughness")
    write_manifest(folder, *({"file": f"tiles_{name}.png", "semantic": name} for name in names))
    return folder
