"""A decode in PyTorch, in floating point: what `ntc bench decode` compares with.

Close to the decoder, not equal: it shows what decoding in a framework costs. Latents are unpacked
beforehand, and the border always clamps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from ntc.decode import reference
from ntc.format import spec
from ntc.format.model import Layer, QuantizedModel

_CHUNK: Final = 16384  # texels: their hidden units stay in the cache, twice as fast as all at once

Pixels = npt.NDArray[np.uint16]


def prepare_decode(model: QuantizedModel, threads: int) -> Callable[[], Pixels]:
    """A function that decodes mip 0 of the model to uint16."""
    read = [
        (int(role), _cells(model, i))
        for i, role in enumerate(model.roles[0])
        if role != spec.NOT_READ
    ]
    last = len(model.layers) - 1
    layers = [_real(layer, i == 0, i == last) for i, layer in enumerate(model.layers)]
    size = (model.height, model.width)
    x = torch.zeros(1, model.inputs, *size)  # kept: fresh memory costs more than the arithmetic

    @torch.inference_mode()
    def decode() -> Pixels:
        torch.set_num_threads(threads)
        for role, cells in read:
            features = functional.interpolate(cells, size, mode="bilinear", align_corners=False)
            x[:, role : role + features.shape[1]] = features
        parts = x[0].flatten(1).T.split(_CHUNK)
        pixels: Pixels = torch.cat([_layers(layers, part) for part in parts]).numpy()
        return pixels.reshape(*size, model.channels)

    return decode


def _layers(layers: list[tuple[Tensor, Tensor]], x: Tensor) -> Tensor:
    for weights, biases in layers[:-1]:
        x = torch.addmm(biases, x, weights).clamp_(-1.0, 127 / 64)
        x = x * (x + 1).clamp_(max=2) / 2
    weights, biases = layers[-1]
    return torch.addmm(biases, x, weights).clamp_(0, spec.OUTPUT_MAX).to(torch.uint16)


def _cells(model: QuantizedModel, index: int) -> Tensor:
    """`[1, features, h, w]` of a level, in input steps."""
    level = model.levels[index]
    y, x = np.indices((level.height, level.width))
    values = reference.latents(level, y, x).astype(np.float32) / spec.LATENT_ONE
    return torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)))[None]


def _real(layer: Layer, first: bool, last: bool) -> tuple[Tensor, Tensor]:
    """Weights `[inputs, outputs]` and biases, shifts applied; hidden units count in ones."""
    one_in = 1 if first else spec.ACTIVATION_KNEE
    one_out = 1 if last else spec.ACTIVATION_KNEE
    scale = np.exp2(-layer.shifts.astype(np.float64)) / one_out
    weights = layer.weights.T * scale * one_in * (spec.OUTPUT_GAIN if last else 1)
    return (
        torch.from_numpy(weights.astype(np.float32)),
        torch.from_numpy((layer.biases * scale).astype(np.float32)),
    )
