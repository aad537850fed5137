"""`ntc gltf`: materials are compressed and named, and nothing else of a model changes."""

import copy
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Commands, missing
from gltf_models import data_uri, glb, model, picture, read_glb, save_glb, save_gltf

import ntc
from ntc.gltf.report import EXTENSION, MaterialTextures

ROOT = Path(__file__).resolve().parents[1]
QUICK = "--texels", 2000, "--threads", 1, "--bpp", 16, "-q"
MIRRORED, CLAMP = 33648, 33071


def info(index: int, **more: Any) -> dict[str, Any]:
    return {"index": index, **more}


def bricks(**more: Any) -> dict[str, Any]:
    """All slots of the core, of which two read one image."""
    return {
        "name": "Bricks Ünï/..",
        "pbrMetallicRoughness": {
            "baseColorTexture": info(0, texCoord=1),
            "metallicRoughnessTexture": info(1),
            "roughnessFactor": 0.30000001192092896,
        },
        "normalTexture": info(2, scale=0.5),
        "occlusionTexture": info(1, strength=0.5),
        "emissiveTexture": info(3),
        **more,
    }


def external(folder: Path) -> dict[str, Any]:
    """A model of three materials, of which two read the same; all of its images are files."""
    names = ["base color.png", "orm.png", "textures/nörmal.png", "glow.png"]
    for phase, name in enumerate(names):
        picture(folder, name, 32 if phase == 2 else 16, phase)
    transform = {"extensions": {"KHR_texture_transform": {"scale": [2, 2]}}}
    other = bricks(name="again", extras={"z": [1, {"a": None}], "a": "é"})
    other["pbrMetallicRoughness"]["baseColorTexture"] |= transform
    images = [{"uri": uri} for uri in ("base%20color.png", "orm.png", "textures/n%C3%B6rmal.png")]
    return model(
        [bricks(), {"name": "plain"}, other],
        [*images, {"uri": "glow.png", "name": "glow"}],
        extensionsUsed=["KHR_texture_transform", "ACME_unknown"],
        extensions={"ACME_unknown": {"uri": "notes.txt", "n": 1e-9}},
        extras={"uri": "../elsewhere"},
    )


def validated(path: Path) -> dict[str, Any]:
    """What Khronos' validator says of a file and all that it refers to."""
    module, node = ROOT / "node_modules" / "gltf-validator", shutil.which("node")
    if node is None or not module.exists():
        missing("needs node and `npm install gltf-validator`", "NTC_EXPECT_BROWSER")
    program = """
    const [module, file] = process.argv.slice(1)
    const fs = require("fs"), path = require("path"), validator = require(module)
    const read = name => new Uint8Array(fs.readFileSync(name))
    const load = async uri => read(path.join(path.dirname(file), decodeURIComponent(uri)))
    const options = { uri: path.basename(file), externalResourceFunction: load }
    validator.validateBytes(read(file), options)
      .then(report => console.log(JSON.stringify(report)))"""
    command = [node, "-e", program, module, path]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    report: dict[str, Any] = json.loads(ended.stdout)
    return report


def check_valid(path: Path, source: Path) -> None:
    """The validator has no error, and no warning that it did not have about the source."""
    found, before = (
        {(m["severity"], m["code"]) for m in validated(each)["issues"]["messages"]}
        for each in (path, source)
    )
    assert [code for severity, code in found if severity == 0] == []
    added = {code for severity, code in found - before if severity == 1}
    assert added <= {"UNRESERVED_EXTENSION_PREFIX"}  # Khronos keeps a list of prefixes


def stripped(tree: dict[str, Any]) -> dict[str, Any]:
    """The document without what we add."""
    tree = copy.deepcopy(tree)
    for material in tree["materials"]:
        if material.get("extensions", {}).pop(EXTENSION, None) and not material["extensions"]:
            del material["extensions"]
    tree["extensionsUsed"].remove(EXTENSION)
    if not tree["extensionsUsed"]:
        del tree["extensionsUsed"]
    return tree


