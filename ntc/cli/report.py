"""`ntc report`."""

from __future__ import annotations

from pathlib import Path

import typer

from ntc.cli.console import OnExisting, complain, size
from ntc.errors import InputError


def command(
    files: list[Path] = typer.Argument(help="`.ntc` files, with folders of images among them."),
    output: Path = typer.Option(Path("report.html"), "-o", "--output", help="The page to write."),
    reference: list[Path] = typer.Option(
        [], help="Folder of the images that a .ntc was made from; repeatable."
    ),
    on_existing: OnExisting = typer.Option(OnExisting.OVERWRITE, help="If the output exists."),
) -> int:
    """Write one page on .ntc files that needs no server: numbers, pictures, errors.

    What cannot be shown is left out and said; the exit code is then 3.

    \b
    ntc report bricks.ntc --reference textures/bricks -o bricks.html
    """
    from ntc import api
    from ntc.files import write_bytes
    from ntc.viewer.report import html
    from ntc.viewer.session import Session

    if not api.check_target(output, on_existing.value):
        return 0
    page, failures = html(Session([*files, *reference]))
    for message in failures:
        complain(message, InputError.exit_code)
    write_bytes(output, page.encode("utf-8", "backslashreplace"))
    typer.echo(f"{output}: {size(output.stat().st_size)}")
    return InputError.exit_code if failures else 0
