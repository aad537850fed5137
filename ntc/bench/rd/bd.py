"""Bjontegaard's measures: how far two rate-distortion curves are apart on the mean.

Bjontegaard, VCEG-M33 (2001), with piecewise cubic interpolation in place of one polynomial:
Fritsch and Butland's monotone slopes (1984), the "pchip" of numerical libraries. Integrals of the
cubics are exact. Nothing is extrapolated: curves that share too little have no number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

Curve = Sequence[tuple[float, float]]  # rate in any unit, PSNR in dB
Floats = npt.NDArray[np.float64]

LEAST_DECIBELS: Final = 1.0  # that two curves must have in common for a BD-rate
LEAST_FACTOR: Final = 1.25  # of rates that they must have in common for a BD-PSNR


def bd_rate(anchor: Curve, test: Curve) -> float | None:
    """Percent more rate that `test` needs for the same PSNR, on the mean; None: not comparable."""
    first, second = _frontier(anchor), _frontier(test)
    gap = _mean_gap(first[::-1], second[::-1], LEAST_DECIBELS)
    return None if gap is None else 100 * math.expm1(gap)


def bd_psnr(anchor: Curve, test: Curve) -> float | None:
    """Decibels that `test` has more at the same rate, on the mean; None: not comparable."""
    return _mean_gap(_frontier(anchor), _frontier(test), math.log(LEAST_FACTOR))


def common_psnr(anchor: Curve, test: Curve) -> tuple[float, float] | None:
    """The interval of PSNR that both curves cover; None if there is none."""
    curves = _frontier(anchor)[1], _frontier(test)[1]
    if min(map(len, curves)) == 0:
        return None
    low, high = max(c[0] for c in curves), min(c[-1] for c in curves)
    return (float(low), float(high)) if low < high else None


def _frontier(curve: Curve) -> tuple[Floats, Floats]:
    """Logarithms of rates and PSNR of the points that no cheaper point equals, both rising."""
    kept: list[tuple[float, float]] = []
    for rate, psnr in sorted(curve, key=lambda point: (point[0], -point[1])):
        if not kept or psnr > kept[-1][1]:
            kept.append((rate, psnr))
    points = np.array(kept, np.float64).reshape(-1, 2)
    return np.log(points[:, 0]), points[:, 1]


def _mean_gap(anchor: Sequence[Floats], test: Sequence[Floats], least: float) -> float | None:
    """Mean of y of `test` less that of `anchor`, each `(x, y)`, over the x that they share."""
    if min(len(anchor[0]), len(test[0])) < 2:
        return None
    low, high = max(anchor[0][0], test[0][0]), min(anchor[0][-1], test[0][-1])
    if high - low < least:
        return None
    return (_integral(test, low, high) - _integral(anchor, low, high)) / float(high - low)


def _integral(curve: Sequence[Floats], low: float, high: float) -> float:
    x, y = curve
    slopes = pchip_slopes(x, y)
    knots = np.unique(np.concatenate([[low, high], x[(x > low) & (x < high)]]))
    middles = (knots[:-1] + knots[1:]) / 2
    ends, centres = (interpolate(x, y, slopes, at) for at in (knots, middles))
    # Simpson's rule is exact for cubics.
    return float(np.sum(np.diff(knots) * (ends[:-1] + 4 * centres + ends[1:]) / 6))


def interpolate(x: Floats, y: Floats, slopes: Floats, at: Floats) -> Floats:
    """Cubic Hermite interpolation at points within the range of `x`."""
    i = np.clip(np.searchsorted(x, at, side="right") - 1, 0, len(x) - 2)
    step = x[i + 1] - x[i]
    t = (at - x[i]) / step
    s = 1 - t
    left = s * s * ((1 + 2 * t) * y[i] + t * step * slopes[i])
    right = t * t * ((1 + 2 * s) * y[i + 1] - s * step * slopes[i + 1])
    return np.asarray(left + right)


def pchip_slopes(x: Floats, y: Floats) -> Floats:
    """Slopes at the points of a curve whose interpolation rises wherever the points do."""
    steps, rises = np.diff(x), np.diff(y) / np.diff(x)
    if len(rises) == 1:
        return np.repeat(rises, 2)
    slopes = np.zeros_like(x)
    before, after = rises[:-1], rises[1:]
    turning = before * after <= 0
    weights = 2 * steps[1:] + steps[:-1], steps[1:] + 2 * steps[:-1]
    safe = [np.where(turning, 1.0, rise) for rise in (before, after)]
    harmonic = sum(weights) / (weights[0] / safe[0] + weights[1] / safe[1])
    slopes[1:-1] = np.where(turning, 0.0, harmonic)
    slopes[0] = _end_slope(steps[:2], rises[:2])
    slopes[-1] = _end_slope(steps[:-3:-1], rises[:-3:-1])
    return slopes


def _end_slope(steps: Floats, rises: Floats) -> float:
    """Slope of the parabola through three points at the first, held where it would overshoot."""
    slope = ((2 * steps[0] + steps[1]) * rises[0] - steps[0] * rises[1]) / steps.sum()
    if slope * rises[0] <= 0:
        return 0.0
    if rises[0] * rises[1] < 0 and abs(slope) > 3 * abs(rises[0]):
        return float(3 * rises[0])
    return float(slope)
