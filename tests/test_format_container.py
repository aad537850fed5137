"""The container: what was written comes back, and everything else is refused by rule."""

import json
import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from models import plain_file, random_file
from surgery import CHUNK, ENTROPY, HEADER, Chunk, patch, put_together, sign, take_apart

from ntc.decode import reference
from ntc.errors import FormatError
from ntc.format import container, spec
from ntc.format.container import NtcFile
from ntc.format.model import QuantizedModel, bytes_per_texel, video_memory_bytes

SEEDS = range(40)
PLAIN = container.write(plain_file())
MODL, META, NETW, COARSE, FINE = range(5)
MIB = 1 << 20


def assert_same(a: QuantizedModel, b: QuantizedModel) -> None:
    for name in ("width", "height", "mips", "wrap"):
        assert getattr(a, name) == getattr(b, name)
    np.testing.assert_array_equal(a.roles, b.roles)
    mine = (*a.levels, *(level.layout for level in a.levels), *a.layers)
    others = (*b.levels, *(level.layout for level in b.levels), *b.layers)
    for part, other in zip(mine, others, strict=True):
        for field in part.__dataclass_fields__.keys() - {"layout"}:
            np.testing.assert_array_equal(getattr(part, field), getattr(other, field))
            assert np.asarray(getattr(part, field)).dtype == np.asarray(getattr(other, field)).dtype


def entries(data: bytes) -> list[tuple]:
    count = HEADER.unpack_from(data)[4]
    return [CHUNK.unpack_from(data, HEADER.size + CHUNK.size * i) for i in range(count)]


def chunk_ends(data: bytes) -> list[int]:
    return [offset + stored for _, _, offset, stored, *_ in entries(data)]


def codecs(data: bytes) -> set[int]:
    return {entry[5] for entry in entries(data)}


@pytest.mark.parametrize("seed", SEEDS)
def test_round_trip(seed):
    file = random_file(seed)
    data = container.write(file)
    back = container.read(data)
    assert_same(back.model, file.model)
    assert back.metadata == file.metadata
    assert container.write(back) == data


def test_every_truncation_is_refused():
    for n in range(len(PLAIN)):
        with pytest.raises(FormatError):
            container.read(PLAIN[:n])


@pytest.mark.parametrize("more", [b"\0", b"\xff", PLAIN])
def test_bytes_after_the_end_are_refused(more):
    for read in (container.read, container.read_prefix):
        with pytest.raises(FormatError, match="H6"):
            read(PLAIN + more)


