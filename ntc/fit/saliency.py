"""Which blocks of a plan's levels keep latents: those that a level has the most detail to add to.

After the saliency mask of Xie et al., "HollowNeRF", ICCV 2023, whose budget one threshold over all
levels meets too. docs/decisions/0010-pruning.md says why the mask is measured and not trained.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from ntc.fit.encodings import LevelPlan
from ntc.fit.plan import Plan
from ntc.format import spec
from ntc.format.layout import Layout, Mask, block_grid
from ntc.texture import bands_of

Image = npt.NDArray[np.uint16]
Energy = npt.NDArray[np.float64]

_LEAST_BLOCK_LOG2: Final = 2  # 4 x 4 cells, as small as a file may have them
_WHOLE_PART: Final = 0.5  # of the budget: what levels that are not pruned may take of it


def entries(plan: Plan) -> int:
    """Cells of all levels that latents are stored for."""
    return sum(_cells_of(level) for level in plan.levels)


def pruned(plan: Plan, mips: Sequence[Image], keep: float, ease: Callable[[], None]) -> Plan:
    """The plan with at most the part `keep` of its entries, where its levels have most to add.

    `mips` [h, w, channels] lead down to one texel. Tables become masks. Coarse levels stay whole,
    and each of the others keeps a block, of however small a material.
    """
    budget = int(keep * entries(plan))
    count = _levels_to_prune(plan, budget)
    block_log2 = _block_log2(plan)
    near = [mips[_mip_of(level, plan)] for level in plan.levels[: count + 1]]
    energies = [
        _energies(level, block_log2, image, coarse, ease)
        for level, (image, coarse) in zip(plan.levels, pairwise(near), strict=False)
    ]
    whole = sum(_cells_of(level) for level in plan.levels[count:])
    masks = _most_salient(energies, (budget - whole) >> (2 * block_log2))
    kept = [_masked(*each, block_log2) for each in zip(plan.levels, masks, strict=False)]
    return replace(plan, levels=(*kept, *plan.levels[count:]))


def _cells_of(level: LevelPlan) -> int:
    return math.prod(level.stored)


def _levels_to_prune(plan: Plan, budget: int) -> int:
    """So many of the finest that the others, but for the coarsest, take half of the budget at most.

    Blocks left out of coarse levels cost most: texels beside them read zeros, and more of them.
    """
    whole, most = entries(plan), len(plan.levels) - 1
    for count, level in enumerate(plan.levels[:most]):
        if whole <= _WHOLE_PART * budget:
            return count
        whole -= _cells_of(level)
    return most


def _block_log2(plan: Plan) -> int:
    """Of the smallest blocks that a mask of every level has room for."""
    block_log2 = _LEAST_BLOCK_LOG2
    while any(
        math.prod(block_grid(v.width, v.height, block_log2)) > spec.MAX_BLOCKS for v in plan.levels
    ):
        block_log2 += 1
    return block_log2


def _mip_of(level: LevelPlan, plan: Plan) -> int:
    """The mip whose size is next to that of the level; lattices of triangles have fewer columns."""
    return round(math.log2(max(plan.width, plan.height) / max(level.width, level.height)))


def _energies(
    level: LevelPlan, block_log2: int, image: Image, coarse: Image, ease: Callable[[], None]
) -> Energy:
    """`[rows, columns]` of blocks: squared detail that `image` adds to `coarse` there.

    Per texel of `image`, over all channels, times its area: levels compare, cell by cell.
    """
    height, width, _ = image.shape
    rows, columns = block_grid(level.width, level.height, block_log2)
    row, column = (
        _nearest_cells(texels, cells) >> block_log2
        for texels, cells in ((height, level.height), (width, level.width))
    )
    sums: Energy = np.zeros((rows, columns))
    for band in bands_of(height, width):
        detail = image[band].astype(np.float32) - _enlarged(coarse, band, height, width)
        energy = np.einsum("yxc,yxc->yx", detail, detail)
        first = row[band.start]
        blocks = (row[band, None] - first) * columns + column
        part = np.bincount(blocks.ravel(), energy.ravel()).reshape(-1, columns)
        sums[first : first + len(part)] += part
        ease()
    sums /= height * width
    return sums


def _nearest_cells(texels: int, cells: int) -> npt.NDArray[np.int64]:
    """`[texels]` the cell that the centre of each lies in, along an axis."""
    return (2 * np.arange(texels) + 1) * cells // (2 * texels)


def _enlarged(coarse: Image, band: slice, height: int, width: int) -> npt.NDArray[np.float32]:
    """`[rows, width, channels]` of a band of `coarse`, bilinearly enlarged to height x width."""
    above, below, part = (axis[band] for axis in _neighbours(height, len(coarse)))
    first = above[0]
    rows = coarse[first : below[-1] + 1].astype(np.float32)
    left, right, across = _neighbours(width, coarse.shape[1])
    wide = rows[:, left] + (rows[:, right] - rows[:, left]) * across[:, None]
    upper = wide[above - first]
    enlarged: npt.NDArray[np.float32] = upper + (wide[below - first] - upper) * part[:, None, None]
    return enlarged


def _neighbours(
    texels: int, cells: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """`[texels]` the cells before and after each along an axis, and the part of the latter."""
    at = np.clip((np.arange(texels) + 0.5) * cells / texels - 0.5, 0, cells - 1)
    before = at.astype(np.int64)
    return before, np.minimum(before + 1, cells - 1), (at - before).astype(np.float32)


def _most_salient(energies: Sequence[Energy], count: int) -> list[Mask]:
    """Masks that keep `count` blocks in all, and none without energy but one of each level."""
    if not energies:
        return []
    order = np.concatenate([energy.ravel() for energy in energies])
    ends = np.cumsum([energy.size for energy in energies])
    for first, end in zip([0, *ends], ends, strict=False):
        order[first + np.argmax(order[first:end])] = np.inf
    most = np.argsort(-order, kind="stable")[: max(count, len(energies))]
    kept = np.zeros(len(order), bool)
    kept[most] = order[most] > 0
    parts = np.split(kept, ends[:-1])
    return [part.reshape(energy.shape) for part, energy in zip(parts, energies, strict=True)]


def _masked(level: LevelPlan, mask: Mask, block_log2: int) -> LevelPlan:
    """The level with these blocks; without a mask if they are all."""
    simplex = level.layout.simplex
    if mask.all():
        return replace(level, layout=Layout(simplex))
    return replace(level, layout=Layout(simplex, block_log2=block_log2, mask=mask))
