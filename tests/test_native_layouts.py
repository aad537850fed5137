"""The native decoder and the layouts of levels: every one on every ISA, and what is refused."""

import os
from dataclasses import replace

import numpy as np
import pytest
from models import wide_model

from ntc import native
from ntc.decode.decoder import ReferenceDecoder
from ntc.decode.native import NativeDecoder
from ntc.format import spec
from ntc.format.layout import DENSE, Layout
from ntc.format.model import Layer, QuantizedModel, pack_level

WITHOUT = os.environ.get("NTC_NATIVE") == "0"
pytestmark = pytest.mark.skipif(WITHOUT, reason="NTC_NATIVE=0: the core is not expected")

ISAS = [] if WITHOUT else native.isas()
REFERENCE = ReferenceDecoder()
same = np.testing.assert_array_equal

ANY_MASK = np.ones((1, 1), bool)  # `wide_model` makes one for each level
STORED = {
    "dense": DENSE,
    "cells in a table": Layout(table_log2=11),
    "pairs in a table": Layout(table_log2=9, block_log2=1),
    "blocks in a table": Layout(table_log2=12, block_log2=4),
    "small blocks of a mask": Layout(block_log2=2, mask=ANY_MASK),
    "large blocks of a mask": Layout(block_log2=5, mask=ANY_MASK),
}


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("simplex", [False, True])
@pytest.mark.parametrize("stored", STORED)
@pytest.mark.parametrize("wrap", [(False, True), (True, False)])
def test_layouts(isa, stored, simplex, wrap):
    """All mips of images of many blocks, a rectangle and a list of texels of each."""
    layout = replace(STORED[stored], simplex=simplex)
    size = (150, 96, 3) if wrap[1] else (129, 75, 3)
    model, decoder = wide_model(*size, (16,), wrap, layout), NativeDecoder(isa)
    rng = np.random.default_rng(7)
    for mip in range(model.mips):
        expected = REFERENCE.decode(model, mip)
        same(decoder.decode(model, mip), expected)
        height, width = expected.shape[:2]
        x, y = width // 3, height // 5
        same(decoder.decode(model, mip, (x, y, width - x, height - y)), expected[y:, x:])
        ys, xs = (rng.integers(0, n, 333) for n in (height, width))
        same(decoder.decode_texels(model, mip, xs, ys), expected[ys, xs])


def check_everywhere(level, size, isa):
    """Compares strips and texels of a material of this size that shows the level alone."""
    layer = Layer(np.array([[90, 1]], "i1"), np.array([1 << 20], "i4"), np.array([5], "u1"))
    roles = np.zeros((1, 1), np.uint8)
    model = QuantizedModel(*size, 1, (False, True), (level,), roles, (layer,))
    expected, decoder = REFERENCE.decode(model), NativeDecoder(isa)
    same(decoder.decode(model), expected)
    y, x = np.indices(expected.shape[:2]).reshape(2, -1)[:, -70:]
    same(decoder.decode_texels(model, 0, x, y), expected[y, x])


def constant_tile(code_width, offset, scale):
    """A directory of one tile."""
    kinds = (code_width, np.uint8), (offset, np.int16), (scale, np.uint16)
    return [np.full((1, 1), value, kind) for value, kind in kinds]


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("simplex", [False, True])
@pytest.mark.parametrize("side", [2, 8192, 16384])
def test_positions_of_the_largest_images(isa, simplex, side):
    """Long thin images, so that positions and cells take all the bits that they can."""
    codes = np.arange(16, dtype=np.uint8).reshape(4, 4, 1)
    layout = Layout(simplex, table_log2=4)
    for size in ((side, 2), (2, side)):
        level = pack_level(codes, *constant_tile(4, -8000, 1000), 2, size, layout)
        check_everywhere(level, size, isa)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("code_width", range(9))
@pytest.mark.parametrize("side", [1, 2, 3, 4])
def test_few_words(isa, code_width, side):
    """Kernels read eight bytes at a time: also of levels that have less, or none."""
    most = (1 << code_width) - 1
    codes = np.random.default_rng(side).integers(0, most + 1, (side, side, 1)).astype(np.uint8)
    tile = constant_tile(code_width, -spec.LATENT_LIMIT, 2 * spec.LATENT_LIMIT // max(most, 1))
    check_everywhere(pack_level(codes, *tile, 2), (side, side), isa)


def with_first_level(model, **values):
    """The model with fields of its first level replaced."""
    return replace(model, levels=(replace(model.levels[0], **values), *model.levels[1:]))


def illegal_layouts():
    """Of a level of 40x30 cells, wrapped in u, and what is said of them."""
    mask = np.ones((8, 10), bool)
    return [
        ("layout of a dense level", Layout(block_log2=1)),
        ("layout of a dense level", Layout(block_log2=-1)),
        ("layout of a hashed level", Layout(table_log2=3)),
        ("layout of a hashed level", Layout(table_log2=25)),
        ("layout of a hashed level", Layout(table_log2=-4)),
        ("layout of a hashed level", Layout(table_log2=9, block_log2=5)),
        ("layout of a hashed level", Layout(table_log2=16, block_log2=7)),
        ("layout of a hashed level", Layout(table_log2=16, block_log2=-1)),
        ("layout of a masked level", Layout(table_log2=9, block_log2=2, mask=mask)),
        ("layout of a masked level", Layout(block_log2=1, mask=np.ones((15, 20), bool))),
        ("layout of a masked level", Layout(block_log2=7, mask=mask[:1, :1])),
        ("layout of a masked level", Layout(block_log2=2**31 - 1, mask=mask)),
        ("size of a mask", Layout(block_log2=2, mask=mask.T)),
        ("size of a mask", Layout(block_log2=3, mask=mask)),
        ("a mask without blocks", Layout(block_log2=2, mask=mask[:0])),
        ("a mask that keeps no block", Layout(block_log2=2, mask=~mask)),
        ("size of a tile directory", Layout(table_log2=10)),
        ("size of a tile directory", Layout(block_log2=2, mask=mask)),
    ]


@pytest.mark.parametrize(("what", "layout"), illegal_layouts())
def test_illegal_layouts_are_refused(what, layout):
    model = wide_model(40, 30, 3)
    with pytest.raises(ValueError, match=what):
        NativeDecoder().prepare(with_first_level(model, layout=layout))


def test_more_blocks_than_a_mask_may_have():
    layout = Layout(block_log2=2, mask=np.ones((4096, 1025), bool))
    model = with_first_level(wide_model(40, 30, 3), width=4100, height=16384, layout=layout)
    with pytest.raises(ValueError, match="number of blocks"):
        NativeDecoder().prepare(model)


def test_odd_rows_of_triangles_that_wrap():
    model = wide_model(40, 31, 3, layout=Layout(simplex=True))
    NativeDecoder().prepare(model)
    with pytest.raises(ValueError, match="odd rows of triangles"):
        NativeDecoder().prepare(replace(model, wrap=(False, True)))
