#!/usr/bin/env python3
"""Generate the sample materials of assets/: five sets of 512 x 512 PBR maps under CC0.

The pictures depend only on the code here: every random number has a fixed seed. `--check` makes
them again and compares the pixels with the files; libraries may round differently in the last
bit, so up to ALLOWED of the samples of a map may differ.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import OpenImageIO as oiio  # noqa: N813
from materials import brick_wall, control_panel, leaf_atlas, painted_metal, woven_cloth
from materials.fields import Map

ASSETS = Path(__file__).resolve().parents[1] / "assets"
MATERIALS = {
    module.__name__.rpartition(".")[2]: module
    for module in (brick_wall, painted_metal, woven_cloth, leaf_atlas, control_panel)
}
ALLOWED = 1e-3
STRAIGHT_ALPHA = "oiio:UnassociatedAlpha"
ALL_FILTERS = 0xF8
LICENSE = """\
CC0-1.0

The authors of ntc made these textures with tools/make_assets.py and give up all copyright and
related rights in them, worldwide, under CC0 1.0 Universal:
https://creativecommons.org/publicdomain/zero/1.0/
"""


def map_path(root: Path, material: str, role: str) -> Path:
    """Where a map lies, such as brick_wall/brick_wall_albedo.png."""
    return root / material / f"{material}_{role}.png"


def write_png(path: Path, pixels: Map) -> None:
    """Write [h, w] or [h, w, c] at the depth of its type; equal pixels give equal bytes."""
    samples = np.atleast_3d(pixels)
    height, width, channels = samples.shape
    spec = oiio.ImageSpec(width, height, channels, str(samples.dtype))
    spec.attribute("png:compressionLevel", 9)
    spec.attribute("png:filter", ALL_FILTERS)
    spec.attribute(STRAIGHT_ALPHA, 1)
    output = oiio.ImageOutput.create(str(path))
    if not (output and output.open(str(path), spec) and output.write_image(samples)):
        raise OSError(f"{path}: {output.geterror() if output else oiio.geterror()}")
    output.close()


def read_png(path: Path) -> Map:
    """The stored codes, [h, w] or [h, w, c], with the type of the file's depth."""
    hints = oiio.ImageSpec()
    hints.attribute(STRAIGHT_ALPHA, 1)
    source = oiio.ImageInput.open(str(path), hints)
    if source is None:
        raise OSError(f"{path}: {oiio.geterror()}")
    pixels = source.read_image(0, 0, 0, source.spec().nchannels, source.spec().format)
    source.close()
    if pixels is None:
        raise OSError(f"{path}: {source.geterror()}")
    return pixels[..., 0] if pixels.shape[-1] == 1 else pixels


def same(stored: Map, made: Map) -> bool:
    """True if type and size agree and no more than ALLOWED of the samples differ."""
    if stored.dtype != made.dtype or stored.shape != made.shape:
        return False
    return float(np.mean(stored != made)) <= ALLOWED


def write(root: Path, material: str) -> None:
    """Write all maps of the material and its licence under `root`."""
    (root / material).mkdir(parents=True, exist_ok=True)
    (root / material / "LICENSE").write_text(LICENSE, encoding="utf-8", newline="\n")
    for role, pixels in MATERIALS[material].make().items():
        write_png(map_path(root, material, role), pixels)


def stale(root: Path, material: str) -> list[Path]:
    """The files of the material that are missing, or that would come out different."""
    made = {map_path(root, material, role): p for role, p in MATERIALS[material].make().items()}
    return [path for path, p in made.items() if not path.is_file() or not same(read_png(path), p)]


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0, or 1 if `--check` found a difference."""
    parser = argparse.ArgumentParser(description="Generate the sample materials.")
    parser.add_argument("--out", type=Path, default=ASSETS, help="folder of the materials")
    parser.add_argument("--check", action="store_true", help="compare only; write nothing")
    options = parser.parse_args(arguments)
    if not options.check:
        for material in MATERIALS:
            write(options.out, material)
        return 0
    different = [path for material in MATERIALS for path in stale(options.out, material)]
    for path in different:
        print(f"differs: {path}", file=sys.stderr)
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
