"""PSNR that a material has to reach, and the weights and the price of a bit that lead there.

Minimising bits under a bound of each map's error is minimising `sum of weight * error + price *
bits`: each bound has a weight over the price of its own. They are kept in dB here, like the PSNR.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ntc.format.metadata import MapRecord, Quality

WHOLE: Final = ""  # what stands for all maps together among names of maps: those are not empty

Demands = Mapping[str, float]  # least PSNR in dB, by name of a map or WHOLE
Worths = Mapping[str, float]  # dB by which error weighs more than bits, for each demand


@dataclass(frozen=True)
class Terms:
    """What a fit minimises: error with these weights of maps, and bits at this price."""

    price: float
    weights: Mapping[str, float]  # those above 1, by name of a map


def terms(worths: Worths) -> Terms:
    """The terms where each demand weighs as much, and everything else as little as it may.

    Where all maps together have no demand, those without one weigh as the least demanding.
    """
    least = worths.get(WHOLE, min(worths.values()))
    raised = {
        name: ratio(worth - least)
        for name, worth in worths.items()
        if name != WHOLE and worth > least
    }
    return Terms(ratio(-least), raised)


def in_force(worths: Worths) -> dict[str, float]:
    """The same, with what a demand really weighs: as much as the whole at least."""
    least = worths.get(WHOLE, min(worths.values()))
    return {name: max(worth, least) for name, worth in worths.items()}


def gaps(demands: Demands, quality: Quality) -> dict[str, float]:
    """By how many dB each demand is exceeded; infinite where there is no error."""
    found = {name: quality.psnr if name == WHOLE else quality.maps[name] for name in demands}
    return {
        name: math.inf if psnr is None else psnr - demands[name] for name, psnr in found.items()
    }


def outputs_of(records: Sequence[MapRecord], name: str) -> list[int]:
    """Channels of a map, or of all."""
    return sorted(
        {
            channel.output
            for record in records
            if name in (WHOLE, record.name)
            for channel in record.channels
            if channel.output is not None
        }
    )


def ratio(decibels: float) -> float:
    """The power ratio of so many dB."""
    return float(10 ** (decibels / 10))


def decibels(power_ratio: float) -> float:
    """The dB of a power ratio."""
    return 10 * math.log10(power_ratio)
