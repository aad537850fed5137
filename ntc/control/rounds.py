"""Several fits of a material until a target is met: the first from a forecast, shorter ones after.

docs/decisions/0016-rate-control.md has the numbers behind the constants.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from ntc.control.targets import Demands, Worths, gaps, in_force, ratio, terms
from ntc.fit.field import Field
from ntc.fit.plan import Plan
from ntc.material import Material
from ntc.planning import LEAST_BPP, UNKNOWN_BPP

CORRECTION: Final = 0.2  # texels of a correction, in those of a whole fit
_MOST: Final = 2.6  # fits' worth of texels: three corrections after two whole fits

CLOSE: Final = 0.1  # dB above a target that is close enough
_AIM: Final = 0.05  # dB above it
_WITHIN: Final = -0.5, 0.8  # dB over the aim that a correction mends; beyond, all is fitted again
_FIT_GAIN: Final = 0.5  # dB of PSNR for a dB of price, of a whole fit
_LOSS: Final = 0.2  # dB that a correction at the same price loses, and saves the bits of
_RISE, _FALL, _BEND = 0.2, 0.15, 0.05  # dB of PSNR for a dB of price, of a correction
_GAINS: Final = 0.08, 0.6  # the least and the most of what two corrections show of it
_OCTAVE: Final = 2.2  # dB of PSNR for twice the bits
_SAME_PLAN: Final = 0.25, 1.6  # times the bits of a plan, that it still suits
_MOST_CHANGE: Final = 10.0  # dB of a price at once
_MOST_WORTH: Final = 57.0  # dB over a price of 1: below 2e-6 bits grow, and PSNR does not

_FILLED: Final = 0.98  # of the largest size: such a file is large enough
_AIM_FILLED: Final = 0.992
_MOST_SIZES: Final = 5  # fits for a size, and
_SETTLED: Final = 0.6  # of error over bits: the price that a steered fit ends at, roughly
_MOST_FOR_SIZE: Final = 2.0  # fits' worth of texels to fill it


@dataclass(frozen=True)
class Trial:
    """What one fit is asked for."""

    bpp: float  # of the file that its plan is for
    price: float = 0.0  # of a bit a texel of mip 0, to begin with; 0: a guess
    steered: bool = True  # the file shall have the bits; if not, the price stays
    weights: Mapping[str, float] = field(default_factory=dict)  # of maps, over those of the user
    begin: Outcome | None = None  # a fit to go on from, with its plan


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of it."""

    trial: Trial
    plan: Plan
    field: Field | None  # of whole fits: only from those others go on
    material: Material

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return len(self.material.data)


Run = Callable[[Trial], Outcome]


def cost(trial: Trial) -> float:
    """Texels in those of a whole fit."""
    return 1.0 if trial.begin is None else CORRECTION


@dataclass(frozen=True, eq=False)
class _Step:
    """A fit, what each demand weighed in it, and by how many dB it came out above its aim."""

    outcome: Outcome
    worths: Worths
    misses: Worths

    @property
    def least(self) -> float:
        """Of the demand that is met least."""
        return min(self.misses.values())

    @property
    def is_close(self) -> bool:
        """Whether all demands are met, and not by much."""
        return 0 <= self.least + _AIM <= CLOSE

    @property
    def distance(self) -> float:
        """How much is left to do: from below, three times as much."""
        return max(self.least, -3 * self.least)


def reach_quality(demands: Demands, worths: Worths, first: Trial, run: Run) -> Outcome:
    """The fit that comes closest to meeting all demands, and no more than that.

    `worths` are those that `first` was made of. Where it is too far off, all is fitted again;
    then corrections go on from the better of the two.
    """

    def step(trial: Trial, worths: Worths) -> _Step:
        asked = terms(worths)
        trial = replace(trial, price=asked.price, weights=asked.weights, steered=False)
        outcome = run(trial)
        found = gaps(demands, outcome.material.file.metadata.quality)
        return _Step(outcome, worths, {name: gap - _AIM for name, gap in found.items()})

    fits = [step(first, _bounded(worths))]
    if fits[0].is_close or math.isinf(fits[0].least):
        return fits[0].outcome
    if not _WITHIN[0] <= fits[0].least <= _WITHIN[1]:
        worths, bpp = _again(fits[0]), _bpp_again(fits[0])
        if (worths, bpp) != (fits[0].worths, fits[0].outcome.trial.bpp):
            fits.append(step(Trial(bpp), worths))
    base = min(fits, key=lambda fit: fit.distance)
    tried = [*fits]
    while not tried[-1].is_close and len(fits) + CORRECTION * (len(tried) - len(fits) + 1) <= _MOST:
        worths = _corrected(base, tried[len(fits) :])
        if len(tried) > len(fits) and worths == tried[-1].worths:
            break  # no lower price is of any use
        tried.append(step(replace(base.outcome.trial, begin=base.outcome), worths))
    return min(tried, key=_verdict).outcome


