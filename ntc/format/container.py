"""Bytes <-> `NtcFile`: chapters 2 and 3 of docs/format.md, with rule ids where they are checked.

Writer and reader are pairs of functions in the order of the file. Nothing is decompressed before
its size has been bounded by what the sections before it allow.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import zstandard
from pydantic import ValidationError

from ntc.errors import FormatError
from ntc.format import entropy, sections, spec
from ntc.format.layout import Layout
from ntc.format.metadata import Metadata
from ntc.format.model import Level, QuantizedModel
from ntc.format.validate import check_metadata, check_model

HEADER: Final = struct.Struct("<8sIIIIQII")
CHUNK: Final = struct.Struct("<4sIQQQII")
KINDS: Final = (b"MODL", b"META", b"NETW", b"LEVL")

_ZSTD_BEST, _ZSTD_QUICK = 15, 1  # the first takes 50 times as long, for a fifth of the bytes


@dataclass(frozen=True, slots=True)
class NtcFile:
    """A model and what its channels mean."""

    model: QuantizedModel
    metadata: Metadata


@dataclass(frozen=True, slots=True)
class _Chunk:
    entry: int  # where its table entry lies, for messages
    kind: bytes
    index: int
    offset: int
    stored: int
    raw: int
    codec: int
    crc: int

    @property
    def end(self) -> int:
        """The first byte after it."""
        return self.offset + self.stored


def write(file: NtcFile) -> bytes:
    """The bytes of a `.ntc`; the same file gives the same bytes.

    They are read back before they are returned, so nothing is written that the reader refuses.
    Raises FormatError if the model or the metadata break a rule.
    """
    check_model(file.model)
    check_metadata(file.model, file.metadata)
    model = file.model
    raw = [
        (b"MODL", 0, sections.write_model(model)),
        (b"META", 0, file.metadata.model_dump_json(exclude_defaults=True).encode()),
        (b"NETW", 0, sections.write_network(model.layers)),
    ]
    packed = [_compress(data) for _, _, data in raw]
    for i in range(len(model.levels))[::-1]:  # coarse first
        section = sections.write_level(model.levels[i])
        raw.append((b"LEVL", i, section))
        packed.append(_compress_level(section, sections.outline_of(model.levels[i])))
    offset = HEADER.size + CHUNK.size * len(raw)
    table = b""
    for (kind, index, data), (codec, stored) in zip(raw, packed, strict=True):
        crc = zlib.crc32(stored)
        table += CHUNK.pack(kind, index, offset, len(stored), len(data), codec, crc)
        offset += len(stored)
    required = required_features(level.layout for level in model.levels)
    required |= _codec_features(codec for codec, _ in packed)
    fields = (spec.MAGIC, spec.VERSION, required, 0, len(raw), offset)
    crc = zlib.crc32(HEADER.pack(*fields, 0, 0) + table)
    data = HEADER.pack(*fields, crc, 0) + table + b"".join(stored for _, stored in packed)
    read(data)
    return data


def read(data: bytes) -> NtcFile:
    """The file that these bytes hold. Raises FormatError, naming the first rule they break."""
    file, finest = _read(data, prefix=False)
    assert finest == 0
    return file


def read_prefix(data: bytes) -> tuple[NtcFile, int]:
    """The file as far as a prefix of its bytes goes, and the finest mip that decodes rightly.

    Coarse levels come first in a file; those that have not arrived are empty. Before enough of
    them are there, the finest mip is `model.mips`: none decodes. Raises FormatError if the prefix
    ends before the first level, or breaks a rule.
    """
    return _read(data, prefix=True)


def _read(data: bytes, *, prefix: bool) -> tuple[NtcFile, int]:
    chunks = _read_table(data, prefix=prefix)
    for chunk in chunks:
        if chunk.end <= len(data):
            _check_crc(data, chunk)
    head, meta, network, levels = _split([chunk for chunk in chunks if chunk.kind in KINDS])
    shape = sections.read_model(_unpack(data, head, sections.MODEL_LIMIT))
    _check_features(data, shape)
    metadata = _read_metadata(_unpack(data, meta, spec.MAX_METADATA))
    weights = _unpack(data, network, sections.network_size(shape.widths))
    layers = sections.read_network(weights, shape.widths)
    order = [chunk.index for chunk in levels]
    if order != list(range(len(shape.levels)))[::-1]:
        raise FormatError("C7", levels[0].entry, f"levels {order}", "each level once, coarse first")
    total = sum(chunk.raw for chunk in levels)
    if total > spec.MAX_LEVEL_BYTES:
        limit = f"at most {spec.MAX_LEVEL_BYTES}"
        raise FormatError("C8", levels[0].entry, f"levels of {total} bytes raw", limit)
    arrived = [chunk.index for chunk in levels if chunk.end <= len(data)]
    grids = tuple(
        _read_level(data, chunk, shape.levels[chunk.index])
        if chunk.index in arrived
        else sections.empty_level(shape.levels[chunk.index])
        for chunk in reversed(levels)
    )
    model = QuantizedModel(
        shape.width, shape.height, shape.mips, shape.wrap, grids, shape.roles, layers
    )
    check_model(model)
    check_metadata(model, metadata)
    return NtcFile(model, metadata), _finest_mip(model, arrived)


def level_bytes(level: Level) -> int:
    """Bytes that a level takes in a file at most, less its entry in the chunk table.

    Where zstd is the smaller codec, which is where there are few cells, it may take fewer.
    """
    section = sections.write_level(level)
    return len(_compress_level(section, sections.outline_of(level), _ZSTD_QUICK)[1])


def required_features(layouts: Iterable[Layout]) -> int:
    """The bits of the header that tell readers which layouts of levels they will meet."""
    bits = 0
    for layout in layouts:
        bits |= spec.FEATURE_HASH if layout.table_log2 or layout.block_log2 else 0
        bits |= spec.FEATURE_SIMPLEX if layout.simplex else 0
    return bits


def _codec_features(codecs: Iterable[int]) -> int:
    return spec.FEATURE_ENTROPY if spec.CODEC_ENTROPY in codecs else 0


def _check_features(data: bytes, shape: sections.ModelOutline) -> None:
    found = HEADER.unpack_from(data)[2] & ~spec.FEATURE_ENTROPY  # that one is checked by rule C9
    used = required_features(level.layout for level in shape.levels)
    if found != used:
        raise FormatError("M7", 12, f"required features {found:#x}", f"{used:#x}, as levels say")


def _read_level(data: bytes, chunk: _Chunk, outline: sections.LevelOutline) -> Level:
    limit = sections.level_limit(outline)
    if chunk.codec != spec.CODEC_ENTROPY:
        return sections.read_level(_unpack(data, chunk, limit), outline)
    stored = _stored(data, chunk, limit)
    return sections.read_level(entropy.unpack(stored, outline, chunk.raw), outline)


def _finest_mip(model: QuantizedModel, arrived: Iterable[int]) -> int:
    """The finest mip such that it and all coarser ones read arrived levels only."""
    missing = np.ones(len(model.levels), bool)
    missing[list(arrived)] = False
    incomplete = ((model.roles != spec.NOT_READ) & missing).any(1)
    return int(np.nonzero(incomplete)[0].max(initial=-1)) + 1


def _read_table(data: bytes, *, prefix: bool) -> list[_Chunk]:
    if data[:4] == spec.NTEX_MAGIC:
        raise FormatError(
            "H1", 0, "an NVIDIA RTXNTC container (`NTEX`)", "a `.ntc` of this project"
        )
    if data[:8] != spec.MAGIC:
        raise FormatError("H1", 0, data[:8], spec.MAGIC)
    if len(data) < HEADER.size:
        raise FormatError("H6", len(data), f"{len(data)} bytes", f"a header of {HEADER.size}")
    _, version, required, _, count, size, crc, reserved = HEADER.unpack_from(data)
    if version != spec.VERSION:
        raise FormatError("H2", 8, f"version {version}", f"version {spec.VERSION}")
    if required & ~spec.KNOWN_REQUIRED:
        unknown = required & ~spec.KNOWN_REQUIRED
        raise FormatError("H3", 12, f"required features {unknown:#x}", "none of them: newer file")
    if not 4 <= count <= spec.MAX_CHUNKS:
        raise FormatError("H4", 20, f"{count} chunks", f"4..{spec.MAX_CHUNKS}")
    if reserved != 0:
        raise FormatError("H7", 36, reserved, 0)
    start = HEADER.size + CHUNK.size * count
    if len(data) < start:
        raise FormatError("H6", len(data), f"{len(data)} bytes", f"a chunk table up to {start}")
    zeroed = data[:32] + b"\0\0\0\0" + data[36:start]
    if zlib.crc32(zeroed) != crc:
        raise FormatError("H5", 32, f"CRC-32 {zlib.crc32(zeroed):#010x}", f"{crc:#010x}")
    if len(data) != size and not (prefix and len(data) < size):
        raise FormatError("H6", len(data), f"{len(data)} bytes", f"{size} bytes")
    entries = (HEADER.size + CHUNK.size * i for i in range(count))
    chunks = [_Chunk(at, *CHUNK.unpack_from(data, at)) for at in entries]
    for chunk in chunks:
        if chunk.offset != start:
            raise FormatError("C1", chunk.entry, f"offset {chunk.offset}", f"offset {start}")
        start += chunk.stored
        if chunk.codec > (spec.CODEC_ENTROPY if chunk.kind == b"LEVL" else spec.CODEC_ZSTD):
            raise FormatError("C2", chunk.entry + 32, f"codec {chunk.codec}", "0, 1; 2 of a LEVL")
    if start != size:
        raise FormatError("C1", HEADER.size, f"chunks up to byte {start}", f"up to {size}")
    used = _codec_features(chunk.codec for chunk in chunks)
    if required & spec.FEATURE_ENTROPY != used:
        raise FormatError("C9", 12, f"required features {required:#x}", f"{used:#x} for codec 2")
    return chunks


def _split(chunks: list[_Chunk]) -> tuple[_Chunk, _Chunk, _Chunk, list[_Chunk]]:
    """Model, metadata, network and levels; anything but that order breaks C6."""
    found = [chunk.kind for chunk in chunks]
    expected = [*KINDS[:3], *[b"LEVL"] * max(len(found) - 3, 1)]
    if found != expected:
        raise FormatError("C6", HEADER.size, found, "MODL, META, NETW, then LEVL once a level")
    for chunk in chunks[:3]:
        if chunk.index != 0:
            found_index = f"{chunk.kind!r} number {chunk.index}"
            raise FormatError("C7", chunk.entry + 4, found_index, "number 0")
    return chunks[0], chunks[1], chunks[2], chunks[3:]


def _compress(data: bytes, effort: int = _ZSTD_BEST) -> tuple[int, bytes]:
    """Codec and stored bytes: zstd where it is smaller."""
    packed = zstandard.ZstdCompressor(level=effort, write_content_size=True).compress(data)
    return (spec.CODEC_ZSTD, packed) if len(packed) < len(data) else (spec.CODEC_RAW, data)


def _compress_level(
    section: bytes, outline: sections.LevelOutline, effort: int = _ZSTD_BEST
) -> tuple[int, bytes]:
    """Codec and stored bytes: the entropy coder where it is smaller still."""
    packed = entropy.pack(section, outline)
    other = _compress(section, effort)
    return (spec.CODEC_ENTROPY, packed) if len(packed) < len(other[1]) else other


def _check_crc(data: bytes, chunk: _Chunk) -> None:
    crc = zlib.crc32(memoryview(data)[chunk.offset : chunk.end])
    if crc != chunk.crc:
        found = f"CRC-32 {crc:#010x} of {chunk.kind!r}"
        raise FormatError("C3", chunk.offset, found, f"{chunk.crc:#010x}")


def _stored(data: bytes, chunk: _Chunk, limit: int) -> bytes:
    """The stored bytes of a chunk that has arrived and unpacks to at most `limit`."""
    if chunk.end > len(data):
        raise FormatError("H6", len(data), "the end of the file", f"chunk {chunk.kind!r}")
    if chunk.raw > limit:
        raise FormatError("C4", chunk.entry + 24, f"{chunk.raw} bytes raw", f"at most {limit}")
    return data[chunk.offset : chunk.end]


def _unpack(data: bytes, chunk: _Chunk, limit: int) -> bytes:
    """The raw bytes of a chunk of codec 0 or 1, at most `limit`."""
    stored = _stored(data, chunk, limit)
    if chunk.codec == spec.CODEC_RAW:
        if chunk.raw != chunk.stored:
            raise FormatError("C5", chunk.entry + 24, f"{chunk.raw} bytes", chunk.stored)
        return stored
    return _decompress(stored, chunk)


def _decompress(stored: bytes, chunk: _Chunk) -> bytes:
    """The one frame that the chunk is; its declared size is compared before it is allocated."""
    try:
        declared = zstandard.frame_content_size(stored)
        if declared != chunk.raw or zstandard.get_frame_parameters(stored).dict_id:
            raise FormatError("C5", chunk.offset, f"a frame of {declared} bytes", chunk.raw)
        return zstandard.ZstdDecompressor().decompress(stored, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise FormatError("C5", chunk.offset, f"broken zstd data ({error})", "a frame") from error


def _read_metadata(raw: bytes) -> Metadata:
    try:
        return Metadata.model_validate_json(raw, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise FormatError("J1", 0, f"{where}: {first['msg']}", "the schema") from error
