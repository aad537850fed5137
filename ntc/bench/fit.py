"""`fit_bench`: texels a second of the fit backends, on images of random numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from ntc import native
from ntc.bench.report import BenchReport, BenchResult, median_seconds
from ntc.errors import RuntimeFailure
from ntc.fit.backends import installed_backends, load_backend
from ntc.fit.loop import Stepper, rates
from ntc.fit.plan import make_plan
from ntc.fit.presets import Recipe
from ntc.fit.problem import Problem
from ntc.format import spec

BITS_PER_TEXEL: Final = 5.0
_TEXELS: Final = {"torch": 1 << 18, "native": 1 << 21}  # of one round: fractions of a second


def fit_bench(
    profile: str = "standard",
    size: int = 1024,
    channels: int = 9,
    isas: Sequence[str] | None = None,
    threads: int = 0,
    rounds: int = 5,
    batch: int = 0,
) -> BenchReport:
    """Whole fit steps over all mips: the native backend on each instruction set against torch.

    Same plan, same batch of `batch` texels a step; 0 takes that of the recipe. Where torch is not
    installed, ratios compare with the first native one.
    Raises RuntimeFailure if there is no backend at all.
    """
    recipe = Recipe(batch_texels=batch) if batch else Recipe()
    problem = random_problem(profile, size, channels, native.thread_count(threads), recipe)
    steppers = _steppers(problem, isas)
    counts = {
        name: max(_TEXELS["torch" if name == "torch" else "native"] // recipe.batch_texels, 1)
        for name in steppers
    }
    runs = {name: _steps(steppers[name], counts[name], recipe) for name in steppers}
    seconds = median_seconds(runs, rounds)
    speeds = {name: counts[name] * recipe.batch_texels / taken for name, taken in seconds.items()}
    base = next(iter(speeds))
    results = [
        BenchResult(
            backend=name if name == "torch" else "native",
            isa=None if name == "torch" else name,
            profile=profile,
            size=size,
            texels_per_second=speed,
            ratio=speed / speeds[base],
        )
        for name, speed in speeds.items()
    ]
    return BenchReport(threads=problem.threads, channels=channels, ratio_to=base, results=results)


def random_problem(profile: str, size: int, channels: int, threads: int, recipe: Recipe) -> Problem:
    """A fit of noise: every step does all of the work, and none of it well."""
    rng = np.random.default_rng(0)
    mips = spec.full_mip_count(size, size)
    plan = make_plan(size, size, channels, mips, BITS_PER_TEXEL, profile=profile)
    sizes = [spec.mip_size(size, size, mip) for mip in range(mips)]
    images = tuple(rng.integers(0, 1 << 16, (h, w, channels), np.uint16) for w, h in sizes)
    return Problem(plan, images, 0, 0, threads, recipe)


def _steppers(problem: Problem, isas: Sequence[str] | None) -> dict[str, Stepper]:
    found: dict[str, Stepper] = {}
    if "torch" in installed_backends():
        found["torch"] = load_backend("torch")[0](problem)
    if native.available():
        from ntc.fit.backends.native import Fit

        for isa in native.isas() if isas is None else isas:
            found[isa] = Fit(problem, isa)
    if not found:
        raise RuntimeFailure("no fit backend is installed: see `ntc info --system`")
    return found


def _steps(stepper: Stepper, count: int, recipe: Recipe) -> Callable[[], object]:
    """A run of some steps, long enough to time."""
    rate = rates(0.5, recipe)

    def run() -> None:
        for _ in range(count):
            stepper.step(*rate)

    return run
