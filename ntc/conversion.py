"""Converting: a `.ntc` is fitted again in another encoding, to what it decodes to itself.

The new model starts from the old one: from its decoder, and from its features, read where the new
cells lie. What is left to learn is what the new levels lack: distillation without the originals.
A decoder of another shape, as small images have in each encoding, learns all of it anew.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ntc.compression import describe, fit_record
from ntc.decode import open_decoder, reference
from ntc.fit import loop
from ntc.fit.backends import load_backend
from ntc.fit.encodings import LevelPlan
from ntc.fit.field import HIDDEN_ONE, INPUT_ONE, OUTPUT_ONE, Field, quantize
from ntc.fit.plan import Plan, make_plan
from ntc.fit.presets import PROFILES
from ntc.fit.problem import OnProgress, Problem
from ntc.fit.start import latent_bands
from ntc.format import container, spec
from ntc.format.container import NtcFile
from ntc.format.layout import SKIPPED, stored_cells
from ntc.format.model import Layer, Level, QuantizedModel, encoding_of
from ntc.material import Material, open_material
from ntc.planning import texels_to_spend, threads
from ntc.settings import AUTO, Settings
from ntc.texture import Memory, as_written

Floats = npt.NDArray[np.float32]

TEXEL_SHARE: Final = 0.2  # of the texels that a fit to the originals would take
_BAND_CELLS: Final = 1 << 18
_LEAST_BPP: Final = 0.05  # that settings allow
_MOST_BPP: Final = 64.0


def convert(
    path: str | Path,
    settings: Settings | None = None,
    *,
    on_progress: OnProgress = lambda progress: None,
) -> Material:
    """The material in the file at `path` in the encoding of `settings`, or in the one it has.

    Takes a fifth of the texels of the effort. Maps, mips and address modes are those of the file;
    the PSNR in the new one is measured against what the old one decodes to. Nothing is pruned.
    Raises FileError and FormatError for a file that cannot be read, RuntimeFailure if no backend
    can run.
    """
    settings = replace(settings or Settings(), keep=1.0)
    source = open_material(path)
    model = source.file.model
    backend, name = load_backend(settings.backend)
    decoder = open_decoder()
    images = tuple(decoder.decode(model, mip) for mip in range(model.mips))
    encoding = encoding_of(model) if settings.encoding == AUTO else settings.encoding
    plan = make_plan(
        model.width,
        model.height,
        model.channels,
        model.mips,
        settings.rate,
        model.wrap,
        settings.profile,
        encoding,
    )
    varies = any(c.output is not None for record in source.maps for c in record.channels)
    shape = model.width, model.height, model.channels if varies else 0
    texels = max(int(texels_to_spend(shape, settings) * TEXEL_SHARE), 1)
    problem = Problem(
        plan,
        images,
        texels,
        settings.seed,
        threads(settings),
        filtering=settings.filtering,
    )
    problem = replace(problem, begin=take_over(model, problem))
    converted = quantize(loop.fit(backend(problem), problem, on_progress), plan)
    record = fit_record(settings, name, encoding, texels)
    origin: dict[str, int | float | str | bool] = {"converted_from": encoding_of(model)}
    psnr = source.file.metadata.quality.psnr
    if psnr is not None:
        origin["psnr_of_source"] = psnr
    record = record.model_copy(update={"settings": record.settings | origin})
    written = as_written(images[0], source.maps)
    metadata = describe(converted, written, source.name, source.maps, record, Memory())
    file = NtcFile(converted, metadata)
    return Material(file, container.write(file), ())


def intended_settings(path: str | Path) -> Settings:
    """The bits per texel, the profile and the filtering that a file was made for, if it says.

    Where it does not, the bits that it has.
    """
    material = open_material(path)
    fit = material.file.metadata.fit
    said = fit.settings
    bpp, profile = said.get("bpp"), said.get("profile")
    intended = float(bpp) if isinstance(bpp, (int, float)) else material.bpp
    known = str(profile) if profile in PROFILES else Settings().profile
    bpp_allowed = min(max(intended, _LEAST_BPP), _MOST_BPP)
    return Settings(bpp=bpp_allowed, profile=known, filtering=fit.filtering)


def take_over(model: QuantizedModel, problem: Problem) -> Field | None:
    """Where a problem starts, with all of an old model that its plan has room for.

    Each new level takes over the features of an old one of about its size, the weightier if it has
    fewer; those that are new weigh nothing. None if the decoder has another shape: to one that has
    learned nothing, features of the old one are worse than random ones.
    """
    plan = problem.plan
    old = [_real_layer(model, i) for i in range(len(model.layers))]
    if tuple(len(biases) for _, biases in old) != plan.widths[1:]:
        return None
    latents = [_fresh_latents(problem, level) for level in range(len(plan.levels))]
    first = np.zeros((plan.widths[1], plan.widths[0]), np.float32)
    first[:, -1] = old[0][0][:, -1]
    for i, role, level, old_role in _pairs(model, plan):
        columns = old[0][0][:, old_role : old_role + level.features]
        weight = np.abs(columns).sum(0)
        best = np.sort(np.argsort(-weight, kind="stable")[: plan.levels[i].features])
        _resample(level, plan.levels[i], model.wrap, best, latents[i])
        first[:, role : role + len(best)] = columns[:, best]
    shapes = ((*level.stored[::-1], level.features) for level in plan.levels)
    grids = tuple(values.reshape(shape) for values, shape in zip(latents, shapes, strict=True))
    weights, biases = zip(*old, strict=True)
    return Field(grids, (first, *weights[1:]), biases)


def _fresh_latents(problem: Problem, level: int) -> Floats:
    return np.concatenate([values for _, values in latent_bands(problem, level)])


def _pairs(model: QuantizedModel, plan: Plan) -> Iterator[tuple[int, int, Level, int]]:
    """New level and role, old level and role: those nearest in size first, no level twice."""
    new = {i: _role(plan.roles, i) for i in range(len(plan.levels))}
    old = {i: _role(model.roles, i) for i in range(len(model.levels))}

    def distance(pair: tuple[int, int]) -> float:
        a, b = plan.levels[pair[0]], model.levels[pair[1]]
        return abs(math.log2(max(a.width, a.height) / max(b.width, b.height)))

    for i, j in sorted(((i, j) for i in new for j in old), key=distance):
        role, old_role = new.get(i), old.get(j)
        if role is not None and old_role is not None:
            del new[i], old[j]
            yield i, role, model.levels[j], old_role


def _role(roles: npt.NDArray[np.uint8], level: int) -> int | None:
    """The first input of a level in the finest mip that reads it."""
    read = roles[:, level][roles[:, level] != spec.NOT_READ]
    return int(read[0]) if read.size else None


def _real_layer(model: QuantizedModel, index: int) -> tuple[Floats, Floats]:
    """Weights and biases that `ntc.fit.field.quantize` would turn into the integers of a layer."""
    layer: Layer = model.layers[index]
    last = index == len(model.layers) - 1
    one_in = HIDDEN_ONE if index else INPUT_ONE
    one_out, gain = (OUTPUT_ONE, spec.OUTPUT_GAIN) if last else (HIDDEN_ONE, 1)
    shifts = layer.shifts.astype(np.int64)
    exponents = shifts - (one_in * gain).bit_length() + one_out.bit_length()
    weights = np.ldexp(layer.weights.astype(np.float64), -exponents[:, None])
    unrounded = layer.biases - ((1 << shifts) >> 1)
    biases = np.ldexp(unrounded / (gain * one_in), -exponents)
    return weights.astype(np.float32), biases.astype(np.float32)


def _resample(
    old: Level,
    new: LevelPlan,
    wrap: tuple[bool, bool],
    features: npt.NDArray[np.int64],
    latents: Floats,
) -> None:
    """The first `latents` `[stored cells, ..]` become features of the old level at the new cells.

    Cells that share an entry of a table give it their mean; entries of no cell stay as they are.
    """
    sums = np.zeros((len(latents), len(features)))
    counts = np.zeros(len(latents))
    rows = max(_BAND_CELLS // new.width, 1)
    if _alike(old, new):
        latents[:, : len(features)] = _latents(old, features)
        return
    for top in range(0, new.height, rows):
        y, x = np.mgrid[top : min(top + rows, new.height), : new.width]
        read = reference.features(old, *_position(new, x, y), wrap)[..., features]
        row, column = stored_cells(new.width, new.height, new.layout, y, x)
        kept = row != SKIPPED
        place = (row * new.stored[0] + column)[kept]
        for i in range(len(features)):
            sums[:, i] += np.bincount(place, read[..., i][kept], len(latents))
        counts += np.bincount(place, minlength=len(latents))
    read_once = counts > 0
    means = sums[read_once] / counts[read_once, None] / INPUT_ONE
    latents[read_once, : len(features)] = means


def _alike(old: Level, new: LevelPlan) -> bool:
    """Whether both keep the same cells in the same places."""
    a, b = old.layout, new.layout
    none = np.empty(0, bool)
    return (
        (old.width, old.height) == (new.width, new.height)
        and (a.simplex, a.table_log2, a.block_log2) == (b.simplex, b.table_log2, b.block_log2)
        and np.array_equal(none if a.mask is None else a.mask, none if b.mask is None else b.mask)
    )


def _latents(level: Level, features: npt.NDArray[np.int64]) -> Floats:
    """`[stored cells, features]` some latents of all that a level has."""
    width, height = level.stored
    found = np.empty((height, width, len(features)), np.float32)
    rows = max(_BAND_CELLS // width, 1)
    for top in range(0, height, rows):
        y, x = np.mgrid[top : min(top + rows, height), :width]
        found[top : top + rows] = reference.latents(level, y, x)[..., features]
    return found.reshape(-1, len(features)) / np.float32(spec.LATENT_ONE * INPUT_ONE)


def _position(
    level: LevelPlan, x: npt.NDArray[np.int64], y: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The 24-bit positions of the centres of cells; odd rows of triangles lie half a cell left.

    Rounded up: then a level of this size reads the cell itself there, and none of its neighbours.
    """
    one = 1 << spec.POSITION_BITS
    left = (y & 1) if level.layout.simplex else 0
    u = -((left - 2 * x - 1) * one // (2 * level.width))
    return u, -((-2 * y - 1) * one // (2 * level.height))