def _again(fit: _Step) -> Worths:
    """What demands weigh in the next whole fit."""
    return _bounded(
        {name: fit.worths[name] - _change(miss / _FIT_GAIN) for name, miss in fit.misses.items()}
    )


def _bpp_again(fit: _Step) -> float:
    """Bits that the plan of the next whole fit is for: the same unless they have to be others."""
    wanted = fit.outcome.material.bpp * 2 ** (-fit.least / _OCTAVE)
    planned = fit.outcome.trial.bpp
    if _SAME_PLAN[0] * planned <= wanted <= _SAME_PLAN[1] * planned:
        return planned
    return min(max(wanted, LEAST_BPP), UNKNOWN_BPP)


def _corrected(base: _Step, tried: Sequence[_Step]) -> Worths:
    """What demands weigh in the next correction: by the last two, where there are any."""
    worths = {}
    for name, worth in base.worths.items():
        if not tried:
            worths[name] = worth - _change(_first_change(base.misses[name] - _LOSS))
            continue
        last = tried[-1]
        before, miss = worth, base.misses[name] - _LOSS
        if len(tried) > 1:
            before, miss = tried[-2].worths[name], tried[-2].misses[name]
        change = last.worths[name] - before
        gain = (last.misses[name] - miss) / change if change else _FALL
        gain = min(max(gain, _GAINS[0]), _GAINS[1])
        worths[name] = last.worths[name] - _change(last.misses[name] / gain)
    return _bounded(worths)


def _bounded(worths: Worths) -> dict[str, float]:
    """What demands weigh in force, lowered where the price would be below the least one."""
    weighed = in_force(worths)
    excess = min(weighed.values()) - _MOST_WORTH
    return {name: worth - max(excess, 0.0) for name, worth in weighed.items()}


def _first_change(miss: float) -> float:
    """dB of price that lower PSNR by so many dB: large changes do more than small ones."""
    if miss < 0:
        return miss / _RISE
    return (math.sqrt(_FALL**2 + 4 * _BEND * miss) - _FALL) / (2 * _BEND)


def _change(decibels: float) -> float:
    return min(max(decibels, -_MOST_CHANGE), _MOST_CHANGE)


def _verdict(step: _Step) -> tuple[int, int]:
    """Orders fits: close ones by size, others by how far they are off, twice as far from below.

    Of those that are about as far off, the smaller one is better.
    """
    gap = step.least + _AIM
    off = 0.0 if 0 <= gap <= CLOSE else max(gap, -2 * gap)
    return math.ceil(off / CLOSE), step.outcome.size


def reach_size(most: int, first: Trial, run: Run) -> tuple[Outcome | None, int]:
    """The largest of the fits whose files have at most so many bytes, and the smallest size."""
    tried, spent = [run(first)], cost(first)
    while not _FILLED * most <= tried[-1].size <= most and len(tried) < _MOST_SIZES:
        last = tried[-1]
        if last.plan.bits:
            missing = _AIM_FILLED * most - last.size
            bpp = last.trial.bpp + 8 * missing / math.prod(last.material.size)
        else:  # codes of one width, that are coded in fewer bits than planned
            bpp = last.trial.bpp * _AIM_FILLED * most / last.size
        if bpp < LEAST_BPP or (last.size <= most and spent + 1 > _MOST_FOR_SIZE):
            break
        begin = (last.trial.begin or last) if last.plan.bits else None
        trial = replace(last.trial, bpp=bpp, price=_settled_price(last), begin=begin)
        tried.append(run(trial))
        spent += cost(trial)
    fits = [outcome for outcome in tried if outcome.size <= most]
    best = max(fits, key=lambda outcome: outcome.size, default=None)
    return best, min(outcome.size for outcome in tried)


def _settled_price(outcome: Outcome) -> float:
    psnr = outcome.material.file.metadata.quality.psnr
    if psnr is None or not outcome.plan.bits:
        return outcome.trial.price
    return _SETTLED * ratio(-psnr) / outcome.material.bpp
