#!/usr/bin/env python3
"""Write tests/data/broken/: one small file for each rule of docs/format.md, named after the rule.

Files are added, never rewritten; one that its rule no longer refuses is deleted by hand. Run with
`PYTHONPATH=tests:.`.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from models import plain_file
from surgery import CHUNK, HEADER, Chunk, patch, put_together, sign, take_apart

from ntc.format import container, entropy_reference, sections
from ntc.format.container import NtcFile
from ntc.format.layout import Layout
from ntc.format.model import pack_level
from ntc.format.range_coder import Encoder, Model, new_model


def masked_file() -> NtcFile:
    """The plain file with a coarse level of 17 x 13 cells, of which a mask keeps 3 of 5 x 4 blocks.

    Its section is a word of mask, two tiles of 4 x 8 and 4 x 4 cells and 24 words of codes.
    """
    plain = plain_file()
    mask = np.zeros((4, 5), bool)
    mask[0, 1] = mask[2, 4] = mask[3, 0] = True
    rng = np.random.default_rng(5)
    level = pack_level(
        rng.integers(0, 16, (12, 4, 4)).astype(np.uint8),
        np.full((2, 1), 4, np.uint8),
        np.full((2, 1), -8000, np.int16),
        np.full((2, 1), 1000, np.uint16),
        tile_log2=3,
        size=(17, 13),
        layout=Layout(block_log2=2, mask=mask),
    )
    model = replace(plain.model, levels=(plain.model.levels[0], level))
    return NtcFile(model, plain.metadata)


BROKEN = Path(__file__).resolve().parents[1] / "tests" / "data" / "broken"
GOOD = container.write(plain_file())
MASKED = container.write(masked_file())
MASK = 1 << 1 | 1 << 14 | 1 << 15  # the first word of its masked level
MODL, META, NETW, COARSE, FINE = range(5)
ENTRIES = [HEADER.size + CHUNK.size * i for i in range(5)]
LEVEL, ROLES = 28, 28 + 2 * 12  # in MODL


def edited(chunk: int, change: Callable[[bytes], bytes], good: bytes = GOOD) -> bytes:
    """A good file with the unpacked bytes of one chunk changed."""
    chunks = take_apart(good)
    chunks[chunk].raw = change(chunks[chunk].raw)
    return put_together(chunks)


def number(chunk: int, code: str, at: int, value: int) -> bytes:
    """The good file with one number of a chunk replaced."""
    return edited(chunk, lambda raw: patch(raw, code, at, value))


def entry(chunk: int, **fields: object) -> bytes:
    """The good file with fields of a table entry replaced."""
    chunks = take_apart(GOOD)
    chunks[chunk] = replace(chunks[chunk], **fields)
    return put_together(chunks)


def order(*indices: int) -> bytes:
    """The good file with its chunks in another order."""
    chunks = take_apart(GOOD)
    return put_together([chunks[i] for i in indices])


def meta(change: Callable[[dict], object]) -> bytes:
    """The good file with its metadata changed in place."""

    def edit(raw: bytes) -> bytes:
        document = json.loads(raw)
        change(document)
        return json.dumps(document).encode()

    return edited(META, edit)


def layout(*, table: int = 0, block: int = 0, mask: int = 0, simplex: int = 0) -> bytes:
    """The good file with a layout of its fine level that its section knows nothing of."""
    return number(MODL, "H", LEVEL + 10, table | block << 5 | mask << 8 | simplex << 9)


def huge_level(tile_log2: int, layout: int = 0) -> bytes:
    """A level of 16384 x 16384 cells in such tiles, of such a layout."""

    def edit(raw: bytes) -> bytes:
        for at in (0, 4, LEVEL, LEVEL + 4):
            raw = patch(raw, "I", at, 16384)
        return patch(patch(raw, "B", LEVEL + 9, tile_log2), "H", LEVEL + 10, layout)

    return edited(MODL, edit)


def odd_rows_that_wrap() -> bytes:
    """A lattice of 13 rows in a material that wraps in v."""
    wraps = number(MODL, "B", 13, 1)
    return edited(MODL, lambda raw: patch(raw, "H", LEVEL + 10, 1 << 9), wraps)


def mask_word(word: int) -> bytes:
    """The masked file with another mask."""
    return edited(COARSE, lambda raw: patch(raw, "I", 0, word), MASKED)


def masked_level_too_long() -> bytes:
    """One byte more than a word of mask, 10 tiles and 20 blocks of 4 x 4 cells of 4 features."""
    chunks = take_apart(MASKED)
    chunks[COARSE].raw_size = 4 + 11 * 10 + 20 * 16 * 4 + 1
    return put_together(chunks)


def required(good: bytes, bits: int, fine_layout: int = 0) -> bytes:
    """A good file with these required features, whatever its levels are."""
    chunks = take_apart(good)
    chunks[MODL].raw = patch(chunks[MODL].raw, "H", LEVEL + 10, fine_layout)
    return put_together(chunks, required=bits)


class Liar(Encoder):
    """An encoder that writes something else than it was told, and does not say so."""

    def __init__(self, *, raw: list[int] | None = None, bits: bool = False) -> None:
        super().__init__()
        self.raw_lies = raw or []
        self.bits_are_one = bits

    def raw(self, count: int, value: int) -> int:
        super().raw(count, self.raw_lies.pop(0) if self.raw_lies else value)
        return value

    def decide(self, model: Model, index: int, one: bool) -> bool:
        difference = self.bits_are_one and len(model) == 256 and index >= 64
        super().decide(model, index, one or difference)
        return one


def coded(change: Callable[[bytes], bytes] = bytes, coder: Encoder | None = None) -> bytes:
    """The good file with codec 2 for its fine level, its stored bytes changed."""
    chunks = take_apart(GOOD)
    outline = sections.read_model(chunks[MODL].raw).levels[0]
    chunk = chunks[FINE]
    stored = change(entropy_reference.pack(chunk.raw, outline, coder))
    chunks[FINE] = replace(chunk, codec=2, stored=stored, raw_size=len(chunk.raw))
    return put_together(chunks)


def coded_size(more: int) -> bytes:
    """The good file with codec 2 for its fine level, and another size in the table."""
    chunks = take_apart(coded())
    outline = sections.read_model(chunks[MODL].raw).levels[0]
    raw = chunks[FINE].raw
    stored = entropy_reference.pack(raw, outline)
    chunks[FINE] = replace(chunks[FINE], codec=2, stored=stored, raw_size=len(raw) + more)
    return put_together(chunks)


def no_block_coded() -> bytes:
    """The masked file with codec 2 for its masked level: a row of decisions that are all 0."""
    chunks = take_apart(MASKED)
    coder, kept = Encoder(), new_model(4)
    for _ in range(20):
        coder.decide(kept, 0, False)
    raw = chunks[COARSE].raw
    chunks[COARSE] = replace(chunks[COARSE], codec=2, stored=coder.finish(), raw_size=len(raw))
    return put_together(chunks)


def set_constant(document: dict, value: float) -> None:
    document["maps"][1]["channels"][1]["constant"] = value


def flipped(at: int) -> bytes:
    return GOOD[:at] + bytes([GOOD[at] ^ 1]) + GOOD[at + 1 :]


def many_chunks(count: int) -> bytes:
    chunks = take_apart(GOOD)
    return put_together([*chunks, *(Chunk(b"more", i, b"", 0) for i in range(count - 5))])


def broken_files() -> dict[str, bytes]:
    """Name -> bytes; a name begins with the rule that the file breaks."""
    fine = take_apart(GOOD)[FINE].raw
    meta_at = int.from_bytes(GOOD[ENTRIES[META] + 8 : ENTRIES[META] + 16], "little")
    return {
        "H1-magic": flipped(5),
        "H1-ntex": b"NTEX" + bytes(range(60)),
        "H1-empty": b"",
        "H2-version": sign(patch(GOOD, "I", 8, 2)),
        "H3-filtered": sign(patch(GOOD, "I", 12, 4)),
        "H3-last-bit": sign(patch(MASKED, "I", 12, 1 | 1 << 31)),
        "H4-three-chunks": order(MODL, META, NETW),
        "H4-65-chunks": many_chunks(65),
        "H5-table-checksum": flipped(ENTRIES[NETW]),
        "H6-one-byte-more": GOOD + b"\0",
        "H6-one-byte-less": GOOD[:-1],
        "H6-half-a-header": GOOD[:20],
        "H7-reserved": sign(patch(GOOD, "I", 36, 1)),
        "C1-offset": entry(META, offset=meta_at + 1),
        "C1-gap-at-the-end": sign(patch(GOOD + b"\0", "Q", 24, len(GOOD) + 1)),
        "C2-codec": entry(META, codec=2),
        "C2-codec-3": entry(FINE, codec=3, stored=b"anything"),
        "C9-entropy-unnamed": sign(patch(coded(), "I", 12, 0)),
        "C9-entropy-unused": sign(patch(put_together(take_apart(GOOD)), "I", 12, 8)),
        "E1-one-byte-more": coded(lambda stored: stored + b"\0"),
        "E1-one-byte-less": coded(lambda stored: stored[:-1]),
        "E1-nothing-stored": coded(lambda stored: b""),
        "E1-other-end": coded(lambda stored: stored[:-1] + bytes([stored[-1] ^ 1])),
        "E2-size-too-large": coded_size(4),
        "E2-size-too-small": coded_size(-4),
        "E2-no-room-for-a-directory": coded_size(-280),
        "E2-no-block": no_block_coded(),
        "E2-scale": coded(coder=Liar(raw=[0])),
        "E2-latent-too-low": coded(coder=Liar(raw=[200, 0])),
        "E2-latent-too-high": coded(coder=Liar(raw=[200, 32767])),
        "E3-code-outside-its-tile": coded(coder=Liar(bits=True)),
        "C3-checksum": flipped(meta_at),
        "C3-checksum-of-unknown-chunk": unknown_chunk_flipped(),
        "C4-metadata-too-long": entry(META, raw=b" " * (1 << 20) + take_apart(GOOD)[META].raw),
        "C4-level-too-long": entry(FINE, raw_size=len(fine) * 40),
        "C4-masked-level-too-long": masked_level_too_long(),
        "C5-not-zstd": entry(META, stored=b"not a frame of zstd"),
        "C5-frame-and-more": entry(META, stored=stored(META) + b"\0"),
        "C5-other-size": entry(META, raw_size=7),
        "C5-raw-of-other-size": entry(FINE, codec=0, raw_size=len(fine) - 4),
        "C6-order": order(META, MODL, NETW, COARSE, FINE),
        "C6-two-networks": order(MODL, META, NETW, NETW, COARSE, FINE),
        "C7-fine-level-first": order(MODL, META, NETW, FINE, COARSE),
        "C7-level-missing": order(MODL, META, NETW, COARSE),
        "C7-network-of-index-1": entry(NETW, index=1),
        "C8-levels-too-long": entry(FINE, raw_size=2 * 16384**2),
        "M1-model-short": edited(MODL, lambda raw: raw[:20]),
        "M1-model-long": edited(MODL, lambda raw: raw + b"\0"),
        "M2-width": number(MODL, "I", 0, 0),
        "M2-height": number(MODL, "I", 4, 16385),
        "M3-mips": number(MODL, "B", 8, 6),
        "M4-channels": number(MODL, "B", 9, 33),
        "M4-levels": number(MODL, "B", 10, 17),
        "M4-layers": number(MODL, "B", 11, 5),
        "M4-layer-width": number(MODL, "H", 18, 129),
        "M3-no-mips": number(MODL, "B", 8, 0),
        "M4-no-channels": number(MODL, "B", 9, 0),
        "M4-no-levels": number(MODL, "B", 10, 0),
        "M4-no-layers": number(MODL, "B", 11, 0),
        "M4-no-units": number(MODL, "H", 18, 0),
        "M4-one-input": number(MODL, "H", 16, 1),
        "M5-wrap-v": number(MODL, "B", 13, 2),
        "M4-outputs": number(MODL, "H", 20, 2),
        "M5-wrap": number(MODL, "B", 12, 2),
        "M6-reserved": number(MODL, "H", 14, 1),
        "M6-unused-width": number(MODL, "H", 24, 1),
        "M6-reserved-of-level": number(MODL, "H", LEVEL + 10, 1 << 10),
        "M6-last-bit-of-level": number(MODL, "H", LEVEL + 10, 1 << 15),
        "M7-hash-unused": required(GOOD, 1),
        "M7-hash-unnamed": required(MASKED, 0),
        "M7-hash-of-a-table-unnamed": required(GOOD, 0, 8),
        "M7-simplex-unused": required(MASKED, 3),
        "M7-simplex-unnamed": required(GOOD, 0, 1 << 9),
        "L1-level-wider-than-texture": number(MODL, "I", LEVEL, 18),
        "L1-level-taller-than-texture": number(MODL, "I", LEVEL + 4, 14),
        "L1-no-cells": number(MODL, "I", LEVEL, 0),
        "L2-no-features": number(MODL, "B", LEVEL + 8, 0),
        "L3-tile-of-2": number(MODL, "B", LEVEL + 9, 1),
        "L2-features": number(MODL, "B", LEVEL + 8, 33),
        "L3-tile": number(MODL, "B", LEVEL + 9, 7),
        "L4-tiles": huge_level(3),
        "L4-blocks": huge_level(6, 2 << 5 | 1 << 8),
        "L4-tiles-of-blocks": huge_level(4, 3 << 5 | 1 << 8),
        "L5-block-without-table": layout(block=2),
        "L5-table-of-8": layout(table=3),
        "L5-table-of-2-to-25": layout(table=25),
        "L5-block-wider-than-its-table": layout(table=5, block=3),
        "L5-block-of-128-in-a-table": layout(table=24, block=7),
        "L5-table-and-mask": layout(table=8, block=2, mask=1),
        "L5-mask-of-cells": layout(mask=1),
        "L5-mask-of-2-x-2": layout(block=1, mask=1),
        "L5-mask-of-128-x-128": layout(block=7, mask=1),
        "L5-simplex-does-not-matter": layout(table=3, simplex=1),
        "L6-odd-rows-that-wrap": odd_rows_that_wrap(),
        "N1-network-size": edited(NETW, lambda raw: raw[:-4]),
        "N2-weight": number(NETW, "b", 28, -128),
        "N3-bias": number(NETW, "i", 0, -(1 << 30) - 1),
        "N4-shift": number(NETW, "B", 20, 25),
        "N5-padding-of-weights": number(NETW, "b", 89, 1),
        "N5-padding": number(NETW, "B", 27, 1),
        "D1-code-width": number(FINE, "I", 0, 9 << 28),
        "D2-first-word": number(FINE, "I", 8, int.from_bytes(fine[8:12], "little") + 1),
        "D2-first-word-before": number(FINE, "I", 8, int.from_bytes(fine[8:12], "little") - 1),
        "D2-too-long": edited(FINE, lambda raw: raw + bytes(4)),
        "D2-too-short": edited(FINE, lambda raw: raw[:-4]),
        "D2-no-directory": edited(FINE, lambda raw: raw[:4]),
        "D2-half-a-mask": edited(COARSE, lambda raw: raw[:2], MASKED),
        "D2-mask-without-directory": edited(COARSE, lambda raw: raw[:16], MASKED),
        "D2-mask-of-one-block-more": mask_word(MASK | 1 << 7),
        "D2-code-too-long-for-mask": edited(COARSE, lambda raw: raw + bytes(4), MASKED),
        "D3-latent-too-low": number(FINE, "h", 6, -16257),
        "D3-latent-too-high": number(FINE, "h", 6, 16256),
        "D4-scale-of-constant": number(FINE, "H", 12, 1),
        "D4-no-scale": number(FINE, "H", 4, 0),
        "D5-first-spare-bit": edited(FINE, lambda raw: raw[:-3] + bytes([1]) + raw[-2:]),
        "D5-spare-bits": edited(FINE, lambda raw: raw[:-1] + bytes([raw[-1] | 0x80])),
        "D6-no-block": mask_word(0),
        "D6-first-bit-after-the-last-block": mask_word(MASK | 1 << 20),
        "D6-last-bit": mask_word(MASK | 1 << 31),
        "R1-role-over-lod": number(MODL, "B", ROLES, 6),
        "R1-role-on-lod": number(MODL, "B", ROLES, 5),
        "R2-overlap": number(MODL, "B", ROLES + 1, 2),
        "R3-nothing-read": number(MODL, "H", ROLES + 2 * 3, 0xFFFF),
        "J1-no-json": edited(META, lambda raw: raw[:-1]),
        "J1-schema": meta(lambda d: d.pop("maps")),
        "J1-two-sources": meta(lambda d: d["maps"][0]["channels"][0].update(constant=1)),
        "J1-number-in-quotes": meta(lambda d: d["maps"][0].update(width="17")),
        "J1-no-source": meta(lambda d: d["maps"][0]["channels"][0].pop("output")),
        "J1-log-below-zero": meta(
            lambda d: d["maps"][0].update(sample="half", curve="log", low=-1.0)
        ),
        "J1-not-a-number": edited(META, lambda raw: raw.replace(b"40.0", b"NaN")),
        "J1-not-utf-8": edited(META, lambda raw: raw.replace(b"plain", b"pl\xe4in")),
        "J1-folder": meta(lambda d: d["maps"][0].update(file="../a.png")),
        "J1-drive": meta(lambda d: d["maps"][0].update(file="c:a.png")),
        "J1-unprintable": meta(lambda d: d["maps"][0].update(file="a\x1b[2J.png")),
        "J1-range": meta(lambda d: d["maps"][0].update(low=1.0, high=1.0)),
        "J3-name-twice": meta(lambda d: d["maps"][1].update(name=d["maps"][0]["name"])),
        "J3-file-twice": meta(lambda d: d["maps"][1].update(file=d["maps"][0]["file"])),
        "J4-output": meta(lambda d: d["maps"][0]["channels"][0].update(output=3)),
        "J5-map-larger": meta(lambda d: d["maps"][0].update(width=18)),
        "J6-half": meta(lambda d: d["maps"][1].update(sample="half") or set_constant(d, 65505.0)),
        "J6-negative": meta(lambda d: set_constant(d, -1.0)),
        "J7-range": meta(lambda d: d["maps"][0].update(sample="float", high=1e39)),
        "J5-map-taller": meta(lambda d: d["maps"][0].update(height=14)),
        "J6-uint8": meta(lambda d: set_constant(d, 256.0)),
        "J7-range-below": meta(lambda d: d["maps"][0].update(sample="half", low=-65505.0)),
        "J6-constant": meta(lambda d: set_constant(d, 0.5)),
    }


def stored(chunk: int) -> bytes:
    """The bytes of a chunk as they lie in the good file."""
    _, _, offset, size, *_ = CHUNK.unpack_from(GOOD, ENTRIES[chunk])
    return GOOD[offset : offset + size]


def unknown_chunk_flipped() -> bytes:
    """A chunk that a reader does not know has to be whole all the same."""
    chunks = [*take_apart(GOOD), Chunk(b"more", 0, b"anything", 0)]
    data = put_together(chunks)
    return data[:-1] + b"!"


def main() -> None:
    BROKEN.mkdir(parents=True, exist_ok=True)
    for name, data in broken_files().items():
        path = BROKEN / f"{name}.ntc"
        if not path.exists():
            path.write_bytes(data)
            print(f"{path.name}: {len(data)} bytes")


if __name__ == "__main__":
    main()
