"""What bits will buy: how the error of a material falls with them, before anything is fitted.

A transform coder tells: channels are decorrelated, blocks of 8 x 8 texels go through the DCT, are
rounded to several steps, and the entropy of each coefficient is counted. A fit of a material is as
hard as that to within some tens of percent: docs/decisions/0016-rate-control.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Coefficients = npt.NDArray[np.float32]

_SIDE: Final = 8
_MOST_BLOCKS: Final = 1 << 12  # that are looked at
_STEPS: Final = tuple(2.0**-k for k in range(14))  # of coefficients; storage values are 0..1
_DEAD_ZONE: Final = 0.4  # added before rounding down: less than half, as coders have it
_LARGEST: Final = 127  # magnitude of a rounded coefficient that is told apart
_LEAST: Final = 1e-12  # of an error, of bits, of a price


@dataclass(frozen=True)
class Point:
    """A place on the curve of error and bits."""

    error: float  # mean squared, over texels and channels, for a peak of 1
    bits: float  # a texel
    price: float  # error that one more bit a texel takes away


@dataclass(frozen=True)
class Forecast:
    """Error against bits, falling, as arrays; `at_*` read it, and hold at its ends."""

    errors: Floats
    bits: Floats
    prices: Floats

    def at_error(self, error: float) -> Point:
        """The place with this error."""
        return self._at(-self.errors, -error)

    def at_bits(self, bits: float) -> Point:
        """The place with so many bits a texel."""
        return self._at(self.bits, bits)

    def at_price(self, price: float) -> Point:
        """The place where a bit takes away this much."""
        return self._at(-self.prices, -price)

    def _at(self, along: Floats, where: float) -> Point:
        scale = np.sign(along[-1]) * np.log(np.abs(along))
        place = np.sign(where) * np.log(max(abs(where), _LEAST))
        read = (np.interp(place, scale, np.log(values)) for values in self._values())
        return Point(*(float(np.exp(value)) for value in read))

    def _values(self) -> tuple[Floats, Floats, Floats]:
        return self.errors, self.bits, self.prices


def forecast(image: npt.NDArray[np.uint16], channels: Sequence[int] = ()) -> Forecast:
    """The curve of these channels, or all, of an image `[h, w, channels]`, from some blocks."""
    coefficients = transform(image, channels or range(image.shape[2]))
    measured = [coded(coefficients, step) for step in _STEPS]
    errors, bits = (np.maximum(values, _LEAST) for values in np.array(measured).T)
    bits = np.maximum.accumulate(bits + _LEAST * np.arange(len(bits)))
    prices = (errors[:-1] - errors[1:]) / np.maximum(np.diff(bits), _LEAST)
    falling = np.minimum.accumulate(np.maximum(prices, _LEAST))
    return Forecast(np.sqrt(errors[:-1] * errors[1:]), (bits[:-1] + bits[1:]) / 2, falling)


def transform(image: npt.NDArray[np.uint16], channels: Sequence[int]) -> Coefficients:
    """`[blocks, coefficients]` of a sample of an image: orthonormal, so that errors stay."""
    height, width, _ = image.shape
    count = len(channels)
    down, across = -(-height // _SIDE), -(-width // _SIDE)
    rows = max(min(_MOST_BLOCKS // across, down), 1)
    taken = np.unique(np.linspace(0, down - 1, rows).astype(np.int64))
    bands = [image[_SIDE * row : _SIDE * (row + 1)][:, :, channels] for row in taken.tolist()]
    padded = [
        np.pad(band, ((0, _SIDE - len(band)), (0, -width % _SIDE), (0, 0)), "edge")
        for band in bands
    ]
    texels = np.stack(padded).astype(np.float32) / np.float32(65535)
    flat = texels.reshape(-1, count)
    _, axes = np.linalg.eigh(np.cov(flat.T).reshape(count, count))
    blocks = (texels @ axes.astype(np.float32)).reshape(len(padded), _SIDE, across, _SIDE, count)
    basis = _cosines()
    found = np.einsum("ip,jq,ypxqc->yxijc", basis, basis, blocks, optimize=True)
    coefficients: Coefficients = found.reshape(len(padded) * across, -1)
    return coefficients


def coded(coefficients: Coefficients, step: float) -> tuple[float, float]:
    """Mean squared error after rounding to multiples of `step`, and bits a texel."""
    scaled = np.abs(coefficients) / np.float32(step)
    rounded = np.sign(coefficients) * np.floor(scaled + np.float32(_DEAD_ZONE))
    error = np.mean((coefficients - rounded * np.float32(step)) ** 2, dtype=np.float64)
    blocks, columns = coefficients.shape
    symbols = np.clip(rounded, -_LARGEST, _LARGEST).astype(np.int64) + _LARGEST
    alphabet = 2 * _LARGEST + 1
    symbols += alphabet * np.arange(columns)
    counts = np.bincount(symbols.ravel(), minlength=alphabet * columns)
    seen = counts[counts > 0]
    bits = -(seen * np.log2(seen / blocks)).sum()
    return float(error), float(bits) / (blocks * _SIDE**2)


def _cosines() -> Coefficients:
    """`[frequencies, texels]`, the orthonormal DCT-II."""
    k, x = np.arange(_SIDE)[:, None], np.arange(_SIDE)[None, :]
    basis = np.cos(np.pi * (x + 0.5) * k / _SIDE) * np.sqrt(2 / _SIDE)
    basis[0] /= np.sqrt(2)
    cosines: Coefficients = basis.astype(np.float32)
    return cosines
