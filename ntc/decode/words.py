"""A material as the shaders read it: one array of 32-bit words. And what else they are given.

The constants here and those of `shaders/ntc.slang` are the same numbers, by name; a test compares
them, and the bindings with what the compiler reports for every target.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ntc.format.layout import mask_words
from ntc.format.model import Layer, Level, QuantizedModel, align4
from ntc.format.sections import MODEL, OUTLINE, write_level, write_model

Words = npt.NDArray[np.uint32]

ALIGNMENT: Final = 4  # words: shaders load four at once, so every part starts at a multiple of it
HEADER_WORDS: Final = 12
LEVEL_WORDS: Final = 12
LAYER_WORDS: Final = 4

# The compute entry, and what it is given: bindings of group 0, in this order.
DECODE_ENTRY: Final = "ntc_decode"
BINDINGS: Final = ("words", "job", "list", "out")
GROUP_THREADS: Final = 64
GROUPS_IN_ROW: Final = 65535
JOB_WORDS: Final = 32
JOB_CHANNELS: Final = 12  # word of a job where the indices of channels start, a byte each

MODE_RECTANGLE: Final = 0
MODE_TEXELS: Final = 1
MODE_SAMPLES: Final = 2
OUTPUT_U8: Final = 0
OUTPUT_U16: Final = 1
OUTPUT_HALF: Final = 2
OUTPUT_FLOAT: Final = 3
FILTER_TEXEL: Final = 0
FILTER_FILTERED: Final = 1
FILTER_EXACT: Final = 2
FILTER_STOCHASTIC: Final = 3


def pack(model: QuantizedModel) -> Words:
    """`[words]` all that a decoder reads of a material, laid out as shaders/README.md says.

    The length is a multiple of `ALIGNMENT`, and so has to be the place in a larger buffer.
    """
    section = write_model(model)
    after_outlines = MODEL.size + OUTLINE.size * len(model.levels)
    outlines = np.frombuffer(section, "<u4", after_outlines // 4 - MODEL.size // 4, MODEL.size)
    roles = np.frombuffer(section.ljust(align4(len(section)), b"\0"), "<u4", -1, after_outlines)
    records = np.zeros((len(model.levels), LEVEL_WORDS), np.uint32)
    layers = np.zeros((len(model.layers), LAYER_WORDS), np.uint32)
    header = np.zeros(HEADER_WORDS, np.uint32)
    parts = _Parts()
    parts.add(header)
    parts.add(records)
    header[8] = parts.add(roles)
    header[9] = parts.add(layers)
    for record, layer in zip(layers, model.layers, strict=True):
        outputs, inputs = layer.weights.shape
        record[:3] = inputs, outputs, parts.add(_parameters(layer))
    for record, outline, level in zip(records, outlines.reshape(-1, 3), model.levels, strict=True):
        record[:3] = outline
        _add_level(parts, record, level)
    header[:6] = (
        model.width,
        model.height,
        model.mips,
        model.channels,
        len(model.levels),
        len(model.layers),
    )
    header[6] = int(model.wrap[0]) | int(model.wrap[1]) << 1
    header[7] = model.inputs
    header[10] = parts.length
    return parts.joined()


class _Parts:
    """Arrays one after the other, each from a multiple of `ALIGNMENT` words on."""

    def __init__(self) -> None:
        self.length = 0
        self._arrays: list[Words] = []

    def add(self, array: Words) -> int:
        """The word that the array starts at. It may still change until they are joined."""
        at = self.length
        self._arrays.append(array)
        self.length += -(-array.size // ALIGNMENT) * ALIGNMENT
        return at

    def joined(self) -> Words:
        words = np.zeros(self.length, np.uint32)
        at = 0
        for array in self._arrays:
            words[at : at + array.size] = array.ravel()
            at += -(-array.size // ALIGNMENT) * ALIGNMENT
        return words


def _parameters(layer: Layer) -> Words:
    """`[groups, 2 + inputs / 4, 8]` biases, shifts and weights of eight outputs at a time.

    Outputs and inputs are filled up to whole eights with zeros.
    """
    outputs, inputs = layer.weights.shape
    groups, columns = -(-outputs // 8), 2 * -(-inputs // 8)
    rows = np.zeros((8 * groups, 2 + columns), "<u4")
    rows[:outputs, 0] = layer.biases.view(np.uint32)
    rows[:outputs, 1] = layer.shifts
    weights = np.zeros((outputs, 4 * columns), np.int8)
    weights[:, :inputs] = layer.weights
    rows[:outputs, 2:] = weights.view("<u4")
    return np.ascontiguousarray(rows.reshape(groups, 8, 2 + columns).swapaxes(1, 2))


def _add_level(parts: _Parts, record: Words, level: Level) -> None:
    """Add the directory, the codes and the mask of a level, and say in its record where."""
    section = np.frombuffer(write_level(level), "<u4")
    mask, block_log2 = level.layout.mask, level.layout.block_log2
    kept = 0 if mask is None else mask_words(mask.size)
    rows, columns = level.tiles
    directory_end = kept + 2 * rows * columns
    record[3:6] = columns, rows * columns, level.stored[0]
    record[6] = parts.add(section[kept:directory_end])
    record[7] = parts.add(section[directory_end:])
    record[8] = section.size - directory_end
    record[9] = parts.add(_ranked(section[:kept]))
    record[10] = -(-level.width // (1 << block_log2))
    record[11] = kept


def _ranked(mask: Words) -> Words:
    """`[mask words, 2]` 32 bits of a mask, and the number of ones before them."""
    ones = np.unpackbits(mask.view(np.uint8).reshape(-1, 4), axis=1).sum(axis=1, dtype=np.uint32)
    return np.stack([mask, np.cumsum(ones, dtype=np.uint32) - ones], axis=1)
