"""What will be fitted: the levels, which mips read them, and the layers of the decoder.

A plan spends a budget of bits per texel on a pyramid of levels. Each finer level gets the larger
part of what is left, so that no octave of the image is without features.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from ntc.fit.presets import PROFILES
from ntc.format import spec
from ntc.format.sections import network_size

CODE_WIDTH: Final = 3  # docs/decisions/0007-levels.md
TILE_LOG2: Final = 4
_LEVEL_SHARE: Final = 0.65  # part of the remaining bits that the next coarser level may take
_MOST_FEATURES: Final = 8  # of one level, and
_COARSE_FEATURES: Final = 4  # of levels that cost next to nothing
_SMALL_OVERHEAD: Final = 1400  # bytes of header, chunk table, outline and metadata, typically
_MAP_OVERHEAD: Final = 60  # bytes of metadata for each channel


@dataclass(frozen=True, slots=True)
class LevelPlan:
    """One level to be fitted."""

    width: int
    height: int
    features: int


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The shape of a model before it is fitted."""

    width: int
    height: int
    mips: int
    wrap: tuple[bool, bool]
    levels: tuple[LevelPlan, ...]  # finest first
    roles: npt.NDArray[np.uint8]  # [mips, levels], first input or spec.NOT_READ
    widths: tuple[int, ...]  # inputs, hidden units, channels

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one texel."""
        return sum(a * b for a, b in pairwise(self.widths))


def make_plan(
    width: int,
    height: int,
    channels: int,
    mips: int,
    bpp: float,
    wrap: tuple[bool, bool] = (True, True),
    profile: str = "standard",
) -> Plan:
    """The plan whose file comes closest to `bpp` bits per texel of mip 0 without exceeding it.

    Small images cannot hold a full decoder: its layers are narrowed until half of the bytes are
    left for latents, or to 16 units.
    """
    budget = bpp * width * height / 8 - _SMALL_OVERHEAD - _MAP_OVERHEAD * channels
    hidden = PROFILES[profile].hidden
    while True:
        levels = _spend_bits(width, height, budget - _decoder_bytes(24, hidden, channels))
        features = sum(level.features for level in levels)
        widths = (features + 1, *hidden, channels)
        too_big = network_size(widths) > max(budget, 0) / 2
        if not hidden or max(hidden) <= 16 or (not too_big and _affordable(widths, profile)):
            break
        hidden = tuple(units - 8 for units in hidden)
    roles = _roles(width, height, mips, levels)
    return Plan(width, height, mips, wrap, levels, roles, widths)


def _decoder_bytes(features: int, hidden: tuple[int, ...], channels: int) -> int:
    return network_size((features + 1, *hidden, channels))


def _affordable(widths: tuple[int, ...], profile: str) -> bool:
    most = PROFILES[profile].max_macs
    return most is None or sum(a * b for a, b in pairwise(widths)) <= most


def _spend_bits(width: int, height: int, budget: float) -> tuple[LevelPlan, ...]:
    """Levels from fine to coarse whose packed codes and directories fit into `budget` bytes."""
    sizes = _pyramid(width, height)
    costs = [_feature_bytes(w, h) for w, h in sizes]
    most = [_MOST_FEATURES if i < 4 else _COARSE_FEATURES for i in range(len(sizes))]
    left = budget
    features = []
    for i, cost in enumerate(costs):
        features.append(int(min(max(_LEVEL_SHARE * left / cost, 0), most[i])))
        left -= features[-1] * cost
    # What rounding left over goes to the finest level that it still buys a feature of.
    for i, cost in enumerate(costs):
        while features[i] < most[i] and cost <= left:
            features[i] += 1
            left -= cost
    features[-1] = max(features[-1], 2)
    planned = zip(sizes, features, strict=True)
    return tuple(LevelPlan(w, h, f) for (w, h), f in planned if f > 0)


def _pyramid(width: int, height: int) -> list[tuple[int, int]]:
    """Level sizes from full size down to the first that is at most 4 cells wide and high."""
    sizes = [(width, height)]
    while max(sizes[-1]) > 4 and len(sizes) < spec.MAX_LEVELS:
        w, h = sizes[-1]
        sizes.append(((w + 1) // 2, (h + 1) // 2))
    return sizes


def _feature_bytes(width: int, height: int) -> float:
    """Bytes that one feature of a level costs on disk: codes; directories compress to little."""
    return width * height * CODE_WIDTH / 8


def _roles(
    width: int, height: int, mips: int, levels: tuple[LevelPlan, ...]
) -> npt.NDArray[np.uint8]:
    """A mip reads the levels up to twice its own size, and the coarsest one always.

    Of a level twice its size, a texel reads the mean of four cells; finer ones it would only
    sample. Each level keeps its inputs in all mips.
    """
    first = np.cumsum([0, *(level.features for level in levels[:-1])])
    roles = np.full((mips, len(levels)), spec.NOT_READ, np.uint8)
    for mip in range(mips):
        w, h = spec.mip_size(width, height, mip)
        for i, level in enumerate(levels):
            coarsest = i == len(levels) - 1
            if coarsest or (level.width <= 2 * w + 1 and level.height <= 2 * h + 1):
                roles[mip, i] = first[i]
    return roles
