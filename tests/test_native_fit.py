"""The native backend: gradients against autograd's, results that no thread count changes."""

import os

import numpy as np
import pytest
import torch
from test_fit_torch import all_tiles, make_fit

from ntc import native
from ntc.fit import loop
from ntc.fit.backends import torch as twin
from ntc.fit.field import INPUT_ONE, LATENT_HIGH, LATENT_LOW, Field
from ntc.fit.plan import LevelPlan, Plan, make_plan
from ntc.fit.problem import Problem
from ntc.format import spec

WITHOUT = os.environ.get("NTC_NATIVE") == "0"
built = pytest.mark.skipif(WITHOUT, reason="NTC_NATIVE=0: the core is not expected")
# Where the core was promised and is missing, this raises, and the tests fail.
ISAS = [] if WITHOUT else native.isas()
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

    mips = tuple(mip.numpy() for mip in fitting.mips)
    weights = tuple(fitting.channel_weights.tolist())
    ours = Fit(Problem(fitting.plan, mips, 0, 0, 2, weights=weights, mask=fitting.mask), isa)
    ours.fitter.set_range(fitting.low.numpy(), fitting.range.numpy())
    for i, latents in enumerate(fitting.latents):
        ours.fitter.set_latents(i, latents.values.numpy() * np.float32(INPUT_ONE))
    for i, (weights, bias) in enumerate(zip(fitting.weights, fitting.biases, strict=True)):
        ours.fitter.set_layer(i, weights.detach().numpy(), bias.detach().numpy())
    return ours


def tiles_of(fitting: "twin.Fit") -> list[tuple[int, int, int]]:
    sizes = [mip.shape[:2] for mip in fitting.mips]
    drawn = []
    for mip, (height, width) in enumerate(sizes):
        ys, xs = all_tiles(width, height)
        drawn += [(mip, int(y), int(x)) for y, x in zip(ys, xs, strict=True)]
    return drawn


def twin_gradients(fitting: "twin.Fit", tiles: list[tuple[int, int, int]]) -> float:
    """Backpropagates the mean squared error of the tiles; returns it."""
    error, count = torch.zeros(fitting.plan.widths[-1]), 0
    for mip, y, x in tiles:
        at = np.array([y]), np.array([x])
        target, fitted = fitting._targets(mip, *at)
        inputs, patches = fitting.inputs(mip, *at)
        error = error + ((fitting.decode(inputs) - target).square() * fitted).sum(0)
        count += fitting._count(mip, *at) * target.shape[1]
        fitting.read = [*getattr(fitting, "read", []), *patches]
    ((error * fitting.channel_weights).sum() / count).backward()
    return float(error.detach().sum()) / count


def assert_close(ours: np.ndarray, wanted: np.ndarray) -> None:
    size = np.linalg.norm(wanted)
    assert size > 0, "the test point has no gradient: it proves nothing"
    assert np.linalg.norm(ours - wanted) <= 1e-5 * size


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize(("size", "wrap"), CASES)
def test_gradients_are_those_of_autograd(monkeypatch, size, wrap, isa) -> None:
    compare_gradients(monkeypatch, make_fit(size, wrap), isa)


@pytest.mark.parametrize("isa", ISAS)
def test_gradients_with_weights_and_a_mask(monkeypatch, isa) -> None:
    fitting = make_fit((24, 40), (True, True))
    fitting.channel_weights = torch.tensor([1.0, 2.0, 0.25, 1.0, 3.0])
    fitting.mask = 2
    for mip in fitting.mips:
        mip[..., 2] = (mip[..., 2] > 0.5).float()
    compare_gradients(monkeypatch, fitting, isa)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("hidden", [(), (32,), (32, 32), (96, 96), (48, 40, 24)])
@pytest.mark.parametrize("channels", [1, 5, 32])
def test_gradients_of_every_kind_of_decoder(monkeypatch, isa, hidden, channels) -> None:
    compare_gradients(monkeypatch, make_fit((24, 16), (True, True), channels, hidden=hidden), isa)


