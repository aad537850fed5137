from pathlib import Path
from typing import Any

import numpy as np
import pytest
from material_files import by_name, make, put, refused, restored, write_manifest

from ntc.errors import FileError, UsageError
from ntc.format.metadata import (
    ColorSpace,
    NormalConvention,
)
from ntc.texture import (
    load_material,
    resize_map_bands,
)

GL, DX = NormalConvention.OPENGL, NormalConvention.DIRECTX
U8 = np.uint8


# --- sizes, counts, duplicates ---


def resize_map(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    size = pixels.shape[1], pixels.shape[0]
    return np.concatenate(list(resize_map_bands([pixels], size, (width, height))))


def test_smaller_maps_are_resized_and_said_so(tmp_path: Path) -> None:
    make(tmp_path / "w_albedo.png", size=(16, 32))
    wave = 128 + 100 * np.sin(np.arange(8) / 2)
    small = put(tmp_path / "w_ao.png", np.tile(wave[:, None], (4, 1, 1)).astype(U8))
    material = load_material(tmp_path)
    record = by_name(material)["ao"]
    assert (material.width, material.height) == (32, 16)
    assert (record.width, record.height) == (8, 4)
    assert any("w_ao.png: 8x4 resized to 32x16" in warning for warning in material.warnings)
    back = resize_map(restored(material)["ao"], 8, 4)
    assert back.dtype == U8
    assert np.abs(back.astype(int) - small)[:, 1:-1].max() <= 4


def test_resizing_stays_in_range() -> None:
    edge = np.zeros((8, 8, 1), U8)
    edge[:, 4:] = 255
    assert resize_map(edge, 32, 8).dtype == U8
    assert resize_map(edge, 32, 8)[0, [0, -1], 0].tolist() == [0, 255]


def test_too_many_channels(tmp_path: Path) -> None:
    for index in range(10):
        make(tmp_path / f"layer{index}.png", 4)
    refused(tmp_path, "40 channels", "32", "--exclude")
    assert load_material(tmp_path, exclude=["layer8*", "layer9.png"]).channels.shape[2] == 32


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("a_albedo.png", "b_albedo.png"),
        ("x_albedo.png", "x_albedo.tga"),
        ("x_Normal.png", "x_Normal_LOD1.png"),
        ("x_orm.png", "x_arm.png"),
    ],
)
def test_two_files_for_one_map(first: str, second: str, tmp_path: Path) -> None:
    make(tmp_path / first)
    make(tmp_path / second)
    refused(tmp_path, first, second, "--exclude")
    assert load_material(tmp_path, exclude=[second]).maps[0].file == first


def test_tiles_are_compressed_apart(tmp_path: Path) -> None:
    make(tmp_path / "w_albedo.1001.png")
    make(tmp_path / "w_normal.1001.png")
    assert len(load_material(tmp_path).maps) == 2
    make(tmp_path / "w_albedo.1002.png")
    refused(tmp_path, "1001", "1002", "--only")
    assert load_material(tmp_path, only=["*1002*"]).maps[0].file == "w_albedo.1002.png"


def test_only_and_exclude(tmp_path: Path) -> None:
    for name in ("w_albedo.png", "w_normal.png", "w_gloss.png"):
        make(tmp_path / name)

    def names(**options: Any) -> list[str]:
        return [record.name for record in load_material(tmp_path, **options).maps]

    assert names(only=["albedo"]) == ["albedo"]
    assert names(only=["NORM*", "roughness"]) == ["glossiness", "normal"]
    assert names(exclude=["gloss*"]) == ["albedo", "normal"]
    refused(tmp_path, "--only", error=UsageError, only=["height"])
    refused(tmp_path, "--exclude", error=UsageError, exclude=["*"])


def test_too_many_maps(tmp_path: Path) -> None:
    for index in range(65):
        put(tmp_path / f"layer{index}.png", np.zeros((1, 1, 1), U8))
    refused(tmp_path, "65 images", "64")


def test_names_that_differ_in_case_only(tmp_path: Path) -> None:
    make(tmp_path / "w_x.png")
    put(tmp_path / "W_X.png", np.zeros((1, 1, 1), U8))
    refused(tmp_path, "the same file name twice")


def test_long_names_that_begin_alike(tmp_path: Path) -> None:
    for ending in "pq":
        make(tmp_path / ("n" * 150 + f"{ending}.png"))
    names = [record.name for record in load_material(tmp_path).maps]
    assert names == ["n" * 120, "n" * 120 + "_2"]


def test_unprintable_names(tmp_path: Path) -> None:
    (tmp_path / "a\nb.png").write_bytes(b"x")
    refused(tmp_path, "unprintable")


def test_places_without_a_material(tmp_path: Path) -> None:
    refused(tmp_path, "no images")
    refused(tmp_path / "none", "no such file", error=FileError)
    (tmp_path / "a.txt").write_text("x")
    refused(tmp_path / "a.txt", "a.txt", ".png")


