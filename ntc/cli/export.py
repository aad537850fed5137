"""`ntc export`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ntc.cli.console import DEVICE, OnExisting, decibels, print_json, size, warn

if TYPE_CHECKING:
    from ntc.reports import ExportedMap, ExportReport


class Target(StrEnum):
    """What to write."""

    DDS = "dds"
    KTX2 = "ktx2"
    PNG = "png"
    EXR = "exr"
    WORDS = "words"


class Format(StrEnum):
    """How a GPU stores the texels."""

    AUTO = "auto"
    BC1 = "bc1"
    BC3 = "bc3"
    BC4 = "bc4"
    BC5 = "bc5"
    BC6H = "bc6h"
    BC7 = "bc7"
    RGBA8 = "rgba8"
    RGBA16F = "rgba16f"


class Quality(StrEnum):
    """How long the block compression searches."""

    FAST = "fast"
    SLOW = "slow"


def command(
    file: Path = typer.Argument(help="A .ntc file."),
    output: Path = typer.Option(Path(), "-o", "--output", help="Folder for the textures."),
    to: Target = typer.Option(help="Textures with their mips, images, or what shaders read."),
    only: list[str] = typer.Option([], help="Write these maps only (name, semantic or glob)."),
    format: Format = typer.Option(
        Format.AUTO, help="Of all textures; auto takes what suits each map."
    ),
    mips: bool | None = typer.Option(
        None, "--mips/--no-mips", help="All mips, or one; images are one unless told."
    ),
    quality: Quality = typer.Option(Quality.FAST, help="How long BC6H and BC7 are searched."),
    on_existing: OnExisting = typer.Option(OnExisting.ERROR, help="If a file exists."),
    device: str = DEVICE,
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
) -> int:
    """Write the maps of a .ntc as GPU textures (DDS, KTX2), images (PNG, EXR) or words of shaders.

    \b
    ntc export bricks.ntc -o textures --to dds
    ntc export bricks.ntc -o textures --to ktx2 --only albedo --format bc1

    By itself colours become BC7 with the sRGB flag, normals BC5 (x and y), single channels BC4,
    packed maps BC7, and high dynamic range BC6H. Words are all maps together, still compressed.
    """
    from ntc import api

    report = api.export(
        file,
        output,
        to=to.value,
        only=only,
        format=format.value,
        mips=mips,
        quality=quality.value,
        on_existing=on_existing.value,
        decoder=api.open_decoder(device),
    )
    for message in report.warnings:
        warn(message, file)
    print_json(report) if as_json else _print(report)
    return 0


def _print(report: ExportReport) -> None:
    for done in report.written:
        typer.echo("\n".join(done.files[:-1] + [f"{done.files[-1]}: {_summary(done)}"]))
    for path in report.skipped:
        typer.echo(f"{path}: kept as it was", err=True)
    memory = report.video_memory_bytes
    cost = f"{size(memory)} of video memory, " if memory is not None else ""
    what = "all maps" if report.to == "words" else f"{len(report.written)} maps"
    typer.echo(f"{what}: {cost}{size(report.bytes)}, {report.seconds:.1f} s")


def _summary(done: ExportedMap) -> str:
    kind = f"{done.format} sRGB" if done.srgb else done.format
    mips = "1 mip" if done.mips == 1 else f"{done.mips} mips"
    quality = f", {decibels(done.psnr)}" if done.video_memory_bytes is not None else ""
    return f"{kind}, {done.width}x{done.height}, {mips}, {size(done.bytes)}{quality}"
