"""Block compression: what a map becomes, what is kept of it, and what that costs."""

import sys
from typing import Any

import imagecodecs
import numpy as np
import pytest
from textures import made, record, samples_of, unpacked

from ntc.errors import RuntimeFailure, UsageError
from ntc.format.metadata import Curve, MapRecord
from ntc.texture.color import srgb_to_linear
from ntc.transcode import FORMATS, check_installed, choose_layout, make_texture, quantized, values
from ntc.transcode.blocks import encode

HALF = {"sample": "half", "low": 0.0, "high": 1.0}
WIDE = {"sample": "half", "low": 0.0, "high": 12.0, "curve": Curve.LOG}
DEEP = {"sample": "float", "low": -2.0, "high": 3.0}

AUTO: list[tuple[MapRecord, str, bool, tuple[int, ...]]] = [
    (record("albedo", 0, 1, 2), "bc7", True, (0, 1, 2)),
    (record("albedo", 0, 1, 2, 255.0), "bc7", True, (0, 1, 2)),
    (record("albedo", 0, 1, 2, 3), "bc7", True, (0, 1, 2, 3)),
    (record("albedo", 0, 1, 2, 0.0), "bc7", True, (0, 1, 2, 3)),
    (record("albedo", 0), "bc7", True, (0, 0, 0)),
    (record("albedo", 0, 1), "bc7", True, (0, 0, 0, 1)),
    (record("albedo", 0, 0, 0), "bc7", True, (0, 0, 0)),
    (record("albedo", 0, 1, 2, sample="uint16"), "bc7", True, (0, 1, 2)),
    (record("albedo", 0, 1, 2, color_space="linear"), "bc7", False, (0, 1, 2)),
    (record("emissive", 0, 1, 2, **WIDE), "bc6h", False, (0, 1, 2)),
    (record("albedo", 0, 1, 2, **HALF), "bc6h", False, (0, 1, 2)),
    (record("albedo", 0, 1, 2, 1.0, **HALF), "bc6h", False, (0, 1, 2)),
    (record("albedo", 0, 1, 2, 3, **HALF), "rgba16f", False, (0, 1, 2, 3)),
    (record("height", 0, **DEEP), "rgba16f", False, (0, 0, 0)),
    (record("height", 0, **HALF), "bc4", False, (0,)),
    (record("height", 0, sample="uint16"), "bc4", False, (0,)),
    (record("normal", 0, 1, 2), "bc5", False, (0, 1)),
    (record("normal", 0, 1), "bc5", False, (0, 1)),
    (record("normal", 0, 1, 255.0, 255.0), "bc5", False, (0, 1)),
    (record("normal", 0, 1, 2, 3), "bc7", False, (0, 1, 2, 3)),
    (record("normal", 0, 1, 2, sample="half", low=-1.0, high=1.0), "bc5", False, (0, 1)),
    (record("roughness", 0), "bc4", False, (0,)),
    (record("roughness", 0, 0, 0), "bc4", False, (0,)),
    (record("roughness", 0, 0, 0, 255.0), "bc4", False, (0,)),
    (record("roughness", 0, 1, 2), "bc7", False, (0, 1, 2)),
    (record("ao", 17.0), "bc4", False, (0,)),
    (record("mask", 0, 1), "bc5", False, (0, 1)),
    (record("packed", 0, 1, 2), "bc7", False, (0, 1, 2)),
    (record("packed", 0, 1, 2, 3), "bc7", False, (0, 1, 2, 3)),
    (record("packed", 0.0, 1, 2), "bc7", False, (0, 1, 2)),
]


@pytest.mark.parametrize("case", AUTO, ids=lambda case: f"{case[0].name}-{len(case[0].channels)}")
def test_what_suits_a_map(case: tuple[MapRecord, str, bool, tuple[int, ...]]) -> None:
    asked, format, srgb, sources = case
    layout = choose_layout(asked)
    assert (layout.format.name, layout.srgb, layout.sources) == (format, srgb, sources)
    eight_bits = asked.name == "height" and asked.sample != "uint8" and format == "bc4"
    assert bool(layout.losses) == eight_bits  # a height of 8 bits is all that is ever lost
    assert layout.alpha_kind == (
        "none" if layout.alpha is None else "opacity" if asked.name == "albedo" else "data"
    )


