#!/usr/bin/env python3
"""Draw the README's picture: original, decoded and difference of each map of a compressed material.

tools/make_picture.py assets/leaf_atlas leaf.ntc docs/images/leaf_atlas.png
"""

import argparse
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import ntc  # noqa: E402
from ntc.texture import read_image, write_image  # noqa: E402

GAIN = 8  # of the difference
GAP = 8  # texels of white between tiles


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="the original images")
    parser.add_argument("file", type=Path, help="the .ntc made of them")
    parser.add_argument("picture", type=Path)
    parser.add_argument("--crop", type=int, default=192, help="texels a side, from the centre")
    options = parser.parse_args()
    material = ntc.open(options.file)
    decoded = material.original_maps()
    rows = [
        row(read_image(options.folder / record.file), decoded[record.name], options.crop)
        for record in material.maps
        if record.sample.value == "uint8"
    ]
    options.picture.parent.mkdir(parents=True, exist_ok=True)
    write_image(options.picture, np.concatenate(rows)[:-GAP])
    return 0


def row(original: np.ndarray, decoded: np.ndarray, crop: int) -> np.ndarray:
    """Three tiles side by side, with white to the right of each and below."""
    difference = np.abs(original.astype(int) - decoded.astype(int)) * GAIN
    tiles = (original, decoded, np.minimum(difference, 255).astype(np.uint8))
    padded = [
        np.pad(tile(t, crop), ((0, GAP), (0, GAP), (0, 0)), constant_values=255) for t in tiles
    ]
    return np.concatenate(padded, axis=1)[:, :-GAP]


def tile(pixels: np.ndarray, crop: int) -> np.ndarray:
    """The centre of a map as RGB."""
    y, x = ((n - min(crop, n)) // 2 for n in pixels.shape[:2])
    part = pixels[y : y + crop, x : x + crop]
    return np.repeat(part[:, :, :1], 3, axis=2) if part.shape[2] < 3 else part[:, :, :3]


if __name__ == "__main__":
    sys.exit(main())
