"""Records and textures for the tests of `ntc.transcode`, and readers that are not ours."""

import io
import struct
from pathlib import Path
from typing import Any, NamedTuple

import imagecodecs
import numpy as np
import OpenImageIO
from PIL import Image

from ntc.format.metadata import Channel, ColorSpace, Curve, MapRecord, Sample, Semantic
from ntc.texture.images import DTYPES
from ntc.transcode import Texture, choose_layout, make_texture

BCN = {"bc1": 1, "bc3": 3, "bc4": 4, "bc5": 5, "bc6h": 6, "bc7": 7}


def record(semantic: str, *sources: int | float | str, **fields: Any) -> MapRecord:
    """A map whose channels come from these outputs, or are these constants (given as floats).

    The last of four channels, or of two of a colour, is called opacity in a colour.
    """
    srgb = semantic in ("albedo", "emissive") and fields.get("sample", "uint8")[0] == "u"
    given = {
        "name": semantic,
        "file": f"x_{semantic}.png",
        "semantic": Semantic(semantic),
        "color_space": ColorSpace.SRGB if srgb else ColorSpace.LINEAR,
        "sample": Sample.UINT8,
        "width": 20,
        "height": 12,
        "curve": Curve.LINEAR,
    }
    letters = "xyza" if semantic == "normal" else "rgba"
    channels = []
    for index, source in enumerate(sources):
        last = index == len(sources) - 1 and len(sources) in (2, 4)
        opacity = last and semantic in ("albedo", "emissive")
        meaning = "opacity" if opacity else f"{semantic}.{letters[index % 4]}"
        kind = "constant" if isinstance(source, float) else "output"
        channels.append(Channel(meaning=meaning, **{kind: source}))
    return MapRecord(**{**given, **fields}, channels=tuple(channels))


def made(
    asked: MapRecord, wanted: str = "auto", size: tuple[int, int] = (20, 12), count: int = 5
) -> tuple[Texture, list[np.ndarray], float | None]:
    """A texture of gradients with `count` mips, and the samples `[h, w, c]` that it was made of."""
    mips = []
    for mip in range(count):
        width, height = max(size[0] >> mip, 1), max(size[1] >> mip, 1)
        mips.append(samples_of(asked, width, height))
    texture, psnr = make_texture(asked, choose_layout(asked, wanted), size, [[m] for m in mips])
    return texture, mips, psnr


def samples_of(asked: MapRecord, width: int, height: int) -> np.ndarray:
    """A gradient between the ends of the map, a step higher in each channel; constants as given.

    In a block the colours lie on a line: what a format does badly does not show.
    """
    channels = asked.channels
    y, x = np.mgrid[:height, :width]
    unit = (x[..., None] + y[..., None]) / (width + height) / 5 + np.arange(len(channels)) / 4
    dtype = DTYPES[asked.sample]
    if dtype.kind == "u":
        pixels = np.rint(unit * np.iinfo(dtype).max).astype(dtype)
    else:
        pixels = (asked.low + unit * (asked.high - asked.low)).astype(dtype)
    for index, channel in enumerate(channels):
        if channel.constant is not None:
            pixels[..., index] = channel.constant
        else:
            pixels[..., index] = pixels[..., channel.output]
    return pixels