def test_every_flipped_bit_is_refused():
    for i in range(8 * len(PLAIN)):
        flipped = bytearray(PLAIN)
        flipped[i // 8] ^= 1 << i % 8
        with pytest.raises(FormatError):
            container.read(bytes(flipped))


@given(st.binary(max_size=200))
@example(b"")
@example(b"\x89NTC\r\n\x1a\n")
def test_arbitrary_bytes_never_escape(data):
    for read in (container.read, container.read_prefix):
        for start in (b"", PLAIN[:8], PLAIN[:40]):
            with pytest.raises(FormatError):
                read(start + data)


@settings(max_examples=300)
@given(st.sampled_from(range(5)), st.binary(max_size=80), st.integers(0, 400), st.booleans())
def test_arbitrary_sections_never_escape(chunk, data, at, keep_rest):
    """Sections overwritten behind right checksums: refused, or a file that decodes."""
    chunks = take_apart(PLAIN)
    raw = chunks[chunk].raw
    chunks[chunk].raw = raw[:at] + data + (raw[at + len(data) :] if keep_rest else b"")
    try:
        file = container.read(put_together(chunks))
    except FormatError:
        return
    reference.decode_texels(file.model, file.model.mips - 1, np.zeros(1, int), np.zeros(1, int))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_prefix_decodes_what_it_promises(seed):
    file = random_file(seed)
    data = container.write(file)
    whole = [reference.decode(file.model, mip) for mip in range(file.model.mips)]
    promised = []
    for end in chunk_ends(data)[2:]:
        partial, finest = container.read_prefix(data[:end])
        promised.append(finest)
        assert partial.metadata == file.metadata
        for mip in range(finest, file.model.mips):
            np.testing.assert_array_equal(reference.decode(partial.model, mip), whole[mip])
    assert promised == sorted(promised, reverse=True)
    assert promised[0] == file.model.mips
    assert promised[-1] == 0


def test_a_prefix_promises_all_it_can():
    ends = chunk_ends(PLAIN)
    # Only mip 3 does without the fine level; half a level is none.
    finest = [container.read_prefix(PLAIN[:n])[1] for n in (ends[2], ends[3] - 1, ends[3])]
    assert finest == [4, 4, 3]
    assert container.read_prefix(PLAIN[: ends[4] - 1])[1] == 3
    assert container.read_prefix(PLAIN)[1] == 0


def test_a_prefix_too_short_for_the_network_is_refused():
    for n in range(chunk_ends(PLAIN)[2]):
        with pytest.raises(FormatError, match=r"H1|H6"):
            container.read_prefix(PLAIN[:n])


def test_a_prefix_with_a_flipped_bit_is_refused():
    end = chunk_ends(PLAIN)[3]
    with pytest.raises(FormatError, match="C3"):
        container.read_prefix(PLAIN[: end - 1] + bytes([PLAIN[end - 1] ^ 1]))


@pytest.mark.parametrize("position", range(6))
def test_unknown_chunks_and_optional_features_are_ignored(position):
    chunks = take_apart(PLAIN)
    chunks.insert(position, Chunk(b"more", 3, b"anything", codec=0))
    back = container.read(put_together(chunks, optional=0xFFFFFFFF))
    assert container.write(back) == PLAIN


def test_unknown_keys_are_ignored():
    """Rule J2."""
    chunks = take_apart(PLAIN)
    document = json.loads(chunks[META].raw)
    document["later"] = document["maps"][0]["later"] = {"a": [1, None]}
    chunks[META].raw = json.dumps(document).encode()
    assert container.read(put_together(chunks)).metadata == plain_file().metadata


@pytest.mark.parametrize("bits", [4, 5, 16, 1 << 31])
def test_required_features_of_tomorrow_are_refused(bits):
    with pytest.raises(FormatError, match="H3"):
        container.read(sign(patch(PLAIN, "I", 12, bits)))


@pytest.mark.parametrize("seed", SEEDS)
def test_required_features_are_those_of_the_levels(seed):
    """Rule M7, in every wrong way there is."""
    file = random_file(seed)
    data = container.write(file)
    layouts = [level.layout for level in file.model.levels]
    hashed = any(layout.table_log2 or layout.mask is not None for layout in layouts)
    expected = hashed | any(layout.simplex for layout in layouts) << 1
    coded = ENTROPY if 2 in codecs(data) else 0
    assert HEADER.unpack_from(data)[2] == expected | coded
    for bits in {0, 1, 2, 3} - {expected}:
        for read in (container.read, container.read_prefix):
            with pytest.raises(FormatError, match="M7"):
                read(sign(patch(data, "I", 12, bits | coded)))
            with pytest.raises(FormatError, match="C9"):
                read(sign(patch(data, "I", 12, bits | coded ^ ENTROPY)))


def test_random_files_have_every_codec():
    assert set.union(*(codecs(container.write(random_file(seed))) for seed in SEEDS)) == {0, 1, 2}


def test_random_files_have_every_layout():
    levels = [level for seed in SEEDS for level in random_file(seed).model.levels]
    kinds = {
        (lv.layout.simplex, lv.layout.table_log2 > 0, lv.layout.mask is not None) for lv in levels
    }
    assert len(kinds) == 6


@pytest.mark.parametrize(("chunk", "rule"), [(META, "C4"), (NETW, "C4"), (COARSE, "C4")])
def test_a_bomb_is_refused_before_it_unpacks(chunk, rule):
    chunks = take_apart(PLAIN)
    chunks[chunk].raw = bytes(64 * MIB)
    assert_refused_within(MIB, put_together(chunks), rule)


def test_a_frame_longer_than_its_chunk_says_is_refused_before_it_unpacks():
    chunks = take_apart(PLAIN)
    chunks[META].raw, chunks[META].raw_size = bytes(64 * MIB), 1000
    assert_refused_within(MIB, put_together(chunks), "C5")


def assert_refused_within(most: int, data: bytes, rule: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(FormatError, match=rule):
            container.read(data)
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


# 2**20 tiles of 16 x 16 cells, or of 8 x 32 in the 2**22 blocks of 8 x 8 that a mask keeps.
@pytest.mark.parametrize(("tile_log2", "layout", "mask"), [(4, 0, 0), (5, 0x160, 1 << 19)])
def test_the_largest_directories_need_bounded_memory(tile_log2, layout, mask):
    """16 levels of 2**20 constant tiles from a file of a few kilobytes (rules L4 and C8)."""
    outline = container.sections.OUTLINE.pack(spec.MAX_SIDE, spec.MAX_SIDE, 32, tile_log2, layout)
    fields = (spec.MAX_SIDE, spec.MAX_SIDE, 1, 3, 16, 2, 1, 1, 0, 128, 5, 3, 0, 0, 0)
    roles = bytes([0] + [255] * 15)
    model = container.sections.MODEL.pack(*fields) + 16 * outline + roles
    network = bytes(container.sections.network_size((128, 5, 3)))
    size = mask + 8 * spec.MAX_TILES
    level = container._compress(b"\xff" * mask + bytes(8 * spec.MAX_TILES))[1]
    levels = [Chunk(b"LEVL", i, b"", stored=level, raw_size=size) for i in range(15, -1, -1)]
    chunks = [Chunk(b"MODL", 0, model), take_apart(PLAIN)[META], Chunk(b"NETW", 0, network)]
    data = put_together([*chunks, *levels])
    assert len(data) < 10_000
    tracemalloc.start()
    try:
        container.read(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # The directories take 128 MiB, as views of what was unpacked another 80 as arrays; masks 64.
    assert peak < 400 * MIB


def test_the_writer_refuses_what_the_reader_would():
    file = plain_file()
    fit = file.metadata.fit.model_copy(update={"settings": {"long": "x" * spec.MAX_METADATA}})
    with pytest.raises(FormatError, match="C4"):
        container.write(NtcFile(file.model, file.metadata.model_copy(update={"fit": fit})))


def test_errors_cross_processes():
    error = FormatError("H1", 4, "this", "that")
    back = pickle.loads(pickle.dumps(error))
    assert str(back) == str(error) == "H1 at byte 4: found this, allowed that"
    assert (back.rule, back.offset) == ("H1", 4)


def test_sizes_worked_out_on_paper():
    # Fine level 15x13 in tiles of 8 with 3 features: tiles of 64, 56, 40, 35 cells and 3, 0, 5, 8
    # bits: 18 + 0 + 19 + 27 (26.25 rounded up) words. Coarse: 12 cells of 16 bits: 6 words.
    # Network: 5 * 4 + 5 + 5 * 8 and 3 * 4 + 3 + 3 * 8. Roles: 4 mips * 2 levels.
    model = plain_file().model
    assert [level.nbytes for level in model.levels] == [4 * 8 + 4 * 64, 8 + 4 * 6]
    assert video_memory_bytes(model) == (32 + 256) + (8 + 24) + 65 + 39 + 8
    # Per level: four cells, each a directory entry and features * widest code, in whole bytes.
    assert bytes_per_texel(model) == 4 * (8 + 3) + 4 * (8 + 2)
    assert model.macs == 8 * 5 + 5 * 3
