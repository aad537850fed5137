"""The torch backend: its gradients, its optimiser, and that it simulates the integer decoder."""

import numpy as np
import pytest
import torch
from test_fit_plan import random_field

from ntc.decode import reference
from ntc.fit.backends import torch as backend
from ntc.fit.field import HIDDEN_ONE, LATENT_HIGH, LATENT_LOW, LATENT_STEP, quantize
from ntc.fit.plan import LevelPlan, Plan, make_plan
from ntc.fit.problem import Problem
from ntc.fit.sampling import TILE, axis_taps, patch_weights
from ntc.format import spec

SHAPES = [
    ((32, 32), (True, True)),
    ((24, 40), (False, True)),
    ((37, 21), (True, False)),
    ((5, 67), (False, False)),
    ((3, 5), (True, True)),
    ((1, 1), (False, True)),
]


def make_fit(
    size: tuple[int, int],
    wrap: tuple[bool, bool],
    channels: int = 5,
    seed: int = 0,
    hidden: tuple[int, ...] = (24, 16),
) -> "backend.Fit":
    """A fit of noise whose latents and decoder are random, too: every path is taken."""
    rng = np.random.default_rng(seed)
    plan = make_plan(*size, channels, spec.full_mip_count(*size), 64.0, wrap)
    plan = with_features(plan, (3, 1, 4, 2, 5, 2, 3), hidden)
    sizes = [spec.mip_size(*size, mip) for mip in range(plan.mips)]
    mips = tuple(rng.random((h, w, channels), np.float32) for w, h in sizes)
    fitting = backend.Fit(Problem(plan, mips, 0, seed, 1))
    field = random_field(plan, rng)
    for latents, values in zip(fitting.latents, field.latents, strict=True):
        latents.values = torch.from_numpy(values.reshape(-1, values.shape[2]))
    for ours, values in zip(fitting.weights, field.weights, strict=True):
        ours.data = torch.from_numpy(values)
    return fitting


def with_features(
    plan: Plan, features: tuple[int, ...], hidden: tuple[int, ...] = (24, 16)
) -> Plan:
    """A pyramid down to 1x1 whose levels have these features, all read where a plan allows it."""
    from ntc.fit import plan as planning

    sizes = planning._pyramid(plan.width, plan.height)
    levels = tuple(LevelPlan(w, h, f) for (w, h), f in zip(sizes, features, strict=False))
    roles = planning._roles(plan.width, plan.height, plan.mips, levels)
    widths = (sum(lv.features for lv in levels) + 1, *hidden, plan.widths[-1])
    return Plan(plan.width, plan.height, plan.mips, plan.wrap, levels, roles, widths)


