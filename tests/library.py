"""A library of 200 small materials with names that mislead, and what a scan has to make of it."""

import json
import os
import struct
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from material_files import write_manifest

from ntc.texture import write_image

Maps = dict[str, str]  # file, relative to the folder -> semantic

# Name of the material: its folder, and its maps.
NASTY: dict[str, tuple[str, Maps]] = {
    # words within words
    "words/charm": ("words", {"charm_albedo.png": "albedo", "charm_normal.png": "normal"}),
    "words/storm": ("words", {"storm_normal.png": "normal", "storm_roughness.png": "roughness"}),
    "words/chaos": (
        "words",
        {"chaos_diffuse.png": "albedo", "chaos_SpecularColor.png": "specular"},
    ),
    "words/robot_arm": (
        "words",
        {"robot_arm_diff.png": "albedo", "robot_arm_nor.png": "normal"},
    ),
    "words/rusty_metal": (
        "words",
        {"rusty_metal_diff.png": "albedo", "rusty_metal_metal.png": "metalness"},
    ),
    # case, spaces, unicode
    "Case/ROCK": (
        "Case",
        {
            "ROCK_ALBEDO.PNG": "albedo",
            "rock_Normal.png": "normal",
            "Rock_roughness.Tga": "roughness",
        },
    ),
    "Case/brick_wall": (
        "Case",
        {"brickWall-BaseColor.png": "albedo", "brick_wall_ao.png": "ao"},
    ),
    "With Spaces/old_wooden_door": (
        "With Spaces",
        {"old wooden door base color.png": "albedo", "old wooden door height.png": "height"},
    ),
    "With Spaces/trailing space": (
        "With Spaces/trailing space ",
        {"albedo.png": "albedo", "normal.png": "normal"},
    ),
    "Ünïcödé/Überzug": (
        "Ünïcödé",
        {"Überzug_Albedo.png": "albedo", "überzug_Normal.png": "normal"},
    ),
    "Ünïcödé/Caf\u00e9": (  # the accent is one code point here, and two there
        "Ünïcödé",
        {"Caf\u00e9_albedo.png": "albedo", "Cafe\u0301_roughness.png": "roughness"},
    ),
    "Ünïcödé/石畳": ("Ünïcödé", {"石畳_albedo.png": "albedo", "石畳_normal.png": "normal"}),
    "Ünïcödé/🧱": ("Ünïcödé", {"🧱_albedo.png": "albedo", "🧱_normal.png": "normal"}),
    # names that some system refuses
    "_aux": ("aux", {"albedo.png": "albedo", "normal.png": "normal"}),
    "what_": ("what?", {"albedo.png": "albedo", "normal.png": "normal"}),
    "v1.0": ("v1.0", {"albedo.png": "albedo", "normal.png": "normal"}),
    # plain names, also with one that repeats the folder
    "plain": (
        "plain",
        {"albedo.png": "albedo", "normal.png": "normal", "roughness.png": "roughness"},
    ),
    "Slate": (
        "Slate",
        {"slate_albedo.png": "albedo", "Slate_Normal.png": "normal", "roughness.png": "roughness"},
    ),
    "prefixed/rock": ("prefixed", {"albedo_rock.png": "albedo", "normal_rock.png": "normal"}),
    "prefixed/wood": ("prefixed", {"albedo_wood.png": "albedo", "normal_wood.png": "normal"}),
    "numbered/moss_01": (
        "numbered",
        {"moss_albedo_01.png": "albedo", "moss_normal_01.png": "normal"},
    ),
    "numbered/moss_02": (
        "numbered",
        {"moss_albedo_02.png": "albedo", "moss_normal_02.png": "normal"},
    ),
    # vendors
    "Bricks076_1K-PNG": (
        "Bricks076_1K-PNG",
        {
            "Bricks076_1K-PNG_Color.png": "albedo",
            "Bricks076_1K-PNG_NormalGL.png": "normal",
            "Bricks076_1K-PNG_Roughness.png": "roughness",
            "Bricks076_1K-PNG_Displacement.png": "height",
        },
    ),
    "Metal014": (
        "Metal014",
        {
            "Metal014_4K-PNG_Color.png": "albedo",
            "Metal014_4K-PNG_Metalness.png": "metalness",
            "Metal014_4K-PNG_NormalGL.png": "normal",
        },
    ),
    "haven/rosewood_veneer1": (
        "haven",
        {
            "rosewood_veneer1_diff_1k.jpg": "albedo",
            "rosewood_veneer1_nor_gl_1k.exr": "normal",
            "rosewood_veneer1_rough_1k.exr": "roughness",
            "rosewood_veneer1_arm_1k.png": "orm",
        },
    ),
    "mega/Dry_Sand_xfhsfao": (
        "mega",
        {
            "Dry_Sand_xfhsfao_4K_Albedo.jpg": "albedo",
            "Dry_Sand_xfhsfao_4K_Bump.jpg": "bump",
            "Dry_Sand_xfhsfao_4K_Normal_LOD0.jpg": "normal",
        },
    ),
    "mega/scan_vdcZkcAO": (
        "mega",
        {"scan_vdcZkcAO_2K_Albedo.png": "albedo", "scan_vdcZkcAO_2K_Gloss.png": "glossiness"},
    ),
    "substance/lambert1": (
        "substance",
        {
            "lambert1_BaseColor.png": "albedo",
            "lambert1_OcclusionRoughnessMetallic.png": "orm",
            "lambert1_Normal_OpenGL.png": "normal",
        },
    ),
    "unity/Crate": (
        "unity",
        {
            "Crate_MaskMap.png": "mask_map",
            "Crate_BaseMap.png": "albedo",
            "Crate_Normal.png": "normal",
        },
    ),
    "poliigon/Tiles05": (
        "poliigon",
        {"Tiles05_COL_VAR1_4K.jpg": "albedo", "Tiles05_NRM_4K.jpg": "normal"},
    ),
    # resolutions and formats: the largest, and the one that keeps most
    "sizes/rock": ("sizes", {"rock_albedo_4K.png": "albedo", "rock_normal_2k.png": "normal"}),
    "formats/soil": ("formats", {"soil_diff_2k.png": "albedo", "soil_rough_2k.exr": "roughness"}),
    # tiles
    "tiles/body_1001": (
        "tiles",
        {"body_BaseColor.1001.png": "albedo", "body_Normal.1001.png": "normal"},
    ),
    "tiles/body_1002": (
        "tiles",
        {"body_BaseColor.1002.png": "albedo", "body_Normal.1002.png": "normal"},
    ),
    "tiles/head_u1v1": (
        "tiles",
        {"head_albedo_u1_v1.png": "albedo", "head_normal_u1_v1.png": "normal"},
    ),
    # one material over folders of roles, and folders that only look so
    "roles/rock": (
        "roles",
        {"albedo/rock.png": "albedo", "Normals/rock.png": "normal", "rough/Rock.png": "roughness"},
    ),
    "roles/metal_plate": (
        "roles",
        {"albedo/metal_plate.png": "albedo", "Normals/metal_plate_nor_gl.png": "normal"},
    ),
    "roles/sand": ("roles", {"albedo/sand.png": "albedo"}),
    "kinds/metal": ("kinds/metal", {"albedo.png": "albedo", "normal.png": "normal"}),
    "kinds/coat": ("kinds/coat", {"albedo.png": "albedo", "normal.png": "normal"}),
    "kinds/metal/rust": ("kinds/metal", {"rust_albedo.png": "albedo", "rust_ao.png": "ao"}),
    # loose images
    "loose/poster": ("loose", {"poster_color.png": "albedo"}),
    # manifests
    "manifests/Granite": (
        "manifests/one",
        {"a.png": "albedo", "b.png": "normal", "deep/c.png": "roughness"},
    ),
    # glTF
    "models/Helmet/Shell": (
        "models/Helmet/tex",
        {"shell_a.png": "albedo", "shell mr.png": "orm", "shell_n.png": "normal"},
    ),
    "models/Helmet/Visor": (
        "models/Helmet/tex",
        {"visor.png": "albedo", "visor_extra.png": "packed"},
    ),
    # bad images are found later: nothing is opened
    "bad/corrupt": ("bad", {"corrupt_albedo.png": "albedo", "corrupt_normal.png": "normal"}),
    "bad/bomb": ("bad", {"bomb_albedo.png": "albedo", "bomb_normal.png": "normal"}),
}
CORRUPT, BOMB = "bad/corrupt_albedo.png", "bad/bomb_albedo.png"

