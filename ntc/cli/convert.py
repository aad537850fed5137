"""`ntc convert`."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import typer

from ntc.cli.compress import print_report
from ntc.cli.console import OnExisting, print_json, progress
from ntc.cli.options import Effort, Encoding
from ntc.errors import UsageError


def command(
    file: Path = typer.Argument(help="A .ntc file."),
    output: Path = typer.Option(..., "-o", "--output", help="The .ntc to write."),
    encoding: Encoding = typer.Option(
        Encoding.AUTO, help="How latents are laid out; auto keeps what the file has."
    ),
    bpp: float = typer.Option(0.0, help="Bits per texel of mip 0, of video memory; 0: as now."),
    effort: Effort = typer.Option(Effort.MEDIUM, help="A fifth of its texels is fitted."),
    texels: int = typer.Option(0, min=0, hidden=True, help="A fifth of these."),
    seed: int = typer.Option(0, min=0, help="The same seed and settings give the same bytes."),
    threads: int = typer.Option(0, min=0, help="0 uses every core."),
    backend: str = typer.Option("auto", help="What fits; `ntc info --system` lists them."),
    on_existing: OnExisting = typer.Option(OnExisting.ERROR, help="If the output exists."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
    quiet: bool = typer.Option(False, "-q", "--quiet", help="No progress, no summary."),
) -> int:
    """Fit a .ntc again in another encoding or size, from itself: the originals are not needed.

    \b
    ntc convert bricks.ntc --encoding grid -o bricks-grid.ntc
    ntc convert bricks.ntc --bpp 2 -o bricks-small.ntc

    The PSNR that is printed and kept in the file compares with what the old file decodes to.
    """
    from ntc import api

    if output.suffix.lower() != ".ntc":
        raise UsageError(f"-o {output}: name a .ntc file")
    intended = api.intended_settings(file)
    settings = replace(
        intended,
        bpp=bpp or intended.rate,
        effort=effort.value,
        encoding=encoding.value,
        seed=seed,
        threads=threads,
        backend=backend,
        texels=texels,
    )
    start = time.perf_counter()
    write = api.check_target(output, on_existing.value)
    if write:
        with progress(output.stem, quiet=quiet) as on_progress:
            material = api.convert(file, settings, on_progress=on_progress)
        material.save(output)
    else:
        material = api.open_material(output)
    seconds = time.perf_counter() - start
    report = api.compress_report(output, material, seconds, skipped=not write)
    if as_json:
        print_json(report)
    elif not quiet:
        print_report(report)
    return 0
