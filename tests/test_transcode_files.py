"""DDS and KTX2 files, read back by readers that are not ours."""

import json
import shutil
import struct
import subprocess
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from conftest import missing
from textures import dds_by_pillow, dds_mips, made, read_ktx2, record, unpacked

from ntc.transcode import FORMATS, Texture, dds, ktx2

ROOT = Path(__file__).resolve().parents[1]
MAPS = {
    "bc1": record("albedo", 0, 1, 2),
    "bc3": record("albedo", 0, 1, 2, 3),
    "bc4": record("roughness", 0),
    "bc5": record("normal", 0, 1, 2),
    "bc6h": record("emissive", 0, 1, 2, sample="half", high=9.0),
    "bc7": record("albedo", 0, 1, 2, 3),
    "rgba8": record("packed", 0, 1, 2, 3),
    "rgba16f": record("emissive", 0, 1, 2, 3, sample="half", high=9.0),
}
LINEAR = {"bc1", "bc3", "bc7", "rgba8"}  # again, of data


def textures() -> dict[str, Texture]:
    """One of each format, and again without sRGB where it has one."""
    found = {name: made(asked, name)[0] for name, asked in MAPS.items()}
    packed, color = record("packed", 0, 1, 2, 3), record("albedo", 0, 1, 2, 3)
    found |= {f"{name}-linear": made(packed, name)[0] for name in LINEAR}
    return found | {"rgba8-srgb": made(color, "rgba8")[0]}


TEXTURES = textures()
assert {t.format.name for t in TEXTURES.values()} == set(FORMATS)


def texels(texture: Texture, mip: int) -> np.ndarray:
    if texture.format.side == 4:
        return unpacked(texture, mip)
    shape = max(texture.height >> mip, 1), max(texture.width >> mip, 1), 4
    return np.frombuffer(texture.levels[mip], texture.format.dtype).reshape(shape)


@pytest.mark.parametrize("name", sorted(set(TEXTURES) - {"rgba16f"}))
def test_openimageio_reads_every_mip(name: str, tmp_path: Path) -> None:
    """It knows no halves without blocks, and decoders may round to either side."""
    texture, path = TEXTURES[name], tmp_path / "x.dds"
    path.write_bytes(b"".join(dds.chunks(texture)))
    mips = dds_mips(path)
    assert len(mips) == len(texture.levels) == 5
    for mip, (pixels, color_space) in enumerate(mips):
        expected = texels(texture, mip)
        assert pixels.shape[:2] == expected.shape[:2]
        difference = pixels[..., : expected.shape[2]].astype(float) - expected.astype(float)
        assert np.abs(difference).max() <= (0 if name == "bc6h" else 1)
        assert ("srgb" in color_space) == texture.srgb


@pytest.mark.parametrize("name", sorted(set(TEXTURES) - {"bc1", "bc3", "bc6h", "rgba16f"}))
def test_pillow_reads_dds(name: str) -> None:
    """It does not know halves, nor BC1 and BC3 with sRGB, and cuts BC6H off at 1."""
    pixels = dds_by_pillow(b"".join(dds.chunks(TEXTURES[name])))
    expected = texels(TEXTURES[name], 0)
    pixels = pixels.reshape(*expected.shape[:2], -1)[..., : expected.shape[2]]
    assert np.abs(pixels.astype(int) - expected.astype(int)).max() <= 1


# DXGI_FORMAT and D3D10_RESOURCE_MISC alpha mode, from Microsoft's reference.
DXGI = {
    "bc1": (72, 3), "bc1-linear": (71, 3), "bc3": (78, 1), "bc3-linear": (77, 4), "bc4": (80, 3),
    "bc5": (83, 3), "bc6h": (95, 3), "bc7": (99, 1), "bc7-linear": (98, 4), "rgba8": (28, 4),
    "rgba8-linear": (28, 4), "rgba8-srgb": (29, 1), "rgba16f": (10, 1),
}  # fmt: skip


@pytest.mark.parametrize("name", TEXTURES)
def test_dds_header(name: str) -> None:
    texture = TEXTURES[name]
    data = b"".join(dds.chunks(texture))
    assert data[:4] == b"DDS "
    size, flags, height, width, pitch, _, mips = struct.unpack_from("<7I", data, 4)
    assert (size, height, width, mips) == (124, 12, 20, 5)
    blocks = texture.format.side == 4
    assert flags == 0x21007 | (0x80000 if blocks else 0x8)
    assert pitch == (len(texture.levels[0]) if blocks else 20 * texture.format.block_bytes)
    assert data[32:76] == bytes(44)
    assert struct.unpack_from("<2I4s", data, 76) == (32, 4, b"DX10")
    assert struct.unpack_from("<5I", data, 108) == (0x401008, 0, 0, 0, 0)
    dxgi, dimension, misc, layers, alpha = struct.unpack_from("<5I", data, 128)
    assert (dxgi, alpha) == DXGI[name]
    assert (dimension, misc, layers) == (3, 0, 1)
    assert data[148:] == b"".join(texture.levels)


