"""Where a fit starts: random latents, He's initialisation, the range of each channel."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from ntc.fit.problem import Problem

Floats = npt.NDArray[np.float32]

_LATENT_RANGE: Final = 0.1  # latents start uniform within +-this
_LEAST_RANGE: Final = 1e-3  # of a channel: keeps a nearly constant one from stalling


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """Parameters before the first step. A channel is `output * range + low`."""

    latents: tuple[Floats, ...]  # per level [cells, features]
    weights: tuple[Floats, ...]  # per layer [outputs, inputs]
    biases: tuple[Floats, ...]  # per layer [outputs]
    low: Floats  # [channels]
    range: Floats  # [channels]


def start(problem: Problem) -> Start:
    """The start of a problem, by its seed: He et al., arXiv 1502.01852, eq. 10, for the weights.

    The last layer starts at half of that, and at the middle of each channel's range.
    """
    random = np.random.default_rng(problem.seed)
    latents = tuple(
        random.uniform(-_LATENT_RANGE, _LATENT_RANGE, (v.width * v.height, v.features))
        for v in problem.plan.levels
    )
    weights, biases = [], []
    pairs = list(pairwise(problem.plan.widths))
    for i, (inputs, outputs) in enumerate(pairs):
        last = i == len(pairs) - 1
        weights.append(
            random.normal(0, (2 / inputs) ** 0.5 * (0.5 if last else 1), (outputs, inputs))
        )
        biases.append(np.full(outputs, 0.5 if last else 0.0, np.float32))
    texels = problem.mips[0].reshape(-1, problem.plan.widths[-1])
    low = texels.min(0)
    return Start(
        tuple(values.astype(np.float32) for values in latents),
        tuple(values.astype(np.float32) for values in weights),
        tuple(biases),
        low,
        np.maximum(texels.max(0) - low, np.float32(_LEAST_RANGE)),
    )
