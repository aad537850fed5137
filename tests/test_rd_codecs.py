"""What `ntc bench rd` compares: what each codec is given, what is measured, which bytes count."""

import math
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from material_files import put
from rd_tiles import FITS, HEIGHT, WIDTH, make_tiles
from small_materials import make_bricks, waves

import ntc
from ntc import metrics
from ntc.bench.rd import Fits, Point, rd_bench
from ntc.bench.rd.block_textures import resampled, texture_contenders
from ntc.bench.rd.contender import Contender
from ntc.bench.rd.controls import SHAPES, nearest_shapes, shape_plan
from ntc.bench.rd.measure import measure, ssim
from ntc.bench.rd.ours import coded, our_contender
from ntc.bench.rd.pictures import picture_contenders
from ntc.bench.rd.subject import Subject, assembled
from ntc.cache import Cache
from ntc.format import spec
from ntc.texture import as_written
from ntc.transcode.formats import bc_format

WITHOUT = os.environ.get("NTC_NATIVE") == "0"
pytestmark = pytest.mark.skipif(WITHOUT, reason="NTC_NATIVE=0: the core is not expected")

TEXTURES = {each.name: each for each in texture_contenders()}
PICTURES = {each.name: each for each in picture_contenders()}


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    return Subject(make_tiles(tmp_path_factory.mktemp("rd") / "tiles"))


def quality(subject: Subject, contender: Contender, setting: str) -> tuple[int, float]:
    """Bytes and PSNR."""
    result = contender.run(subject, setting)
    psnr = measure(subject.reference, result.decoded).psnr
    return result.file_bytes, math.inf if psnr is None else psnr


def test_every_channel_that_counts_is_in_one_image(subject: Subject) -> None:
    reference = subject.reference
    assert reference.channels.shape == (HEIGHT, WIDTH, reference.varying + 1)
    outputs = [output for image in subject.images for output in image.outputs]
    assert sorted(outputs) == list(range(reference.varying + 1))
    assert [image.pixels.shape[2] for image in subject.images] == [3, 3, 1, 2]
    assert [image.color for image in subject.images] == [True, False, False, False]
    assert subject.images[2].size == (20, 16)  # as its file


def test_the_constant_of_a_normal_counts(subject: Subject) -> None:
    reference = subject.reference
    assert (reference.channels[:, :, -1] == 230 * 257).all()
    wrong = reference.channels.copy()
    wrong[:, :, -1] -= 257
    expected = -10 * math.log10((1 / 255) ** 2 / 3)
    assert measure(reference, wrong).maps["normal"] == pytest.approx(expected)
    assert measure(reference, reference.channels).psnr is None


def test_images_come_back_to_their_channels(subject: Subject) -> None:
    """Exactly, but for the map that was resized."""
    images = subject.images
    back = assembled(subject, images, [image.pixels for image in images])
    small = images[2].outputs[0]
    same = [i for i in range(back.shape[2]) if i != small]
    np.testing.assert_array_equal(back[:, :, same], subject.reference.channels[:, :, same])
    assert metrics.psnr(metrics.mse(back, subject.reference.channels)[small]) > 40


def test_measures_are_those_of_ntc(tmp_path: Path) -> None:
    """The PSNR and the angles that `ntc compare` finds between the folder and the file."""
    folder = make_bricks(tmp_path / "bricks")
    material = ntc.compress(folder, ntc.Settings(bpp=40, texels=1 << 15, threads=1))
    material.save(tmp_path / "bricks.ntc")
    subject = Subject(folder)
    result = coded(subject, material)
    found = measure(subject.reference, result.decoded)
    expected = ntc.compare(folder, tmp_path / "bricks.ntc")
    assert found.psnr == pytest.approx(expected.psnr, abs=1e-4)
    assert found.psnr == pytest.approx(material.file.metadata.quality.psnr, abs=1e-3)
    for name, psnr in expected.maps.items():
        assert found.maps[name] == pytest.approx(psnr, abs=1e-4)
    assert found.normal_degrees["normal"] == pytest.approx(expected.normal_degrees["normal"], 1e-3)
    assert result.file_bytes == (tmp_path / "bricks.ntc").stat().st_size
    assert result.video_memory_bytes == material.video_memory_bytes
    written = as_written(material.decode_outputs(), material.maps)
    np.testing.assert_array_equal(result.decoded, written)


