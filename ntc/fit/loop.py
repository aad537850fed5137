"""The schedule of a fit, the same for every backend."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final, Protocol

from ntc.fit.field import Field, Floats, quantize
from ntc.fit.narrowing import Narrowing
from ntc.fit.presets import Recipe
from ntc.fit.problem import OnProgress, Problem, Progress
from ntc.fit.rate import Steering
from ntc.fit.sampling import Doubles, mip_shares
from ntc.format.model import QuantizedModel

_SMOOTHING: Final = 0.02  # of the error that is shown, per step
_SHARINGS: Final = 64  # times that the shares of mips change
_LEAST_ERROR: Final = 1e-10  # 100 dB; black can be fitted without any error


class Stepper(Protocol):
    """A fit under way in some backend."""

    def step(self, latent_rate: float, decoder_rate: float, noise: float) -> float:
        """Fits one batch at these rates; returns its mean squared error.

        Latents are read with this part of the noise that rounding them will make.
        """
        ...

    def set_shares(self, shares: Doubles) -> None:
        """From now on tiles are drawn from each mip this often."""
        ...

    def set_rate(self, rate: float) -> None:
        """From now on a bit a texel of mip 0 costs this much, in units of the error."""
        ...

    def latents_of(self, level: int, first: int, count: int) -> Floats:
        """`[count, features]` latents of stored cells from `first` on."""
        ...

    def set_ranges(self, level: int, tile_log2: int, low: Floats, high: Floats) -> None:
        """From now on the latents of each tile `[tiles_y, tiles_x]` stay within its range."""
        ...

    def round_latents(self, inwards: float = 0.0) -> None:
        """Latents become the nearest codes once they have moved this part of a step towards 0."""
        ...

    def field(self) -> Field:
        """The parameters as they are."""
        ...


def fit(stepper: Stepper, problem: Problem, on_progress: OnProgress) -> Field:
    """Fits as many texels as the problem says; the latents returned are multiples of a code."""
    steps = max(problem.texels // problem.recipe.batch_texels, 1)
    recipe = patient(problem.recipe, steps)
    if problem.plan.memory:
        recipe = replace(recipe, last_noise=1.0)
    frozen, error = False, 0.0

    def model() -> QuantizedModel:
        return quantize(stepper.field(), problem.plan)

    steering = Narrowing(problem) if problem.plan.memory else Steering(problem)
    for step in range(steps):
        latents, decoder, noise = rates(step / steps, recipe)
        if step % max(steps // _SHARINGS, 1) == 0:
            stepper.set_shares(mip_shares(problem.plan, step / steps))
        if latents == 0 and not frozen:
            stepper.round_latents(steering.inwards(stepper))
            frozen = True
        if steering.due(step / steps) and not frozen:
            stepper.set_rate(steering.update(stepper, error))
        latest = stepper.step(latents, decoder, noise)
        problem.ease()
        error = latest if step == 0 else error + _SMOOTHING * (latest - error)
        texels = (step + 1) * recipe.batch_texels
        decibels = -10 * math.log10(max(error, _LEAST_ERROR))
        on_progress(Progress(texels, steps * recipe.batch_texels, decibels))
        problem.look(model)
    stepper.round_latents(0.0 if frozen else steering.inwards(stepper))
    return stepper.field()


def patient(recipe: Recipe, steps: int) -> Recipe:
    """The recipe of a fit of so many steps.

    At one rate, weights walk further from where they began the longer a fit takes, and hidden
    units die: docs/decisions/0019-steps.md. The rate that falls with the root of the number of
    steps keeps the walk as long.
    """
    slower = min(math.sqrt(recipe.steady_steps / steps), 1.0)
    return replace(recipe, decoder_rate=slower * recipe.decoder_rate)


def rates(done: float, recipe: Recipe) -> tuple[float, float, float]:
    """Rates of latents and decoder, and the noise, when the part `done` of a fit is over.

    A half cosine, and a line. In the last part latents are frozen, and the decoder goes on at a
    live rate.
    """
    cosine = 0.5 * (1 + math.cos(math.pi * done))
    if done < 1 - recipe.frozen_part:
        noise = 1 + (recipe.last_noise - 1) * done / (1 - recipe.frozen_part)
        return recipe.latent_rate * cosine, recipe.decoder_rate * cosine, noise
    live = recipe.frozen_rate * (1 - done) / recipe.frozen_part
    return 0.0, recipe.decoder_rate * max(cosine, live), 0.0
