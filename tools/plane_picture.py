#!/usr/bin/env python3
"""Draw a tilted plane with each filter of the shaders, and print how near each is to the originals.

tools/plane_picture.py ../shared/materials/TPS-ContainerCage
tools/plane_picture.py assets/brick_wall --picture docs/images/filtering.png
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from plane import FILTERS, Picture, Plane, mip_psnrs, plane_view, psnr, supersampled  # noqa: E402

import ntc  # noqa: E402
from ntc.format.model import QuantizedModel  # noqa: E402
from ntc.texture import TextureSet, load_material, maps_from_outputs  # noqa: E402

PIXELS = 256  # of the plane's picture, along a side
MIPS = 6
BIASES = (0.0, -0.5, -1.0)  # of the lod
HEAD = """\
| set | fit | texel, filtered, exact, stochastic | lod - 0.5 | lod - 1 | alike | mips 0 to 5 | ms |
|---|---|---|---|---|---:|---|---|"""
FAR = 64  # pixels a side of the part that is shown enlarged
GAP, TITLE = 8, 16  # pixels around tiles and above them


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="+", help="original images, square")
    parser.add_argument("--effort", default="fast")
    parser.add_argument("--picture", type=Path, help="of the first map of the last material")
    options = parser.parse_args()
    print(HEAD)
    for folder in options.folder:
        textures = load_material(folder)
        pictures = measure(folder, textures, options.effort)
    if options.picture:
        options.picture.parent.mkdir(parents=True, exist_ok=True)
        sheet(pictures, textures).save(options.picture)
    return 0


def measure(folder: Path, textures: TextureSet, effort: str) -> dict[str, Picture]:
    """Prints a row for each fit; returns the pictures of the filtered one and the reference."""
    view = plane_view(PIXELS, textures.width)
    reference = supersampled(textures, view, PIXELS)
    with tempfile.TemporaryDirectory() as compiled:
        plane = Plane(Path(compiled), view, PIXELS)
    for filtering in ("texel", "filtered"):
        settings = ntc.Settings(effort=effort, filtering=filtering)
        model = ntc.compress(folder, settings).file.model
        pictures = {how: plane.draw(model, how) for how in FILTERS}
        cells = [textures.name, filtering]
        for bias in BIASES:
            drawn = (plane.draw(model, how, bias=bias) for how in FILTERS)
            cells.append(numbers(psnr(picture, reference) for picture in drawn))
        cells.append(numbers([psnr(pictures["filtered"], pictures["exact"])]))
        cells.append(numbers(mip_psnrs(model, textures, MIPS)))
        cells.append(", ".join(f"{milliseconds(plane, model, how):.0f}" for how in FILTERS))
        print(f"| {' | '.join(cells)} |", flush=True)
    return pictures | {"reference": reference}


def numbers(values: Iterable[float]) -> str:
    return ", ".join(f"{value:.2f}" for value in values)


def milliseconds(plane: Plane, model: QuantizedModel, how: str) -> float:
    """Of the fastest of five pictures, with copies to and from the device."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        plane.draw(model, how)
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


def sheet(pictures: dict[str, Picture], textures: TextureSet) -> Image.Image:
    """Whole pictures beside each other, and the middle of their far ends, enlarged, below."""
    step = PIXELS + GAP
    out = Image.new("RGB", (step * len(pictures) - GAP, TITLE + 2 * step - GAP), "white")
    for i, (name, picture) in enumerate(pictures.items()):
        stored = np.rint(picture * 65535).astype(np.uint16)
        colors = next(iter(maps_from_outputs(stored, textures.maps).values()))
        whole = Image.fromarray(np.ascontiguousarray(colors[..., :3]))
        left = (PIXELS - FAR) // 2
        far = whole.crop((left, 0, left + FAR, FAR)).resize((PIXELS, PIXELS), Image.NEAREST)
        ImageDraw.Draw(out).text((i * step, 2), name, fill="black")
        out.paste(whole, (i * step, TITLE))
        out.paste(far, (i * step, TITLE + step))
    return out


if __name__ == "__main__":
    sys.exit(main())
