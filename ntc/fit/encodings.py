"""How each encoding spends a budget of bits on levels: a pyramid from full size down.

`grid` keeps every cell. `hash` keeps coarse octaves dense and the finest in tables of one size,
however many cells they have: Mueller et al., "Instant Neural Graphics Primitives", section 3.
`simplex` is `hash` on triangles, with fewer cells for the same detail.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from ntc.format import spec
from ntc.format.layout import DENSE, Layout, stored_size

CODE_WIDTH: Final = 3  # docs/decisions/0007-levels.md
_LEVEL_SHARE: Final = 0.65  # part of the remaining bits that the next coarser level may take
_FINEST_SHARE: Final = 0.85  # the same of the finest one, where tiles will be narrowed
_MOST_FEATURES: Final = 8  # of one level, and
_COARSE_FEATURES: Final = 4  # of levels that cost next to nothing
_TABLE_SHARE: Final = 0.5  # part of all bits that tables take
_TABLE_FEATURES: Final = 2  # of a table at least
_LEAST_TABLE_LOG2: Final = 8  # the hash of smaller ones is poor
# Rows of an equilateral lattice lie closer than its columns: sqrt(3) / 2.
_COLUMN_DENSITY: Final = math.sqrt(3) / 2


@dataclass(frozen=True, slots=True, eq=False)
class LevelPlan:
    """One level to be fitted."""

    width: int
    height: int
    features: int
    layout: Layout = DENSE
    code_width: int = CODE_WIDTH
    centred: bool = False  # a code is a latent of 0, and each tile has a width of its own

    @property
    def stored(self) -> tuple[int, int]:
        """Width and height of the grid of cells that have latents."""
        return stored_size(self.width, self.height, self.layout)

    @property
    def bits(self) -> int:
        """Bits of all codes."""
        return math.prod(self.stored) * self.features * self.code_width


Levels = tuple[LevelPlan, ...]
_Shape = tuple[tuple[int, int], Layout]


def grid_levels(width: int, height: int, budget: float) -> Levels:
    """Dense levels whose codes fit into `budget` bits."""
    return _spend([(size, DENSE) for size in pyramid(width, height)], budget)


def spare_levels(width: int, height: int, budget: float) -> Levels:
    """As `grid_levels`, for tiles that will be narrowed: most of the bits in the finest one."""
    return _spend([(size, DENSE) for size in pyramid(width, height)], budget, _FINEST_SHARE)


def hash_levels(width: int, height: int, budget: float) -> Levels:
    """Dense levels, and tables for the octaves that are too fine for them."""
    return _with_tables([(size, DENSE) for size in pyramid(width, height)], budget)


def simplex_levels(width: int, height: int, budget: float) -> Levels:
    """As `hash_levels`, on triangles; levels too small for two rows of them stay squares."""
    return _with_tables([_triangles(w, h) for w, h in pyramid(width, height)], budget)


def _triangles(width: int, height: int) -> _Shape:
    if height < 2:
        return (width, height), DENSE
    return (max(round(width * _COLUMN_DENSITY), 1), height // 2 * 2), Layout(simplex=True)


ENCODINGS: Final[Mapping[str, Callable[[int, int, float], Levels]]] = MappingProxyType(
    {"grid": grid_levels, "hash": hash_levels, "simplex": simplex_levels}
)


def pyramid(width: int, height: int) -> list[tuple[int, int]]:
    """Level sizes from full size down to the first that is at most 4 cells wide and high."""
    sizes = [(width, height)]
    while max(sizes[-1]) > 4 and len(sizes) < spec.MAX_LEVELS:
        w, h = sizes[-1]
        sizes.append(((w + 1) // 2, (h + 1) // 2))
    return sizes


def _with_tables(shapes: list[_Shape], budget: float) -> Levels:
    """Dense levels for one part of the budget, tables for the octaves that are too fine for them.

    Tables have the same size, and features as far as the bits go. An octave that would fit into
    its table is dense. Where the bits do not buy tables, there are none.
    """
    fine, dense = _split(shapes, (1 - _TABLE_SHARE) * budget)
    left = budget - sum(level.bits for level in dense)
    cells = left / (len(fine) * _TABLE_FEATURES * CODE_WIDTH)
    log2 = min(int(math.log2(max(cells, 1))), spec.TABLE_LOG2_RANGE[1])
    if log2 < _LEAST_TABLE_LOG2:
        return _spend(shapes, budget)
    costs = [min(1 << log2, w * h) * CODE_WIDTH for (w, h), _ in fine]
    features = [_TABLE_FEATURES] * len(fine)
    left -= _TABLE_FEATURES * sum(costs)
    for _ in range(_MOST_FEATURES - _TABLE_FEATURES):
        for i, cost in enumerate(costs):
            if cost <= left:
                features[i] += 1
                left -= cost
    tables = tuple(
        LevelPlan(w, h, count, replace(layout, table_log2=log2) if w * h > 1 << log2 else layout)
        for ((w, h), layout), count in zip(fine, features, strict=True)
    )
    return tables + dense


def _split(shapes: list[_Shape], budget: float) -> tuple[list[_Shape], Levels]:
    """The octaves, at least one, that would starve as dense levels, and the others, planned."""
    for first in range(1, len(shapes)):
        dense = _spend(shapes[first:], budget)
        if len(dense) == len(shapes) - first and dense[0].features >= _TABLE_FEATURES:
            return shapes[:first], dense
    return shapes, ()


def _spend(shapes: list[_Shape], budget: float, finest_share: float = _LEVEL_SHARE) -> Levels:
    """Dense levels; each finer one gets the larger part of what is left for it and the coarser.

    The finest that there is gets a share of its own.
    """
    costs = [w * h * CODE_WIDTH for (w, h), _ in shapes]
    most = [_MOST_FEATURES if i < 4 else _COARSE_FEATURES for i in range(len(shapes))]
    features: list[int] = []
    left = budget
    for i, cost in enumerate(costs):
        share = _LEVEL_SHARE if any(features) else finest_share
        features.append(int(min(max(share * left / cost, 0), most[i])))
        left -= features[-1] * cost
    # What rounding left over goes to the finest level that it still buys a feature of.
    for i, cost in enumerate(costs):
        while features[i] < most[i] and cost <= left:
            features[i] += 1
            left -= cost
    features[-1] = max(features[-1], 2)
    planned = zip(shapes, features, strict=True)
    return tuple(LevelPlan(*size, count, layout) for (size, layout), count in planned if count > 0)