@pytest.fixture
def helmet(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    path = save_gltf(folder / "helmet.gltf", external(folder))
    (folder / "notes.txt").write_text("of an extension that nobody knows")
    return path


def test_a_gltf_and_its_files(helmet: Path, tmp_path: Path, commands: Commands) -> None:
    out = tmp_path / "out"
    ended = commands("gltf", helmet, "-o", out, *QUICK, "--json", "--verify")
    assert ended.code == 0, ended.err
    before, after = (
        json.loads((p / "helmet.gltf").read_text("utf-8")) for p in (helmet.parent, out)
    )
    assert json.dumps(stripped(after)) == json.dumps(before)  # keys in their order, too
    assert after["extensionsUsed"] == ["KHR_texture_transform", "ACME_unknown", EXTENSION]
    assert "extensionsRequired" not in after
    sources = {p.relative_to(helmet.parent): p.read_bytes() for p in helmet.parent.rglob("*.*")}
    del sources[Path("helmet.gltf")]
    assert {name: (out / name).read_bytes() for name in sources} == sources

    report = json.loads(ended.out)
    assert [m["status"] for m in report["materials"]] == ["compressed", "left", "compressed"]
    (file,) = out.glob("*.ntc")
    assert file.name == "helmet_Bricks Ünï_.ntc"
    first, plain, again = after["materials"]
    said = MaterialTextures.model_validate(first["extensions"][EXTENSION])
    assert first["extensions"] == again["extensions"]
    assert "extensions" not in plain
    assert said.uri == "helmet_Bricks%20%C3%9Cn%C3%AF_.ntc"
    slots = {slot: (found.map, found.tex_coord) for slot, found in said.textures.items()}
    assert slots == {
        "baseColorTexture": ("albedo", 1),
        "metallicRoughnessTexture": ("orm", 0),
        "normalTexture": ("normal", 0),
        "occlusionTexture": ("orm", 0),
        "emissiveTexture": ("emissive", 0),
    }
    material = ntc.open(file)
    records = {record.name: record for record in material.maps}
    assert set(records) == {"albedo", "orm", "normal", "emissive"}
    assert [c.meaning for c in records["orm"].channels] == ["ao", "roughness", "metalness"]
    assert records["normal"].normal == "opengl"
    assert records["normal"].file == "nörmal.png"
    assert records["albedo"].file == "base color.png"
    assert (records["albedo"].color_space, records["orm"].color_space) == ("srgb", "linear")
    assert material.file.model.wrap == (True, True)
    assert material.size == (32, 32)  # of the largest image
    assert report["psnr"] == {file.name: material.file.metadata.quality.psnr}
    check_valid(out / "helmet.gltf", helmet)


def test_a_glb_keeps_its_bytes(tmp_path: Path, commands: Commands) -> None:
    pictures = [picture(tmp_path / "pictures", f"{i}.png", phase=i) for i in range(3)]
    pictures.append(picture(tmp_path / "pictures", "3.jpg", phase=3))
    images = [{"name": "a/b"}, {"name": "A_b"}, {}, {"mimeType": "image/jpeg"}]
    path = save_glb(tmp_path / "in" / "helmet.glb", model([bricks()], images), pictures)
    out = tmp_path / "out"
    ended = commands("gltf", path, "-o", out, *QUICK)
    assert ended.code == 0, ended.err
    (tree, rest), (before, chunks) = (read_glb(p.read_bytes()) for p in (out / path.name, path))
    assert rest == chunks
    assert stripped(tree) == before
    (file,) = out.glob("*.ntc")
    assert {r.file for r in ntc.open(file).maps} == {
        "a_b.png",
        "A_b_2.png",
        "image_2.png",
        "image_3.jpg",
    }
    check_valid(out / path.name, path)


def test_images_in_data_uris_are_what_is_decoded(tmp_path: Path, commands: Commands) -> None:
    images = [{"uri": data_uri(picture(tmp_path, "x_albedo.png"))}]
    material = {"pbrMetallicRoughness": {"baseColorTexture": info(0)}}
    path = save_gltf(tmp_path / "in" / "m.gltf", model([material], images))
    out = tmp_path / "out"
    assert commands("gltf", path, "-o", out, *QUICK).code == 0
    settings = ntc.Settings(texels=2000, threads=1, bpp=16)
    expected = ntc.compress(tmp_path / "x_albedo.png", settings).decode()["albedo"]
    found = ntc.open(out / "m_material_0.ntc").decode()["albedo"]
    np.testing.assert_array_equal(found, expected)
    check_valid(out / "m.gltf", path)


@pytest.mark.parametrize(
    ("samplers", "wrap", "words"),
    [
        ([{}, {}], (True, True), ""),
        ([{"wrapS": CLAMP, "wrapT": CLAMP}] * 2, (False, False), ""),
        ([{"wrapS": CLAMP}] * 2, (False, True), ""),
        ([{"wrapS": CLAMP}, {}], (True, True), "several address modes"),
        ([{"wrapT": MIRRORED}] * 2, (True, False), "mirrored repeat"),
    ],
)
def test_address_modes_are_those_of_the_samplers(
    tmp_path: Path, commands: Commands, samplers: Any, wrap: Any, words: str
) -> None:
    images = [{"uri": data_uri(picture(tmp_path, f"{i}.png", phase=i))} for i in range(2)]
    tree = model([{"normalTexture": info(0), "emissiveTexture": info(1)}], images)
    tree["samplers"] = samplers
    tree["textures"] = [{"source": i, "sampler": i} for i in range(2)]
    path = save_gltf(tmp_path / "in" / "m.gltf", tree)
    ended = commands("gltf", path, "-o", tmp_path / "out", *QUICK, "--address", "clamp")
    assert ended.code == 0, ended.err
    assert ntc.open(tmp_path / "out" / "m_material_0.ntc").file.model.wrap == wrap
    assert words in ended.err
    assert bool(words) == ("warning" in ended.err)


def test_materials_that_wrap_differently_have_files_of_their_own(
    tmp_path: Path, commands: Commands
) -> None:
    tree = model(
        [{"name": "a", "normalTexture": info(0)}, {"name": "A", "normalTexture": info(1)}],
        [{"uri": data_uri(picture(tmp_path, "x.png"))}],
    )
    tree["samplers"] = [{}, {"wrapS": CLAMP}]
    tree["textures"] = [{"source": 0, "sampler": 0}, {"source": 0, "sampler": 1}]
    path = save_gltf(tmp_path / "in" / "m.gltf", tree)
    assert commands("gltf", path, "-o", tmp_path / "out", *QUICK).code == 0
    names = {p.name for p in (tmp_path / "out").glob("*.ntc")}
    assert names == {"m_a.ntc", "m_A_2.ntc"}  # which are told apart where case is not


def test_a_bad_image_costs_its_material_alone(tmp_path: Path, commands: Commands) -> None:
    folder = tmp_path / "in"
    good = picture(folder, "good.png")
    (folder / "bad.png").write_bytes(good[:-30])
    (folder / "text.png").write_bytes(b"not an image")
    uris = ["good.png", "bad.png", "text.png", "gone.png", "https://localhost/x.png"]
    names = ["good", "bad", "text", "gone", "remote"]
    materials = [{"name": n, "normalTexture": info(i)} for i, n in enumerate(names)]
    materials.append({"name": "ktx", "normalTexture": info(5)})
    tree = model(materials, [{"uri": uri} for uri in uris])
    tree["textures"].append({"extensions": {"KHR_texture_basisu": {"source": 0}}})
    path = save_gltf(folder / "m.gltf", tree)
    ended = commands("gltf", path, "-o", tmp_path / "out", *QUICK, "--json")
    assert ended.code == 4
    report = json.loads(ended.out)
    found = {m["name"]: m["status"] for m in report["materials"]}
    assert found == dict(zip(names, ["compressed", *["failed"] * 3, "left"], strict=True)) | {
        "ktx": "left"
    }
    errors = [line for line in ended.err.splitlines() if line.startswith("error")]
    assert len(errors) == 3
    assert f"{path}/bad.png: damaged" in errors[0]  # not the name of a scratch file
    after = json.loads((tmp_path / "out" / "m.gltf").read_text())
    assert [EXTENSION in m.get("extensions", {}) for m in after["materials"]] == [
        True,
        *[False] * 5,
    ]
    assert stripped(after) == json.loads(path.read_text())
    assert {p.name for p in (tmp_path / "out").glob("*.ntc")} == {"m_good.ntc"}
    assert (tmp_path / "out" / "bad.png").read_bytes() == good[:-30]
    assert "gone.png: does not exist" in ended.err


def test_nothing_is_compressed_and_no_extension_is_used(tmp_path: Path, commands: Commands) -> None:
    path = save_gltf(tmp_path / "in" / "m.gltf", model([{"name": "plain"}], []))
    tree = json.loads(path.read_text())
    del tree["textures"], tree["images"]
    path.write_text(json.dumps(tree))
    assert commands("gltf", path, "-o", tmp_path / "out", *QUICK).code == 0
    assert json.loads((tmp_path / "out" / "m.gltf").read_text()) == tree
    check_valid(tmp_path / "out" / "m.gltf", path)


def test_a_compressed_model_is_compressed_anew(
    helmet: Path, tmp_path: Path, commands: Commands
) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    assert commands("gltf", helmet, "-o", first, *QUICK).code == 0
    assert commands("gltf", first / "helmet.gltf", "-o", second, *QUICK).code == 0
    files = {p.relative_to(first): p.read_bytes() for p in first.rglob("*.*")}
    assert {p.relative_to(second): p.read_bytes() for p in second.rglob("*.*")} == files


def test_what_is_there_already(helmet: Path, tmp_path: Path, commands: Commands) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "orm.png").write_bytes(b"mine")
    run = "gltf", helmet, "-o", out, *QUICK, "--on-existing"
    ended = commands(*run, "error")
    assert (ended.code, [p.name for p in out.iterdir()]) == (2, ["orm.png"])
    assert "orm.png: exists" in ended.err
    assert commands(*run, "overwrite").code == 0
    (out / "orm.png").write_bytes(b"mine")
    assert commands(*run, "skip").code == 0
    assert (out / "orm.png").read_bytes() == b"mine"
    assert commands("gltf", helmet, "-o", helmet.parent, *QUICK).code == 1
    assert not list(tmp_path.rglob("*.part"))


