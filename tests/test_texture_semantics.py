import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntc.format.metadata import NormalConvention, Semantic
from ntc.texture.semantics import classify, vendor_convention
from ntc.texture.tokens import IGNORED, LETTERS, OTHER, WORDS

GL, DX = NormalConvention.OPENGL, NormalConvention.DIRECTX

ONE_NAME = {
    # bare names and plain snake case
    "albedo.png": "albedo",
    "bricks_albedo.png": "albedo",
    "bricks_depth.png": "height",
    "wall-base-color.tga": "albedo",
    "wall base colour.tga": "albedo",
    "wall.roughness.exr": "roughness",
    "ROCK_ALBEDO.PNG": "albedo",
    "rockBaseColor.png": "albedo",
    "RockNormal.png": "normal",
    "rock_ambient_occlusion.png": "ao",
    "rock_mixed_AO.png": "ao",
    "rock_specular_level.png": "specular_level",
    "rock_specularColor.png": "specular",
    "rock_curvature.png": "cavity",
    "leaf_opacity.png": "opacity",
    "leaf_alphaMask.png": "opacity",
    "leaf_mask.png": "mask",
    "cloth_fuzz.png": "sheen",
    "car_clearcoat.png": "clearcoat",
    "screen_emission.png": "emissive",
    # the last match wins
    "metal_plate_metal_1k.png": "metalness",
    "metal_plate_diff_1k.png": "albedo",
    "metal_plate_rough_1k.png": "roughness",
    "rusty_metal_ao_2k.jpg": "ao",
    "rusty_metal_rough_2k.jpg": "roughness",
    "rusty_metalRough.jpg": "metallic_roughness",
    "Metal_weave_01_Metallic.png": "metalness",
    "Metal_weave_01_Color.png": "albedo",
    "FlightHelmet_Materials_MetalPartsMat_OcclusionRoughMetal.png": "orm",
    "FlightHelmet_Materials_MetalPartsMat_BaseColor.png": "albedo",
    # ambientCG
    "Metal014_4K-PNG_Metalness.png": "metalness",
    "Metal049A_2K-JPG_Color.jpg": "albedo",
    "Bricks001_8K_AmbientOcclusion.tif": "ao",
    "Bricks001_1K-PNG_Displacement.png": "height",
    # Poly Haven
    "rosewood_veneer1_nor_gl_1k.png": "normal",
    "rosewood_veneer1_disp_1k.png": "height",
    "rosewood_veneer1_rough_1k.exr": "roughness",
    "brick_wall_arm_4k.png": "orm",
    "brick_wall_rough_ao_4k.png": "other",
    # Megascans
    "Dry_Sand_xfhsfao_4K_Bump.jpg": "bump",
    "Dry_Sand_xfhsfao_4K_Albedo.jpg": "albedo",
    "Dry_Sand_xfhsfao_4K_Gloss.jpg": "glossiness",
    "Dry_Sand_xfhsfao_4K_Normal_LOD0.jpg": "normal",
    "Dry_Sand_xfhsfao_4K_Cavity.jpg": "cavity",
    "Leaf_tgzndfe_2K_Translucency.jpg": "translucency",
    # Substance
    "lambert1_Base_Color.1001.png": "albedo",
    "lambert1_BaseColor_ACEScg.exr": "albedo",
    "lambert1_Mixed_AO.png": "ao",
    "lambert1_OcclusionRoughnessMetallic.png": "orm",
    "lambert1_Normal_OpenGL.png": "normal",
    "lambert1_glossiness.png": "glossiness",
    # Poliigon, TextureCan
    "Tiles05_COL_4K.jpg": "albedo",
    "Tiles05_NRM_4K.jpg": "normal",
    "Tiles05_REFL_4K.jpg": "specular",
    "Tiles05_GLOSS_4K.jpg": "glossiness",
    "others_0001_normal_directx_4k.png": "normal",
    # Unity, Unreal, glTF
    "Crate_MaskMap.png": "mask_map",
    "Crate_MetallicSmoothness.tga": "metallic_smoothness",
    "Crate_AlbedoTransparency.tga": "albedo",
    "T_Rock_ORM.tga": "orm",
    "T_Rock_RMA.tga": "rma",
    "T_Rock_MRA.tga": "mra",
    "T_Rock_ARMH.tga": "ormh",
    "T_Rock_BC.tga": "albedo",
    "WaterBottle_occlusionRoughnessMetallic.png": "orm",
    "WaterBottle_baseColor.png": "albedo",
    "helmet_metallicRoughness.png": "metallic_roughness",
    "helmet_occlusion_roughness_metallic.png": "orm",
    # names that say nothing, or only seem to say something
    "charm.png": "other",
    "storm.png": "other",
    "chaos.png": "other",
    "IMG_2048.png": "other",
    "4k.png": "other",
    "Metal014.png": "other",
    "scan_vdcZkcAO_4K.png": "other",
    "xfhsfao.png": "other",
    "rock_d.png": "other",
    "colorful.png": "other",
    # previews
    "Bricks001_PREVIEW.jpg": "ignored",
    "rock_albedo_preview.png": "ignored",
    "sphere_albedo.png": "albedo",
}