def test_one_broken_image_stops_the_set(tmp_path: Path) -> None:
    make(tmp_path / "w_albedo.png")
    (tmp_path / "w_normal.png").write_text("not an image")
    refused(tmp_path, "w_normal.png")


# --- manifests ---


def test_a_manifest_wins_over_names(tmp_path: Path) -> None:
    make(tmp_path / "one_roughness.png")
    make(tmp_path / "two.png", 1)
    make(tmp_path / "sub/three.png")
    make(tmp_path / "four.png", 2)
    make(tmp_path / "left_over.png")
    path = write_manifest(
        tmp_path,
        {"file": "one_roughness.png", "semantic": "albedo", "srgb": False, "sha256": "0"},
        {"file": "two.png", "semantic": "Base_Color"},
        {"file": "sub/three.png", "semantic": "normal", "normal": "directx"},
        {"file": "four.png", "semantic": "other", "channel_semantics": ["glossiness", "wetness"]},
        name="Rock",
        license="CC0-1.0",
    )
    refused(tmp_path, "one_roughness.png", "two.png", "albedo")
    assert load_material(path, exclude=["two.png"]).name == "Rock"
    material = load_material(tmp_path, exclude=["two.png"])
    records = by_name(material)
    assert records["albedo"].color_space is ColorSpace.LINEAR
    assert records["normal"].file == "three.png"
    assert records["normal"].normal is DX
    assert [(c.meaning, c.inverted) for c in records["four"].channels] == [
        ("roughness", True),
        ("wetness", False),
    ]
    assert any("left_over.png" in warning for warning in material.warnings)


def test_names_in_a_manifest_still_tell_the_convention(tmp_path: Path) -> None:
    make(tmp_path / "w_nor_dx.png")
    write_manifest(tmp_path, {"file": "w_nor_dx.png", "semantic": "normal"})
    assert load_material(tmp_path).maps[0].normal is DX


@pytest.mark.parametrize(
    "file",
    [
        "../out.png",
        "/etc/out.png",
        "sub/../a.png",
        "sub/../../out.png",
        "C:\\out.png",
        "..\\out.png",
        "x\0y",
    ],
)
def test_manifests_do_not_leave_their_folder(file: str, tmp_path: Path) -> None:
    put(tmp_path / "out.png", np.zeros((2, 2, 3), U8))
    put(tmp_path / "set" / "a.png", np.zeros((2, 2, 3), U8))
    (tmp_path / "set" / "sub").mkdir()
    refused(write_manifest(tmp_path / "set", {"file": file, "semantic": "ao"}), "manifest.json")


def test_symbolic_links_do_not_leave_either(tmp_path: Path) -> None:
    put(tmp_path / "out.png", np.zeros((2, 2, 3), U8))
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "in.png").symlink_to(tmp_path / "out.png")
    write_manifest(tmp_path / "set", {"file": "in.png", "semantic": "ao"})
    refused(tmp_path / "set", "in.png", "leads out")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "not valid JSON"),
        ("{", "not valid JSON"),
        ("[" * 100000, "not valid JSON"),
        ('"\udc00"', "not valid JSON"),
        ("[]", "manifest.json"),
        ("{}", "maps"),
        ('{"maps": []}', "maps"),
        ('{"maps": [{"file": "a.png", "semantic": "smell"}]}', "`smell` is not a semantic"),
        ('{"maps": [{"file": "a.png", "semantic": "preview"}]}', "not a semantic"),
        ('{"maps": [{"file": "a.png"}]}', "semantic"),
        ('{"maps": [{"file": "none.png", "semantic": "ao"}]}', "`none.png` does not exist"),
        ('{"name": "../x", "maps": [{"file": "a.png", "semantic": "ao"}]}', "name"),
        ('{"maps": [{"file": "a.png", "semantic": "ao", "normal": "up"}]}', "normal"),
    ],
)
def test_manifests_that_are_not_usable(text: str, word: str, tmp_path: Path) -> None:
    make(tmp_path / "a.png")
    (tmp_path / "manifest.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    refused(tmp_path, "manifest.json", word)


def test_one_file_twice_in_a_manifest(tmp_path: Path) -> None:
    make(tmp_path / "a.png")
    make(tmp_path / "sub/a.png")
    twice = [{"file": "a.png", "semantic": s} for s in ("ao", "height")]
    write_manifest(tmp_path, *twice)
    refused(tmp_path, "a.png", "twice")
    write_manifest(tmp_path, twice[0], {"file": "sub/a.png", "semantic": "height"})
    refused(tmp_path, "sub", "twice")


def test_huge_manifests(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_bytes(b" " * ((4 << 20) + 1))
    refused(tmp_path, "larger than")
