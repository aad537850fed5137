"""The sample materials are what tools/make_assets.py makes, and are well formed."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))
make_assets = importlib.import_module("make_assets")

MATERIALS = list(make_assets.MATERIALS)


def stored(material: str, role: str) -> np.ndarray:
    """The codes of one committed map, [h, w] or [h, w, c]."""
    return make_assets.read_png(make_assets.map_path(make_assets.ASSETS, material, role))


def test_cloth_is_what_the_tool_makes() -> None:
    assert make_assets.stale(make_assets.ASSETS, "woven_cloth") == []


def test_writing_twice_gives_equal_bytes(tmp_path: Path) -> None:
    pixels = stored("leaf_atlas", "albedo")
    for name in ("a.png", "b.png"):
        make_assets.write_png(tmp_path / name, pixels)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert np.array_equal(make_assets.read_png(tmp_path / "a.png"), pixels)


def test_a_changed_map_is_seen() -> None:
    pixels = stored("brick_wall", "roughness")
    changed = pixels.copy()
    changed[:64] ^= 1
    assert make_assets.same(pixels, pixels.copy())
    assert not make_assets.same(pixels, changed)
    assert not make_assets.same(pixels, pixels.astype(np.uint16))


def test_assets_stay_small() -> None:
    total = sum(path.stat().st_size for path in make_assets.ASSETS.rglob("*") if path.is_file())
    assert total < 6e6


@pytest.mark.parametrize("material", MATERIALS)
def test_maps_are_square_and_licensed(material: str) -> None:
    folder = make_assets.ASSETS / material
    assert "CC0" in (folder / "LICENSE").read_text(encoding="utf-8")
    paths = sorted(folder.glob("*.png"))
    assert len(paths) >= 3
    for path in paths:
        assert make_assets.read_png(path).shape[:2] == (512, 512)


@pytest.mark.parametrize("material", MATERIALS)
def test_normals_are_unit_and_face_out(material: str) -> None:
    normal = (stored(material, "normal").astype(float) - 128.0) / 127.0
    assert np.abs(np.linalg.norm(normal, axis=-1) - 1.0).max() < np.sqrt(3.0) * 0.5 / 127.0 + 1e-6
    assert normal[..., 2].min() > 0.0


@pytest.mark.parametrize("material", ["brick_wall", "woven_cloth"])
def test_height_is_16_bit_and_agrees_with_the_normals(material: str) -> None:
    height = stored(material, "height")
    assert height.dtype == np.uint16
    assert height.ndim == 2
    assert (height.min(), height.max()) == (0, 65535)
    level = height.astype(float)
    normal = stored(material, "normal").astype(float) - 128.0
    rise_x = np.roll(level, -1, 1) - np.roll(level, 1, 1)
    rise_up = np.roll(level, 1, 0) - np.roll(level, -1, 0)
    for rise, axis in ((rise_x, 0), (rise_up, 1)):
        slope = -normal[..., axis] / normal[..., 2]
        assert np.corrcoef(rise.ravel(), slope.ravel())[0, 1] > 0.99


def test_alpha_is_binary_and_leaves_empty_space() -> None:
    albedo = stored("leaf_atlas", "albedo")
    assert albedo.shape[-1] == 4
    assert set(np.unique(albedo[..., 3])) == {0, 255}
    assert 0.15 < np.mean(albedo[..., 3] == 255) < 0.7


def test_no_leaf_is_cut_by_the_border() -> None:
    alpha = stored("leaf_atlas", "albedo")[..., 3]
    for edge in (alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]):
        assert not edge.any()
