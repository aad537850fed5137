"""Tiles that lose bits while the others can still make up for it: video memory as asked for.

A plan with `memory` has more latents than that. Where a bit less of a tile harms the decoded
picture least, for what it saves, the latents of the tile stay within a narrower range from then on.
docs/decisions/0017-widths.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from ntc.fit.encodings import LevelPlan
from ntc.fit.field import codes_of, model_of, nearest_codes, uniform_level
from ntc.fit.problem import Problem
from ntc.fit.rate import Fitted
from ntc.fit.widths import (
    RANGE_LOG2,
    Ranges,
    all_codes,
    clipped,
    memory_bits,
    narrowed,
    needed_ranges,
)
from ntc.format.layout import DENSE
from ntc.format.model import Level, QuantizedModel, tile_grid
from ntc.texture import bands_of

_TIMES: Final = (0.4, 0.5, 0.6, 0.7)  # of a fit, when tiles lose bits
# What a bit a texel costs, as a part of the error. At equal video memory it changes the error by
# nothing that can be told from noise, and makes files smaller: docs/decisions/0017-widths.md.
_PRICE: Final = 0.05
_FIRST, _EVERY = 0.1, 0.02  # parts of a fit at which that is looked at
_MOST: Final = 0.15  # of the bits that are taken before the harm is measured again
_LEAST: Final = 0.01  # of all bits: levels with fewer are left alone

_Harms = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Offer:
    """What a level would be if each of its tiles had a bit less."""

    level: int
    ranges: Ranges
    saved: npt.NDArray[np.int64]  # [tiles_y, tiles_x] bits
    harm: _Harms  # [tiles_y, tiles_x] error for each of them; infinite where none is saved


class Narrowing:
    """The ranges of tiles over the course of a fit, and the price of a bit."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.plan = problem.plan
        self.ranges = [all_codes(level) for level in self.plan.levels]
        self.begin = self._bits()
        self.next = _FIRST
        self.narrowed = 0  # times
        self.price = _PRICE

    def due(self, done: float) -> bool:
        """Whether there is something to do when the part `done` of the fit is over."""
        return done >= self.next

    def update(self, fitted: Fitted, error: float) -> float:
        """Narrows tiles if it is time to, as far as it is; returns the price of a bit."""
        while self.narrowed < len(_TIMES) and self.next >= _TIMES[self.narrowed]:
            self.narrowed += 1
            part = self.narrowed / len(_TIMES)
            self._narrow(fitted, self.begin ** (1 - part) * self.plan.memory**part)
        self.next += _EVERY
        return self.price * error

    def inwards(self, fitted: Fitted) -> float:
        """How far latents move towards 0 before they are rounded, in steps: not at all.

        A fit of a few steps narrows its tiles here.
        """
        if self.narrowed < len(_TIMES):
            self._narrow(fitted, self.plan.memory)
        return 0.0

    def _bits(self) -> int:
        each = zip(self.plan.levels, self.ranges, strict=True)
        return sum(int(memory_bits(level, ranges).sum()) for level, ranges in each)

    def _narrow(self, fitted: Fitted, most: float) -> None:
        """Takes bits until there are at most so many, or no tile has one that can be taken.

        If latents need less than they may, bits have no price any more.
        """
        plan = self.plan
        field = fitted.field()
        codes = [nearest_codes(*each) for each in zip(field.latents, plan.levels, strict=True)]
        needed = sum(
            int(memory_bits(level, needed_ranges(values)).sum())
            for level, values in zip(plan.levels, codes, strict=True)
        )
        self.price = _PRICE if needed > plan.memory else 0.0
        model = model_of(field, plan, map(uniform_level, codes, plan.levels))
        del field
        while (bits := self._bits()) > most:
            errors = tile_errors(self.problem, model, plan.levels)
            wanted = [i for i, level in enumerate(plan.levels) if self._wanted(i, level, bits)]
            offers = [self._offer(i, model, codes[i], errors[i]) for i in wanted]
            if not any(np.isfinite(offer.harm).any() for offer in offers):
                break
            most_harm = _threshold(offers, bits - max(most, (1 - _MOST) * bits))
            for offer in offers:
                i = offer.level
                self.ranges[i] = _merged(self.ranges[i], offer, most_harm)
                codes[i] = clipped(codes[i], self.ranges[i])
                model = _with_level(model, i, uniform_level(codes[i], plan.levels[i]))
        for i, level in enumerate(plan.levels):
            steps = codes_of(level)
            low = steps.low + steps.step * self.ranges[i].first
            high = low + steps.step * ((1 << self.ranges[i].width) - 1)
            fitted.set_ranges(i, RANGE_LOG2, low.astype(np.float32), high.astype(np.float32))

    def _wanted(self, index: int, level: LevelPlan, bits: int) -> bool:
        """Levels whose tiles lie somewhere, and have bits to spare."""
        own = memory_bits(level, self.ranges[index]).sum()
        return level.layout == DENSE and bool(own >= _LEAST * bits)

    def _offer(
        self, i: int, model: QuantizedModel, codes: npt.NDArray[np.uint8], errors: _Harms
    ) -> _Offer:
        level = self.plan.levels[i]
        ranges = narrowed(codes, self.ranges[i], level)
        after = _with_level(model, i, uniform_level(clipped(codes, ranges), level))
        saved = memory_bits(level, self.ranges[i]) - memory_bits(level, ranges)
        harm = tile_errors(self.problem, after, [level])[0] - errors
        harm = np.where(saved > 0, harm / np.maximum(saved, 1), np.inf)
        return _Offer(i, ranges, saved, harm)


