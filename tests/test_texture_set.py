import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from material_files import by_name, make, outputs, put, restored

from ntc.format.metadata import (
    Channel,
    ColorSpace,
    Curve,
    MapRecord,
    NormalConvention,
    Sample,
    Semantic,
)
from ntc.texture import (
    load_material,
    maps_from_outputs,
    read_image,
)

GL, DX = NormalConvention.OPENGL, NormalConvention.DIRECTX
U8, U16 = np.uint8, np.uint16


# --- names to records ---


def test_a_folder_becomes_records_and_comes_back(tmp_path: Path) -> None:
    files = {
        "albedo": make(tmp_path / "w_albedo.png"),
        "normal": make(tmp_path / "w_normal.tga"),
        "orm": make(tmp_path / "w_orm.tif"),
        "height": make(tmp_path / "w_height.png", 1, dtype=U16),
        "opacity": make(tmp_path / "w_opacity.png", 1),
    }
    material = load_material(tmp_path)
    records = by_name(material)
    assert (material.name, material.width, material.height) == (tmp_path.name, 8, 6)
    assert material.channels.shape == (6, 8, 11)
    assert material.channels.dtype == U16
    assert [c.meaning for c in records["orm"].channels] == ["ao", "roughness", "metalness"]
    assert [c.meaning for c in records["normal"].channels] == ["normal.x", "normal.y", "normal.z"]
    assert records["albedo"].color_space is ColorSpace.SRGB
    assert {r.color_space for n, r in records.items() if n != "albedo"} == {ColorSpace.LINEAR}
    assert records["height"].sample is Sample.UINT16
    back = restored(material)
    for name, pixels in files.items():
        assert back[name].dtype == pixels.dtype
        np.testing.assert_array_equal(back[name], pixels)


def test_storage_space_of_integers(tmp_path: Path) -> None:
    a, b = make(tmp_path / "w_ao.png", 1), make(tmp_path / "w_height.png", 1, dtype=U16)
    channels = load_material(tmp_path).channels
    np.testing.assert_array_equal(channels[:, :, 0], a[:, :, 0].astype(U16) * 257)
    np.testing.assert_array_equal(channels[:, :, 1], b[:, :, 0])


def test_the_exact_rule_for_8_bits() -> None:
    record = MapRecord(
        name="a",
        file="a.png",
        semantic=Semantic.AO,
        color_space=ColorSpace.LINEAR,
        sample=Sample.UINT8,
        width=1,
        height=1,
        channels=(Channel(meaning="ao", output=0), Channel(meaning="x", output=0, inverted=True)),
    )
    every = np.arange(65536, dtype=U16).reshape(256, 256, 1)
    got = maps_from_outputs(every, [record])["a"]
    nearest = np.rint(np.arange(65536) / 257).reshape(256, 256)
    np.testing.assert_array_equal(got[:, :, 0], nearest)
    np.testing.assert_array_equal(got[:, :, 1], 255 - nearest)


def test_one_image_is_a_material(tmp_path: Path) -> None:
    make(tmp_path / "rock_albedo.png")
    make(tmp_path / "rock_normal.png")
    material = load_material(tmp_path / "rock_albedo.png", name="stone")
    assert [m.name for m in material.maps] == ["albedo"]
    assert material.name == "stone"
    assert load_material(tmp_path / "rock_albedo.png").name == "rock_albedo"


def test_unknown_names_are_kept_as_linear_data(tmp_path: Path) -> None:
    make(tmp_path / "storm.png")
    (record,) = (material := load_material(tmp_path)).maps
    assert (record.name, record.semantic) == ("storm", Semantic.OTHER)
    assert record.color_space is ColorSpace.LINEAR
    assert any("storm.png" in warning for warning in material.warnings)


def test_other_files_are_named_or_passed_over(tmp_path: Path) -> None:
    make(tmp_path / "w_albedo.png")
    make(tmp_path / "w_preview.png")
    (tmp_path / "w_height.psd").write_bytes(b"8BPS")
    (tmp_path / "LICENSE.txt").write_text("CC0")
    (tmp_path / ".w_normal.png").write_text("hidden")
    material = load_material(tmp_path)
    assert [m.name for m in material.maps] == ["albedo"]
    assert any("w_preview.png" in w and "ignored" in w for w in material.warnings)
    assert any("w_height.psd" in w for w in material.warnings)


def test_files_of_several_assets_are_told(tmp_path: Path) -> None:
    make(tmp_path / "rock_albedo.png")
    make(tmp_path / "moss_normal.png")
    assert any("moss, rock" in warning for warning in load_material(tmp_path).warnings)


# --- conventions ---


def test_gloss_is_stored_as_roughness(tmp_path: Path) -> None:
    pixels = make(tmp_path / "w_gloss.png", 1)
    (record,) = (material := load_material(tmp_path)).maps
    assert (record.name, record.semantic) == ("glossiness", Semantic.ROUGHNESS)
    assert record.channels[0].inverted
    np.testing.assert_array_equal(material.channels, 257 * (255 - pixels.astype(U16)))
    np.testing.assert_array_equal(restored(material)["glossiness"], pixels)


