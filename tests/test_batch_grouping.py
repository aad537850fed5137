"""What a scan makes of file names alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntc.batch.grouping import Grouping, group, role_folders
from ntc.texture.manifest import semantic_role
from ntc.texture.semantics import classify
from ntc.texture.tokens import IGNORED, WORDS


def grouped(*names: str) -> dict[str, set[str]]:
    """Title and tile of each group -> its files."""
    made = group(classify(names))
    assert sorted(everything(made)) == sorted(names)
    return {
        "_".join(filter(None, (g.title, g.tile))): {m.file for m in g.maps} for g in made.groups
    }


def everything(made: Grouping) -> list[str]:
    used = [guess.file for one in made.groups for guess in one.maps]
    return used + [file for file, _ in made.left_out]


def reason(file: str, *others: str) -> str:
    """Why a file is left out beside others."""
    return dict(group(classify([file, *others])).left_out)[file]


def notes(*names: str) -> str:
    (made,) = group(classify(names)).groups
    return "\n".join(made.notes)


def test_several_materials_in_a_folder() -> None:
    names = ["T_Rock_D.png", "T_Rock_N.png", "T_Wood_D.png", "T_Wood_N.png"]
    assert grouped(*names) == {"T_Rock": set(names[:2]), "T_Wood": set(names[2:])}
    assert grouped("a_albedo.png", "b_normal.png") == {
        "a": {"a_albedo.png"},
        "b": {"b_normal.png"},
    }


def test_words_are_whole() -> None:
    names = ["charm_albedo.png", "storm_normal.png", "chaos_diffuse.png", "chaos_ao.png"]
    assert grouped(*names) == {"charm": {names[0]}, "storm": {names[1]}, "chaos": set(names[2:])}
    assert grouped("charm.png", "storm.png", "chaos.png") == {}


def test_plain_names_are_one_material() -> None:
    names = ["albedo.png", "Normal.PNG", "rough_2k.png"]
    assert grouped(*names) == {"": set(names)}


def test_letters_are_said() -> None:
    said = notes("T_Rock_D.png", "T_Rock_N.png")
    assert "T_Rock_D.png: the letter D is taken for albedo" in said
    assert "letter" not in notes("rock_diffuse.png", "rock_normal.png")


def test_the_role_may_come_first() -> None:
    assert grouped("albedo_rock.png", "normal_rock.png", "albedo_wood.png", "normal_wood.png") == {
        "rock": {"albedo_rock.png", "normal_rock.png"},
        "wood": {"albedo_wood.png", "normal_wood.png"},
    }
    # One map of each is not one material.
    assert grouped("albedo_rock.png", "normal_wood.png") == {}
    assert "does not end in the role `albedo`" in reason("albedo_rock.png", "normal_wood.png")


def test_endings_that_make_sets_of_their_own() -> None:
    names = [f"moss_{role}_{number}.png" for number in ("01", "02") for role in ("diff", "nor")]
    assert grouped(*names) == {"moss_01": set(names[:2]), "moss_02": set(names[2:])}
    assert grouped("moss_diff_01.png", "moss_nor.png") == {
        "moss": {"moss_diff_01.png", "moss_nor.png"}
    }
    assert "`old`, is not looked at" in notes("moss_diff_old.png", "moss_nor.png")


def test_variants_of_one_map() -> None:
    names = ["Tiles05_COL_VAR1_4K.jpg", "Tiles05_COL_VAR2_4K.jpg", "Tiles05_NRM_4K.jpg"]
    assert grouped(*names) == {"Tiles05": {names[0], names[2]}}
    assert "a second albedo" in reason(*reversed(names[:2]), names[2])
    assert f"two albedo maps: {names[0]} is used, not {names[1]}" in notes(*names)


def test_two_words_for_one_map() -> None:
    names = ["rock_basecolor.png", "rock_diffuse.png", "rock_normal.png"]
    assert grouped(*names) == {"rock": {names[0], names[2]}}
    assert "a second albedo map; rock_basecolor.png is used" in reason(names[1], names[0], names[2])


def test_masks_may_be_many() -> None:
    names = [f"rock_mask_{letter}.png" for letter in "abc"]
    assert grouped(*names, "rock_albedo.png") == {"rock": {*names, "rock_albedo.png"}}
    many = [f"rock_mask_{number}.png" for number in range(70)]
    assert len(grouped(*many)["rock"]) == 64
    assert sum("at most 64" in why for _, why in group(classify(many)).left_out) == 6


@pytest.mark.parametrize(
    ("used", "left", "why"),
    [
        ("rock_albedo_4K.png", "rock_albedo_1k.png", "smaller"),
        ("rock_albedo_4K.jpg", "rock_albedo_2048.png", "smaller"),
        ("rock_albedo_2048x2048.png", "rock_albedo_1024x1024.png", "smaller"),
        ("rock_normal_LOD0.png", "rock_normal_LOD2.png", "coarser"),
        ("rock_rough.exr", "rock_rough.jpg", "keeps more"),
        ("rock_rough.png", "rock_rough.tga", "keeps more"),
        ("rock_NormalGL.png", "rock_NormalDX.png", "OpenGL"),
        ("rock_nor_gl_1k.png", "rock_nor_dx_4k.png", "OpenGL"),
        ("rock_NormalDX.png", "rock_Normal.png", "DirectX"),
        ("Rock_albedo.png", "rock_albedo.png", "a second albedo"),
    ],
)
def test_versions_of_a_map(used: str, left: str, why: str) -> None:
    for order in ((used, left), (left, used)):
        assert list(grouped(*order, "rock_ao.png").values()) == [{used, "rock_ao.png"}]
    assert why in reason(left, used, "rock_ao.png")


def test_sizes_by_name_are_said() -> None:
    assert "rock_ao_1k.png is smaller than rock_albedo_4k.png" in notes(
        "rock_albedo_4k.png", "rock_ao_1k.png"
    )


def test_each_tile_is_a_material() -> None:
    names = ["a_albedo.1001.png", "a_normal.1001.png", "a_albedo.1002.png", "a_normal.1002.png"]
    assert grouped(*names) == {"a_1001": set(names[:2]), "a_1002": set(names[2:])}
    assert set(grouped("a_albedo_u1_v2.png")) == {"a_u1v2"}


def test_previews_and_names_that_say_nothing() -> None:
    others = ["rock_albedo.png", "rock_normal.png"]
    assert "preview" in reason("rock.png", *others)
    assert "preview" in reason("rock_albedo_preview.png", *others)
    assert "plan.json" in reason("IMG_2048.png", *others)
    assert "plan.json" in reason("rock_wetness.png", *others)
    assert "channels of `rough_ao`" in reason("rock_rough_ao.png", *others)


def test_loose_images() -> None:
    assert grouped("poster_color.png") == {"poster": {"poster_color.png"}}
    assert "alone: poster_color.png is taken for albedo" in notes("poster_color.png")
    assert "does not end" in reason("metal_plate.png")


@pytest.mark.parametrize(
    ("names", "roles"),
    [
        ("Bricks076_1K-PNG_Color.png Bricks076_1K-PNG_NormalGL.png", "albedo normal"),
        ("Dry_Sand_xfhsfao_4K_Albedo.jpg Dry_Sand_xfhsfao_4K_Cavity.jpg", "albedo cavity"),
        ("Mat_BaseColor.png Mat_OcclusionRoughnessMetallic.png", "albedo orm"),
        ("Crate_MaskMap.png Crate_MetallicSmoothness.png", "mask_map metallic_smoothness"),
        ("rock_nor_gl_1k.exr rock_arm_1k.png", "normal orm"),
    ],
)
def test_vendors(names: str, roles: str) -> None:
    (made,) = group(classify(names.split())).groups
    assert [guess.role.name for guess in made.maps] == roles.split()


@given(st.lists(st.sampled_from("rock Wall_ _albedo normal _D _N 1001 _4k .png .exr é".split())))
def test_nothing_is_lost(parts: list[str]) -> None:
    names = sorted({f"{a}{b}{c}.png" for a, b, c in zip(parts, parts[1:], parts[2:], strict=False)})
    assert sorted(everything(group(classify(names)))) == names


@given(st.lists(st.text(min_size=1, max_size=30), max_size=6, unique=True))
def test_nothing_is_lost_of_any_text(texts: list[str]) -> None:
    names = [f"{text}.png" for text in texts]
    assert sorted(everything(group(classify(names)))) == sorted(names)


def test_all_roles_can_be_planned() -> None:
    for role in set(WORDS.values()) - {IGNORED}:
        said = semantic_role(role.name)
        assert said is not None
        assert said.name == role.name


# --- folders of roles ---


def claimed(**folders: str) -> set[str]:
    return {
        guess.file
        for guess in role_folders({name: classify(f.split()) for name, f in folders.items()})
    }


def test_folders_of_roles() -> None:
    assert claimed(albedo="rock.png sand.png", Normals="rock.png") == {
        "albedo/rock.png",
        "albedo/sand.png",
        "Normals/rock.png",
    }
    assert claimed(albedo="rock_albedo.png", ao="Rock_AO.tga") == {
        "albedo/rock_albedo.png",
        "ao/Rock_AO.tga",
    }
    assert claimed(albedo="rock.png", other="rock.png") == set()
    assert claimed(albedo="rock.png", normal="wood.png") == set()
    assert claimed(albedo="rock.png", diffuse="rock.png") == set()
    assert claimed(albedo="rock.png", normal="rock.png rock_preview.png") == {
        "albedo/rock.png",
        "normal/rock.png",
    }


def test_materials_that_are_called_like_roles() -> None:
    assert claimed(metal="albedo.png normal.png", coat="albedo.png normal.png") == set()
    assert claimed(metal="albedo.png", coat="albedo.png") == set()
    sets = "plate_albedo.png plate_normal.png"
    assert claimed(metal=sets, coat=sets) == set()
    both = claimed(albedo="rock.png metal.png", normal="rock.png metal.png")
    assert {"albedo/metal.png", "normal/metal.png"} < both
