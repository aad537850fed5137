"""The fit in C++: the default wherever the package was built with a compiler."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ntc import native
from ntc.fit.field import INPUT_ONE, LATENT_HIGH, LATENT_LOW, LATENT_STEP, Field
from ntc.fit.problem import Problem
from ntc.fit.sampling import TILE, Taps, axis_taps, mip_shares
from ntc.fit.start import Start, start
from ntc.format import spec


class Fit:
    """One fit in C++: a `ntc.fit.loop.Stepper`."""

    def __init__(self, problem: Problem, isa: str = "") -> None:
        self.problem = problem
        self.begin = start(problem)
        self.fitter = make_fitter(problem, self.begin, isa)

    def step(self, latent_rate: float, decoder_rate: float) -> float:
        """Fits one batch of tiles; returns its mean squared error over texels and channels."""
        error: float = self.fitter.step(latent_rate, decoder_rate)
        return error

    def round_latents(self) -> None:
        """Latents become multiples of a code, and stay so while their rate is 0."""
        self.fitter.round_latents()

    def field(self) -> Field:
        """The parameters, with the range of the channels folded into the last layer."""
        begin, latents, weights, biases = self.begin, [], [], []
        for i, level in enumerate(self.problem.plan.levels):
            values = np.empty((level.height, level.width, level.features), np.float32)
            self.fitter.get_latents(i, values)
            latents.append(values / np.float32(INPUT_ONE))
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
    plan, recipe = problem.plan, problem.recipe
    fitter = native.core().Fitter(
        levels=[(v.width, v.height, v.features) for v in plan.levels],
        widths=list(plan.widths),
        mips=[_mip(problem, mip) for mip in range(plan.mips)],
        shares=mip_shares(plan).tolist(),
        wrap_u=plan.wrap[0],
        wrap_v=plan.wrap[1],
        batch_tiles=recipe.batch_texels // TILE**2,
        mean_decay=recipe.first_moment,
        square_decay=recipe.second_moment,
        latent_low=LATENT_LOW * INPUT_ONE,
        latent_high=LATENT_HIGH * INPUT_ONE,
        latent_step=LATENT_STEP * INPUT_ONE,
        seed=problem.seed,
        threads=problem.threads,
        isa=isa or native.isa(),
    )
    for level, latents in enumerate(begin.latents):
        fitter.set_latents(level, latents * np.float32(INPUT_ONE))
    for layer, (weights, biases) in enumerate(zip(begin.weights, begin.biases, strict=True)):
        fitter.set_layer(layer, weights, biases)
    fitter.set_range(begin.low, begin.range)
    importance = np.array(problem.weights or (1.0,) * plan.widths[-1], np.float32)
    fitter.set_loss(importance, problem.mask)
    return fitter


def _mip(problem: Problem, mip: int) -> tuple[Any, ...]:
    """Texels as 16-bit integers, the role of each level, and its taps along x and y."""
    plan = problem.plan
    width, height = spec.mip_size(plan.width, plan.height, mip)
    roles = [-1 if role == spec.NOT_READ else role for role in plan.roles[mip].tolist()]
    read = [level if role >= 0 else None for level, role in zip(plan.levels, roles, strict=True)]
    x = [_axis(axis_taps(width, level.width) if level else None) for level in read]
    y = [_axis(axis_taps(height, level.height) if level else None) for level in read]
    return _storage(problem.mips[mip]), roles, x, y


def _axis(taps: Taps | None) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32], int]:
    if taps is None:
        return np.zeros(0, np.int32), np.zeros(0, np.float32), 2
    return taps.cell.astype(np.int32), taps.fraction, taps.span


def _storage(mip: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
    """`[h, w, c]` storage values 0..65535, row by row: an image is large."""
    out = np.empty(mip.shape, np.uint16)
    for row in range(len(mip)):
        out[row] = np.rint(mip[row] * 65535)
    return out
