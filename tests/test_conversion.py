"""`ntc convert`: what a new model takes over from the old one, and where from."""

from dataclasses import replace
from pathlib import Path

import fits
import numpy as np
import pytest
from material_files import put
from small_materials import make_bricks, waves

import ntc
from ntc import api
from ntc.conversion import take_over
from ntc.decode import reference
from ntc.fit.backends import installed_backends, load_backend
from ntc.fit.encodings import LevelPlan
from ntc.fit.field import Field, quantize
from ntc.fit.plan import Plan
from ntc.fit.plan import make_plan as plan_encoding
from ntc.fit.problem import Problem
from ntc.fit.start import latent_bands
from ntc.format.layout import DENSE, Layout, stored_cells
from ntc.format.model import QuantizedModel, encoding_of

same = np.testing.assert_array_equal
STEP = 1 / 128  # of an input
CLOSE = 1.2 * STEP  # half a step for the code, half for the input, the rest for straight lines
SIMPLEX = Layout(simplex=True)
ENCODINGS = ("grid", "hash", "simplex")


def problem_of(plan: Plan) -> Problem:
    return Problem(plan, fits.noise_mips(plan, np.random.default_rng(3)), 4096, 5, 1)


def same_model(a: QuantizedModel, b: QuantizedModel) -> None:
    """Down to the last integer."""
    for one, other in zip(a.levels, b.levels, strict=True):
        same(one.words, other.words)
    for one, other in zip(a.layers, b.layers, strict=True):
        for name in ("weights", "biases", "shifts"):
            same(getattr(one, name), getattr(other, name), name)


@pytest.mark.parametrize("backend", ["native", "torch"])
@pytest.mark.parametrize("layout", fits.LAYOUTS)
def test_a_plan_of_the_same_shape_starts_where_the_old_model_is(layout: str, backend: str) -> None:
    """On the way through a fitter, too, which divides by the ranges of channels."""
    if backend not in installed_backends():
        pytest.skip(f"the {backend} backend is not installed")
    for seed in range(4):
        plan = fits.make_plan((29, 22), (True, seed % 2 == 0), layout=layout, seed=seed)
        old = quantize(fits.random_field(plan, np.random.default_rng(seed)), plan)
        problem = problem_of(plan)
        begin = take_over(old, problem)
        same_model(quantize(begin, plan), old)
        fitter = load_backend(backend)[0](replace(problem, begin=begin))
        same_model(quantize(fitter.field(), plan), old)


