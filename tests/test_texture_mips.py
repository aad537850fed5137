import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntc.format.metadata import Channel, ColorSpace, Curve, MapRecord, Sample, Semantic
from ntc.texture import mips
from ntc.texture.color import curve_decode, curve_encode, linear_to_srgb, srgb_to_linear
from ntc.texture.mips import mip_count

F = np.float32


def record(semantic: Semantic, meanings: str, first: int = 0, **changes: object) -> MapRecord:
    channels = tuple(Channel(meaning=m, output=first + i) for i, m in enumerate(meanings.split()))
    values = {
        "name": semantic.value,
        "file": "a.png",
        "semantic": semantic,
        "color_space": ColorSpace.LINEAR,
        "sample": Sample.UINT8,
        "width": 1,
        "height": 1,
        "channels": channels,
    }
    return MapRecord(**(values | changes))


DATA = record(Semantic.ROUGHNESS, "roughness")
NORMAL = record(Semantic.NORMAL, "normal.x normal.y normal.z")


def mip_chain(pixels: np.ndarray, maps: list[MapRecord], count: int = 0) -> list[np.ndarray]:
    """The chain of an image in 0..1, in 0..1: its values are rounded to 16 bits."""
    stored = np.rint(pixels * 65535).astype(np.uint16)
    chain = mips.mip_chain(stored, maps, count)
    assert chain[0] is stored
    return [(level / 65535).astype(F) for level in chain]


def level_one(rows: object, maps: MapRecord) -> np.ndarray:
    pixels = np.array(rows, F)
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    return mip_chain(pixels, [maps], 2)[1]


def unit(*vector: float) -> np.ndarray:
    return (np.array(vector) / np.linalg.norm(vector) + 1) / 2


@given(st.integers(1, 40), st.integers(1, 40))
def test_sizes_and_means(width: int, height: int) -> None:
    pixels = np.random.default_rng(width * 41 + height).random((height, width, 1), F)
    chain = mip_chain(pixels, [DATA])
    assert len(chain) == mip_count(width, height) == int(np.log2(max(width, height))) + 1
    for m, level in enumerate(chain):
        assert level.shape == (max(1, height >> m), max(1, width >> m), 1)
        assert level.dtype == F
        assert level.mean() == pytest.approx(pixels.mean(), abs=1e-5)


def near(found: np.ndarray, wanted: object, within: float = 2.5e-5) -> None:
    """Equal to what is rounded to 16 bits twice: before a mip is made, and after."""
    np.testing.assert_allclose(found, wanted, rtol=0, atol=within)


def test_even_sizes_average_four() -> None:
    level = level_one([[0.0, 0.25, 1, 1], [0.5, 0.25, 0, 1]], DATA)
    near(level[:, :, 0], [[0.25, 0.75]])


def test_odd_sizes_weigh_every_texel_the_same() -> None:
    near(level_one([[0.3], [0.6], [0.9]], DATA).ravel(), [0.6])
    a, b, c, d, e = row = [0.1, 0.9, 0.2, 0.4, 0.7]
    level = level_one([row], DATA)
    expected = [(2 * a + 2 * b + c) / 5, (c + 2 * d + 2 * e) / 5]
    near(level.ravel(), expected)


def test_count_is_at_most_the_full_chain() -> None:
    pixels = np.zeros((8, 8, 1), F)
    assert len(mip_chain(pixels, [DATA], 3)) == 3
    assert len(mip_chain(pixels, [DATA], 99)) == 4


def test_no_outputs_at_all() -> None:
    assert [level.shape for level in mip_chain(np.zeros((4, 2, 0), F), [])] == [
        (4, 2, 0),
        (2, 1, 0),
        (1, 1, 0),
    ]


def test_colours_are_averaged_in_linear_light() -> None:
    srgb = record(Semantic.ALBEDO, "albedo", color_space=ColorSpace.SRGB)
    # 0.5 of the light, IEC 61966-2-1
    near(level_one([[0, 1], [1, 0]], srgb), 0.735357)
    near(level_one([[0, 1], [1, 0]], DATA), 0.5)
    light = (0.2140411 + 0.0508761) / 2  # of 0.5 and 0.25
    near(level_one([[0.5, 0.25]], srgb), 1.055 * light ** (1 / 2.4) - 0.055)


def test_alpha_of_a_colour_map_is_linear() -> None:
    srgb = record(Semantic.EMISSIVE, "emissive.r emissive.a", color_space=ColorSpace.SRGB)
    level = level_one([[[0, 0], [1, 1]]], srgb)
    near(level.ravel(), [0.735357, 0.5])


def test_logarithmic_maps_are_averaged_by_value() -> None:
    hdr = record(Semantic.EMISSIVE, "emissive", curve=Curve.LOG, high=7.0)
    # 0 and 7 average to 3.5: log2(4.5) / log2(8)
    near(level_one([[0, 1]], hdr), np.log2(4.5) / 3)