def test_directx_normals_are_stored_as_opengl(tmp_path: Path) -> None:
    pixels = make(tmp_path / "w_NormalDX.png")
    (record,) = (material := load_material(tmp_path)).maps
    assert record.normal is DX
    assert [c.inverted for c in record.channels] == [False, True, False]
    np.testing.assert_array_equal(
        material.channels[:, :, 1], 257 * (255 - pixels[:, :, 1].astype(U16))
    )
    np.testing.assert_array_equal(restored(material)["normal"], pixels)


def test_of_two_conventions_opengl_is_used(tmp_path: Path) -> None:
    make(tmp_path / "w_NormalGL.png")
    make(tmp_path / "w_NormalDX.png")
    material = load_material(tmp_path)
    assert [m.file for m in material.maps] == ["w_NormalGL.png"]
    assert any("w_NormalDX.png" in warning for warning in material.warnings)


def _bumps(convention: NormalConvention, upside_down: bool) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[0:64, 0:48]
    height = np.sin(x / 3) + np.cos(y / 5)
    slopes_x, slopes_y = -np.cos(x / 3) / 3, -np.sin(y / 5) / 5  # -dh/dx, dh/drow
    green = slopes_y if convention is GL else -slopes_y
    normal = np.dstack([slopes_x, green, np.ones_like(green)])
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    relief = -height if upside_down else height
    relief = np.rint((relief + 2) / 4 * 255).astype(U8)[:, :, None]
    return np.rint((normal + 1) / 2 * 255).astype(U8), relief


@pytest.mark.parametrize("convention", [GL, DX])
@pytest.mark.parametrize("upside_down", [False, True])
def test_the_height_map_tells_the_convention(
    convention: NormalConvention, upside_down: bool, tmp_path: Path
) -> None:
    normal, height = _bumps(convention, upside_down)
    put(tmp_path / "w_normal.png", normal)
    put(tmp_path / "w_height.png", height)
    material = load_material(tmp_path)
    assert by_name(material)["normal"].normal is convention
    assert any("agrees with the height map" in warning for warning in material.warnings)


def test_without_evidence_normals_are_opengl_and_said_so(tmp_path: Path) -> None:
    make(tmp_path / "w_normal.png", size=(2, 2))
    make(tmp_path / "w_height.png", size=(2, 2))
    material = load_material(tmp_path)
    assert by_name(material)["normal"].normal is GL
    assert any("assumed" in warning for warning in material.warnings)


def test_vendor_defaults(tmp_path: Path) -> None:
    make(tmp_path / "T_Rock_D.png")
    make(tmp_path / "T_Rock_N.png")
    material = load_material(tmp_path)
    assert by_name(material)["normal"].normal is DX
    assert any("Unreal" in warning for warning in material.warnings)


def test_hdrp_mask_maps(tmp_path: Path) -> None:
    pixels = make(tmp_path / "Crate_MaskMap.png", 4)
    (record,) = (material := load_material(tmp_path)).maps
    assert [c.meaning for c in record.channels] == ["metalness", "ao", "detail", "roughness"]
    assert [c.inverted for c in record.channels] == [False, False, False, True]
    np.testing.assert_array_equal(restored(material)["mask_map"], pixels)


# --- what costs nothing ---


def test_constant_channels(tmp_path: Path) -> None:
    pixels = make(tmp_path / "w_albedo.png", 4)
    pixels[:, :, 3] = 255
    pixels[:, :, 0] = 7
    put(tmp_path / "w_albedo.png", pixels)
    (record,) = (material := load_material(tmp_path)).maps
    assert [c.constant for c in record.channels] == [7, None, None, 255]
    assert material.channels.shape[2] == 2
    np.testing.assert_array_equal(restored(material)["albedo"], pixels)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_a_material_of_constants_only(dtype: Any, tmp_path: Path) -> None:
    pixels = np.full((3, 5, 3), 0.1, dtype)
    put(tmp_path / "w_gloss.exr", pixels)
    material = load_material(tmp_path)
    assert material.channels.shape == (3, 5, 0)
    assert [level.shape for level in material.mip_chain(2)] == [(3, 5, 0), (1, 2, 0)]
    np.testing.assert_array_equal(restored(material)["glossiness"], pixels)


def test_grey_stored_as_rgb_is_one_channel(tmp_path: Path) -> None:
    grey = make(tmp_path / "w_roughness.png", 1)
    put(tmp_path / "w_roughness.png", np.repeat(grey, 3, axis=2))
    (record,) = (material := load_material(tmp_path)).maps
    assert outputs(record) == [0, 0, 0]
    assert material.channels.shape[2] == 1


