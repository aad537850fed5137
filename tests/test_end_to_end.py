"""The main job on a material of assets/, and on the real ones: images, one `.ntc`, images again."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import ntc
from ntc.texture import read_image

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def leaf(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict, Path]:
    """A leaf atlas with alpha: its `.ntc`, what `compress --json` said, and the images again."""
    folder = tmp_path_factory.mktemp("leaf")
    file, images = folder / "leaf.ntc", folder / "images"
    source = ROOT / "assets" / "leaf_atlas"
    options = ["--texels", "500000", "--threads", "1", "--json", "--verify", "-q"]
    report = run("compress", str(source), "-o", str(file), *options)
    run("decompress", str(file), "-o", str(images))
    return file, json.loads(report), images


def run(*arguments: str) -> str:
    ended = subprocess.run(
        [sys.executable, "-m", "ntc", *arguments], capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_every_map_comes_back(leaf: tuple[Path, dict, Path]) -> None:
    _, report, images = leaf
    originals = {p.name: p for p in (ROOT / "assets" / "leaf_atlas").glob("*.png")}
    assert {path.name for path in images.iterdir()} == set(originals)
    for name, path in originals.items():
        original, ours = read_image(path), read_image(images / name)
        assert (ours.shape, ours.dtype) == (original.shape, original.dtype)
    assert read_image(images / "leaf_atlas_albedo.png").shape[2] == 4, "alpha included"
    assert report["bpp"] <= 5.1
    assert report["bytes"] == leaf[0].stat().st_size


def test_reported_quality_is_that_of_the_images(leaf: tuple[Path, dict, Path]) -> None:
    _, report, images = leaf
    errors = {}
    for path in (ROOT / "assets" / "leaf_atlas").glob("*.png"):
        difference = (read_image(path) - read_image(images / path.name).astype(float)) / 255
        errors[path.name] = (difference**2).mean(axis=(0, 1))
    psnr = -10 * np.log10(np.concatenate(list(errors.values())).mean())
    assert report["psnr"] == pytest.approx(psnr, abs=0.05)
    albedo = -10 * np.log10(errors["leaf_atlas_albedo.png"].mean())
    assert report["maps"]["albedo"] == pytest.approx(albedo, abs=0.05)
    assert report["psnr"] > 22  # half a million texels are next to nothing


def test_rectangles_are_crops_of_mips(leaf: tuple[Path, dict, Path]) -> None:
    material = ntc.open(leaf[0])
    for mip, rect in ((0, (301, 17, 130, 45)), (1, (0, 255, 256, 1)), (3, (5, 6, 7, 8))):
        x, y, w, h = rect
        for name, part in material.decode(mip, rect).items():
            whole = material.decode(mip)[name]
            np.testing.assert_array_equal(part, whole[y : y + h, x : x + w])


@pytest.mark.slow
def test_real_materials(materials: dict[str, Path], tmp_path: Path) -> None:
    """Every check of tools/bench_sets.py holds on every set, at next to no effort."""
    command = [sys.executable, ROOT / "tools" / "bench_sets.py", "--texels", "100000"]
    options = ["--materials", next(iter(materials.values())).parent, "--out", tmp_path]
    ended = subprocess.run([*command, *options], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.count("\n|") >= 2 + len(materials)
