"""Compressing: from the images of a material to a `.ntc`, by way of fits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Final

import numpy as np

from ntc import metrics, transcode
from ntc.control.rounds import CORRECTION, Outcome, Trial, cost
from ntc.control.steer import Subject, steer
from ntc.control.targets import outputs_of
from ntc.decode import open_decoder
from ntc.fit import loop
from ntc.fit.backends import load_backend
from ntc.fit.field import quantize
from ntc.fit.plan import Plan
from ntc.fit.presets import Recipe
from ntc.fit.problem import OnProgress, Problem, Progress
from ntc.format import container
from ntc.format.container import NtcFile
from ntc.format.metadata import FitRecord, MapRecord, Metadata, Quality, Semantic
from ntc.format.model import QuantizedModel
from ntc.material import Material
from ntc.planning import (
    choose_encoding,
    find_room,
    make_plans,
    overhead_bpp,
    plan_material,
    texels_to_spend,
    threads,
)
from ntc.settings import Settings
from ntc.texture import Listing, Room, TextureSet, as_written, bands_of, load_material

_CORRECTION_RATE: Final = 0.3  # of the learning rates of a whole fit

# Given what the maps are, and what makes the model as it is at this step of the fit.
Look = Callable[[tuple[MapRecord, ...], Callable[[], QuantizedModel]], None]


def compress(
    path: str | Path | Listing,
    settings: Settings | None = None,
    *,
    only: Sequence[str] = (),
    exclude: Sequence[str] = (),
    on_progress: OnProgress = lambda progress: None,
    on_warning: Callable[[str], None] = lambda message: None,
    look: Look = lambda maps, model: None,
) -> Material:
    """The material at `path` (a folder, a manifest, a listing or an image), compressed.

    Nothing is written: `Material.save` does that. `on_warning` is told before the fit what was
    assumed about the images; `Material.warnings` keeps it. `look` is called after each batch, by
    this thread. Raises InputError for unusable images, UsageError for settings out of range,
    RuntimeFailure if no backend can run or the memory that is allowed will not do.
    """
    settings = settings or Settings()
    room = find_room(path, settings, only, exclude)[0]
    with room:
        return _compress(path, settings, room, only, exclude, on_progress, on_warning, look)


def _compress(
    path: str | Path | Listing,
    settings: Settings,
    room: Room,
    only: Sequence[str],
    exclude: Sequence[str],
    on_progress: OnProgress,
    on_warning: Callable[[str], None],
    look: Look,
) -> Material:
    """As `compress`, with images kept in this room."""
    if settings.match:
        transcode.check_installed()
    textures = load_material(path, only=only, exclude=exclude, room=room)
    for message in textures.warnings:
        on_warning(message)
    fits = Fits(settings, textures, room, on_progress, look)
    subject = fits.subject()
    fits.weights = subject.named(settings.weights, "weight")
    heard: list[str] = []
    material = steer(fits, subject, settings, heard.append).material
    fits.end()
    for message in heard:
        on_warning(message)
    return replace(material, warnings=(*textures.warnings, *heard))


class Fits:
    """The fits of one material: a `ntc.control.rounds.Run`."""

    def __init__(
        self,
        settings: Settings,
        textures: TextureSet,
        room: Room,
        on_progress: OnProgress,
        look: Look,
    ) -> None:
        self.settings = settings
        self.textures = textures
        self.room = room
        self.on_progress = on_progress
        self.look = look
        self.backend, self.backend_name = load_backend(settings.backend)
        self.plans, self.images = plan_material(textures, settings, room)
        self.texels = texels_to_spend(self.shape, settings)
        self.weights: Mapping[str, float] = {}  # of maps, as the user has them
        self.encoding = ""
        self.spent = 0  # texels fitted
        self.last = Progress(0, 0, 0.0)

    def subject(self) -> Subject:
        """What is known before the first fit."""
        overhead = overhead_bpp(self.shape, self.settings) if self.settings.fits_to_file else 0.0
        maps, image = self.textures.maps, self.images[0]
        return Subject(self.textures.name, maps, image, overhead, self.room.ease)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Width, height and channels that vary."""
        return self.textures.width, self.textures.height, self.textures.channels.shape[2]

    def __call__(self, trial: Trial) -> Outcome:
        """Fits once."""
        plan = self._plan(trial)
        texels = max(int(cost(trial) * self.texels), 1)
        weights, scale = self._weights(trial)
        problem = Problem(
            plan,
            self.images,
            texels,
            self.settings.seed,
            threads(self.settings),
            recipe=Recipe() if trial.begin is None else correction(Recipe()),
            weights=weights,
            filtering=self.settings.filtering,
            normals=fitted_normals(self.textures.maps) if self.settings.normals == "angle" else (),
            price=trial.price if trial.steered else trial.price / scale,
            begin=None if trial.begin is None else trial.begin.field,
            decoder=open_decoder(),
            ease=self.room.ease,
            look=partial(self.look, self.textures.maps),
        )
        field = loop.fit(self.backend(problem), problem, self._progress_of(self.last.texels))
        self.spent += texels
        record = fit_record(self.settings, self.backend_name, self.encoding, self.spent)
        model, maps = quantize(field, plan), self.textures.maps
        metadata = describe(model, self.images[0], self.textures.name, maps, record, self.room)
        file = NtcFile(model, metadata)
        kept = field if trial.begin is None and self.settings.rounds else None
        return Outcome(trial, plan, kept, Material(file, container.write(file)))

    def end(self) -> None:
        """Says that no fit follows."""
        spent = self.last.texels
        if self.last.total > spent:
            self.on_progress(Progress(spent, spent, self.last.psnr))

    def _plan(self, trial: Trial) -> Plan:
        """That of the fit to go on from, or a new one in the encoding that suited the first."""
        if trial.begin is not None:
            before = trial.begin
            more = int((trial.bpp - before.trial.bpp) * self.shape[0] * self.shape[1])
            return replace(before.plan, bits=before.plan.bits and max(before.plan.bits + more, 1))
        plans = self.plans
        if self.settings.fits_to_file:
            plans = make_plans(self.shape, self.settings, trial.bpp, steered=trial.steered)
        self.encoding = self.encoding or choose_encoding(plans, self.images[0], self.room.ease)
        return plans[self.encoding]

    def _weights(self, trial: Trial) -> tuple[tuple[float, ...], float]:
        """Of each channel, with a mean of 1, and what they were divided by: none if all are 1.

        A channel of several maps has the largest of theirs.
        """
        weights = np.zeros(max(self.shape[2], 1))
        for record in self.textures.maps:
            weight = self.weights.get(record.name, 1.0) * trial.weights.get(record.name, 1.0)
            outputs = outputs_of([record], record.name)
            weights[outputs] = np.maximum(weights[outputs], weight)
        if np.ptp(weights) == 0:
            return (), 1.0
        scale = float(weights.mean())
        return tuple((weights / scale).tolist()), scale

    def _progress_of(self, before: int) -> OnProgress:
        """Progress of a fit after so many texels; more fits may follow where a target is set."""
        more = int(CORRECTION * self.texels) if self.settings.rounds else 0

        def on_progress(progress: Progress) -> None:
            total = before + progress.total + more
            self.last = Progress(before + progress.texels, total, progress.psnr)
            self.on_progress(self.last)

        return on_progress


