"""The reference decoder: numbers worked out on paper, and a decoder written from the spec."""

import numpy as np
import pytest
import scalar_decoder
from models import plain_file, random_file, random_model

from ntc.decode import reference
from ntc.errors import UsageError
from ntc.format import container, spec
from ntc.format.layout import DENSE, Layout, stored_size
from ntc.format.model import Layer, Level, QuantizedModel, pack_level, tile_grid

SEEDS = range(40)
EDGE = (-127, -64, -1, 0, 1, 64, 127)


def level(
    codes: list[list[int]],
    code_width: int,
    offset: int,
    scale: int,
    size: tuple[int, int] | None = None,
    layout: Layout = DENSE,
) -> Level:
    """One feature, all tiles alike."""
    array = np.array(codes, np.uint8)[:, :, None]
    one = np.ones(tile_grid(len(codes[0]), len(codes), 2), np.int64)
    return pack_level(
        array,
        (one * code_width).astype(np.uint8),
        (one * offset).astype(np.int16),
        (one * scale).astype(np.uint16),
        tile_log2=2,
        size=size,
        layout=layout,
    )


def layer(weights: list[list[int]], biases: list[int], shifts: list[int]) -> Layer:
    return Layer(np.array(weights, np.int8), np.array(biases, np.int32), np.array(shifts, np.uint8))


def paper_model(*, wrap: bool) -> QuantizedModel:
    """Two texels, one mip, one level of 2x1 cells, one hidden unit, one channel."""
    grid = level([[0, 3]], code_width=2, offset=-1280, scale=1280)  # latents -1280 and 2560
    layers = (layer([[2, 1]], [4], [3]), layer([[10]], [100], [1]))
    roles = np.zeros((1, 1), np.uint8)
    return QuantizedModel(2, 1, 1, (wrap, wrap), (grid,), roles, layers)


def test_two_texels_worked_out_on_paper():
    # Texel centres are cell centres: u = 1/4 and 3/4 of 2**24, p = u * 2 / 2**16 - 128 = 0 and 256.
    # Inputs: latent / 128 = -10 and 20, lod input 0.
    # Hidden: (4 + 2 * -10 + 0) >> 3 = -16 >> 3 = -2; (4 + 2 * 20) >> 3 = 44 >> 3 = 5.
    # Hard swish: (-2 * 62 + 64) >> 7 = -60 >> 7 = -1; (5 * 69 + 64) >> 7 = 409 >> 7 = 3.
    # Channel: (100 + 256 * 10 * -1) >> 1 = -2460 >> 1 = -1230 -> 0;
    #          (100 + 256 * 10 * 3) >> 1 = 7780 >> 1 = 3890.
    assert reference.decode(paper_model(wrap=False)).tolist() == [[[0], [3890]]]


@pytest.mark.parametrize(("wrap", "expected"), [(False, [-10, 5, 20, 20]), (True, [5, 5, 5, 5])])
def test_bilinear_inputs_worked_out_on_paper(wrap, expected):
    # Positions 0, 1/2, 1 - 2**-24 and 3/4 on two cells with latents -1280, 2560 (inputs -10, 20).
    # u = 0: p = -128: cell -1, half way to cell 0. Clamp: -10. Wrap: (20 - 10) / 2 = 5.
    # u = 2**23: p = 256 - 128 = 128: half way between cells 0 and 1: 5.
    # u = 2**24 - 1: p = 511 - 128 = 383: cell 1 and 127/256 towards cell 2. Clamp: 20.
    #     Wrap: 2560 * 129 - 1280 * 127 = 167680 of 256 * 128: 5.117 -> 5.
    # u = 3 * 2**22: p = 256: cell 1 itself: 20, with clamp and wrap.
    model = paper_model(wrap=wrap)
    u = np.array([0, 1 << 23, (1 << 24) - 1, 3 << 22])
    v = np.full(4, 1 << 23)
    got = reference.features(model.levels[0], u, v, model.wrap)[:, 0].tolist()
    assert got == [*expected[:3], 20]


