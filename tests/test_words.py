"""A material as words: every part is where its record says, read back by hand."""

from dataclasses import replace

import numpy as np
import pytest
from models import plain_file, random_model

from ntc.decode import words
from ntc.format.layout import mask_words

SEEDS = range(30)
MASKED = [s for s in range(60) if any(v.layout.mask is not None for v in random_model(s).levels)]


def test_the_header_of_a_plain_file():
    packed = words.pack(plain_file().model)
    assert packed.dtype == np.uint32
    assert packed[:8].tolist() == [17, 13, 4, 3, 2, 2, 1, 8]
    assert packed[10] == len(packed)
    assert packed[11] == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_every_part_starts_at_a_multiple_of_four_words(seed):
    packed = words.pack(random_model(seed))
    levels, layers = levels_of(packed), layers_of(packed)
    offsets = [*packed[8:10], *levels[:, 6], *levels[:, 7], *levels[:, 9], *layers[:, 2]]
    assert len(packed) % words.ALIGNMENT == 0
    assert not np.any(np.array(offsets) % words.ALIGNMENT)


@pytest.mark.parametrize("seed", SEEDS)
def test_levels_are_found_through_their_records(seed):
    model = random_model(seed)
    packed = words.pack(model)
    for record, level in zip(levels_of(packed), model.levels, strict=True):
        width, height, outline, columns, tiles, stored, directory, codes, count = record[:9]
        assert (width, height) == (level.width, level.height)
        assert outline & 0xFFFF == level.features | level.tile_log2 << 8
        assert (columns, tiles, stored) == (
            level.tiles[1],
            np.prod(level.tiles),
            level.stored[0],
        )
        entries = packed[directory : directory + 2 * tiles].reshape(-1, 2)
        first = level.starts.ravel() | level.code_widths.ravel().astype(np.int64) << 28
        assert np.array_equal(entries[:, 0], first)
        assert np.array_equal(entries[:, 1] & 0xFFFF, level.scales.ravel())
        offsets = (entries[:, 1] >> 16).astype(np.uint16).view(np.int16)
        assert np.array_equal(offsets, level.offsets.ravel())
        assert np.array_equal(packed[codes : codes + count], level.words)


@pytest.mark.parametrize("seed", MASKED)
def test_the_mask_counts_the_blocks_before(seed):
    model = random_model(seed)
    packed = words.pack(model)
    for record, level in zip(levels_of(packed), model.levels, strict=True):
        mask = level.layout.mask
        assert record[11] == (0 if mask is None else mask_words(mask.size))
        if mask is None:
            continue
        assert record[10] == mask.shape[1]
        pairs = packed[record[9] : record[9] + 2 * record[11]].reshape(-1, 2).astype(int)
        for k, kept in enumerate(mask.ravel()):
            bits, before = pairs[k >> 5]
            assert bits >> (k & 31) & 1 == kept
            rank = before + (bits & ((1 << (k & 31)) - 1)).bit_count()
            assert rank == np.count_nonzero(mask.ravel()[:k])


@pytest.mark.parametrize("seed", SEEDS)
def test_weights_lie_in_eights(seed):
    model = random_model(seed)
    packed = words.pack(model)
    for record, layer in zip(layers_of(packed), model.layers, strict=True):
        inputs, outputs, at, _ = record.tolist()
        assert (outputs, inputs) == layer.weights.shape
        columns = 2 * -(-inputs // 8)
        groups = packed[at:][: -(-outputs // 8) * 8 * (2 + columns)].reshape(-1, 2 + columns, 8)
        for k in range(outputs):
            assert groups[k // 8, 0, k % 8].astype(np.uint32).view(np.int32) == layer.biases[k]
            assert groups[k // 8, 1, k % 8] == layer.shifts[k]
            row = groups[k // 8, 2:, k % 8].copy().view(np.int8)
            assert row.tolist() == [*layer.weights[k].tolist(), *[0] * (4 * columns - inputs)]
        assert not np.any(groups[-1, :, (outputs - 1) % 8 + 1 :])


@pytest.mark.parametrize("seed", SEEDS)
def test_roles_lie_mip_by_mip(seed):
    model = random_model(seed)
    packed = words.pack(model)
    found = packed[packed[8] :].view(np.uint8)[: model.roles.size]
    assert np.array_equal(found.reshape(model.roles.shape), model.roles)


def test_address_modes_have_a_bit_each():
    model = plain_file().model
    found = [int(words.pack(replace(model, wrap=wrap))[6]) for wrap in address_modes()]
    assert found == [0, 1, 2, 3]


def address_modes() -> list[tuple[bool, bool]]:
    return [(False, False), (True, False), (False, True), (True, True)]


def levels_of(packed: words.Words) -> words.Words:
    end = words.HEADER_WORDS + words.LEVEL_WORDS * int(packed[4])
    return packed[words.HEADER_WORDS : end].reshape(-1, words.LEVEL_WORDS)


def layers_of(packed: words.Words) -> words.Words:
    at = int(packed[9])
    return packed[at : at + words.LAYER_WORDS * int(packed[5])].reshape(-1, words.LAYER_WORDS)
