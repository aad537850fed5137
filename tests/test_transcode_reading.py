"""Exported textures, read back as images: `ntc compare` and the viewer open them."""

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import Commands
from test_transcode_files import TEXTURES
from textures import dds_mips

from ntc.errors import InputError
from ntc.texture import read_image
from ntc.transcode import dds, ktx2
from ntc.transcode.reading import as_images, read_texture

KINDS = {"dds": dds, "ktx2": ktx2}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", sorted(TEXTURES))
def test_the_first_level_comes_back(name: str, kind: str) -> None:
    texture, module = TEXTURES[name], KINDS[kind]
    level = module.read(b"".join(module.chunks(texture)))
    assert (level.format, level.width, level.height) == (texture.format, 20, 12)
    assert level.data == texture.levels[0]


@pytest.mark.parametrize("kind", KINDS)
def test_broken_textures_are_one_line(kind: str, tmp_path: Path, rng: np.random.Generator) -> None:
    texture, module, path = TEXTURES["bc7"], KINDS[kind], tmp_path / f"x.{kind}"
    whole = b"".join(module.chunks(texture))
    broken = [whole[:length] for length in range(0, 400, 7)]
    for place in range(160):
        changed = bytearray(whole)
        changed[place] = int(rng.integers(256))
        broken.append(bytes(changed))
    failures = []
    for data in broken:
        path.write_bytes(data)
        try:
            pixels = read_texture(path, normal=False)
            assert pixels.ndim == 3
        except InputError as error:
            failures.append(str(error).startswith(f"{path}: "))
    assert len(failures) > 60
    assert all(failures)


def test_a_texture_of_two_kinds_is_no_choice(tmp_path: Path) -> None:
    for kind, module in KINDS.items():
        (tmp_path / f"x_albedo.{kind}").write_bytes(b"".join(module.chunks(TEXTURES["bc7"])))
    with pytest.raises(InputError, match="twice"), as_images(tmp_path):
        pass


def test_headers_of_other_programs(tmp_path: Path) -> None:
    whole = b"".join(dds.chunks(TEXTURES["bc4"]))
    old = whole[:84] + b"ATI1" + whole[88:128] + whole[148:]
    assert dds.read(old).data == TEXTURES["bc4"].levels[0]
    with pytest.raises(InputError, match="does not write"):
        dds.read(old.replace(b"ATI1", b"DXT3"))


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_exported_can_be_compared(
    commands: Commands, small_file: Path, tmp_path: Path, kind: str
) -> None:
    out, bricks = tmp_path / "out", small_file.parent / "bricks"
    exported = commands("export", small_file, "-o", out, "--to", kind, "--json")
    told = {entry["map"]: entry["psnr"] for entry in json.loads(exported.out)["written"]}
    with as_images(out) as images:
        assert {path.stem for path in images.iterdir()} == {path.stem for path in bricks.iterdir()}
        normal = read_image(images / "bricks_normal_gl.png") / 127.5 - 1
        inside = (normal[..., :2] ** 2).sum(axis=2) < 1  # the waves of the material go beyond
        assert inside.sum() > 100
        assert np.abs(np.linalg.norm(normal[inside], axis=1) - 1).max() < 0.02
    assert not images.exists()
    ended = commands("compare", small_file, out, "--json")
    assert ended.code == 0, ended.err
    report = json.loads(ended.out)
    assert set(report["maps"]) == {"albedo", "normal", "height", "ao"}
    assert report["maps"]["albedo"] == pytest.approx(told["albedo"], abs=0.05)

    one = commands("compare", bricks / "bricks_albedo.png", out / f"bricks_albedo.{kind}", "--json")
    assert one.code == 0, one.err
    if kind == "dds":
        with as_images(out) as images:
            found = read_image(images / "bricks_albedo.png").astype(int)
        expected = dds_mips(out / "bricks_albedo.dds")[0].pixels
        assert np.abs(found - expected[..., : found.shape[2]]).max() <= 1  # decoders round