def fitted_normals(maps: Sequence[MapRecord]) -> tuple[tuple[int, int, int], ...]:
    """Outputs x, y and z of the normal maps that have three."""
    found = []
    for record in maps:
        outputs = [c.output for c in record.channels[:3] if c.output is not None]
        if record.semantic is Semantic.NORMAL and len(set(outputs)) == 3:
            x, y, z = outputs
            found.append((x, y, z))
    return tuple(found)


def correction(recipe: Recipe) -> Recipe:
    """Steps that leave most of what is there."""
    return replace(
        recipe,
        latent_rate=_CORRECTION_RATE * recipe.latent_rate,
        decoder_rate=_CORRECTION_RATE * recipe.decoder_rate,
    )


def fit_record(settings: Settings, backend: str, encoding: str, texels: int) -> FitRecord:
    """How a model was fitted, as its file says."""
    return FitRecord(
        backend=backend,
        effort="custom" if settings.texels else settings.effort,
        seed=settings.seed,
        texels=texels,
        filtering=settings.filtering,
        settings=settings.record() | {"encoding": encoding},
    )


def describe(
    model: QuantizedModel,
    image: metrics.Storage,
    name: str,
    maps: tuple[MapRecord, ...],
    record: FitRecord,
    room: Room,
) -> Metadata:
    """Metadata of a model, with the PSNR of its mip 0, as written, against `image`."""
    errors = metrics.banded_mse(_decoded_beside(model, image, maps, room))
    quality = metrics.set_psnr(errors, maps)
    return Metadata(
        name=name,
        maps=maps,
        fit=record,
        quality=Quality(
            psnr=_rounded(quality.psnr),
            maps={name: _rounded(psnr) for name, psnr in quality.maps.items()},
        ),
        generator=f"ntc {version('ntc')}",
    )


def _decoded_beside(
    model: QuantizedModel, image: metrics.Storage, maps: tuple[MapRecord, ...], room: Room
) -> Iterator[tuple[metrics.Storage, metrics.Storage]]:
    """Rows of mip 0 as they will be written, and those of `image`, band by band."""
    decoder = open_decoder()
    for rows in bands_of(model.height, model.width):
        rect = 0, rows.start, model.width, rows.stop - rows.start
        yield as_written(decoder.decode(model, 0, rect), maps), image[rows]
        room.ease()


def _rounded(psnr: float | None) -> float | None:
    return None if psnr is None else round(psnr, 3)