def nested(depth: int) -> str:
    return '{"asset": {"version": "2.0"}, "extras": ' + "[" * depth + "]" * depth + "}"


GOOD = '{"asset": {"version": "2.0"}%s}'
HOSTILE = {
    "empty": b"",
    "text": b"hello",
    "array": b"[]",
    "null": b"null",
    "not UTF-8": b'{"asset": "\xff"}',
    "no asset": b"{}",
    "version 1": b'{"asset": {"version": "1.0"}}',
    "deep": nested(101).encode(),
    "very deep": nested(200_000).encode(),
    "number without end": (GOOD % ', "extras": 1e999').encode(),
    "NaN": (GOOD % ', "extras": NaN').encode(),
    "half a character": (GOOD % ', "extras": "\\ud800"').encode(),
    "many digits": (GOOD % (', "extras": ' + "9" * 5000)).encode(),
    "materials are text": (GOOD % ', "materials": "abc"').encode(),
    "material is a number": (GOOD % ', "materials": [1]').encode(),
    "index is text": (GOOD % ', "materials": [{"normalTexture": {"index": "0"}}]').encode(),
    "index is negative": (GOOD % ', "materials": [{"normalTexture": {"index": -1}}]').encode(),
    "index of nothing": (GOOD % ', "materials": [{"normalTexture": {"index": 7}}]').encode(),
    "extensions are a list": (GOOD % ', "materials": [{"extensions": []}]').encode(),
    "extensionsUsed of numbers": (GOOD % ', "extensionsUsed": [1]').encode(),
    "out of the folder": (GOOD % ', "images": [{"uri": "../x.png"}]').encode(),
    "out of it, hidden": (GOOD % ', "images": [{"uri": "a/%2e%2E/x.png"}]').encode(),
    "out of it, backwards": (GOOD % ', "images": [{"uri": "..\\\\x.png"}]').encode(),
    "absolute": (GOOD % ', "buffers": [{"byteLength": 1, "uri": "/etc/passwd"}]').encode(),
    "drive": (GOOD % ', "images": [{"uri": "C:\\\\x.png"}]').encode(),
    "zero byte": (GOOD % ', "images": [{"uri": "a%00.png"}]').encode(),
    "GLB, cut": glb(b"{}", b"")[:10],
    "GLB, longer than it says": glb(b'{"asset": {"version": "2.0"}}', b"") + b"x",
    "GLB 1": b"glTF\1\0\0\0" + glb(b"{}", b"")[8:],
    "GLB, its JSON goes on": b"glTF\2\0\0\0\x18\0\0\0\xff\xff\xff\xffJSON{}  ",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_models_are_refused_in_one_line(
    tmp_path: Path, commands: Commands, name: str
) -> None:
    path = tmp_path / "in" / "m.gltf"
    path.parent.mkdir()
    path.write_bytes(HOSTILE[name])
    ended = commands("gltf", path, "-o", tmp_path / "out", *QUICK)
    assert ended.code == 3, ended.err
    assert str(path) in ended.err
    assert len(ended.err.splitlines()) == 1
    assert len(ended.err) < 600
    assert not (tmp_path / "out").exists()


def test_links_do_not_lead_out_either(tmp_path: Path, commands: Commands) -> None:
    picture(tmp_path, "secret.png")
    path = save_gltf(tmp_path / "in" / "m.gltf", model([], [{"uri": "x.png"}]))
    (path.parent / "x.png").symlink_to(tmp_path / "secret.png")
    assert commands("gltf", path, "-o", tmp_path / "out", *QUICK).code == 3


@pytest.mark.parametrize(
    "view",
    [
        {"buffer": 0, "byteOffset": 1 << 62, "byteLength": 1},
        {"buffer": 0, "byteLength": 1 << 62},
        {"buffer": 9, "byteLength": 1},
    ],
)
def test_views_of_what_is_not_there(
    tmp_path: Path, commands: Commands, view: dict[str, int]
) -> None:
    tree = model([{"normalTexture": info(0)}], [{"bufferView": 3, "mimeType": "image/png"}])
    tree["bufferViews"].append(view)
    path = save_gltf(tmp_path / "in" / "m.gltf", tree)
    ended = commands("gltf", path, "-o", tmp_path / "out", *QUICK)
    assert ended.code == 4
    assert len([line for line in ended.err.splitlines() if "error" in line]) == 1
    assert json.loads((tmp_path / "out" / "m.gltf").read_text()) == tree


def test_the_extension_is_described(helmet: Path) -> None:
    page = (ROOT / "docs" / "gltf.md").read_text("utf-8")
    (example,) = [part for part in page.split("```") if part.startswith("json")]
    extension = json.loads(example.removeprefix("json"))["extensions"][EXTENSION]
    MaterialTextures.model_validate(extension)
    for slot in MaterialTextures.model_json_schema()["properties"]["textures"]["propertyNames"][
        "enum"
    ]:
        assert slot in page
