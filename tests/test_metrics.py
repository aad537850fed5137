import numpy as np
import pytest

from ntc.format.metadata import Channel, ColorSpace, MapRecord, Sample, Semantic
from ntc.metrics import mse, normal_angle, psnr, set_psnr


def record(name: str, semantic: Semantic, channels: list[Channel], **changes: object) -> MapRecord:
    values = {
        "name": name,
        "file": f"{name}.png",
        "semantic": semantic,
        "color_space": ColorSpace.LINEAR,
        "sample": Sample.UINT8,
        "width": 4,
        "height": 4,
        "channels": tuple(channels),
    }
    return MapRecord(**(values | changes))


def out(output: int) -> Channel:
    return Channel(meaning="x", output=output)


XYZ = record("normal", Semantic.NORMAL, [out(0), out(1), out(2)])


def field(*vector: float, rows: int = 300) -> np.ndarray:
    return np.broadcast_to((np.array(vector) + 1) / 2, (rows, 2, len(vector)))


def test_psnr_of_known_errors() -> None:
    assert psnr(1.0) == 0
    assert psnr(1e-4) == pytest.approx(40)
    assert psnr(0.0) is None


def test_mse_takes_every_row(rng: np.random.Generator) -> None:
    a, b = rng.random((2, 301, 7, 3))
    np.testing.assert_allclose(mse(a, b), ((a - b) ** 2).mean(axis=(0, 1)))
    np.testing.assert_allclose(mse(a.astype(np.float32), b), mse(a, b), rtol=1e-5)


def test_mse_of_decoded_values() -> None:
    a = np.zeros((4, 4, 1), np.uint16)
    assert mse(a, a + np.uint16(65535))[0] == 1
    assert mse(a, np.full((4, 4, 1), 0.1))[0] == pytest.approx(0.01)


@pytest.mark.parametrize("shape", [(4, 4, 2), (4, 5, 1), (0, 4, 1)])
def test_sizes_must_agree(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="cannot compare"):
        mse(np.zeros((4, 4, 1)) if shape[0] else np.zeros(shape), np.zeros(shape))


def test_shared_channels_count_once_in_the_whole() -> None:
    a, b = np.zeros((4, 4, 2)), np.zeros((4, 4, 2))
    b[:, :, 0] = 0.1
    maps = [
        record("grey", Semantic.ROUGHNESS, [out(0), out(0), out(0)]),
        record("pack", Semantic.PACKED, [out(0), out(1)]),
    ]
    found = set_psnr(mse(a, b), maps)
    assert found.maps["grey"] == pytest.approx(20)
    assert found.maps["pack"] == pytest.approx(-10 * np.log10(0.005))
    assert found.psnr == pytest.approx(-10 * np.log10(0.005))


def test_a_constant_axis_of_a_normal_counts_and_other_constants_do_not() -> None:
    a, b = np.zeros((4, 4, 3)), np.full((4, 4, 3), 0.1)
    maps = [
        record("n", Semantic.NORMAL, [out(0), out(1), Channel(meaning="normal.z", constant=255)]),
        record("c", Semantic.ALBEDO, [out(2), Channel(meaning="opacity", constant=255)]),
    ]
    found = set_psnr(mse(a, b), maps)
    assert found.maps["n"] == pytest.approx(-10 * np.log10(0.02 / 3))
    assert found.maps["c"] == pytest.approx(20)
    assert found.psnr == pytest.approx(-10 * np.log10(0.03 / 4))


def test_exact_and_empty_maps_have_no_psnr() -> None:
    a = np.zeros((4, 4, 1))
    maps = [
        record("a", Semantic.AO, [out(0)]),
        record("b", Semantic.AO, [Channel(meaning="ao", constant=3)]),
    ]
    found = set_psnr(mse(a, a), maps)
    assert found.psnr is None
    assert found.maps == {"a": None, "b": None}
    assert set_psnr(mse(np.zeros((4, 4, 0)), np.zeros((4, 4, 0))), maps[1:]).psnr is None


def test_angles_of_known_normals() -> None:
    mean, largest = normal_angle(field(1, 0, 0), field(0, 1, 0), XYZ)
    assert (mean, largest) == (pytest.approx(90), pytest.approx(90))
    tilted = field(0, 0, 1).copy()
    tilted[299, 1] = (np.array([0, 0.6, 0.8]) + 1) / 2
    mean, largest = normal_angle(field(0, 0, 1), tilted, XYZ)
    angle = np.degrees(np.arcsin(0.6))
    assert largest == pytest.approx(angle)
    assert mean == pytest.approx(angle / 600)


def test_tiny_angles_are_not_rounded_away() -> None:
    a, b = field(0, 0, 1), field(1e-9, 0, 1)
    assert normal_angle(a, b, XYZ)[1] == pytest.approx(np.degrees(1e-9), rel=1e-3)
    assert normal_angle(a, a, XYZ) == (0, 0)


def test_angles_with_a_z_that_is_derived_or_constant() -> None:
    two = record("n", Semantic.NORMAL, [out(0), out(1)])
    assert normal_angle(field(0, 0), field(0.6, 0), two)[0] == pytest.approx(36.869898)
    flat = record("n", Semantic.NORMAL, [out(0), out(1), Channel(meaning="normal.z", constant=255)])
    assert normal_angle(field(0, 0), field(1, 0), flat)[0] == pytest.approx(45)
    half = {"sample": Sample.HALF, "low": -1.0, "high": 1.0}
    flat = record(
        "n", Semantic.NORMAL, [out(0), out(1), Channel(meaning="normal.z", constant=1)], **half
    )
    assert normal_angle(field(0, 0), field(1, 0), flat)[0] == pytest.approx(45)
