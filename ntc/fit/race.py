"""Which encoding suits a material: a short fit of each tells."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from ntc.fit import loop
from ntc.fit.problem import OnProgress, Problem, Progress

RACE_SHARE: Final = 0.033  # of the texels of the fit, for each candidate: a tenth for three
LEAST_STEPS: Final = 100  # before them all are alike; small images take few


def fastest(
    problems: Mapping[str, Problem],
    backend: Callable[[Problem], loop.Stepper],
    on_progress: OnProgress,
) -> str:
    """The name of the problem that is best after a short fit, the earlier one if equal.

    While it runs, the progress of the fit to come is told as 0.
    """
    reached: dict[str, float] = {}
    for name, problem in problems.items():
        short = replace(problem, texels=_texels(problem))

        def relay(progress: Progress, name: str = name, total: int = problem.texels) -> None:
            reached[name] = progress.psnr
            on_progress(Progress(0, total, progress.psnr))

        loop.fit(backend(short), short, relay)
    return max(reached, key=lambda name: reached[name])


def _texels(problem: Problem) -> int:
    """To fit in a race; never more than the fit itself takes."""
    least = LEAST_STEPS * problem.recipe.batch_texels
    return min(max(int(problem.texels * RACE_SHARE), least), problem.texels)
