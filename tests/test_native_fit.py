"""The native backend: gradients against autograd's, results that no thread count changes."""

import math
import os
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from fits import LAYOUTS, WIDE, Size, Wrap, make_plan, noise_mips, smooth_problem
from test_fit_steps import Adam
from test_fit_torch import all_tiles, fit_of_noise, make_fit

from ntc import native
from ntc.decode import reference
from ntc.fit import loop
from ntc.fit.backends import torch as twin
from ntc.fit.backends.torch_loss import output_errors, turning_errors
from ntc.fit.encodings import LevelPlan
from ntc.fit.field import INPUT_ONE, Field, codes_of, quantize
from ntc.fit.plan import Plan
from ntc.fit.problem import Problem
from ntc.fit.sampling import Tiles
from ntc.format import spec
from ntc.format.layout import SKIPPED, Layout, stored_cells

WITHOUT = os.environ.get("NTC_NATIVE") == "0"
built = pytest.mark.skipif(WITHOUT, reason="NTC_NATIVE=0: the core is not expected")
# Where the core was promised and is missing, this raises, and the tests fail.
# Machines that have more than AVX-512 fit with its kernels.
ISAS = [] if WITHOUT else [isa for isa in ("baseline", "avx2", "avx512") if isa in native.isas()]
Triple = tuple[int, int, int]  # mip, row and column of a tile, or its phases and its lod step
CASES = [
    ((32, 32), (True, True)),
    ((24, 40), (False, True)),
    ((37, 21), (True, False)),
    ((5, 67), (False, False)),
    ((11, 9), (False, True)),
]


def native_fit(fitting: "twin.Fit", isa: str) -> object:
    """The native fit of the same problem, with the parameters of the torch one."""
    from ntc.fit.backends.native import Fit

    mips = tuple(np.rint(mip.numpy() * 65535).astype(np.uint16) for mip in fitting.mips)
    weights = tuple(fitting.channel_weights.tolist())
    filtering = "filtered" if fitting.filtered else "texel"
    problem = Problem(
        fitting.plan,
        mips,
        0,
        0,
        2,
        fitting.recipe,
        weights=weights,
        filtering=filtering,
        mask=fitting.mask,
        normals=fitting.problem.normals,
    )
    ours = Fit(problem, isa)
    ours.fitter.set_range(fitting.low.numpy(), fitting.range.numpy())
    weights = fitting.channel_weights.numpy()
    ours.fitter.set_loss(weights, fitting.margins.numpy(), problem.mask, list(problem.normals))
    for i, latents in enumerate(fitting.latents):
        ours.fitter.set_latents(i, 0, latents.values.numpy() * np.float32(INPUT_ONE))
    for i, (weights, bias) in enumerate(zip(fitting.weights, fitting.biases, strict=True)):
        ours.fitter.set_layer(i, weights.detach().numpy(), bias.detach().numpy())
    return ours


def tiles_of(fitting: "twin.Fit") -> list[Triple]:
    sizes = [mip.shape[:2] for mip in fitting.mips]
    drawn = []
    for mip, (height, width) in enumerate(sizes):
        tiles = all_tiles(width, height)
        drawn += [(mip, int(y), int(x)) for y, x in zip(tiles.y, tiles.x, strict=True)]
    return drawn


def twin_gradients(fitting: "twin.Fit", tiles: list[Triple], shifts: list[Triple] = ()) -> float:
    """Backpropagates the mean squared error of the tiles; returns it."""
    shifts = shifts or [(0, 0, 0)] * len(tiles)
    error = counted = torch.zeros(fitting.plan.widths[-1])
    count = 0
    for mip in sorted({mip for mip, _, _ in tiles}):
        chosen = zip(tiles, shifts, strict=True)
        at = Tiles(*np.array([(y, x, *shift) for (m, y, x), shift in chosen if m == mip]).T)
        target, fitted = fitting._targets(mip, at)
        inputs, patches = fitting.inputs(mip, at)
        missed = output_errors(fitting.decode(inputs), target, fitting.margins) * fitted
        error = error + missed.detach().square().sum(0)
        turned = turning_errors(missed, target, fitting.problem.normals)
        counted = counted + turned.square().sum(0)
        count += fitting._count(mip, at) * target.shape[1]
        fitting.read = [*getattr(fitting, "read", []), *patches]
    ((counted * fitting.channel_weights).sum() / count).backward()
    return float(error.sum()) / count


