"""Neural controls made of our own parts: the published design of RTXNTC 0.9, and no hidden layers.

docs/decisions/0013-harness.md says what of the published recipe our fit cannot express.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ntc.bench.rd.contender import Coded, Contender
from ntc.bench.rd.ours import Fits, coded, fit_identity, our_contender
from ntc.bench.rd.subject import Subject
from ntc.compression import describe, fit_record
from ntc.fit import loop
from ntc.fit.backends import load_backend
from ntc.fit.encodings import LevelPlan
from ntc.fit.field import quantize
from ntc.fit.plan import Plan
from ntc.fit.presets import Recipe
from ntc.fit.problem import Problem
from ntc.format import container, spec
from ntc.format.container import NtcFile
from ntc.material import Material
from ntc.planning import texels_to_spend, threads
from ntc.settings import Settings
from ntc.texture import Memory, mip_count

# Adam at the published rates, ours counting latents in units of half their range; one half cosine
# to 0; latents frozen for the last 5 %. 65,536 texels a step.
PUBLISHED: Final = Recipe(
    batch_texels=65536,
    latent_rate=0.2,
    decoder_rate=0.005,
    decoder_decay=0.03,
    latent_floor=0.0,
    hidden_step=0.0,
    latent_moments=(0.9, 0.999),
    decoder_moments=(0.9, 0.999),
    last_noise=1.0,
    frozen_part=0.05,
    frozen_rate=0.0,
)
HIDDEN: Final = (64, 48, 32)
_CODE_WIDTH: Final = 4
_MOST_LEVELS: Final = 8
# How many mips, at the fine end, share a pair of levels, for each scale from 1 to 6; less one.
_SHARED: Final = (2, 3, 3, 3, 4, 4)


@dataclass(frozen=True)
class Shape:
    """A published shape: levels of 1/scale, 1/(2 scale), .. of the size, with equal features."""

    nominal: float  # bits per texel of mip 0 for the first two levels
    scale: int
    features: int


SHAPES: Final = (
    Shape(1.11, 6, 8),
    Shape(1.67, 6, 12),
    Shape(2.5, 4, 8),
    Shape(3.75, 4, 12),
    Shape(5, 4, 16),
    Shape(6.67, 3, 12),
    Shape(10, 2, 8),
    Shape(15, 2, 12),
    Shape(20, 2, 16),
)


def control_contenders(fits: Fits, encoding: str) -> list[Contender]:
    """All of them, fitted to as many texels as ours, at about the same rates."""
    return [
        _rtxntc("rtxntc_recipe", "with the published recipe", fits, PUBLISHED),
        _rtxntc("rtxntc_refitted", "with our recipe", fits, Recipe()),
        our_contender("bilinear", fits, encoding, "bilinear"),
    ]


def _rtxntc(name: str, how: str, fits: Fits, recipe: Recipe) -> Contender:
    settings = fits.settings("grid", "standard")

    def run(subject: Subject, setting: str) -> Coded:
        shape = next(shape for shape in SHAPES if f"{shape.nominal:g}" == setting)
        return coded(subject, _fit(subject, shape, settings, recipe))

    units = "-".join(map(str, HIDDEN))
    about = f"RTXNTC's levels and layers ({units}), 4-bit codes, {how}, {fits.amount}"
    identity = fit_identity(settings, Path(__file__)) | {"recipe": repr(recipe)}
    return Contender(name, about, nearest_shapes(fits.bpp), run, identity)


def nearest_shapes(rates: tuple[float, ...]) -> tuple[str, ...]:
    """The nominal rates of the shapes that are closest to these rates, by ratio."""
    distances = {rate: [abs(np.log(shape.nominal / rate)) for shape in SHAPES] for rate in rates}
    chosen = {SHAPES[int(np.argmin(distance))] for distance in distances.values()}
    return tuple(f"{shape.nominal:g}" for shape in SHAPES if shape in chosen)


def _fit(subject: Subject, shape: Shape, settings: Settings, recipe: Recipe) -> Material:
    """A material in the published shape, fitted by our backend and kept in our format."""
    textures, room = subject.textures, Memory()
    width, height, channels = textures.width, textures.height, textures.channels.shape[2]
    mips = mip_count(width, height)
    plan = shape_plan(width, height, channels, mips, shape)
    images = tuple(textures.mip_chain(mips, room))
    texels = texels_to_spend((width, height, channels), settings)
    backend, name = load_backend(settings.backend)
    problem = Problem(plan, images, texels, settings.seed, threads(settings), recipe)
    model = quantize(loop.fit(backend(problem), problem, lambda progress: None), plan)
    record = fit_record(settings, name, "grid", texels)
    metadata = describe(model, images[0], textures.name, textures.maps, record, room)
    file = NtcFile(model, metadata)
    return Material(file, container.write(file))


def shape_plan(width: int, height: int, channels: int, mips: int, shape: Shape) -> Plan:
    """The plan of a published shape; research notes on RTXNTC 0.9.2, section 2.2."""
    last = max(mips - 1 - _SHARED[shape.scale - 1] + 2, 0) & ~1  # first level of the last mip
    smallest = max(min(width, height) // shape.scale, 1)
    count = min(_MOST_LEVELS, max(2, smallest.bit_length() & ~1), last + 2)
    levels = tuple(
        LevelPlan(
            max((width // shape.scale) >> n, 1),
            max((height // shape.scale) >> n, 1),
            shape.features,
            code_width=_CODE_WIDTH,
        )
        for n in range(count)
    )
    roles = _roles(mips, count, shape)
    inputs = 2 * shape.features + 1
    return Plan(width, height, mips, (True, True), levels, roles, (inputs, *HIDDEN, channels))


def _roles(mips: int, levels: int, shape: Shape) -> npt.NDArray[np.uint8]:
    """Each mip reads two adjacent levels, the finer one into the first inputs."""
    roles = np.full((mips, levels), spec.NOT_READ, np.uint8)
    for mip in range(mips):
        first = min(max((mip - _SHARED[shape.scale - 1] + 2) & ~1, 0), levels - 2)
        roles[mip, first] = 0
        roles[mip, first + 1] = shape.features
    return roles
