"""`ntc info`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ntc.cli.console import decibels, print_json, size
from ntc.errors import UsageError

if TYPE_CHECKING:
    from ntc.reports import InfoReport, LevelReport, SystemReport


def command(
    file: Path | None = typer.Argument(None, help="A .ntc file."),
    system: bool = typer.Option(False, "--system", help="What this machine can run instead."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
) -> int:
    """Show what a .ntc holds and what it costs, or with --system what this machine can run."""
    from ntc import api

    if (file is None) != system:
        raise UsageError("name a .ntc file, or use --system")
    if file is None:
        machine = api.system()
        print_json(machine) if as_json else _print_system(machine)
    else:
        report = api.info(file)
        print_json(report) if as_json else _print(report)
    return 0


def _print(report: InfoReport) -> None:
    texels = f"{report.width}x{report.height}, {report.mips} mips"
    raw = report.width * report.height * report.channels * 4 // 3
    lines = [
        f"{report.name}: {texels}, {report.channels} channels, {decibels(report.psnr)}",
        f"file          {size(report.bytes)}, {report.bpp:.2f} bpp",
        f"video memory  {size(report.video_memory_bytes)} (8-bit channels with mips: {size(raw)})",
        f"decoder       {' - '.join(map(str, report.decoder))}, {report.macs} MAC, "
        f"at most {report.bytes_per_texel} bytes read per texel",
        f"encoding      {report.encoding}",
        f"fit           {report.fit.backend}, {report.fit.effort}, seed {report.fit.seed}, "
        f"{report.fit.texels / 1e6:.1f} M texels, {report.fit.filtering}, {report.generator}",
    ]
    lines.insert(-1, f"settings      {_settings(report.fit.settings)}")
    lines += [f"level         {_level(level)}" for level in report.levels]
    for record in report.maps:
        source = f"{record.width}x{record.height}x{len(record.channels)} {record.sample.value}"
        quality = decibels(report.map_psnr.get(record.name))
        lines.append(f"map           {record.name}: {record.file}, {source}, {quality}")
    typer.echo("\n".join(lines))


def _settings(settings: Mapping[str, object]) -> str:
    """`bpp 5, budget memory, ...`."""
    return ", ".join(f"{name} {value}" for name, value in settings.items())


def _level(level: LevelReport) -> str:
    """`2048x2048 triangles, 2^18 of 4194304 cells, 2 features, 3 bits, 196.6 kB`."""
    shape = " triangles" if level.triangles else ""
    cells = level.width * level.height
    stored = ""
    if level.kept_blocks is not None:
        stored = f"{level.kept_blocks:.1%} of blocks, "
    elif level.stored_cells != cells:  # else dense, or a table that would do as well
        part = "of" if level.stored_cells < cells else "for"
        stored = f"2^{level.stored_cells.bit_length() - 1} {part} {cells} cells, "
    return (
        f"{level.width}x{level.height}{shape}, {stored}{level.features} features, "
        f"{level.mean_code_width:g} bits, {size(level.bytes)}"
    )


def _print_system(report: SystemReport) -> None:
    typer.echo(f"ntc       {report.ntc}")
    typer.echo(f"python    {report.python} on {report.platform}")
    typer.echo(f"cores     {report.cores}")
    typer.echo(f"backends  {', '.join(report.backends) or 'none: pip install ntc[torch]'}")
    core = f"{report.isa} (of {', '.join(report.isas)})" if report.isa else "not built"
    typer.echo(f"native    {core}")
    for device in report.vulkan:
        about = f"{device.name}, {device.kind}, Vulkan {device.api}, {device.driver}"
        typer.echo(f"vulkan:{device.index}  {about}")
    if report.vulkan_missing:
        typer.echo(f"vulkan    none: {report.vulkan_missing}")