def all_tiles(width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = -(-height // TILE), -(-width // TILE)
    y, x = np.mgrid[:rows, :columns]
    return y.ravel(), x.ravel()


def simulated(fitting: "backend.Fit", mip: int) -> np.ndarray:
    """`[h, w, channels]` storage values that the fit believes the decoder gives."""
    width, height = spec.mip_size(fitting.plan.width, fitting.plan.height, mip)
    tile_y, tile_x = all_tiles(width, height)
    with torch.no_grad():
        outputs = fitting.decode(fitting.inputs(mip, tile_y, tile_x)[0]).double().numpy()
    image = np.zeros((-(-height // TILE) * TILE, -(-width // TILE) * TILE, outputs.shape[1]))
    tiles = outputs.reshape(-1, TILE, TILE, outputs.shape[1])
    for y, x, tile in zip(tile_y, tile_x, tiles, strict=True):
        image[y * TILE : (y + 1) * TILE, x * TILE : (x + 1) * TILE] = tile
    stored = image[:height, :width] * spec.OUTPUT_MAX
    assert np.abs(stored - np.rint(stored)).max() < 0.02
    return np.clip(np.rint(stored), 0, spec.OUTPUT_MAX).astype(np.uint16)


@pytest.mark.parametrize(("size", "wrap"), SHAPES, ids=str)
def test_frozen_forward_is_the_reference_decoder(
    size: tuple[int, int], wrap: tuple[bool, bool]
) -> None:
    for seed in range(3):
        fitting = make_fit(size, wrap, seed=seed)
        fitting.round_latents()
        model = quantize(fitting.field(), fitting.plan)
        for mip in range(fitting.plan.mips):
            expected = reference.decode(model, mip)
            np.testing.assert_array_equal(simulated(fitting, mip), expected)
            inside = (expected > 0) & (expected < spec.OUTPUT_MAX)
            assert inside.mean() > 0.2, "the outputs are clipped: this proves little"


@pytest.mark.parametrize(("texels", "cells"), [(1, 1), (8, 4), (21, 21), (37, 19), (64, 4), (5, 9)])
def test_weights_of_interpolation(texels: int, cells: int) -> None:
    taps = axis_taps(texels, cells)
    tiles = np.arange(-(-texels // TILE))
    weights = patch_weights(taps, tiles)
    assert weights.shape == (len(tiles), TILE, taps.span)
    assert (weights >= 0).all()
    np.testing.assert_array_equal(weights.sum(-1), 1)
    assert ((weights > 0).sum(-1) <= 2).all()
    cell, fraction = reference.cell_position(
        reference.texel_position(np.arange(texels), texels), cells
    )
    np.testing.assert_array_equal(taps.cell[:texels], cell)
    np.testing.assert_array_equal(taps.fraction[:texels] * 256, fraction)


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


def test_gradient_of_the_whole_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Along random directions of all latents and of the decoder, against central differences.

    Rounding is taken out, because a staircase has no slope; its own rule has a test above.
    """
    monkeypatch.setattr(backend, "_round", lambda x, one: x)
    monkeypatch.setattr(backend, "_round_layer", lambda weights, bias, one: (weights, bias))
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    monkeypatch.setattr(torch, "zeros", _double(torch.zeros))
    rng = np.random.default_rng(3)
    fitting = make_fit((21, 12), (True, False))
    fitting.frozen = True  # no noise, and double precision
    leaves = [latents.values.double().requires_grad_() for latents in fitting.latents]
    for latents, leaf in zip(fitting.latents, leaves, strict=True):
        latents.values = leaf
    fitting.weights = [w.detach().double().requires_grad_() for w in fitting.weights]
    fitting.biases = [b.detach().double().requires_grad_() for b in fitting.biases]
    leaves += fitting.weights + fitting.biases
    target = [rng.random(mip.shape) for mip in fitting.mips]

    def loss() -> torch.Tensor:
        total = torch.zeros((), dtype=torch.float64)
        for mip in range(fitting.plan.mips):
            width, height = spec.mip_size(fitting.plan.width, fitting.plan.height, mip)
            tiles = all_tiles(width, height)
            _, inside = fitting._targets(mip, *tiles)
            difference = fitting.decode(fitting.inputs(mip, *tiles)[0]) - target[mip].mean()
            total = total + (difference.square() * inside).sum()
        return total

    loss().backward()
    gradients = [leaf.grad for leaf in leaves]
    numeric, ours = [], []
    step = 1e-6
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


def test_lazy_adam_is_adam_of_each_cell(rng: np.random.Generator) -> None:
    cells, features, beta, rate = 6, 2, (0.9, 0.99), 0.05
    start = rng.uniform(-0.5, 0.5, (cells, features)).astype(np.float32)
    zeros = torch.zeros(cells, features)
    latents = backend._Latents(
        torch.from_numpy(start.copy()), zeros, zeros.clone(), torch.zeros(cells, 1)
    )
    expected = [Adam(values) for values in start]
    for _ in range(12):
        touched = rng.integers(0, cells - 1, 7)  # with repeats, and never the last cell
        gradients = rng.normal(0, 1e-4, (7, features)).astype(np.float32)
        latents.update(torch.from_numpy(touched), torch.from_numpy(gradients), rate, beta)
        for cell in set(touched.tolist()):
            expected[cell].step(gradients[touched == cell].sum(0), rate, beta)
    found = latents.values.numpy()
    np.testing.assert_allclose(found, [adam.values for adam in expected], atol=2e-5)
    np.testing.assert_array_equal(found[-1], start[-1])
    assert [int(n) for n in latents.visits] == [adam.time for adam in expected]


class Adam:
    """Kingma and Ba, algorithm 1, with the latents' range."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values.astype(np.float64)
        self.mean, self.square, self.time = np.zeros(2), np.zeros(2), 0

    def step(self, gradient: np.ndarray, rate: float, beta: tuple[float, float]) -> None:
        self.time += 1
        self.mean = beta[0] * self.mean + (1 - beta[0]) * gradient
        self.square = beta[1] * self.square + (1 - beta[1]) * gradient.astype(np.float64) ** 2
        mean = self.mean / (1 - beta[0] ** self.time)
        square = self.square / (1 - beta[1] ** self.time)
        moved = self.values - rate * mean / (np.sqrt(square) + 1e-15)
        self.values = np.clip(moved, LATENT_LOW, LATENT_HIGH)


def test_rounded_latents_are_codes() -> None:
    fitting = make_fit((24, 16), (True, True))
    fitting.round_latents()
    for latents in fitting.latents:
        codes = (latents.values.numpy() - LATENT_LOW) / LATENT_STEP
        np.testing.assert_allclose(codes, np.rint(codes), atol=1e-4)
    again = [latents.values.clone() for latents in fitting.latents]
    fitting.round_latents()
    for before, after in zip(again, fitting.latents, strict=True):
        np.testing.assert_array_equal(before.numpy(), after.values.numpy())