def test_dds_of_one_mip_says_so() -> None:
    texture = made(MAPS["bc4"], "bc4", count=1)[0]
    data = b"".join(dds.chunks(texture))
    assert struct.unpack_from("<I", data, 28) == (1,)
    assert struct.unpack_from("<I", data, 108) == (0x1000,)


# VkFormat, color model, block, bytes and channel numbers: from the Vulkan specification and the
# Khronos Data Format Specification, chapters 5.6 and 5.10.
FULL = 0xFFFFFFFF
BYTES = [(0, 8, 0, 0, 255), (8, 8, 1, 0, 255), (16, 8, 2, 0, 255)]
ONE, MINUS_ONE = 0x3F800000, 0xBF800000
KTX = {
    "bc1": (132, 128, [(0, 64, 0, 0, FULL)]),
    "bc1-linear": (131, 128, [(0, 64, 0, 0, FULL)]),
    "bc3": (138, 130, [(0, 64, 0x1F, 0, FULL), (64, 64, 0, 0, FULL)]),
    "bc3-linear": (137, 130, [(0, 64, 15, 0, FULL), (64, 64, 0, 0, FULL)]),
    "bc4": (139, 131, [(0, 64, 0, 0, FULL)]),
    "bc5": (141, 132, [(0, 64, 0, 0, FULL), (64, 64, 1, 0, FULL)]),
    "bc6h": (143, 133, [(0, 128, 0x80, 0, ONE)]),
    "bc7": (146, 134, [(0, 128, 0, 0, FULL)]),
    "bc7-linear": (145, 134, [(0, 128, 0, 0, FULL)]),
    "rgba8": (37, 1, [*BYTES, (24, 8, 15, 0, 255)]),
    "rgba8-linear": (37, 1, [*BYTES, (24, 8, 15, 0, 255)]),
    "rgba8-srgb": (43, 1, [*BYTES, (24, 8, 0x1F, 0, 255)]),
    "rgba16f": (
        97,
        1,
        [(16 * i, 16, 0xC0 | c, MINUS_ONE, ONE) for i, c in enumerate((0, 1, 2, 15))],
    ),
}


@pytest.mark.parametrize("name", TEXTURES)
def test_ktx2_keeps_the_specification(name: str) -> None:
    texture = TEXTURES[name]
    file = read_ktx2(b"".join(ktx2.chunks(texture)))
    assert (file.vk_format, file.model, file.samples) == KTX[name]
    assert file.size == (20, 12)
    assert file.type_size == (2 if name == "rgba16f" else 1)
    assert file.block == (texture.format.side,) * 2
    assert file.block_bytes == texture.format.block_bytes
    assert file.transfer == (2 if texture.srgb else 1)
    color = MAPS.get(name, MAPS["rgba8"]).name in ("albedo", "emissive") or name == "rgba8-srgb"
    assert file.primaries == int(color)
    assert file.keys == {"KTXorientation": "rd", "KTXwriter": f"ntc {version('ntc')}"}
    assert file.levels == list(texture.levels)


def test_ktx_parse_reads_ktx2(tmp_path: Path) -> None:
    """`ktx-parse`, which three.js reads with: it says what our own reading of the rules says."""
    module = ROOT / "node_modules" / "ktx-parse" / "dist" / "index.mjs"
    node = shutil.which("node")
    if node is None or not module.exists():
        missing("needs node and `npm install ktx-parse`", "NTC_EXPECT_BROWSER")
    program = """
    import fs from "fs"; import { pathToFileURL } from "url"
    const [module, ...files] = process.argv.slice(1)
    const { read } = await import(pathToFileURL(module))
    console.log(JSON.stringify(files.map(file => {
      const found = read(new Uint8Array(fs.readFileSync(file)))
      return { ...found, levels: found.levels.map(level => Array.from(level.levelData)) }
    })))"""
    paths = []
    for name, texture in TEXTURES.items():
        paths.append(tmp_path / f"{name}.ktx2")
        paths[-1].write_bytes(b"".join(ktx2.chunks(texture)))
    command = [node, "--input-type=module", "-e", program, module, *paths]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    for (name, texture), found in zip(TEXTURES.items(), json.loads(ended.stdout), strict=True):
        vk_format, model, samples = KTX[name]
        assert found["vkFormat"] == vk_format
        assert [bytes(level) for level in found["levels"]] == list(texture.levels)
        assert (found["pixelWidth"], found["pixelHeight"], found["levelCount"]) == (20, 12, 5)
        (block,) = found["dataFormatDescriptor"]
        assert block["colorModel"] == model
        assert block["transferFunction"] == (2 if texture.srgb else 1)
        assert [s["channelType"] for s in block["samples"]] == [s[2] for s in samples]
        assert found["keyValue"]["KTXorientation"] == "rd"
