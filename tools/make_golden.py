#!/usr/bin/env python3
"""Write tests/data/golden/v1/: files of version 1 and what they decode to, for ever.

Golden files are added, never rewritten: this refuses to touch one that exists. Those not listed
here came from tests/models.py as it was on their day. Run with `PYTHONPATH=tests:.`.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from models import plain_file, random_layers

from ntc.decode import reference
from ntc.format import container, spec
from ntc.format.container import NtcFile
from ntc.format.layout import Layout, block_grid, stored_size
from ntc.format.model import Level, QuantizedModel, pack_level, tile_grid

GOLDEN = Path(__file__).resolve().parents[1] / "tests" / "data" / "golden" / "v1"
MOST_VALUES = 12_000  # per mip; of larger ones a rectangle is kept
Rng = np.random.Generator
Size = tuple[int, int]  # width and height


def table(table_log2: int, block_log2: int, *, simplex: bool = False) -> Layout:
    return Layout(simplex, table_log2, block_log2)


def mask(width: int, height: int, block_log2: int, *, simplex: bool = False) -> Layout:
    """A level of this size with about half of its blocks, the last one among them."""
    kept = np.random.default_rng((width, height)).random(block_grid(width, height, block_log2))
    kept[-1, -1] = 0
    return Layout(simplex, block_log2=block_log2, mask=kept < 0.5)


def any_level(rng: Rng, size: Size, tile_log2: int, layout: Layout) -> Level:
    """A level with 1 to 5 features, and tiles of every code width."""
    width, height = stored_size(*size, layout)
    tiles = tile_grid(width, height, tile_log2)
    code_widths = rng.integers(0, 9, tiles)
    steps = (1 << code_widths) - 1
    offsets = rng.integers(-spec.LATENT_LIMIT, 0, tiles)
    scales = np.where(steps > 0, (spec.LATENT_LIMIT - offsets) // np.maximum(steps, 1), 0)
    per_cell = steps.repeat(1 << tile_log2, 0)[:height].repeat(1 << tile_log2, 1)[:, :width, None]
    codes = rng.integers(0, per_cell + 1, (height, width, int(rng.integers(1, 6))))
    directory = (code_widths.astype("u1"), offsets.astype("i2"), scales.astype("u2"))
    return pack_level(codes.astype("u1"), *directory, tile_log2, size, layout)


def smooth_level(rng: Rng, size: Size, tile_log2: int, layout: Layout) -> Level:
    """A level as fits make them: waves and noise in tiles that are as wide as they have to be.

    Half of the tiles have scales and offsets of their own.
    """
    width, height = stored_size(*size, layout)
    y, x = np.mgrid[:height, :width] / 9
    waves = np.stack([np.sin(x + f) * np.cos(y - 2 * f) for f in range(4)], -1)
    loud = np.sin(x + y)[..., None] > 0
    values = np.rint(9 * waves * loud + rng.laplace(0, 0.7, waves.shape) * loud).astype(int)
    tiles = tile_grid(width, height, tile_log2)
    side = 1 << tile_log2
    codes = np.empty(values.shape, np.uint8)
    widths, offsets, scales = (np.zeros(tiles, code) for code in ("u1", "i2", "u2"))
    for ty, tx in np.ndindex(tiles):
        cells = np.s_[ty * side : (ty + 1) * side, tx * side : (tx + 1) * side]
        low = values[cells].min()
        codes[cells] = values[cells] - low
        widths[ty, tx] = int(codes[cells].max()).bit_length()
        scales[ty, tx] = (128 if tx % 2 else rng.integers(100, 160)) if widths[ty, tx] else 0
        offsets[ty, tx] = low * 128 + (0 if tx % 2 else rng.integers(-60, 60))
    return pack_level(codes, widths, offsets, scales, tile_log2, size, layout)


def layouts_file(
    name: str,
    size: Size,
    wrap: tuple[bool, bool],
    levels: list[tuple[Size, int, Layout]],
) -> NtcFile:
    """A file whose last mips leave out the finest level, if it has others."""
    rng = np.random.default_rng(list(name.encode()))
    make = smooth_level if name.startswith("entropy") else any_level
    grids = tuple(make(rng, *level) for level in levels)
    first = np.cumsum([0, *(grid.features for grid in grids)])
    mips = spec.full_mip_count(*size)
    roles = np.tile(first[:-1].astype(np.uint8), (mips, 1))
    if len(grids) > 1:
        roles[mips // 2 :, 0] = spec.NOT_READ
    layers = random_layers(rng, [int(first[-1]) + 1, 16, 3], wild=False)
    model = QuantizedModel(*size, mips, wrap, grids, roles, layers)
    return NtcFile(model, plain_file().metadata.model_copy(update={"name": name}))


CLAMP, WRAP, ONLY_U = (False, False), (True, True), (True, False)
SIMPLEX = Layout(simplex=True)
# Name: size of the material, address modes, levels as `any_level` takes them, finest first.
FILES: dict[str, tuple[Size, tuple[bool, bool], list[tuple[Size, int, Layout]]]] = {
    "simplex": ((31, 24), WRAP, [((31, 24), 3, SIMPLEX), ((7, 2), 2, SIMPLEX)]),
    "simplex-clamp-odd": (
        (23, 37),
        CLAMP,
        [((22, 27), 2, SIMPLEX), ((1, 5), 2, SIMPLEX), ((6, 1), 2, SIMPLEX)],
    ),
    "hash-cells": ((48, 40), WRAP, [((48, 39), 2, table(8, 0)), ((20, 13), 3, table(5, 0))]),
    "hash-blocks": ((48, 40), ONLY_U, [((47, 40), 3, table(9, 2)), ((21, 13), 2, table(5, 1))]),
    "hash-larger-than-the-level": (
        (17, 13),
        CLAMP,
        [((17, 13), 4, table(11, 3)), ((3, 3), 6, table(6, 3))],
    ),
    "masked": ((61, 43), WRAP, [((61, 43), 4, mask(61, 43, 2)), ((37, 29), 2, mask(37, 29, 3))]),
    "masked-block-of-64": (
        (130, 67),
        ONLY_U,
        [((130, 67), 5, mask(130, 67, 6)), ((9, 7), 6, mask(9, 7, 3))],
    ),
    "masked-simplex": ((40, 33), WRAP, [((40, 32), 3, mask(40, 32, 3, simplex=True))]),
    "hashed-simplex": ((40, 33), ONLY_U, [((40, 33), 2, table(8, 1, simplex=True))]),
    "every-layout": (
        (56, 48),
        WRAP,
        [
            ((56, 48), 4, mask(56, 48, 4)),
            ((50, 44), 3, mask(50, 44, 2, simplex=True)),
            ((45, 37), 3, table(8, 2)),
            ((33, 30), 3, table(7, 0, simplex=True)),
            ((17, 14), 2, SIMPLEX),
            ((9, 7), 2, Layout()),
        ],
    ),
    "entropy": ((150, 131), WRAP, [((150, 131), 4, Layout()), ((37, 42), 3, SIMPLEX)]),
    "entropy-layouts": (
        (96, 90),
        CLAMP,
        [((96, 90), 3, mask(96, 90, 3)), ((70, 70), 3, table(11, 1)), ((11, 1), 2, Layout())],
    ),
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
    for name, parts in FILES.items():
        path = GOLDEN / f"{name}.ntc"
        if path.exists() or path.with_suffix(".npz").exists():
            print(f"{name}: exists, left alone")
            continue
        file = layouts_file(name, *parts)
        values = expected(file.model)
        path.write_bytes(container.write(file))
        np.savez_compressed(path.with_suffix(".npz"), **values)
        print(f"{name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
