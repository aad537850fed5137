"""`ntc compare`."""

from __future__ import annotations

import math
from pathlib import Path

import typer

from ntc.cli.console import DEVICE, complain, decibels, print_json
from ntc.errors import UsageError

QUALITY_FAILED = 6
DIFFERS = 7


def command(
    a: Path = typer.Argument(help="Reference: a .ntc, or maps or textures: a folder or one file."),
    b: Path = typer.Argument(help="What to compare with it."),
    min_psnr: float | None = typer.Option(None, help="Exit with 6 if the whole is below, in dB."),
    exact: bool = typer.Option(False, "--exact", help="Exit with 7 if any sample differs."),
    device: str = DEVICE,
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
) -> int:
    """PSNR of all maps of B against those of A, in storage space, and angles between normals."""
    from ntc import api

    if min_psnr is not None and math.isnan(min_psnr):
        raise UsageError("--min-psnr nan: use a number of dB")
    report = api.compare(a, b, decoder=api.open_decoder(device))
    if as_json:
        print_json(report)
    else:
        for name, psnr in report.maps.items():
            angles = report.normal_degrees.get(name)
            detail = f", {angles[0]:.2f} deg mean, {angles[1]:.1f} deg worst" if angles else ""
            typer.echo(f"{name:<16} {decibels(psnr)}{detail}")
        typer.echo(f"{'all channels':<16} {decibels(report.psnr)}")
    if exact and not report.equal:
        return complain(f"{b} differs from {a}", DIFFERS)
    if min_psnr is not None and report.psnr is not None and report.psnr < min_psnr:
        return complain(f"{decibels(report.psnr)} is below {min_psnr:g} dB", QUALITY_FAILED)
    return 0
