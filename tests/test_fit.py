"""A fit from images to a file, with every backend that is installed."""

from pathlib import Path

import numpy as np
import pytest
from material_files import put
from small_materials import make_bricks, waves

import ntc
from ntc.fit.backends import installed_backends
from ntc.fit.presets import Recipe
from ntc.fit.problem import Progress


@pytest.fixture(params=["torch", "native"])
def backend(request: pytest.FixtureRequest) -> str:
    if request.param not in installed_backends():
        pytest.skip(f"the {request.param} backend is not installed")
    return str(request.param)


def quick(backend: str, texels: int, **options: object) -> ntc.Settings:
    options = {"encoding": "grid"} | options
    return ntc.Settings(backend=backend, texels=texels, threads=1, **options)


def test_progress_ends_at_the_total(backend: str, tmp_path: Path) -> None:
    seen: list[Progress] = []
    batch = Recipe().batch_texels
    folder = make_bricks(tmp_path / "b")
    ntc.compress(folder, quick(backend, 5 * batch, bpp=40), on_progress=seen.append)
    assert [progress.texels for progress in seen] == [i * batch for i in range(1, 6)]
    assert seen[-1].texels == seen[-1].total


def test_same_seed_same_bytes(backend: str, tmp_path: Path) -> None:
    folder = make_bricks(tmp_path / "b", 40, 30)
    first = ntc.compress(folder, quick(backend, 1 << 16, bpp=20)).data
    assert ntc.compress(folder, quick(backend, 1 << 16, bpp=20)).data == first
    assert ntc.compress(folder, quick(backend, 1 << 16, bpp=20, seed=1)).data != first


@pytest.mark.parametrize(
    ("encoding", "wrap"),
    [
        ("grid", (True, True)),
        ("grid", (False, False)),
        ("grid", (True, False)),
        ("hash", (True, True)),
        ("simplex", (False, True)),
    ],
)
def test_a_short_fit_is_good(
    backend: str, tmp_path: Path, encoding: str, wrap: tuple[bool, bool]
) -> None:
    put(tmp_path / "w" / "w_albedo.png", waves(64, 48, 3))
    settings = quick(backend, 1 << 19, bpp=12, wrap=wrap, encoding=encoding)
    material = ntc.compress(tmp_path / "w", settings)
    psnr = material.file.metadata.quality.psnr
    assert psnr is not None
    assert psnr > 31.5  # 33 to 35 dB when this was written
    assert material.bpp <= 12.24


def test_coarse_mips_are_fitted_too(backend: str, tmp_path: Path) -> None:
    put(tmp_path / "w" / "w_ao.png", waves(64, 48, 1))
    material = ntc.compress(tmp_path / "w", quick(backend, 1 << 19, bpp=12))
    half = waves(64, 48, 1).reshape(24, 2, 32, 2).mean(axis=(1, 3))
    error = np.abs(material.decode(1)["ao"][:, :, 0] - half).mean()
    assert error < 12
    assert abs(float(material.decode(6)["ao"].mean()) - 127.5) < 25


def test_material_of_constants(backend: str, tmp_path: Path) -> None:
    put(tmp_path / "c" / "c_albedo.png", np.full((16, 16, 3), 77, np.uint8))
    put(tmp_path / "c" / "c_height.exr", np.full((16, 16, 1), 3.25, np.float16))
    seen: list[Progress] = []
    material = ntc.compress(tmp_path / "c", quick(backend, 0), on_progress=seen.append)
    assert material.file.metadata.quality.psnr is None
    assert np.isfinite([progress.psnr for progress in seen]).all()
    maps = material.decode()
    assert (maps["albedo"] == 77).all()
    assert (maps["height"] == 3.25).all()
    assert maps["height"].dtype == np.float16
    material.save(tmp_path / "c.ntc")
    assert ntc.compare(tmp_path / "c", tmp_path / "c.ntc").equal
    assert ntc.compress(tmp_path / "c", quick(backend, 0)).data == material.data


def test_material_of_one_texel(backend: str, tmp_path: Path) -> None:
    put(tmp_path / "o" / "o_albedo.png", np.array([[[10, 128, 250]]], np.uint8))
    put(tmp_path / "o" / "o_normal_gl.png", np.array([[[128, 127, 255]]], np.uint8))
    material = ntc.compress(tmp_path / "o", quick(backend, 1 << 14))
    assert material.size == (1, 1)
    np.testing.assert_array_equal(material.decode()["albedo"], [[[10, 128, 250]]])


@pytest.mark.parametrize("size", [(1, 7), (9, 1), (3, 5)])
def test_tiny_materials_that_vary(backend: str, tmp_path: Path, size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)
    put(tmp_path / "t" / "t_albedo.png", pixels)
    material = ntc.compress(tmp_path / "t", quick(backend, 1 << 14))
    assert material.decode()["albedo"].shape == (*size, 3)


def test_31_channels(backend: str, tmp_path: Path) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (8, 31, 24, 20, 1), np.uint8)[0]
    for index, image in enumerate(pixels):
        put(tmp_path / "m" / f"thing_{index:02}.png", image)
    material = ntc.compress(tmp_path / "m", quick(backend, 1 << 14, bpp=64))
    assert material.file.model.channels == 31
    assert len(material.decode()) == 31
