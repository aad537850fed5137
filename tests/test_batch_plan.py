"""`plan.json`: what comes back, what is refused, and listings of its materials."""

import json
import os
from pathlib import Path

import pytest
from library import Expected, make_library, touch
from material_files import make

import ntc
from ntc import api
from ntc.batch.plan import (
    LibraryPlan,
    PlannedMaterial,
    library_of,
    listing_of,
    read_plan,
    write_plan,
)
from ntc.batch.scan import scan
from ntc.errors import FileError, InputError, NtcError
from ntc.texture import Listing, load_material, measure_material
from ntc.texture.manifest import Manifest, ManifestMap


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Expected]:
    folder = tmp_path_factory.mktemp("plan") / "library"
    return folder, make_library(folder)


def test_a_plan_comes_back_as_it_was(library: tuple[Path, Expected], tmp_path: Path) -> None:
    folder, _ = library
    plan = scan(folder).model_copy(update={"library": os.path.relpath(folder, tmp_path)})
    write_plan(plan, tmp_path / "plan.json")
    again = read_plan(tmp_path / "plan.json")
    assert again == plan
    assert library_of(again, tmp_path / "plan.json").samefile(folder)


MAPS = [{"file": "a.png", "semantic": "albedo"}]
ROCK = {"name": "Rock", "folder": "x", "maps": MAPS}


def refused(
    tmp_path: Path, document: object, *words: str, error: type[NtcError] = InputError
) -> None:
    touch(tmp_path, "x/a.png", "out.png")
    (tmp_path / "plan.json").write_text(
        document if isinstance(document, str) else json.dumps(document), "utf-8"
    )
    with pytest.raises(error) as caught:
        read_plan(tmp_path / "plan.json")
    assert "\n" not in str(caught.value)
    for word in ("plan.json: ", *words):
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"colour": 1}, ["materials[0].colour: unknown key"]),
        ({"maps": [{**MAPS[0], "semantics": "ao"}]}, ["maps[0].semantics: unknown key"]),
        ({"maps": [{**MAPS[0], "semantic": "smell"}]}, ["`smell` is not a semantic"]),
        ({"maps": []}, ["materials[0].maps: "]),
        ({"maps": MAPS * 65}, ["materials[0].maps: "]),
        ({"maps": [{**MAPS[0], "file": "../out.png"}]}, ["maps[0].file", "without `..`"]),
        ({"maps": [{**MAPS[0], "file": "b.png"}]}, ["materials[0] (Rock)", "`b.png`", "exist"]),
        ({"folder": ".."}, ["materials[0].folder", "without `..`"]),
        ({"folder": "/"}, ["materials[0].folder", "relative"]),
        ({"folder": "a\0b"}, ["materials[0] (Rock)", "not a usable folder name"]),
        ({"folder": "C:\\x"}, ["materials[0].folder", "relative"]),
        ({"name": ""}, ["materials[0].name"]),
        ({"name": "../x"}, ["materials[0].name", "dot"]),
        ({"name": "/x"}, ["materials[0].name", "empty"]),
        ({"name": "a//x"}, ["materials[0].name", "empty"]),
        ({"name": "a\\x"}, ["materials[0].name", "characters"]),
        ({"name": "a:x"}, ["materials[0].name", "characters"]),
        ({"name": "a\nx"}, ["materials[0].name", "characters"]),
        ({"name": "NUL.x"}, ["materials[0].name", "device"]),
        ({"name": "x" * 201}, ["materials[0].name", "200 bytes"]),
        ({"settings": {"bpp": [1]}}, ["materials[0].settings.bpp"]),
    ],
)
def test_plans_that_are_refused(
    change: dict[str, object], words: list[str], tmp_path: Path
) -> None:
    refused(tmp_path, {"library": ".", "materials": [{**ROCK, **change}]}, *words)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("", ["JSON"]),
        ("{", ["JSON"]),
        ("[" * 100000, ["JSON"]),
        ({"materials": []}, ["library"]),
        ({"library": ".", "materials": [], "colour": 1}, ["plan.json: colour: unknown key"]),
        ({"version": 2, "library": ".", "materials": []}, ["version"]),
        ({"library": "none", "materials": []}, ["library", "`none`"]),
        ({"library": ".", "materials": [ROCK, {**ROCK, "name": "rOCK"}]}, ["`Rock` and `rOCK`"]),
        (
            {"library": ".", "materials": [ROCK, {**ROCK, "name": "rock.ntc/x"}]},
            ["`rock.ntc/x` lies in the file of `Rock`"],
        ),
    ],
)
def test_documents_that_are_refused(document: object, words: list[str], tmp_path: Path) -> None:
    refused(tmp_path, document, *words)