def assert_close(ours: np.ndarray, wanted: np.ndarray) -> None:
    size = np.linalg.norm(wanted)
    assert size > 0, "the test point has no gradient: it proves nothing"
    assert np.linalg.norm(ours - wanted) <= 1e-5 * size


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("size", "wrap"), CASES)
def test_gradients_are_those_of_autograd(size: Size, wrap: Wrap, layout: str, isa: str) -> None:
    compare_gradients(make_fit(size, wrap, layout=layout, seed=len(layout)), isa)


@pytest.mark.parametrize("isa", ISAS)
def test_gradients_with_weights_and_a_mask(isa: str) -> None:
    fitting = make_fit((24, 40), (True, True))
    fitting.channel_weights = torch.tensor([1.0, 2.0, 0.25, 1.0, 3.0])
    fitting.mask = 2
    for mip in fitting.mips:
        mip[..., 2] = (mip[..., 2] > 0.5).float()
    compare_gradients(fitting, isa)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("layout", ["dense", "table simplex"])
def test_gradients_at_the_ends_of_storage_space_and_of_angles(isa: str, layout: str) -> None:
    fitting = make_fit((37, 21), (True, False), 8, layout=layout)
    fitting.margins = torch.tensor([0.1, 0, 0, 0, 0.5, 0, 0, 0])
    for mip in fitting.mips:  # channels of every kind: at both ends, in part, between them
        mip[..., [0, 4]] = (mip[..., [0, 4]] > 0.5).float()
        mip[..., 2] = ((2 * mip[..., 2] - 0.5).clamp(0, 1) * 65535).round() / 65535
    fitting.mips[0][:4, :, 5:] = 32768 / 65535  # normals that point nowhere
    fitting.problem = replace(fitting.problem, normals=((1, 2, 3), (7, 5, 6)))
    compare_gradients(fitting, isa)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("hidden", [(), (32,), (32, 32), (96, 96), (48, 40, 24)])
@pytest.mark.parametrize("channels", [1, 5, 32])
def test_gradients_of_every_kind_of_decoder(
    isa: str, hidden: tuple[int, ...], channels: int
) -> None:
    compare_gradients(make_fit((24, 16), (True, True), channels, hidden=hidden), isa)


@pytest.mark.parametrize("isa", ISAS)
def test_gradients_of_inputs_that_mips_share(isa: str, rng: np.random.Generator) -> None:
    levels = (LevelPlan(16, 16, 3), LevelPlan(8, 8, 3, Layout(simplex=True)), LevelPlan(4, 4, 2))
    roles = np.array([[1, 255, 5], [255, 1, 5]], np.uint8)
    plan = Plan(16, 16, 2, (True, True), levels, roles, (9, 16, 4))
    compare_gradients(fit_of_noise(plan, rng), isa)


def use_whole_steps(fitting: "twin.Fit") -> None:
    """Latents of whole int8 steps: float32 holds any blend of them exactly, in any order.

    So no input is rounded one way by one backend and the other way by the other.
    """
    random = torch.Generator().manual_seed(11)
    for latents in fitting.latents:
        latents.step = 0.0  # no noise: the two draw it differently
        end = int(latents.high * INPUT_ONE) + 1
        steps = torch.randint(-127, end, latents.values.shape, generator=random)
        latents.values = steps / INPUT_ONE


def compare_gradients(fitting: "twin.Fit", isa: str, shifts: list[Triple] = ()) -> None:
    use_whole_steps(fitting)
    ours = native_fit(fitting, isa)
    tiles = tiles_of(fitting)
    with np.errstate(under="ignore"):
        wanted = twin_gradients(fitting, tiles, shifts)
    assert ours.fitter.gradients(tiles, False, shifts) == pytest.approx(wanted, rel=1e-5)
    for i in range(len(fitting.weights)):
        weights = np.empty(fitting.weights[i].shape, np.float32)
        bias = np.empty(len(weights), np.float32)
        ours.fitter.get_layer_gradients(i, weights, bias)
        assert_close(weights, fitting.weights[i].grad.numpy())
        assert_close(bias, fitting.biases[i].grad.numpy())
    for i in range(len(fitting.latents)):
        assert_close(latent_gradients(ours, i), twin_latent_gradients(fitting, i))


def latent_gradients(ours: object, level: int) -> np.ndarray:
    """`[stored cells, features]` of the tiles that the native fit saw last."""
    plan = ours.problem.plan.levels[level]
    gradients = np.empty((math.prod(plan.stored), plan.features), np.float32)
    ours.fitter.get_latent_gradients(level, gradients)
    return gradients * INPUT_ONE


