"""What the torch twin counts as an error: docs/decisions/0018-losses.md."""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor

_ACROSS: Final = 1.5  # weight of the part of a normal's error that turns it
_LEAST_SQUARE: Final = 1 / 16  # of the length of a normal that points somewhere


def output_errors(outputs: Tensor, target: Tensor, margins: Tensor) -> Tensor:
    """How far outputs are from their targets `[samples, channels]`.

    The decoder clamps: beyond 0 there is no error where 0 is right, and none beyond 1. `margins`
    `[channels]` ask for some of it there.
    """
    black, white = target == 0, target >= 1
    error = outputs - target + margins * (black.float() - white.float())
    error = torch.where(black, error.clamp(min=0), error)
    return torch.where(white, error.clamp(max=0), error)


def turning_errors(
    errors: Tensor, target: Tensor, normals: tuple[tuple[int, int, int], ...]
) -> Tensor:
    """Errors `[samples, channels]`, those of these normals as far as they turn them."""
    for normal in map(list, normals):
        turned = errors.clone()
        turned[:, normal] = angle_errors(errors[:, normal], 2 * target[:, normal] - 1)
        errors = turned
    return errors


def angle_errors(errors: Tensor, normals: Tensor) -> Tensor:
    """Errors of normals `[samples, 3]` whose squares count angles.

    What turns a normal is the part of its error across it; the part along it counts where it makes
    the normal shorter, which would let it turn further. Errors that point anywhere have two thirds
    of their square across: three halves make up for it. Very short normals point nowhere.
    """
    square = normals.square().sum(1, keepdim=True)
    product = (errors * normals).sum(1, keepdim=True)
    along = product / square.clamp(min=_LEAST_SQUARE) * normals
    turned = math.sqrt(_ACROSS) * (errors - along) + along * (product < 0)
    return torch.where(square < _LEAST_SQUARE, errors, turned)
