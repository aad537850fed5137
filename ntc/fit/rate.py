"""What latents cost in bits, and how the price of a bit is steered to a number of them.

A fit with a price minimises `error + price * bits / texels of mip 0`. The bits are in part those
of a Laplace distribution around what the entropy coder predicts, in part of one around 0, with
scales from nearby: docs/decisions/0026-predicted-bits.md. `add_rate` of the native core and
`rate_gradients` of the torch twin are their derivative.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from ntc.fit.encodings import LevelPlan
from ntc.fit.field import Field, Floats, codes_of, level_of, nearest_codes
from ntc.fit.problem import Problem
from ntc.fit.sampling import PHASES, TILE, level_taps, mip_shares
from ntc.format import container, spec

LEAST_SCALE: Final = 4  # of latents around a cell, in steps of an int8 input
PREDICTED: Final = 0.7  # part of the bits that are those of residuals
_FIRST, _EVERY = 0.04, 0.02  # parts of the time until latents are frozen
_FOUND: Final = 0.12  # when latents are where they belong, and are seen to jitter by their rate
# Bits that are priced away early never come back: prices begin low, and as long as there is time,
# latents may take more bits than in the end.
_GUESS: Final = 0.01  # of the price that the error would justify
_SURPLUS: Final = 0.2  # of the logarithm of bits, at the start
_GAIN, _DAMPING = 0.35, 2.0  # by the logarithm of the excess, and by its change
# The same where a price was forecast, and can be trusted the more the less of the fit is over.
_FORECAST_GAIN, _FORECAST_DAMPING = 0.6, 2.0
_MOST: Final = 0.7  # of the logarithm of a price at once
_MEASURED: Final = 10  # every so many times, from the third on, a file is measured, too
_MEASURES: Final = 4  # times that they are looked at in the end, until
_CLOSE: Final = 0.98, 1.0  # they are such a part of those allowed
_MOVES: Final = -0.45, 2.0  # steps that latents may move towards 0 in the end; less: away from it
_HALVINGS: Final = 9
_SAMPLE: Final = 1 << 18  # latents of a level that are looked at
_BANDS: Final = 4
_SPREADS, _LEANS = 8, 5
_CONTEXTS: Final = _SPREADS * _LEANS
_HALFWAY: Final = 0.5  # through a fit, mips are drawn about as often as over all of it


class Readable(Protocol):
    """A fit under way, as far as it is read here."""

    def latents_of(self, level: int, first: int, count: int) -> Floats:
        """`[count, features]` latents of stored cells from `first` on."""
        ...


class Fitted(Readable, Protocol):
    """A fit under way whose tiles may be narrowed."""

    def set_ranges(self, level: int, tile_log2: int, low: Floats, high: Floats) -> None:
        """From now on the latents of each tile `[tiles_y, tiles_x]` stay within its range."""
        ...

    def field(self) -> Field:
        """The parameters as they are."""
        ...


class Steering:
    """The price of a bit over the course of a fit: what its plan's bits make it.

    It begins where the problem says, and stays there if the plan has no bits to be met.
    """

    def __init__(self, problem: Problem) -> None:
        self.plan = problem.plan
        self.texels = self.plan.width * self.plan.height
        self.live_part = 1 - problem.recipe.frozen_part
        self.rate = problem.price
        self.forecast = problem.price > 0
        self.goes_on = problem.begin is not None
        self.next = _FIRST if self.plan.bits or self.forecast else math.inf
        self.updates = 0
        self.excess = 0.0
        self.unsettled = 0.0  # of the logarithm of bits, at the start
        self.ratio = 1.0  # bits in a file over those of the estimate

    def due(self, done: float) -> bool:
        """Whether the price is to be looked at when the part `done` of the fit is over."""
        return done >= self.next * self.live_part

    def update(self, fitted: Readable, error: float) -> float:
        """The new price: higher if the latents take more bits than they may, or soon will.

        Without a forecast, the first one is a guess from the error that is left and the bits that
        are to lower it.
        """
        if not self.plan.bits:
            self.next = math.inf
            return self.rate
        if self.rate == 0:
            self.rate = _GUESS * error * self.texels / self.plan.bits
        if self.updates % _MEASURED == 2:
            self._measure(fitted, 0.0)
        self.updates += 1
        excess = math.log(self.ratio * estimate(fitted, self.plan.levels) / self.plan.bits)
        excess -= self._surplus(excess)
        gain, damping = self._response()
        self.next += _EVERY
        change = gain * excess + damping * (excess - self.excess)
        self.rate *= math.exp(min(max(change, -_MOST), _MOST))
        self.excess = excess
        return self.rate

    def _surplus(self, excess: float) -> float:
        """How much of the excess will be gone when latents freeze.

        At a constant price all of what there is once they found their places goes as they settle,
        in proportion to their rate: docs/decisions/0027-steering.md.
        """
        if not self.forecast:
            return _SURPLUS * (1 - self.next)
        if self.goes_on:
            return 0.0
        left = 0.5 * (1 + math.cos(math.pi * self.next))
        if self.next < _FOUND:
            self.unsettled = max(excess, 0.0) / left
        return self.unsettled * left

    def _response(self) -> tuple[float, float]:
        """What an excess and its change do to the price."""
        if not self.forecast:
            return _GAIN, _DAMPING
        return _FORECAST_GAIN * self.next, _FORECAST_DAMPING * self.next

    def inwards(self, fitted: Readable) -> float:
        """How far latents move towards 0 before they are rounded, in steps: the rest of the way."""
        if not self.plan.bits:
            return 0.0
        part, (low, high), (least, most) = 0.0, _MOVES, _CLOSE
        for _ in range(_MEASURES):
            share = self._measure(fitted, part) / self.plan.bits
            if least <= share <= most:
                break
            low, high = (part, high) if share > most else (low, part)
            part = self._part(fitted, low, high)
        return part

    def _measure(self, fitted: Readable, part: float) -> int:
        """Bits in a file after such a move; the estimate will heed them."""
        bits = file_bits(fitted, self.plan.levels, part)
        self.ratio = bits / max(estimate(fitted, self.plan.levels, part), 1)
        return bits

    def _part(self, fitted: Readable, low: float, high: float) -> float:
        wanted = sum(_CLOSE) / 2 * self.plan.bits
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            over = self.ratio * estimate(fitted, self.plan.levels, middle) > wanted
            low, high = (middle, high) if over else (low, middle)
        return high


def prices(problem: Problem, rate: float) -> list[float]:
    """Of a bit of each level, each time that a tile reads a cell, in units of the loss.

    A bit costs `rate`, per texel of mip 0, over all the reads of its cell that are to be expected.
    """
    plan = problem.plan
    phases = PHASES if problem.filtering == "filtered" else 1
    tiles = mip_shares(plan, _HALFWAY) * (problem.recipe.batch_texels // TILE**2)
    reads = np.zeros(len(plan.levels))
    for mip in range(plan.mips):
        size = spec.mip_size(plan.width, plan.height, mip)
        for i, level in enumerate(plan.levels):
            if plan.roles[mip, i] != spec.NOT_READ:
                x, y = level_taps(level, *size, phases)
                reads[i] += tiles[mip] * x.span * y.span / math.prod(level.stored)
    return [rate / (plan.width * plan.height * max(n, 1e-9)) for n in reads.tolist()]


def file_bits(fitted: Readable, levels: tuple[LevelPlan, ...], inwards: float) -> int:
    """Bits that the latents would take in a file if they were rounded now."""
    total = 0
    for i, level in enumerate(levels):
        width, height = level.stored
        codes = np.empty((height, width, level.features), np.uint8)
        rows = max(_SAMPLE // (width * level.features), 1)
        for first in range(0, height, rows):
            count = min(rows, height - first)
            codes[first : first + count] = _codes(fitted, i, level, first, count, inwards)
        total += 8 * container.level_bytes(level_of(codes, level))
    return total


def estimate(fitted: Readable, levels: tuple[LevelPlan, ...], inwards: float = 0.0) -> float:
    """Bits that the latents would take if they were rounded and coded now, from a sample."""
    return sum(_level_bits(fitted, i, level, inwards) for i, level in enumerate(levels))


def _level_bits(fitted: Readable, index: int, level: LevelPlan, inwards: float) -> float:
    counts = np.zeros((level.features, _CONTEXTS, 2 << level.code_width))
    seen = 0
    for first, rows in _bands(level):
        codes = _codes(fitted, index, level, first, rows, inwards)
        for f in range(level.features):
            counts[f] += _histogram(codes[..., f], level.code_width)
        seen += rows
    return entropy(counts) * level.stored[1] / seen


def _codes(
    fitted: Readable, index: int, level: LevelPlan, first: int, rows: int, inwards: float
) -> npt.NDArray[np.uint8]:
    """`[rows, width, features]` codes of latents once they have moved towards 0."""
    width = level.stored[0]
    values = fitted.latents_of(index, first * width, rows * width)
    most = np.float32(inwards * codes_of(level).step)
    moved = values - np.sign(values) * np.minimum(most, np.abs(values))
    return nearest_codes(moved, level).reshape(rows, width, level.features)


def _bands(level: LevelPlan) -> Iterator[tuple[int, int]]:
    """First row and number of rows of the parts of a level that are looked at."""
    width, height = level.stored
    rows = _SAMPLE // (width * level.features * _BANDS)
    if rows * _BANDS >= height:
        yield 0, height
        return
    for band in range(_BANDS):
        yield (height - max(rows, 1)) * band // (_BANDS - 1), max(rows, 1)


def _histogram(codes: npt.NDArray[np.uint8], code_width: int) -> npt.NDArray[np.int64]:
    """`[contexts, differences]` how often codes differ so much from the predicted ones.

    Prediction and contexts are those of codec 2, docs/format.md, 14.4, less its finer points.
    """
    levels = 1 << code_width
    padded = np.pad(codes.astype(np.int16) - (levels // 2 - 1), ((1, 0), (1, 1)))
    left, upper = padded[1:, :-2], padded[:-1, 1:-1]
    corner, right = padded[:-1, :-2], padded[:-1, 2:]
    low, high = np.minimum(left, upper), np.maximum(left, upper)
    predicted = np.clip(left + upper - corner, low, high)
    spread = np.abs(left - corner) + np.abs(upper - corner) + np.abs(right - upper)
    context = np.minimum(spread, _SPREADS - 1) * _LEANS + np.clip(predicted, -2, 2) + 2
    both = context.astype(np.int64) * 2 * levels + padded[1:, 1:-1] - predicted + levels
    return np.bincount(both.ravel(), minlength=_CONTEXTS * 2 * levels).reshape(_CONTEXTS, -1)


def entropy(counts: npt.NDArray[np.float64]) -> float:
    """Bits of all that was counted `[..., contexts, codes]`, each coded by its context's shares."""
    totals = counts.sum(-1, keepdims=True)
    shares = counts / np.maximum(totals, 1)
    return float(-(counts * np.log2(np.maximum(shares, 1e-12))).sum())