def test_x_and_y_have_their_own_weights():
    # Rows of latents (0, 6400) and (12800, -6400); fx = 64/256, fy = 192/256.
    # top = 6400 / 4 = 1600; bottom = 12800 * 3/4 - 6400 / 4 = 8000; 1600 / 4 + 8000 * 3/4 = 6400
    # -> 6400 / 128 = 50.
    grid = level([[1, 2], [3, 0]], code_width=2, offset=-6400, scale=6400)
    u, v = np.array([(1 << 22) + (64 << 15)]), np.array([(1 << 22) + (192 << 15)])
    assert reference.cell_position(u, 2)[1].tolist() == [64]
    assert reference.cell_position(v, 2)[1].tolist() == [192]
    assert reference.features(grid, u, v, (False, False)).tolist() == [[50]]


# p in u and v from the first centre, in 1/256 cells, of a lattice of 4 x 4 cells, code 4 y + x.
LATTICE_POINTS = {
    # Row 0, a quarter of the way from column 1 to 2.
    (256 + 64, 0): (1 * 192 + 2 * 64) / 256,
    # Row 1 lies half a cell further left: at 128 + 64 it is column 1 and a quarter.
    (128 + 64, 256): (5 * 192 + 6 * 64) / 256,
    # Skewed 256 + (128 >> 1): square (1, 0), fi = 64 < fy = 128: half way down from column 1 of
    # row 0, a quarter of the way right; its lower cells are columns 1 and 2 of row 1.
    (256, 128): (1 * 128 + 5 * 64 + 6 * 64) / 256,
    # Skewed 192 + 256 + (64 >> 1): square (1, 0), fi = 224 >= fy = 64: columns 1 and 2 of row 0,
    # column 2 of row 1, with 32, 160 and 64.
    (192 + 256, 64): (1 * 32 + 2 * 160 + 6 * 64) / 256,
    # Left of row 1, column 0 by 1/8 of a cell, where q = 256: skewed -160 + 128 = -32, square
    # (-1, 1), fi = 224, fy = 0: columns -1 (the border again) and 0.
    (-128, 256): 4,
    # Half a cell above: q = -128, skewed 256 - 64 = 192: square (0, -1), fi = 192 >= fy = 128.
    # Columns 0 + 1 and 1 + 1 of row -1, which is row 0 again, and column 1 of row 0.
    (256, -128): (1 * 64 + 2 * 64 + 1 * 128) / 256,
}


@pytest.mark.parametrize(("p", "code"), LATTICE_POINTS.items())
def test_lattice_worked_out_on_paper(p, code):
    codes = np.arange(16).reshape(4, 4).tolist()
    grid = level(codes, code_width=4, offset=0, scale=128, layout=Layout(simplex=True))
    u, v = (np.array([(n + 128) << 14]) for n in p)
    assert reference.features(grid, u, v, (False, False)).tolist() == [[int(code + 0.5)]]


def test_tables_and_masks_worked_out_on_paper():
    # 4 x 4 cells; 16 cells of a table, 4 x 4, in blocks of 2 x 2: 4 blocks, 2 in a row. The lowest
    # bits of 2654435761 are 01, so block (1, 1) is 1 ^ 1 = 0 and meets (0, 0); (0, 1) meets (1, 0).
    codes = np.arange(16).reshape(4, 4).tolist()
    table = level(codes, 4, 0, 128, (4, 4), Layout(table_log2=4, block_log2=1))
    mask = np.array([[False, True], [True, False]])
    masked = level(codes * 2, 4, 128, 128, (8, 8), Layout(block_log2=2, mask=mask))
    u = (2 * np.arange(4) + 1) << 21
    got = reference.features(table, u[None, :], u[:, None], (True, True))[..., 0]
    assert got.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [2, 3, 0, 1], [6, 7, 4, 5]]
    u = (2 * np.arange(8) + 1) << 20
    got = reference.features(masked, u[None, :], u[:, None], (True, True))[..., 0]
    kept, none = 1 + np.arange(16).reshape(4, 4), np.zeros((4, 4))
    np.testing.assert_array_equal(got, np.block([[none, kept], [kept, none]]))


