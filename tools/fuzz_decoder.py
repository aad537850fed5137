#!/usr/bin/env python3
"""Feed the native decoder random models, legal and broken, for some seconds.

A legal model decodes to the reference's values on every instruction set; a broken one is refused
with ValueError, or is legal after all. Anything else ends the run with 1 and the seed that did it.
"""

import argparse
import struct
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from models import random_file  # noqa: E402

from ntc import native  # noqa: E402
from ntc.decode import reference  # noqa: E402
from ntc.decode.native import NativeDecoder  # noqa: E402
from ntc.errors import FormatError  # noqa: E402
from ntc.format import container  # noqa: E402
from ntc.format.container import NtcFile  # noqa: E402
from ntc.format.model import QuantizedModel  # noqa: E402

MOST_TEXELS = 1 << 14


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("seconds", type=float)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    decoders = [NativeDecoder(isa, 2) for isa in native.isas()]
    end, seed, broken = time.monotonic() + options.seconds, options.seed, 0
    while time.monotonic() < end:
        rng = np.random.default_rng(seed)
        file = random_file(seed)
        if seed % 2:
            file = replace(file, model=damaged(file.model, rng))
        good = legal(file)
        broken += not good
        fault = fault_of(file.model, good, decoders, rng)
        if fault:
            print(f"seed {seed}: {fault}", file=sys.stderr)
            return 1
        seed += 1
    print(f"{seed - options.seed} models, {broken} of them broken: no fault")
    return 0


def damaged(model: QuantizedModel, rng: np.random.Generator) -> QuantizedModel:
    """The model with a few values of one of its arrays replaced by anything."""
    part = rng.integers(3)
    if part == 0:
        return replace(model, roles=scrambled(model.roles, rng))
    if part == 1:
        i = int(rng.integers(len(model.layers)))
        name = str(rng.choice(["weights", "biases", "shifts"]))
        layer = replace(model.layers[i], **{name: scrambled(getattr(model.layers[i], name), rng)})
        return replace(model, layers=(*model.layers[:i], layer, *model.layers[i + 1 :]))
    i = int(rng.integers(len(model.levels)))
    name = str(rng.choice(["code_widths", "offsets", "scales", "words", "tile_log2", "width"]))
    value = getattr(model.levels[i], name)
    other = int(rng.integers(0, 40)) if isinstance(value, int) else scrambled(value, rng)
    level = replace(model.levels[i], **{name: other})
    return replace(model, levels=(*model.levels[:i], level, *model.levels[i + 1 :]))


def scrambled(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    flat = values.copy().ravel()
    if flat.size:
        info = np.iinfo(flat.dtype)
        at = rng.integers(0, flat.size, rng.integers(1, 4))
        flat[at] = rng.integers(info.min, info.max, len(at), dtype=flat.dtype, endpoint=True)
    return flat.reshape(values.shape)


def legal(file: NtcFile) -> bool:
    """Whether the file may be written: the writer reads back what it wrote."""
    try:
        container.write(file)
    except (FormatError, ValueError, IndexError, OverflowError, struct.error):
        return False
    return True


def fault_of(
    model: QuantizedModel, good: bool, decoders: list[NativeDecoder], rng: np.random.Generator
) -> str | None:
    """What went wrong with a model, or None."""
    mip = int(rng.integers(model.mips))
    if (model.width >> mip) * (model.height >> mip) > MOST_TEXELS:
        mip = model.mips - 1
    wanted = reference.decode(model, mip) if good else None
    for decoder in decoders:
        try:
            found = decoder.decode(model, mip)
        except ValueError as error:
            if good:
                return f"{decoder.name} refuses a legal model: {error}"
            continue
        if good and not np.array_equal(found, wanted):
            return f"{decoder.name} differs from the reference"
    return None


if __name__ == "__main__":
    sys.exit(main())
