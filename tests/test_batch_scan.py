"""`ntc scan`: which files of a library make which materials, and the plan that it writes."""

import hashlib
import os
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import Commands
from hypothesis import given
from hypothesis import strategies as st
from library import BOMB, CORRUPT, Expected, make_library, touch, write_gltf
from material_files import make, write_manifest

from ntc.batch import scan as scanning
from ntc.batch.plan import (
    LibraryPlan,
    PlannedMap,
    listing_of,
    name_fault,
    read_plan,
    write_plan,
)
from ntc.batch.scan import scan
from ntc.errors import InputError
from ntc.format.metadata import NormalConvention
from ntc.texture import load_material

GL, DX = NormalConvention.OPENGL, NormalConvention.DIRECTX


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Expected]:
    folder = tmp_path_factory.mktemp("scan") / "library"
    return folder, make_library(folder)


def found(plan: LibraryPlan) -> dict[str, tuple[str, dict[str, str]]]:
    return {m.name: (m.folder, {e.file: e.semantic for e in m.maps}) for m in plan.materials}


# --- the whole tree ---


def test_the_table(library: tuple[Path, Expected]) -> None:
    folder, expected = library
    plan = scan(folder)
    assert len(plan.materials) == 200
    assert found(plan) == expected.materials
    reasons = {left.file: left.reason for left in plan.left_out}
    assert set(reasons) == set(expected.left_out)
    for file, words in expected.left_out.items():
        assert words in reasons[file], file


def test_the_real_sets(materials: dict[str, Path]) -> None:
    folder = next(iter(materials.values())).parent
    plan = scan(folder)
    assert {m.name: m.folder for m in plan.materials} == {name: name for name in materials}
    assert plan.left_out == ()


def test_every_material_can_be_read_but_the_bad_ones(library: tuple[Path, Expected]) -> None:
    folder, expected = library
    refused = {}
    for material in scan(folder).materials:
        try:
            load_material(listing_of(material, folder))
        except InputError as error:
            refused[material.name] = str(error)
    assert set(refused) == set(expected.failing)
    assert BOMB in refused["bad/bomb"]
    assert CORRUPT in refused["bad/corrupt"]


def test_images_of_the_tree_differ(library: tuple[Path, Expected]) -> None:
    folder, expected = library
    files = [folder / place / f for place, maps in expected.materials.values() for f in maps]
    assert len({hashlib.blake2b(file.read_bytes()).digest() for file in files}) == len(files)


def test_nothing_is_opened(library: tuple[Path, Expected], monkeypatch: Any) -> None:
    for name in ("read_header", "read_bands", "read_image"):
        monkeypatch.setattr(f"ntc.texture.images.{name}", lambda *_: pytest.fail("opened"))
    assert len(scan(library[0]).materials) == 200


def test_a_thousand_materials_quickly(tmp_path: Path) -> None:
    """A tenth of 10,000 in a tenth of their minute."""
    for index in range(1000):
        place = tmp_path / ("flat" if index % 2 else f"folder{index}")
        place.mkdir(exist_ok=True)
        for letter in "DNR":
            (place / f"T_Stone{index}_{letter}.png").touch()
    start = time.process_time()
    write_plan(scan(tmp_path), tmp_path / "plan.json")
    assert len(read_plan(tmp_path / "plan.json").materials) == 1000
    assert time.process_time() - start < 6


# --- trees ---


def test_the_top_folder_gives_its_name(tmp_path: Path) -> None:
    folder = touch(tmp_path / "Sand", "albedo.png", "normal.png", "wall_albedo.png")
    assert found(scan(folder)) == {
        "Sand": (".", {"albedo.png": "albedo", "normal.png": "normal"}),
        "wall": (".", {"wall_albedo.png": "albedo"}),
    }


def test_names_do_not_meet(tmp_path: Path) -> None:
    files = [f"{folder}/{map}.png" for folder in ("Rock", "ROCK", "rock") for map in ("ao", "bump")]
    plan = scan(touch(tmp_path, *files, "x.ntc/ao.png", "x.ntc/y/ao.png", "x/ao.png"))
    assert {m.name: m.folder for m in plan.materials} == {
        "ROCK": "ROCK",
        "Rock_2": "Rock",
        "rock_3": "rock",
        "x": "x",
        "x.ntc": "x.ntc",
        "x.ntc_/y": "x.ntc/y",
    }
    assert "not called `Rock`: taken" in "".join(plan.materials[1].notes)


@given(st.lists(st.text(min_size=1), min_size=1, max_size=3).map("/".join))
def test_any_text_becomes_a_name(wanted: str) -> None:
    names = scanning._Names("library")
    made = [names.take(f"a/{wanted}") for _ in range(3)]
    assert [name_fault(name) for name in made] == [None] * 3
    assert len({name.casefold() for name in made}) == 3


@pytest.mark.parametrize("name", ["aux", "con.rock", "LPT1", "..", "...", "a.", " ", "x" * 300])
def test_awkward_names(name: str) -> None:
    assert name_fault(scanning._Names("library").take(name)) is None


