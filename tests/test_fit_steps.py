"""Steps of latents and of a decoder in the torch backend, which the core follows."""

import numpy as np
import pytest
import torch

from ntc.fit.backends.torch_steps import DecoderSteps, Latents, orthogonal
from ntc.fit.presets import Recipe

LATENT_LOW = -127 / 128


class Adam:
    """Kingma and Ba, algorithm 1, with the latents' range."""

    def __init__(self, values: np.ndarray, high: float) -> None:
        self.values, self.high = values.astype(np.float64), high
        self.mean, self.square, self.time = np.zeros(values.shape), np.zeros(values.shape), 0

    def step(
        self,
        gradient: np.ndarray,
        rate: float,
        beta: tuple[float, float],
        floor: np.ndarray | float = 0.0,
    ) -> None:
        self.time += 1
        self.mean = beta[0] * self.mean + (1 - beta[0]) * gradient
        self.square = beta[1] * self.square + (1 - beta[1]) * gradient.astype(np.float64) ** 2
        mean = self.mean / (1 - beta[0] ** self.time)
        square = self.square / (1 - beta[1] ** self.time)
        moved = self.values - rate * mean / (np.sqrt(square) + floor + 1e-15)
        self.values = np.clip(moved, LATENT_LOW, self.high)


def test_lazy_adam_is_adam_of_each_cell(rng: np.random.Generator) -> None:
    cells, features, rate, high = 6, 2, 0.05, 0.25
    recipe = Recipe(latent_moments=(0.9, 0.99), latent_floor=0.2)
    start = rng.uniform(-0.2, 0.2, (cells, features)).astype(np.float32)
    latents = Latents(torch.from_numpy(start.copy()), LATENT_LOW, high, 0.1)
    expected, squares = [Adam(values, high) for values in start], np.zeros(features)
    for _ in range(12):
        touched = rng.integers(0, cells - 1, 7)  # with repeats, and never the last cell
        gradients = rng.normal(-5e-5, 1e-4, (7, features)).astype(np.float32)
        latents.update(torch.from_numpy(touched), torch.from_numpy(gradients), rate, recipe)
        floor = 0.2 * np.sqrt(squares)
        sums = {cell: gradients[touched == cell].sum(0) for cell in set(touched.tolist())}
        for cell, gradient in sums.items():
            expected[cell].step(gradient, rate, recipe.latent_moments, floor)
        squares = 0.99 * squares + 0.01 * np.mean(np.square(list(sums.values())), 0)
    found = latents.values.numpy()
    np.testing.assert_allclose(found, [adam.values for adam in expected], atol=2e-5)
    np.testing.assert_array_equal(found[-1], start[-1])
    assert (found == high).any(), "no cell has come to the end of its range"
    assert [int(n) for n in latents.visits] == [adam.time for adam in expected]


@pytest.mark.parametrize("shape", [(24, 40), (40, 24), (16, 16)])
def test_an_orthogonal_step_keeps_singular_vectors(
    shape: tuple[int, int], rng: np.random.Generator
) -> None:
    matrix = rng.normal(0, 1e-6, shape)
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    found = orthogonal(torch.from_numpy(matrix)).numpy()
    turned = left.T @ found @ right.T
    np.testing.assert_allclose(turned, np.diag(np.diag(turned)), atol=1e-9)
    large = np.diag(turned)[values > 0.05 * values[0]]
    assert large.min() > 0.65
    assert large.max() < 1.25


def test_hidden_layers_take_orthogonal_steps(rng: np.random.Generator) -> None:
    """Nesterov's momentum, one step ahead; the last layer and all biases take Adam's steps."""
    recipe, rate = Recipe(decoder_decay=0.2), 0.01
    shapes = [(8, 5), (3, 8)]
    weights = [torch.from_numpy(rng.normal(0, 0.1, shape)) for shape in shapes]
    biases = [torch.zeros(8, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)]
    expected, mean, beta = weights[0].clone(), np.zeros((8, 5)), recipe.decoder_moments[0]
    steps = DecoderSteps(weights, biases, recipe)
    last, bias = weights[1].numpy().ravel().copy(), np.zeros(8)
    adams = Adam(last, np.inf), Adam(bias, np.inf)
    for _ in range(4):
        for values in (*weights, *biases):
            values.grad = torch.from_numpy(rng.normal(0, 1e-4, tuple(values.shape)))
        mean = beta * mean + (1 - beta) * weights[0].grad.numpy()
        ahead = beta * mean + (1 - beta) * weights[0].grad.numpy()
        moved = recipe.hidden_step * 8**0.5 * orthogonal(torch.from_numpy(ahead))
        expected = (1 - rate * recipe.decoder_decay) * expected - rate * moved
        adams[0].values *= 1 - rate * recipe.decoder_decay
        adams[0].step(weights[1].grad.numpy().ravel(), rate, recipe.decoder_moments)
        adams[1].step(biases[0].grad.numpy(), rate, recipe.decoder_moments)
        steps.step(rate)
    np.testing.assert_allclose(weights[0], expected, atol=1e-12)
    np.testing.assert_allclose(weights[1].numpy().ravel(), adams[0].values, atol=1e-9)
    np.testing.assert_allclose(biases[0], adams[1].values, atol=1e-9)