def compare_gradients(monkeypatch, fitting: "twin.Fit", isa: str) -> None:
    monkeypatch.setattr(twin, "LATENT_STEP", 0.0)  # no noise: the two draw it differently
    # Away from codes, and a seed whose inputs all keep clear of halves: there float32 decides.
    noise = torch.Generator().manual_seed(11)
    for latents in fitting.latents:
        spread = torch.rand(latents.values.shape, generator=noise)
        latents.values = LATENT_LOW + spread * (LATENT_HIGH - LATENT_LOW)
    ours = native_fit(fitting, isa)
    tiles = tiles_of(fitting)
    with np.errstate(under="ignore"):
        wanted = twin_gradients(fitting, tiles)
    assert ours.fitter.gradients(tiles, False) == pytest.approx(wanted, rel=1e-5)
    for i in range(len(fitting.weights)):
        weights = np.empty(fitting.weights[i].shape, np.float32)
        bias = np.empty(len(weights), np.float32)
        ours.fitter.get_layer_gradients(i, weights, bias)
        assert_close(weights, fitting.weights[i].grad.numpy())
        assert_close(bias, fitting.biases[i].grad.numpy())
    for i, level in enumerate(fitting.plan.levels):
        shape = (level.width * level.height, level.features)
        latents = np.empty(shape, np.float32)
        ours.fitter.get_latent_gradients(i, latents)
        summed = torch.zeros(shape)
        for patch in (p for p in fitting.read if p.level == i):
            summed.index_add_(0, patch.cells, patch.values.grad)
        assert_close(latents * INPUT_ONE, summed.numpy())


def small_problem(threads: int, texels: int = 200_000) -> Problem:
    y, x = np.mgrid[:53, :70] / 16.0
    image = np.stack([np.sin(y) * np.cos(x), np.sin(x + y), np.cos(y * 3)], -1) / 2 + 0.5
    mips = [image.astype(np.float32)]
    for mip in range(1, 4):
        width, height = spec.mip_size(70, 53, mip)
        mips.append(mips[0][:: 1 << mip, :: 1 << mip][:height, :width].copy())
    plan = make_plan(70, 53, 3, 4, 16.0)
    return Problem(plan, tuple(mips), texels, 7, threads)


def fitted(threads: int, isa: str = "") -> Field:
    from ntc.fit.backends.native import Fit

    problem = small_problem(threads)
    return loop.fit(Fit(problem, isa), problem, lambda progress: None)


def arrays(field: Field) -> list[np.ndarray]:
    return [*field.latents, *field.weights, *field.biases]


@built
def test_threads_do_not_change_a_bit() -> None:
    one = arrays(fitted(1))
    for threads in (2, 3):
        for a, b in zip(one, arrays(fitted(threads)), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.skipif(len(ISAS) < 3, reason="one instruction set with fused multiply-add, or none")
def test_instruction_sets_with_fused_multiply_add_agree_to_the_bit() -> None:
    first, *others = (arrays(fitted(2, isa)) for isa in ISAS if isa != "baseline")
    for other in others:
        for a, b in zip(first, other, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("isa", ISAS)
def test_every_instruction_set_learns(isa: str) -> None:
    problem = small_problem(2, 3_000_000)
    from ntc.fit.backends.native import Fit

    seen: list[float] = []
    loop.fit(Fit(problem, isa), problem, lambda progress: seen.append(progress.psnr))
    assert seen[-1] > 33


@built
def test_levels_twice_as_fine_as_any_mip_are_refused_beyond_the_kernels_reach() -> None:
    from ntc.fit.backends.native import Fit

    problem = small_problem(1)
    fine = (LevelPlan(70 * 4, 53 * 4, 2),)
    roles = np.zeros((4, 1), np.uint8)
    plan = Plan(70, 53, 4, (True, True), fine, roles, (3, 8, 3))
    with pytest.raises(ValueError, match="2 to 24 cells"):
        Fit(Problem(plan, problem.mips, 0, 0, 1))
