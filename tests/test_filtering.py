"""The filters of ntc_sample on a minified, tilted plane, against many samples of the originals."""

from pathlib import Path

import numpy as np
import pytest
from plane import (
    FILTERS,
    Picture,
    Plane,
    lods,
    mip_psnrs,
    plane_view,
    psnr,
    supersampled,
    trilinear,
)

import ntc
from ntc.decode import open_decoder
from ntc.format.model import QuantizedModel
from ntc.texture import load_material

ROOT = Path(__file__).resolve().parents[1]
WITHIN = 0.5  # dB that one filtered decode may lose against the eight of a trilinear filter
CENTRE_LOSS = 1.0  # dB that a filtered fit may lose at texel centres
FRAMES = 64

pytestmark = pytest.mark.gpu


class Scene:
    """A material, fitted by texels and filtered, on the plane."""

    def __init__(self, source: Path, folder: Path, pixels: int, settings: dict) -> None:
        self.textures = load_material(source)
        self.view = plane_view(pixels, self.textures.width)
        self.reference = supersampled(self.textures, self.view, pixels)
        self.plane = Plane(folder, self.view, pixels)
        self.by_texels, self.model = (
            ntc.compress(source, ntc.Settings(threads=2, filtering=name, **settings)).file.model
            for name in ("texel", "filtered")
        )

    def draw(self, model: QuantizedModel) -> dict[str, Picture]:
        return {how: self.plane.draw(model, how) for how in FILTERS}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    settings = {"texels": 1 << 22, "encoding": "grid"}
    folder = tmp_path_factory.mktemp("plane")
    return Scene(ROOT / "assets" / "painted_metal", folder, 128, settings)


@pytest.fixture(scope="module")
def pictures(scene: Scene) -> dict[str, Picture]:
    return scene.draw(scene.model)


def test_the_plane_is_minified(scene: Scene) -> None:
    found = lods(scene.view, 128, 512)
    assert -0.1 < found.min() < 0.1
    assert 3.5 < found.max() < 4


def test_exact_is_trilinear(scene: Scene, pictures: dict[str, Picture]) -> None:
    decoder, model = open_decoder(), scene.model
    mips = [decoder.decode(model, mip) / 65535 for mip in range(model.mips)]
    assert np.abs(pictures["exact"] - trilinear(mips, scene.view, 128)).max() < 0.01


def test_one_filtered_decode_stands_for_eight(scene: Scene, pictures: dict[str, Picture]) -> None:
    check_filtered(scene, pictures)


def check_filtered(scene: Scene, pictures: dict[str, Picture]) -> None:
    """As good as exact and, other than of a fit by texels, like it."""
    scores = {how: psnr(picture, scene.reference) for how, picture in pictures.items()}
    assert scores["filtered"] > scores["exact"] - WITHIN
    assert scores["filtered"] > max(scores["texel"], scores["stochastic"]) + 2
    untrained = scene.draw(scene.by_texels)
    like_exact = psnr(pictures["filtered"], pictures["exact"])
    assert like_exact > psnr(untrained["filtered"], untrained["exact"]) + 0.5
    assert like_exact > psnr(pictures["texel"], pictures["exact"]) + 0.5


def test_texels_alias(scene: Scene, pictures: dict[str, Picture]) -> None:
    texel, exact = (psnr(pictures[how], scene.reference) for how in ("texel", "exact"))
    assert texel < exact - 1


def test_stochastic_frames_converge_to_exact(scene: Scene, pictures: dict[str, Picture]) -> None:
    """The error is noise alone: it falls as one over the number of frames."""
    frame, exact = pictures["stochastic"], pictures["exact"]
    frames = (scene.plane.draw(scene.model, "stochastic", i) for i in range(1, FRAMES + 1))
    mean = sum(frames) / FRAMES
    one, many = (np.mean(np.square(picture - exact)) for picture in (frame, mean))
    assert many == pytest.approx(one / FRAMES, rel=0.1)
    assert psnr(mean, scene.reference) == pytest.approx(psnr(exact, scene.reference), abs=0.5)


@pytest.mark.quality
@pytest.mark.parametrize("name", ["TPS-ContainerCage", "RosewoodVeneer1"])
def test_real_materials(name: str, materials: dict[str, Path], tmp_path: Path) -> None:
    scene = Scene(materials[name], tmp_path, 256, {"effort": "fast"})
    check_filtered(scene, scene.draw(scene.model))
    by_texels, filtered = (
        mip_psnrs(model, scene.textures, 1)[0] for model in (scene.by_texels, scene.model)
    )
    assert filtered > by_texels - CENTRE_LOSS
