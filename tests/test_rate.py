"""Bits that latents cost: gradients of both backends, narrow tiles, files as large as asked."""

import dataclasses
import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from fits import LAYOUTS, Size, Wrap, make_plan, smooth_mips
from material_files import put
from small_materials import waves
from test_fit_torch import all_tiles, fit_of_noise
from test_native_fit import (
    CASES,
    ISAS,
    assert_close,
    assert_same,
    latent_gradients,
    native_fit,
    tiles_of,
    twin_gradients,
    use_whole_steps,
)

import ntc
from ntc.decode import reference
from ntc.fit import loop, rate
from ntc.fit.backends import torch as twin
from ntc.fit.backends.torch_rate import rate_gradients
from ntc.fit.encodings import LevelPlan
from ntc.fit.field import INPUT_ONE, Field, codes_of, nearest_codes, quantize, quantize_level
from ntc.fit.plan import Plan
from ntc.fit.problem import Problem
from ntc.fit.sampling import TILE
from ntc.fit.widths import pack_narrow
from ntc.format import container, spec
from ntc.format.layout import SKIPPED
from ntc.format.model import Level

LEAST = rate.LEAST_SCALE / INPUT_ONE
RATE = 1.0  # so that bits weigh about as much as the error


def centred(plan: Plan, bits: int = 0) -> Plan:
    levels = tuple(
        dataclasses.replace(level, centred=True, code_width=min(level.code_width, 7))
        for level in plan.levels
    )
    return dataclasses.replace(plan, levels=levels, bits=bits)


@pytest.mark.parametrize("code_width", range(1, 8))
def test_centred_codes_have_one_for_zero_and_reach_the_limit(code_width: int) -> None:
    codes = codes_of(LevelPlan(4, 4, 1, code_width=code_width, centred=True))
    assert codes.lowest % codes.scale == 0
    assert codes.low <= 0 < codes.high <= spec.LATENT_LIMIT / (128 * INPUT_ONE)
    assert codes.high > 0.9


def twin_rate_gradients(fitting: "twin.Fit", level: int) -> np.ndarray:
    summed = torch.zeros(fitting.latents[level].values.shape)
    for patch in (p for p in fitting.read if p.level == level):
        stored = patch.cells != SKIPPED
        summed.index_add_(0, patch.cells[stored], fitting.gradients(patch)[stored])
    return summed.numpy()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("size", "wrap"), CASES)
def test_gradients_of_bits_are_those_of_the_twin(
    size: Size, wrap: Wrap, layout: str, isa: str
) -> None:
    plan = centred(make_plan(size, wrap, layout=layout, seed=len(layout)))
    fitting = fit_of_noise(plan, np.random.default_rng(len(layout)))
    use_whole_steps(fitting)
    for latents in fitting.latents:
        latents.values.clamp_(min=math.ceil(latents.low * INPUT_ONE) / INPUT_ONE)
    ours, tiles = native_fit(fitting, isa), tiles_of(fitting)
    ours.set_rate(RATE)
    with np.errstate(under="ignore"):
        twin_gradients(fitting, tiles)
    assert ours.fitter.gradients(tiles, False) > 0
    without = [twin_rate_gradients(fitting, i) for i in range(len(plan.levels))]
    fitting.set_rate(RATE)
    for i, before in enumerate(without):
        wanted = twin_rate_gradients(fitting, i)
        assert np.linalg.norm(wanted - before) > 1e-3 * np.linalg.norm(before)
        assert_close(latent_gradients(ours, i), wanted)


def bits_of(latents: torch.Tensor) -> torch.Tensor:
    """Of patches `[tiles, rows, columns, features]`, cell by cell, scales being what they are."""
    total = torch.zeros(())
    scales, (tiles, rows, columns, features) = latents.detach(), latents.shape
    for tile, f in itertools.product(range(tiles), range(features)):
        cells, known = latents[tile, ..., f], scales[tile, ..., f]
        residuals = torch.stack(
            [residual(cells, i, j) for i, j in itertools.product(range(rows), range(columns))]
        )
        scale = residuals.detach().abs().mean() + LEAST
        total = total + rate.PREDICTED * (residuals.abs() / scale).sum() / math.log(2)
        for i, j in itertools.product(range(rows), range(columns)):
            near = [(i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)]
            there = [known[at].abs() for at in near if 0 <= at[0] < rows and 0 <= at[1] < columns]
            scale = sum(there) / len(there) + LEAST
            total = total + (1 - rate.PREDICTED) * cells[i, j].abs() / scale / math.log(2)
    return total


def residual(cells: torch.Tensor, i: int, j: int) -> torch.Tensor:
    """How far a cell is from what codec 2 predicts."""
    if i == 0 or j == 0:
        left, upper = (cells[i, j - 1] if j else 0), (cells[i - 1, j] if i else 0)
        return cells[i, j] - left - upper
    left, upper, corner = cells[i, j - 1], cells[i - 1, j], cells[i - 1, j - 1]
    return cells[i, j] - torch.stack([left, upper, left + upper - corner]).median()