@pytest.mark.parametrize(
    ("asked", "format", "word"),
    [
        (record("albedo", 0, 1, 2, 3), "bc1", "opacity"),
        (record("albedo", 0, 1, 2, 3), "bc6h", "opacity"),
        (record("albedo", 0, 1, 2), "bc5", "albedo.b"),
        (record("albedo", 0, 0, 0), "bc4", "no sRGB"),
        (record("packed", 0, 1, 2), "bc4", "packed.g"),
        (record("normal", 0, 1, 2), "bc4", "normal.y"),
        (record("height", 0, **DEEP), "bc4", "from -2 to 3"),
        (record("height", 0, **DEEP), "bc6h", "below 0"),
        (record("emissive", 0, 1, 2, **WIDE), "bc7", "from 0 to 12"),
        (record("height", 0, sample="uint16"), "rgba8", "8 bits"),
    ],
)
def test_what_a_format_does_not_keep_is_said(asked: MapRecord, format: str, word: str) -> None:
    assert any(word in loss for loss in choose_layout(asked, format).losses)


@pytest.mark.parametrize(
    ("asked", "format"),
    [
        (record("albedo", 0, 1, 2, 255.0), "bc1"),
        (record("albedo", 0, 1, 2, 3), "bc3"),
        (record("albedo", 0, 1, 2, 3), "rgba8"),
        (record("roughness", 0, 0, 0, 255.0), "bc5"),
        (record("normal", 0, 1, 2), "bc5"),
        (record("emissive", 0, 1, 2, **WIDE), "rgba16f"),
        (record("height", 0, **DEEP), "rgba16f"),
    ],
)
def test_what_a_format_keeps_is_not_mourned(asked: MapRecord, format: str) -> None:
    assert choose_layout(asked, format).losses == ()


def test_what_no_texture_holds() -> None:
    with pytest.raises(UsageError, match="5 channels"):
        choose_layout(record("other", 0, 1, 2, 3, 4))
    with pytest.raises(UsageError, match="bc2"):
        choose_layout(record("ao", 0), "bc2")


@pytest.mark.parametrize("size", [(20, 12), (64, 64), (1, 1), (3, 7), (2, 33)])
@pytest.mark.parametrize("format", ["bc1", "bc3", "bc4", "bc5", "bc7"])
def test_blocks_hold_the_texels(format: str, size: tuple[int, int]) -> None:
    asked = record("packed", 0, 1, 2, 3)
    texture, mips, psnr = made(asked, format, size, max(size).bit_length())
    assert len(texture.levels) == len(mips)
    for mip, pixels in enumerate(mips):
        decoded = unpacked(texture, mip).astype(float)
        channels = texture.format.channels
        error = np.mean((decoded[..., :channels] - pixels[..., :channels].astype(float)) ** 2)
        assert error < 9**2, (mip, error)
        if mip == 0 and error:
            assert psnr == pytest.approx(-10 * np.log10(error / 255**2))
    if format in ("bc1", "bc4", "bc5"):  # what a block has beside them is nothing
        assert (unpacked(texture, 0)[..., 3:] == 255).all()


def test_padding_repeats_the_border() -> None:
    """An encoder that saw zeros beyond it would spend its palette on them."""
    flat = np.full((5, 6, 1), 200, np.uint8)
    flat[-1, -1] = 190
    blocks = encode(flat, FORMATS["bc4"], "fast")
    decoded = imagecodecs.bcn_decode(blocks, 4, shape=(8, 8))
    np.testing.assert_array_equal(decoded[:5, :6], flat[..., 0])
    assert decoded.min() == 190


def test_strips_and_bands_make_no_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, pixels = record("packed", 0, 1, 2), None
    pixels = samples_of(asked, 37, 45)
    layout = choose_layout(asked)
    whole, _ = make_texture(asked, layout, (37, 45), [[pixels]])
    monkeypatch.setattr("ntc.transcode.blocks._STRIP_TEXELS", 200)
    bands = [pixels[:16], pixels[16:32], pixels[32:]]
    cut, _ = make_texture(asked, layout, (37, 45), [bands])
    assert cut.levels == whole.levels


@pytest.mark.parametrize("quality", ["fast", "slow"])
def test_opaque_stays_opaque(quality: Any) -> None:
    """To one step of 255, which mode 6 of BC7 may be off: docs/decisions/0012-transcode.md."""
    for asked in (record("albedo", 0, 1, 2), record("albedo", 0, 1, 2, 255.0)):
        texture = made(asked, "bc7", size=(64, 64))[0]
        assert texture.alpha == "none"
        assert unpacked(texture, 0)[..., 3].min() >= 254
    texture = made(record("albedo", 0, 1, 2, 0.0), "bc7", size=(64, 64))[0]
    assert unpacked(texture, 0)[..., 3].max() <= 1


