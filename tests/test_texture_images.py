import resource
import shutil
import struct
from collections import namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from image_codecs import decode_png, noise, pillow, plain_exr, plain_png, png_bytes
from PIL import Image

from ntc.errors import FileError, InputError, NtcError
from ntc.texture.images import read_header, read_image, resize_bands, write_image

U8, U16, HALF, FLOAT = np.uint8, np.uint16, np.float16, np.float32
LOSSLESS = [
    *[(".png", dtype, c) for dtype in (U8, U16) for c in (1, 2, 3, 4)],
    *[(".tga", U8, c) for c in (1, 3, 4)],
    *[(".tif", dtype, c) for dtype in (U8, U16, FLOAT) for c in (1, 2, 3, 4)],
    *[(".exr", dtype, c) for dtype in (HALF, FLOAT) for c in (1, 2, 3, 4, 7)],
]


@pytest.mark.parametrize(("suffix", "dtype", "channels"), LOSSLESS)
def test_lossless_round_trip(
    suffix: str, dtype: Any, channels: int, tmp_path: Path, rng: np.random.Generator
) -> None:
    pixels = noise(rng, dtype, 13, 7, channels)
    path = tmp_path / f"a{suffix}"
    write_image(path, pixels)
    back = read_image(path)
    assert back.dtype == pixels.dtype
    np.testing.assert_array_equal(back, pixels)
    header = read_header(path)
    assert (header.height, header.width, header.channels) == pixels.shape
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("dtype", [U8, U16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_png_agrees_with_an_independent_codec(
    dtype: Any, channels: int, tmp_path: Path, rng: np.random.Generator
) -> None:
    pixels = noise(rng, dtype, 9, 11, channels)
    (tmp_path / "in.png").write_bytes(plain_png(pixels))
    np.testing.assert_array_equal(read_image(tmp_path / "in.png"), pixels)
    write_image(tmp_path / "out.png", pixels)
    np.testing.assert_array_equal(decode_png((tmp_path / "out.png").read_bytes()), pixels)


@pytest.mark.parametrize("suffix", [".png", ".tga", ".tif"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_8_bit_agrees_with_pillow(
    suffix: str, channels: int, tmp_path: Path, rng: np.random.Generator
) -> None:
    pixels = noise(rng, U8, 9, 11, channels)
    write_image(tmp_path / f"ours{suffix}", pixels)
    theirs = pillow(tmp_path / f"ours{suffix}").reshape(pixels.shape)
    np.testing.assert_array_equal(theirs, pixels)
    Image.fromarray(pixels.squeeze()).save(tmp_path / f"theirs{suffix}")
    np.testing.assert_array_equal(read_image(tmp_path / f"theirs{suffix}"), pixels)


@pytest.mark.parametrize("dtype", [HALF, FLOAT])
@pytest.mark.parametrize("names", [["Y"], ["R", "G", "B"], ["R", "G", "B", "A"]])
def test_exr_agrees_with_an_independent_writer(
    dtype: Any, names: list[str], tmp_path: Path, rng: np.random.Generator
) -> None:
    pixels = noise(rng, dtype, 5, 6, len(names))
    (tmp_path / "a.exr").write_bytes(plain_exr(pixels, names))
    np.testing.assert_array_equal(read_image(tmp_path / "a.exr"), pixels)


def test_alpha_zero_keeps_its_colours(tmp_path: Path, rng: np.random.Generator) -> None:
    pixels = noise(rng, U8, 8, 8, 4)
    pixels[:, :, 3] = 0
    for suffix in (".png", ".tga", ".tif"):
        write_image(tmp_path / f"a{suffix}", pixels)
        np.testing.assert_array_equal(read_image(tmp_path / f"a{suffix}"), pixels)


def test_indexed_images_are_expanded(tmp_path: Path, rng: np.random.Generator) -> None:
    index = rng.integers(0, 3, (6, 5), U8)
    colors = np.array([[1, 1, 1], [90, 90, 90], [200, 200, 200]], U8)
    image = Image.fromarray(index).convert("P")
    image.putdata(index.ravel().tolist())
    image.putpalette(colors.tobytes())
    image.save(tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes()[25] == 3
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), colors[index])
    image.save(tmp_path / "b.png", transparency=bytes([0, 128, 255]))
    alpha = np.array([0, 128, 255], U8)[index]
    np.testing.assert_array_equal(read_image(tmp_path / "b.png"), np.dstack([colors[index], alpha]))


def test_few_bits_become_eight(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png_bytes(4, 1, 2, 0, b"\0\x1b"))
    assert read_image(tmp_path / "a.png").ravel().tolist() == [0, 85, 170, 255]


def test_gamma_and_colour_chunks_change_nothing(tmp_path: Path) -> None:
    rows = b"".join(b"\0" + bytes([16 * y + x for x in range(4)]) for y in range(4))
    gamma = (b"gAMA", struct.pack(">I", 100000))
    (tmp_path / "a.png").write_bytes(png_bytes(4, 4, 8, 0, rows, gamma))
    expected = [[16 * y + x for x in range(4)] for y in range(4)]
    assert read_image(tmp_path / "a.png")[:, :, 0].tolist() == expected


def test_jpeg_is_read_as_stored(tmp_path: Path, rng: np.random.Generator) -> None:
    pixels = noise(rng, U8, 16, 32, 3)
    turned = Image.Exif()
    turned[0x112] = 6
    Image.fromarray(pixels).save(tmp_path / "a.jpg", quality=95, subsampling=0, exif=turned)
    ours = read_image(tmp_path / "a.jpg").astype(int)
    assert ours.shape == (16, 32, 3)
    assert np.abs(ours - pillow(tmp_path / "a.jpg")).max() <= 1


def test_jpeg_is_written_as_well_as_it_can_be(tmp_path: Path, rng: np.random.Generator) -> None:
    pixels = noise(rng, U8, 16, 16, 3)
    write_image(tmp_path / "a.jpg", pixels)
    with Image.open(tmp_path / "a.jpg") as image:
        assert [layer[1:3] for layer in image.layer] == [(1, 1)] * 3
        assert set(image.quantization[0]) == {1}
    assert np.abs(pillow(tmp_path / "a.jpg") - pixels).max() <= 5


@given(hnp.arrays(U16, hnp.array_shapes(min_dims=3, max_dims=3, max_side=4)))
def test_any_small_16_bit_image(tmp_path_factory: Any, pixels: np.ndarray) -> None:
    path = tmp_path_factory.mktemp("any") / "a.png"
    write_image(path, pixels)
    np.testing.assert_array_equal(decode_png(path.read_bytes()), pixels)


# --- what is refused ---


def refused(path: Path, *words: str) -> None:
    with pytest.raises(InputError) as caught:
        read_image(path)
    message = str(caught.value)
    assert path.name in message
    assert "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize("suffix", [".png", ".tga", ".tif", ".jpg", ".exr"])
def test_text_and_empty_files(suffix: str, tmp_path: Path) -> None:
    (tmp_path / f"text{suffix}").write_text("albedo goes here, one day\n" * 20)
    refused(tmp_path / f"text{suffix}", "not a")
    (tmp_path / f"empty{suffix}").touch()
    refused(tmp_path / f"empty{suffix}", "empty")


@pytest.mark.parametrize("suffix", [".png", ".tif", ".exr", ".tga", ".jpg"])
def test_truncated_anywhere(suffix: str, tmp_path: Path, rng: np.random.Generator) -> None:
    whole, cut = tmp_path / f"whole{suffix}", tmp_path / f"cut{suffix}"
    pixels = noise(rng, U8, 16, 16, 3)
    write_image(whole, pixels.astype(HALF) if suffix == ".exr" else pixels)
    data = whole.read_bytes()
    tail = 521 if suffix == ".tga" else 0  # its extension area and footer hold no pixels
    for size in [*range(1, len(data) - tail, 41), len(data) - tail - 1]:
        cut.write_bytes(data[:size])
        refused(cut)


def test_flipped_bits_in_a_png(tmp_path: Path, rng: np.random.Generator) -> None:
    data = bytearray(plain_png(noise(rng, U8, 8, 8, 3)))
    for at in range(24, len(data), 7):
        data[at] ^= 16
        (tmp_path / "a.png").write_bytes(data)
        refused(tmp_path / "a.png")
        data[at] ^= 16


def test_huge_header_is_refused_before_any_allocation(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png_bytes(20000, 20000, 8, 2, b"\0" * 100))
    refused(tmp_path / "a.png", "20000x20000", "16384")
    (tmp_path / "b.tga").write_bytes(struct.pack("<BBB5xHHHHBB", 0, 0, 2, 0, 0, 20000, 1, 24, 0))
    refused(tmp_path / "b.tga")


def test_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_image(tmp_path / "a.exr", np.zeros((512, 512, 3), HALF))
    assert read_image(tmp_path / "a.exr").max() == 0
    monkeypatch.setattr("ntc.texture.images._BOMB_FREE_BYTES", 1000)
    monkeypatch.setattr("ntc.texture.images._BOMB_RATIO", 10)
    refused(tmp_path / "a.exr", "declares 1572864 bytes")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite(value: float, tmp_path: Path) -> None:
    pixels = np.zeros((6, 5, 3), HALF)
    pixels[4, 2, 1] = value
    pixels[5, 0, 0] = np.nan
    write_image(tmp_path / "a.exr", pixels)
    refused(tmp_path / "a.exr", "channel 1", "x=2 y=4", str(value))


def test_content_that_its_name_denies(tmp_path: Path, rng: np.random.Generator) -> None:
    write_image(tmp_path / "a.jpg", noise(rng, U8, 8, 8, 3))
    for suffix in (".png", ".tif", ".tga"):
        (tmp_path / "a.jpg").rename(tmp_path / f"a{suffix}")
        refused(tmp_path / f"a{suffix}")
        (tmp_path / f"a{suffix}").rename(tmp_path / "a.jpg")


def test_kinds_of_images_that_are_not_maps(tmp_path: Path, rng: np.random.Generator) -> None:
    Image.fromarray(noise(rng, U8, 8, 8, 4), "CMYK").save(tmp_path / "a.jpg")
    refused(tmp_path / "a.jpg", "CMYK")
    Image.fromarray(noise(rng, U8, 8, 8, 3)).save(tmp_path / "a.bmp")
    refused(tmp_path / "a.bmp", ".png")
    Image.fromarray(np.zeros((4, 4), np.int32)).save(tmp_path / "a.tif")
    refused(tmp_path / "a.tif", "8- or 16-bit")
    frames = [Image.fromarray(noise(rng, U8, 4, 4, 3)) for _ in range(2)]
    frames[0].save(tmp_path / "b.tif", save_all=True, append_images=frames[1:])
    refused(tmp_path / "b.tif", "several images")
    write_image(tmp_path / "many.exr", np.zeros((2, 2, 33), HALF))
    refused(tmp_path / "many.exr", "33 channels")


def test_multipart_and_cropped_exr(tmp_path: Path) -> None:
    path = tmp_path / "parts.exr"
    specs = [OpenImageIO.ImageSpec(4, 4, 3, "half") for _ in range(2)]
    for name, spec in zip("ab", specs, strict=True):
        spec["oiio:subimagename"] = name
    output = OpenImageIO.ImageOutput.create(str(path))
    output.open(str(path), tuple(specs))
    output.write_image(np.zeros((4, 4, 3), HALF))
    output.open(str(path), specs[1], "AppendSubimage")
    output.write_image(np.zeros((4, 4, 3), HALF))
    output.close()
    refused(path, "several images")

    window = OpenImageIO.ImageSpec(4, 4, 3, "half")
    window.full_width = window.full_height = 8
    output = OpenImageIO.ImageOutput.create(str(tmp_path / "window.exr"))
    output.open(str(tmp_path / "window.exr"), window)
    output.write_image(np.zeros((4, 4, 3), HALF))
    output.close()
    refused(tmp_path / "window.exr", "display window")


def test_deep_exr(tmp_path: Path) -> None:
    spec = OpenImageIO.ImageSpec(2, 2, 2, "float")
    spec.channelnames = ("A", "Z")
    spec.deep = True
    data = OpenImageIO.DeepData()
    data.init(4, 2, ("float", "float"), ("A", "Z"))
    output = OpenImageIO.ImageOutput.create(str(tmp_path / "deep.exr"))
    assert output.open(str(tmp_path / "deep.exr"), spec)
    output.write_deep_image(data)
    output.close()
    refused(tmp_path / "deep.exr", "deep")


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"none\.png: No such file"):
        read_image(tmp_path / "none.png")


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_cleanly(tmp_path_factory: Any, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("bytes")
    for suffix, magic in ((".png", b"\x89PNG\r\n\x1a\n"), (".exr", b"v/1\x01"), (".tif", b"II*\0")):
        (folder / f"a{suffix}").write_bytes(magic + data)
        with pytest.raises(NtcError):
            read_image(folder / f"a{suffix}")


# --- writing ---


@pytest.mark.parametrize("suffix", [".png", ".tif", ".tga", ".exr"])
def test_a_write_that_fails_leaves_the_old_file(
    suffix: str, tmp_path: Path, rng: np.random.Generator
) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"old")
    pixels = noise(rng, U8, 128, 128, 3)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(FileError, match=path.name):
            write_image(path, pixels.astype(HALF) if suffix == ".exr" else pixels)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_files_are_replaced_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"old")
    (tmp_path / "link.png").hardlink_to(tmp_path / "a.png")
    write_image(tmp_path / "a.png", np.zeros((4, 4, 3), U8))
    assert (tmp_path / "link.png").read_bytes() == b"old"


def test_a_full_disk_is_seen_before_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10, 0, 10))
    with pytest.raises(FileError, match="disk is full"):
        write_image(tmp_path / "a.jpg", np.zeros((8, 8, 3), U8))
    assert list(tmp_path.iterdir()) == []


