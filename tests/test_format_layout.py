"""Layouts of levels: where tables and masks store cells, and the bytes that say so."""

from dataclasses import astuple, replace
from itertools import product

import numpy as np
import numpy.typing as npt
import pytest
from levels import level_of
from models import plain_file
from surgery import patch

from ntc.decode import reference
from ntc.errors import FormatError
from ntc.format import container, sections
from ntc.format.container import NtcFile
from ntc.format.layout import DENSE, SKIPPED, Layout, block_grid, stored_cells, stored_size
from ntc.format.model import Level, bytes_per_texel, pack_level
from ntc.format.validate import check_level

Ints = npt.NDArray[np.int64]
SIMPLEX = Layout(simplex=True)
CHECKERS = np.array([[1, 0, 1], [0, 1, 0], [1, 0, 1], [1, 1, 0]], bool)  # blocks of a 17 x 27 level
LAYOUTS = {
    "dense": DENSE,
    "simplex": SIMPLEX,
    "table": Layout(table_log2=7),
    "table of blocks": Layout(table_log2=9, block_log2=2),
    "table of one block": Layout(table_log2=6, block_log2=3),
    "table of triangles": Layout(True, 8, 1),
    "mask": Layout(block_log2=3, mask=CHECKERS),
    "mask of triangles": Layout(True, block_log2=3, mask=CHECKERS),
    "whole mask": Layout(block_log2=3, mask=np.ones((4, 3), bool)),
}
WIDTH, HEIGHT = 17, 27


def any_level(rng: np.random.Generator, layout: Layout, size: tuple[int, int]) -> Level:
    width, height = stored_size(*size, layout)
    return level_of(rng.integers(0, 256, (height, width, 2)), size, layout)


def test_hits_spread_over_a_table():
    """Each cell of the table is read by about as many cells of the level."""
    for table_log2, block_log2 in ((8, 0), (9, 0), (10, 2), (13, 3), (12, 1)):
        layout = Layout(table_log2=table_log2, block_log2=block_log2)
        width, height = 300 << block_log2, 211 << block_log2
        row, column = stored_cells(width, height, layout, *np.indices((height, width)))
        stored = stored_size(width, height, layout)
        assert stored[0] * stored[1] == 1 << table_log2
        hits = np.bincount((row * stored[0] + column).ravel(), minlength=1 << table_log2)
        mean = width * height / (1 << table_log2)
        assert hits.size == 1 << table_log2
        assert 0.8 * mean < hits.min() <= hits.max() < 1.25 * mean


def test_neighbours_do_not_meet_in_a_table():
    """Of 3 x 3 cells, so of what a texel reads, no two share one of 256 places."""
    layout = Layout(table_log2=8)
    y, x = np.indices((64, 64))
    row, column = stored_cells(64, 64, layout, y, x)
    places = 16 * row + column
    for top, left in product(range(62), range(62)):
        window = places[top : top + 3, left : left + 3]
        assert len(np.unique(window)) == 9


def test_hash_worked_out_on_paper():
    """Blocks of 2 x 2 in 128 cells, 16 x 8, so 32 blocks, 8 in a row.

    Of 2654435761 = 0x9E3779B1 the lowest five bits are 17. Block (5, 3): 5 ^ (51 & 31) = 5 ^ 19 =
    22, row 2 and column 6 of blocks. Cell (11, 6) is its right upper: column 13, row 4.
    """
    layout = Layout(table_log2=7, block_log2=1)
    assert stored_size(99, 99, layout) == (16, 8)
    row, column = stored_cells(99, 99, layout, np.array([6]), np.array([11]))
    assert (row.tolist(), column.tolist()) == ([4], [13])


@pytest.mark.parametrize("name", LAYOUTS)
def test_cells_stay_within_the_stored_grid_and_with_their_block(name):
    layout = LAYOUTS[name]
    y, x = np.indices((HEIGHT, WIDTH))
    row, column = stored_cells(WIDTH, HEIGHT, layout, y, x)
    width, height = stored_size(WIDTH, HEIGHT, layout)
    kept = row != SKIPPED
    assert row[kept].min() >= 0
    assert row.max() < height
    assert column.min() >= 0
    assert column.max() < width
    together = (y >> layout.block_log2 == 1) & (x >> layout.block_log2 == 1) & kept
    for cells, stored in ((y, row), (x, column)):
        assert np.unique(cells[together] - stored[together]).size == 1


