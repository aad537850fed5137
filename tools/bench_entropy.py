#!/usr/bin/env python3
"""Sizes of the levels of `.ntc` files as stored, with zstd and with codec 2, and its seconds.

Numbers of docs/decisions/0014-entropy-coding.md. Seconds are of this process, the best of three.
"""

import argparse
import time
from pathlib import Path

import zstandard

from ntc.format import container, entropy, sections


def unpack_seconds(stored: bytes, outline: sections.LevelOutline, size: int) -> float:
    """The best of three."""
    seconds = []
    for _ in range(3):
        start = time.process_time()
        entropy.unpack(stored, outline, size)
        seconds.append(time.process_time() - start)
    return min(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", type=Path, nargs="+")
    for path in parser.parse_args().files:
        raw = packed = zstd = 0
        seconds = 0.0
        for level in container.read(path.read_bytes()).model.levels:
            section, outline = sections.write_level(level), sections.outline_of(level)
            stored = entropy.pack(section, outline)
            raw += len(section)
            zstd += len(zstandard.ZstdCompressor(level=15).compress(section))
            packed += len(stored)
            seconds += unpack_seconds(stored, outline, len(section))
        gain = 100 * (packed / min(zstd, raw) - 1)
        sizes = f"stored {raw}, zstd {zstd}, codec 2 {packed} ({gain:+.1f} %)"
        print(f"{path.stem}: {sizes}, unpacked in {1000 * seconds:.0f} ms", flush=True)


if __name__ == "__main__":
    main()
