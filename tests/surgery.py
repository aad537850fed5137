"""Files taken apart and put together again with right sizes and checksums, whatever they hold."""

import struct
import zlib
from dataclasses import dataclass

import zstandard

from ntc.format import entropy, sections

HEADER = struct.Struct("<8sIIIIQII")
CHUNK = struct.Struct("<4sIQQQII")
CRC_AT = 32  # of header and table, in the header
OUTLINES, OUTLINE_SIZE = 28, 12  # in MODL
HASH, SIMPLEX, ENTROPY = 1, 2, 8  # required features


@dataclass
class Chunk:
    """One chunk; those set to None follow from the others."""

    kind: bytes
    index: int
    raw: bytes
    codec: int = 1
    stored: bytes | None = None
    offset: int | None = None
    raw_size: int | None = None


def take_apart(data: bytes) -> list[Chunk]:
    """The chunks of a sound file; those of codec 2 become zstd, which anything can be stored as."""
    count = HEADER.unpack_from(data)[4]
    chunks = []
    for i in range(count):
        at = HEADER.size + CHUNK.size * i
        kind, index, offset, stored, raw_size, codec, _ = CHUNK.unpack_from(data, at)
        body = data[offset : offset + stored]
        if codec == 2:
            outline = sections.read_model(chunks[0].raw).levels[index]
            raw = entropy.unpack(body, outline, raw_size)
        else:
            raw = zstandard.decompress(body) if codec else body
        chunks.append(Chunk(kind, index, raw, min(codec, 1)))
    return chunks


def put_together(
    chunks: list[Chunk],
    *,
    version: int = 1,
    required: int | None = None,
    optional: int = 0,
    reserved: int = 0,
) -> bytes:
    """A file of these chunks; every checksum is right.

    Required features are those that its levels ask for, unless they are given.
    """
    required = features(chunks) if required is None else required
    start = HEADER.size + CHUNK.size * len(chunks)
    table, bodies = b"", b""
    for chunk in chunks:
        body = chunk.stored if chunk.stored is not None else _store(chunk)
        offset = chunk.offset if chunk.offset is not None else start + len(bodies)
        raw_size = chunk.raw_size if chunk.raw_size is not None else len(chunk.raw)
        crc = zlib.crc32(body)
        table += CHUNK.pack(chunk.kind, chunk.index, offset, len(body), raw_size, chunk.codec, crc)
        bodies += body
    size = start + len(bodies)
    head = (b"\x89NTC\r\n\x1a\n", version, required, optional, len(chunks), size, 0, reserved)
    return sign(HEADER.pack(*head) + table + bodies)


def features(chunks: list[Chunk]) -> int:
    """The required features of codecs and of the first MODL; broken ones ask for some or none."""
    raw = next((chunk.raw for chunk in chunks if chunk.kind == b"MODL"), b"").ljust(OUTLINES, b"\0")
    found = ENTROPY if any(chunk.codec == 2 for chunk in chunks) else 0
    for i in range(raw[10]):
        at = OUTLINES + OUTLINE_SIZE * i + 10
        layout = int.from_bytes(raw[at : at + 2], "little")
        found |= (HASH if layout & 0x1FF else 0) | (SIMPLEX if layout & 0x200 else 0)
    return found


def sign(data: bytes) -> bytes:
    """The file with the right checksum of header and table."""
    end = HEADER.size + CHUNK.size * HEADER.unpack_from(data)[4]
    zeroed = data[:CRC_AT] + bytes(4) + data[CRC_AT + 4 : end]
    return zeroed[:CRC_AT] + struct.pack("<I", zlib.crc32(zeroed)) + data[CRC_AT + 4 :]


def patch(data: bytes, code: str, at: int, value: int) -> bytes:
    """`data` with one number replaced, `code` as in struct."""
    number = struct.pack("<" + code, value)
    return data[:at] + number + data[at + len(number) :]


def _store(chunk: Chunk) -> bytes:
    return zstandard.compress(chunk.raw) if chunk.codec == 1 else chunk.raw