def test_features_round_half_up():
    # 64 / 128 = 0.5 -> 1 and -64 / 128 = -0.5 -> 0; 63 / 128 -> 0 and -65 / 128 -> -1.
    u = np.array([1 << 23])
    for latent, expected in ((64, 1), (-64, 0), (63, 0), (-65, -1)):
        grid = level([[0]], code_width=0, offset=latent, scale=0)
        assert reference.features(grid, u, u, (True, True)).tolist() == [[expected]]


def test_lod_input_is_eight_times_the_mip():
    grid = level([[0] * 4] * 4, code_width=0, offset=0, scale=0)
    roles = np.zeros((3, 1), np.uint8)
    layers = (layer([[0, 1]], [0], [0]),)
    model = QuantizedModel(4, 4, 3, (True, True), (grid,), roles, layers)
    assert [int(reference.decode(model, mip).max()) for mip in range(3)] == [0, 2048, 4096]


def test_activation_is_a_hard_swish():
    t = np.arange(-200, 200)
    exact = np.clip(t, -64, 127) * np.clip(t + 64, 0, 128) / 128
    got = reference.activation(t)
    np.testing.assert_array_equal(got, np.floor(exact + 0.5))
    assert got.min() == -8
    assert got.max() == 127


@pytest.mark.parametrize("seed", SEEDS)
def test_equals_the_scalar_decoder(seed):
    file = random_file(seed)
    material = scalar_decoder.parse(container.write(file))
    rng = np.random.default_rng(seed)
    for mip in range(file.model.mips):
        width, height = spec.mip_size(file.model.width, file.model.height, mip)
        x = np.array([0, width - 1, *rng.integers(0, width, 6)])
        y = np.array([0, height - 1, *rng.integers(0, height, 6)])
        expected = [
            scalar_decoder.decode_texel(material, mip, int(a), int(b))
            for a, b in zip(x, y, strict=True)
        ]
        np.testing.assert_array_equal(reference.decode_texels(file.model, mip, x, y), expected)


