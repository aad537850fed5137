"""`ntc validate`."""

from __future__ import annotations

from pathlib import Path

import typer

from ntc.cli.console import complain, print_json
from ntc.errors import FormatError


def command(
    files: list[Path] = typer.Argument(help=".ntc files."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document a file on stdout."),
) -> int:
    """Check files against every rule of docs/format.md; exit code 3 if one is broken."""
    from ntc import api

    exit_code = 0
    for file in files:
        report = api.validate(file)
        if as_json:
            print_json(report)
        elif report.valid:
            typer.echo(f"{file}: valid")
        if not report.valid:
            exit_code = FormatError.exit_code
            if not as_json:
                complain(f"{file}: {report.error}", exit_code)
    return exit_code
