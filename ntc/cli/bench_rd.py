"""`ntc bench rd`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from ntc.cli.console import complain, decibels, print_json
from ntc.cli.options import Budget, Effort
from ntc.errors import RuntimeFailure, UsageError

if TYPE_CHECKING:
    from ntc.bench.rd import Point


def command(
    folders: list[Path] = typer.Argument(help="Folders of maps, manifests or single images."),
    bpp: str = typer.Option("0.5,1,2.5,5,10", help="Rates that we and neural controls are given."),
    budgets: str = typer.Option(
        "memory,file", help="Of what these are bits, see compress: each a curve of its own."
    ),
    effort: Effort = typer.Option(Effort.MEDIUM, help="Texels fitted, by all of these."),
    encodings: str = typer.Option("auto", help="Ours; the first one leads the comparison."),
    profiles: str = typer.Option("standard", help="Ours, each with every encoding."),
    codecs: str = typer.Option("", help="What to compare with; all, unless some are named."),
    cache: Path | None = typer.Option(
        None, help="Folder of results; in the user's cache by default."
    ),
    out: Path | None = typer.Option(None, help="Folder for CSV, JSON, plots and a page."),
    texels: int = typer.Option(0, min=0, hidden=True, help="Fit these, whatever the effort."),
    threads: int = typer.Option(0, min=0, help="Threads of a fit; 0 for one for each core."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
    quiet: bool = typer.Option(False, "-q", "--quiet", help="No line for each point."),
) -> int:
    """Rate and distortion of ours against BC, ASTC, AVIF, JPEG XL, WebP and neural controls.

    Lists are separated by commas. What was measured before is taken from the cache. A codec that
    fails does not end the run, but the exit code is then 4.
    """
    from ntc.bench.rd import Fits, rd_bench, summary, write_report
    from ntc.cache import Cache, default_folder

    fits = Fits(_rates(bpp), effort.value, texels, threads, _budgets(budgets))
    report = rd_bench(
        folders,
        fits,
        _names(encodings, "--encodings"),
        _names(profiles, "--profiles"),
        _list(codecs),
        Cache(cache or default_folder("rd")),
        on_point=_silent if quiet else _show,
        on_failure=_complain,
    )
    if out is not None:
        write_report(report, out)
    print_json(report) if as_json else typer.echo(summary(report))
    return RuntimeFailure.exit_code if report.failures else 0


def _show(name: str, point: Point, cached: bool) -> None:
    if not cached:
        rate = f"{point.file_bpp:.2f} bpp, {decibels(point.quality.psnr)}"
        what = f"{name}: {point.codec} {point.setting}"
        typer.echo(f"{what}: {rate}, {point.seconds:.1f} s", err=True)


def _silent(name: str, point: Point, cached: bool) -> None:
    pass


def _complain(message: str) -> None:
    complain(message, RuntimeFailure.exit_code)


def _list(text: str) -> list[str]:
    return list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def _names(text: str, option: str) -> list[str]:
    names = _list(text)
    if not names:
        raise UsageError(f"{option}: name one at least")
    return names


def _budgets(text: str) -> tuple[Literal["memory", "file"], ...]:
    try:
        return tuple(Budget(name).value for name in _names(text, "--budgets"))
    except ValueError:
        raise UsageError(f"--budgets {text}: use memory, file or both with a comma") from None


def _rates(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in _names(text, "--bpp"))
    except ValueError:
        raise UsageError(f"--bpp {text}: use numbers with commas, such as 1,2.5,5") from None
