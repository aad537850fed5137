"""What every backend is given, and what it reports while it works."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ntc.fit.plan import Plan
from ntc.fit.presets import Recipe


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """A plan and the images to fit it to."""

    plan: Plan
    mips: tuple[npt.NDArray[np.float32], ...]  # per mip [h, w, channels], storage values 0..1
    texels: int  # to fit, over all mips
    seed: int
    threads: int
    recipe: Recipe = field(default_factory=Recipe)
    weights: tuple[float, ...] = ()  # of each channel's squared error; empty: all 1
    mask: int = -1  # channel that is 0 where the others do not count; -1: none


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a fit is; `psnr` is a running mean over recent batches, in dB."""

    texels: int
    total: int
    psnr: float


OnProgress = Callable[[Progress], None]
