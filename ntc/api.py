"""What ntc does, as functions: compress, decompress, compare, info, validate.

The only place that knows both the fit and the decoders. The command line calls these and prints.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from ntc import metrics, native
from ntc.comparison import compare
from ntc.decode import open_decoder
from ntc.decode.region import mip_size
from ntc.errors import FileError, FormatError, RuntimeFailure, UsageError
from ntc.files import check_folder, make_folder, read_bytes
from ntc.fit import loop
from ntc.fit.backends import installed_backends, load_backend
from ntc.fit.field import quantize
from ntc.fit.memory import peak_bytes
from ntc.fit.plan import Plan, make_plan
from ntc.fit.presets import EFFORTS, PROFILES, texels_to_fit
from ntc.fit.problem import OnProgress, Problem
from ntc.format import container, spec
from ntc.format.container import NtcFile
from ntc.format.metadata import FitRecord, MapRecord, Metadata, Quality
from ntc.format.model import bytes_per_texel
from ntc.machine import peak_memory
from ntc.material import Material, open_material
from ntc.reports import (
    CompressReport,
    DecompressReport,
    DryRunReport,
    InfoReport,
    LevelReport,
    PlannedLevel,
    SystemReport,
    ValidateReport,
)
from ntc.texture import (
    TextureSet,
    as_written,
    load_material,
    matches,
    measure_material,
    mip_count,
    write_image,
)

__all__ = [
    "Settings",
    "check_target",
    "compare",
    "compress",
    "compress_report",
    "decompress",
    "dry_run",
    "info",
    "open_material",
    "system",
    "validate",
    "verify",
]

OnExisting = Literal["skip", "overwrite", "error"]


@dataclass(frozen=True, slots=True)
class Settings:
    """How to compress. The same settings, images and backend give the same bytes."""

    bpp: float = 5.0
    effort: str = "medium"
    profile: str = "standard"
    mips: Literal["all", "none"] = "all"
    wrap: tuple[bool, bool] = (True, True)
    seed: int = 0
    threads: int = 0  # 0: one per core
    backend: str = "auto"
    texels: int = 0  # to fit; 0: as the effort says
    max_memory: int = 0  # bytes; 0: no limit

    def __post_init__(self) -> None:
        if self.effort not in EFFORTS:
            raise UsageError(f"effort `{self.effort}`: use one of {', '.join(EFFORTS)}")
        if self.profile not in PROFILES:
            raise UsageError(f"profile `{self.profile}`: use one of {', '.join(PROFILES)}")
        if not 0.05 <= self.bpp <= 64:
            raise UsageError(f"bpp {self.bpp:g}: use 0.05 to 64")
        if self.mips not in ("all", "none"):
            raise UsageError(f"mips `{self.mips}`: use all or none")
        if min(self.threads, self.texels, self.seed, self.max_memory) < 0:
            raise UsageError("threads, texels, seed and max_memory are 0 or more")
        if self.seed >= 1 << 64:
            raise UsageError(f"seed {self.seed}: use a number below 2^64")


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
    backend, name = load_backend(settings.backend)
    _check_memory(Path(path), settings, name, only, exclude)
    textures = load_material(Path(path), only=only, exclude=exclude)
    for message in textures.warnings:
        on_warning(message)
    plan = _plan(textures.width, textures.height, textures.channels.shape[2], settings)
    images = _images(textures, plan)
    problem = Problem(
        plan,
        tuple(images),
        _texels(textures, settings),
        settings.seed,
        settings.threads or os.cpu_count() or 1,
    )
    model = quantize(loop.fit(backend(problem), problem, on_progress), plan)
    decoded = as_written(open_decoder().decode(model), textures.maps)
    quality = metrics.set_psnr(decoded, images[0], textures.maps)
    metadata = Metadata(
        name=textures.name,
        maps=textures.maps,
        fit=_fit_record(settings, name, problem.texels),
        quality=Quality(psnr=_rounded(quality.psnr), maps=_rounded_all(quality.maps)),
        generator=f"ntc {version('ntc')}",
    )
    file = NtcFile(model, metadata)
    return Material(file, container.write(file), textures.warnings)


def _plan(width: int, height: int, channels: int, settings: Settings) -> Plan:
    mips = mip_count(width, height) if settings.mips == "all" else 1
    bpp, wrap, profile = settings.bpp, settings.wrap, settings.profile
    return make_plan(width, height, max(channels, 1), mips, bpp, wrap, profile)


def _check_memory(
    path: Path, settings: Settings, backend: str, only: Sequence[str], exclude: Sequence[str]
) -> None:
    """Raises RuntimeFailure before a pixel is read if all channels could exceed the limit."""
    shape = measure_material(path, only=only, exclude=exclude)
    needed = peak_bytes(_plan(*shape, settings), backend)
    if settings.max_memory and needed > settings.max_memory:
        raise RuntimeFailure(
            f"{path}: needs up to {needed / 1e6:.0f} MB of memory, {settings.max_memory / 1e6:.0f} "
            "MB are allowed; raise --max-memory, or leave maps out with --exclude"
        )


def _images(textures: TextureSet, plan: Plan) -> list[npt.NDArray[np.float32]]:
    """What to fit, per mip: black if all is constant, because a decoder has some output."""
    if textures.channels.shape[2]:
        return textures.mip_chain(plan.mips)
    sizes = [spec.mip_size(plan.width, plan.height, mip) for mip in range(plan.mips)]
    return [np.zeros((height, width, 1), np.float32) for width, height in sizes]


def _texels(textures: TextureSet, settings: Settings) -> int:
    if textures.channels.shape[2] == 0:
        return 1
    return settings.texels or texels_to_fit(settings.effort, textures.width, textures.height)


def _fit_record(settings: Settings, backend: str, texels: int) -> FitRecord:
    return FitRecord(
        backend=backend,
        effort="custom" if settings.texels else settings.effort,
        seed=settings.seed,
        texels=texels,
        settings={"bpp": settings.bpp, "profile": settings.profile},
    )


def dry_run(
    path: str | Path,
    output: str | Path,
    settings: Settings | None = None,
    *,
    only: Sequence[str] = (),
    exclude: Sequence[str] = (),
) -> DryRunReport:
    """What `compress` would do. Images are read, nothing is fitted or written."""
    settings = settings or Settings()
    backend = load_backend(settings.backend)[1]
    _check_memory(Path(path), settings, backend, only, exclude)
    textures = load_material(Path(path), only=only, exclude=exclude)
    plan = _plan(textures.width, textures.height, textures.channels.shape[2], settings)
    return DryRunReport(
        name=textures.name,
        file=str(output),
        exists=Path(output).exists(),
        width=plan.width,
        height=plan.height,
        mips=plan.mips,
        channels=textures.channels.shape[2],
        maps={record.name: record.file for record in textures.maps},
        levels=[
            PlannedLevel(width=v.width, height=v.height, features=v.features) for v in plan.levels
        ],
        macs=plan.macs,
        texels=_texels(textures, settings),
        peak_memory_bytes=peak_bytes(plan, backend),
        warnings=list(textures.warnings),
    )


def check_target(path: Path, on_existing: OnExisting) -> bool:
    """Whether `path` is to be written; nothing is made yet.

    Raises FileError if it cannot be written, or exists and `on_existing` is `error`.
    """
    if path.is_dir():
        raise FileError(f"{path}: is a folder; name a file in it")
    if path.exists() and on_existing == "error":
        raise FileError(f"{path}: exists; use --on-existing overwrite or skip")
    if path.exists() and on_existing == "skip":
        return False
    check_folder(path.parent)
    return True


def verify(path: Path, material: Material) -> None:
    """The written file opens and decodes to the same. Raises FileError if not."""
    try:
        again = open_material(path)
    except FormatError as error:
        raise FileError(f"{path}: does not hold what was written ({error})") from error
    if not np.array_equal(again.decode_outputs(), material.decode_outputs()):
        raise FileError(f"{path}: does not decode to what was fitted")


def compress_report(
    path: Path, material: Material, seconds: float, *, skipped: bool = False
) -> CompressReport:
    """The report on a file that `compress` wrote, or that it left as it was."""
    model, metadata = material.file.model, material.file.metadata
    return CompressReport(
        file=str(path),
        skipped=skipped,
        bytes=len(material.data),
        bpp=round(material.bpp, 4),
        video_memory_bytes=material.video_memory_bytes,
        width=model.width,
        height=model.height,
        mips=model.mips,
        channels=model.channels,
        macs=model.macs,
        psnr=metadata.quality.psnr,
        maps=metadata.quality.maps,
        seconds=round(seconds, 3),
        peak_memory_bytes=peak_memory(),
        texels=metadata.fit.texels,
        backend=metadata.fit.backend,
        warnings=list(material.warnings),
    )


def decompress(
    path: str | Path,
    folder: str | Path,
    *,
    mip: int = 0,
    only: Sequence[str] = (),
    on_existing: OnExisting = "error",
) -> DecompressReport:
    """Writes the maps of a `.ntc` into `folder` under their original names, sizes and types.

    `only` are globs over map names, semantics and file names. Raises FileError before anything is
    written if a file exists and `on_existing` is `error`.
    """
    start = time.perf_counter()
    material = open_material(path)
    mip_size(material.file.model, mip)  # before anything is said about the files of a mip
    targets = {r.name: Path(folder) / r.file for r in material.maps if _selected(r, only)}
    if not targets:
        names = ", ".join(r.name for r in material.maps)
        raise UsageError(f"{path}: no map matches {', '.join(only)}; there are {names}")
    wanted = [name for name, target in targets.items() if check_target(target, on_existing)]
    maps = material.original_maps(mip) if wanted else {}
    make_folder(Path(folder))
    for name in wanted:
        write_image(targets[name], maps[name])
    return DecompressReport(
        file=str(path),
        mip=mip,
        written=[str(targets[name]) for name in wanted],
        skipped=[str(target) for name, target in targets.items() if name not in wanted],
        seconds=round(time.perf_counter() - start, 3),
    )


def _selected(record: MapRecord, only: Sequence[str]) -> bool:
    return not only or matches(only, record.name, record.semantic.value, record.file)


def info(path: str | Path) -> InfoReport:
    """What a `.ntc` holds. Raises FileError or FormatError."""
    material = open_material(path)
    model, metadata = material.file.model, material.file.metadata
    levels = [
        LevelReport(
            width=level.width,
            height=level.height,
            features=level.features,
            tile=1 << level.tile_log2,
            mean_code_width=round(
                32 * level.words.size / (level.width * level.height * level.features), 3
            ),
            bytes=level.nbytes,
        )
        for level in model.levels
    ]
    return InfoReport(
        file=str(path),
        bytes=len(material.data),
        bpp=round(material.bpp, 4),
        video_memory_bytes=material.video_memory_bytes,
        bytes_per_texel=bytes_per_texel(model),
        macs=model.macs,
        name=metadata.name,
        width=model.width,
        height=model.height,
        mips=model.mips,
        channels=model.channels,
        wrap=model.wrap,
        decoder=[model.inputs, *(len(layer.weights) for layer in model.layers)],
        levels=levels,
        maps=list(metadata.maps),
        psnr=metadata.quality.psnr,
        map_psnr=metadata.quality.maps,
        fit=metadata.fit,
        generator=metadata.generator,
    )


def validate(path: str | Path) -> ValidateReport:
    """Whether a `.ntc` keeps every rule of docs/format.md. Raises FileError if it is unreadable."""
    data = read_bytes(Path(path))
    try:
        container.read(data)
    except FormatError as error:
        return ValidateReport(
            file=str(path), valid=False, rule=error.rule, offset=error.offset, error=str(error)
        )
    return ValidateReport(file=str(path), valid=True)


def system() -> SystemReport:
    """What this machine can run."""
    return SystemReport(
        ntc=version("ntc"),
        python=platform.python_version(),
        platform=platform.platform(),
        cores=os.cpu_count() or 1,
        backends=installed_backends(),
        isa=native.isa() if native.available() else None,
        isas=native.isas() if native.available() else [],
    )


def _rounded(psnr: float | None) -> float | None:
    return None if psnr is None else round(psnr, 3)


def _rounded_all(maps: dict[str, float | None]) -> dict[str, float | None]:
    return {name: _rounded(psnr) for name, psnr in maps.items()}
