"""How much memory a fit will need, known before it starts."""

from __future__ import annotations

import math
from typing import Final

from ntc.fit.plan import Plan
from ntc.fit.sampling import TILE
from ntc.format import spec

_PROGRAM_BYTES: Final = {"native": 120 << 20, "torch": 700 << 20}  # with libraries
_BAND_BYTES: Final = 100 << 20  # to read a band of an image, and to filter it, in floats
_FLOAT: Final = 4
_TILE: Final = 12  # a float and a double
_TEXEL: Final = 2  # images are kept as 16-bit integers
# Of images in scratch files at least this much is mapped: a few steps of a fit touch half of it.
_WINDOW: Final = 256 << 20


def peak_bytes(plan: Plan, backend: str, *, scratch: bool = False) -> int:
    """Most bytes that compressing this plan will hold, within about a tenth.

    All mips; to make them, what a band needs, and then latents with their Adam moments, and the
    latents once more when the fit is over, or codes before and after tiles are narrowed. With
    `scratch`, mips are in files, and this is the least that the fit can do with.
    """
    images = 0
    if backend == "torch":  # which fits to floats, and to a copy
        images += _samples(plan) * _FLOAT
    images += min(_WINDOW, image_bytes(plan)) if scratch else image_bytes(plan)
    copies = 2 if plan.memory else 1
    work = _record_bytes(plan) + _draw_bytes(plan) + copies * latent_bytes(plan)
    work = max(_BAND_BYTES, work)
    return _PROGRAM_BYTES[backend] + images + work


def scratch_limit(plan: Plan, allowed: int) -> int:
    """Bytes held above which pages of scratch files are to be given back, of those allowed."""
    return allowed - latent_bytes(plan) - _WINDOW // 2


def image_bytes(plan: Plan) -> int:
    """Of all mips."""
    return _samples(plan) * _TEXEL


def latent_bytes(plan: Plan) -> int:
    """Of the latents alone, as floats."""
    return sum(math.prod(v.stored) * v.features for v in plan.levels) * _FLOAT


def _samples(plan: Plan) -> int:
    sizes = [spec.mip_size(plan.width, plan.height, mip) for mip in range(plan.mips)]
    return sum(w * h for w, h in sizes) * plan.widths[-1]


def _draw_bytes(plan: Plan) -> int:
    """Errors and probabilities of tiles, of which small mips have a few more than texels."""
    return _samples(plan) // plan.widths[-1] // TILE**2 * _TILE


def _record_bytes(plan: Plan) -> int:
    """Values, means and squares in whole vectors of four floats, and a vector of counters."""
    padded = [(v.features + 3) // 4 * 4 for v in plan.levels]
    cells = [math.prod(v.stored) for v in plan.levels]
    return sum(c * (3 * p + 4) * _FLOAT for c, p in zip(cells, padded, strict=True))
