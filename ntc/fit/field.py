"""`Field`: a fitted model in floating point, and its exact conversion to integers.

Units are chosen so that every factor between a real number and its integer is a power of two:
then float32 arithmetic on rounded values gives the very integers of the decoder.

    inputs      1/128   latents in +-127/128, lod
    hidden      1/64    activations
    outputs     1/65536 storage values
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ntc.fit.encodings import LevelPlan
from ntc.fit.plan import TILE_LOG2, Plan
from ntc.format import spec
from ntc.format.model import Layer, Level, QuantizedModel, pack_level, tile_grid

Floats = npt.NDArray[np.float32]

INPUT_ONE: Final = 128
HIDDEN_ONE: Final = 64
OUTPUT_ONE: Final = 65536

_LATENT_UNIT: Final = spec.LATENT_ONE * INPUT_ONE
LATENT_LOW: Final = -spec.LATENT_LIMIT / _LATENT_UNIT


def latent_scale(code_width: int) -> int:
    """The scale with which codes of this width span the whole range of latents."""
    return 2 * spec.LATENT_LIMIT // ((1 << code_width) - 1)


def latent_step(code_width: int) -> float:
    """Distance between the latents of neighbouring codes."""
    return latent_scale(code_width) / _LATENT_UNIT


def latent_high(code_width: int) -> float:
    """The latent of the highest code; that of code 0 is `LATENT_LOW`."""
    return LATENT_LOW + ((1 << code_width) - 1) * latent_step(code_width)


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
    last = len(field.weights) - 1
    layers = tuple(
        _quantize_layer(weights, biases, i == 0, i == last)
        for i, (weights, biases) in enumerate(zip(field.weights, field.biases, strict=True))
    )
    levels = tuple(map(quantize_level, field.latents, plan.levels))
    return QuantizedModel(plan.width, plan.height, plan.mips, plan.wrap, levels, plan.roles, layers)


def quantize_level(latents: Floats, plan: LevelPlan) -> Level:
    """Codes of one width everywhere, over the whole latent range."""
    height, width, _ = latents.shape
    codes = np.rint((latents - LATENT_LOW) / latent_step(plan.code_width))
    codes = np.clip(codes, 0, (1 << plan.code_width) - 1).astype(np.uint8)
    grid = tile_grid(width, height, TILE_LOG2)
    return pack_level(
        codes,
        np.full(grid, plan.code_width, np.uint8),
        np.full(grid, -spec.LATENT_LIMIT, np.int16),
        np.full(grid, latent_scale(plan.code_width), np.uint16),
        TILE_LOG2,
        (plan.width, plan.height),
        plan.layout,
    )


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