def twin_latent_gradients(fitting: "twin.Fit", level: int) -> np.ndarray:
    """The same, of all tiles that the twin saw."""
    summed = torch.zeros(fitting.latents[level].values.shape)
    for patch in (p for p in fitting.read if p.level == level):
        stored = patch.cells != SKIPPED
        summed.index_add_(0, patch.cells[stored], patch.values.grad[stored])
    return summed.numpy()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_latents_take_adams_steps(layout: str, isa: str) -> None:
    """Where a batch is one tile, many times: so it is known which cells it touches."""
    from ntc.fit.backends.native import Fit

    plan = make_plan((8, 7), (True, False), 3, (16,), layout, 4, mips=1)
    fine = make_plan((13, 12), (True, False), 3, (16,), layout, 4).levels[0]
    plan = Plan(8, 7, 1, plan.wrap, (fine, *plan.levels[1:]), plan.roles, plan.widths)
    ours = Fit(Problem(plan, noise_mips(plan, np.random.default_rng(0)), 0, 0, 2), isa)
    expected = [
        [Adam(cell, codes_of(level).high) for cell in values.reshape(-1, level.features)]
        for level, values in zip(plan.levels, ours.field().latents, strict=True)
    ]
    rate, recipe = 0.4, ours.problem.recipe
    squares = [np.zeros(level.features) for level in plan.levels]
    for _ in range(6):
        ours.step(rate, 0.01)
        for i, cells in enumerate(expected):
            gradients, stored = latent_gradients(ours, i), stored_in(plan.levels[i])
            floor = recipe.latent_floor * np.sqrt(squares[i])
            for cell in stored:
                cells[cell].step(gradients[cell], rate, recipe.latent_moments, floor)
            squares[i] = 0.99 * squares[i] + 0.01 * np.square(gradients[stored]).mean(0)
    ends = 0
    for cells, found in zip(expected, ours.field().latents, strict=True):
        wanted = np.array([adam.values for adam in cells])
        np.testing.assert_allclose(found.reshape(wanted.shape), wanted, atol=1e-5)
        ends += np.count_nonzero(wanted == cells[0].high)
    assert ends, "no cell has come to the end of its range"


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("hidden_step", [0.0, 0.5])
def test_the_decoder_takes_the_twins_steps(isa: str, hidden_step: float) -> None:
    from ntc.fit.backends.native import Fit

    problem, rate = smooth_problem(2), 0.05
    problem = replace(problem, recipe=replace(problem.recipe, hidden_step=hidden_step))
    ours, fitting = Fit(problem, isa), twin.Fit(problem)
    begun = ours.field()
    for _ in range(6):
        ours.step(0.1, rate)
        for i, pair in enumerate(zip(fitting.weights, fitting.biases, strict=True)):
            for parameters in pair:
                parameters.grad = torch.empty_like(parameters)
            ours.fitter.get_layer_gradients(i, *(values.grad.numpy() for values in pair))
        fitting.steps.step(rate)
    found, wanted = ours.field(), fitting.field()
    for part in ("weights", "biases"):
        layers = (getattr(field, part) for field in (found, wanted, begun))
        for one, other, before in zip(*layers, strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=2e-5)
            assert np.abs(one - before).max() > 0.01


def stored_in(level: LevelPlan) -> list[int]:
    """The stored cells that any cell of a level reads."""
    every = np.indices((level.height, level.width))
    row, column = stored_cells(level.width, level.height, level.layout, *every)
    return np.unique((row * level.stored[0] + column)[row != SKIPPED]).tolist()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("size", "wrap"), CASES)
