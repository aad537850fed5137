#!/usr/bin/env python3
"""Sizes of the levels of `.ntc` files as stored, with zstd and with codec 2, and how long it takes.

Numbers of docs/decisions/0014-entropy-coding.md. Times are of this process, the best of five: to
unpack all levels from codec 2, and to open the file as it is, whatever its codecs are.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import zstandard

from ntc.format import container, entropy, sections
from ntc.material import open_material


def best_seconds(run: Callable[[], object]) -> float:
    """The best of five."""
    seconds = []
    for _ in range(5):
        start = time.process_time()
        run()
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
            seconds += best_seconds(partial(entropy.unpack, stored, outline, len(section)))
        gain = 100 * (packed / min(zstd, raw) - 1)
        sizes = f"stored {raw}, zstd {zstd}, codec 2 {packed} ({gain:+.1f} %)"
        opened = best_seconds(partial(open_material, path))
        times = f"unpacked in {1000 * seconds:.0f} ms, opened in {1000 * opened:.0f} ms"
        print(f"{path.stem}: {sizes}, {times}", flush=True)


if __name__ == "__main__":
    main()