# File: words of the reason.
LEFT_OUT = {
    "words/robot_arm_note.png": "alone, and its name does not end in the role",
    "Bricks076_1K-PNG/Bricks076_1K-PNG_NormalDX.png": "OpenGL",
    "Bricks076_1K-PNG/Bricks076.png": "preview",
    "Metal014/Metal014_PREVIEW.jpg": "preview",
    "haven/rosewood_veneer1_nor_dx_1k.exr": "OpenGL",
    "haven/rosewood_veneer1_rough_ao_1k.png": "channels of `rough_ao`",
    "mega/Dry_Sand_xfhsfao_4K_Normal_LOD1.jpg": "coarser",
    "mega/xfhsfao.png": "no known role",
    "poliigon/Tiles05_COL_VAR2_4K.jpg": "a second albedo",
    "sizes/rock_albedo_1k.png": "smaller",
    "sizes/rock_albedo_2k.png": "smaller",
    "formats/soil_diff_2k.jpg": "keeps more",
    "formats/soil_rough_2k.jpg": "keeps more",
    "formats/soil_layers.psd": "convert it",
    "loose/IMG_2048.png": "no known role",
    "loose/metal_plate.png": "alone, and its name does not end in the role",
    "loose/rock_d.png": "no known role",
    "loose/thumbs/poster_color.png": "previews",
    "Case/rock_albedo.png": "a second albedo",
    "manifests/one/unlisted_albedo.png": "not listed",
    "manifests/two/manifest.json": "does not exist",
    "manifests/two/albedo.png": "cannot be used",
    "models/Helmet/Baked.glb": "ntc gltf",
    "models/Helmet/unused.png": "no known role",
    "kinds/again": "a link to a folder",
}