def tile_errors(
    problem: Problem, model: QuantizedModel, levels: Sequence[LevelPlan]
) -> list[_Harms]:
    """Per level `[tiles_y, tiles_x]` squared error of mip 0 over the texels above each tile."""
    sums: list[_Harms] = [np.zeros(tile_grid(v.width, v.height, RANGE_LOG2)) for v in levels]
    for rows, error in _squared_errors(problem, model):
        for level, total in zip(levels, sums, strict=True):
            tile_of_row = _tiles_of(model.height, level.height)[rows]
            firsts = np.searchsorted(_tiles_of(model.width, level.width), np.arange(total.shape[1]))
            np.add.at(total, tile_of_row, np.add.reduceat(error, firsts, axis=1))
        problem.ease()
    return sums


def _squared_errors(
    problem: Problem, model: QuantizedModel
) -> Iterator[tuple[slice, npt.NDArray[np.float32]]]:
    """Rows, and `[rows, width]` their squared error, weighed as the fit weighs channels."""
    decoder, image = problem.decoder, problem.mips[0]
    assert decoder is not None, "a plan that bounds video memory needs a decoder"
    weights = np.array(problem.weights or (1.0,) * image.shape[2], np.float32)
    for rows in bands_of(model.height, model.width):
        rect = 0, rows.start, model.width, rows.stop - rows.start
        fitted, meant = decoder.decode(model, 0, rect), image[rows]
        squared = np.square(fitted.astype(np.float32) - meant)
        error = squared @ weights
        if problem.mask >= 0:
            alone = squared[..., problem.mask] * weights[problem.mask]
            error = np.where(meant[..., problem.mask] == 0, alone, error)
        yield rows, error


def _tiles_of(texels: int, cells: int) -> npt.NDArray[np.int64]:
    """`[texels]` the tile that the cell nearest to each lies in, along an axis."""
    return (2 * np.arange(texels) + 1) * cells // (2 * texels) >> RANGE_LOG2


def _threshold(offers: Sequence[_Offer], bits: float) -> float:
    """The least harm a bit at which the offers up to it save so many bits."""
    harm = np.concatenate([offer.harm.ravel() for offer in offers])
    saved = np.concatenate([offer.saved.ravel() for offer in offers])
    order = np.argsort(harm)
    last = np.searchsorted(np.cumsum(saved[order]), bits)
    finite = np.count_nonzero(np.isfinite(harm))
    return float(harm[order[min(last, finite - 1)]])


def _merged(ranges: Ranges, offer: _Offer, most_harm: float) -> Ranges:
    """These ranges, with those offered in their place where they do at most so much harm."""
    taken = offer.harm <= most_harm
    return Ranges(
        np.where(taken, offer.ranges.first, ranges.first),
        np.where(taken, offer.ranges.width, ranges.width),
    )


def _with_level(model: QuantizedModel, index: int, level: Level) -> QuantizedModel:
    levels = (*model.levels[:index], level, *model.levels[index + 1 :])
    return replace(model, levels=levels)
