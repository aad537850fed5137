"""One budget for a whole library: bytes, or squared error, go where they buy most.

Each material has a curve of error against bits, forecast before any fit. The least error for a
sum of bytes, and the fewest bytes for a sum of errors, are where one more bit takes the same error
away in every material: one price for all, found by bisection.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import BaseModel, ConfigDict

from ntc.control.forecast import Forecast, Point, forecast
from ntc.control.targets import decibels, ratio
from ntc.errors import UsageError
from ntc.planning import UNKNOWN_BPP, file_bounds, find_room
from ntc.settings import Settings
from ntc.texture import Listing, load_material

_PSNR_RANGE: Final = 5.0, 100.0  # dB that a material may be asked for
_ROUNDS: Final = 40  # of bisection
_BEYOND: Final = 25.0  # times the highest price, as a logarithm: nothing is bought there


class Curve(BaseModel):
    """What bits will buy in one material. Small: it is sent, and kept, in the place of images."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    texels: int  # of mip 0
    channels: int  # that vary; 0: nothing to spend on
    overhead_bytes: int  # of a file with a full decoder, without latents
    least_bytes: int  # of the smallest file
    errors: tuple[float, ...] = ()  # those of a `Forecast`, if channels vary
    bits: tuple[float, ...] = ()
    prices: tuple[float, ...] = ()

    @property
    def weight(self) -> int:
        """Samples of mip 0: how much its mean squared error counts."""
        return self.texels * self.channels

    @cached_property
    def _known(self) -> Forecast:
        return Forecast(np.array(self.errors), np.array(self.bits), np.array(self.prices))

    def at_price(self, price: float) -> Point:
        """Where a bit of the file takes away `price` of the sum of squared errors."""
        price /= self.channels  # of the curve: for a bit a texel, of the mean over channels
        if price > self.prices[0]:  # where it does not reach bits have to end, too
            return Point(self.errors[0], self.bits[0] * self.prices[0] / price, price)
        point = self._known.at_price(price)
        return point if point.bits <= UNKNOWN_BPP else self._known.at_bits(UNKNOWN_BPP)

    def size(self, bits: float) -> float:
        """Bytes of a file whose latents take so many bits a texel.

        Small files have small decoders: they are narrowed until half of the bytes are latents'.
        """
        latents = bits * self.texels / 8
        narrowed = self.least_bytes + 2 * latents
        return max(min(narrowed, self.overhead_bytes + latents), self.least_bytes)


def curve_of(path: str | Path | Listing, settings: Settings) -> Curve:
    """The curve of a material, whose images are read. Raises as `ntc.compress` does."""
    settings = replace(settings, bpp=None, quality=None, match="", target_psnr=None, floors={})
    settings = replace(settings, max_size=1)  # any: files are then planned by their size
    room = find_room(path, settings, (), ())[0]
    with room:
        textures = load_material(path, room=room)
        height, width, channels = textures.channels.shape
        most, least = file_bounds((width, height, channels), settings)
        curve = Curve(
            texels=width * height, channels=channels, overhead_bytes=most, least_bytes=least
        )
        if not channels:
            return curve
        found = forecast(textures.channels)
    arrays = {"errors": found.errors, "bits": found.bits, "prices": found.prices}
    return curve.model_copy(update={name: tuple(a.tolist()) for name, a in arrays.items()})


def share_size(curves: Sequence[Curve], total: int) -> list[int]:
    """Bytes for each file, together at most `total`: what `max_size` is to be.

    Less than `total` where all materials have as many bits as they may. Raises UsageError if the
    smallest files together are larger.
    """
    least = [curve.least_bytes for curve in curves]
    if total < sum(least):
        raise UsageError(
            f"--total-size {total}: the smallest files of {len(curves)} materials take "
            f"{sum(least)}; allow that, use --profile light, or compress fewer"
        )

    def sizes(price: float) -> list[float]:
        return [c.size(c.at_price(price).bits) if c.channels else c.least_bytes for c in curves]

    shares = _meet(curves, sizes, total)
    return [int(share) for share in shares]


def share_error(curves: Sequence[Curve], psnr: float) -> list[float]:
    """dB for each material, so that all texels of all channels together have `psnr`.

    What `target_psnr` is to be. It is lower where no number of bits would do.
    """

    def errors(price: float) -> list[float]:
        return [c.weight * c.at_price(price).error if c.channels else 0.0 for c in curves]

    allowed = ratio(-psnr) * sum(curve.weight for curve in curves)
    shares = _meet(curves, errors, allowed)
    means = (share / c.weight if c.weight else 0 for share, c in zip(shares, curves, strict=True))
    return [_rounded_up(decibels(1 / mean)) if mean else psnr for mean in means]


def _rounded_up(psnr: float) -> float:
    least, most = _PSNR_RANGE
    return min(max(math.ceil(100 * psnr) / 100, least), most)


def _meet(
    curves: Sequence[Curve], values: Callable[[float], list[float]], total: float
) -> list[float]:
    """The values whose sum comes closest to `total` from below, at one price for all.

    Where no price is that close, because several places of a curve have the same, those on both
    sides of the step are mixed.
    """
    prices = [curve.channels * price for curve in curves for price in curve.prices]
    if not prices:
        return values(1.0)
    ends = [math.log(min(prices)) - 1, math.log(max(prices)) + _BEYOND]
    inside, outside = (values(math.exp(end)) for end in ends)
    if sum(inside) > sum(outside):
        ends.reverse()
        inside, outside = outside, inside
    if sum(outside) <= total:
        return outside
    if sum(inside) >= total:
        return inside
    for _ in range(_ROUNDS):
        middle = sum(ends) / 2
        found = values(math.exp(middle))
        if sum(found) <= total:
            ends[0], inside = middle, found
        else:
            ends[1], outside = middle, found
    part = (total - sum(inside)) / (sum(outside) - sum(inside))
    return [a + part * (b - a) for a, b in zip(inside, outside, strict=True)]
