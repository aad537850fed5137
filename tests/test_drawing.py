"""Which tiles are drawn: the numpy definition, and its twin in C++ tile by tile."""

import os

import numpy as np
import pytest

from ntc import native
from ntc.fit.drawing import EVEN, TileDraw, golden

GRIDS = [(7, 5), (4, 3), (2, 2), (1, 1)]
SHARES = np.array([0.5, 0.3, 0.15, 0.05])
built = pytest.mark.skipif(
    os.environ.get("NTC_NATIVE") == "0", reason="NTC_NATIVE=0: the core is not expected"
)


@pytest.mark.parametrize("seed", [0, 1, 12345678901234567890])
def test_each_tile_comes_about_once_a_round(seed: int) -> None:
    draw = TileDraw([(16, 16)], np.array([1.0]), seed)
    counts = np.zeros(256, int)
    for rounds in range(1, 5):
        for _ in range(8):
            drawn = draw.draw(32)
            np.add.at(counts, drawn.y * 16 + drawn.x, 1)
        assert abs(counts - rounds).max() <= 2  # random draws would be off by up to 6
    assert np.all(drawn.weight == 1), "nothing was observed"


def test_each_mip_has_its_share_of_every_step() -> None:
    draw = TileDraw(GRIDS, SHARES, 3)
    for shares in (SHARES, SHARES[::-1]):
        draw.set_shares(shares)
        for _ in range(50):
            counts = np.bincount(draw.draw(64).mip, minlength=4)
            assert np.all(np.abs(counts - 64 * shares) <= 1)


def test_errors_attract_draws_and_weights_make_up_for_it() -> None:
    rng = np.random.default_rng(0)
    errors = rng.exponential(1.0, 35) ** 2
    draw, counts, weighed = TileDraw(GRIDS[:1], np.array([1.0]), 1), np.zeros(35), np.zeros(35)
    for step in range(3000):
        drawn = draw.draw(16)
        at = drawn.y * 5 + drawn.x
        if step >= 100:
            np.add.at(counts, at, 1)
            np.add.at(weighed, at, drawn.weight)
        draw.observe(drawn, errors[at])
    shares = EVEN / 35 + (1 - EVEN) * errors / errors.sum()
    np.testing.assert_allclose(counts / counts.sum(), shares, rtol=0.02)
    np.testing.assert_allclose(weighed / weighed.sum(), 1 / 35, rtol=0.02)


def test_no_error_anywhere_leaves_the_draws_even() -> None:
    draw = TileDraw([(2, 2)], np.array([1.0]), 0)
    for _ in range(4):
        drawn = draw.draw(8)
        draw.observe(drawn, np.zeros(8))
        assert np.all(drawn.weight == 1)


@built
@pytest.mark.parametrize("seed", [0, 7, (1 << 64) - 1])
def test_the_core_draws_the_same_tiles(seed: int) -> None:
    ours, theirs = TileDraw(GRIDS, SHARES, seed), native.core().TileDraw(GRIDS, SHARES, seed)
    rng = np.random.default_rng(1)
    for step in range(60):
        if step % 20 == 10:
            shares = rng.random(4)
            ours.set_shares(shares)
            theirs.set_shares(shares.tolist())
        drawn, wanted = ours.draw(16), theirs.draw(16)
        listed = zip(drawn.mip, drawn.y, drawn.x, drawn.weight, strict=True)
        assert [tuple(v.item() for v in tile) for tile in listed] == wanted
        errors = rng.exponential(1.0, 16)
        ours.observe(drawn, errors)
        theirs.observe(wanted, errors.tolist())
    assert {weight for *_, weight in wanted} != {1.0}, "the errors had no effect"


@built
def test_the_core_refuses_tiles_that_do_not_exist() -> None:
    draw = native.core().TileDraw(GRIDS, SHARES, 0)
    for tile in [(4, 0, 0), (-1, 0, 0), (0, 7, 0), (0, 0, 5), (0, -1, 0)]:
        with pytest.raises(ValueError, match="tile does not exist"):
            draw.observe([(*tile, 1.0)], [1.0])


def test_the_sequence_is_the_golden_one() -> None:
    values = [golden(0, k) for k in range(1, 6)]
    np.testing.assert_allclose(values, np.arange(1, 6) * (5**0.5 - 1) / 2 % 1, atol=1e-12)