def test_a_packed_map_and_its_parts_are_stored_once(tmp_path: Path) -> None:
    arm = make(tmp_path / "w_arm.png")
    put(tmp_path / "w_ao.png", arm[:, :, :1])
    put(tmp_path / "w_rough.png", arm[:, :, 1:2].astype(U16) * 257)
    put(tmp_path / "w_gloss.png", 255 - arm[:, :, 1:2])
    other = make(tmp_path / "w_metal.png", 1)
    material = load_material(tmp_path)
    records = by_name(material)
    assert material.channels.shape[2] == 4
    packed = outputs(records["orm"])
    assert outputs(records["ao"]) == packed[:1]
    assert outputs(records["roughness"]) == outputs(records["glossiness"]) == packed[1:2]
    assert outputs(records["metalness"]) != packed[2:]
    np.testing.assert_array_equal(restored(material)["metalness"], other)


def test_equal_data_that_mips_treat_apart_is_kept_apart(tmp_path: Path) -> None:
    grey = make(tmp_path / "w_albedo.png", 1)
    put(tmp_path / "w_roughness.png", grey)
    put(tmp_path / "w_opacity.png", grey)
    put(tmp_path / "w_metal.png", grey)
    material = load_material(tmp_path)
    assert material.channels.shape[2] == 3
    shared = by_name(material)
    assert outputs(shared["metalness"]) == outputs(shared["roughness"])


# --- float maps ---


@pytest.mark.parametrize(
    ("name", "scale", "shift", "curve", "low", "high"),
    [
        ("w_height", 1, 0, Curve.LINEAR, 0, 1),
        ("w_height", 8, -2, Curve.LINEAR, -2, 6),
        ("w_height", 8, 0, Curve.LINEAR, 0, 8),
        ("w_emissive", 1, 0, Curve.LINEAR, 0, 1),
        ("w_emissive", 1000, 0, Curve.LOG, 0, 1000),
        ("w_normal_gl", 1.5, -1, Curve.LINEAR, -1, 1),
    ],
)
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_curves_of_float_maps(
    name: str,
    scale: float,
    shift: float,
    curve: Curve,
    low: float,
    high: float,
    dtype: Any,
    tmp_path: Path,
    rng: np.random.Generator,
) -> None:
    values = rng.random((16, 16, 3))
    values[0, 0], values[0, 1] = 0, 1
    pixels = put(tmp_path / f"{name}.exr", (values * scale + shift).astype(dtype))
    (record,) = (material := load_material(tmp_path)).maps
    assert (record.curve, record.low, record.high) == (curve, low, high)
    assert record.color_space is ColorSpace.LINEAR
    back = restored(material)[record.name]
    assert back.dtype == dtype
    step = scale / 65535 + np.finfo(dtype).eps * scale
    tolerance = step if curve is Curve.LINEAR else 0.02
    np.testing.assert_allclose(back.astype(float), pixels, atol=tolerance, rtol=2e-3)


# --- the package, the real sets ---


def test_importing_loads_no_image_library() -> None:
    code = "import ntc.texture, sys; sys.exit('OpenImageIO' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


REAL = {
    "BlueTiles01": (8, 2048, 2048),
    "Bricks-Zylann": (8, 1024, 669),
    "FlightHelmet-MetalParts": (9, 2048, 2048),
    "FlightHelmet-RubberWood": (9, 2048, 2048),
    "Leaves-Zylann": (8, 1024, 1024),
    "MetalWeave01": (8, 2048, 2048),
    "RosewoodVeneer1": (9, 1024, 1024),
    "TPS-Column-4K": (6, 4096, 4096),
    "TPS-ContainerCage": (10, 1024, 1024),
    "TPS-TrimMisc1": (9, 2048, 2048),
    "WaterBottle": (11, 2048, 2048),
    "Wool": (7, 1024, 1024),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_real_sets_by_manifest_and_by_name(
    name: str, materials: dict[str, Path], tmp_path: Path
) -> None:
    material = load_material(materials[name])
    assert (material.channels.shape[2], material.width, material.height) == REAL[name]
    back = restored(material)
    for record in material.maps:
        np.testing.assert_array_equal(back[record.name], read_image(materials[name] / record.file))
    named = tmp_path / name
    shutil.copytree(materials[name], named, ignore=shutil.ignore_patterns("*.json"))
    again = load_material(named)
    assert again.name == material.name
    assert {r.file: (r.name, r.semantic, r.color_space, r.normal) for r in again.maps} == {
        r.file: (r.name, r.semantic, r.color_space, r.normal) for r in material.maps
    }
    assert again.channels.shape == material.channels.shape


@pytest.mark.slow
def test_memory_at_4k(materials: dict[str, Path]) -> None:
    code = (
        "import re, sys; from pathlib import Path; from ntc.texture import load_material;"
        "load_material(Path(sys.argv[1])).mip_chain();"
        "print(re.search(r'VmHWM:\\s*(\\d+) kB', Path('/proc/self/status').read_text())[1])"
    )
    folder = str(materials["TPS-Column-4K"])
    done = subprocess.run([sys.executable, "-c", code, folder], check=True, capture_output=True)
    assert int(done.stdout) * 1024 < 1.2e9
