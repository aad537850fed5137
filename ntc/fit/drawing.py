"""Which tiles a step fits: evenly spread over the mips and, as it goes on, where the error is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]

EVEN: Final = 0.5  # part of the draws that all tiles of a mip share alike; the others go by error
FORGET: Final = np.float32(0.4)  # how much of a tile's error the latest one makes up
_GOLDEN: Final = 0x9E3779B97F4A7C15  # 2^64 over the golden ratio
_SEED: Final = 0xBF58476D1CE4E5B9  # odd: sequences of all seeds start elsewhere
_MASK: Final = (1 << 64) - 1


def golden(seed: int, k: int) -> float:
    """Element `k` of a sequence in 0..1 whose first n elements are spread evenly, for each n.

    Multiples of the golden ratio, modulo 1: Weyl's sequence with the least discrepancy.
    """
    return (((seed * _SEED + k * _GOLDEN) & _MASK) >> 11) * 2.0**-53


@dataclass(slots=True)
class _Mip:
    """How often the tiles of a mip are drawn."""

    columns: int
    errors: npt.NDArray[np.float32]  # of each tile when it was last drawn; less than 0: never
    ends: Doubles  # cumulative probabilities; empty: all are alike
    drawn: int = 0
    since: int = 0  # draws since the probabilities were found

    def pick(self, seed: int) -> tuple[int, float]:
        """The next tile, and the weight that makes up for how often it is drawn."""
        at, tiles = golden(seed, self.drawn), len(self.errors)
        self.drawn += 1
        self.since += 1
        if not len(self.ends):
            return int(at * tiles), 1.0
        last = self.ends[-1]
        place = int(np.searchsorted(self.ends[:-1], at * last, side="right"))
        below = self.ends[place - 1] if place else 0.0
        return place, float(np.float32(last / ((self.ends[place] - below) * tiles)))

    def find_probabilities(self) -> None:
        """Half of the draws go to all tiles alike, half of them by the error that is left."""
        self.since = 0
        seen = self.errors[self.errors >= 0].astype(np.float64)
        total = np.cumsum(seen)[-1]
        if total == 0:
            return
        unknown, tiles = total / len(seen), len(self.errors)
        total += unknown * (tiles - len(seen))
        errors = np.where(self.errors < 0, unknown, self.errors.astype(np.float64))
        self.ends = np.cumsum(EVEN / tiles + (1 - EVEN) * (errors / total))


@dataclass(slots=True)
class Drawn:
    """Tiles of one step, in no order."""

    mip: npt.NDArray[np.int64]  # [tiles]
    y: npt.NDArray[np.int64]
    x: npt.NDArray[np.int64]
    weight: npt.NDArray[np.float32]  # of their errors and bits, so that their mean is that of all


@dataclass(slots=True)
class TileDraw:
    """Draws tiles; the same grids `(rows, columns)`, shares of mips and seed give the same ones.

    A mip's tiles are drawn evenly, until each was on the average drawn once; then, and again after
    every such round, by the errors seen. Weights keep all means what they were: this is importance
    sampling, as in Katharopoulos and Fleuret, "Not all samples are created equal", 2018. Adam does
    not feel a weight, so latents where the error is large just move more often.
    """

    grids: list[tuple[int, int]]
    shares: Doubles  # of the mips
    seed: int
    step: int = 0
    mips: list[_Mip] = field(init=False)

    def __post_init__(self) -> None:
        self.mips = [
            _Mip(columns, np.full(rows * columns, -1, np.float32), np.empty(0))
            for rows, columns in self.grids
        ]

    def set_shares(self, shares: Doubles) -> None:
        """From now on mips have these shares."""
        self.shares = shares

    def draw(self, count: int) -> Drawn:
        """Tiles of the next step; each mip has its share of every step, to the nearest tile."""
        start, ends = golden(self.seed, self.step), np.cumsum(self.shares)
        self.step += 1
        drawn = []
        for i in range(count):
            at = (i + start) / count * ends[-1]
            mip = int(np.searchsorted(ends[:-1], at, side="right"))
            place, weight = self.mips[mip].pick(self.seed)
            drawn.append((mip, *divmod(place, self.mips[mip].columns), weight))
        mip_of, y, x, weights = zip(*drawn, strict=True)
        return Drawn(np.array(mip_of), np.array(y), np.array(x), np.array(weights, np.float32))

    def observe(self, drawn: Drawn, errors: Doubles) -> None:
        """Takes note of the summed squared errors `[tiles]` of tiles that were drawn."""
        for m, y, x, latest in zip(
            drawn.mip, drawn.y, drawn.x, errors.astype(np.float32), strict=True
        ):
            mip = self.mips[m]
            place = y * mip.columns + x
            error = mip.errors[place]
            mip.errors[place] = latest if error < 0 else error + FORGET * (latest - error)
        for mip in self.mips:
            if mip.since >= len(mip.errors):
                mip.find_probabilities()
