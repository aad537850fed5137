"""What latents cost in bits, in PyTorch: docs/decisions/0026-predicted-bits.md."""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import pad

from ntc.fit.field import INPUT_ONE
from ntc.fit.rate import LEAST_SCALE, PREDICTED

_LEAST_SCALE: Final = LEAST_SCALE / INPUT_ONE


def rate_gradients(latents: Tensor, price: Tensor | float) -> Tensor:
    """Of the bits of patches `[tiles, rows, columns, features]`, by each latent.

    The part `PREDICTED` of them are as a Laplace distribution would code the residuals of the
    predictor of docs/format.md, 14.4, the others as one would code the latents around 0:
    `slope / (scale ln 2)`. Scales are the mean magnitude of residuals over the patch, and of the
    adjacent latents; a slope is linear within a step of an int8 input of 0, so that latents come to
    rest there.
    """
    bit = price / math.log(2)
    residuals, left, upper, corner = _residuals(latents)
    scales = residuals.abs().mean((1, 2), keepdim=True) + _LEAST_SCALE
    change = bit * PREDICTED * _slope(residuals) / scales
    gradients = bit * (1 - PREDICTED) * _slope(latents) / (_adjacent(latents.abs()) + _LEAST_SCALE)
    gradients += change
    gradients[:, :, :-1] -= (change * left)[:, :, 1:]
    gradients[:, :-1] -= (change * upper)[:, 1:]
    gradients[:, :-1, :-1] += (change * corner)[:, 1:, 1:]
    return gradients


def _residuals(latents: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """How far latents are from the prediction, and whether it follows the neighbours.

    Those are the left one, the upper one and, with a minus, the one between. On the edges of a
    patch the only neighbour is the prediction.
    """
    padded = pad(latents, (0, 0, 1, 0, 1, 0))
    left, upper, corner = padded[:, 1:, :-1], padded[:, :-1, 1:], padded[:, :-1, :-1]
    plane, low, high = left + upper - corner, torch.minimum(left, upper), torch.maximum(left, upper)
    outside = (plane < low) | (plane > high)
    by_upper = (plane > high) ^ (left > upper)
    follows_left, follows_upper = ~outside | ~by_upper, ~outside | by_upper
    predicted = plane.clamp(low, high)
    predicted[:, 0], predicted[:, :, 0] = left[:, 0], upper[:, :, 0]
    follows_left[:, 0], follows_upper[:, :, 0] = True, True
    return latents - predicted, follows_left, follows_upper, ~outside


def _adjacent(values: Tensor) -> Tensor:
    """Mean of the values right and left, above and below, as many as there are."""
    around = pad(torch.stack([values, torch.ones_like(values)]), (0, 0, 1, 1, 1, 1))
    across = around[:, :, 1:-1, 2:] + around[:, :, 1:-1, :-2]
    total, count = across + around[:, :, 2:, 1:-1] + around[:, :, :-2, 1:-1]
    return total / count


def _slope(values: Tensor) -> Tensor:
    return (values * INPUT_ONE).clamp(-1, 1)