def test_gradients_of_bits_are_their_derivative(rng: np.random.Generator) -> None:
    values = torch.from_numpy(rng.normal(0, 30, (3, 4, 5, 2))).requires_grad_()
    bits_of(values).backward()
    ours = rate_gradients(values.detach(), 1.0)
    np.testing.assert_allclose(ours.numpy(), values.grad.numpy(), atol=1e-9)


def test_latents_come_to_rest_at_0() -> None:
    assert torch.all(rate_gradients(torch.zeros(1, 4, 3, 2), 1.0) == 0)
    small = torch.full((1, 4, 3, 2), 0.25 / INPUT_ONE)
    less = rate_gradients(small, 1.0)[0, 1:, 1:]  # as large as their neighbours
    assert torch.all(less > 0)
    assert torch.all(less < rate_gradients(4 * small, 1.0)[0, 1:, 1:])


def test_prices_add_up_to_the_rate() -> None:
    """Over the reads of a step, a bit of a cell costs `rate` over the texels of mip 0."""
    plan = centred(make_plan((64, 64), (True, True), code_widths=(3,), mips=1))
    fitting = fit_of_noise(plan, np.random.default_rng(0))
    reads = []
    for i, level in enumerate(plan.levels):
        patch = fitting.inputs(0, all_tiles(64, 64))[1][i]
        a_tile = patch.cells.numel() / 64
        tiles = fitting.recipe.batch_texels // TILE**2
        reads.append(a_tile * tiles / (level.width * level.height))
    costs = np.array(rate.prices(fitting.problem, 1.0)) * reads * 64 * 64
    np.testing.assert_allclose(costs, 1.0, rtol=1e-6)


def steered(monkeypatch: pytest.MonkeyPatch, excess: Callable[[float], float]) -> list[float]:
    """Prices over a fit whose bits are so much above those allowed, as a logarithm."""
    asked = replace(problem(10_000), price=1e-3)
    steering = rate.Steering(asked)
    monkeypatch.setattr(
        rate, "estimate", lambda fitted, levels, part=0.0: 10_000 * math.exp(excess(steering.next))
    )
    monkeypatch.setattr(rate.Steering, "_measure", lambda self, fitted, part: 0)
    return [steering.update(Fixed([]), 1e-3) for _ in range(49)]


def test_excess_that_goes_as_latents_settle_leaves_the_price_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prices = steered(monkeypatch, lambda done: 1.5 * 0.5 * (1 + math.cos(math.pi * done)))
    np.testing.assert_allclose(prices, 1e-3, rtol=1e-6)


@pytest.mark.parametrize("last", [0.3, -0.3])
def test_excess_that_stays_moves_the_price(last: float, monkeypatch: pytest.MonkeyPatch) -> None:
    prices = steered(monkeypatch, lambda done: 1.5 + (last - 1.5) * min(1.5 * done, 1))
    assert math.copysign(1, last) * math.log(prices[-1] / 1e-3) > math.log(1.5)


def random_codes(rng: np.random.Generator, height: int, width: int, features: int) -> np.ndarray:
    """Codes of 3 bits: constant on the left, few values in the middle, any on the right."""
    codes = np.full((height, width, features), 5, np.uint8)
    third = width // 3
    codes[:, third : 2 * third] = rng.integers(6, 8, (height, third, features))
    codes[:, 2 * third :] = rng.integers(0, 8, (height, width - 2 * third, features))
    return codes


@pytest.mark.parametrize(("height", "width"), [(96, 96), (37, 61), (3, 5), (1, 1)])
def test_narrow_tiles_hold_the_same_latents(
    height: int, width: int, rng: np.random.Generator
) -> None:
    plan = LevelPlan(width, height, 3, centred=True)
    codes, meant = random_codes(rng, height, width, 3), codes_of(plan)
    level = pack_narrow(codes, plan, meant.lowest, meant.scale)
    found = reference.latents(level, *np.indices((height, width)))
    np.testing.assert_array_equal(found, meant.lowest + meant.scale * codes.astype(np.int64))
    most = level.offsets.astype(np.int64) + level.scales * ((1 << level.code_widths) - 1)
    assert np.all(most <= spec.LATENT_LIMIT)
    assert level.nbytes < height * width * 3 * 3 / 8 + 12 * level.code_widths.size


def test_tiles_of_one_value_take_no_words() -> None:
    plan = LevelPlan(64, 64, 4, centred=True)
    level = quantize_level(np.zeros((64, 64, 4), np.float32), plan)
    assert level.nbytes == 8
    assert np.all(reference.latents(level, *np.indices((64, 64))) == 0)


def test_the_estimate_is_about_what_a_file_takes(rng: np.random.Generator) -> None:
    plan = LevelPlan(256, 256, 2, centred=True)
    shares = np.array([0.05, 0.1, 0.5, 0.2, 0.1, 0.05])
    apart = rng.choice(np.arange(6.0) - 2, (256, 256, 2), p=shares)
    y, x = np.mgrid[:256, :256, :2][:2] / 20.0
    smooth = np.rint(2.2 * np.sin(x) * np.cos(y) + rng.normal(0, 0.3, (256, 256, 2)))
    rare = np.where(rng.random((256, 256, 2)) < 0.03, apart, 0)
    for codes in (apart, smooth, rare, np.repeat(rare[:, ::16], 16, axis=1)):
        values = (codes * codes_of(plan).step).astype(np.float32)
        found = rate.estimate(Fixed([values.reshape(-1, 2)]), (plan,))
        assert found == pytest.approx(coded_bits((quantize_level(values, plan),)), rel=0.2)


