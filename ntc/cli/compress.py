"""`ntc compress`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ntc.cli.console import Failures, OnExisting, decibels, print_json, progress, size, warn
from ntc.errors import UsageError

if TYPE_CHECKING:
    from ntc.reports import CompressReport, DryRunReport


class Effort(StrEnum):
    """How many texels are fitted; each step up fits four times more."""

    FAST = "fast"
    MEDIUM = "medium"
    THOROUGH = "thorough"
    EXHAUSTIVE = "exhaustive"


class Encoding(StrEnum):
    """How the latents of a material are laid out."""

    AUTO = "auto"
    GRID = "grid"
    HASH = "hash"
    SIMPLEX = "simplex"


class Profile(StrEnum):
    """What decoding one texel may cost, in multiply-accumulates."""

    BILINEAR = "bilinear"
    LIGHT = "light"
    STANDARD = "standard"
    QUALITY = "quality"


class Budget(StrEnum):
    """What bits a texel are counted of."""

    MEMORY = "memory"
    FILE = "file"


class Match(StrEnum):
    """What the quality of a material is taken from."""

    BC7 = "bc7"


class Normals(StrEnum):
    """What the error of a normal map is."""

    COMPONENTS = "components"
    ANGLE = "angle"


class Filtering(StrEnum):
    """Where a decoder is right: at texels, or wherever a trilinear filter reads."""

    TEXEL = "texel"
    FILTERED = "filtered"


class Mips(StrEnum):
    """Which mips the file holds."""

    ALL = "all"
    NONE = "none"


class Address(StrEnum):
    """What lies beyond the border of a texture."""

    WRAP = "wrap"
    CLAMP = "clamp"


def command(
    paths: list[Path] = typer.Argument(help="Folders of maps, manifests or single images."),
    output: Path | None = typer.Option(
        None, "-o", "--output", help="The .ntc to write, or a folder for several materials."
    ),
    bpp: float | None = typer.Option(
        None, help="Target: bits per texel of mip 0, at most. 5 where no target is named."
    ),
    budget: Budget = typer.Option(
        Budget.MEMORY,
        help="Bits of what: the memory of a GPU, or the file, for low rates.",
    ),
    max_size: str = typer.Option("", help="Target: bytes of the file, at most, e.g. 2MB."),
    target_psnr: list[str] = typer.Option(
        [], help="Target: dB of all maps, or normal=42 of one, by name or semantic; repeatable."
    ),
    match: Match | None = typer.Option(
        None, help="Target: the PSNR that BC7, BC5 and BC4 reach on this material."
    ),
    quality: float | None = typer.Option(
        None, help="Target: 0 to 100; equal quality spends bits of many materials where they help."
    ),
    weight: list[str] = typer.Option(
        [], help="normal=2: errors of this map, by name or semantic, count twice; repeatable."
    ),
    normals: Normals = typer.Option(
        Normals.COMPONENTS, help="angle: errors of normals count as far as they turn them."
    ),
    effort: Effort = typer.Option(Effort.MEDIUM, help="Texels fitted; quality for time."),
    texels: int = typer.Option(0, min=0, hidden=True, help="Fit these, whatever the effort."),
    encoding: Encoding = typer.Option(
        Encoding.AUTO, help="How latents are laid out; auto looks at where detail is."
    ),
    keep: float = typer.Option(
        1.0, help="Part of the entries that pruning keeps, 0.1 to 1; 1: no pruning."
    ),
    profile: Profile = typer.Option(Profile.STANDARD, help="Cost of decoding a texel."),
    filtering: Filtering = typer.Option(
        Filtering.TEXEL, help="filtered: one decode stands for a trilinear filter of texels."
    ),
    mips: Mips = typer.Option(Mips.ALL, help="Store the whole mip chain, or mip 0 alone."),
    address: Address = typer.Option(Address.WRAP, help="Address mode of both axes."),
    only: list[str] = typer.Option([], help="Take these maps only (name, semantic or glob)."),
    exclude: list[str] = typer.Option([], help="Leave these maps out (name, semantic or glob)."),
    seed: int = typer.Option(0, min=0, help="The same seed and settings give the same bytes."),
    threads: int = typer.Option(0, min=0, help="0 uses every core."),
    max_memory: str = typer.Option("", help="For example 4GB; large images then go to disk."),
    backend: str = typer.Option("auto", help="What fits; `ntc info --system` lists them."),
    on_existing: OnExisting = typer.Option(OnExisting.ERROR, help="If the output exists."),
    verify: bool = typer.Option(False, "--verify", help="Re-open and decode before success."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Say what would be done, and stop."),
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

    whole, floors = _psnr(target_psnr)
    settings = api.Settings(
        bpp=bpp,
        budget=budget.value,
        max_size=_bytes(max_size, "--max-size") if max_size else 0,
        target_psnr=whole,
        floors=floors,
        match=match.value if match else "",
        quality=quality,
        weights=_numbers(weight, "--weight"),
        normals=normals.value,
        effort=effort.value,
        encoding=encoding.value,
        profile=profile.value,
        mips=mips.value,
        wrap=(address is Address.WRAP, address is Address.WRAP),
        seed=seed,
        threads=threads,
        backend=backend,
        texels=texels,
        max_memory=_bytes(max_memory, "--max-memory") if max_memory else 0,
        keep=keep,
        filtering=filtering.value,
    )
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


def _psnr(texts: list[str]) -> tuple[float | None, dict[str, float]]:
    """`40` for all maps, and `normal=42` for some."""
    overall = [text for text in texts if "=" not in text]
    if len(overall) > 1:
        raise UsageError(f"--target-psnr {' and '.join(overall)}: one for all maps, or NAME=dB")
    floors = _numbers([text for text in texts if "=" in text], "--target-psnr")
    return (_number(overall[0], overall[0], "--target-psnr") if overall else None), floors


def _numbers(texts: list[str], option: str) -> dict[str, float]:
    """`normal=2` as a name and a number, each name once."""
    found: dict[str, float] = {}
    for text in texts:
        name, _, number = text.rpartition("=")
        if not name or name in found:
            raise UsageError(f"{option} {text}: use NAME=NUMBER, each map once")
        found[name] = _number(number, text, option)
    return found


def _number(number: str, text: str, option: str) -> float:
    try:
        return float(number)
    except ValueError:
        raise UsageError(f"{option} {text}: use a number, or NAME=NUMBER") from None


def _bytes(text: str, option: str) -> int:
    """`1500MB` or `4GB` or plain bytes as a number."""
    units = {"": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
    number = text.rstrip("KMGIBkmgib")
    try:
        count = int(float(number) * units[text[len(number) :].strip().upper()])
    except (KeyError, ValueError, OverflowError):
        count = 0
    if count <= 0:
        raise UsageError(f"{option} {text}: use a number with KB, MB, GB or GiB")
    return count


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
