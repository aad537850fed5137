"""Bit packing and tiles: numbers worked out on paper, and every width against plain Python."""

import numpy as np
import pytest

from ntc.format import bits
from ntc.format.model import pack_level, tile_sides


def test_codes_worked_out_on_paper():
    # Three bits each, first code lowest: 5 | 3 << 3 | 7 << 6 = 5 + 24 + 448.
    assert bits.pack(np.array([[5, 3, 7]], np.uint8), 3).tolist() == [[477]]
    # Eleven codes of 3 bits: the last one straddles bits 30..32.
    words = bits.pack(np.array([[0] * 10 + [6]], np.uint8), 3)
    assert words.tolist() == [[0x80000000, 0x1]]
    codes = bits.extract(words[0], np.array([27, 30]), np.array([3, 3]))
    assert codes.tolist() == [0, 6]


@pytest.mark.parametrize("width", range(9))
@pytest.mark.parametrize("n", [1, 3, 4, 11, 32, 33, 100])
def test_pack_and_extract(rng, width, n):
    codes = rng.integers(0, 1 << width, (5, n)).astype(np.uint8)
    words = bits.pack(codes, width)
    assert words.dtype == np.uint32
    assert words.shape == (5, bits.word_count(n, width))
    for row, packed in zip(codes, words, strict=True):
        number = sum(int(word) << (32 * i) for i, word in enumerate(packed))
        assert number == sum(int(code) << (width * i) for i, code in enumerate(row))
        np.testing.assert_array_equal(
            bits.extract(packed, np.arange(n) * width, np.array(width)), row
        )


def test_bands_do_not_show(rng, monkeypatch):
    codes = rng.integers(0, 32, (7, 9)).astype(np.uint8)
    whole = bits.pack(codes, 5)
    monkeypatch.setattr(bits, "_BAND_BITS", 100)
    np.testing.assert_array_equal(bits.pack(codes, 5), whole)


def test_a_code_too_large_is_our_mistake():
    with pytest.raises(AssertionError):
        bits.pack(np.array([[4]], np.uint8), 2)


def test_extract_mixes_widths_and_reads_nothing_past_the_end():
    words = np.array([0x80000000], np.uint32)
    codes = bits.extract(words, np.array([31, 32, 24]), np.array([1, 0, 8]))
    assert codes.tolist() == [1, 0, 128]
    assert bits.extract(words[:0], np.array([0, 0]), np.array([0])).tolist() == [0, 0]


def test_border_tiles_hold_only_their_cells():
    assert tile_sides(13, 2).tolist() == [4, 4, 4, 1]
    assert tile_sides(8, 3).tolist() == [8]
    assert tile_sides(1, 6).tolist() == [1]


def test_level_worked_out_on_paper():
    """5 x 5 cells of one 4-bit feature in tiles of 4: 2, 1, 1, 1 words, cells in row order."""
    codes = np.arange(25, dtype=np.uint8).reshape(5, 5, 1) % 16
    ones = np.ones((2, 2), np.int64)
    level = pack_level(
        codes, (4 * ones).astype("u1"), ones.astype("i2"), ones.astype("u2"), tile_log2=2
    )
    assert level.starts.tolist() == [[0, 2], [3, 4]]
    # Rows 0..3 of the first tile begin at cell 0, 5, 10, 15; then the column, the row, the corner.
    assert [f"{int(word):x}" for word in level.words] == [
        "87653210",
        "210fdcba",
        "3e94",
        "7654",
        "8",
    ]
