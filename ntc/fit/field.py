"""`Field`: a fitted model in floating point, and its exact conversion to integers.

Units are chosen so that every factor between a real number and its integer is a power of two:
then float32 arithmetic on rounded values gives the very integers of the decoder.

    inputs      1/128   latents in +-127/128, lod
    hidden      1/64    activations
    outputs     1/65536 storage values
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ntc.fit.encodings import LevelPlan
from ntc.fit.plan import TILE_LOG2, Plan
from ntc.fit.widths import pack_narrow
from ntc.format import spec
from ntc.format.model import Layer, Level, QuantizedModel, pack_level, tile_grid

Floats = npt.NDArray[np.float32]

INPUT_ONE: Final = 128
HIDDEN_ONE: Final = 64
OUTPUT_ONE: Final = 65536

_LATENT_UNIT: Final = spec.LATENT_ONE * INPUT_ONE


@dataclass(frozen=True, slots=True)
class Codes:
    """The latents that a level's codes stand for, in 1/128 of an input step, as files have them."""

    lowest: int  # latent of code 0
    scale: int
    count: int

    @property
    def low(self) -> float:
        """The latent of code 0."""
        return self.lowest / _LATENT_UNIT

    @property
    def step(self) -> float:
        """Distance between the latents of neighbouring codes."""
        return self.scale / _LATENT_UNIT

    @property
    def high(self) -> float:
        """The latent of the highest code."""
        return (self.lowest + (self.count - 1) * self.scale) / _LATENT_UNIT


def codes_of(level: LevelPlan) -> Codes:
    """Codes over the whole range of latents; if they are centred, less one step at its low end."""
    count = 1 << level.code_width
    if level.centred:
        scale = 2 * spec.LATENT_LIMIT // count
        return Codes((1 - count // 2) * scale, scale, count)
    return Codes(-spec.LATENT_LIMIT, 2 * spec.LATENT_LIMIT // (count - 1), count)


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """Latents and decoder as real numbers; `quantize` makes the model of them."""

    latents: tuple[Floats, ...]  # per level [h, w, features] of the stored grid
    weights: tuple[Floats, ...]  # per layer [outputs, inputs]
    biases: tuple[Floats, ...]  # per layer [outputs]


def row_exponents(weights: Floats) -> npt.NDArray[np.int64]:
    """`[rows]` largest e with `round(weights * 2**e)` within int8, so that a row uses its range."""
    largest = np.abs(weights).max(axis=1, initial=0.0)
    exponents: npt.NDArray[np.float32] = np.floor(
        np.log2(spec.WEIGHT_MAX / np.maximum(largest, 1e-4))
    )
    # 2 keeps every shift at 0 or above; 15 keeps sums with their bias exact in float32.
    return np.clip(exponents, 2, 15).astype(np.int64)


def quantize(field: Field, plan: Plan) -> QuantizedModel:
    """The integer model whose decoder computes what the fit simulated."""
    return model_of(field, plan, map(quantize_level, field.latents, plan.levels))


def model_of(field: Field, plan: Plan, levels: Iterable[Level]) -> QuantizedModel:
    """The integer model of the decoder of this field, and of these levels."""
    last = len(field.weights) - 1
    layers = tuple(
        _quantize_layer(weights, biases, i == 0, i == last)
        for i, (weights, biases) in enumerate(zip(field.weights, field.biases, strict=True))
    )
    size, all_levels = (plan.width, plan.height), tuple(levels)
    return QuantizedModel(*size, plan.mips, plan.wrap, all_levels, plan.roles, layers)


def quantize_level(latents: Floats, plan: LevelPlan) -> Level:
    """The level of the codes nearest to these latents."""
    return level_of(nearest_codes(latents, plan), plan)


def level_of(codes: npt.NDArray[np.uint8], plan: LevelPlan) -> Level:
    """Codes of one width everywhere, or, if they are centred, as narrow as each tile's may be."""
    if plan.centred:
        return pack_narrow(codes, plan, codes_of(plan).lowest, codes_of(plan).scale)
    return uniform_level(codes, plan)


def uniform_level(codes: npt.NDArray[np.uint8], plan: LevelPlan) -> Level:
    """Codes of one width everywhere."""
    height, width, _ = codes.shape
    grid = tile_grid(width, height, TILE_LOG2)
    return pack_level(
        codes,
        np.full(grid, plan.code_width, np.uint8),
        np.full(grid, codes_of(plan).lowest, np.int16),
        np.full(grid, codes_of(plan).scale, np.uint16),
        TILE_LOG2,
        (plan.width, plan.height),
        plan.layout,
    )


def nearest_codes(latents: Floats, level: LevelPlan) -> npt.NDArray[np.uint8]:
    """The code nearest to each of these latents of a level, of any shape."""
    codes = codes_of(level)
    nearest = np.rint((latents - np.float32(codes.low)) / np.float32(codes.step))
    clipped: npt.NDArray[np.uint8] = np.clip(nearest, 0, codes.count - 1).astype(np.uint8)
    return clipped


def _quantize_layer(weights: Floats, biases: Floats, first: bool, last: bool) -> Layer:
    """Integers of `(bias + gain * weights @ x) >> shift`, rounding included in the bias."""
    exponents = row_exponents(weights)
    integers = np.rint(np.ldexp(weights, exponents[:, None]))
    integers = np.clip(integers, -spec.WEIGHT_MAX, spec.WEIGHT_MAX).astype(np.int8)
    one_in = INPUT_ONE if first else HIDDEN_ONE
    one_out, gain = (OUTPUT_ONE, spec.OUTPUT_GAIN) if last else (HIDDEN_ONE, 1)
    # weights @ x counts in 2**-exponent / one_in; results count in 1 / one_out.
    shifts = exponents + (one_in * gain).bit_length() - one_out.bit_length()
    scaled = gain * np.rint(np.ldexp(biases.astype(np.float64) * one_in, exponents))
    rounded = np.clip(scaled + ((1 << shifts) >> 1), -spec.BIAS_MAX, spec.BIAS_MAX)
    return Layer(integers, rounded.astype(np.int32), shifts.astype(np.uint8))
