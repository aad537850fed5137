"""The fit in C++: the default wherever the package was built with a compiler."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ntc import native
from ntc.fit.encodings import LevelPlan
from ntc.fit.field import INPUT_ONE, Field, Floats, codes_of
from ntc.fit.plan import Plan
from ntc.fit.problem import Problem
from ntc.fit.rate import prices
from ntc.fit.sampling import PHASES, TILE, Doubles, Taps, image_taps, level_taps, mip_shares
from ntc.fit.start import BAND, Start, latent_bands, start
from ntc.format import spec
from ntc.format.layout import SKIPPED, block_grid, stored_cells


class Fit:
    """One fit in C++: a `ntc.fit.loop.Stepper`."""

    def __init__(self, problem: Problem, isa: str = "") -> None:
        self.problem = problem
        self.begin = start(problem)
        self.fitter = make_fitter(problem, self.begin, isa)

    def step(self, latent_rate: float, decoder_rate: float, noise: float = 1.0) -> float:
        """Fits one batch of tiles; returns its mean squared error over texels and channels."""
        error: float = self.fitter.step(latent_rate, decoder_rate, noise)
        return error

    def set_shares(self, shares: Doubles) -> None:
        """From now on tiles are drawn from each mip this often."""
        self.fitter.set_shares(shares.tolist())

    def set_rate(self, rate: float) -> None:
        """From now on a bit a texel of mip 0 costs this much."""
        self.fitter.set_prices(prices(self.problem, rate))

    def latents_of(self, level: int, first: int, count: int) -> Floats:
        """`[count, features]` latents of stored cells from `first` on."""
        values = np.empty((count, self.problem.plan.levels[level].features), np.float32)
        self.fitter.get_latents(level, first, values)
        values /= np.float32(INPUT_ONE)
        return values

    def set_ranges(self, level: int, tile_log2: int, low: Floats, high: Floats) -> None:
        """From now on the latents of each tile `[tiles_y, tiles_x]` stay within its range."""
        ranges = np.stack([low.ravel(), high.ravel()], axis=1) * np.float32(INPUT_ONE)
        self.fitter.set_ranges(level, tile_log2, ranges)

    def round_latents(self, inwards: float = 0.0) -> None:
        """Latents become the nearest codes once they have moved this part of a step towards 0."""
        self.fitter.round_latents(inwards)

    def field(self) -> Field:
        """The parameters, with the range of the channels folded into the last layer."""
        begin, latents, weights, biases = self.begin, [], [], []
        for i, level in enumerate(self.problem.plan.levels):
            values = np.empty((math.prod(level.stored), level.features), np.float32)
            for first in range(0, len(values), BAND):
                count = min(BAND, len(values) - first)
                values[first : first + count] = self.latents_of(i, first, count)
                self.problem.ease()
            latents.append(values.reshape(*level.stored[::-1], level.features))
        for i, shape in enumerate(begin.weights):
            layer, bias = np.empty_like(shape), np.empty(len(shape), np.float32)
            self.fitter.get_layer(i, layer, bias)
            weights.append(layer)
            biases.append(bias)
        weights[-1] = weights[-1] * begin.range[:, None]
        biases[-1] = biases[-1] * begin.range + begin.low
        return Field(tuple(latents), tuple(weights), tuple(biases))


def make_fitter(problem: Problem, begin: Start, isa: str) -> Any:
    """The C++ fitter of a problem at its start, for one instruction set or, if empty, the best."""
    plan, recipe, filtered = problem.plan, problem.recipe, problem.filtering == "filtered"
    fitter = native.core().Fitter(
        levels=[_level(level) for level in plan.levels],
        widths=list(plan.widths),
        mips=[_mip(problem, mip) for mip in range(plan.mips)],
        shares=mip_shares(plan, 0.0).tolist(),
        wrap_u=plan.wrap[0],
        wrap_v=plan.wrap[1],
        batch_tiles=recipe.batch_texels // TILE**2,
        latent_moments=recipe.latent_moments,
        decoder_moments=recipe.decoder_moments,
        decoder_decay=recipe.decoder_decay,
        latent_floor=recipe.latent_floor,
        hidden_step=recipe.hidden_step,
        seed=problem.seed,
        threads=problem.threads,
        isa=isa or native.isa(),
        images=[_images(plan, mip) for mip in range(plan.mips)] if filtered else [],
        shifted=recipe.shifted if filtered else 0.0,
    )
    for level in range(len(plan.levels)):
        for first, latents in latent_bands(problem, level):
            fitter.set_latents(level, first, latents * np.float32(INPUT_ONE))
    for layer, (weights, biases) in enumerate(zip(begin.weights, begin.biases, strict=True)):
        fitter.set_layer(layer, weights, biases)
    fitter.set_range(begin.low, begin.range)
    importance = np.array(problem.weights or (1.0,) * plan.widths[-1], np.float32)
    fitter.set_loss(importance, begin.margins, problem.mask, list(problem.normals))
    return fitter


def _level(level: LevelPlan) -> tuple[Any, ...]:
    """A level as the core wants it: shape, layout, stored grid, and range of its latents."""
    layout = level.layout
    by_block = layout.mask is not None or layout.block_log2 > 0
    codes = codes_of(level)
    return (
        level.width,
        level.height,
        level.features,
        layout.simplex,
        layout.table_log2 > 0 and not by_block,
        layout.block_log2,
        _slots(level) if by_block else np.empty(0, np.int32),
        *level.stored,
        *(value * INPUT_ONE for value in (codes.low, codes.high, codes.step)),
    )


def _slots(level: LevelPlan) -> npt.NDArray[np.int32]:
    """`[blocks]` where the first cell of each block is stored, or -1: it is not."""
    side_log2 = level.layout.block_log2
    rows, columns = (np.arange(n) for n in block_grid(level.width, level.height, side_log2))
    y, x = np.broadcast_arrays(rows[:, None] << side_log2, columns[None, :] << side_log2)
    row, column = stored_cells(level.width, level.height, level.layout, y, x)
    place = np.where(row == SKIPPED, -1, row * level.stored[0] + column)
    return place.ravel().astype(np.int32)


def _mip(problem: Problem, mip: int) -> tuple[Any, ...]:
    """Texels, read where they are; the role of each level, and its taps along x and y."""
    plan, phases = problem.plan, PHASES if problem.filtering == "filtered" else 1
    size = spec.mip_size(plan.width, plan.height, mip)
    roles = [-1 if role == spec.NOT_READ else role for role in plan.roles[mip].tolist()]
    taps = [
        level_taps(level, *size, phases) if role >= 0 else (_NO_TAPS, _NO_TAPS)
        for level, role in zip(plan.levels, roles, strict=True)
    ]
    x, y = ([_axis(pair[axis]) for pair in taps] for axis in (0, 1))
    return problem.mips[mip], roles, x, y


_NO_TAPS = Taps(np.zeros((1, 0), np.int64), 2)


def _images(plan: Plan, mip: int) -> tuple[Any, ...]:
    """Taps along x and y on the image of a mip and on the next one, if any."""
    sizes = [spec.mip_size(plan.width, plan.height, m) for m in range(mip, min(mip + 2, plan.mips))]
    return tuple([_axis(image_taps(sizes[0][i], size[i])) for size in sizes] for i in (0, 1))


def _axis(taps: Taps) -> tuple[npt.NDArray[np.int32], int]:
    return taps.position.astype(np.int32).ravel(), taps.span