def unpacked(texture: Texture, mip: int) -> np.ndarray:
    """`[h, w, c]` of a level, by imagecodecs."""
    width, height = max(texture.width >> mip, 1), max(texture.height >> mip, 1)
    padded = -(-height // 4) * 4, -(-width // 4) * 4
    channels = 4 if texture.format.name == "bc1" else texture.format.channels
    shape = padded if channels == 1 else (*padded, channels)
    decoded = imagecodecs.bcn_decode(texture.levels[mip], BCN[texture.format.name], shape=shape)
    return decoded.reshape(*padded, channels)[:height, :width]


class DdsMip(NamedTuple):
    """A mip as OpenImageIO reads it."""

    pixels: np.ndarray
    color_space: str


def dds_mips(path: Path) -> list[DdsMip]:
    source = OpenImageIO.ImageInput.open(str(path))
    assert source is not None, OpenImageIO.geterror()
    mips = []
    while source.seek_subimage(0, len(mips)):
        spec = source.spec(0, len(mips))
        pixels = source.read_image(0, len(mips), 0, spec.nchannels, spec.format)
        shape = spec.height, spec.width, spec.nchannels
        mips.append(
            DdsMip(
                np.asarray(pixels).reshape(shape),
                spec.get_string_attribute("oiio:ColorSpace"),
            )
        )
    source.close()
    OpenImageIO.geterror()
    return mips


def dds_by_pillow(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


class Ktx2(NamedTuple):
    """What a KTX2 file says, read by the letter of the specification."""

    vk_format: int
    type_size: int
    size: tuple[int, int]
    model: int
    primaries: int
    transfer: int
    block: tuple[int, int]
    block_bytes: int
    samples: list[tuple[int, int, int, int, int]]  # offset, bits, channel, lower, upper
    keys: dict[str, str]
    levels: list[bytes]  # largest first


def read_ktx2(data: bytes) -> Ktx2:
    """Reads a file of one 2D texture and checks the rules of the KTX 2.0 specification."""
    assert data[:12] == bytes([0xAB, 0x4B, 0x54, 0x58, 0x20, 0x32, 0x30, 0xBB, 13, 10, 26, 10])
    vk, type_size, width, height, depth, layers, faces, count, scheme = struct.unpack_from(
        "<9I", data, 12
    )
    assert (depth, layers, faces, scheme) == (0, 0, 1, 0)
    assert 1 <= count <= max(width, height).bit_length()
    dfd_at, dfd_size, kvd_at, kvd_size = struct.unpack_from("<4I", data, 48)
    assert struct.unpack_from("<2Q", data, 64) == (0, 0)
    assert dfd_at == 80 + 24 * count
    assert kvd_at == dfd_at + dfd_size
    total, kind, version, block_size = struct.unpack_from("<2I2H", data, dfd_at)
    assert (total, kind, version, block_size) == (dfd_size, 0, 2, dfd_size - 4)
    model, primaries, transfer, flags, *block = struct.unpack_from("<8B", data, dfd_at + 12)
    assert (flags, block[2:]) == (0, [0, 0])
    planes = struct.unpack_from("<8B", data, dfd_at + 20)
    assert planes[1:] == (0,) * 7
    samples = []
    for at in range(dfd_at + 28, dfd_at + dfd_size, 16):
        offset, bits, channel, position, lower, upper = struct.unpack_from("<HBBIII", data, at)
        assert position == 0
        samples.append((offset, bits + 1, channel, lower, upper))
    assert sum(bits for _, bits, *_ in samples) == 8 * planes[0]
    keys = _keys(data[kvd_at : kvd_at + kvd_size])
    levels = _levels(data, count, planes[0], kvd_at + kvd_size)
    assert len(levels[0]) == planes[0] * -(-width // (block[0] + 1)) * -(-height // (block[1] + 1))
    sides = block[0] + 1, block[1] + 1
    return Ktx2(
        vk, type_size, (width, height), model, primaries, transfer, sides, planes[0], samples,
        keys, levels,
    )  # fmt: skip


def _keys(data: bytes) -> dict[str, str]:
    keys, at = {}, 0
    while at < len(data):
        (size,) = struct.unpack_from("<I", data, at)
        key, value, empty = data[at + 4 : at + 4 + size].split(b"\0")
        assert empty == b""
        keys[key.decode()] = value.decode()
        end = at + 4 + size
        at = -(-end // 4) * 4
        assert data[end:at] == bytes(at - end)
    assert at == len(data)
    assert list(keys) == sorted(keys)
    return keys


def _levels(data: bytes, count: int, block_bytes: int, end: int) -> list[bytes]:
    """The levels; smallest first in the file, aligned, with zeros between them and no more."""
    entries = [struct.unpack_from("<3Q", data, 80 + 24 * mip) for mip in range(count)]
    for at, size, unpacked_size in reversed(entries):
        assert size == unpacked_size
        assert at % np.lcm(block_bytes, 4) == 0
        assert 0 <= at - end < np.lcm(block_bytes, 4)
        assert data[end:at] == bytes(at - end)
        end = at + size
    assert end == len(data)
    return [data[at : at + size] for at, size, _ in entries]