class Expected(NamedTuple):
    """What a scan finds. `failing` are those of `materials` whose images are bad."""

    materials: dict[str, tuple[str, Maps]]
    left_out: dict[str, str]
    failing: tuple[str, ...] = ("bad/bomb", "bad/corrupt")


def make_library(folder: Path) -> Expected:
    """Makes the tree; images are 8 to 16 texels wide, and no two are equal."""
    materials = {**NASTY, **_plain(200 - len(NASTY))}
    for place, maps in materials.values():
        for file, semantic in maps.items():
            _image(folder / place / file, semantic)
    for file in LEFT_OUT:
        if file.endswith((".json", ".glb", ".psd")):
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(b"8BPS")
        elif not Path(file).suffix:
            (folder / file).symlink_to(folder, target_is_directory=True)
        else:
            _image(folder / file, "albedo")
    _sidecars(folder)
    _hidden(folder)
    (folder / CORRUPT).write_bytes((folder / CORRUPT).read_bytes()[:-40])
    (folder / BOMB).write_bytes(png_header(100_000, 66_000))
    return Expected(materials, dict(LEFT_OUT))


def _plain(count: int) -> dict[str, tuple[str, Maps]]:
    """Materials in the styles of vendors, many of them in one folder."""
    made: dict[str, tuple[str, Maps]] = {}
    for index in range(count):
        number, style = f"{index:03d}", index % 4
        if style == 0:
            folder, asset = "unreal", f"T_Stone{number}"
            maps = {f"{asset}_D.tga": "albedo", f"{asset}_N.tga": "normal"}
        elif style == 1:
            folder, asset = f"ambient/Ground{number}_2K-JPG", ""
            stem = f"Ground{number}_2K-JPG"
            maps = {f"{stem}_Color.jpg": "albedo", f"{stem}_NormalGL.jpg": "normal"}
        elif style == 2:
            folder, asset = "poly", f"wall_{number}"
            maps = {f"{asset}_diff_1k.png": "albedo", f"{asset}_arm_1k.png": "orm"}
        else:
            folder, asset = "split", f"leaf{number}"
            maps = {f"albedo/{asset}.png": "albedo", f"height/{asset}.tif": "height"}
        made[f"{folder}/{asset}".strip("/")] = folder, maps
    return made


