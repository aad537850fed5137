"""`ntc view`, and the page of `ntc compress --view`."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

import typer

from ntc.cli.console import decibels, size, warn
from ntc.errors import UsageError

if TYPE_CHECKING:
    from ntc.settings import Settings
    from ntc.viewer.documents import FitRun
    from ntc.viewer.server import Server

LOOPBACK: Final = "127.0.0.1"


def command(
    paths: list[Path] = typer.Argument(
        help="`.ntc` files; folders of maps, manifests, images or exported textures beside them."
    ),
    host: str = typer.Option(LOOPBACK, help="Address to serve at; others may then see the page."),
    port: int = typer.Option(0, min=0, max=65535, help="0: one that is free."),
    open_page: bool = typer.Option(True, "--open/--no-open", help="Open the page in a browser."),
    mode: str = typer.Option("", help="What to show at first, for example diff."),
    map_name: str = typer.Option("", "--map", help="The map to show at first."),
    state: list[str] = typer.Option([], help="gain=8, zoom=4, mip=1, ...; repeatable."),
    shot: Path | None = typer.Option(None, help="Write a PNG of the page and end (Chromium)."),
    width: int = typer.Option(1280, min=64, max=16384, help="Of the picture, in pixels."),
    height: int = typer.Option(800, min=64, max=16384, help="Of the picture, in pixels."),
) -> int:
    """Look at materials in the browser, served from this machine until Ctrl-C.

    \b
    ntc view bricks.ntc textures/bricks        # the second is what the first was made from
    ntc view bricks.ntc textures/bricks --shot bricks.png --mode diff --map normal
    """
    from ntc.viewer.fits import Fits
    from ntc.viewer.server import serving
    from ntc.viewer.session import Session

    fragment = _fragment(mode, map_name, state)
    session = Session(paths)
    with (
        TemporaryDirectory(prefix="ntc-view-") as folder,
        serving(session, Fits(session, Path(folder)), host, port) as server,
    ):
        if shot is None:
            _announce(server, fragment, open_page=open_page)
            _until_interrupted()
        else:
            from ntc.viewer.browser import shoot

            shoot(server.url + fragment, shot, width, height)
    return 0


def view_fit(
    path: Path, target: Path, settings: Settings, only: Sequence[str], exclude: Sequence[str]
) -> int:
    """Compresses a material while a page shows it; the exit code of its last fit, after Ctrl-C."""
    from ntc.viewer.documents import FitRequest
    from ntc.viewer.fits import Fits, Job, options_of
    from ntc.viewer.server import serving
    from ntc.viewer.session import Session

    session = Session([path])
    request = FitRequest(
        source=0, options=options_of(settings), only=list(only), exclude=list(exclude)
    )
    with TemporaryDirectory(prefix="ntc-view-") as folder:
        fits = Fits(session, Path(folder))
        with serving(session, fits) as server:
            _announce(server, "#mode=fit", open_page=True)
            fits.begin(Job(request, settings, target))
            _until_interrupted(lambda: _tell_end(fits.wait(), target))
    return fits.exit_code


def _tell_end(run: FitRun, target: Path) -> None:
    for message in run.warnings:
        warn(message, target)
    if run.state == "done":
        cost = f"{size(run.bytes)}, {run.bpp:.2f} bpp, {decibels(run.psnr)}"
        typer.echo(f"{target}: {cost}, {run.seconds:.1f} s")
    elif run.error is not None:
        typer.echo(f"error: {run.error}", err=True)


def _announce(server: Server, fragment: str, *, open_page: bool) -> None:
    typer.echo(f"{server.url}{fragment}\nCtrl-C ends it")
    if open_page and _has_screen():
        import webbrowser

        webbrowser.open(server.url + fragment)


def _has_screen() -> bool:
    """Whether a browser would open a window: without one, some take over the terminal."""
    windows = sys.platform in ("darwin", "win32")
    return windows or bool({"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys())


def _until_interrupted(first: Callable[[], None] = lambda: None) -> None:
    try:
        first()
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        typer.echo("", err=True)


def _fragment(mode: str, map_name: str, state: Sequence[str]) -> str:
    """`#mode=diff&map=normal&gain=8`: what the page begins with. Raises UsageError."""
    found = {name: value for name, value in (("mode", mode), ("map", map_name)) if value}
    for text in state:
        name, sign, value = text.partition("=")
        if not (name and sign):
            raise UsageError(f"--state {text}: use NAME=VALUE")
        found[name] = value
    return f"#{urlencode(found)}" if found else ""