@pytest.mark.parametrize("block_log2", [2, 3, 4])
def test_kept_cells_have_places_of_their_own(rng, block_log2):
    side = 1 << block_log2
    width, height = 5 * side, 3 * side
    mask = rng.random((3, 5)) < 0.6
    layout = Layout(block_log2=block_log2, mask=mask)
    y, x = np.indices((height, width))
    row, column = stored_cells(width, height, layout, y, x)
    np.testing.assert_array_equal(row != SKIPPED, mask.repeat(side, 0).repeat(side, 1))
    places = (row * side + column)[row != SKIPPED]
    np.testing.assert_array_equal(np.sort(places), np.arange(mask.sum() * side**2))
    # Blocks lie one below the other in the order of the mask's bits.
    corners = row[::side, ::side][mask]
    np.testing.assert_array_equal(corners, side * np.arange(mask.sum()))


@pytest.mark.parametrize("name", LAYOUTS)
def test_latents_are_those_of_the_stored_cell(rng, name):
    layout = LAYOUTS[name]
    width, height = stored_size(WIDTH, HEIGHT, layout)
    codes = rng.integers(0, 256, (height, width, 3))
    level = level_of(codes, (WIDTH, HEIGHT), layout)
    row, column = stored_cells(WIDTH, HEIGHT, layout, *np.indices((HEIGHT, WIDTH)))
    expected = np.where(row[..., None] == SKIPPED, 0, 127 * codes[row, column] - 16256)
    np.testing.assert_array_equal(reference.latents(level, row, column), expected)


@pytest.mark.parametrize("name", LAYOUTS)
def test_sections_come_back(rng, name):
    level = any_level(rng, LAYOUTS[name], (WIDTH, HEIGHT))
    outline = outline_of(level)
    raw = sections.write_level(level)
    assert len(raw) == sections.level_size(outline, level.code_widths, level.layout.mask)
    assert len(raw) <= sections.level_limit(outline)
    back = sections.read_level(raw, outline)
    assert sections.write_level(back) == raw
    np.testing.assert_array_equal(back.layout.mask, level.layout.mask)
    assert astuple(replace(back.layout, mask=None)) == astuple(outline.layout)


def outline_of(level: Level) -> sections.LevelOutline:
    layout = replace(level.layout, mask=None)
    masked = level.layout.mask is not None
    shape = (level.width, level.height, level.features, level.tile_log2)
    return sections.LevelOutline(*shape, layout, masked)


def test_the_limit_of_a_section_is_near_its_largest():
    """With 8 bits a code and every block kept, only the padding of tiles is to spare.

    Two words for 7 x 6 blocks, 21 tiles of 16 x 32 cells.
    """
    mask = np.ones(block_grid(100, 90, 4), bool)
    layout = Layout(block_log2=4, mask=mask)
    width, height = stored_size(100, 90, layout)
    level = level_of(np.zeros((height, width, 3), int), (100, 90), layout, tile_log2=5)
    assert sections.level_limit(outline_of(level)) == 2 * 4 + 21 * 11 + 7 * 6 * 16 * 16 * 3
    assert len(sections.write_level(level)) == 2 * 4 + 21 * 8 + 7 * 6 * 16 * 16 * 3


