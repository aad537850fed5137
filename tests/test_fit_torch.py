"""The torch backend: its gradients, its optimiser, and that it simulates the integer decoder."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from fits import LAYOUTS, WIDE, Size, Wrap, make_plan, noise_mips, random_field, smooth_problem

from ntc.decode import open_decoder, reference
from ntc.fit import loop
from ntc.fit.backends import torch as backend
from ntc.fit.encodings import LevelPlan
from ntc.fit.field import HIDDEN_ONE, codes_of, quantize
from ntc.fit.plan import Plan
from ntc.fit.presets import Recipe
from ntc.fit.problem import Problem
from ntc.fit.sampling import (
    LOD_STEPS,
    PHASES,
    TILE,
    Doubles,
    Tiles,
    level_taps,
    mip_shares,
    patch_cells,
    patch_weights,
    tiles_at,
)
from ntc.format import spec
from ntc.format.layout import DENSE, SKIPPED, Layout, stored_cells
from ntc.format.metadata import Filtering

SHAPES = [
    ((32, 32), (True, True)),
    ((24, 40), (False, True)),
    ((37, 21), (True, False)),
    ((5, 67), (False, False)),
    ((3, 5), (True, True)),
    ((1, 1), (False, True)),
]


def make_fit(
    size: Size,
    wrap: Wrap,
    channels: int = 5,
    seed: int = 0,
    hidden: tuple[int, ...] = (24, 16),
    layout: str = "dense",
    gain: float = 1.0,
    filtering: Filtering = "texel",
) -> "backend.Fit":
    plan = make_plan(size, wrap, channels, hidden, layout, seed)
    return fit_of_noise(plan, np.random.default_rng(seed), gain, filtering)


def fit_of_noise(
    plan: Plan, rng: np.random.Generator, gain: float = 1.0, filtering: Filtering = "texel"
) -> "backend.Fit":
    """A fit of noise whose latents and decoder are random, too: every path is taken."""
    problem = Problem(plan, noise_mips(plan, rng), 0, 0, 1, WIDE, filtering=filtering)
    fitting = backend.Fit(problem)
    field = random_field(plan, rng, gain)
    for latents, values in zip(fitting.latents, field.latents, strict=True):
        latents.values = torch.from_numpy(values.reshape(-1, values.shape[2]))
    decoder = zip([*fitting.weights, *fitting.biases], [*field.weights, *field.biases], strict=True)
    for ours, values in decoder:
        ours.data = torch.from_numpy(values)
    return fitting


def all_tiles(width: int, height: int) -> Tiles:
    rows, columns = -(-height // TILE), -(-width // TILE)
    y, x = np.mgrid[:rows, :columns]
    return tiles_at(y.ravel(), x.ravel())


def shifted_tiles(fitting: "backend.Fit", mip: int, rng: np.random.Generator) -> Tiles:
    """All tiles of a mip, each shifted in some way that there is."""
    height, width = fitting.mips[mip].shape[:2]
    tiles = all_tiles(width, height)
    steps = LOD_STEPS if mip + 1 < fitting.plan.mips else 1
    drawn = (rng.integers(0, n, len(tiles)) for n in (PHASES, PHASES, steps))
    return Tiles(tiles.y, tiles.x, *drawn)


def simulated(fitting: "backend.Fit", mip: int) -> np.ndarray:
    """`[h, w, channels]` storage values that the fit believes the decoder gives."""
    width, height = spec.mip_size(fitting.plan.width, fitting.plan.height, mip)
    where = all_tiles(width, height)
    with torch.no_grad():
        outputs = fitting.decode(fitting.inputs(mip, where)[0]).double().numpy()
    image = np.zeros((-(-height // TILE) * TILE, -(-width // TILE) * TILE, outputs.shape[1]))
    tiles = outputs.reshape(-1, TILE, TILE, outputs.shape[1])
    for y, x, tile in zip(where.y, where.x, tiles, strict=True):
        image[y * TILE : (y + 1) * TILE, x * TILE : (x + 1) * TILE] = tile
    stored = image[:height, :width] * spec.OUTPUT_MAX
    assert np.abs(stored - np.rint(stored)).max() < 0.02
    return np.clip(np.rint(stored), 0, spec.OUTPUT_MAX).astype(np.uint16)


def assert_is_the_reference_decoder(fitting: "backend.Fit") -> None:
    fitting.round_latents()
    model = quantize(fitting.field(), fitting.plan)
    for mip in range(fitting.plan.mips):
        expected = reference.decode(model, mip)
        np.testing.assert_array_equal(simulated(fitting, mip), expected)
        inside = (expected > 0) & (expected < spec.OUTPUT_MAX)
        assert inside.mean() > 0.9, "the outputs are clipped: this proves little"


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("size", "wrap"), SHAPES, ids=str)
def test_frozen_forward_is_the_reference_decoder(size: Size, wrap: Wrap, layout: str) -> None:
    for seed in (0, 5):  # code widths 1..7, and 6..8 and 1..4
        assert_is_the_reference_decoder(make_fit(size, wrap, seed=seed, layout=layout, gain=0.1))


def test_frozen_forward_is_exact_where_float32_would_round_otherwise() -> None:
    plan = make_plan((203, 151), (True, False), seed=2, code_widths=(8,), mips=1)
    assert_is_the_reference_decoder(fit_of_noise(plan, np.random.default_rng(2), 0.1))


def test_frozen_forward_of_roles_with_gaps_and_inputs_that_mips_share(
    rng: np.random.Generator,
) -> None:
    levels = (LevelPlan(16, 16, 3), LevelPlan(8, 8, 3, Layout(simplex=True)), LevelPlan(4, 4, 2))
    roles = np.array([[1, 255, 5], [255, 1, 5]], np.uint8)
    plan = Plan(16, 16, 2, (True, True), levels, roles, (9, 16, 4))
    assert_is_the_reference_decoder(fit_of_noise(plan, rng, 0.1))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_rounded_latents_survive_quantizing(layout: str) -> None:
    for seed in (0, 5):
        fitting = make_fit((24, 40), (True, True), seed=seed, layout=layout)
        fitting.round_latents()
        field = fitting.field()
        for level, values in zip(quantize(field, fitting.plan).levels, field.latents, strict=True):
            found = reference.latents(level, *np.indices(values.shape[:2]))
            np.testing.assert_array_equal(found, values * (HIDDEN_ONE * 2 * spec.LATENT_ONE))


AXES = [(1, 1), (8, 4), (21, 21), (37, 19), (64, 4), (5, 9), (9, 24)]  # texels and cells


@pytest.mark.parametrize("simplex", [False, True])
@pytest.mark.parametrize("vertical", AXES, ids=str)
@pytest.mark.parametrize("across", AXES, ids=str)
def test_patches_hold_the_cells_that_the_decoder_reads(
    across: Size, vertical: Size, simplex: bool
) -> None:
    (width, columns), (height, rows) = across, vertical
    level = LevelPlan(columns, rows, 1, Layout(simplex=True) if simplex else DENSE)
    taps_x, taps_y = level_taps(level, width, height)
    tiles = all_tiles(width, height)
    cells, weights = patch_weights(taps_y, taps_x, tiles, simplex)
    assert cells.min() >= 0
    assert cells.max() < taps_y.span * taps_x.span
    assert (weights >= 0).all()
    np.testing.assert_array_equal(weights.sum(-1), 1)
    patches = patch_cells(taps_y, taps_x, tiles, level, (True, False))
    read = np.take_along_axis(
        patches.reshape(len(patches), -1), cells.reshape(len(cells), -1), 1
    ).reshape(cells.shape)
    for tile, (ty, tx) in enumerate(zip(tiles.y, tiles.x, strict=True)):
        y, x = (np.arange(t * TILE, t * TILE + TILE) for t in (ty, tx))
        y, x = np.minimum(y, height - 1)[:, None], np.minimum(x, width - 1)[None, :]
        u, v = reference.texel_position(x, width), reference.texel_position(y, height)
        wanted = (reference.simplex_taps if simplex else reference.square_taps)(level, u, v)
        for tap, (column, row, weight) in enumerate(wanted):
            column = reference.address(column, columns, True)
            row = reference.address(row, rows, False)
            np.testing.assert_array_equal(read[tile, ..., tap], row * columns + column)
            np.testing.assert_array_equal(weights[tile, ..., tap] * 2.0**16, weight)


def test_cells_that_are_stored_nowhere_read_zeros_and_stay_out_of_updates() -> None:
    fitting = make_fit((24, 40), (True, True), layout="mask")
    before = [latents.values.clone() for latents in fitting.latents]
    skipped = False
    for mip in range(fitting.plan.mips):
        height, width = fitting.mips[mip].shape[:2]
        inputs, patches = fitting.inputs(mip, all_tiles(width, height))
        inputs.sum().backward()
        for patch in patches:
            nowhere = patch.cells == SKIPPED
            skipped |= bool(nowhere.any())
            assert (patch.values[nowhere] == 0).all()
            assert (patch.values[~nowhere].abs().sum(1) > 0).all(), "noise alone makes this so"
        fitting._update_latents(patches, 0.01)
    assert skipped
    for level, latents, old in zip(fitting.plan.levels, fitting.latents, before, strict=True):
        every = np.indices((level.height, level.width))
        row, column = stored_cells(level.width, level.height, level.layout, *every)
        read = np.zeros(level.stored[::-1], bool)
        read[row[row != SKIPPED], column[row != SKIPPED]] = True
        np.testing.assert_array_equal((latents.values != old).any(1).numpy(), read.ravel())


def test_activation_is_the_decoders() -> None:
    t = np.arange(-300, 301)
    ours = backend._activation(torch.from_numpy(t / HIDDEN_ONE)) * HIDDEN_ONE
    np.testing.assert_array_equal(ours.numpy(), reference.activation(t))


def test_gradient_of_the_activation() -> None:
    # Points beside the corners at -1, 1 and 127/64, where there is no derivative.
    x = np.array([-3.0, -1.1, -0.9, -0.3, 0.2, 0.9, 1.1, 1.9, 2.1])

    def smooth(v: np.ndarray) -> np.ndarray:
        v = np.clip(v, -1, 127 / 64)
        return v * np.minimum(v + 1, 2) / 2

    points = torch.from_numpy(x).requires_grad_()
    backend._activation(points).sum().backward()
    numeric = (smooth(x + 1e-6) - smooth(x - 1e-6)) / 2e-6
    assert points.grad is not None
    np.testing.assert_allclose(points.grad.numpy(), numeric, atol=1e-8)


def test_rounding_is_passed_straight_through() -> None:
    x = torch.linspace(-1, 1, 37, dtype=torch.float64, requires_grad=True)
    y = backend._round(x, 64)
    np.testing.assert_array_equal(
        (y.detach() * 64).numpy(), np.floor(x.detach().numpy() * 64 + 0.5)
    )
    (y * torch.arange(37)).sum().backward()
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.numpy(), np.arange(37))


def assert_gradient(numeric: list[float], ours: list[float]) -> None:
    a, b = np.array(numeric), np.array(ours)
    assert np.abs(a).min() > 1e-6, "a direction without a slope proves nothing"
    np.testing.assert_allclose(b, a, rtol=2e-3)


@pytest.mark.parametrize(
    ("layout", "filtering"),
    [
        ("dense", "texel"),
        ("dense", "filtered"),
        ("dense simplex", "texel"),
        ("blocks simplex", "filtered"),
        ("mask", "texel"),
    ],
)
def test_gradient_of_the_whole_fit(
    monkeypatch: pytest.MonkeyPatch, layout: str, filtering: Filtering
) -> None:
    """Along random directions of all latents and of the decoder, against central differences.

    Rounding is taken out, because a staircase has no slope; its own rule has a test above.
    """
    monkeypatch.setattr(backend, "_round", lambda x, one: x)
    monkeypatch.setattr(backend, "_round_layer", lambda weights, bias, one: (weights, bias))
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    monkeypatch.setattr(torch, "zeros", _double(torch.zeros))
    rng = np.random.default_rng(3)
    fitting = make_fit((21, 12), (True, False), layout=layout, filtering=filtering)
    fitting.frozen = True  # no noise, and double precision
    leaves = [latents.values.double().requires_grad_() for latents in fitting.latents]
    for latents, leaf in zip(fitting.latents, leaves, strict=True):
        latents.values = leaf
    fitting.weights = [w.detach().double().requires_grad_() for w in fitting.weights]
    fitting.biases = [b.detach().double().requires_grad_() for b in fitting.biases]
    leaves += fitting.weights + fitting.biases
    target = [rng.random(mip.shape) for mip in fitting.mips]
    drawn = [
        shifted_tiles(fitting, mip, rng)
        if filtering == "filtered"
        else all_tiles(*spec.mip_size(fitting.plan.width, fitting.plan.height, mip))
        for mip in range(fitting.plan.mips)
    ]

    def loss() -> torch.Tensor:
        total = torch.zeros((), dtype=torch.float64)
        for mip in range(fitting.plan.mips):
            _, inside = fitting._targets(mip, drawn[mip])
            difference = fitting.decode(fitting.inputs(mip, drawn[mip])[0]) - target[mip].mean()
            total = total + (difference.square() * inside).sum()
        return total

    loss().backward()
    gradients = [leaf.grad for leaf in leaves]
    numeric, ours = [], []
    step = 1e-7  # few activations cross a corner
    for _ in range(8):
        directions = [torch.from_numpy(rng.normal(size=tuple(leaf.shape))) for leaf in leaves]
        with torch.no_grad():
            ends = []
            for sign in (step, -step):
                for leaf, direction in zip(leaves, directions, strict=True):
                    leaf += sign * direction
                ends.append(float(loss()))
                for leaf, direction in zip(leaves, directions, strict=True):
                    leaf -= sign * direction
        numeric.append((ends[0] - ends[1]) / (2 * step))
        pairs = zip(gradients, directions, strict=True)
        ours.append(sum(float((gradient * direction).sum()) for gradient, direction in pairs))
    assert_gradient(numeric, ours)


def _double(make: object) -> object:
    def zeros(*shape: object, **options: object) -> torch.Tensor:
        return make(*shape, **{"dtype": torch.float64, **options})

    return zeros


def test_rounded_latents_are_codes() -> None:
    fitting = make_fit((24, 16), (True, True), seed=3)
    fitting.round_latents()
    for latents, level in zip(fitting.latents, fitting.plan.levels, strict=True):
        codes = (latents.values.numpy() - codes_of(level).low) / codes_of(level).step
        np.testing.assert_allclose(codes, np.rint(codes), atol=1e-4)
        assert codes.min() > -0.1
        assert codes.max() < (1 << level.code_width) - 0.9
    again = [latents.values.clone() for latents in fitting.latents]
    fitting.round_latents()
    for before, after in zip(again, fitting.latents, strict=True):
        np.testing.assert_array_equal(before.numpy(), after.values.numpy())


@pytest.mark.parametrize("memory", [0, 1 << 40])
def test_a_fit_moves_to_mip_0_and_its_noise_shrinks(memory: int) -> None:
    """Unless its tiles may lose bits: then the noise of rounding stays whole."""
    problem = smooth_problem(1, 100 * Recipe().batch_texels)
    problem = replace(problem, plan=replace(problem.plan, memory=memory), decoder=open_decoder())
    noises, shares = [], []

    class Watched(backend.Fit):
        def step(self, latent_rate: float, decoder_rate: float, noise: float = 1.0) -> float:
            noises.append(noise)
            return super().step(latent_rate, decoder_rate, noise)

        def set_shares(self, shares_of_mips: Doubles) -> None:
            shares.append(shares_of_mips)
            super().set_shares(shares_of_mips)

    fitting = Watched(problem)
    loop.fit(fitting, problem, lambda progress: None)
    recipe = replace(problem.recipe, last_noise=1.0) if memory else problem.recipe
    assert noises == [loop.rates(step / 100, recipe)[2] for step in range(100)]
    assert noises[89] == pytest.approx(1.0 if memory else recipe.last_noise, abs=0.02)
    wanted = [mip_shares(problem.plan, step / 100) for step in range(100)]
    np.testing.assert_array_equal(shares, wanted)
    assert fitting.draw.shares is shares[-1]