def _image(path: Path, semantic: str) -> None:
    """Smooth waves that depend on the path, smaller than the others if the name says `2k`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = zlib.crc32(os.fsencode(path.name) + os.fsencode(path.parent.name))
    side = 8 if "2k" in path.name else 16
    y, x = np.mgrid[:side, :side] * (2 * np.pi / side)
    count = 1 if semantic in {"roughness", "height", "ao", "metalness", "bump"} else 3
    phases = np.random.default_rng(seed).uniform(0, 2 * np.pi, count)
    unit = np.stack([0.5 + 0.2 * np.sin(x + p) + 0.2 * np.cos(y - p) for p in phases], -1)
    if path.suffix == ".exr":
        write_image(path, unit.astype(np.float16))
    elif semantic == "height":
        write_image(path, np.rint(unit * 65535).astype(np.uint16))
    else:
        write_image(path, np.rint(unit * 255).astype(np.uint8))


def _sidecars(folder: Path) -> None:
    write_manifest(
        folder / "manifests/one",
        {"file": "a.png", "semantic": "albedo"},
        {"file": "b.png", "semantic": "normal", "normal": "directx"},
        {"file": "deep/c.png", "semantic": "roughness"},
        name="Granite",
    )
    write_manifest(folder / "manifests/two", {"file": "gone.png", "semantic": "albedo"})
    uris = ["tex/shell_a.png", "tex/shell%20mr.png", "tex/shell_n.png", "tex/visor.png"]
    uris += ["tex/visor_extra.png", "data:image/png;base64,AAAA"]
    write_gltf(
        folder / "models/Helmet/Helmet.gltf",
        uris,
        {
            "name": "Shell",
            "pbrMetallicRoughness": {
                "baseColorTexture": {"index": 0},
                "metallicRoughnessTexture": {"index": 1},
            },
            "occlusionTexture": {"index": 1},
            "normalTexture": {"index": 2},
        },
        {
            "name": "Visor",
            "pbrMetallicRoughness": {"baseColorTexture": {"index": 3}},
            "emissiveTexture": {"index": 5},
            "extensions": {
                "KHR_materials_clearcoat": {
                    "clearcoatTexture": {"index": 4},
                    "clearcoatRoughnessTexture": {"index": 4},
                }
            },
        },
    )


def write_gltf(path: Path, uris: list[str], *materials: dict[str, Any]) -> Path:
    """A glTF of one texture an image, in this order, and materials alone."""
    document = {
        "asset": {"version": "2.0"},
        "images": [{"uri": uri} for uri in uris],
        "textures": [{"source": index} for index in range(len(uris))],
        "materials": materials,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document), "utf-8")
    return path


def _hidden(folder: Path) -> None:
    """Files that a scan says nothing of."""
    for file in (".cache/rock_albedo.png", "__MACOSX/rock_albedo.png", "plain/._albedo.png"):
        _image(folder / file, "albedo")
    for file in ("plain/plain.ntc", "plan.json", "report.json", "words/notes.txt"):
        (folder / file).write_text("{}")


def png_header(width: int, height: int) -> bytes:
    """The start of an RGB PNG of this size, with nothing to decode."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = b"IDAT" + zlib.compress(b"")
    chunks = [
        struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c))
        for c in (head, body, b"IEND")
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def touch(folder: Path, *files: str) -> Path:
    """Makes empty files in a folder, and gives it back."""
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).touch()
    return folder
