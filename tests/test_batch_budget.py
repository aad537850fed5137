"""One budget for a library: equal prices, sums that hold, and less error than equal shares."""

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from material_files import put
from small_materials import waves

import ntc
from ntc.batch.budget import Curve, curve_of, share_error, share_size


def curve(
    texels: int = 1 << 20, channels: int = 3, variance: float = 0.05, spread: float = 1.0
) -> Curve:
    """A source whose error falls by 6 dB a bit of each of its channels; `spread` of them count."""
    bits = np.geomspace(0.02, 40, 400) * spread
    errors = variance * 2 ** (-2 * bits / (channels * spread))
    prices = errors * 2 * math.log(2) / (channels * spread)
    return Curve(
        texels=texels,
        channels=channels,
        overhead_bytes=9000,
        least_bytes=max(2500, texels // 160),
        errors=tuple(errors),
        bits=tuple(bits),
        prices=tuple(prices),
    )


EMPTY = Curve(texels=1 << 16, channels=0, overhead_bytes=6000, least_bytes=2000)
LIBRARY = [
    curve(),
    curve(variance=0.0005),
    curve(1 << 22, channels=2),
    curve(1 << 16, channels=5, spread=0.3),
    EMPTY,
]


def price_at(known: Curve, size: int) -> float:
    """What a byte of the file takes away there from the sum of squared errors, by differences."""
    errors = []
    for near in (0.999 * size, 1.001 * size):
        low, high = 1e-12, 1e6
        for _ in range(200):
            middle = math.sqrt(low * high)
            bits = known.at_price(middle).bits
            low, high = (low, middle) if known.size(bits) < near else (middle, high)
        errors.append(known.weight * known.at_price(low).error)
    return (errors[0] - errors[1]) / (0.002 * size)


@pytest.mark.parametrize("total", [400_000, 2_000_000, 6_000_000])
def test_a_byte_buys_as_much_everywhere(total: int) -> None:
    shares = share_size(LIBRARY, total)
    assert total - 10 < sum(shares) <= total
    prices = [
        price_at(known, size)
        for known, size in zip(LIBRARY, shares, strict=True)
        if known.channels and size > 1.5 * known.least_bytes and size < 1.4 * known.texels
    ]
    assert len(prices) >= 2
    assert max(prices) / min(prices) < 1.05


def test_what_has_more_error_gets_more() -> None:
    rough, smooth, *_ = share_size(LIBRARY, 2_000_000)
    assert rough > 1.5 * smooth
    assert share_size(LIBRARY, 2_000_000)[-1] == EMPTY.least_bytes


curves = st.builds(
    curve,
    st.sampled_from([1 << 10, 1 << 16, 1 << 20, 1 << 24]),
    st.integers(1, 32),
    st.floats(1e-6, 0.2),
    st.floats(0.1, 1.0),
)
libraries = st.lists(curves | st.just(EMPTY), min_size=1, max_size=6)


@given(libraries, st.lists(st.floats(0.0, 1.0), min_size=2, max_size=5))
def test_totals_hold_and_shares_grow_with_them(
    library: Sequence[Curve], parts: list[float]
) -> None:
    least = [known.least_bytes for known in library]
    most = sum(known.texels * 2 + known.overhead_bytes for known in library)
    totals = sorted(sum(least) + int(part**3 * most) for part in parts)
    found = [share_size(library, total) for total in totals]
    for shares, total in zip(found, totals, strict=True):
        assert sum(shares) <= total
        assert all(share >= size for share, size in zip(shares, least, strict=True))
    for smaller, larger in pairwise(found):
        assert all(a <= b + 1 for a, b in zip(smaller, larger, strict=True))


def test_a_step_in_a_curve_leaves_nothing_over() -> None:
    """Where a wide part of a curve has one price, no single price meets most totals."""
    flat = curve().model_copy(update={"prices": (1e-3,) * 200 + (1e-6,) * 200})
    for total in range(20_000, 1_000_000, 70_000):
        assert total - 10 < sum(share_size([flat, curve(variance=1e-5)], total)) <= total


def test_too_little_says_how_much_is_needed() -> None:
    needed = sum(known.least_bytes for known in LIBRARY)
    assert share_size(LIBRARY, needed) == [known.least_bytes for known in LIBRARY]
    with pytest.raises(ntc.UsageError, match=f"total-size {needed - 1}.* take {needed};"):
        share_size(LIBRARY, needed - 1)


def test_more_than_all_can_use_is_left() -> None:
    shares = share_size(LIBRARY, 1 << 40)
    for known, share in zip(LIBRARY, shares, strict=True):
        assert share <= known.overhead_bytes + 12.1 / 8 * known.texels


def mean_error(library: Sequence[Curve], targets: list[float]) -> float:
    weights = [known.weight for known in library]
    errors = [10 ** (-psnr / 10) for psnr in targets]
    return sum(w * e for w, e in zip(weights, errors, strict=True)) / sum(weights)


@pytest.mark.parametrize("psnr", [20.0, 30.0, 35.0])
def test_errors_add_up_to_the_target(psnr: float) -> None:
    targets = share_error(LIBRARY, psnr)
    reached = -10 * math.log10(mean_error(LIBRARY, targets))
    assert psnr <= reached < psnr + 0.02  # targets are rounded up to hundredths
    # Sources like these share one error in each channel, but for those that have less anyway.
    rough, smooth, larger, _, _ = targets
    assert rough == pytest.approx(larger, abs=0.02)
    assert smooth == pytest.approx(max(rough, 33.06), abs=0.05)


def test_a_target_that_no_bits_reach_is_lowered() -> None:
    targets = share_error(LIBRARY, 99.0)
    assert all(5 <= target <= 100 for target in targets)
    assert max(targets[:3]) < 99


def test_libraries_of_constants() -> None:
    assert share_size([EMPTY, EMPTY], 5000) == [2000, 2000]
    assert share_error([EMPTY], 40.0) == [40.0]
    assert share_size([], 10) == []
    assert share_error([], 40.0) == []


def test_a_curve_is_small_and_comes_back(tmp_path: Path) -> None:
    put(tmp_path / "x_albedo.png", waves(64, 48, 3))
    put(tmp_path / "x_ao.png", np.full((48, 64, 1), 7, np.uint8))
    found = curve_of(tmp_path, ntc.Settings(bpp=3, weights={"albedo": 2}))
    assert (found.texels, found.channels, len(found.errors)) == (64 * 48, 3, 13)
    text = found.model_dump_json()
    assert len(text) < 2000
    assert Curve.model_validate_json(text) == found
    (tmp_path / "x_albedo.png").unlink()
    assert curve_of(tmp_path, ntc.Settings()).channels == 0


def test_less_error_than_equal_shares_in_files_that_are_no_larger(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    """Three materials of noise that is strong, soft or faint, fitted both ways."""
    noise = rng.random((96, 96, 3))
    soft = sum(np.roll(noise, (i, j), (0, 1)) for i in range(4) for j in range(4)) / 16
    pixels = {"strong": noise, "soft": soft, "faint": 0.5 + 0.05 * (noise - 0.5)}
    paths = [tmp_path / f"{name}_albedo.png" for name in pixels]
    for path, values in zip(paths, pixels.values(), strict=True):
        put(path, np.rint(values * 255).astype(np.uint8))
    total = 3 * 96 * 96 * 6 // 8
    shares = share_size([curve_of(path, ntc.Settings()) for path in paths], total)
    assert shares[0] > shares[1] > shares[2]

    def fitted(sizes: list[int]) -> tuple[int, float]:
        files = [
            ntc.compress(path, ntc.Settings(max_size=size, texels=120_000, threads=1))
            for path, size in zip(paths, sizes, strict=True)
        ]
        errors = [10 ** (-(file.file.metadata.quality.psnr or 99) / 10) for file in files]
        return sum(len(file.data) for file in files), sum(errors)

    size, error = fitted(shares)
    assert size <= total
    equal_size, equal_error = fitted([total * 4 // 9] * 3)  # a third more than there is
    assert equal_size > size
    assert error < 0.8 * equal_error
