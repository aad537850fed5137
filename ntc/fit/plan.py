"""What will be fitted: the levels, which mips read them, and the layers of the decoder."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from ntc.fit.encodings import ENCODINGS, LevelPlan, Levels, spare_levels
from ntc.fit.presets import PROFILES
from ntc.format import spec
from ntc.format.sections import network_size

TILE_LOG2: Final = 6  # codes are of one width everywhere: large tiles keep directories small
_SMALL_OVERHEAD: Final = 1400  # bytes of header, chunk table, outline and metadata, typically
_MAP_OVERHEAD: Final = 60  # bytes of metadata for each channel
_STORED_PART: Final = 0.86  # of a fitted decoder, whose weights decay; small ones compress less
# Bits of all codes of an adaptive plan, over those that its latents may take: at least and at most.
# Between the two, enough for a feature of full size, most of whose latents then are 0.
_SPARE: Final = 2.0, 8.0
_FULL_SIZE: Final = 4.8  # bits a texel of mip 0
_CENTRED_WIDTH: Final = 4  # bits of codes that have a price: most of them are 0
# Bits of all codes before tiles are narrowed, over those that are left: the fewer, unless the more
# buy a finer level. docs/decisions/0017-widths.md
_NARROWED: Final = 1.4, 1.8
_LEAST_BITS: Final = 1 << 16  # of latents that are worth adapting: fewer cannot be measured well


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The shape of a model before it is fitted."""

    width: int
    height: int
    mips: int
    wrap: tuple[bool, bool]
    levels: tuple[LevelPlan, ...]  # finest first
    roles: npt.NDArray[np.uint8]  # [mips, levels], first input or spec.NOT_READ
    widths: tuple[int, ...]  # inputs, hidden units, channels
    bits: int = 0  # of a file, that all latents are to take; 0: as many as their codes have
    memory: int = 0  # bits of video memory that levels are to take; 0: as many as their codes have

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one texel."""
        return sum(a * b for a, b in pairwise(self.widths))


def make_plan(
    width: int,
    height: int,
    channels: int,
    mips: int,
    bpp: float,
    wrap: tuple[bool, bool] = (True, True),
    profile: str = "standard",
    encoding: str = "grid",
    adaptive: bool = False,
    narrows: bool = False,
) -> Plan:
    """The plan whose file comes closest to `bpp` bits per texel of mip 0 without exceeding it.

    An adaptive one has more latents than that, and says how many bits they are to take; but where
    there are few, each code has all of its bits. One that narrows tiles, a `grid`, has more, too,
    and says how many bits of video memory its levels are to take. Small images cannot hold a full
    decoder: its layers are narrowed until half of the bytes are left for latents, or to 16 units.
    """
    budget = bpp * width * height / 8 - _SMALL_OVERHEAD - _MAP_OVERHEAD * channels
    hidden = PROFILES[profile].hidden
    while True:
        bits = 8 * (budget - _decoder_bytes(24, hidden, channels))
        adapts = adaptive and bits >= _LEAST_BITS
        narrows = narrows and encoding == "grid" and bits >= _LEAST_BITS
        planned = _planned_bits(bits, width * height) if adapts else bits
        levels = _levels(width, height, planned, encoding, narrows)
        features = sum(level.features for level in levels)
        widths = (features + 1, *hidden, channels)
        too_big = network_size(widths) > max(budget, 0) / 2
        if not hidden or max(hidden) <= 16 or (not too_big and _affordable(widths, profile)):
            break
        hidden = tuple(units - 8 for units in hidden)
    roles = _roles(width, height, mips, levels)
    plan = Plan(width, height, mips, wrap, levels, roles, widths)
    if not adapts and not narrows:
        return plan
    if narrows:
        centred = tuple(replace(v, centred=True) for v in levels)
        return replace(plan, levels=centred, memory=int(8 * (budget - network_size(widths))))
    centred = tuple(replace(v, centred=True, code_width=_CENTRED_WIDTH) for v in levels)
    return replace(
        plan, levels=centred, bits=int(8 * (budget - _STORED_PART * network_size(widths)))
    )


def overhead_bytes(widths: tuple[int, ...]) -> int:
    """Bytes, about, of a file with a decoder of these inputs, units and channels, less levels."""
    return int(_SMALL_OVERHEAD + _MAP_OVERHEAD * widths[-1] + _STORED_PART * network_size(widths))


def _levels(width: int, height: int, bits: float, encoding: str, narrows: bool) -> Levels:
    if narrows:
        least, most = (spare_levels(width, height, spare * bits) for spare in _NARROWED)
        return least if least[0].width == most[0].width else most
    return ENCODINGS[encoding](width, height, bits)


def _planned_bits(bits: float, texels: int) -> float:
    least, most = _SPARE
    return min(max(least * bits, _FULL_SIZE * texels), most * bits)


def _decoder_bytes(features: int, hidden: tuple[int, ...], channels: int) -> int:
    return network_size((features + 1, *hidden, channels))


def _affordable(widths: tuple[int, ...], profile: str) -> bool:
    most = PROFILES[profile].max_macs
    return most is None or sum(a * b for a, b in pairwise(widths)) <= most


def _roles(
    width: int, height: int, mips: int, levels: tuple[LevelPlan, ...]
) -> npt.NDArray[np.uint8]:
    """A mip reads the levels up to twice its own size, and the coarsest one always.

    Of a level twice its size, a texel reads the mean of four cells; finer ones it would only
    sample. Each level keeps its inputs in all mips.
    """
    first = np.cumsum([0, *(level.features for level in levels[:-1])])
    roles = np.full((mips, len(levels)), spec.NOT_READ, np.uint8)
    for mip in range(mips):
        w, h = spec.mip_size(width, height, mip)
        for i, level in enumerate(levels):
            coarsest = i == len(levels) - 1
            if coarsest or (level.width <= 2 * w + 1 and level.height <= 2 * h + 1):
                roles[mip, i] = first[i]
    return roles