def test_links(tmp_path: Path) -> None:
    touch(tmp_path, "out/rock_ao.png", "lib/a/rock_albedo.png")
    folder = tmp_path / "lib/a"
    (folder / "rock_normal.png").symlink_to(folder / "rock_albedo.png")
    (folder / "rock_ao.png").symlink_to(tmp_path / "out/rock_ao.png")
    (folder / "rock_bump.png").symlink_to(folder / "none.png")
    (folder / "loop").symlink_to(tmp_path / "lib", target_is_directory=True)
    plan = scan(tmp_path / "lib")
    assert [e.file for e in plan.materials[0].maps] == ["rock_albedo.png", "rock_normal.png"]
    assert {left.file: left.reason.split(";")[0] for left in plan.left_out} == {
        "a/loop": "a link to a folder",
        "a/rock_ao.png": "a link out of its folder",
        "a/rock_bump.png": "not a file, or a link to none",
    }


def test_names_that_are_no_text(tmp_path: Path) -> None:
    touch(tmp_path, "a/rock_ao.png", "b\n/rock_ao.png", "c\\d/rock_ao.png", "a/x\n_ao.png")
    (tmp_path / os.fsdecode(b"\xff")).mkdir()
    (tmp_path / os.fsdecode(b"a/\xff_ao.png")).touch()
    plan = scan(tmp_path)
    assert set(found(plan)) == {"a/rock"}
    left = {left.file for left in plan.left_out}
    assert left == {r"\xff", r"a/\xff_ao.png", r"b\n", r"c\d", r"a/x\n_ao.png"}
    write_plan(plan, tmp_path / "plan.json")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_folders_that_may_not_be_read(tmp_path: Path) -> None:
    touch(tmp_path, "a/rock_ao.png", "b/rock_ao.png")
    (tmp_path / "b").chmod(0)
    plan = scan(tmp_path)
    assert [left.file for left in plan.left_out] == ["b"]


def test_manifests(tmp_path: Path) -> None:
    touch(tmp_path, "a/x.png", "a/deep/y.png", "a/deep/z_ao.png", "a/rest_ao.png", "b/rock_ao.png")
    write_manifest(
        tmp_path / "a",
        {"file": "x.png", "semantic": "Base_Color", "srgb": False},
        {"file": "deep/y.png", "semantic": "other", "channel_semantics": ["wetness"]},
    )
    (tmp_path / "b/manifest.json").write_text('{"start_url": "/"}')
    plan = scan(tmp_path)
    assert found(plan) == {
        "a": ("a", {"x.png": "Base_Color", "deep/y.png": "other"}),
        "a/deep/z": ("a/deep", {"z_ao.png": "ao"}),
        "b/rock": ("b", {"rock_ao.png": "ao"}),
    }
    assert plan.materials[0].maps[0].srgb is False
    assert plan.materials[0].maps[1].channel_semantics == ("wetness",)
    assert {left.file: left.reason for left in plan.left_out} == {
        "a/rest_ao.png": "not listed in manifest.json beside it",
        "b/manifest.json": "not a list of maps",
    }


def test_gltf_packing(tmp_path: Path) -> None:
    touch(tmp_path, "t/a.png", "t/b.png", "t/c.png", "t/d.png", "t/e.png", "t/f_normal.png")
    everywhere = {
        "pbrMetallicRoughness": {"metallicRoughnessTexture": {"index": 0}},
        "occlusionTexture": {"index": 1},
        "normalTexture": {"index": 2},
        "emissiveTexture": {"index": 3},
        "extensions": {
            "KHR_materials_clearcoat": {"clearcoatNormalTexture": {"index": 4}},
            "KHR_materials_specular": {"specularTexture": {"index": 3}},
        },
    }
    write_gltf(
        tmp_path / "x.gltf",
        ["t/a.png", "t/b.png", "./t/c.png", "t/d.png", "t/e.png", "../out.png"],
        everywhere,
        {**everywhere, "name": "same"},
        {"normalTexture": {"index": 5}},
    )
    plan = scan(tmp_path)
    name = f"{tmp_path.name}/x/material0".replace(f"{tmp_path.name}/", "")
    material = next(m for m in plan.materials if m.name == name)
    maps = {entry.file: entry for entry in material.maps}
    assert {file: entry.semantic for file, entry in maps.items()} == {
        "a.png": "metallic_roughness",
        "b.png": "ao",
        "c.png": "normal",
        "d.png": "emissive",
        "e.png": "other",
    }
    assert maps["c.png"].normal is GL
    said = "\n".join(material.notes)
    assert "the same maps as material `same`" in said
    assert "d.png: used for emissiveTexture, specularTexture, taken for emissive" in said
    assert "e.png: kept as `other` for clearcoatNormalTexture" in said
    assert set(found(plan)) == {name, "t/f"}


