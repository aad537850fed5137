"""The command line: one file a command. A command parses, calls `ntc.api` and prints."""

from __future__ import annotations

import signal
from typing import Any, Final, cast

import typer

from ntc.cli import (
    batch,
    bench,
    compare,
    compress,
    convert,
    decompress,
    export,
    gltf,
    info,
    report,
    scan,
    validate,
    view,
)
from ntc.cli.console import complain, explain
from ntc.errors import UsageError

_INTERRUPTED: Final = 130
# What typer raises for a wrong command line: of the click that it brings, or of the one it imports.
_ClickUsageError = typer.BadParameter.__bases__[0]
_ClickException = cast(type[Any], _ClickUsageError.__bases__[0])

app = typer.Typer(
    name="ntc",
    invoke_without_command=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("compress")(compress.command)
app.command("batch")(batch.command)
app.command("convert")(convert.command)
app.command("decompress")(decompress.command)
app.command("export")(export.command)
app.command("gltf")(gltf.command)
app.command("info")(info.command)
app.command("compare")(compare.command)
app.command("view")(view.command)
app.command("report")(report.command)
app.command("validate")(validate.command)
app.command("scan")(scan.command)
app.add_typer(bench.app, name="bench")


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"ntc {version('ntc')}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    show_version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    """Neural compression of PBR materials: all maps and mips of a material in one small file.

    \b
    Exit codes: 0 ok, 1 usage, 2 a file cannot be read or written, 3 bad input,
    4 the machine could not finish, 6 quality gate failed, 7 differs, 130 interrupted
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(UsageError.exit_code)


def main() -> int:
    """Runs the command line and returns its exit code; whatever goes wrong is one line."""
    # A job that is ended from outside cleans up as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = int(app(standalone_mode=False) or 0)
    except _ClickException as error:
        return complain(error.format_message(), UsageError.exit_code, _hint(error))
    except (KeyboardInterrupt, typer.Abort):
        code = _INTERRUPTED
    except Exception as error:
        return explain(error)
    # Newer versions of typer return this code, older ones raise Abort.
    if code == _INTERRUPTED:
        complain("interrupted; no half-written file is left", code)
    return code


def _hint(error: BaseException) -> str | None:
    context = getattr(error, "ctx", None)
    return f"`{context.command_path} --help` lists the options" if context else None
