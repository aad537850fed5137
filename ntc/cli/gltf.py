"""`ntc gltf`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ntc.cli.console import Failures, OnExisting, decibels, print_json, progress, size, warn
from ntc.cli.options import with_settings
from ntc.errors import RuntimeFailure

if TYPE_CHECKING:
    from ntc.settings import Settings


@with_settings
def command(
    path: Path = typer.Argument(help="A model: .gltf or .glb."),
    output: Path = typer.Option(
        ..., "-o", "--output", help="Folder for the model, its files and one .ntc a material."
    ),
    *,
    settings: Settings,
    on_existing: OnExisting = typer.Option(OnExisting.ERROR, help="If a file exists."),
    verify: bool = typer.Option(False, "--verify", help="Re-open and decode before success."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
    quiet: bool = typer.Option(False, "-q", "--quiet", help="No progress, no summary."),
) -> int:
    """Compress the materials of a glTF 2.0 model, and keep its images to fall back on.

    \b
    ntc gltf helmet.gltf -o compressed/
    ntc gltf helmet.glb -o compressed/ --quality 60

    Materials name their .ntc in an extension (docs/gltf.md); all else is copied. Address modes are
    those of the samplers, whatever --address says. A material that fails is left as it was, and
    the exit code is then 4.
    """
    from ntc.gltf.conversion import Conversion

    conversion = Conversion(path, output)
    if not conversion.is_wanted(on_existing.value):
        if not quiet:
            typer.echo(f"{conversion.target}: kept as it was")
        return 0
    for file in conversion.missing:
        warn(f"{file}: does not exist", path)
    failures = Failures()
    for group in conversion.groups:
        about = path / group.title
        on_warning = partial(_warn, about)
        with failures.noted(about), progress(group.title, quiet=quiet) as on_progress:
            conversion.compress(group, settings, on_progress, on_warning, verify=verify)
    report = conversion.write()
    if as_json:
        print_json(report)
    elif not quiet:
        for one in report.materials:
            what = f"{one.file}, {decibels(report.psnr[one.file])}" if one.file else one.reason
            typer.echo(f"{one.index} {one.name or '(no name)'}: {one.status}, {what}")
        done = sum(one.file is not None for one in report.materials)
        total = f"{done} of {len(report.materials)} materials, {size(report.bytes)}"
        typer.echo(f"{report.file}: {total}, {report.seconds:.1f} s")
    return RuntimeFailure.exit_code if failures.codes else 0


def _warn(about: Path, message: str) -> None:
    warn(message, about)