def test_places_and_kinds_that_cannot_be_written(tmp_path: Path) -> None:
    pixels = np.zeros((4, 4, 3), U8)
    with pytest.raises(FileError, match="No such file or directory"):
        write_image(tmp_path / "none" / "a.png", pixels)
    with pytest.raises(FileError, match=r"use \.png"):
        write_image(tmp_path / "a.webp", pixels)
    with pytest.raises(FileError, match="do not hold half"):
        write_image(tmp_path / "a.png", pixels.astype(HALF))
    with pytest.raises(FileError, match="do not hold uint16"):
        write_image(tmp_path / "a.jpg", pixels.astype(U16))


@pytest.mark.parametrize("suffix", [".png", ".tga", ".tif", ".jpg", ".exr"])
def test_the_same_pixels_give_the_same_bytes(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    write_image(path, np.ones((150, 3, 3), HALF if suffix == ".exr" else U8))
    image = OpenImageIO.ImageInput.open(str(path))
    assert image.spec().getattribute("DateTime") in {None, "1970:01:01 00:00:00"}
    image.close()


def test_half_tiff_becomes_float(tmp_path: Path, rng: np.random.Generator) -> None:
    pixels = noise(rng, HALF, 4, 4, 3)
    write_image(tmp_path / "a.tif", pixels)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), pixels.astype(FLOAT))


def resize(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    size = pixels.shape[1], pixels.shape[0]
    return np.concatenate(list(resize_bands([pixels], size, (width, height))))


def test_resize_keeps_constants_and_means(rng: np.random.Generator) -> None:
    flat = np.full((8, 6, 2), 0.25, FLOAT)
    np.testing.assert_allclose(resize(flat, 13, 5), np.full((5, 13, 2), 0.25), atol=1e-6)
    ramp = np.linspace(0, 1, 64, dtype=FLOAT)[None, :, None].repeat(8, 0)
    np.testing.assert_allclose(
        resize(ramp, 32, 8)[4, 8:-8, 0], ramp[4, :, 0].reshape(-1, 2).mean(1)[8:-8], atol=1e-4
    )
