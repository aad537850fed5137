"""Plans: budgets are met, costs stay below the profile's, roles are legal."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from fits import random_field

from ntc.errors import UsageError
from ntc.fit.encodings import ENCODINGS
from ntc.fit.field import quantize
from ntc.fit.loop import patient, rates
from ntc.fit.plan import TILE_LOG2, Plan, make_plan
from ntc.fit.presets import EFFORTS, PROFILES, Recipe, texels_to_fit
from ntc.fit.sampling import mip_shares
from ntc.format import container, spec
from ntc.format.container import NtcFile
from ntc.format.metadata import (
    Channel,
    ColorSpace,
    FitRecord,
    MapRecord,
    Metadata,
    Quality,
    Sample,
    Semantic,
)
from ntc.format.model import tile_grid, tile_words
from ntc.format.sections import network_size
from ntc.format.validate import check_roles

SIZES = [(1, 1), (3, 5), (5, 3), (64, 64), (100, 37), (256, 256), (512, 64), (1024, 669)]
LARGE = [(2048, 2048), (4096, 1024), (16384, 512), (16384, 16384)]
SMALLEST = (2, 16, 16)  # features and units below which a plan does not go


def full_plan(
    size: tuple[int, int],
    channels: int,
    bpp: float,
    profile: str = "standard",
    encoding: str = "grid",
) -> Plan:
    mips = spec.full_mip_count(*size)
    return make_plan(*size, channels, mips, bpp, profile=profile, encoding=encoding)


def is_smallest(plan: Plan) -> bool:
    """As little as the encoding can: tables of 2^8 cells, or one level."""
    units = plan.widths[1:-1] == SMALLEST[1:]
    tables = all(level.layout.table_log2 == 8 for level in plan.levels[:-2])
    return units and all(level.features == 2 for level in plan.levels) and tables


def metadata(plan: Plan) -> Metadata:
    """What a material of maps with three channels each says about itself."""
    maps = [
        MapRecord(
            name=f"albedo_{first}",
            file=f"material_albedo_{first}.png",
            semantic=Semantic.ALBEDO,
            color_space=ColorSpace.SRGB,
            sample=Sample.UINT8,
            width=plan.width,
            height=plan.height,
            channels=tuple(
                Channel(meaning=f"albedo.{i}", output=i)
                for i in range(first, min(first + 3, plan.widths[-1]))
            ),
        )
        for first in range(0, plan.widths[-1], 3)
    ]
    fit = FitRecord(backend="torch", effort="medium", seed=0, texels=1, settings={"bpp": 5.0})
    quality = Quality(psnr=31.234, maps={record.name: 31.234 for record in maps})
    return Metadata(name="m", maps=tuple(maps), fit=fit, quality=quality, generator="ntc 0.1.0")


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("channels", [1, 9, 31])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_files_keep_within_their_budget(
    size: tuple[int, int], channels: int, encoding: str, rng: np.random.Generator
) -> None:
    for bpp in (0.5, 2.0, 5.0):
        plan = full_plan(size, channels, bpp, encoding=encoding)
        file = NtcFile(quantize(random_field(plan, rng), plan), metadata(plan))
        budget = bpp * size[0] * size[1] / 8
        assert len(container.write(file)) <= 1.02 * budget or is_smallest(plan)


@pytest.mark.parametrize("size", LARGE, ids=str)
@pytest.mark.parametrize("channels", [1, 9, 31])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_large_plans_use_their_budget(size: tuple[int, int], channels: int, encoding: str) -> None:
    for bpp in (0.5, 2.0, 5.0, 12.0):
        plan = full_plan(size, channels, bpp, encoding=encoding)
        words = sum(level_words(plan, index) for index in range(len(plan.levels)))
        used = 4 * words + network_size(plan.widths)
        largest = any(lv.layout.table_log2 == spec.TABLE_LOG2_RANGE[1] for lv in plan.levels)
        assert 0.9 <= used / (bpp * size[0] * size[1] / 8) or largest
        assert used / (bpp * size[0] * size[1] / 8) <= 1.02


def level_words(plan: Plan, index: int) -> int:
    level = plan.levels[index]
    codes = np.full(tile_grid(*level.stored, TILE_LOG2), level.code_width, np.uint8)
    return int(tile_words(*level.stored, level.features, TILE_LOG2, codes).sum())


@pytest.mark.parametrize("profile", PROFILES)
def test_decoders_cost_what_their_profile_allows(profile: str) -> None:
    most = PROFILES[profile].max_macs or 1 << 30
    for size in ((1, 1), (512, 512), (1024, 669), (4096, 4096), (16384, 16384)):
        for channels in (1, 9, 32):
            for bpp in (0.5, 5.0, 40.0):
                plan = full_plan(size, channels, bpp, profile)
                assert plan.macs == sum(a * b for a, b in pairwise(plan.widths))
                if profile != "bilinear":
                    assert plan.macs <= most
                assert max(plan.widths) <= spec.MAX_WIDTH


@pytest.mark.parametrize("size", [*SIZES, (16384, 1), (1, 16384), (2048, 2048)], ids=str)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_roles_are_legal(size: tuple[int, int], encoding: str, rng: np.random.Generator) -> None:
    plan = full_plan(size, 3, 0.5, encoding=encoding)
    if size[0] * size[1] < 1 << 21:
        check_roles(quantize(random_field(plan, rng), plan))
    read = plan.roles != spec.NOT_READ
    assert read[:, -1].all()
    assert read[0].all(), "every level is read by some mip"
    for fewer, more in pairwise(read[::-1]):
        assert (more >= fewer).all(), "a finer mip reads whatever a coarser one does"
    assert plan.roles.shape == (spec.full_mip_count(*size), len(plan.levels))
    assert len(plan.levels) <= spec.MAX_LEVELS


def test_mips_read_levels_up_to_twice_their_size() -> None:
    plan = full_plan((1024, 669), 9, 12.0)
    for mip, roles in enumerate(plan.roles):
        width, height = spec.mip_size(1024, 669, mip)
        for level, role in zip(plan.levels[:-1], roles[:-1], strict=True):
            if level.width <= 2 * width + 1 and level.height <= 2 * height + 1:
                assert role != spec.NOT_READ
            if level.width >= 4 * width and width > 1:
                assert role == spec.NOT_READ


def test_a_mip_alone_has_one_row_of_roles() -> None:
    assert len(make_plan(64, 64, 3, 1, 5.0).roles) == 1


def test_more_bits_never_buy_less() -> None:
    features = [
        sum(level.bits for level in full_plan((512, 512), 9, bpp).levels)
        for bpp in (0.25, 0.5, 1, 2, 3, 4, 5, 8, 12)
    ]
    assert features == sorted(features)


def test_efforts_grow_and_areas_count_by_their_root() -> None:
    texels = [texels_to_fit(effort, 1024, 1024) for effort in EFFORTS]
    assert all(4 * a == b for a, b in pairwise(texels))
    assert texels_to_fit("fast", 2048, 2048) == 2 * texels_to_fit("fast", 1024, 1024)


def test_rates_end_with_a_live_decoder() -> None:
    recipe = Recipe()
    latent, decoder, _ = zip(*(rates(step / 100, recipe) for step in range(100)), strict=True)
    assert (latent[0], decoder[0]) == (recipe.latent_rate, recipe.decoder_rate)
    assert all(rate == 0 for rate in latent[90:])
    assert all(rate > 0 for rate in latent[:90])
    assert all(rate > 0 for rate in decoder)
    assert list(latent) == sorted(latent, reverse=True)


def test_noise_shrinks_until_latents_freeze() -> None:
    for last in (0.0, 0.4, 1.0):
        recipe = Recipe(last_noise=last)
        noise = [rates(step / 100, recipe)[2] for step in range(100)]
        np.testing.assert_allclose(noise[:90], np.interp(np.arange(90), [0, 90], [1, last]))
        assert not any(noise[90:])


def test_shares_move_from_coarse_mips_to_their_areas() -> None:
    plan = full_plan((512, 512), 9, 2.5)
    shares = [mip_shares(plan, done) for done in (0.0, 0.5, 1.0)]
    for each in shares:
        assert each.sum() == pytest.approx(1)
        assert all(a >= b for a, b in pairwise(each))
        assert each[-1] == pytest.approx(each[0] / 32)
    assert shares[0][1] / shares[0][0] == pytest.approx(0.25**0.3)
    assert shares[2][1] / shares[2][0] == pytest.approx(0.25)
    assert shares[0][0] < shares[1][0] < shares[2][0]


def test_the_decoder_of_a_longer_fit_takes_smaller_steps() -> None:
    recipe = Recipe()
    for steps in (1, recipe.steady_steps):
        assert patient(recipe, steps) == recipe
    longer = patient(recipe, 4 * recipe.steady_steps)
    assert longer == replace(recipe, decoder_rate=recipe.decoder_rate / 2)


def test_unknown_backends_are_named() -> None:
    from ntc.fit.backends import load_backend

    with pytest.raises(UsageError, match="abacus"):
        load_backend("abacus")