def test_frozen_forward_is_the_reference_decoder(
    size: Size, wrap: Wrap, layout: str, isa: str
) -> None:
    """The native fit sees no error where its targets are what the integer decoder gives.

    It does not round outputs, so half a step of each is none. Of a blend of squares float32 keeps
    24 of 30 bits: one on a half may be rounded otherwise.
    """
    fitting = make_fit(size, wrap, seed=len(layout), layout=layout, gain=0.1)
    fitting.round_latents()
    model = quantize(fitting.field(), fitting.plan)
    images = [reference.decode(model, mip) for mip in range(fitting.plan.mips)]
    assert all(0 < image.min() and image.max() < spec.OUTPUT_MAX for image in images)
    fitting.mips = [torch.from_numpy(image.astype(np.float32) / 65535) for image in images]
    ours = native_fit(fitting, isa)
    ours.round_latents()
    tiles = tiles_of(fitting)
    errors = [ours.fitter.gradients([tile], False) * 65535**2 for tile in tiles]
    exact = "simplex" in layout or size == (32, 32)
    assert sum(error > 0.25 for error in errors) <= (0 if exact else len(tiles) // 10)


@pytest.mark.parametrize("code_width", range(1, 5))
@pytest.mark.parametrize("place", ["middle", "low", "high"])
@pytest.mark.parametrize("isa", ISAS)
def test_noise_is_as_wide_as_a_code_and_stays_in_range(
    code_width: int, place: str, isa: str
) -> None:
    """Each texel reads one latent and noise, and its output is that times a weight."""
    level = LevelPlan(64, 64, 1, code_width=code_width)
    other = LevelPlan(64, 64, 1, code_width=5)  # whose noise is not to be taken
    codes = codes_of(level)
    roles = np.array([[0, 1]], np.uint8)
    plan = Plan(64, 64, 1, (True, True), (other, level), roles, (3, 1))
    grey = np.full((64, 64, 1), 1 << 15, np.uint16)
    fitting = twin.Fit(Problem(plan, (grey,), 0, 0, 1, WIDE))
    latent = {"middle": 0.0, "low": codes.low, "high": codes.high}[place]
    fitting.latents[1].values.fill_(latent)
    fitting.low, fitting.range = torch.zeros(1), torch.ones(1)
    fitting.weights[0].data = torch.tensor([[0.0, 0.25, 0.0]])
    fitting.biases[0].data = torch.tensor([0.5 - 0.25 * round(latent * INPUT_ONE) / INPUT_ONE])
    ours = native_fit(fitting, isa)
    tiles = tiles_of(fitting)
    assert ours.fitter.gradients(tiles, False) < 1e-9, "this is all that goes into the output"
    wanted = 0.25**2 * (codes.step**2 + INPUT_ONE**-2) / 12
    if place != "middle":
        wanted /= 2  # every other texel lies on the end of the range
    assert ours.fitter.gradients(tiles, True) == pytest.approx(wanted, rel=0.06)
    assert twin_gradients(fitting, tiles) == pytest.approx(wanted, rel=0.06)


@cache
def fitted(threads: int, isa: str, layout: str) -> Field:
    from ntc.fit.backends.native import Fit

    problem = smooth_problem(threads, 100_000, layout)
    return loop.fit(Fit(problem, isa), problem, lambda progress: None)


def assert_same(one: Field, other: Field) -> None:
    for part in ("latents", "weights", "biases"):
        for a, b in zip(getattr(one, part), getattr(other, part), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("isa", ISAS)
def test_threads_do_not_change_a_bit(isa: str, layout: str) -> None:
    level = smooth_problem(1, layout=layout).plan.levels[0]
    if "table" in layout or "blocks" in layout:
        assert 4 * math.prod(level.stored) < level.width * level.height, "cells share latents"
    for threads in (2, 3):
        assert_same(fitted(1, isa, layout), fitted(threads, isa, layout))


@pytest.mark.skipif(len(ISAS) < 3, reason="one instruction set with fused multiply-add, or none")
@pytest.mark.parametrize("layout", LAYOUTS)
def test_instruction_sets_with_fused_multiply_add_agree_to_the_bit(layout: str) -> None:
    first, *others = (fitted(2, isa, layout) for isa in ISAS if isa != "baseline")
    for other in others:
        assert_same(first, other)


@built
@pytest.mark.parametrize("layout", LAYOUTS)
def test_fitted_latents_survive_quantizing(layout: str) -> None:
    field = fitted(2, ISAS[-1], layout)
    plan = smooth_problem(2, layout=layout).plan
    for level, values in zip(quantize(field, plan).levels, field.latents, strict=True):
        found = reference.latents(level, *np.indices(values.shape[:2]))
        np.testing.assert_array_equal(found, values * (INPUT_ONE * spec.LATENT_ONE))
        assert found.min() < 0 < found.max()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("layout", ["dense", "dense simplex"])
def test_every_instruction_set_learns(isa: str, layout: str) -> None:
    problem = smooth_problem(2, 3_000_000, layout)
    from ntc.fit.backends.native import Fit

    seen: list[float] = []
    loop.fit(Fit(problem, isa), problem, lambda progress: seen.append(progress.psnr))
    assert seen[-1] > 33


@built
def test_levels_twice_as_fine_as_any_mip_are_refused_beyond_the_kernels_reach() -> None:
    from ntc.fit.backends.native import Fit

    problem = smooth_problem(1)
    fine = (LevelPlan(70 * 4, 53 * 4, 2),)
    roles = np.zeros((4, 1), np.uint8)
    plan = Plan(70, 53, 4, (True, True), fine, roles, (3, 8, 3))
    with pytest.raises(ValueError, match="2 to 24 cells"):
        Fit(Problem(plan, problem.mips, 0, 0, 1))