@pytest.mark.parametrize("wrap", [(True, True), (False, False)])
def test_the_largest_layouts_equal_the_scalar_decoder(rng, wrap):
    """A material of 16384 x 16384: no 32-bit number of docs/format.md overflows."""
    side = spec.MAX_SIDE
    mask = rng.random((side // 64, side // 64)) < 0.5
    layouts = [Layout(simplex=True), Layout(True, 24), Layout(False, 24, 6)]
    layouts += [Layout(simplex, block_log2=6, mask=mask) for simplex in (False, True)]
    levels = tuple(constant_level(rng, side, layout) for layout in layouts)
    layers = (layer([[3, 5, 7, 11, 13, 0]] * 3, [1 << 23] * 3, [8] * 3),)
    roles = np.arange(5, dtype=np.uint8)[None]
    model = QuantizedModel(side, side, 1, wrap, levels, roles, layers)
    data = container.write(container.NtcFile(model, plain_file().metadata))
    material = scalar_decoder.parse(data)
    x = np.array([0, side - 1, 0, side - 1, *rng.integers(0, side, 4)])
    y = np.array([0, 0, side - 1, side - 1, *rng.integers(0, side, 4)])
    expected = [
        scalar_decoder.decode_texel(material, 0, int(a), int(b)) for a, b in zip(x, y, strict=True)
    ]
    np.testing.assert_array_equal(reference.decode_texels(model, 0, x, y), expected)
    assert len(np.unique(expected)) >= 6


def constant_level(rng: np.random.Generator, side: int, layout: Layout) -> Level:
    """A level of one feature whose tiles of 64 x 64 each are one value."""
    tiles = tile_grid(*stored_size(side, side, layout), 6)
    offsets = rng.integers(-spec.LATENT_LIMIT, spec.LATENT_LIMIT + 1, tiles).astype(np.int16)
    zeros, none = np.zeros(tiles, np.uint8), np.empty(0, np.uint32)
    return Level(side, side, 1, 6, zeros, offsets, zeros.astype(np.uint16), none, layout)


def test_random_models_say_something():
    """Else agreement would be agreement about black: most models have channels with many values."""
    values = [len(np.unique(reference.decode(random_model(seed)))) for seed in SEEDS]
    assert np.median(values) > 100


@pytest.mark.parametrize("seed", SEEDS)
def test_rectangles_are_crops_and_texels_agree(seed):
    model = random_model(seed)
    rng = np.random.default_rng(seed)
    for mip in range(model.mips):
        full = reference.decode(model, mip)
        height, width = full.shape[:2]
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        w, h = int(rng.integers(1, width - x + 1)), int(rng.integers(1, height - y + 1))
        crop = reference.decode(model, mip, (x, y, w, h))
        np.testing.assert_array_equal(crop, full[y : y + h, x : x + w])
        xs, ys = rng.integers(0, width, 9), rng.integers(0, height, 9)
        np.testing.assert_array_equal(reference.decode_texels(model, mip, xs, ys), full[ys, xs])


def test_bands_do_not_show(monkeypatch):
    model = random_model(4)
    whole = reference.decode(model)
    y, x = np.indices(whole.shape[:2]).reshape(2, -1)
    monkeypatch.setattr(reference, "_BAND_TEXELS", 5)
    np.testing.assert_array_equal(reference.decode(model), whole)
    texels = reference.decode_texels(model, 0, x, y).reshape(whole.shape)
    np.testing.assert_array_equal(texels, whole)


@pytest.mark.parametrize("extreme", [127, -127])
def test_float_products_are_exact(rng, extreme):
    weights = np.full((128, 128), extreme, np.int8)
    weights[64:] = rng.integers(-127, 128, (64, 128))
    big = Layer(weights, np.zeros(128, np.int32), np.zeros(128, np.uint8))
    x = rng.choice(EDGE, (64, 128)).astype(np.int64)
    x[0], x[1] = 127, -127
    exact = np.einsum("oi,ni->no", weights.astype(np.int64), x)
    np.testing.assert_array_equal(reference.products(big, x), exact)


def test_positions_equal_their_32_bit_forms(rng):
    """The two-step forms of sections 8.2 and 8.3, for sizes up to the largest."""
    for size in (1, 2, 3, 669, 1000, 8191, 16383, 16384, *rng.integers(1, 16385, 20).tolist()):
        texels = np.array([0, size // 2, size - 1])
        u = reference.texel_position(texels, size)
        assert u.tolist() == [scalar_decoder.texel_position(t, size) for t in texels.tolist()]
        for cells in (1, 3, 16384, int(rng.integers(1, 16385))):
            cell, fraction = reference.cell_position(u, cells)
            expected = [scalar_decoder.cell_position(p, cells) for p in u.tolist()]
            assert list(zip(cell.tolist(), fraction.tolist(), strict=True)) == expected


def test_no_texels_give_no_rows():
    model = random_model(0)
    none = np.empty(0, np.int64)
    assert reference.decode_texels(model, 0, none, none).shape == (0, model.channels)


@pytest.mark.parametrize("mip", [-1, 1, 99])
def test_a_mip_that_does_not_exist(mip):
    with pytest.raises(UsageError, match=f"mip {mip} does not exist"):
        reference.decode(paper_model(wrap=True), mip)


@pytest.mark.parametrize(
    "rect", [(-1, 0, 1, 1), (0, -1, 1, 1), (0, 0, 0, 1), (0, 0, 1, 0), (1, 0, 2, 1), (0, 0, 1, 2)]
)
def test_a_rectangle_outside(rect):
    with pytest.raises(UsageError, match="does not lie within mip 0 of 2x1"):
        reference.decode(paper_model(wrap=True), 0, rect)


@pytest.mark.parametrize(("x", "y"), [(2, 0), (-1, 0), (0, 1), (0, -1)])
def test_a_texel_outside(x, y):
    with pytest.raises(UsageError, match="outside mip 0 of 2x1"):
        reference.decode_texels(paper_model(wrap=True), 0, np.array([x]), np.array([y]))
