"""What ntc does, as functions: compress, convert, decompress, export, compare, info, validate.

The command line calls these and prints.
"""

from __future__ import annotations

import math
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import numpy as np

from ntc import native
from ntc.comparison import compare
from ntc.compression import compress
from ntc.conversion import convert, intended_settings
from ntc.decode import open_decoder
from ntc.decode.decoder import Decoder
from ntc.decode.gpu import device as gpu
from ntc.decode.region import mip_size
from ntc.errors import FileError, FormatError, RuntimeFailure
from ntc.exporting import export
from ntc.files import OnExisting, check_target, make_folder, read_bytes
from ntc.fit.backends import installed_backends
from ntc.fit.plan import Plan
from ntc.format import container
from ntc.format.model import bytes_per_texel, encoding_of
from ntc.machine import peak_memory
from ntc.material import Material, open_material
from ntc.planning import find_room, make_plans, plan_material, texels_to_spend
from ntc.reports import (
    CompressReport,
    DecompressReport,
    DryRunReport,
    InfoReport,
    LevelReport,
    PlannedLevel,
    PlannedModel,
    SystemReport,
    ValidateReport,
    VulkanDevice,
)
from ntc.settings import Settings
from ntc.texture import Listing, bands_of, load_material

__all__ = [
    "Listing",
    "Settings",
    "check_target",
    "compare",
    "compress",
    "compress_report",
    "convert",
    "decompress",
    "dry_run",
    "export",
    "info",
    "intended_settings",
    "open_decoder",
    "open_material",
    "system",
    "validate",
    "verify",
]


def dry_run(
    path: str | Path | Listing,
    output: str | Path,
    settings: Settings | None = None,
    *,
    only: Sequence[str] = (),
    exclude: Sequence[str] = (),
) -> DryRunReport:
    """What `compress` would do. Images are read, nothing is fitted or written."""
    settings = settings or Settings()
    room, needed = find_room(path, settings, only, exclude)
    with room:
        textures = load_material(path, only=only, exclude=exclude, room=room)
        shape = textures.width, textures.height, textures.channels.shape[2]
        pruning = settings.keep < 1  # the plan then depends on what the images show
        plans = (
            plan_material(textures, settings, room)[0] if pruning else make_plans(shape, settings)
        )
    plan = next(iter(plans.values()))
    return DryRunReport(
        name=textures.name,
        file=str(output),
        exists=Path(output).exists(),
        width=plan.width,
        height=plan.height,
        mips=plan.mips,
        channels=textures.channels.shape[2],
        maps={record.name: record.file for record in textures.maps},
        encodings={name: _planned(plan) for name, plan in plans.items()},
        texels=texels_to_spend(shape, settings),
        peak_memory_bytes=needed,
        warnings=list(textures.warnings),
    )


def _planned(plan: Plan) -> PlannedModel:
    levels = [
        PlannedLevel(
            width=v.width,
            height=v.height,
            features=v.features,
            stored_cells=math.prod(v.stored),
            triangles=v.layout.simplex,
        )
        for v in plan.levels
    ]
    return PlannedModel(levels=levels, macs=plan.macs)


def verify(path: Path, material: Material) -> None:
    """The written file opens and decodes to the same. Raises FileError if not."""
    try:
        again = open_material(path)
    except FormatError as error:
        raise FileError(f"{path}: does not hold what was written ({error})") from error
    width, height = material.size
    for rows in bands_of(height, width):
        rect = 0, rows.start, width, rows.stop - rows.start
        if not np.array_equal(again.decode_outputs(0, rect), material.decode_outputs(0, rect)):
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
        encoding=encoding_of(model),
        warnings=list(material.warnings),
    )


def decompress(
    path: str | Path,
    folder: str | Path,
    *,
    mip: int = 0,
    only: Sequence[str] = (),
    on_existing: OnExisting = "error",
    decoder: Decoder | None = None,
) -> DecompressReport:
    """Writes the maps of a `.ntc` into `folder` under their original names, sizes and types.

    `only` are globs over map names, semantics and file names. Raises FileError before anything is
    written if a file exists and `on_existing` is `error`.
    """
    start = time.perf_counter()
    material = open_material(path)
    mip_size(material.file.model, mip)  # before anything is said about the files of a mip
    targets = {r.name: Path(folder) / r.file for r in material.select(only)}
    wanted = [name for name, target in targets.items() if check_target(target, on_existing)]
    make_folder(Path(folder))
    for record in material.maps:
        if record.name in wanted:
            material.save_map(targets[record.name], record, mip, decoder)
    return DecompressReport(
        file=str(path),
        mip=mip,
        written=[str(targets[name]) for name in wanted],
        skipped=[str(target) for name, target in targets.items() if name not in wanted],
        seconds=round(time.perf_counter() - start, 3),
    )


def info(path: str | Path) -> InfoReport:
    """What a `.ntc` holds. Raises FileError or FormatError."""
    return describe(open_material(path), path)


def describe(material: Material, path: str | Path) -> InfoReport:
    """As `info`, of a file that was opened at this path."""
    model, metadata = material.file.model, material.file.metadata
    levels = [
        LevelReport(
            width=level.width,
            height=level.height,
            features=level.features,
            tile=1 << level.tile_log2,
            stored_cells=math.prod(level.stored),
            triangles=level.layout.simplex,
            kept_blocks=None if level.layout.mask is None else float(level.layout.mask.mean()),
            mean_code_width=round(
                32 * level.words.size / (math.prod(level.stored) * level.features), 3
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
        encoding=encoding_of(model),
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
    vulkan, missing = _vulkan_devices()
    return SystemReport(
        ntc=version("ntc"),
        python=platform.python_version(),
        platform=platform.platform(),
        cores=os.cpu_count() or 1,
        backends=installed_backends(),
        isa=native.isa() if native.available() else None,
        isas=native.isas() if native.available() else [],
        vulkan=vulkan,
        vulkan_missing=missing,
    )


def _vulkan_devices() -> tuple[list[VulkanDevice], str | None]:
    """The devices, or none and why."""
    try:
        return [VulkanDevice(**asdict(found)) for found in gpu.devices()], None
    except RuntimeFailure as error:
        return [], str(error)
