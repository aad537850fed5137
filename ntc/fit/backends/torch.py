"""The fit in PyTorch: the readable twin of the native backend.

One step draws 8x8 tiles, gathers the latents they touch, and runs the decoder on rounded values
with straight-through gradients, so that the loss is the one of the integer decoder. Adam runs,
lazily, on the touched latents alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ntc.fit.backends.torch_loss import output_errors, turning_errors
from ntc.fit.backends.torch_rate import rate_gradients
from ntc.fit.backends.torch_steps import DecoderSteps, Latents
from ntc.fit.drawing import TileDraw
from ntc.fit.field import (
    HIDDEN_ONE,
    INPUT_ONE,
    OUTPUT_ONE,
    Field,
    Floats,
    codes_of,
    row_exponents,
)
from ntc.fit.problem import Problem
from ntc.fit.rate import prices
from ntc.fit.sampling import (
    LOD_STEPS,
    PHASES,
    TILE,
    Doubles,
    Taps,
    Tiles,
    image_taps,
    level_taps,
    mip_shares,
    patch_cells,
    patch_texels,
    patch_weights,
    tiles_at,
)
from ntc.fit.start import latent_bands, start
from ntc.format import spec
from ntc.format.layout import SKIPPED


@dataclass(frozen=True, slots=True)
class _Patch:
    """The latents of one level that a batch of tiles reads, as a leaf of the graph."""

    level: int
    cells: Tensor  # [tiles * span_y * span_x] stored cells, or SKIPPED
    values: Tensor  # [tiles * span_y * span_x, features], with noise
    latents: Tensor  # [tiles, span_y, span_x, features], without
    weights: Tensor  # [tiles] of their errors and bits


class Fit:
    """Parameters and images of one fit: a `ntc.fit.loop.Stepper`."""

    def __init__(self, problem: Problem) -> None:
        torch.set_num_threads(problem.threads)
        self.plan = problem.plan
        self.recipe = problem.recipe
        self.random = np.random.default_rng(problem.seed)
        self.noise = torch.Generator().manual_seed(problem.seed)
        self.noise_width = 1.0
        self.mips = [torch.from_numpy(mip / np.float32(spec.OUTPUT_MAX)) for mip in problem.mips]
        grids = [(-(-mip.shape[0] // TILE), -(-mip.shape[1] // TILE)) for mip in self.mips]
        self.draw = TileDraw(grids, mip_shares(self.plan, 0.0), problem.seed)
        self.filtered = problem.filtering == "filtered"
        self.taps = [self._mip_taps(mip) for mip in range(self.plan.mips)]
        self.latents = [_start_latents(problem, level) for level in range(len(self.plan.levels))]
        begin = start(problem)
        self.weights = [torch.from_numpy(values).requires_grad_() for values in begin.weights]
        self.biases = [torch.from_numpy(values).requires_grad_() for values in begin.biases]
        self.low, self.range = torch.from_numpy(begin.low), torch.from_numpy(begin.range)
        self.margins = torch.from_numpy(begin.margins)
        self.steps = DecoderSteps(self.weights, self.biases, self.recipe)
        self.frozen = False
        self.problem = problem
        self.prices = [0.0] * len(self.plan.levels)
        self.mask = problem.mask
        weights = problem.weights or (1.0,) * self.plan.widths[-1]
        self.channel_weights = torch.tensor(weights)

    def step(self, latent_rate: float, decoder_rate: float, noise: float = 1.0) -> float:
        """One batch of tiles; returns the mean squared error over its texels and channels."""
        self.noise_width = noise
        batch = self.recipe.batch_texels // TILE**2
        drawn = self.draw.draw(batch)
        error = counted = torch.zeros(self.plan.widths[-1])
        count, patches, errors = 0, [], np.zeros(batch)
        for mip in np.unique(drawn.mip).tolist():
            chosen = drawn.mip == mip
            tiles = self._shifted(mip, drawn.y[chosen], drawn.x[chosen])
            target, fitted = self._targets(mip, tiles)
            inputs, read = self.inputs(mip, tiles)
            weights = torch.from_numpy(drawn.weight[chosen])
            patches += [replace(patch, weights=weights) for patch in read]
            missed = output_errors(self.decode(inputs), target, self.margins) * fitted
            squares = missed.detach().square().view(len(tiles), TILE**2, -1).sum(1)
            errors[chosen] = squares.sum(1).numpy()
            error = error + (squares * weights[:, None]).sum(0)
            turned = turning_errors(missed, target, self.problem.normals).square()
            counted = counted + (turned * weights.repeat_interleave(TILE**2)[:, None]).sum(0)
            count += self._count(mip, tiles) * target.shape[1]
        loss = (counted * self.channel_weights).sum() / count
        self.steps.zero_grad()
        loss.backward()
        self.steps.step(decoder_rate)
        self.draw.observe(drawn, errors)
        if not self.frozen:
            self._update_latents(patches, latent_rate)
        return float(error.sum()) / count

    def _count(self, mip: int, tiles: Tiles) -> int:
        """Texels of these tiles that lie within the border."""
        height, width = self.mips[mip].shape[:2]
        rows, columns = (
            np.minimum(height - tiles.y * TILE, TILE),
            np.minimum(width - tiles.x * TILE, TILE),
        )
        return int((rows * columns).sum())

    def _shifted(self, mip: int, y: npt.NDArray[np.int64], x: npt.NDArray[np.int64]) -> Tiles:
        """Tiles of a mip; in a filtered fit, some move off texels, and some off their mip."""
        if not self.filtered:
            return tiles_at(y, x)
        count = len(y)
        placed, between = self.random.random((2, count)) < self.recipe.shifted
        phase_y, phase_x = self.random.integers(0, PHASES, (2, count)) * placed
        steps = LOD_STEPS if mip + 1 < self.plan.mips else 1
        return Tiles(y, x, phase_y, phase_x, self.random.integers(0, steps, count) * between)

    def _targets(self, mip: int, tiles: Tiles) -> tuple[Tensor, Tensor]:
        """`[samples, channels]` of the tiles, and as much of 0 or 1: whether it is to be fitted."""
        height, width, channels = self.mips[mip].shape
        y = tiles.y[:, None] * TILE + np.arange(TILE)
        x = tiles.x[:, None] * TILE + np.arange(TILE)
        inside = (y < height)[:, :, None] & (x < width)[:, None, :]
        if self.filtered:
            target = self._trilinear(mip, tiles)
        else:
            rows, columns = np.minimum(y, height - 1), np.minimum(x, width - 1)
            texels = torch.from_numpy((rows[:, :, None] * width + columns[:, None, :]).ravel())
            target = self.mips[mip].reshape(-1, channels)[texels]
        fitted = torch.from_numpy(inside.reshape(-1, 1).astype(np.float32)).repeat(1, channels)
        if self.mask >= 0:
            masked = target[:, self.mask] == 0
            fitted[masked, : self.mask] = 0
            fitted[masked, self.mask + 1 :] = 0
        return target, fitted

    def _trilinear(self, mip: int, tiles: Tiles) -> Tensor:
        """`[samples, channels]` between the texels of a mip and of the next one."""
        fine = self._bilinear(mip, mip, tiles)
        if not tiles.lod_step.any():
            return fine
        return fine + (self._bilinear(mip, mip + 1, tiles) - fine) * _share(tiles)

    def _bilinear(self, mip: int, image: int, tiles: Tiles) -> Tensor:
        """`[samples, channels]` where the samples of a mip lie on the image of this mip."""
        read = self.mips[image]
        sizes = zip(self.mips[mip].shape[:2], read.shape[:2], strict=True)
        taps_y, taps_x = (image_taps(*pair) for pair in sizes)
        texels = patch_texels(taps_y, taps_x, tiles, read.shape[:2], self.plan.wrap)
        values = read.reshape(-1, read.shape[2])[torch.from_numpy(texels.reshape(len(tiles), -1))]
        return self._blend(values, *patch_weights(taps_y, taps_x, tiles))

    def inputs(self, mip: int, tiles: Tiles) -> tuple[Tensor, list[_Patch]]:
        """`[samples, inputs]` of the decoder, multiples of 1/128, and the latents behind them."""
        columns = torch.zeros(len(tiles) * TILE**2, self.plan.widths[0])
        lod = torch.from_numpy(LOD_STEPS * mip + tiles.lod_step)
        columns[:, -1] = lod.repeat_interleave(TILE**2) / INPUT_ONE
        patches = []
        for i, (level, role) in enumerate(
            zip(self.plan.levels, self.plan.roles[mip].tolist(), strict=True)
        ):
            if role == spec.NOT_READ:
                continue
            taps_x, taps_y = self.taps[mip][i]
            cells = patch_cells(taps_y, taps_x, tiles, level, self.plan.wrap)
            patch = self._read_patch(i, torch.from_numpy(cells))
            patches.append(patch)
            taps, weights = patch_weights(taps_y, taps_x, tiles, level.layout.simplex)
            blend = self._blend(patch.values.view(len(tiles), -1, level.features), taps, weights)
            values = _round(blend, INPUT_ONE)
            if tiles.lod_step.any() and self.plan.roles[mip + 1, i] == spec.NOT_READ:
                values = _round(values * (1 - _share(tiles)), INPUT_ONE)  # section 8.9: it fades
            columns[:, role : role + level.features] = values
        return columns, patches

    def _mip_taps(self, mip: int) -> list[tuple[Taps, Taps]]:
        """Per level the taps of a mip along x and y."""
        size = spec.mip_size(self.plan.width, self.plan.height, mip)
        phases = PHASES if self.filtered else 1
        return [level_taps(level, *size, phases) for level in self.plan.levels]

    def _read_patch(self, level: int, cells: Tensor) -> _Patch:
        """Latents with the noise of rounding added, or rounded ones once they are frozen.

        Cells that are stored nowhere read zeros.
        """
        stored, skipped = self.latents[level], (cells == SKIPPED)[..., None]
        latents = stored.values[cells.clamp(min=0)].masked_fill(skipped, 0.0)
        values = latents
        if not self.frozen:
            noise = torch.rand(values.shape, generator=self.noise) - 0.5
            bounds = stored.bounds[:, cells.clamp(min=0)]
            values = (values + noise * (self.noise_width * stored.step)).clamp(*bounds)
        values = values.masked_fill(skipped, 0.0).flatten(0, 2)
        if not self.frozen:
            values.requires_grad_()
        return _Patch(level, cells.flatten(), values, latents, torch.ones(len(cells)))

    def _blend(
        self, values: Tensor, taps: npt.NDArray[np.int64], weights: npt.NDArray[np.float32]
    ) -> Tensor:
        """`[texels, features]` between the cells of patches `[tiles, cells, features]`."""
        # Frozen latents are exact in float64, and so are the rounded results.
        exact = torch.float64 if self.frozen else torch.float32
        first = np.arange(len(values))[:, None, None, None] * values.shape[1]
        cells = torch.from_numpy((first + taps).ravel())
        each = torch.from_numpy(weights).view(-1, taps.shape[-1], 1).to(exact)
        read = values.view(-1, values.shape[2]).to(exact).index_select(0, cells)
        return (each * read.view(len(each), -1, values.shape[2])).sum(1)

    def decode(self, x: Tensor) -> Tensor:
        """`[texels, channels]` storage values 0..1: section 8.7 of docs/format.md, in floats."""
        last = len(self.weights) - 1
        for i, (weights, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            if i == last:
                weights, bias = weights * self.range[:, None], bias * self.range + self.low
            weights, bias = _round_layer(weights, bias, INPUT_ONE if i == 0 else HIDDEN_ONE)
            x = x @ weights.t() + bias
            if i < last:
                x = _activation(_round(x, HIDDEN_ONE))
        return _round(x, OUTPUT_ONE) * (OUTPUT_ONE / spec.OUTPUT_MAX)

    def _update_latents(self, patches: list[_Patch], rate: float) -> None:
        for i, latents in enumerate(self.latents):
            read = [patch for patch in patches if patch.level == i]
            if read:
                cells = torch.cat([patch.cells for patch in read])
                gradients = torch.cat([self.gradients(patch) for patch in read])
                stored = cells != SKIPPED
                latents.update(cells[stored], gradients[stored], rate, self.recipe)

    def gradients(self, patch: _Patch) -> Tensor:
        """Of the loss, and of the bits of the latents, by the values of a patch."""
        assert patch.values.grad is not None
        prices = self.prices[patch.level] * patch.weights[:, None, None, None]
        return patch.values.grad + rate_gradients(patch.latents, prices).flatten(0, 2)

    def set_shares(self, shares: Doubles) -> None:
        """From now on tiles are drawn from each mip this often."""
        self.draw.set_shares(shares)

    def set_rate(self, rate: float) -> None:
        """From now on a bit a texel of mip 0 costs this much."""
        self.prices = prices(self.problem, rate)

    def latents_of(self, level: int, first: int, count: int) -> Floats:
        """`[count, features]` latents of stored cells from `first` on."""
        values: Floats = self.latents[level].values[first : first + count].numpy()
        return values

    def set_ranges(self, level: int, tile_log2: int, low: Floats, high: Floats) -> None:
        """From now on the latents of each tile `[tiles_y, tiles_x]` stay within its range."""
        latents, (width, height) = self.latents[level], self.plan.levels[level].stored
        rows, columns = np.arange(height) >> tile_log2, np.arange(width) >> tile_log2
        bounds = np.stack([low, high])[:, rows[:, None], columns]
        latents.bounds = torch.from_numpy(bounds.reshape(2, -1, 1))
        latents.values = latents.values.clamp(*latents.bounds)

    def round_latents(self, inwards: float = 0.0) -> None:
        """Latents become the nearest codes once they have moved this part of a step towards 0."""
        self.frozen = True
        for latents in self.latents:
            low, step = latents.low, latents.step
            size = latents.values.abs()
            moved = latents.values - latents.values.sign() * size.clamp(max=inwards * step)
            codes = ((moved.clamp(*latents.bounds) - low) / step).round()
            latents.values = low + codes * step

    def field(self) -> Field:
        """The parameters, with the range of the channels folded into the last layer."""
        weights = [weights.detach() for weights in self.weights]
        biases = [bias.detach() for bias in self.biases]
        weights[-1] = weights[-1] * self.range[:, None]
        biases[-1] = biases[-1] * self.range + self.low
        shapes = ((*level.stored[::-1], level.features) for level in self.plan.levels)
        latents = zip(self.latents, shapes, strict=True)
        return Field(
            tuple(lat.values.reshape(shape).numpy() for lat, shape in latents),
            tuple(w.numpy() for w in weights),
            tuple(b.numpy() for b in biases),
        )


def _start_latents(problem: Problem, index: int) -> Latents:
    values = torch.cat([torch.from_numpy(band) for _, band in latent_bands(problem, index)])
    codes = codes_of(problem.plan.levels[index])
    return Latents(values, codes.low, codes.high, codes.step)


def _share(tiles: Tiles) -> Tensor:
    """`[samples, 1]` how far the samples are on the way to the next mip, 0..1."""
    share = torch.from_numpy(tiles.lod_step / np.float32(LOD_STEPS)).float()
    return share.repeat_interleave(TILE**2)[:, None]


def _through(x: Tensor, rounded: Tensor) -> Tensor:
    """The value of `rounded`, exactly, with the gradient of x: Bengio et al., arXiv 1308.3432."""
    return rounded.detach() + (x - x.detach())


def _round(x: Tensor, one: int) -> Tensor:
    """x rounded to multiples of 1/one, halves upwards as the decoder's shifts do."""
    return _through(x, torch.floor(x * one + 0.5) / one)


def _round_layer(weights: Tensor, bias: Tensor, one_in: int) -> tuple[Tensor, Tensor]:
    """Weights as int8 rows, and the bias in units of their products with inputs of 1/one_in."""
    exponents = torch.from_numpy(row_exponents(weights.detach().numpy()))
    unit = torch.exp2(-exponents.float())
    most = spec.WEIGHT_MAX * unit[:, None]
    rounded = ((weights / unit[:, None]).round() * unit[:, None]).clamp(-most, most)
    return _through(weights, rounded), _through(
        bias, (bias * one_in / unit).round() * unit / one_in
    )


def _activation(x: Tensor) -> Tensor:
    """Section 8.8 of docs/format.md: a hard swish, rounded, of multiples of 1/64."""
    x = x.clamp(-spec.ACTIVATION_KNEE / HIDDEN_ONE, spec.ACTIVATION_MAX / HIDDEN_ONE)
    return _round(x * (x + 1).clamp(max=2) / 2, HIDDEN_ONE)