def test_normals_are_averaged_and_renormalised() -> None:
    level = level_one([[unit(1, 0, 1), unit(-1, 0, 1)]], NORMAL)
    near(level.ravel(), [0.5, 0.5, 1])
    level = level_one([[unit(1, 0, 0), unit(0, 1, 0)]], NORMAL)
    near(level.ravel(), unit(1, 1, 0))


def test_normals_stay_unit_through_the_whole_chain(rng: np.random.Generator) -> None:
    vectors = rng.standard_normal((37, 20, 3)) + [0, 0, 3]
    vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
    for level in mip_chain(((vectors + 1) / 2).astype(F), [NORMAL]):
        near(np.linalg.norm(2 * level - 1, axis=-1), 1, 1e-4)


@pytest.mark.parametrize("filler", [0.0, 1.0, 0.5])
def test_empty_parts_of_a_normal_map_keep_their_filler(filler: float) -> None:
    level = level_one(np.full((5, 4, 3), filler), NORMAL)
    near(level, filler)


def test_normals_of_two_channels_use_the_third() -> None:
    both = record(Semantic.NORMAL, "normal.x normal.y")
    level = level_one([[unit(1, 0, 1)[:2], unit(-1, 0.5, 1)[:2]]], both)
    mean = (unit(1, 0, 1) + unit(-1, 0.5, 1)) - 1
    near(level.ravel(), unit(*mean)[:2])


def test_normals_with_a_constant_axis_are_only_averaged() -> None:
    channels = (*NORMAL.channels[:2], Channel(meaning="normal.z", constant=255))
    flat = NORMAL.model_copy(update={"channels": channels})
    near(level_one([[[0, 0.2], [1, 0.4]]], flat).ravel(), [0.5, 0.3])


def test_cut_out_masks_keep_their_coverage(rng: np.random.Generator) -> None:
    mask = record(Semantic.OPACITY, "opacity")
    pixels = (rng.random((64, 64, 1)) < 0.3).astype(F)
    pixels[:16] = 1
    for level in mip_chain(pixels, [mask])[1:4]:
        covered = (level >= 0.5 - 1e-6).mean()
        assert pixels.mean() - 1e-3 <= covered <= pixels.mean() + 0.1  # many texels are equal
        assert level[: level.shape[0] // 4].min() == 1
    plain = mip_chain(pixels, [DATA])[2]
    assert (plain >= 0.5).mean() < pixels.mean() - 0.1


def test_soft_and_empty_masks_are_only_averaged() -> None:
    mask = record(Semantic.OPACITY, "opacity")
    near(level_one([[0.2, 0.4], [0.6, 0.2]], mask).ravel(), [0.35])
    np.testing.assert_array_equal(level_one(np.zeros((4, 4, 1)), mask), 0)


def test_masks_are_never_scaled_down() -> None:
    mask = record(Semantic.OPACITY, "opacity")
    near(level_one([[1, 1, 1, 1], [1, 0, 0, 1]], mask).ravel(), [0.75, 0.75])


def test_each_output_is_filtered_once() -> None:
    grey = DATA.model_copy(update={"channels": DATA.channels * 3})
    near(level_one([[0, 1]], grey), 0.5)


@given(st.floats(0, 1))
def test_srgb_inverts(value: float) -> None:
    encoded = np.array([value, -value, value * 20])
    np.testing.assert_allclose(linear_to_srgb(srgb_to_linear(encoded)), encoded, atol=1e-6)


def test_srgb_known_values() -> None:
    known = {0.0: 0.0, 0.04045: 0.0031308, 0.5: 0.2140411, 1.0: 1.0}
    got = srgb_to_linear(np.array(list(known)))
    np.testing.assert_allclose(got, list(known.values()), atol=1e-7)


@given(st.sampled_from(list(Curve)), st.floats(0, 1), st.floats(0, 100), st.floats(0.01, 60000))
def test_curves_invert(curve: Curve, s: float, low: float, span: float) -> None:
    storage = np.array([s, 0.0, 1.0])
    values = curve_decode(storage, curve, low, low + span)
    np.testing.assert_allclose(values[1:], [low, low + span], rtol=1e-9, atol=1e-9)
    back = curve_encode(np.clip(values, low, low + span), curve, low, low + span)
    np.testing.assert_allclose(back, storage, atol=1e-9)


@pytest.mark.slow
def test_a_2k_chain_of_nine_channels_is_fast(rng: np.random.Generator) -> None:
    maps = [
        record(Semantic.ALBEDO, "albedo.r albedo.g albedo.b", color_space=ColorSpace.SRGB),
        record(Semantic.NORMAL, "normal.x normal.y normal.z", 3),
        record(Semantic.PACKED, "ao roughness metalness", 6),
    ]
    pixels = rng.random((2048, 2048, 9), F)
    start = time.perf_counter()
    mip_chain(pixels, maps)
    assert time.perf_counter() - start < 2.5
