"""What every backend is given, and what it reports while it works."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ntc.fit.field import Field
from ntc.fit.plan import Plan
from ntc.fit.presets import Recipe
from ntc.format.metadata import Filtering
from ntc.format.model import QuantizedModel


def _nothing() -> None:
    pass


def _unseen(model: Callable[[], QuantizedModel]) -> None:
    pass


class Decodes(Protocol):
    """A decoder, as far as a fit looks at what its model will decode to."""

    def decode(
        self, model: QuantizedModel, mip: int, rect: tuple[int, int, int, int]
    ) -> npt.NDArray[np.uint16]:
        """`[h, w, channels]` of a rectangle `(x, y, w, h)`."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """A plan and the images to fit it to."""

    plan: Plan
    mips: tuple[npt.NDArray[np.uint16], ...]  # per mip [h, w, channels], storage values 0..65535
    texels: int  # to fit, over all mips
    seed: int
    threads: int
    recipe: Recipe = field(default_factory=Recipe)
    weights: tuple[float, ...] = ()  # of each channel's squared error; empty: all 1
    filtering: Filtering = "texel"
    mask: int = -1  # channel that is 0 where the others do not count; -1: none
    normals: tuple[tuple[int, int, int], ...] = ()  # channels x, y, z whose error is an angle
    price: float = 0.0  # of a bit a texel, to begin with; kept where the plan has no bits
    begin: Field | None = None  # parameters to start from; None: random ones
    decoder: Decodes | None = None  # needed where a plan bounds video memory
    ease: Callable[[], None] = _nothing  # called now and then: mips may be files that are mapped
    look: Callable[[Callable[[], QuantizedModel]], None] = _unseen  # at the model of each step


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a fit is; `psnr` is a running mean over recent batches, in dB."""

    texels: int
    total: int
    psnr: float


OnProgress = Callable[[Progress], None]
