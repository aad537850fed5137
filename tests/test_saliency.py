"""Pruning: budgets are met, and blocks stay where there is detail."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import Commands
from material_files import put
from small_materials import waves

import ntc
from ntc import api, reports
from ntc.errors import UsageError
from ntc.fit import saliency
from ntc.fit.plan import Plan, make_plan
from ntc.fit.saliency import _energies, entries, pruned
from ntc.format import spec
from ntc.format.layout import DENSE

Rng = np.random.Generator
SIZES = [(64, 64), (100, 72), (256, 33), (129, 129)]


def noise(width: int, height: int, rng: Rng) -> list[np.ndarray]:
    """Mips of independent noise: every block of every level has something to add."""
    sizes = [spec.mip_size(width, height, m) for m in range(spec.full_mip_count(width, height))]
    return [rng.integers(0, 1 << 16, (h, w, 3)).astype(np.uint16) for w, h in sizes]


def halved(image: np.ndarray) -> list[np.ndarray]:
    """Mips of a square of 2**n texels a side, by averages."""
    mips = [image]
    while len(mips[-1]) > 1:
        half = len(mips[-1]) // 2
        mips.append(mips[-1].reshape(half, 2, half, 2, -1).mean((1, 3)).astype(np.uint16))
    return mips


def some_plan(size: tuple[int, int], encoding: str = "hash", bpp: float = 12.0) -> Plan:
    return make_plan(*size, 3, spec.full_mip_count(*size), bpp, encoding=encoding)


def masks(plan: Plan) -> list[np.ndarray | None]:
    return [level.layout.mask for level in plan.levels]


@pytest.mark.parametrize("keep", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("encoding", ["hash", "simplex"])
@pytest.mark.parametrize("size", SIZES)
def test_the_budget_is_met(size: tuple[int, int], encoding: str, keep: float, rng: Rng) -> None:
    plan = some_plan(size, encoding)
    less = pruned(plan, noise(*size, rng), keep, lambda: None)
    assert entries(less) <= keep * entries(plan)
    # Levels that keep all their blocks store fewer cells than those blocks have.
    slack = sum(4 * (v.width + v.height) for v in less.levels if v.layout.mask is None)
    assert entries(less) > keep * entries(plan) - 16 - slack
    assert less.levels[-1] is plan.levels[-1]
    assert [v.features for v in less.levels] == [v.features for v in plan.levels]
    assert [v.layout.simplex for v in less.levels] == [v.layout.simplex for v in plan.levels]
    assert not any(v.layout.table_log2 for v in less.levels)
    assert any(mask is not None for mask in masks(less))


def test_masks_are_the_same_each_time(rng: Rng) -> None:
    plan, images = some_plan((64, 64)), noise(64, 64, rng)
    first, again = (pruned(plan, images, 0.5, lambda: None) for _ in range(2))
    for one, other in zip(masks(first), masks(again), strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_empty_half_keeps_no_block(rng: Rng) -> None:
    image = np.full((64, 64, 3), 20000, np.uint16)
    image[:, :32] = rng.integers(0, 1 << 16, (64, 32, 3))
    less = pruned(some_plan((64, 64)), halved(image), 0.9, lambda: None)
    for level in less.levels[:2]:
        mask = level.layout.mask
        assert mask is not None
        # A block beyond the border has something to take back from what is interpolated over it.
        assert not mask[:, mask.shape[1] // 2 + 1 :].any()
        assert np.count_nonzero(mask) > 1


def test_without_detail_each_level_keeps_one_block() -> None:
    image = np.full((64, 64, 3), 20000, np.uint16)
    less = pruned(some_plan((64, 64)), halved(image), 0.9, lambda: None)
    kept = [mask for mask in masks(less) if mask is not None]
    assert kept
    assert all(np.count_nonzero(mask) == 1 for mask in kept)


@pytest.mark.parametrize("rows", [3, 8])  # of a band: blocks lie in two, or the image in one
def test_energy_is_squared_detail_of_each_block(
    monkeypatch: pytest.MonkeyPatch, rng: Rng, rows: int
) -> None:
    bands = [slice(y, min(y + rows, 8)) for y in range(0, 8, rows)]
    monkeypatch.setattr(saliency, "bands_of", lambda height, width: bands)
    level = replace(some_plan((16, 8)).levels[0], width=16, height=8, layout=DENSE)
    image = rng.integers(0, 1 << 16, (8, 16, 2)).astype(np.uint16)
    energies = _energies(level, 2, image, np.full((4, 8, 2), 1000, np.uint16), lambda: None)
    squares = (image.astype(float) - 1000) ** 2
    wanted = [[squares[y : y + 4, x : x + 4].sum() for x in (0, 4, 8, 12)] for y in (0, 4)]
    np.testing.assert_allclose(energies, np.array(wanted) / (8 * 16), rtol=1e-5)


def test_gradients_are_no_detail() -> None:
    level = replace(some_plan((32, 32)).levels[0], width=32, height=32, layout=DENSE)
    y, x = np.mgrid[:32, :32]
    ramp = (1000 * x + 500 * y)[:, :, None].astype(np.uint16)
    energies = _energies(level, 2, ramp, halved(ramp)[1], lambda: None)
    np.testing.assert_allclose(energies[1:-1, 1:-1], 0, atol=1e-3)
    assert (energies[0] > 0).all()


def test_small_materials_keep_a_block_of_each_level(rng: Rng) -> None:
    plan = some_plan((24, 16), bpp=100)
    less = pruned(plan, noise(24, 16, rng), 0.1, lambda: None)
    kept = [np.count_nonzero(mask) for mask in masks(less) if mask is not None]
    assert len(kept) >= 2
    assert min(kept) >= 1


def test_one_texel_is_not_pruned(rng: Rng) -> None:
    plan = some_plan((1, 1))
    assert pruned(plan, noise(1, 1, rng), 0.1, lambda: None).levels == plan.levels


def test_grid_is_not_pruned() -> None:
    assert ntc.Settings().encodings == ("grid", "hash")
    assert ntc.Settings(keep=0.5).encodings == ("hash",)
    with pytest.raises(UsageError, match=r"keep 0\.5: encoding `grid`"):
        ntc.Settings(keep=0.5, encoding="grid")


@pytest.mark.parametrize("keep", [0.0, 1.1, math.nan])
def test_parts_that_can_be_kept(keep: float) -> None:
    with pytest.raises(UsageError, match="keep"):
        ntc.Settings(keep=keep)


@pytest.fixture
def nearly_empty(tmp_path: Path) -> Path:
    """A material of 64 x 64 texels with nothing in the right seven eighths of it."""
    pixels = waves(64, 64, 3)
    pixels[:, ::2] //= 2
    pixels[:, 8:] = 90
    put(tmp_path / "empty" / "empty_albedo.png", pixels)
    return tmp_path / "empty"


@pytest.mark.parametrize("mips", ["all", "none"])
@pytest.mark.parametrize("encoding", ["hash", "simplex"])
def test_pruned_files(
    commands: Commands, nearly_empty: Path, tmp_path: Path, encoding: str, mips: str
) -> None:
    file = tmp_path / "empty.ntc"
    options = ("--bpp", "12", "--encoding", encoding, "--mips", mips)
    plan = commands("compress", nearly_empty, *options, "--keep", "0.5", "--dry-run", "--json")
    planned = reports.DryRunReport.model_validate_json(plan.out).encodings[encoding]
    ended = commands("compress", nearly_empty, "-o", file, *options, "--keep", "0.5", "--texels",
                     "300000", "--verify")  # fmt: skip
    assert ended.code == 0, ended.err
    report = api.info(file)
    assert report.fit.settings["keep"] == 0.5
    assert report.encoding == encoding
    assert [v.stored_cells for v in report.levels] == [v.stored_cells for v in planned.levels]
    finest = report.levels[0].kept_blocks
    assert finest is not None
    assert 0 < finest <= 3 / 16
    assert f"{finest:.1%} of blocks" in commands("info", file).out
    assert report.psnr is not None
    assert report.psnr > 27
