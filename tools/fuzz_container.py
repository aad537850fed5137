#!/usr/bin/env python3
"""Mutate golden files for a while: only FormatError may escape the reader.

What is accepted has to decode, and to come back the same when it is written and read again.
Checksums, sizes and required features are repaired after most mutations, so that they do not shield
what lies behind.
Run with `PYTHONPATH=tests:.`; a file that fails is kept in the current folder.
"""

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
from surgery import HEADER, OUTLINE_SIZE, OUTLINES, Chunk, put_together, sign, take_apart

from ntc.decode import reference
from ntc.errors import FormatError
from ntc.format import container, entropy, entropy_reference, sections, spec

DATA = Path(__file__).resolve().parents[1] / "tests" / "data"
INTERESTING = (0, 1, 2, 7, 8, 9, 15, 16, 31, 32, 33, 64, 127, 128, 129, 254, 255)
WORDS = (b"-1", b"1e999", b"null", b"NaN", b"[]", b"{}", b"true", b'"\\ud800"', b"[" * 99, b"\xff")
Rng = np.random.Generator


def mutate_bytes(rng: Rng, raw: bytes) -> bytes:
    """`raw` with a few bytes replaced, removed or repeated."""
    data = bytearray(raw)
    for _ in range(int(rng.integers(1, 4))):
        at = int(rng.integers(0, len(data) + 1))
        length = int(rng.integers(1, 9))
        kind = rng.integers(6)
        if kind <= 1:
            data[at : at + 1] = bytes([int(rng.choice(INTERESTING))])
        elif kind == 2:
            data[at : at + length] = rng.bytes(length)
        elif kind == 3:
            del data[at : at + length]
        elif kind == 4:
            data[at:at] = data[at : at + length]
        else:
            data[at : at + length] = WORDS[rng.integers(len(WORDS))]
    return bytes(data)


def mutate_chunks(rng: Rng, chunks: list[Chunk]) -> list[Chunk]:
    """Contents, order or number of chunks changed."""
    i = int(rng.integers(len(chunks)))
    kind = rng.integers(12)
    if kind >= 10:
        mutate_codes(rng, chunks)
    elif kind <= 3:
        chunks[i].raw = mutate_bytes(rng, chunks[i].raw)
    elif kind == 8:
        chunks[0].raw = mutate_layout(rng, chunks[0].raw)
    elif kind == 9:
        chunks[i].raw = shuffle_bits(rng, chunks[i].raw)
    elif kind == 4:
        chunks[i].raw_size = int(rng.integers(0, 2 ** int(rng.integers(1, 64)), dtype=np.uint64))
    elif kind == 5:
        chunks[i].codec = int(rng.integers(0, 3))
        chunks[i].stored = mutate_bytes(rng, chunks[i].raw)
    elif kind == 6:
        chunks.insert(i, chunks.pop())
    else:
        chunks[i].index = int(rng.integers(0, 20))
    return chunks


def mutate_codes(rng: Rng, chunks: list[Chunk]) -> None:
    """A level stored with codec 2, its stored bytes or its size a little changed."""
    levels = sections.read_model(chunks[0].raw).levels
    chunk = chunks[rng.integers(3, len(chunks))]
    chunk.codec, chunk.raw_size = 2, len(chunk.raw)
    chunk.stored = entropy.pack(chunk.raw, levels[chunk.index])
    if rng.random() < 0.9:
        chunk.stored = mutate_bytes(rng, chunk.stored)
    if rng.random() < 0.2:
        chunk.raw_size += int(rng.integers(-8, 9))
    if rng.random() < 0.5:
        compare_decoders(chunk, levels[chunk.index])


def compare_decoders(chunk: Chunk, outline: sections.LevelOutline) -> None:
    """Both decoders of codec 2 say the same."""
    found = []
    for unpack in (entropy.unpack, entropy_reference.unpack):
        try:
            found.append(unpack(chunk.stored, outline, max(chunk.raw_size, 0)))
        except FormatError as error:
            found.append(error.rule)
    assert found[0] == found[1], found


def mutate_layout(rng: Rng, model: bytes) -> bytes:
    """A `MODL` with a bit flipped in the layout of a level."""
    at = OUTLINES + OUTLINE_SIZE * int(rng.integers(model[10])) + 10
    layout = int.from_bytes(model[at : at + 2], "little") ^ 1 << int(rng.integers(11))
    return model[:at] + layout.to_bytes(2, "little") + model[at + 2 :]


def shuffle_bits(rng: Rng, raw: bytes) -> bytes:
    """The first word in another order: as many blocks of a mask as before, but others."""
    bits = np.unpackbits(np.frombuffer(raw[:4], np.uint8))
    return np.packbits(rng.permutation(bits)).tobytes() + raw[4:]


def mutant(rng: Rng, data: bytes) -> bytes:
    """A relative of a sound file."""
    if rng.random() < 0.8:
        return put_together(mutate_chunks(rng, take_apart(data)))
    head, rest = data[: HEADER.size + 200], data[HEADER.size + 200 :]
    broken = mutate_bytes(rng, head) + rest
    return sign(broken) if 4 <= int.from_bytes(broken[20:24], "little") <= 64 else broken


def try_one(rng: Rng, data: bytes) -> str:
    """The rule that refuses `data`, or `accepted`."""
    if rng.random() < 0.2:
        try:
            _decode(rng, *container.read_prefix(data[: rng.integers(len(data) + 1)]))
        except FormatError as error:
            str(error)
    try:
        file = container.read(data)
    except FormatError as error:
        str(error)
        return error.rule
    _decode(rng, file, 0)
    again = container.write(file)
    assert container.write(container.read(again)) == again
    return "accepted"


def _decode(rng: Rng, file: container.NtcFile, finest: int) -> None:
    for mip in range(finest, file.model.mips):
        width, height = spec.mip_size(file.model.width, file.model.height, mip)
        x, y = rng.integers(0, width, 4), rng.integers(0, height, 4)
        reference.decode_texels(file.model, mip, x, y)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("seconds", type=float)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    seeds = [path.read_bytes() for path in sorted((DATA / "golden").glob("*/*.ntc"))]
    fates: Counter[str] = Counter()
    end = time.monotonic() + arguments.seconds
    while time.monotonic() < end:
        data = mutant(rng, seeds[rng.integers(len(seeds))])
        try:
            fates[try_one(rng, data)] += 1
        except Exception:
            Path("fuzz-failure.ntc").write_bytes(data)
            print(f"after {fates.total()} files: kept as fuzz-failure.ntc", file=sys.stderr)
            raise
    print(f"{fates.total()} files:", ", ".join(f"{r} {n}" for r, n in fates.most_common()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