def test_gltf_channels_of_one_image(library: tuple[Path, Expected]) -> None:
    (visor,) = [m for m in scan(library[0]).materials if m.name == "models/Helmet/Visor"]
    assert visor.maps[1].channel_semantics == ("clearcoat", "clearcoat_roughness")
    assert any("emissiveTexture: has no image in a file" in note for note in visor.notes)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("{", "not a usable glTF"),
        ("[]", "not a usable glTF"),
        ('{"materials": [{"normalTexture": {"index": 3}}]}', "not a usable glTF"),
        ('{"materials": [{}]}', "ntc gltf"),
        ("[" * 100000, "not a usable glTF"),
        ('{"materials": {"a": 1}}', "not a usable glTF"),
    ],
)
def test_broken_gltf(text: str, word: str, tmp_path: Path) -> None:
    touch(tmp_path, "rock_albedo.png")
    (tmp_path / "x.gltf").write_text(text)
    plan = scan(tmp_path)
    assert set(found(plan)) == {"rock"}
    assert [left.file for left in plan.left_out] == ["x.gltf"]
    assert word in plan.left_out[0].reason


def test_names_of_gltf_materials_that_are_no_text(tmp_path: Path) -> None:
    materials = [{"name": f"\ud800\n{i}", "normalTexture": {"index": 0}} for i in range(2)]
    write_gltf(touch(tmp_path, "a.png") / "x.gltf", ["a.png"], *materials)
    plan = scan(tmp_path)
    said = plan.materials[0].notes
    assert said[1:] == (r"the same maps as material `\ud800\n1`", *said[2:])
    write_plan(plan, tmp_path / "plan.json")


def test_conventions_of_normals(tmp_path: Path) -> None:
    files = ["T_Rock_D.png", "T_Rock_N.png", "wood_albedo.png", "wood_normal.png", "a_NormalGL.png"]
    plan = scan(touch(tmp_path, *files))
    given = {e.file: e.normal for m in plan.materials for e in m.maps if e.semantic == "normal"}
    assert given == {"T_Rock_N.png": DX, "wood_normal.png": None, "a_NormalGL.png": GL}
    said = "\n".join(note for material in plan.materials for note in material.notes)
    assert "T_Rock_N.png: taken for directx, as Unreal has it" in said
    assert "wood_normal.png: its name does not say" in said
    assert "a_NormalGL.png: taken for opengl" not in said


def test_the_convention_of_a_folder(tmp_path: Path) -> None:
    for file in ("tex/albedo/a.png", "tex/normal dx/a.png"):
        make(tmp_path / file)
    (material,) = scan(tmp_path).materials
    assert {entry.file: entry.normal for entry in material.maps}["normal dx/a.png"] is DX


# --- the command ---


def test_the_command(library: tuple[Path, Expected], commands: Commands, tmp_path: Path) -> None:
    folder, _ = library
    target = tmp_path / "plan.json"
    ended = commands("scan", folder, "-o", target)
    assert ended.code == 0
    lines = ended.out.splitlines()
    assert lines[-1] == "200 materials, 412 maps, 25 left out"
    at = lines.index("Case/ROCK  in Case")
    assert lines[at + 1 : at + 4] == [
        "  albedo     ROCK_ALBEDO.PNG",
        "  normal     rock_Normal.png",
        "  roughness  Rock_roughness.Tga",
    ]
    assert "  loose/thumbs/poster_color.png: in a folder of previews, `thumbs`" in lines
    plan = read_plan(target)
    assert plan.library == os.path.relpath(folder, tmp_path)
    assert plan.materials == scan(folder).materials


def test_an_edited_plan_is_not_lost(
    library: tuple[Path, Expected], commands: Commands, tmp_path: Path
) -> None:
    target = tmp_path / "plan.json"
    target.write_text("mine")
    ended = commands("scan", library[0], "-o", target)
    assert ended.code == 2
    assert "--on-existing overwrite" in ended.err
    assert ended.out == ""
    assert commands("scan", library[0], "-o", target, "--on-existing", "skip").code == 0
    assert target.read_text() == "mine"
    assert commands("scan", library[0], "-q", "-o", target, "--on-existing", "overwrite").out == ""
    assert len(read_plan(target).materials) == 200


def test_json(tmp_path: Path, commands: Commands) -> None:
    make(tmp_path / "rock_albedo.png")
    ended = commands("scan", tmp_path, "--json")
    plan = LibraryPlan.model_validate_json(ended.out)
    assert (ended.code, ended.err, list(found(plan))) == (0, "", ["rock"])
    assert plan.materials[0].maps == (PlannedMap(file="rock_albedo.png", semantic="albedo"),)
    assert Path(plan.library).samefile(tmp_path)
    assert list(tmp_path.iterdir()) == [tmp_path / "rock_albedo.png"]


def test_places_without_a_library(tmp_path: Path, commands: Commands) -> None:
    ended = commands("scan", tmp_path / "none")
    assert (ended.code, ended.err) == (2, f"error: {tmp_path / 'none'}: not a folder\n")
    touch(tmp_path, "IMG_1.png")
    ended = commands("scan", tmp_path, "-o", tmp_path / "plan.json")
    assert (ended.code, ended.err) == (3, f"error: {tmp_path}: no materials found\n")
    assert "IMG_1.png: its name says no known role" in ended.out
    assert not (tmp_path / "plan.json").exists()
