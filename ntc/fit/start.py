"""Where a fit starts: random latents, He's initialisation, the range of each channel."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from ntc.fit.problem import Problem

Floats = npt.NDArray[np.float32]

BAND: Final = 1 << 18  # latents, or samples of an image, that are worked on at once
_LATENT_RANGE: Final = 0.1  # latents start uniform within +-this
_LEAST_RANGE: Final = 1e-3  # of a channel: keeps a nearly constant one from stalling
_MARGIN: Final = 0.1  # docs/decisions/0018-losses.md


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """The decoder before the first step. A channel is `output * range + low`."""

    weights: tuple[Floats, ...]  # per layer [outputs, inputs]
    biases: tuple[Floats, ...]  # per layer [outputs]
    low: Floats  # [channels]
    range: Floats  # [channels]
    margins: Floats  # [channels] how far beyond 0 and 1 targets of 0 and 1 lie


def start(problem: Problem) -> Start:
    """The start of a problem: where it says, or by its seed.

    Then weights are those of He et al., arXiv 1502.01852, eq. 10. The last layer starts at half of
    that, and at the middle of each channel's range.
    """
    low, high, binary = _extremes(problem)
    margins = binary * np.float32(_MARGIN)
    reach = np.maximum(high - low, np.float32(_LEAST_RANGE))
    if problem.begin is not None:
        *weights_below, weights_above = problem.begin.weights
        *biases_below, biases_above = problem.begin.biases
        return Start(
            (*weights_below, weights_above / reach[:, None]),
            (*biases_below, (biases_above - low) / reach),
            low,
            reach,
            margins,
        )
    random = _random(problem, len(problem.plan.levels))
    weights, biases = [], []
    pairs = list(pairwise(problem.plan.widths))
    for i, (inputs, outputs) in enumerate(pairs):
        last = i == len(pairs) - 1
        weights.append(
            random.normal(0, (2 / inputs) ** 0.5 * (0.5 if last else 1), (outputs, inputs))
        )
        biases.append(np.full(outputs, 0.5 if last else 0.0, np.float32))
    return Start(
        tuple(values.astype(np.float32) for values in weights),
        tuple(biases),
        low,
        reach,
        margins,
    )


def latent_bands(problem: Problem, level: int) -> Iterator[tuple[int, Floats]]:
    """Latents of a level before the first step: a first cell, and `[cells, features]` from it on.

    A large level is never there as a whole, and Ctrl-C is heard between two bands.
    """
    random, plan = _random(problem, level), problem.plan.levels[level]
    cells, rows = math.prod(plan.stored), max(BAND // plan.features, 1)
    for first in range(0, cells, rows):
        shape = min(rows, cells - first), plan.features
        problem.ease()
        if problem.begin is not None:
            begin = problem.begin.latents[level].reshape(-1, plan.features)
            yield first, begin[first : first + rows]
            continue
        yield first, random.uniform(-_LATENT_RANGE, _LATENT_RANGE, shape).astype(np.float32)


def _random(problem: Problem, level: int) -> np.random.Generator:
    """The stream of random numbers after those for the latents of the levels before this one."""
    drawn = sum(math.prod(v.stored) * v.features for v in problem.plan.levels[:level])
    return np.random.Generator(np.random.PCG64(problem.seed).advance(drawn))


def _extremes(problem: Problem) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """Lowest and highest storage value 0..1 of each channel, and whether it has no other."""
    image = problem.mips[0]
    _, width, channels = image.shape
    rows = max(BAND // (width * channels), 1)
    low, high = np.full(channels, 65535, np.uint16), np.zeros(channels, np.uint16)
    turned = np.zeros(channels, np.uint16)  # highest value, were 65535 beside 0
    for top in range(0, len(image), rows):
        band = image[top : top + rows]
        # Over rows first: numpy is slow where few channels are the last axis.
        np.minimum(low, band.min(axis=0).min(axis=0), out=low)
        np.maximum(high, band.max(axis=0).max(axis=0), out=high)
        np.maximum(turned, (band + np.uint16(1)).max(axis=0).max(axis=0), out=turned)
        problem.ease()
    one = np.float32(65535)
    return low.astype(np.float32) / one, high.astype(np.float32) / one, turned <= 1