@pytest.mark.parametrize(("name", "role"), ONE_NAME.items())
def test_a_name_alone(name: str, role: str) -> None:
    assert classify([name])[0].role.name == role


@pytest.mark.parametrize(
    ("name", "convention"),
    [
        ("a_NormalGL.png", GL),
        ("a_nor_gl_4k.png", GL),
        ("a_normal_opengl.png", GL),
        ("a_Normal_OGL.png", GL),
        ("a_NormalDX.png", DX),
        ("a_nor_dx_4k.exr", DX),
        ("a_Normal_DirectX.png", DX),
        ("a_normal.png", None),
        ("BrickNormalDX.png", DX),
    ],
)
def test_normal_conventions_in_names(name: str, convention: NormalConvention | None) -> None:
    role = classify([name])[0].role
    assert (role.name, role.normal) == ("normal", convention)


@pytest.mark.parametrize(
    ("names", "convention"),
    [
        (["T_Rock_D.tga", "T_Rock_N.tga"], DX),
        (["Bricks001_2K_Color.jpg", "Bricks001_2K_Normal.jpg"], DX),
        (["Dry_Sand_xfhsfao_4K_Albedo.jpg", "Dry_Sand_xfhsfao_4K_Normal.jpg"], DX),
        (["Bottle_occlusionRoughnessMetallic.png", "Bottle_normal.png"], GL),
        (["Crate_MaskMap.png", "Crate_Normal.png"], GL),
        (["bricks_albedo.png", "bricks_normal.png"], None),
        (["Old_planks_2K_Albedo.png", "Old_planks_2K_Normal.png"], None),
    ],
)
def test_vendors(names: list[str], convention: NormalConvention | None) -> None:
    found = vendor_convention(names)
    assert (found and found[0]) == convention


def _roles(*names: str) -> list[str]:
    return [guess.role.name for guess in classify(names)]


def test_words_all_names_share_are_the_asset() -> None:
    assert _roles("rusty_metal_diff.png", "rusty_metal_rough.png", "rusty_metal.png") == [
        "albedo",
        "roughness",
        "ignored",
    ]
    assert _roles("rough_metal_ao.png", "rough_metal_x.png") == ["ao", "other"]
    assert _roles("robot_arm_diff.png", "robot_arm_nor.png", "robot_arm_note.png") == [
        "albedo",
        "normal",
        "other",
    ]


def test_shared_words_count_where_nothing_else_is_said() -> None:
    assert _roles("wall_normal_a.png", "wall_normal_x.png") == ["normal", "normal"]
    assert _roles("rock_NormalGL.png", "rock_NormalDX.png") == ["normal", "normal"]


def test_single_letters_need_siblings_of_the_same_asset() -> None:
    assert _roles("T_Rock_D.tga", "T_Rock_N.tga", "T_Rock_R.tga") == [
        "albedo",
        "normal",
        "roughness",
    ]
    assert _roles("T_Rock_D.tga", "T_Rock_ORM.tga") == ["albedo", "orm"]
    assert _roles("tile_a.png", "tile_b.png") == ["other", "other"]
    assert _roles("T_Rock_Albedo.png", "T_Moss_D.png") == ["albedo", "other"]
    assert _roles("T_Rock_D_4K.tga", "T_Rock_N_4K.tga") == ["albedo", "normal"]


def test_assets_and_tiles() -> None:
    one, two = classify(["Rock_Base_Color.1001.png", "Rock_Base_Color.1002.png"])
    assert (one.asset, one.tile, two.tile) == ("rock", "1001", "1002")
    assert classify(["rock_u1_v2_albedo.png"])[0].tile == "u1v2"
    assert classify(["rock_albedo_1024.png"])[0].tile is None
    assert classify(["rock_albedo_2048.png"])[0].tile is None


def test_packings_say_what_each_channel_is() -> None:
    assert WORDS["arm"].packing == ("ao", "roughness", "metalness")
    assert WORDS["rma"].packing == ("roughness", "metalness", "ao")
    assert WORDS["rmo"].packing == ("roughness", "metalness", "ao")
    assert WORDS["mra"].packing == ("metalness", "roughness", "ao")
    assert WORDS["mods"].packing == ("metalness", "ao", "detail", "~roughness")
    assert WORDS["metallicroughness"].packing == ("unused", "roughness", "metalness")


def test_only_colours_are_srgb() -> None:
    srgb = {role.semantic for role in WORDS.values() if role.srgb}
    assert srgb == {
        Semantic.ALBEDO,
        Semantic.SPECULAR,
        Semantic.EMISSIVE,
        Semantic.TRANSMISSION,
        Semantic.SHEEN,
    }
    assert not OTHER.srgb


@given(st.sampled_from(sorted(WORDS)), st.sampled_from(["", "_2k", "_4K-PNG", "_2048", ".1001"]))
def test_every_word_is_found_after_an_asset_name(word: str, tail: str) -> None:
    assert classify([f"plain_wall_{word}{tail}.png"])[0].role is WORDS[word]


@given(st.lists(st.text(max_size=30), max_size=6))
def test_any_text_is_classified(names: list[str]) -> None:
    guesses = classify(names)
    known = {*WORDS.values(), *LETTERS.values(), OTHER, IGNORED}
    assert [guess.file for guess in guesses] == names
    assert all(guess.role in known for guess in guesses)
