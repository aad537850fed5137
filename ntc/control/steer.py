"""From settings to fits: which target there is, where its first fit begins, what is said after."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ntc.control.block_textures import block_psnr
from ntc.control.forecast import forecast
from ntc.control.rounds import (
    CLOSE,
    Outcome,
    Run,
    Trial,
    reach_quality,
    reach_size,
)
from ntc.control.targets import WHOLE, decibels, gaps, outputs_of, ratio, terms
from ntc.errors import UsageError
from ntc.format.metadata import MapRecord
from ntc.planning import LEAST_BPP, UNKNOWN_BPP, bpp_of
from ntc.settings import Settings

# The first fit aims higher by so many dB: what is too good is mended by a short fit. Where many
# bits are needed, a fit falls behind the forecast, and where few are, it does better.
_FIRST_AIM: Final = 0.35
_USUAL_BITS, _BEHIND = 6.3, 0.4  # a texel, and the power of them that a price falls with
_WORST_PRICE_LOG2: Final = -5  # squared error over all channels that quality 0 asks of a bit
_QUALITY_STEP: Final = 10  # that halves it


@dataclass(frozen=True, eq=False)
class Subject:
    """What is known of a material before the first fit."""

    name: str
    maps: tuple[MapRecord, ...]
    image: npt.NDArray[np.uint16]  # [h, w, channels], mip 0
    overhead: float  # bits a texel of a file that latents do not take
    ease: Callable[[], None]

    @property
    def texels(self) -> int:
        """Of mip 0."""
        height, width, _ = self.image.shape
        return int(height * width)

    def named(self, values: Mapping[str, float], option: str) -> dict[str, float]:
        """`values` by names of maps, which they may call by name or semantic.

        Raises UsageError for one that there is not.
        """
        found: dict[str, float] = {}
        for key, value in values.items():
            called = [
                r.name for r in self.maps if key.lower() in (r.name.lower(), r.semantic.value)
            ]
            if not called:
                names = ", ".join(f"{r.name} ({r.semantic.value})" for r in self.maps)
                raise UsageError(f"{self.name}: {option} {key}: no such map; there are {names}")
            found |= dict.fromkeys(called, value)
        return found


def steer(
    run: Run, subject: Subject, settings: Settings, on_warning: Callable[[str], None]
) -> Outcome:
    """The fit that comes closest to the target of the settings; `on_warning` hears if it misses.

    Raises UsageError for maps that do not exist, and for a size that no fit comes down to.
    """
    floors = subject.named(settings.floors, "target-psnr")
    if settings.max_size:
        return _sized(run, subject, settings.max_size, bpp_of(settings, subject.texels))
    if settings.quality is not None:
        return run(_priced(subject, quality_price(settings.quality, subject)))
    demands = dict(floors)
    if settings.target_psnr is not None:
        demands[WHOLE] = settings.target_psnr
    if settings.match and (psnr := block_psnr(subject.image, subject.maps, subject.ease)):
        demands[WHOLE] = psnr
    if demands:
        return _good(run, subject, demands, on_warning)
    return run(_rated(subject, settings.rate, settings.fits_to_file))


def quality_price(quality: float, subject: Subject) -> float:
    """The mean squared error that a bit a texel has to take away at a quality of 0 to 100.

    The same over all channels together for every material, so that equal quality spends the bits
    of a library where they help most.
    """
    channels: int = subject.image.shape[2]
    return float(2.0 ** (_WORST_PRICE_LOG2 - quality / _QUALITY_STEP)) / channels


def _rated(subject: Subject, bpp: float, priced: bool) -> Trial:
    if not priced:
        return Trial(bpp)
    left = max(bpp - subject.overhead, LEAST_BPP)
    return Trial(bpp, forecast(subject.image).at_bits(left).price)


def _priced(subject: Subject, price: float, weights: Mapping[str, float] | None = None) -> Trial:
    bpp = forecast(subject.image).at_price(price).bits + subject.overhead
    bpp = min(max(bpp, LEAST_BPP), UNKNOWN_BPP)
    return Trial(bpp, price, steered=False, weights=weights or {})


def _sized(run: Run, subject: Subject, most: int, bpp: float) -> Outcome:
    outcome, smallest = reach_size(most, _rated(subject, bpp, True), run)
    if outcome is None:
        raise UsageError(
            f"{subject.name}: max-size {most} bytes: the smallest file came to {smallest}; allow "
            "that, use --profile light, or leave maps out with --exclude"
        )
    return outcome


def _good(
    run: Run, subject: Subject, demands: dict[str, float], on_warning: Callable[[str], None]
) -> Outcome:
    channels = subject.image.shape[2]
    worths = {}
    for name, psnr in demands.items():
        outputs = outputs_of(subject.maps, name)
        if outputs:
            curve = forecast(subject.image, outputs)
            point = curve.at_error(ratio(-psnr - _FIRST_AIM))
            share = len(outputs) / channels
            behind = (point.bits / share / _USUAL_BITS) ** _BEHIND
            worths[name] = decibels(behind / (point.price * share))
    if not worths:  # maps of constants alone are exact
        return run(_rated(subject, LEAST_BPP, True))
    demands = {name: demands[name] for name in worths}
    asked = terms(worths)
    first = _priced(subject, asked.price, asked.weights)
    outcome = reach_quality(demands, worths, first, run)
    missed = gaps(demands, outcome.material.file.metadata.quality)
    for name, gap in missed.items():
        if gap < -CLOSE or min(missed.values()) > 2 * CLOSE:
            on_warning(_missed(name, demands[name], gap))
            break
    return outcome


def _missed(name: str, asked: float, gap: float) -> str:
    where = f" of {name}" if name else ""
    more = "more texels (--effort) or --profile quality may" if gap < 0 else "fewer bits did not"
    return f"{asked:.2f} dB{where} was asked for, {asked + gap:.2f} dB reached: {more} come closer"
