#!/usr/bin/env python3
"""Write tests/data/golden/v1/: files of version 1 and what they decode to, for ever.

Golden files are added, never rewritten: this refuses to touch one that exists. Run with
`PYTHONPATH=tests:.`.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from models import plain_file, random_file

from ntc.decode import reference
from ntc.format import container, spec
from ntc.format.model import QuantizedModel

GOLDEN = Path(__file__).resolve().parents[1] / "tests" / "data" / "golden" / "v1"
MOST_VALUES = 12_000  # per mip; of larger ones a rectangle is kept
FILES = {
    "plain": plain_file(),
    "one-texel": random_file(34),
    "one-row": random_file(53),
    "one-level-400-tiles": random_file(72),
    "sixteen-levels": random_file(76),
    "seven-mips-wide-decoder": random_file(4),
    "mixed-widths": random_file(55),
    "four-layers": random_file(67),
    "extreme-numbers": random_file(66),
}


def expected(model: QuantizedModel) -> dict[str, npt.NDArray[np.uint16]]:
    """`mip_x_y_w_h` -> `[h, w, channels]` for every mip."""
    values = {}
    for mip in range(model.mips):
        width, height = spec.mip_size(model.width, model.height, mip)
        x = y = 0
        w, h = width, height
        while w * h * model.channels > MOST_VALUES:
            w, h = (w + 1) // 2, (h + 1) // 2
            x, y = width - w, height - h
        values[f"{mip}_{x}_{y}_{w}_{h}"] = reference.decode(model, mip, (x, y, w, h))
    return values


def main() -> None:
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for name, file in FILES.items():
        path = GOLDEN / f"{name}.ntc"
        if path.exists():
            print(f"{name}: exists, left alone")
            continue
        path.write_bytes(container.write(file))
        np.savez_compressed(path.with_suffix(".npz"), **expected(file.model))
        print(f"{name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
