"""How much memory a fit will need, known before it starts."""

from __future__ import annotations

from typing import Final

from ntc.fit.plan import LevelPlan, Plan
from ntc.format import spec

_PROGRAM_BYTES: Final = {"native": 200 << 20, "torch": 700 << 20}  # with libraries and work space
_FLOAT: Final = 4
_TEXEL: Final = 2  # the native fit keeps storage values as 16-bit integers


def peak_bytes(plan: Plan, backend: str) -> int:
    """Most bytes that compressing this plan will hold, within about a tenth.

    All mips as floats and once more as the backend keeps them, one image on its way between the
    two, and latents with their Adam moments.
    """
    channels = plan.widths[-1]
    sizes = [spec.mip_size(plan.width, plan.height, mip) for mip in range(plan.mips)]
    samples = [w * h * channels for w, h in sizes]
    images = sum(samples) * (_FLOAT + _TEXEL) + samples[0] * _TEXEL
    return _PROGRAM_BYTES[backend] + images + sum(_record_bytes(v) for v in plan.levels)


def _record_bytes(level: LevelPlan) -> int:
    """Values, means and squares in whole vectors of four floats, and a vector of counters."""
    padded = (level.features + 3) // 4 * 4
    return level.width * level.height * (3 * padded + 4) * _FLOAT
