"""The lattice of triangles against what follows from its definition."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from levels import level_of
from models import plain_file

from ntc.decode import reference
from ntc.errors import FormatError
from ntc.format import container, spec
from ntc.format.container import NtcFile
from ntc.format.layout import Layout
from ntc.format.model import Level

Ints = npt.NDArray[np.int64]
SIMPLEX = Layout(simplex=True)
SIZES = [(1, 1), (1, 2), (2, 2), (3, 4), (5, 3), (6, 8)]


def lattice(width: int, height: int) -> Level:
    """A level without codes of use, for what depends on its size alone."""
    return level_of(np.zeros((height, width, 1), np.int64), (width, height), SIMPLEX, tile_log2=6)


def position(p: Ints, cells: int) -> Ints:
    """A `u` that section 8.3 takes to `p`, in 1/256 cells from the first centre."""
    u = -(-((p + 128) << 16) // cells)
    cell, fraction = reference.cell_position(u, cells)
    np.testing.assert_array_equal((cell << 8) + fraction, p)
    return u


def all_positions(width: int, height: int, step: int = 1) -> tuple[Ints, Ints]:
    """`[rows, columns]` of every position on a level that decoders can tell apart."""
    px, py = (np.arange(-128, 256 * n - 128, step) for n in (width, height))
    return tuple(np.meshgrid(px, py))


def taps_at(width: int, height: int, px: Ints, py: Ints) -> tuple[Ints, Ints, Ints]:
    """`[3, ...]` columns, rows and weights."""
    taps = reference.simplex_taps(lattice(width, height), position(px, width), position(py, height))
    return tuple(np.stack(part) for part in zip(*taps, strict=True))


@pytest.mark.parametrize("size", SIZES)
def test_weights_are_a_partition_of_unity_over_cells_nearby(size):
    column, row, weight = taps_at(*size, *all_positions(*size))
    assert (weight.sum(0) == 1 << 16).all()
    assert weight.min() >= 0
    for cells, n in ((column, size[0]), (row, size[1])):
        assert cells.min() >= -1
        assert cells.max() <= n


def test_cells_of_the_largest_level_lie_at_most_one_outside(rng):
    n = spec.MAX_SIDE
    ends = np.array([-128, -127, -1, 0, 1, 127, 128])
    p = np.unique(np.concatenate([ends, 256 * n - 256 + ends, rng.integers(0, 256 * n - 128, 50)]))
    p = p[p < 256 * n - 128]
    level = replace(lattice(1, 1), width=n, height=n)
    u, v = np.meshgrid(position(p, n), position(p, n))
    taps = reference.simplex_taps(level, u, v)
    for cells in (*(tap[0] for tap in taps), *(tap[1] for tap in taps)):
        assert cells.min() >= -1
        assert cells.max() <= n
    assert (sum(tap[2] for tap in taps) == 1 << 16).all()


@pytest.mark.parametrize("size", SIZES)
def test_a_position_on_a_cell_reads_that_cell_alone(size):
    rows, columns = np.indices(size[::-1])
    px, py = 256 * columns - 128 * (rows & 1), 256 * rows
    column, row, weight = taps_at(*size, px, py)
    assert (weight.max(0) == 1 << 16).all()
    full = weight.argmax(0)[None]
    np.testing.assert_array_equal(np.take_along_axis(column, full, 0)[0], columns)
    np.testing.assert_array_equal(np.take_along_axis(row, full, 0)[0], rows)


@pytest.mark.parametrize("size", SIZES)
def test_cells_average_to_the_position(size):
    """The inverse of the skew, and so every linear function: to half a unit, from halving rows."""
    px, py = all_positions(*size)
    column, row, weight = taps_at(*size, px, py)
    x, y = 256 * column - 128 * (row & 1), 256 * row
    np.testing.assert_array_equal((y * weight).sum(0), py << 16)
    np.testing.assert_array_equal((x * weight).sum(0), (px << 16) - ((py & 1) << 15))


def test_cells_are_the_corners_of_one_triangle():
    """So no cell further away than a side is read, and nothing but the three around."""
    column, row, weight = taps_at(6, 8, *all_positions(6, 8))
    x, y = 256 * column - 128 * (row & 1), 256 * row
    for a, b in ((0, 1), (1, 2), (0, 2)):
        sides = set(zip(np.abs(x[a] - x[b]).flat, np.abs(y[a] - y[b]).flat, strict=True))
        assert sides <= {(256, 0), (128, 256)}
    assert (np.count_nonzero(weight, axis=0) == 3).mean() > 0.95


def test_weights_are_continuous():
    """A step of 1/256 cell takes at most 1/256 of the weight elsewhere, also over an edge."""
    px, py = all_positions(3, 4)
    column, row, weight = taps_at(3, 4, px, py)
    dense = np.zeros((*px.shape, 6, 5), np.int64)
    at = np.indices(px.shape)
    for c, r, w in zip(column, row, weight, strict=True):
        np.add.at(dense, (at[0], at[1], r + 1, c + 1), w)
    assert np.abs(np.diff(dense, axis=1)).sum((2, 3)).max() == 2 * 256
    assert np.abs(np.diff(dense, axis=0)).sum((2, 3)).max() == 2 * 256


@pytest.mark.parametrize("moved", [(2, 0), (0, 1), (4, 5), (6, 3)])
def test_a_lattice_that_wraps_has_no_seam(rng, moved):
    """Moved by an even number of rows and any of columns, a level with even rows is the same."""
    width, height = 7, 8
    codes = rng.integers(0, 256, (height, width, 2))
    px, py = all_positions(width, height, step=13)
    here = (position(px, width), position(py, height))
    there = (
        position((px + 256 * moved[1] + 128) % (256 * width) - 128, width),
        position((py + 256 * moved[0] + 128) % (256 * height) - 128, height),
    )
    level = level_of(codes, (width, height), SIMPLEX)
    rolled = level_of(np.roll(codes, moved, (0, 1)), (width, height), SIMPLEX)
    wrap = (True, True)
    np.testing.assert_array_equal(
        reference.features(level, *here, wrap), reference.features(rolled, *there, wrap)
    )


def test_odd_rows_would_have_a_seam():
    """What rule L6 is for: cells of one row for ever cannot be half a cell left of themselves."""
    level = plain_file().model.levels[0]
    assert level.height % 2 == 1
    model = replace(
        plain_file().model,
        wrap=(False, True),
        levels=(replace(level, layout=SIMPLEX), plain_file().model.levels[1]),
    )
    with pytest.raises(FormatError, match="L6"):
        container.write(NtcFile(model, plain_file().metadata))
    clamped = replace(model, wrap=(True, False))
    assert container.read(container.write(NtcFile(clamped, plain_file().metadata)))


def test_a_plane_comes_back():
    """Latents linear in the position of their cells: linear between them, to half a step."""
    width, height = 12, 10
    rows, columns = np.indices((height, width))
    x = columns - (rows & 1) / 2
    codes = np.rint(40 + 12 * x + 6 * rows).astype(int)[:, :, None]  # whole numbers, below 256
    assert codes.max() < 256
    px, py = (
        n[n_y, n_x]
        for n in all_positions(width, height, step=5)
        for n_y, n_x in [np.ix_(range(100, 480), range(100, 500))]
    )
    level = level_of(codes, (width, height), SIMPLEX)
    got = reference.features(level, position(px, width), position(py, height), (False, False))
    exact = (127 * (40 + 12 * px / 256 + 6 * py / 256) - 16256) / 128
    assert np.abs(got[..., 0] - exact).max() <= 0.5 + 127 * 12 / 128 / 512