def test_exactly_these_layouts_are_legal():
    """All 65536 values of the field against the table of docs/format.md, chapter 4."""
    raw = take_model()
    for value in range(1 << 16):
        table, block, mask = value & 31, value >> 5 & 7, value >> 8 & 1
        dense = (table, block, mask) == (0, 0, 0)
        hashed = not mask and 4 <= table <= 24 and block <= min(6, table // 2)
        masked = mask and not table and 2 <= block <= 6
        expected = "M6" if value >> 10 else None if dense or hashed or masked else "L5"
        at = sections.MODEL.size + 10
        found = None
        try:
            outline = sections.read_model(raw[:at] + value.to_bytes(2, "little") + raw[at + 2 :])
        except FormatError as error:
            found = error.rule
        assert found == expected, f"{value:#x}"
        if found is None:
            level = outline.levels[0]
            assert level.layout.table_log2 == table
            assert level.layout.block_log2 == block
            assert level.masked == bool(mask)
            assert level.layout.simplex == bool(value >> 9)


def take_model() -> bytes:
    return sections.write_model(replace(plain_file().model, wrap=(True, False)))


def masked_level() -> Level:
    """20 blocks of 4 x 4 cells, 3 of them kept; two tiles, of 32 and 16 cells of 2 features."""
    mask = np.zeros((4, 5), bool)
    mask[0, 1] = mask[2, 4] = mask[3, 0] = True
    layout = Layout(block_log2=2, mask=mask)
    return level_of(np.zeros((12, 4, 2), int), (17, 13), layout)


def test_a_mask_worked_out_on_paper():
    # Blocks 0 * 5 + 1, 2 * 5 + 4 and 3 * 5 + 0 of five to a row: bits 1, 14 and 15.
    raw = sections.write_level(masked_level())
    assert raw[:4] == bytes([0b10, 0b1100_0000, 0, 0])
    assert len(raw) == 4 + 2 * 8 + 48 * 2
    # A GPU keeps the mask and a count for its one word; a texel reads four of each.
    assert masked_level().nbytes == len(raw) + 4
    triangles = replace(masked_level(), layout=replace(masked_level().layout, simplex=True))
    for level, taps in ((masked_level(), 4), (triangles, 3)):
        model = replace(plain_file().model, levels=(level, level), roles=np.array([[0, 255]] * 4))
        assert bytes_per_texel(model) == taps * (4 + 4 + 8 + 2)


@pytest.mark.parametrize(
    ("rule", "changed", "at"),
    [
        ("D1", {"code_widths": np.array([[8], [9]], np.uint8)}, 4 + 8),
        ("D3", {"offsets": np.array([[-16256], [-16257]], np.int16)}, 4 + 8),
        ("D4", {"scales": np.array([[1], [0]], np.uint16)}, 4 + 8),
    ],
)
def test_offsets_in_a_masked_section_count_its_mask(rule, changed, at):
    level = replace(masked_level(), **changed)
    model = replace(plain_file().model, levels=(plain_file().model.levels[0], level))
    with pytest.raises(FormatError) as caught:
        container.write(NtcFile(model, plain_file().metadata))
    assert (caught.value.rule, caught.value.offset) == (rule, at)


def test_the_offset_of_a_spare_bit_counts_the_mask_before_it():
    # Tiles of 32 and 16 cells, 3 features, 1 bit: 3 words, and one and a half.
    ones = np.ones((2, 1), np.int64)
    directory = ones.astype("u1"), ones.astype("i2"), ones.astype("u2")
    layout = masked_level().layout
    level = pack_level(np.zeros((12, 4, 3), np.uint8), *directory, 3, (17, 13), layout)
    level.words[-1] = 1 << 16
    with pytest.raises(FormatError) as caught:
        check_level(level)
    assert (caught.value.rule, caught.value.offset) == ("D5", 4 + 2 * 8 + 4 * 4)


@pytest.mark.parametrize(("rule", "entry"), [("D1", 9 << 28 | 16), ("D2", 8 << 28 | 15)])
def test_offsets_of_a_directory_count_the_mask_before_it(rule, entry):
    raw = sections.write_level(masked_level())
    with pytest.raises(FormatError) as caught:
        sections.read_level(patch(raw, "I", 4 + 8, entry), outline_of(masked_level()))
    assert (caught.value.rule, caught.value.offset) == (rule, 4 + 8)


@pytest.mark.parametrize("layout", [Layout(block_log2=2), Layout(mask=np.ones((27, 17), bool))])
def test_the_writer_refuses_layouts_that_there_are_not(rng, layout):
    level = any_level(rng, layout, (WIDTH, HEIGHT))
    model = replace(plain_file().model, width=32, height=32, levels=(level, level))
    with pytest.raises(FormatError, match="L5"):
        container.write(NtcFile(model, plain_file().metadata))


def test_a_mask_of_another_level_is_refused(rng):
    """A mask of as many blocks in other rows would be read as something else."""
    level = any_level(rng, LAYOUTS["mask"], (WIDTH, HEIGHT))
    turned = replace(level, layout=replace(level.layout, mask=CHECKERS.reshape(3, 4)))
    with pytest.raises(FormatError, match="D6"):
        sections.write_level(turned)


def test_a_level_without_blocks_is_refused_when_it_is_written():
    layout = Layout(block_log2=2, mask=np.zeros((4, 5), bool))
    level = level_of(np.zeros((0, 4, 4), int), (17, 13), layout)
    plain = plain_file()
    model = replace(plain.model, levels=(plain.model.levels[0], level))
    with pytest.raises(FormatError, match="D6"):
        container.write(NtcFile(model, plain.metadata))