class Fixed:
    """Latents that no fit moves."""

    def __init__(self, values: list[np.ndarray]) -> None:
        self.values = values

    def latents_of(self, level: int, first: int, count: int) -> np.ndarray:
        return self.values[level][first : first + count]


def test_a_large_level_is_estimated_from_a_part(rng: np.random.Generator) -> None:
    plan = LevelPlan(2048, 2048, 1, centred=True)
    step = codes_of(plan).step
    values = rng.normal(0, step, (2048 * 2048, 1)).astype(np.float32)
    part = rate.estimate(Fixed([values]), (plan,))
    small = LevelPlan(512, 2048, 1, centred=True)
    whole = rate.estimate(Fixed([values[: 512 * 2048]]), (small,))
    assert part == pytest.approx(4 * whole, rel=0.01)


def problem(bits: int, threads: int = 2, texels: int = 1_000_000) -> Problem:
    plan = make_plan((160, 128), (True, True), 3, (16, 16), "dense", 0, (3,), 3)
    plan, rng = centred(plan, bits), np.random.default_rng(3)
    mips = (mip ^ rng.integers(0, 1 << 13, mip.shape, np.uint16) for mip in smooth_mips(plan))
    return Problem(plan, tuple(mips), texels, 7, threads)


def fitted(backend: str, bits: int, threads: int = 2, texels: int = 1_000_000) -> Field:
    from ntc.fit.backends import load_backend

    asked = problem(bits, threads, texels)
    return loop.fit(load_backend(backend)[0](asked), asked, lambda progress: None)


def coded_bits(levels: tuple[Level, ...]) -> int:
    return 8 * sum(map(container.level_bytes, levels))


@pytest.mark.parametrize(("backend", "texels"), [("torch", 250_000), ("native", 1_000_000)])
@pytest.mark.parametrize("bits", [24_000, 80_000])
def test_latents_take_the_bits_they_may(backend: str, bits: int, texels: int) -> None:
    if backend == "native" and not ISAS:
        pytest.skip("NTC_NATIVE=0: the core is not expected")
    plan = problem(bits).plan
    model = quantize(fitted(backend, bits, texels=texels), plan)
    assert 0.92 * bits <= coded_bits(model.levels) <= 1.02 * bits


@pytest.mark.parametrize("isa", ISAS[-1:])
def test_threads_do_not_change_a_bit_of_a_fit_with_a_rate(isa: str) -> None:
    assert_same(fitted("native", 50_000, 1, 300_000), fitted("native", 50_000, 3, 300_000))


def test_rounding_moves_latents_towards_zero() -> None:
    plan = LevelPlan(8, 1, 1, centred=True)
    step = codes_of(plan).step
    values = np.array([[-1.6, -1.4, -0.6, 0.0, 0.4, 0.6, 1.4, 1.6]], np.float32).T * step
    for inwards, wanted in ((0.0, [-2, -1, -1, 0, 0, 1, 1, 2]), (0.2, [-1, -1, 0, 0, 0, 0, 1, 1])):
        codes = rate._codes(Fixed([values]), 0, plan, 0, 1, inwards).ravel().astype(int)
        assert (codes - 3).tolist() == wanted
        if inwards:
            moved = values - np.sign(values) * np.minimum(inwards * step, np.abs(values))
            assert (nearest_codes(moved, plan).ravel().astype(int) - 3).tolist() == wanted


def test_a_budget_of_the_file_is_met_and_worth_it(tmp_path: Path) -> None:
    """From the command's settings to the file: within 4 % of the bits, and better for them."""
    image = waves(256, 256, 3)
    image[:96] //= 2
    image[:96] += np.random.default_rng(0).integers(0, 40, (96, 256, 3)).astype(np.uint8)
    put(tmp_path / "w" / "w_albedo.png", image)
    settings = ntc.Settings(bpp=3, texels=1 << 20, threads=1, encoding="grid", budget="file")
    priced = ntc.compress(tmp_path / "w", settings)
    plain = ntc.compress(tmp_path / "w", replace(settings, budget="memory", bpp=priced.bpp))
    assert 0.96 * 3 < priced.bpp <= 3
    assert priced.file.metadata.fit.settings["budget"] == "file"
    assert plain.bpp < priced.bpp
    assert (priced.file.metadata.quality.psnr or 0) > (plain.file.metadata.quality.psnr or 0) + 0.3


def test_a_budget_of_the_file_is_not_pruned() -> None:
    with pytest.raises(ntc.UsageError, match="not pruned"):
        ntc.Settings(budget="file", keep=0.5)
    with pytest.raises(ntc.UsageError, match="memory or file"):
        ntc.Settings(budget="disk")  # type: ignore[arg-type]
