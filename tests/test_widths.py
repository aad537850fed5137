"""Tiles that lose bits: which of them, what both backends make of their ranges, memory as asked."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fits import LAYOUTS, make_plan, random_field, smooth_mips
from material_files import put
from small_materials import waves
from test_native_fit import ISAS, assert_same

import ntc
from ntc.decode import open_decoder, reference
from ntc.fit import loop, narrowing
from ntc.fit.backends import load_backend
from ntc.fit.encodings import LevelPlan, spare_levels
from ntc.fit.field import codes_of, nearest_codes, quantize, quantize_level
from ntc.fit.plan import make_plan as plan_for
from ntc.fit.problem import Problem
from ntc.fit.widths import (
    RANGE_LOG2,
    Ranges,
    all_codes,
    clipped,
    memory_bits,
    narrowed,
    tile_ranges,
)
from ntc.format.model import QuantizedModel, tile_grid, video_memory_bytes

Rng = np.random.Generator
BACKENDS = ["torch", *(["native"] if ISAS else [])]


def random_ranges(rng: Rng, plan: LevelPlan) -> Ranges:
    """Tiles of 0 bits to all."""
    width = rng.integers(0, plan.code_width + 1, all_codes(plan).width.shape)
    return Ranges(rng.integers(0, (1 << plan.code_width) - (1 << width) + 1), width)


def tiles_of(codes: np.ndarray, side: int = 1 << RANGE_LOG2) -> list[np.ndarray]:
    rows, columns = (range(0, n, side) for n in codes.shape[:2])
    return [codes[y : y + side, x : x + side] for y in rows for x in columns]


@pytest.mark.parametrize("size", [(150, 33), (64, 16), (3, 5), (1, 7)])
@pytest.mark.parametrize("features", [1, 3])
def test_ranges_of_tiles_are_their_extremes(size: tuple[int, int], features: int, rng: Rng) -> None:
    codes = rng.integers(0, 256, (*size, features), np.uint8)
    ranges = tile_ranges(codes)
    assert list(ranges) == [2, 3, 4, 5, 6]
    for log2, (low, high) in ranges.items():
        tiles = tiles_of(codes, 1 << log2)
        assert low.shape == high.shape == tile_grid(size[1], size[0], log2)
        assert low.ravel().tolist() == [tile.min() for tile in tiles]
        assert high.ravel().tolist() == [tile.max() for tile in tiles]


@pytest.mark.parametrize("size", [(40, 33), (16, 16), (3, 5)])
def test_a_tile_with_a_bit_less_moves_as_little_as_can_be(size: tuple[int, int], rng: Rng) -> None:
    plan = LevelPlan(*size, 2, centred=True)
    ranges = random_ranges(rng, plan)
    codes = clipped(rng.integers(0, 8, (*plan.stored[::-1], 2)).astype(np.uint8), ranges)
    found = narrowed(codes, ranges, plan)
    assert found.width.tolist() == np.maximum(ranges.width - 1, 0).tolist()
    after = clipped(codes, found).astype(int)
    for tile, moved, width in zip(
        tiles_of(codes.astype(int)), tiles_of(after), found.width.flat, strict=True
    ):
        last = (1 << int(width)) - 1
        every = [np.clip(tile, first, first + last) for first in range(8 - last)]
        assert ((moved - tile) ** 2).sum() == min(((v - tile) ** 2).sum() for v in every)


def test_packed_tiles_take_at_most_the_memory_of_their_ranges(rng: Rng) -> None:
    plan = LevelPlan(70, 50, 3, centred=True)
    ranges = random_ranges(rng, plan)
    codes = clipped(rng.integers(0, 8, (50, 70, 3)).astype(np.uint8), ranges)
    meant = codes_of(plan)
    level = quantize_level((meant.low + meant.step * codes).astype(np.float32), plan)
    assert (
        8 * level.nbytes
        <= memory_bits(plan, ranges).sum()
        < memory_bits(plan, all_codes(plan)).sum()
    )


@pytest.mark.parametrize(
    ("backend", "layout"),
    [("torch", "dense"), *(("native", layout) for layout in LAYOUTS if ISAS)],
)
def test_latents_stay_within_the_ranges_of_their_tiles(backend: str, layout: str, rng: Rng) -> None:
    plan = make_plan((40, 36), (True, False), 3, (16,), layout, 2, (3,), 3)
    problem = Problem(plan, smooth_mips(plan), 0, 3, 1, begin=random_field(plan, rng))
    stepper = load_backend(backend)[0](problem)
    every = [random_ranges(rng, level) for level in plan.levels]
    for i, (level, ranges) in enumerate(zip(plan.levels, every, strict=True)):
        meant = codes_of(level)
        low = meant.low + meant.step * ranges.first
        high = low + meant.step * ((1 << ranges.width) - 1)
        stepper.set_ranges(i, RANGE_LOG2, low.astype(np.float32), high.astype(np.float32))
    begin = [latents.copy() for latents in stepper.field().latents]
    for _ in range(8):
        stepper.step(0.2, 0.01)
    moved = [np.abs(a - b).max() for a, b in zip(begin, stepper.field().latents, strict=True)]
    stepper.round_latents()
    assert max(moved) > 0.05
    ends = 0
    for level, ranges, latents in zip(plan.levels, every, stepper.field().latents, strict=True):
        codes = nearest_codes(latents, level)
        np.testing.assert_array_equal(codes, clipped(codes, ranges))
        np.testing.assert_allclose(
            latents, codes_of(level).low + codes_of(level).step * codes, atol=1e-6
        )
        ends += np.count_nonzero(codes != clipped(codes, narrowed(codes, ranges, level)))
    assert ends, "no tile uses its range"


@pytest.mark.parametrize("isa", ISAS)
def test_a_range_is_checked(isa: str) -> None:
    from ntc.fit.backends.native import Fit

    plan = make_plan((40, 36), (True, True), 3, (16,), "dense", 2, (3,), 3)
    fitter = Fit(Problem(plan, smooth_mips(plan), 0, 3, 2), isa).fitter
    with pytest.raises(ValueError, match="range is empty"):
        fitter.set_ranges(0, 4, np.array([[1, 0]] * 9, np.float32))
    with pytest.raises(ValueError, match="size"):
        fitter.set_ranges(0, 4, np.zeros((8, 2), np.float32))
    with pytest.raises(IndexError):
        fitter.set_ranges(99, 4, np.zeros((9, 2), np.float32))


def narrow_problem(memory: int, texels: int, threads: int = 2, mask: int = -1) -> Problem:
    """Noise in the left half, and nothing in the right one."""
    plan = make_plan((128, 96), (True, True), 3, (16, 16), "dense", 0, (3,), 3)
    levels = tuple(replace(level, centred=True) for level in plan.levels)
    plan = replace(plan, levels=levels, memory=memory)
    noise = np.random.default_rng(0).integers(0, 60000, (96, 128, 3)).astype(np.uint16)
    noise[:, 64:] = 20000
    mips = tuple(noise[:: 1 << mip, :: 1 << mip].copy() for mip in range(plan.mips))
    return Problem(plan, mips, texels, 5, threads, mask=mask, decoder=open_decoder())


def fitted_model(problem: Problem, backend: str) -> QuantizedModel:
    field = loop.fit(load_backend(backend)[0](problem), problem, lambda progress: None)
    return quantize(field, problem.plan)


@pytest.mark.parametrize(
    ("backend", "texels"),
    [("torch", 30_000), ("native", 1), ("native", 20_000), ("native", 400_000)],
)
def test_levels_take_the_memory_they_may_where_detail_is(backend: str, texels: int) -> None:
    if backend not in BACKENDS:
        pytest.skip("NTC_NATIVE=0: the core is not expected")
    problem = narrow_problem(60_000, texels)
    assert sum(level.bits for level in problem.plan.levels) > 120_000
    model = fitted_model(problem, backend)
    assert sum(8 * level.nbytes for level in model.levels) <= 60_000
    if texels == 400_000:
        assert sum(8 * level.nbytes for level in model.levels) > 45_000
        finest = model.levels[0].code_widths.astype(int)
        half = finest.shape[1] // 2
        assert finest[:, :half].mean() > finest[:, half:].mean() + 0.5


@pytest.mark.skipif(not ISAS, reason="NTC_NATIVE=0: the core is not expected")
def test_threads_do_not_change_a_bit_of_narrow_tiles() -> None:
    fields = []
    for threads in (1, 3):
        problem = narrow_problem(100_000, 200_000, threads)
        fields.append(loop.fit(load_backend("native")[0](problem), problem, lambda progress: None))
    assert_same(*fields)


def test_errors_are_those_of_the_texels_above_a_tile(rng: Rng) -> None:
    problem = narrow_problem(0, 0)
    plan = problem.plan
    model = quantize(random_field(plan, rng), plan)
    squared = (reference.decode(model, 0).astype(float) - problem.mips[0]) ** 2
    for level, found in zip(
        plan.levels, narrowing.tile_errors(problem, model, plan.levels), strict=True
    ):
        assert found.sum() == pytest.approx(squared.sum(), rel=1e-4)
        side = (1 << RANGE_LOG2) * plan.width // level.width
        if found.shape != (1, 1):
            assert found[0, 1] == pytest.approx(squared[:side, side : 2 * side].sum(), rel=1e-4)


def test_texels_that_do_not_count_have_no_error(rng: Rng) -> None:
    problem = narrow_problem(0, 0, mask=2)
    problem.mips[0][:, :64, 2] = 0
    model = quantize(random_field(problem.plan, rng), problem.plan)
    squared = (reference.decode(model, 0).astype(float) - problem.mips[0]) ** 2
    counted = squared[:, 64:].sum() + squared[:, :64, 2].sum()
    found = narrowing.tile_errors(problem, model, problem.plan.levels[:1])[0].sum()
    assert found == pytest.approx(counted, rel=1e-4)


@pytest.mark.parametrize(("bpp", "spare"), [(1, 1.4), (2.5, 1.8), (5, 1.4), (8, 1.4)])
def test_a_plan_that_narrows_has_bits_to_spare_mostly_in_its_finest_level(
    bpp: float, spare: float
) -> None:
    """More of them only where they buy a level of full size."""
    plan, fixed = (plan_for(1024, 1024, 5, 11, bpp, narrows=narrows) for narrows in (True, False))
    bits = sum(level.bits for level in plan.levels)
    assert fixed.memory == 0
    assert 0.85 * bpp * 1024**2 < plan.memory <= bpp * 1024**2
    assert spare - 0.05 < bits / plan.memory < spare + 0.05
    assert plan.levels[0].bits > 0.4 * bits
    assert plan.levels[0].width >= fixed.levels[0].width


def test_tables_are_not_narrowed() -> None:
    plan = plan_for(1024, 1024, 5, 11, 2.5, encoding="hash", narrows=True)
    assert plan.memory == 0
    assert not any(level.centred for level in plan.levels)
    assert spare_levels(64, 64, 0)[-1].features == 2


def test_a_material_takes_the_memory_that_is_asked_for(tmp_path: Path) -> None:
    image = waves(256, 256, 3)
    image[96:] = np.random.default_rng(0).integers(0, 256, (160, 256, 3))
    put(tmp_path / "w" / "w_albedo.png", image)
    settings = ntc.Settings(bpp=5, texels=1 << 20, threads=1, encoding="grid")
    material = ntc.compress(tmp_path / "w", settings)
    used = 8 * video_memory_bytes(material.file.model) / 256**2
    assert 0.8 * 5 < used <= 5
    widths = material.file.model.levels[0].code_widths
    assert widths.min() < widths.max()
