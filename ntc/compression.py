"""Compressing: from the images of a material to a `.ntc`, by way of a fit."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from ntc import metrics
from ntc.decode import open_decoder
from ntc.errors import RuntimeFailure, UsageError
from ntc.fit import loop
from ntc.fit.backends import load_backend
from ntc.fit.choice import choose
from ntc.fit.encodings import ENCODINGS
from ntc.fit.field import quantize
from ntc.fit.memory import peak_bytes, scratch_limit
from ntc.fit.plan import Plan, make_plan
from ntc.fit.presets import EFFORTS, PROFILES, texels_to_fit
from ntc.fit.problem import OnProgress, Problem
from ntc.fit.saliency import pruned
from ntc.format import container, spec
from ntc.format.container import NtcFile
from ntc.format.metadata import Filtering, FitRecord, MapRecord, Metadata, Quality
from ntc.format.model import QuantizedModel
from ntc.machine import physical_memory
from ntc.material import Material
from ntc.texture import (
    Memory,
    Room,
    Scratch,
    TextureSet,
    as_written,
    bands_of,
    load_material,
    measure_material,
    mip_count,
)

AUTO = "auto"

Budget = Literal["memory", "file"]

_MOST_OF_MEMORY = 0.75  # of the machine: what may be used where no limit is set


@dataclass(frozen=True, slots=True)
class Settings:
    """How to compress. The same settings, images and backend give the same bytes."""

    bpp: float = 5.0  # bits a texel of mip 0, of what the budget says
    budget: Budget = "memory"  # of a GPU, or the file: then latents cost what they take in it
    effort: str = "medium"
    encoding: str = AUTO  # or one of ENCODINGS
    profile: str = "standard"
    mips: Literal["all", "none"] = "all"
    wrap: tuple[bool, bool] = (True, True)
    seed: int = 0
    threads: int = 0  # 0: one per core
    backend: str = "auto"
    texels: int = 0  # to fit; 0: as the effort says
    max_memory: int = 0  # bytes; 0: no limit
    keep: float = 1.0  # part of the entries that pruning keeps; 1: no pruning
    filtering: Filtering = "texel"  # filtered: one decode stands for a trilinear filter

    def __post_init__(self) -> None:
        if self.effort not in EFFORTS:
            raise UsageError(f"effort `{self.effort}`: use one of {', '.join(EFFORTS)}")
        if self.encoding not in (AUTO, *ENCODINGS):
            names = ", ".join((AUTO, *ENCODINGS))
            raise UsageError(f"encoding `{self.encoding}`: use one of {names}")
        if self.profile not in PROFILES:
            raise UsageError(f"profile `{self.profile}`: use one of {', '.join(PROFILES)}")
        if not 0.05 <= self.bpp <= 64:
            raise UsageError(f"bpp {self.bpp:g}: use 0.05 to 64")
        if self.mips not in ("all", "none"):
            raise UsageError(f"mips `{self.mips}`: use all or none")
        if self.budget not in ("memory", "file"):
            raise UsageError(f"budget `{self.budget}`: use memory or file")
        if self.budget == "file" and self.keep < 1:
            raise UsageError("keep: a plan for a budget of the file is not pruned; use memory")
        if self.filtering not in ("texel", "filtered"):
            raise UsageError(f"filtering `{self.filtering}`: use texel or filtered")
        if min(self.threads, self.texels, self.seed, self.max_memory) < 0:
            raise UsageError("threads, texels, seed and max_memory are 0 or more")
        if self.seed >= 1 << 64:
            raise UsageError(f"seed {self.seed}: use a number below 2^64")
        if not 0.1 <= self.keep <= 1:
            raise UsageError(f"keep {self.keep:g}: use 0.1 to 1")
        if not self.encodings:
            raise UsageError(
                f"keep {self.keep:g}: encoding `{self.encoding}` is not pruned; use hash or simplex"
            )

    @property
    def encodings(self) -> tuple[str, ...]:
        """The encodings that may be used; `grid` keeps every cell."""
        names = ("grid", "hash") if self.encoding == AUTO else (self.encoding,)
        return names if self.keep == 1 else tuple(name for name in names if name != "grid")


def compress(
    path: str | Path,
    settings: Settings | None = None,
    *,
    only: Sequence[str] = (),
    exclude: Sequence[str] = (),
    on_progress: OnProgress = lambda progress: None,
    on_warning: Callable[[str], None] = lambda message: None,
) -> Material:
    """The material at `path` (a folder, a manifest or an image), compressed.

    Nothing is written: `Material.save` does that. `on_warning` is told before the fit what was
    assumed about the images; `Material.warnings` keeps it. Raises InputError for unusable images,
    UsageError for settings out of range, RuntimeFailure if no backend can run or the memory that
    is allowed will not do.
    """
    settings = settings or Settings()
    room = find_room(Path(path), settings, only, exclude)[0]
    with room:
        return _compress(Path(path), settings, room, only, exclude, on_progress, on_warning)


def _compress(
    path: Path,
    settings: Settings,
    room: Room,
    only: Sequence[str],
    exclude: Sequence[str],
    on_progress: OnProgress,
    on_warning: Callable[[str], None],
) -> Material:
    """As `compress`, with images kept in this room."""
    backend, name = load_backend(settings.backend)
    textures = load_material(path, only=only, exclude=exclude, room=room)
    for message in textures.warnings:
        on_warning(message)
    shape = textures.width, textures.height, textures.channels.shape[2]
    texels = texels_to_spend(shape, settings)
    plans, images = plan_material(textures, settings, room)
    encoding = choose_encoding(plans, images[0], texels, room.ease)
    plan = plans[encoding]
    problem = Problem(
        plan,
        images,
        texels,
        settings.seed,
        threads(settings),
        filtering=settings.filtering,
        ease=room.ease,
    )
    model = quantize(loop.fit(backend(problem), problem, on_progress), problem.plan)
    record = fit_record(settings, name, encoding, texels)
    metadata = describe(model, images[0], textures.name, textures.maps, record, room)
    file = NtcFile(model, metadata)
    return Material(file, container.write(file), textures.warnings)


def make_plans(shape: tuple[int, int, int], settings: Settings) -> dict[str, Plan]:
    """A plan for each encoding that may be used; `shape` is width, height, channels that vary."""
    width, height, channels = shape
    names = settings.encodings if channels else settings.encodings[:1]
    mips = mip_count(width, height) if settings.mips == "all" else 1
    return {
        name: make_plan(
            width,
            height,
            max(channels, 1),
            mips,
            settings.bpp,
            settings.wrap,
            settings.profile,
            name,
            adaptive=settings.budget == "file",
        )
        for name in names
    }


def plan_material(
    textures: TextureSet, settings: Settings, room: Room
) -> tuple[dict[str, Plan], tuple[npt.NDArray[np.uint16], ...]]:
    """As `make_plans`, pruned as far as the settings say, and what to fit, per mip."""
    width, height = textures.width, textures.height
    plans = make_plans((width, height, textures.channels.shape[2]), settings)
    mips = next(iter(plans.values())).mips
    if settings.keep == 1:
        return plans, _images(textures, mips, room)
    chain = _images(textures, mip_count(width, height), room)
    plans = {name: pruned(plan, chain, settings.keep, room.ease) for name, plan in plans.items()}
    return plans, chain[:mips]


def texels_to_spend(shape: tuple[int, int, int], settings: Settings) -> int:
    """Texels to fit; there is nothing to learn where no channel varies."""
    width, height, channels = shape
    if channels == 0:
        return 1
    return settings.texels or texels_to_fit(settings.effort, width, height)


def threads(settings: Settings) -> int:
    """Threads to fit with."""
    return settings.threads or os.cpu_count() or 1


def choose_encoding(
    plans: Mapping[str, Plan],
    image: npt.NDArray[np.uint16],
    texels: int,
    ease: Callable[[], None],
) -> str:
    """The encoding that suits the image best; the only one there is without a look."""
    return choose(plans, image, texels, ease) if len(plans) > 1 else next(iter(plans))


def find_room(
    path: Path, settings: Settings, only: Sequence[str], exclude: Sequence[str]
) -> tuple[Memory | Scratch, int]:
    """Where to keep the images of a material, and how many bytes of memory that takes at most.

    In memory if the limit allows it, or most of the machine's memory if none was set; otherwise
    in scratch files. Raises RuntimeFailure, before a pixel is read, if neither will do.
    """
    backend = load_backend(settings.backend)[1]
    plans = make_plans(measure_material(path, only=only, exclude=exclude), settings)
    needed = max(peak_bytes(plan, backend) for plan in plans.values())
    allowed = settings.max_memory or int(physical_memory() * _MOST_OF_MEMORY) or needed
    if needed <= allowed:
        return Memory(), needed
    least = {name: peak_bytes(plan, backend, scratch=True) for name, plan in plans.items()}
    if max(least.values()) > allowed:
        smaller = [f"use --encoding {name}, " for name, n in least.items() if n <= allowed]
        raise RuntimeFailure(
            f"{path}: needs {max(least.values()) / 1e6:.0f} MB of memory, even with images in "
            f"scratch files, {allowed / 1e6:.0f} MB are allowed; {''.join(smaller[:1])}lower "
            "--bpp, raise --max-memory, or leave maps out with --exclude"
        )
    limit = min(scratch_limit(plan, allowed) for plan in plans.values())
    return Scratch(limit), min(needed, allowed)


def _images(textures: TextureSet, mips: int, room: Room) -> tuple[npt.NDArray[np.uint16], ...]:
    """What to fit, per mip: black if all is constant, because a decoder has some output."""
    if textures.channels.shape[2]:
        return tuple(textures.mip_chain(mips, room))
    sizes = [spec.mip_size(textures.width, textures.height, mip) for mip in range(mips)]
    return tuple(np.zeros((height, width, 1), np.uint16) for width, height in sizes)


def fit_record(settings: Settings, backend: str, encoding: str, texels: int) -> FitRecord:
    """How a model was fitted, as its file says."""
    return FitRecord(
        backend=backend,
        effort="custom" if settings.texels else settings.effort,
        seed=settings.seed,
        texels=texels,
        filtering=settings.filtering,
        settings={
            "bpp": settings.bpp,
            "budget": settings.budget,
            "profile": settings.profile,
            "encoding": encoding,
            "keep": settings.keep,
        },
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
