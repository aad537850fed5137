"""`ntc validate`."""

from __future__ import annotations

from pathlib import Path

import typer

from ntc.cli.console import Failures, complain, print_json
from ntc.errors import FormatError


def command(
    files: list[Path] = typer.Argument(help=".ntc files."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document a file on stdout."),
) -> int:
    """Check files against every rule of docs/format.md; exit code 3 if one is broken.

    All are checked; the exit code is that of the first one that fails.
    """
    from ntc import api

    failures = Failures()
    for file in files:
        with failures.noted(file):
            report = api.validate(file)
            if as_json:
                print_json(report)
            elif report.valid:
                typer.echo(f"{file}: valid")
            else:
                complain(f"{file}: {report.error}", FormatError.exit_code)
            if not report.valid:
                failures.codes.append(FormatError.exit_code)
    return failures.exit_code
