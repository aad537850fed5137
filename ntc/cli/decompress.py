"""`ntc decompress`."""

from __future__ import annotations

from pathlib import Path

import typer

from ntc.cli.console import DEVICE, OnExisting, print_json


def command(
    file: Path = typer.Argument(help="A .ntc file."),
    output: Path = typer.Option(Path(), "-o", "--output", help="Folder for the images."),
    mip: int = typer.Option(0, min=0, help="Which mip."),
    only: list[str] = typer.Option([], help="Write these maps only (name, semantic or glob)."),
    on_existing: OnExisting = typer.Option(OnExisting.ERROR, help="If an image exists."),
    device: str = DEVICE,
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
) -> int:
    """Write the maps of a .ntc under their original names, sizes and bit depths."""
    from ntc import api

    report = api.decompress(
        file,
        output,
        mip=mip,
        only=only,
        on_existing=on_existing.value,
        decoder=api.open_decoder(device),
    )
    if as_json:
        print_json(report)
        return 0
    for path in report.written:
        typer.echo(path)
    for path in report.skipped:
        typer.echo(f"{path}: kept as it was", err=True)
    return 0
