"""Fits against a trilinear filter: where their samples lie, what they should be, what it brings."""

from dataclasses import replace
from fractions import Fraction
from functools import cache
from math import floor
from pathlib import Path

import numpy as np
import pytest
import torch
from fits import LAYOUTS, Images, Size, Wrap, smooth_problem
from material_files import put
from small_materials import waves
from test_fit_torch import make_fit, shifted_tiles
from test_native_fit import (
    CASES,
    ISAS,
    assert_same,
    built,
    compare_gradients,
    latent_gradients,
    native_fit,
    tiles_of,
)

import ntc
from ntc.decode import reference
from ntc.errors import UsageError
from ntc.fit import loop
from ntc.fit.backends import installed_backends
from ntc.fit.backends.torch import Fit as TorchFit
from ntc.fit.field import Field, quantize
from ntc.fit.presets import Recipe
from ntc.fit.sampling import LOD_STEPS, PHASES, TILE, Tiles
from ntc.format import container, spec
from ntc.texture import load_material

Rng = np.random.Generator
Triple = tuple[int, int, int]


def offset(phase: int) -> Fraction:
    """How far a phase is from the centres of texels, in texels."""
    return Fraction(phase if phase < PHASES // 2 else phase - PHASES, PHASES)


def bilinear(image: np.ndarray, u: Fraction, v: Fraction, wrap: Wrap) -> np.ndarray:
    """One sample, with weights in 1/256 as a GPU has them."""
    height, width = image.shape[:2]
    x, y = (
        floor(256 * (at * n - Fraction(1, 2)) + Fraction(1, 2))
        for at, n in ((u, width), (v, height))
    )
    total = np.zeros(image.shape[2])
    for row, wy in ((y // 256, 256 - y % 256), (y // 256 + 1, y % 256)):
        for column, wx in ((x // 256, 256 - x % 256), (x // 256 + 1, x % 256)):
            r = row % height if wrap[1] else min(max(row, 0), height - 1)
            c = column % width if wrap[0] else min(max(column, 0), width - 1)
            total += image[r, c] * (wx * wy / 65536)
    return total


def slow_targets(images: Images, wrap: Wrap, mip: int, tiles: Tiles) -> np.ndarray:
    """`[tiles, TILE, TILE, channels]`, one sample after the other; nan beyond the border."""
    height, width, channels = images[mip].shape
    out = np.full((len(tiles), TILE, TILE, channels), np.nan)
    for i, (ty, tx, py, px, step) in enumerate(
        zip(tiles.y, tiles.x, tiles.phase_y, tiles.phase_x, tiles.lod_step, strict=True)
    ):
        for y in range(min(TILE, height - ty * TILE)):
            for x in range(min(TILE, width - tx * TILE)):
                u = (int(tx) * TILE + x + Fraction(1, 2) + offset(int(px))) / width
                v = (int(ty) * TILE + y + Fraction(1, 2) + offset(int(py))) / height
                fine = bilinear(images[mip], u, v, wrap)
                coarse = bilinear(images[mip + 1], u, v, wrap) if step else fine
                out[i, y, x] = fine + (coarse - fine) * (step / LOD_STEPS)
    return out


@pytest.mark.parametrize(("size", "wrap"), [*CASES, ((3, 5), (True, True))], ids=str)
def test_targets_are_what_a_trilinear_filter_makes(size: Size, wrap: Wrap, rng: Rng) -> None:
    fitting = make_fit(size, wrap, channels=2, filtering="filtered")
    images = tuple(mip.numpy().astype(np.float64) for mip in fitting.mips)
    for mip in range(fitting.plan.mips):
        tiles = shifted_tiles(fitting, mip, rng)
        wanted = slow_targets(images, wrap, mip, tiles).reshape(-1, 2)
        target, fitted = fitting._targets(mip, tiles)
        inside = ~np.isnan(wanted)
        np.testing.assert_array_equal(fitted.numpy() == 1, inside)
        np.testing.assert_allclose(target.numpy()[inside], wanted[inside], atol=1e-6)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("size", "wrap"), CASES)
def test_gradients_are_those_of_autograd(size: Size, wrap: Wrap, layout: str, isa: str) -> None:
    fitting = make_fit(size, wrap, layout=layout, seed=len(layout), filtering="filtered")
    compare_gradients(fitting, isa, shifts_of(fitting, len(layout)))


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("channels", [1, 32])
def test_gradients_with_a_mask_and_any_channels(isa: str, channels: int) -> None:
    fitting = make_fit((24, 13), (True, False), channels, filtering="filtered")
    fitting.mask = 0
    for mip in fitting.mips:
        mip[: len(mip) // 2, :, 0] = 0
    compare_gradients(fitting, isa, shifts_of(fitting, 1))


def shifts_of(fitting: TorchFit, seed: int) -> list[Triple]:
    """Shifts for all tiles of all mips, in the order of `tiles_of`."""
    rng, shifts = np.random.default_rng(seed), []
    for mip in range(fitting.plan.mips):
        tiles = shifted_tiles(fitting, mip, rng)
        drawn = np.stack([tiles.phase_y, tiles.phase_x, tiles.lod_step], 1).tolist()
        shifts += [tuple(shift) for shift in drawn]
    assert len({shift[2] for shift in shifts}) > 2
    return shifts


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("size", "wrap"), CASES)
def test_a_fit_sees_the_samples_that_the_format_defines(
    size: Size, wrap: Wrap, layout: str, rng: Rng
) -> None:
    """What it believes of shifted tiles is section 8.9 at their positions and lods."""
    fitting = make_fit(size, wrap, seed=5, layout=layout, gain=0.1, filtering="filtered")
    fitting.round_latents()
    model = quantize(fitting.field(), fitting.plan)
    for mip in range(fitting.plan.mips):
        tiles = shifted_tiles(fitting, mip, rng)
        with torch.no_grad():
            outputs = fitting.decode(fitting.inputs(mip, tiles)[0]).double().numpy()
        believed = np.clip(np.rint(outputs * spec.OUTPUT_MAX), 0, spec.OUTPUT_MAX)
        y, x, lod = samples_of(tiles, fitting.mips[mip].shape[:2])
        expected = reference.decode_field(model, x, y, LOD_STEPS * mip + lod)
        np.testing.assert_array_equal(believed, expected)


def samples_of(tiles: Tiles, size: Size) -> tuple[np.ndarray, ...]:
    """Of each sample of the tiles the position down and across in 1/2**24, and the lod step.

    Beyond the border they are those of the last texel, whatever the fit makes of them.
    """
    along, axes = np.arange(TILE), []
    for tile, phase, texels in (
        (tiles.y, tiles.phase_y, size[0]),
        (tiles.x, tiles.phase_x, size[1]),
    ):
        texel = np.minimum(tile[:, None] * TILE + along, texels - 1)
        shift = np.array([int(16 * offset(int(p))) for p in phase])[:, None]
        axes.append(((16 * texel + 8 + shift) << 20) // texels)
    y, x, lod = np.broadcast_arrays(
        axes[0][:, :, None], axes[1][:, None, :], tiles.lod_step[:, None, None]
    )
    return y.ravel(), x.ravel(), lod.ravel()


@cache
def fitted(threads: int, isa: str, layout: str) -> Field:
    from ntc.fit.backends.native import Fit

    problem = smooth_problem(threads, 100_000, layout)
    problem = replace(problem, filtering="filtered", recipe=Recipe(shifted=0.5))
    return loop.fit(Fit(problem, isa), problem, lambda progress: None)


@pytest.mark.parametrize("layout", ["dense", "mask simplex"])
@pytest.mark.parametrize("isa", ISAS)
def test_threads_do_not_change_a_bit(isa: str, layout: str) -> None:
    for threads in (2, 3):
        assert_same(fitted(1, isa, layout), fitted(threads, isa, layout))


@pytest.mark.skipif(len(ISAS) < 3, reason="one instruction set with fused multiply-add, or none")
@pytest.mark.parametrize("layout", ["dense", "mask simplex"])
def test_instruction_sets_with_fused_multiply_add_agree_to_the_bit(layout: str) -> None:
    first, *others = (fitted(2, isa, layout) for isa in ISAS if isa != "baseline")
    for other in others:
        assert_same(first, other)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("layout", ["dense", "table simplex"])
@pytest.mark.parametrize(("size", "wrap"), CASES)
def test_tiles_that_stay_are_those_of_a_fit_by_texels(
    size: Size, wrap: Wrap, layout: str, isa: str
) -> None:
    """To the bit, although their patches have room for more cells."""
    by_texels, filtered = (
        make_fit(size, wrap, layout=layout, filtering=name) for name in ("texel", "filtered")
    )
    one, other = native_fit(by_texels, isa), native_fit(filtered, isa)
    tiles = tiles_of(by_texels)
    error = one.fitter.gradients(tiles, False)
    assert error == other.fitter.gradients(tiles, False) > 0
    for level in range(len(by_texels.plan.levels)):
        gradients = latent_gradients(one, level)
        np.testing.assert_array_equal(gradients, latent_gradients(other, level))


@built
def test_shifts_that_do_not_exist_are_refused() -> None:
    fitting = make_fit((24, 16), (True, True), filtering="filtered")
    ours, tiles = native_fit(fitting, ISAS[-1]).fitter, tiles_of(fitting)[-1:]
    for shift in ((8, 0, 0), (0, 8, 0), (-1, 0, 0), (0, 0, 1), (0, 0, -1)):  # the last mip
        with pytest.raises(ValueError, match="not shifted like this"):
            ours.gradients(tiles, False, [shift])
    with pytest.raises(ValueError, match="every tile has a shift"):
        ours.gradients(tiles, False, [(0, 0, 0)] * 2)
    by_texels = native_fit(make_fit((24, 16), (True, True)), ISAS[-1]).fitter
    with pytest.raises(ValueError, match="not shifted like this"):
        by_texels.gradients([(0, 0, 0)], False, [(1, 0, 0)])


@built
@pytest.mark.parametrize("shifted", [-0.1, 1.1, np.nan])
def test_parts_that_can_be_shifted(shifted: float) -> None:
    from ntc.fit.backends.native import Fit

    with pytest.raises(ValueError, match="part of the tiles"):
        Fit(replace(smooth_problem(1), filtering="filtered", recipe=Recipe(shifted=shifted)))


@pytest.fixture(params=["torch", "native"])
def backend(request: pytest.FixtureRequest) -> str:
    if request.param not in installed_backends():
        pytest.skip(f"the {request.param} backend is not installed")
    return str(request.param)


def quick(backend: str, filtering: str, texels: int = 1 << 19) -> ntc.Settings:
    return ntc.Settings(
        backend=backend, texels=texels, threads=1, bpp=16, encoding="grid", filtering=filtering
    )


def test_one_sample_is_a_filtered_one(backend: str, tmp_path: Path, rng: Rng) -> None:
    """Nearer than one of a fit by texels, at places that no texel has."""
    detail = np.kron(rng.integers(0, 256, (24, 32, 3)), np.ones((2, 2, 1)))
    pixels = 0.2 * waves(64, 48, 3) + 0.8 * detail
    put(tmp_path / "w" / "w_albedo.png", pixels.astype(np.uint8))
    images = tuple(mip / spec.OUTPUT_MAX for mip in load_material(tmp_path / "w").mip_chain())
    u, v = rng.integers(0, 1 << spec.POSITION_BITS, (2, 400))
    lod = rng.integers(0, LOD_STEPS * 3, 400)
    wrap = True, True
    wanted = [trilinear(images, *map(int, at), wrap) for at in zip(u, v, lod, strict=True)]
    errors = {}
    for filtering in ("texel", "filtered"):
        material = ntc.compress(tmp_path / "w", quick(backend, filtering))
        found = reference.decode_field(material.file.model, u, v, lod) / spec.OUTPUT_MAX
        errors[filtering] = float(np.square(found - wanted).mean())
    assert errors["filtered"] < 0.8 * errors["texel"]


def trilinear(images: Images, u: int, v: int, lod: int, wrap: Wrap) -> np.ndarray:
    mip, step = divmod(lod, LOD_STEPS)
    at = (Fraction(u, 1 << spec.POSITION_BITS), Fraction(v, 1 << spec.POSITION_BITS))
    fine = bilinear(images[mip], *at, wrap)
    return fine + (bilinear(images[mip + 1], *at, wrap) - fine) * (step / LOD_STEPS)


def test_files_say_what_they_were_fitted_for(backend: str, tmp_path: Path) -> None:
    put(tmp_path / "w" / "w_ao.png", waves(24, 16, 1))
    texel, filtered = (
        ntc.compress(tmp_path / "w", quick(backend, name, 1 << 14))
        for name in ("texel", "filtered")
    )
    assert container.read(filtered.data).metadata.fit.filtering == "filtered"
    text = texel.file.metadata.model_dump_json(exclude_defaults=True)
    assert "filtering" not in text, "files of texels are what they were before there was a choice"
    filtered.save(tmp_path / "f.ntc")
    settings = replace(ntc.api.intended_settings(tmp_path / "f.ntc"), texels=1 << 14, threads=1)
    assert settings.filtering == "filtered"
    assert ntc.api.convert(tmp_path / "f.ntc", settings).file.metadata.fit.filtering == "filtered"


def test_an_unknown_filtering_is_refused() -> None:
    with pytest.raises(UsageError, match="filtering `bicubic`: use texel or filtered"):
        ntc.Settings(filtering="bicubic")