def test_slow_is_better() -> None:
    pixels = np.random.default_rng(7).integers(0, 256, (32, 32, 4), np.uint8)
    errors = []
    for quality in ("fast", "slow"):
        blocks = encode(pixels, FORMATS["bc7"], quality)
        decoded = imagecodecs.bcn_decode(blocks, 7, shape=(32, 32, 4)).astype(float)
        errors.append(np.mean((decoded - pixels) ** 2))
    assert errors[1] < errors[0]


def test_high_dynamic_range() -> None:
    asked = record("emissive", 0, 1, 2, **WIDE)
    texture, mips, psnr = made(asked, size=(64, 32))
    decoded = unpacked(texture, 0).astype(float)
    assert decoded.max() > 8
    assert np.abs(decoded - mips[0].astype(float)).max() < 0.1
    stored = [np.log2(1 + x.astype(float)) / np.log2(13) for x in (decoded, mips[0])]
    error = np.mean((stored[0] - stored[1]) ** 2)
    assert psnr == pytest.approx(-10 * np.log10(error), abs=1e-3)
    assert psnr > 35


def test_halves_are_exact() -> None:
    asked = record("albedo", 0, 1, 2, 3, sample="half", low=-1.0, high=7.0)
    texture, mips, psnr = made(asked)
    assert psnr is None
    assert texture.format.name == "rgba16f"
    pixels = np.frombuffer(texture.levels[0], np.float16).reshape(12, 20, 4)
    np.testing.assert_array_equal(pixels, mips[0])


def test_colors_keep_their_meaning() -> None:
    """Linear colours become sRGB where the texture says so, and the other way round."""
    linear = record("albedo", 0, 1, 2, 3, **HALF)
    texture, (pixels, *_), _ = made(linear, "rgba8")
    assert texture.srgb
    coded = np.frombuffer(texture.levels[0], np.uint8).reshape(12, 20, 4) / 255
    light = pixels.astype(float)
    assert np.abs(srgb_to_linear(coded[..., :3]) - light[..., :3]).max() < 0.01
    assert np.abs(coded[..., 3] - light[..., 3]).max() < 0.003
    texture, (pixels, *_), _ = made(record("albedo", 0, 1, 2, 3), "rgba16f")
    assert not texture.srgb
    halves = np.frombuffer(texture.levels[0], np.float16).reshape(12, 20, 4)
    light = srgb_to_linear(pixels[..., :3] / 255)
    assert np.abs(halves[..., :3] - light).max() < 1e-3
    assert np.abs(halves[..., 3] - pixels[..., 3] / 255).max() < 1e-3
    sheen = record("sheen", 0, 1, 2, 3, color_space="srgb")
    texture, (pixels, *_), _ = made(sheen, "rgba16f")
    halves = np.frombuffer(texture.levels[0], np.float16).reshape(12, 20, 4)
    assert np.abs(halves[..., 3] - pixels[..., 3] / 255).max() < 1e-3
    texture, (pixels, *_), _ = made(record("albedo", 0), "bc4")  # which has no sRGB: as it was
    assert np.abs(unpacked(texture, 0).astype(int) - pixels).max() < 8


def test_signed_normals_become_unsigned() -> None:
    asked = record("normal", 0, 1, 2, sample="float", low=-1.0, high=1.0)
    texture, (pixels, *_), psnr = made(asked, size=(64, 64))
    decoded = unpacked(texture, 0) / 255 * 2 - 1
    assert np.abs(decoded - pixels[..., :2]).max() < 0.05
    error = np.mean(((decoded - pixels[..., :2]) / 2) ** 2)
    assert psnr == pytest.approx(-10 * np.log10(error), abs=1e-3)


@pytest.mark.parametrize(("top", "dtype"), [(255, np.uint8), (65535, np.uint16)])
def test_integers_pass_unharmed(top: int, dtype: Any) -> None:
    pixels = np.arange(top + 1, dtype=dtype).reshape(-1, 1, 1)
    asked = record("roughness", 0, sample=np.dtype(dtype).name)
    samples = values(pixels, asked, srgb=True, signed=False)
    np.testing.assert_array_equal(quantized(samples, np.dtype(dtype)), pixels)


def test_halves_end_where_they_end() -> None:
    samples = np.array([[[1e6, -1e6, 0.5]]], np.float32)
    assert quantized(samples, np.dtype(np.float16)).tolist() == [[[65504, -65504, 0.5]]]
    assert quantized(samples, np.dtype(np.uint8)).tolist() == [[[255, 0, 128]]]


@pytest.mark.parametrize("package", ["ispc_texcomp", "imagecodecs"])
def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    check_installed()
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(RuntimeFailure, match=rf"{package}.*pip install 'ntc\[transcode\]'"):
        check_installed()
