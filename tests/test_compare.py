"""`compare`: folders, images and `.ntc` files in every combination."""

from pathlib import Path

import numpy as np
import pytest
from material_files import put
from small_materials import make_bricks, waves

import ntc
from ntc.texture import read_image

MAPS = {"albedo", "normal", "height", "ao"}


@pytest.fixture
def originals(small_file: Path) -> Path:
    return small_file.parent / "bricks"


def test_agrees_with_what_compress_measured(small_file: Path, originals: Path) -> None:
    found = ntc.compare(originals, small_file)
    stored = ntc.open(small_file).file.metadata.quality
    assert found.psnr == pytest.approx(stored.psnr, abs=0.002)
    assert set(found.maps) == MAPS
    for name, psnr in stored.maps.items():
        assert found.maps[name] == (None if psnr is None else pytest.approx(psnr, abs=0.002))
    assert not found.equal


def test_two_images_need_not_share_a_name(originals: Path, tmp_path: Path) -> None:
    image = originals / "bricks_albedo.png"
    put(tmp_path / "other.png", read_image(image))
    found = ntc.compare(image, tmp_path / "other.png")
    assert found.equal
    assert found.maps == {"albedo": None}
    with pytest.raises(ntc.InputError, match=r"no map like `bricks_albedo\.png`"):
        ntc.compare(originals, tmp_path / "other.png")
    with pytest.raises(ntc.InputError, match=r"has 1 channels, `bricks_albedo\.png` of .* has 4"):
        ntc.compare(image, originals / "bricks_ao.tif")


def test_agrees_with_the_written_images(small_file: Path, originals: Path, tmp_path: Path) -> None:
    ntc.decompress(small_file, tmp_path / "out")
    found = ntc.compare(originals, tmp_path / "out")
    assert found.psnr == pytest.approx(ntc.compare(originals, small_file).psnr, abs=0.05)


def test_psnr_of_written_images_by_hand(small_file: Path, originals: Path, tmp_path: Path) -> None:
    ntc.decompress(small_file, tmp_path)
    errors = []
    for name in ("bricks_albedo.png", "bricks_normal_gl.png", "bricks_height.png"):
        a, b = read_image(originals / name), read_image(tmp_path / name)
        top = np.iinfo(a.dtype).max
        errors += list(((a / top - b / top) ** 2).mean(axis=(0, 1)))
    psnr = -10 * np.log10(np.mean(errors))
    assert ntc.open(small_file).file.metadata.quality.psnr == pytest.approx(psnr, abs=0.05)


def test_a_file_equals_what_it_decodes_to(
    small_file: Path, originals: Path, tmp_path: Path
) -> None:
    ntc.decompress(small_file, tmp_path)
    assert ntc.compare(small_file, tmp_path).equal
    assert ntc.compare(tmp_path, small_file).equal
    assert ntc.compare(small_file, small_file).equal
    itself = ntc.compare(originals, originals)
    assert itself.equal
    assert itself.psnr is None
    assert itself.normal_degrees == {"normal": (0, 0)}
    pixels = read_image(tmp_path / "bricks_height.png").copy()
    pixels[3, 3] ^= 1
    put(tmp_path / "bricks_height.png", pixels)
    assert not ntc.compare(small_file, tmp_path).equal


@pytest.mark.parametrize("value", [100, 201])
def test_a_constant_that_differs_counts(originals: Path, tmp_path: Path, value: int) -> None:
    make_bricks(tmp_path)
    pixels = np.full((16, 24, 1), value, np.uint8)
    pixels[0, 0] = value if value == 100 else 200
    put(tmp_path / "bricks_ao.tif", pixels)
    found = ntc.compare(originals, tmp_path)
    assert not found.equal
    error = np.mean((pixels / 255 - 200 / 255) ** 2)
    assert found.maps["ao"] == pytest.approx(-10 * np.log10(error), abs=1e-3)
    assert found.maps["albedo"] is None
    backwards = ntc.compare(tmp_path, originals)
    assert backwards.maps["ao"] == pytest.approx(found.maps["ao"], abs=1e-3)


def test_shared_channels_are_compared_each(tmp_path: Path) -> None:
    """A stores one channel for two maps; B has another image for one of them."""
    grey = waves(24, 16, 1)
    for folder in ("a", "b"):
        put(tmp_path / folder / "x_roughness.png", grey)
        put(tmp_path / folder / "x_cavity.png", grey)
    put(tmp_path / "b" / "x_roughness.png", grey // 2)
    found = ntc.compare(tmp_path / "a", tmp_path / "b")
    assert not found.equal
    assert found.maps["cavity"] is None
    assert found.maps["roughness"] is not None


def test_sample_types_may_differ(tmp_path: Path) -> None:
    grey = waves(24, 16, 1)
    put(tmp_path / "a" / "x_height.png", grey)
    put(tmp_path / "b" / "x_height.png", grey.astype(np.uint16) * 257)
    assert ntc.compare(tmp_path / "a", tmp_path / "b").psnr is None
    put(tmp_path / "c" / "x_height.exr", grey.astype(np.float32) / 255 * 4)
    put(tmp_path / "d" / "x_height.exr", np.full((16, 24, 1), 1.5, np.float32))
    assert ntc.compare(tmp_path / "c", tmp_path / "c").equal
    far = ntc.compare(tmp_path / "c", tmp_path / "d")
    high = grey.max() / 255
    error = np.mean((grey / 255 / high - 1.5 / 4 / high) ** 2)
    assert far.psnr == pytest.approx(-10 * np.log10(error), abs=0.01)


def test_conventions_of_normals_may_differ(tmp_path: Path) -> None:
    pixels = waves(24, 16, 3)
    put(tmp_path / "a" / "x_normal_gl.png", pixels)
    pixels[..., 1] = 255 - pixels[..., 1]
    put(tmp_path / "b" / "x_normal_dx.png", pixels)
    assert ntc.compare(tmp_path / "a", tmp_path / "b").equal


def test_single_images(tmp_path: Path) -> None:
    a, b = tmp_path / "x_ao.png", tmp_path / "y_ao.png"
    put(a, waves(24, 16, 1))
    put(b, waves(24, 16, 1) + np.uint8(1))
    found = ntc.compare(a, b)
    assert found.maps == {"ao": pytest.approx(-20 * np.log10(1 / 255), abs=1e-3)}


def test_what_cannot_be_compared(originals: Path, tmp_path: Path) -> None:
    make_bricks(tmp_path / "bigger", 32, 16)
    with pytest.raises(ntc.InputError, match=r"24x16.*32x16"):
        ntc.compare(originals, tmp_path / "bigger")
    put(tmp_path / "less" / "bricks_albedo.png", waves(24, 16, 4))
    with pytest.raises(ntc.InputError, match="has no map like"):
        ntc.compare(originals, tmp_path / "less")
    assert ntc.compare(tmp_path / "less", originals).equal
