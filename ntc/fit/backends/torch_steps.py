"""Steps of latents and of a decoder in torch: docs/decisions/0024-steps.md."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import torch
from torch import Tensor

from ntc.fit.presets import Recipe

_EPSILON: Final = 1e-15  # gradients are about 1e-8: a larger one would stall them
_FLOOR_DECAY: Final = 0.99  # a step, of the mean square of a feature's gradients
# Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024.
_QUINTIC: Final = (3.4445, -4.775, 2.0315)
_ITERATIONS: Final = 5


@dataclass(slots=True)
class Latents:
    """A level's stored cells `[cells, features]` with their Adam moments.

    `visits` counts the updates of each cell, `squares` is a mean over all gradients of a feature.
    Codes lie `step` apart, from `low` to `high`; the latents of a cell stay between its `bounds`
    `[2, cells, 1]`.
    """

    values: Tensor
    low: float
    high: float
    step: float
    mean: Tensor = field(init=False)
    square: Tensor = field(init=False)
    visits: Tensor = field(init=False)
    squares: Tensor = field(init=False)
    bounds: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.mean, self.square = torch.zeros_like(self.values), torch.zeros_like(self.values)
        self.visits = torch.zeros(len(self.values), 1)
        self.squares = torch.zeros(self.values.shape[1])
        self.bounds = torch.tensor([self.low, self.high])[:, None, None]
        self.bounds = self.bounds.expand(2, len(self.values), 1)

    def update(self, cells: Tensor, gradients: Tensor, rate: float, recipe: Recipe) -> None:
        """Lazy Adam: one step for the cells named, which may repeat, and no other."""
        beta = recipe.latent_moments
        touched, place = torch.unique(cells, return_inverse=True)
        sums = torch.zeros(len(touched), gradients.shape[1]).index_add_(0, place, gradients)
        visits = self.visits[touched] + 1
        mean = torch.lerp(sums, self.mean[touched], beta[0])
        square = torch.lerp(sums * sums, self.square[touched], beta[1])
        self.visits[touched], self.mean[touched], self.square[touched] = visits, mean, square
        # Bias correction by visits, Kingma and Ba, "Adam", algorithm 1, with a cell's own time.
        floor = recipe.latent_floor * self.squares.sqrt() + _EPSILON
        direction = (mean / (1 - beta[0] ** visits)) / (
            (square / (1 - beta[1] ** visits)).sqrt() + floor
        )
        moved = self.values[touched] - rate * direction
        self.values[touched] = moved.clamp(*self.bounds[:, touched])
        self.squares = torch.lerp((sums * sums).mean(0), self.squares, _FLOOR_DECAY)


class DecoderSteps:
    """Adam, but orthogonal steps for the weights of hidden layers, if the recipe has them."""

    def __init__(self, weights: Sequence[Tensor], biases: Sequence[Tensor], recipe: Recipe) -> None:
        self.recipe = recipe
        self.hidden = list(weights[:-1]) if recipe.hidden_step else []
        self.means = [torch.zeros_like(values) for values in self.hidden]
        groups = [
            {"params": list(weights[len(self.hidden) :]), "weight_decay": recipe.decoder_decay},
            {"params": list(biases)},
        ]
        self.adam = torch.optim.AdamW(
            groups, betas=recipe.decoder_moments, eps=_EPSILON, weight_decay=0.0
        )

    def zero_grad(self) -> None:
        """No parameter has a gradient."""
        for values in self.hidden:
            values.grad = None
        self.adam.zero_grad()

    def step(self, rate: float) -> None:
        """One step along the gradients that the parameters have."""
        for group in self.adam.param_groups:
            group["lr"] = rate
        self.adam.step()
        with torch.no_grad():
            for values, mean in zip(self.hidden, self.means, strict=True):
                self._step_hidden(values, mean, rate)

    def _step_hidden(self, values: Tensor, mean: Tensor, rate: float) -> None:
        assert values.grad is not None
        beta = self.recipe.decoder_moments[0]
        mean.lerp_(values.grad, 1 - beta)
        ahead = torch.lerp(values.grad, mean, beta)
        length = rate * self.recipe.hidden_step * math.sqrt(max(values.shape))
        values.mul_(1 - rate * self.recipe.decoder_decay).sub_(length * orthogonal(ahead))


def orthogonal(matrix: Tensor) -> Tensor:
    """The matrix with all of its singular values, unless they are tiny, brought to 0.7 .. 1.2."""
    a, b, c = _QUINTIC
    x = matrix / (matrix.norm() + 1e-20)
    for _ in range(_ITERATIONS):
        square = x @ x.t()
        x = a * x + (b * square + c * square @ square) @ x
    return x
