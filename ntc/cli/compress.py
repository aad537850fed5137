"""`ntc compress`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ntc.cli.console import Failures, OnExisting, decibels, print_json, progress, size, warn
from ntc.cli.options import with_settings
from ntc.cli.view import view_fit
from ntc.errors import UsageError

if TYPE_CHECKING:
    from ntc.reports import CompressReport, DryRunReport
    from ntc.settings import Settings


@with_settings
def command(
    paths: list[Path] = typer.Argument(help="Folders of maps, manifests or single images."),
    output: Path | None = typer.Option(
        None, "-o", "--output", help="The .ntc to write, or a folder for several materials."
    ),
    *,
    settings: Settings,
    only: list[str] = typer.Option([], help="Take these maps only (name, semantic or glob)."),
    exclude: list[str] = typer.Option([], help="Leave these maps out (name, semantic or glob)."),
    on_existing: OnExisting = typer.Option(OnExisting.ERROR, help="If the output exists."),
    verify: bool = typer.Option(False, "--verify", help="Re-open and decode before success."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Say what would be done, and stop."),
    view: bool = typer.Option(False, "--view", help="Watch and steer the fit in the browser."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document a material on stdout."),
    quiet: bool = typer.Option(False, "-q", "--quiet", help="No progress, no summary."),
) -> int:
    """Compress materials: all maps and mips of each into one .ntc.

    \b
    ntc compress textures/bricks -o bricks.ntc
    ntc compress textures/* -o compressed/ --bpp 3 --effort thorough
    ntc compress textures/bricks -o bricks.ntc --target-psnr 38 --target-psnr normal=42

    One target at a time. A material that fails does not stop the others; the exit code is that
    of the first failure.
    """
    from ntc import api

    targets = _targets(paths, output)
    failures = Failures()
    if dry_run:
        for path, target in zip(paths, targets, strict=True):
            with failures.noted(path):
                plan = api.dry_run(path, target, settings, only=only, exclude=exclude)
                print_json(plan) if as_json else _print_plan(plan, path)
        return failures.exit_code
    # All are checked before the first fit, which may take hours.
    wanted = [api.check_target(target, on_existing.value) for target in targets]
    if view:
        if len(paths) > 1 or not wanted[0] or verify or as_json or quiet:
            raise UsageError("--view: takes one material to write; not --verify, --json or --quiet")
        return view_fit(paths[0], targets[0], settings, only, exclude)
    for path, target, write in zip(paths, targets, wanted, strict=True):
        with failures.noted(path):
            start = time.perf_counter()
            if write:
                with progress(target.stem, quiet=quiet) as on_progress:
                    material = api.compress(
                        path,
                        settings,
                        only=only,
                        exclude=exclude,
                        on_progress=on_progress,
                        on_warning=_warner(path),
                    )
                material.save(target)
                if verify:
                    api.verify(target, material)
            else:
                material = api.open_material(target)
            seconds = time.perf_counter() - start
            report = api.compress_report(target, material, seconds, skipped=not write)
            if as_json:
                print_json(report)
            elif not quiet:
                print_report(report)
    return failures.exit_code


def _warner(path: Path) -> Callable[[str], None]:
    return lambda message: warn(message, path)


def _targets(paths: list[Path], output: Path | None) -> list[Path]:
    """The file to write for each path, no two the same."""
    if len(paths) > 1 and output is not None and output.suffix.lower() == ".ntc":
        raise UsageError(f"-o {output}: several materials need a folder")
    targets = [_target(path, output) for path in paths]
    twice = next((target for target in targets if targets.count(target) > 1), None)
    if twice is not None:
        raise UsageError(f"{twice}: two of the materials would be written to it")
    return targets


def _target(path: Path, output: Path | None) -> Path:
    """The file that the user named, or one named after the material in the folder given."""
    if output is not None and output.suffix.lower() == ".ntc" and not output.is_dir():
        return output
    path = Path(os.path.abspath(path))  # a link keeps its own name
    if path.name == "manifest.json":
        path = path.parent
    name = path.name if path.is_dir() else path.stem
    return (output or Path()) / f"{name}.ntc"


def _print_plan(plan: DryRunReport, path: Path) -> None:
    there = " (exists)" if plan.exists else ""
    typer.echo(
        f"{plan.name}: {plan.width}x{plan.height}, {plan.mips} mips, {plan.channels} channels\n"
        f"would write   {plan.file}{there}\n"
        f"fit           {plan.texels / 1e6:.1f} M texels, {size(plan.peak_memory_bytes)} of memory"
    )
    for name, model in plan.encodings.items():
        levels = ", ".join(f"{lv.width}x{lv.height}x{lv.features}" for lv in model.levels)
        typer.echo(f"{name:<13} {model.macs} MAC, levels {levels}")
    for name, file in plan.maps.items():
        typer.echo(f"map           {name}: {file}")
    for message in plan.warnings:
        warn(message, path)


def print_report(report: CompressReport) -> None:
    """One line on what was written."""
    done = "kept as it was" if report.skipped else f"{report.seconds:.1f} s"
    cost = f"{size(report.bytes)}, {report.bpp:.2f} bpp"
    typer.echo(f"{report.file}: {cost}, {decibels(report.psnr)}, {report.encoding}, {done}")