def test_weights_at_the_limit_survive_any_range_of_a_channel() -> None:
    """A fitter divides 127 by the range, and then multiplies again: that may be more than 127."""
    plan = fits.make_plan((8, 8), (True, True), channels=32)
    field = fits.random_field(plan, np.random.default_rng(0))
    field.weights[-1][:, 0] = 127 / 16
    old = quantize(field, plan)
    assert (old.layers[-1].weights[:, 0] == 127).all()
    problem = problem_of(plan)
    narrow = tuple(image // np.arange(1, 33, dtype=np.uint16) for image in problem.mips)
    begin = take_over(old, problem)
    fitter = load_backend("auto")[0](replace(problem, mips=narrow, begin=begin))
    same_model(quantize(fitter.field(), plan), old)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_fitted_model_starts_where_it_is(tmp_path: Path, encoding: str) -> None:
    folder = make_bricks(tmp_path / "b", 40, 30)
    settings = ntc.Settings(bpp=30, texels=1 << 15, threads=1, encoding=encoding)
    old = ntc.compress(folder, settings).file.model
    plan = plan_encoding(40, 30, old.channels, old.mips, 30, encoding=encoding)
    same_model(quantize(take_over(old, problem_of(plan)), plan), old)


def one_level(level: LevelPlan, wrap: tuple[bool, bool], hidden: tuple[int, ...] = (8,)) -> Plan:
    roles = np.zeros((1, 1), np.uint8)
    return Plan(128, 128, 1, wrap, (level,), roles, (level.features + 1, *hidden, 2))


def wave(u: np.ndarray, v: np.ndarray, wrap: tuple[bool, bool]) -> np.ndarray:
    """`[..., 2]` latents: smooth over the border where it wraps, flat at it where it does not."""
    pairs = zip((u, v), wrap, strict=True)
    angles = [2 * np.pi * t + 1 if wraps else np.pi * t for t, wraps in pairs]
    return 0.45 * np.stack([np.cos(angles[0]) + np.cos(angles[1]), np.cos(angles[1])], -1)


def centres(level: LevelPlan) -> tuple[np.ndarray, np.ndarray]:
    """`[h, w]` where cells lie, as fractions of the material."""
    y, x = np.mgrid[: level.height, : level.width]
    left = 0.5 * (y & 1) if level.layout.simplex else 0
    return (x + 0.5 - left) / level.width, (y + 0.5) / level.height


def wave_model(level: LevelPlan, wrap: tuple[bool, bool]) -> QuantizedModel:
    """A model whose latents are that wave, in 8 bits, with a decoder of noise."""
    plan = one_level(level, wrap)
    field = fits.random_field(plan, np.random.default_rng(0))
    values = wave(*centres(level), wrap)
    stored = np.zeros((*level.stored[::-1], 2), np.float32)
    y, x = np.mgrid[: level.height, : level.width]
    row, column = stored_cells(level.width, level.height, level.layout, y, x)
    stored[row[row >= 0], column[row >= 0]] = values[row >= 0]
    return quantize(Field((stored,), field.weights, field.biases), plan)


def taken(old: QuantizedModel, level: LevelPlan, wrap: tuple[bool, bool]) -> np.ndarray:
    """`[stored h, stored w, 2]` latents that a level starts with."""
    begin = take_over(old, problem_of(one_level(level, wrap)))
    assert begin is not None
    return begin.latents[0]


@pytest.mark.parametrize("wrap", [(True, True), (False, False), (True, False), (False, True)])
@pytest.mark.parametrize("old_layout", [DENSE, SIMPLEX], ids=["squares", "triangles"])
@pytest.mark.parametrize("layout", [DENSE, SIMPLEX], ids=["to squares", "to triangles"])
@pytest.mark.parametrize("size", [(37, 24), (111, 96), (96, 128), (1, 2), (3, 71)])
def test_features_are_read_where_the_new_cells_lie(
    size: tuple[int, int], layout: Layout, old_layout: Layout, wrap: tuple[bool, bool]
) -> None:
    if layout.simplex and wrap[1] and size[1] % 2:
        pytest.skip("rule L6")
    old = wave_model(LevelPlan(111, 96, 2, old_layout, 8), wrap)
    level = LevelPlan(*size, 2, layout, 8)
    u, v = centres(level)
    expected = wave(np.maximum(u, 0), v, wrap)
    np.testing.assert_allclose(taken(old, level, wrap), expected, rtol=0, atol=CLOSE)


@pytest.mark.parametrize("layout", [DENSE, SIMPLEX], ids=["squares", "triangles"])
def test_cells_in_the_same_places_are_read_alone(layout: Layout) -> None:
    """From a table to a dense level, whose cells lie where its own did: no neighbour mixes in."""
    rng = np.random.default_rng(1)
    table = LevelPlan(54, 30, 2, replace(layout, table_log2=7), 3)
    plan = one_level(table, (True, True))
    old = quantize(fits.random_field(plan, rng), plan)
    y, x = np.mgrid[:30, :54]
    row, column = stored_cells(54, 30, table.layout, y, x)
    exact = reference.latents(old.levels[0], row, column) / 128 / 128
    found = taken(old, LevelPlan(54, 30, 2, layout, 3), (True, True))
    np.testing.assert_allclose(found, exact, rtol=0, atol=STEP / 2 + 1e-6)


@pytest.mark.parametrize("block_log2", [0, 1, 3])
@pytest.mark.parametrize("simplex", [False, True])
def test_entries_of_a_table_are_the_mean_of_their_cells(block_log2: int, simplex: bool) -> None:
    old = wave_model(LevelPlan(111, 96, 2, DENSE, 8), (True, False))
    level = LevelPlan(75, 60, 2, Layout(simplex, 8, block_log2), 8)
    values = wave(*(np.maximum(axis, 0) for axis in centres(level)), (True, False))
    cells: dict[tuple[int, int], list[np.ndarray]] = {}
    for y, x in np.ndindex(60, 75):
        row, column = stored_cells(75, 60, level.layout, np.array(y), np.array(x))
        cells.setdefault((int(row), int(column)), []).append(values[y, x])
    found = taken(old, level, (True, False))
    assert max(map(len, cells.values())) > 4
    for place, those in cells.items():
        np.testing.assert_allclose(found[place], np.mean(those, 0), rtol=0, atol=CLOSE)


def test_entries_of_no_cell_stay_as_they_are() -> None:
    old = wave_model(LevelPlan(16, 16, 2, DENSE, 8), (True, True))
    level = LevelPlan(9, 9, 2, Layout(table_log2=10), 8)
    y, x = np.mgrid[:9, :9]
    used = np.zeros(level.stored[::-1], bool)
    used[stored_cells(9, 9, level.layout, y, x)] = True
    ((_, fresh),) = latent_bands(problem_of(one_level(level, (True, True))), 0)
    found = taken(old, level, (True, True))
    same(found[~used], fresh.reshape(found.shape)[~used])
    assert (np.abs(found[used]) > 0.1).any()


def test_masked_levels_are_zero_where_they_keep_nothing() -> None:
    mask = np.random.default_rng(2).random((24, 28)) < 0.5
    masked = LevelPlan(111, 96, 2, Layout(block_log2=2, mask=mask), 8)
    old = wave_model(masked, (False, False))
    level = LevelPlan(111, 96, 2, DENSE, 8)
    kept = mask.repeat(4, 0).repeat(4, 1)[:96, :111, None]
    expected = wave(*centres(level), (False, False)) * kept
    found = taken(old, level, (False, False))
    np.testing.assert_allclose(found, expected, rtol=0, atol=CLOSE)
    assert (found[~kept[..., 0]] == 0).all()


def test_a_new_mask_takes_what_it_keeps() -> None:
    mask = np.random.default_rng(2).random((24, 28)) < 0.5
    old = wave_model(LevelPlan(64, 64, 2, DENSE, 8), (False, False))
    level = LevelPlan(111, 96, 2, Layout(block_log2=2, mask=mask), 8)
    y, x = np.mgrid[:96, :111]
    row, column = stored_cells(111, 96, level.layout, y, x)
    expected = wave(*centres(level), (False, False))[row >= 0]
    found = taken(old, level, (False, False))[row[row >= 0], column[row >= 0]]
    np.testing.assert_allclose(found, expected, rtol=0, atol=CLOSE)


def test_levels_are_paired_by_size() -> None:
    """A new level finer than all old ones does not push them all one down."""
    wide = fits.make_plan((32, 32), (True, True), code_widths=[8])
    old_plan = replace(wide, levels=wide.levels[1:], roles=wide.roles[:, 1:])
    field = fits.random_field(wide, np.random.default_rng(0))
    old = quantize(Field(field.latents[1:], field.weights, field.biases), old_plan)
    problem = problem_of(wide)
    begin = take_over(old, problem)
    for ours, theirs in zip(quantize(begin, wide).levels[1:], old.levels, strict=True):
        same(ours.words, theirs.words)
    ((_, fresh),) = latent_bands(problem, 0)
    same(begin.latents[0].reshape(fresh.shape), fresh)


def test_the_weightier_features_are_taken_where_there_is_no_room_for_all() -> None:
    plan = one_level(LevelPlan(16, 16, 4, DENSE, 8), (True, True))
    field = fits.random_field(plan, np.random.default_rng(0))
    field.weights[0][:, :4] *= np.array([0.1, 1.0, 0.2, 2.0], np.float32)
    old = quantize(field, plan)
    begin = take_over(old, problem_of(one_level(LevelPlan(16, 16, 2, DENSE, 8), (True, True))))
    np.testing.assert_allclose(begin.latents[0], field.latents[0][..., [1, 3]], atol=CLOSE)
    np.testing.assert_allclose(begin.weights[0], field.weights[0][:, [1, 3, 4]], atol=0.05)


@pytest.mark.parametrize("hidden", [(), (9,), (8, 8)])
def test_nothing_is_taken_over_by_a_decoder_of_another_shape(hidden: tuple[int, ...]) -> None:
    level = LevelPlan(16, 16, 2, DENSE, 8)
    old = wave_model(level, (True, True))
    assert take_over(old, problem_of(one_level(level, (True, True)))) is not None
    assert take_over(old, problem_of(one_level(level, (True, True), hidden))) is None


def test_small_files_of_another_decoder_are_converted(tmp_path: Path) -> None:
    put(tmp_path / "w" / "w_ao.png", waves(64, 48, 3))
    made = ntc.Settings(bpp=12, texels=1 << 20, threads=1, encoding="grid")
    ntc.compress(tmp_path / "w", made).save(tmp_path / "w.ntc")
    new = ntc.convert(tmp_path / "w.ntc", replace(made, encoding="hash"))
    units = [
        [len(v.weights) for v in m.file.model.layers] for m in (new, ntc.open(tmp_path / "w.ntc"))
    ]
    assert units[0] != units[1]
    assert new.file.metadata.quality.psnr > 25


def test_new_features_weigh_nothing() -> None:
    plan = one_level(LevelPlan(16, 16, 2, DENSE, 8), (True, True))
    old = quantize(fits.random_field(plan, np.random.default_rng(0)), plan)
    wider = one_level(LevelPlan(16, 16, 5, DENSE, 8), (True, True))
    begin = take_over(old, problem_of(wider))
    assert begin is not None
    same(reference.decode(quantize(begin, wider)), reference.decode(old))


def test_levels_that_nothing_reads_are_passed_over() -> None:
    plan = fits.make_plan((16, 16), (True, True))
    old = quantize(fits.random_field(plan, np.random.default_rng(0)), plan)
    roles = old.roles.copy()
    roles[:, 1] = 255
    begin = take_over(replace(old, roles=roles), problem_of(plan))
    rest = [0, *range(2, len(plan.levels))]
    for i in rest:
        same(quantize(begin, plan).levels[i].words, old.levels[i].words)


def detailed(folder: Path) -> Path:
    """Waves with noise in a quarter of them, of a size that the whole decoder fits into."""
    image = waves(128, 96, 3)
    image[:48, :64] ^= np.random.default_rng(0).integers(0, 64, (48, 64, 3), np.uint8)
    put(folder / "d_albedo.png", image)
    return folder


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The detailed material in each encoding."""
    folder, files = tmp_path_factory.mktemp("fitted"), {}
    for encoding in ENCODINGS:
        settings = ntc.Settings(bpp=12, texels=1 << 20, threads=1, encoding=encoding)
        files[encoding] = folder / f"{encoding}.ntc"
        ntc.compress(detailed(folder / "d"), settings).save(files[encoding])
    return files


@pytest.mark.parametrize("old", ENCODINGS)
@pytest.mark.parametrize("new", ENCODINGS)
def test_a_warm_start_beats_a_cold_one(
    fitted: dict[str, Path], old: str, new: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By 3 to 5 dB between encodings when this was written."""
    settings = ntc.Settings(bpp=12, texels=20 << 14, threads=1, encoding=new)
    warm = ntc.convert(fitted[old], settings)
    monkeypatch.setattr("ntc.conversion.take_over", lambda *_: None)
    cold = ntc.convert(fitted[old], settings)
    psnrs = [m.file.metadata.quality.psnr for m in (warm, cold)]
    assert psnrs[0] > psnrs[1] + 2, psnrs
    assert encoding_of(warm.file.model) == new


def test_quality_is_told_against_what_the_old_file_gives(tmp_path: Path) -> None:
    settings = ntc.Settings(bpp=30, texels=1 << 18, threads=1)
    make_bricks(tmp_path / "b", 40, 30)
    old = ntc.compress(tmp_path / "b", settings)
    old.save(tmp_path / "b.ntc")
    new = ntc.convert(tmp_path / "b.ntc", replace(settings, encoding="grid"))
    new.save(tmp_path / "c.ntc")
    report = ntc.compare(tmp_path / "b.ntc", tmp_path / "c.ntc")
    quality, record = new.file.metadata.quality, new.file.metadata.fit
    assert quality.psnr == pytest.approx(report.psnr, abs=1e-3)
    assert quality.maps == pytest.approx(report.maps, abs=1e-3)
    assert record.settings["psnr_of_source"] == old.file.metadata.quality.psnr
    assert record.settings["converted_from"] == encoding_of(old.file.model)
    assert record.texels == (1 << 18) // 5


def test_a_material_of_constants(tmp_path: Path) -> None:
    put(tmp_path / "c" / "c_albedo.png", np.full((16, 16, 3), 77, np.uint8))
    ntc.compress(tmp_path / "c").save(tmp_path / "c.ntc")
    for encoding in ENCODINGS:
        new = ntc.convert(tmp_path / "c.ntc", ntc.Settings(encoding=encoding))
        assert new.file.metadata.quality.psnr is None
        assert new.file.metadata.fit.texels == 1  # nothing is fitted
        assert (new.decode()["albedo"] == 77).all()


def test_settings_are_those_that_a_file_was_made_with(tmp_path: Path) -> None:
    put(tmp_path / "w" / "w_ao.png", waves(24, 16, 1))
    made = ntc.Settings(bpp=33, profile="light", texels=4096, threads=1)
    material = ntc.compress(tmp_path / "w", made)
    material.save(tmp_path / "w.ntc")
    intended = api.intended_settings(tmp_path / "w.ntc")
    assert (intended.bpp, intended.profile) == (33, "light")
    for said in ({}, {"bpp": "many", "profile": 7}, {"bpp": 1e9, "profile": "heroic"}):
        fit = material.file.metadata.fit.model_copy(update={"settings": said})
        metadata = material.file.metadata.model_copy(update={"fit": fit})
        data = ntc.format.container.write(replace(material.file, metadata=metadata))
        (tmp_path / "w.ntc").write_bytes(data)
        intended = api.intended_settings(tmp_path / "w.ntc")
        bpp = 8 * len(data) / (24 * 16)
        expected = min(said.get("bpp", 0), 64) if said.get("bpp") == 1e9 else min(bpp, 64)
        assert (intended.bpp, intended.profile) == (expected, "standard")
