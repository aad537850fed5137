"""Bit packing: codes of 0 to 8 bits in little-endian 32-bit words, first code lowest."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint32]

_BAND_BITS: Final = 1 << 22  # bits unpacked at once, a byte each: bounds the memory of packing


def word_count(codes: int, width: int) -> int:
    """Words that `codes` codes of `width` bits fill; a tile starts at a word (rule D2)."""
    return (codes * width + 31) // 32


def pack(codes: npt.NDArray[np.uint8], width: int) -> Words:
    """`[rows, n]` codes below 2**width become `[rows, word_count(n, width)]` words.

    Every row starts at a word of its own; bits past its last code are zero.
    """
    rows, n = codes.shape
    assert int(codes.max(initial=0)) < 1 << width
    words = np.empty((rows, word_count(n, width)), np.uint32)
    band = max(_BAND_BITS // max(n * width, 1), 1)
    for row in range(0, rows, band):
        words[row : row + band] = _pack(codes[row : row + band], width)
    return words


def _pack(codes: npt.NDArray[np.uint8], width: int) -> Words:
    rows, n = codes.shape
    bits = np.unpackbits(codes[..., None], axis=-1, count=width, bitorder="little")
    unused = word_count(n, width) * 32 - n * width
    padded = np.pad(bits.reshape(rows, n * width), ((0, 0), (0, unused)))
    return np.packbits(padded, axis=-1, bitorder="little").view("<u4").astype(np.uint32)


def extract(
    words: Words,  # [n_words]
    bit: npt.NDArray[np.int64],  # position of each code's lowest bit
    width: npt.NDArray[np.int64],  # bits of each code, 0..8; broadcasts with `bit`
) -> npt.NDArray[np.int64]:
    """The codes that start at `bit`; a code may cross into the next word. Width 0 reads 0."""
    if words.size == 0:
        return np.zeros(np.broadcast_shapes(bit.shape, width.shape), np.int64)
    last = words.size - 1
    low = words[np.minimum(bit >> 5, last)].astype(np.uint64)
    high = words[np.minimum((bit >> 5) + 1, last)].astype(np.uint64)
    pair = low | (high << np.uint64(32))
    mask = (np.int64(1) << width) - 1
    codes: npt.NDArray[np.int64] = (pair >> (bit & 31).astype(np.uint64)).astype(np.int64) & mask
    return codes