def test_ssim_of_planes_without_detail() -> None:
    a, b = (np.full((16, 24), value, np.float32) for value in (0.5, 0.6))
    assert ssim(a, a) == pytest.approx(1)
    assert ssim(a, b) == pytest.approx((0.6 + 1e-4) / (0.61 + 1e-4), abs=1e-4)


def test_ssim_falls_with_noise(rng: np.random.Generator) -> None:
    image = rng.random((32, 32), np.float32)
    some, much = (image + rng.normal(0, s, image.shape).astype(np.float32) for s in (0.05, 0.3))
    assert 1 > ssim(image, some) > ssim(image, much) > 0


def test_flip_sees_colours_alone(subject: Subject) -> None:
    exact = measure(subject.reference, subject.reference.channels)
    assert exact.flip == {"albedo": 0}
    darker = measure(subject.reference, subject.reference.channels // 2)
    assert 0.1 < darker.flip["albedo"] < 1


@pytest.mark.parametrize(
    ("planes", "normal", "name"),
    [(1, False, "bc4"), (2, False, "bc5"), (3, False, "bc7"), (4, False, "bc7"), (2, True, "bc7")],
)
def test_bc_format(planes: int, normal: bool, name: str) -> None:
    assert bc_format(planes, normal=normal).name == name


def test_bytes_of_bc(subject: Subject) -> None:
    """Blocks of 4 x 4: 16 bytes each for the first two maps and the mask, 8 for the small one."""
    result = TEXTURES["bc7"].run(subject, "whole")
    assert result.file_bytes == round((3 * 13 * 10 * 16 + 5 * 4 * 8) * 4 / 3)
    assert result.video_memory_bytes == result.file_bytes
    half = TEXTURES["bc7"].run(subject, "half")
    assert half.file_bytes == round((3 * 7 * 5 * 16 + 3 * 2 * 8) * 4 / 3)


def test_bytes_of_astc(subject: Subject) -> None:
    result = TEXTURES["astc"].run(subject, "12x12")
    assert result.file_bytes == round((3 * 5 * 4 + 2 * 2) * 16 * 4 / 3)
    assert result.video_memory_bytes == result.file_bytes


def test_halving_is_the_mean_of_four() -> None:
    image = np.array([[0, 10, 7, 7], [20, 30, 7, 7]], np.uint8)[:, :, None]
    np.testing.assert_array_equal(resampled(image, 2, 1)[:, :, 0], [[15, 7]])
    doubled = resampled(np.array([[0, 100]], np.uint8)[:, :, None], 4, 2)[:, :, 0]
    np.testing.assert_array_equal(doubled, [[0, 25, 75, 100]] * 2)


@pytest.mark.parametrize("name", ["bc7", "astc", *PICTURES])
def test_more_bytes_are_better(subject: Subject, name: str) -> None:
    contender = (TEXTURES | PICTURES)[name]
    ends = [quality(subject, contender, contender.settings[i]) for i in (0, -1)]
    assert ends[0][0] < ends[1][0]
    assert ends[0][1] + 3 < ends[1][1]
    assert ends[1][1] > (28 if name == "webp" else 36)
    files = contender.run(subject, contender.settings[0])
    assert (files.video_memory_bytes is None) == (name in PICTURES)


@pytest.mark.parametrize("name", PICTURES)
def test_bytes_are_those_that_decode(
    subject: Subject, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is counted is the sum of what the decoder is given: no image is left out."""
    codec = {"jxl": "jpegxl"}.get(name, name.partition("_")[0])
    seen: list[int] = []
    decode = getattr(imagecodecs, f"{codec}_decode")

    def counting(data: bytes, **options: Any) -> Any:
        seen.append(len(data))
        return decode(data, **options)

    monkeypatch.setattr(imagecodecs, f"{codec}_decode", counting)
    result = PICTURES[name].run(subject, PICTURES[name].settings[2])
    assert result.file_bytes == sum(seen)
    assert len(seen) == 5  # two colours, the small grey map, and each plane of the mask


@pytest.mark.parametrize("name", PICTURES)
def test_greys_lose_something(tmp_path: Path, name: str) -> None:
    """imagecodecs writes grey AVIF without loss, whatever it is asked for: not what is compared."""
    put(tmp_path / "grey" / "rock_height.png", waves(64, 64, 1))
    (setting,) = PICTURES[name].settings[2:3]
    assert quality(Subject(tmp_path / "grey"), PICTURES[name], setting)[1] < 60


def test_unrelated_channels_do_better_as_they_are(tmp_path: Path) -> None:
    """What `avif_rgb` is there for; colours are the same in both."""
    rng = np.random.default_rng(0)
    planes = [np.kron(rng.integers(0, 256, (32, 32)), np.ones((4, 4))) for _ in range(3)]
    put(tmp_path / "rock" / "rock_orm.png", np.stack(planes, 2).astype(np.uint8))
    subject = Subject(tmp_path / "rock")
    together, apart = (quality(subject, PICTURES[n], "80") for n in ("avif", "avif_rgb"))
    assert apart[1] > together[1]


def test_ours_is_what_compress_makes(tmp_path: Path) -> None:
    folder = make_bricks(tmp_path / "bricks")
    contender = our_contender("ntc", FITS, "grid", "light")
    assert contender.settings == ("2", "40")
    settings = ntc.Settings(
        bpp=40.0, effort="fast", encoding="grid", profile="light", texels=1 << 15, threads=1
    )
    result = contender.run(Subject(folder), "40")
    assert result.file_bytes == len(ntc.compress(folder, settings).data)


@pytest.mark.parametrize(
    ("scale", "pairs"),
    [
        (1, (0, 0, 2, 2, 4, 4, 6, 6, 6, 6, 6, 6, 6)),
        (2, (0, 0, 0, 2, 2, 4, 4, 6, 6, 6, 6, 6, 6)),
        (4, (0, 0, 0, 2, 2, 4, 4, 6, 6, 6, 6, 6, 6)),
        (6, (0, 0, 0, 0, 2, 2, 4, 4, 6, 6, 6, 6, 6)),
    ],
)
def test_published_levels(scale: int, pairs: tuple[int, ...]) -> None:
    """Of 4096 x 4096; the table was computed from the published constants, not by this code."""
    shape = replace(SHAPES[0], scale=scale, features=8)
    plan = shape_plan(4096, 4096, 9, 13, shape)
    sizes = {1: (4096, 32), 2: (2048, 16), 4: (1024, 8), 6: (682, 5)}
    assert (plan.levels[0].width, plan.levels[-1].height) == sizes[scale]
    assert plan.widths == (17, 64, 48, 32, 9)
    for mip, first in enumerate(pairs):
        read = {first: 0, first + 1: 8}
        expected = [read.get(level, spec.NOT_READ) for level in range(8)]
        assert plan.roles[mip].tolist() == expected


def test_nearest_published_shapes() -> None:
    assert nearest_shapes((1.0, 2.5, 5.0, 10.0)) == ("1.11", "2.5", "5", "10")
    assert nearest_shapes((2.4, 2.6, 100.0)) == ("2.5", "20")


def test_published_shapes_are_fitted(tmp_path: Path) -> None:
    """Both controls end in a file of the format, at nearly the nominal rate and the decoder."""
    put(tmp_path / "rock" / "rock_albedo.png", waves(128, 128, 3))
    seen: dict[str, Point] = {}
    report = rd_bench(
        [tmp_path / "rock"],
        Fits((5.0,), "fast", texels=1 << 17, threads=1),
        ["grid"],
        ["standard"],
        ["rtxntc_recipe", "rtxntc_refitted", "bilinear"],
        Cache(tmp_path / "cache"),
        on_point=lambda name, point, cached: seen.setdefault(point.codec, point) and None,
    )
    assert report.failures == []
    assert set(seen) == {"ntc grid standard", "rtxntc_recipe", "rtxntc_refitted", "bilinear"}
    decoder = 33 * 64 + 64 * 48 + 48 * 32 + 32 * 3
    for name in ("rtxntc_recipe", "rtxntc_refitted"):
        memory = seen[name].video_memory_bytes
        assert memory is not None
        assert 128 * 128 * 5.3 / 8 < memory - decoder < 128 * 128 * 5.3 / 8 + 2500
    assert seen["rtxntc_refitted"].quality.psnr > seen["rtxntc_recipe"].quality.psnr
