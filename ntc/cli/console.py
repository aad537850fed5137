"""What all commands share: options, error lines, JSON, progress on a terminal or in a log."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from ntc.errors import NtcError, reason_of

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ntc.fit.problem import OnProgress
    from ntc.fit.problem import Progress as Step

_LOG_SECONDS: Final = 10.0


# What decodes: the argument of `ntc.decode.open_decoder`.
DEVICE: Final = typer.Option(
    "cpu",
    help="What decodes: cpu, reference, vulkan or vulkan:N (`ntc info --system` lists them).",
)


class OnExisting(StrEnum):
    """What to do about an output that exists."""

    SKIP = "skip"
    OVERWRITE = "overwrite"
    ERROR = "error"


def complain(message: str, exit_code: int, hint: str | None = None) -> int:
    """One line on stderr, and the exit code back."""
    first = " ".join(message.split())
    typer.echo(f"error: {first}", err=True)
    if hint:
        typer.echo(f"\nhint: {hint}", err=True)
    return exit_code


def explain(error: Exception, about: Path | None = None) -> int:
    """One line on stderr on whatever went wrong, and the exit code that it deserves."""
    known = isinstance(error, (NtcError, OSError, MemoryError))
    if not known and os.environ.get("NTC_DEBUG") == "1":
        traceback.print_exception(error)
    return complain(*reason_of(error, about))


class Failures:
    """What went wrong among several files: the others are done all the same."""

    def __init__(self) -> None:
        self.codes: list[int] = []

    @property
    def exit_code(self) -> int:
        """That of the first failure, or 0."""
        return self.codes[0] if self.codes else 0

    @contextmanager
    def noted(self, about: Path) -> Iterator[None]:
        """An error in this block is one line on stderr, and the program goes on after it."""
        try:
            yield
        except Exception as error:
            self.codes.append(explain(error, about))


def warn(message: str, about: Path) -> None:
    """One line of warning on stderr."""
    # Not by `typer.echo`, which would write past a progress bar into its line.
    sys.stderr.write(f"warning: {about}: {' '.join(message.split())}\n")


def print_json(report: BaseModel) -> None:
    """One JSON document on one line of stdout."""
    typer.echo(report.model_dump_json())


def decibels(psnr: float | None) -> str:
    """`37.3 dB`, or `exact`."""
    return "exact" if psnr is None else f"{psnr:.2f} dB"


def size(count: int) -> str:
    """A number of bytes for people."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.2f} {unit}"
    return f"{count} B"


@contextmanager
def progress(title: str, *, quiet: bool) -> Iterator[OnProgress]:
    """Shows a fit: a bar with time left and dB on a terminal, a line now and then in a log."""
    if quiet:
        yield lambda step: None
    elif sys.stderr.isatty():
        with _bar(title) as on_progress:
            yield on_progress
    else:
        yield _log(title)


@contextmanager
def _bar(title: str) -> Iterator[OnProgress]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        TextColumn("{task.fields[db]:5.2f} dB"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    # Console honours NO_COLOR by itself.
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None, db=0.0)

        def show(step: Step) -> None:
            bar.update(task, total=step.total, completed=step.texels, db=step.psnr)

        yield show


def _log(title: str) -> OnProgress:
    last = time.monotonic()
    first: tuple[float, int] | None = None  # when, and how many texels: reading is not fitting

    def show(step: Step) -> None:
        nonlocal last, first
        now = time.monotonic()
        start, before = first = first or (now, step.texels)
        if now - last < _LOG_SECONDS or step.texels == before:
            return
        last = now
        left = (now - start) * (step.total - step.texels) / (step.texels - before)
        percent = 100 * step.texels / step.total
        typer.echo(f"{title}: {percent:.0f} %, {step.psnr:.2f} dB, {left:.0f} s left", err=True)

    return show
