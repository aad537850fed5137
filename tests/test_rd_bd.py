"""Bjontegaard's measures against curves whose distance is known on paper."""

import math

import numpy as np
import pytest

from ntc.bench.rd import bd

CURVE = [(1.0, 30.0), (1.7, 33.5), (4.0, 37.0), (9.0, 42.0), (11.0, 42.5)]


def line(slope: float, at_30: float, decibels: list[float]) -> list[tuple[float, float]]:
    """Points of `log rate = at_30 + slope * (dB - 30)`."""
    return [(math.exp(at_30 + slope * (psnr - 30)), psnr) for psnr in decibels]


@pytest.mark.parametrize("factor", [1.25, 0.7, 3.0])
def test_a_constant_factor_of_rate_is_that_percent(factor: float) -> None:
    test = [(factor * rate, psnr) for rate, psnr in CURVE]
    assert bd.bd_rate(CURVE, test) == pytest.approx(100 * (factor - 1), abs=1e-9)


def test_a_constant_step_of_quality_is_that_many_decibels() -> None:
    test = [(rate, psnr + 1.5) for rate, psnr in CURVE]
    assert bd.bd_psnr(CURVE, test) == pytest.approx(1.5, abs=1e-12)


def test_equal_curves_are_not_apart() -> None:
    assert bd.bd_rate(CURVE, CURVE) == 0
    assert bd.bd_psnr(CURVE, CURVE) == 0


def test_lines_of_different_slopes() -> None:
    """They share 31..39 dB; their logarithms are apart by 0.02 (dB - 30), at 35 dB by 0.1."""
    anchor = line(0.10, 0.0, [28, 31, 33, 39])
    test = line(0.12, 0.0, [31, 34, 36, 40, 45])
    assert bd.common_psnr(anchor, test) == (31, 39)
    assert bd.bd_rate(anchor, test) == pytest.approx(100 * math.expm1(0.1), abs=1e-9)


def test_there_and_back() -> None:
    other = [(1.4, 31.0), (2.0, 33.0), (5.0, 39.0), (10.0, 43.0)]
    there, back = bd.bd_rate(CURVE, other), bd.bd_rate(other, CURVE)
    assert there is not None
    assert back is not None
    assert (1 + there / 100) * (1 + back / 100) == pytest.approx(1)


def test_a_cubic_piece_is_integrated_exactly() -> None:
    """Slopes by hand: 0, the harmonic mean of 1 and 3, and (3 * 3 - 1) / 2."""
    x, y = np.array([0.0, 1, 2]), np.array([0.0, 1, 4])
    slopes = bd.pchip_slopes(x, y)
    np.testing.assert_allclose(slopes, [0, 1.5, 4])
    at = np.array([0, 0.5, 1, 2])
    np.testing.assert_allclose(bd.interpolate(x, y, slopes, at), [0, 0.3125, 1, 4])
    # The mean of the left piece is (0 + 1) / 2 + (0 - 1.5) / 12 = 0.375.
    flat = [(1.0, 0.0), (1.0 + 1e-12, 1.0)]
    steep = [(math.exp(v), float(p)) for v, p in zip(y, x, strict=True)]
    assert bd.bd_rate(flat, steep) == pytest.approx(100 * math.expm1(0.375), abs=1e-6)
    # The left piece is 1.5 t^2 - 0.5 t^3; the right one holds (1 + 4) / 2 + (1.5 - 4) / 12.
    half = [(1.0, 0.5), (1.0 + 1e-12, 2.0)]
    whole = (0.375 - 0.0546875) + (2.5 - 2.5 / 12)
    assert bd.bd_rate(half, steep) == pytest.approx(100 * math.expm1(whole / 1.5), abs=1e-6)


def test_interpolation_rises_with_its_points(rng: np.random.Generator) -> None:
    for _ in range(50):
        x = np.cumsum(rng.uniform(0.01, 3, 8))
        y = np.cumsum(rng.uniform(0, 2, 8) ** 4)
        at = np.linspace(x[0], x[-1], 500)
        assert np.diff(bd.interpolate(x, y, bd.pchip_slopes(x, y), at)).min() > -1e-9


def test_nothing_is_extrapolated() -> None:
    above = [(rate, psnr + 20) for rate, psnr in CURVE]
    beside = [(100 * rate, psnr) for rate, psnr in CURVE]
    touching = [(1.0, 42.0), (3.0, 48.0)]  # half a decibel in common
    assert bd.bd_rate(CURVE, above) is None
    assert bd.common_psnr(CURVE, above) is None
    assert bd.bd_rate(CURVE, touching) is None
    assert bd.common_psnr(CURVE, touching) == (42.0, 42.5)
    assert bd.bd_psnr(CURVE, beside) is None
    assert bd.bd_rate(CURVE, beside) == pytest.approx(9900)


@pytest.mark.parametrize("few", [[], [(2.0, 35.0)], [(2.0, 35.0), (3.0, 35.0)]])
def test_a_point_is_no_curve(few: list[tuple[float, float]]) -> None:
    assert bd.bd_rate(CURVE, few) is None
    assert bd.bd_psnr(few, CURVE) is None


def test_points_that_cost_more_for_less_do_not_count() -> None:
    silly = [*CURVE, (4.5, 36.0), (20.0, 42.5)]
    assert bd.bd_rate(CURVE, silly) == pytest.approx(0, abs=1e-9)