def test_two_normal_forms_are_one_name() -> None:
    rocks = [PlannedMaterial(**{**ROCK, "name": name}) for name in ("Caf\u00e9", "Cafe\u0301")]
    with pytest.raises(ValueError, match="two materials"):
        LibraryPlan(library=".", materials=tuple(rocks))


def test_plans_do_not_follow_links_out(tmp_path: Path) -> None:
    touch(tmp_path, "out/a.png", "lib/x/b.png")
    (tmp_path / "lib/y").symlink_to(tmp_path / "out", target_is_directory=True)
    (tmp_path / "lib/x/a.png").symlink_to(tmp_path / "out/a.png")
    for folder, word in (("y", "out of the library"), ("x", "out of its folder")):
        refused(tmp_path, {"library": "lib", "materials": [{**ROCK, "folder": folder}]}, word)


def test_plans_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"plan\.json"):
        read_plan(tmp_path / "plan.json")


# --- listings ---


def listing(folder: Path, *maps: tuple[str, str], name: str = "") -> Listing:
    entries = tuple(ManifestMap(file=file, semantic=semantic) for file, semantic in maps)
    return Listing(folder, Manifest(name=name, maps=entries))


def test_a_listing_is_a_material(tmp_path: Path) -> None:
    for file in ("albedo/rock.png", "normal/rock.png", "rock_ao.png"):
        make(tmp_path / file, size=(16, 16))
    maps = ("albedo/rock.png", "albedo"), ("normal/rock.png", "normal"), ("rock_ao.png", "ao")
    given = listing(tmp_path, *maps, name="Rock")
    assert measure_material(given) == (16, 16, 9)
    textures = load_material(given)
    assert textures.name == "Rock"
    assert [record.name for record in textures.maps] == ["albedo", "normal", "ao"]
    files = ["albedo_rock.png", "normal_rock.png", "rock_ao.png"]  # of one folder again
    assert [record.file for record in textures.maps] == files
    assert any("albedo/rock.png: kept as albedo_rock.png" in w for w in textures.warnings)
    assert list(api.dry_run(given, "rock.ntc").maps.values()) == files
    assert load_material(listing(tmp_path, *maps)).name == tmp_path.name
    assert len(load_material(given, exclude=["normal_rock.png"]).maps) == 2


def test_a_listing_is_compressed_as_its_folder(tmp_path: Path) -> None:
    for file in ("rock_albedo.png", "rock_normal_gl.png"):
        make(tmp_path / "rock" / file, size=(32, 32))
    (material,) = scan(tmp_path / "rock").materials
    settings = ntc.Settings(texels=1 << 12, threads=1)
    one = ntc.compress(listing_of(material, tmp_path / "rock"), settings)
    assert one.data == ntc.compress(tmp_path / "rock", settings).data


@pytest.mark.parametrize(
    ("file", "word"), [("none.png", "does not exist"), ("out.png", "leads out"), ("x\0y", "usable")]
)
def test_listings_that_are_refused(file: str, word: str, tmp_path: Path) -> None:
    touch(tmp_path, "out.png", "x/a.png")
    (tmp_path / "x/out.png").symlink_to(tmp_path / "out.png")
    with pytest.raises(InputError, match=word) as caught:
        load_material(listing(tmp_path / "x", (file, "ao"), name="Rock"))
    assert str(caught.value).startswith(f"{tmp_path / 'x'} (Rock): ")


def test_one_file_twice_in_a_listing(tmp_path: Path) -> None:
    make(tmp_path / "a.png")
    with pytest.raises(InputError, match="twice"):
        load_material(listing(tmp_path, ("a.png", "ao"), ("a.png", "height")))
