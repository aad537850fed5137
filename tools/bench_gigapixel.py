#!/usr/bin/env python
"""Compresses a material that is larger than memory is meant to be: 16384 x 16384 made on the fly.

    tools/bench_gigapixel.py --json > gigapixel.json
    tools/bench_gigapixel.py --size 4096 --max-memory 600MB

The image is procedural and always the same: detail at every scale from 4096 texels to one, and
parts that are empty. Every step runs in a process of its own, and its peak memory (ru_maxrss,
mapped files included) is told.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

SEED = 16384
OCTAVES = (4096, 1024, 256, 64, 16, 4, 1)  # texels between random values
TILE = 256


@dataclass(frozen=True)
class Step:
    """One process: what it took."""

    seconds: float
    peak_bytes: int


def octave(size: int, period: int, top: int, rows: int, channel: int) -> Floats:
    """`[rows, size]` of smooth random values 0..1, one drawn for every `period` texels."""
    y = np.arange(top, top + rows, dtype=np.float32) / np.float32(period)
    first = top // period
    lines = [
        np.random.default_rng((SEED, channel, period, line)).random(size // period + 2, np.float32)
        for line in range(first, (top + rows - 1) // period + 2)
    ]
    knots, line = np.stack(lines), y.astype(np.int64) - first
    across = smooth(y - np.floor(y))[:, None]
    values = knots[line] + (knots[line + 1] - knots[line]) * across
    along = np.tile(
        smooth(np.arange(period, dtype=np.float32) / np.float32(period)), size // period
    )
    left = np.repeat(values[:, :-1], period, axis=1)[:, :size]
    return left + np.repeat(np.diff(values, axis=1), period, axis=1)[:, :size] * along


def smooth(t: Floats) -> Floats:
    return t * t * (np.float32(3) - 2 * t)


def bands(size: int) -> Iterator[npt.NDArray[np.uint8]]:
    """`[TILE, size, 3]` of the image at a time: a relief and its tint, with a grain; and holes."""
    x = np.arange(size, dtype=np.float32)[None, :] / np.float32(size)
    periods = [period for period in OCTAVES if period <= size]
    for top in range(0, size, TILE):
        y = np.arange(top, top + TILE, dtype=np.float32)[:, None] / np.float32(size)
        relief, tint = np.zeros((2, TILE, size), np.float32)
        for i, period in enumerate(periods):
            relief += octave(size, period, top, TILE, 0) * np.float32(0.6**i)
            if period >= 16:
                tint += octave(size, period, top, TILE, 1) * np.float32(0.6**i)
        relief *= np.float32(0.4)
        tint *= np.float32(0.4)
        hole = (x - np.float32(0.7)) ** 2 + (y - np.float32(0.3)) ** 2 < np.float32(0.03)
        hole |= (x < 0.25) & (y > 0.75)
        colors = [relief, relief * (np.float32(0.5) + tint / 2), relief * tint]
        out = np.empty((TILE, size, 3), np.uint8)
        for channel, color in enumerate(colors):
            out[:, :, channel] = np.where(hole, 0, np.clip(color, 0, 1) * np.float32(255) + 0.5)
        yield out


def write_material(path: str, size: int) -> None:
    """The image as a TIFF of 256 x 256 tiles, a row of tiles at a time."""
    import OpenImageIO

    spec = OpenImageIO.ImageSpec(size, size, 3, "uint8")
    spec.tile_width = spec.tile_height = TILE
    spec["compression"] = "zip"
    output = OpenImageIO.ImageOutput.create(path)
    if not output.open(path, spec):
        raise OSError(output.geterror())
    for row, band in enumerate(bands(size)):
        top = row * TILE
        if not output.write_tiles(0, size, top, top + TILE, 0, 1, band):
            raise OSError(output.geterror())
    output.close()


def generate(path: Path, size: int) -> None:
    process = multiprocessing.get_context("spawn").Process(
        target=write_material, args=(str(path), size)
    )
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"{path}: could not be generated")


def run(*arguments: str) -> tuple[Step, str]:
    """`ntc` with these arguments: what it took, and what it printed."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "ntc", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        printed = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"ntc {' '.join(arguments)}: exit code {process.returncode}\n{printed}")
    return Step(round(time.perf_counter() - start, 1), usage.ru_maxrss * 1024), printed


def measure(options: argparse.Namespace, folder: Path) -> dict[str, object]:
    image, file = folder / "gigapixel_albedo.tif", folder / "gigapixel.ntc"
    start = time.perf_counter()
    generate(image, options.size)
    made = time.perf_counter() - start
    settings = ["--bpp", str(options.bpp), "--texels", str(options.texels)]
    settings += ["--encoding", options.encoding, "--max-memory", options.max_memory]
    compressing, printed = run("compress", str(image), "-o", str(file), *settings, "--json")
    report = json.loads(printed)
    steps = {"compress": compressing}
    steps["info"], _ = run("info", str(file), "--json")
    steps["validate"], _ = run("validate", str(file))
    low = ["--mip", str(options.mip)]
    steps[f"decompress mip {options.mip}"], _ = run(
        "decompress", str(file), "-o", str(folder / "low"), *low
    )
    if options.whole:
        steps["decompress"], _ = run("decompress", str(file), "-o", str(folder / "whole"))
    return {
        "size": options.size,
        "encoding": options.encoding,
        "bpp": report["bpp"],
        "bytes": report["bytes"],
        "image_bytes": image.stat().st_size,
        "psnr": report["psnr"],
        "texels": report["texels"],
        "generate_seconds": round(made, 1),
        "steps": {name: asdict(step) for name, step in steps.items()},
    }


def markdown(found: dict[str, object]) -> str:
    lines = [
        f"{found['size']} x {found['size']}, {found['encoding']}: {found['bpp']:.3f} bpp, "
        f"{found['psnr']} dB after {found['texels'] / 1e6:.0f} M texels\n",
        "| step | seconds | peak memory |\n|---|--:|--:|",
    ]
    for name, step in found["steps"].items():
        lines.append(f"| {name} | {step['seconds']:.1f} | {step['peak_bytes'] / 2**30:.2f} GiB |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=16384, help="a multiple of 256")
    parser.add_argument("--bpp", type=float, default=0.5)
    parser.add_argument("--texels", type=int, default=600_000_000)
    parser.add_argument("--encoding", default="hash")
    parser.add_argument("--max-memory", default="3GiB")
    parser.add_argument("--mip", type=int, default=4, help="to decompress")
    parser.add_argument("--whole", action="store_true", help="decompress mip 0 too")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ntc-gigapixel-") as folder:
        found = measure(options, Path(folder))
    print(json.dumps(found, indent=1) if options.json else markdown(found))


if __name__ == "__main__":
    main()
