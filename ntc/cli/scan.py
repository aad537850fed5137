"""`ntc scan`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ntc.cli.console import OnExisting, complain, print_json
from ntc.errors import InputError

if TYPE_CHECKING:
    from ntc.batch.plan import LibraryPlan, PlannedMaterial


def command(
    library: Path = typer.Argument(help="A folder of folders of images."),
    output: Path | None = typer.Option(
        None, "-o", "--output", help="The plan to write, for example plan.json."
    ),
    on_existing: OnExisting = typer.Option(OnExisting.ERROR, help="If the plan exists."),
    as_json: bool = typer.Option(False, "--json", help="The plan as JSON on stdout."),
    quiet: bool = typer.Option(False, "-q", "--quiet", help="No table."),
) -> int:
    """Find the materials of a library and write a plan to look at, to edit and to run.

    \b
    ntc scan textures -o plan.json
    ntc batch plan.json -o compressed

    Images are grouped by their names, folders, manifests and glTF files; none is opened. What was
    assumed is noted with each material; images that belong to none are listed with the reason.
    """
    from ntc import api
    from ntc.batch.plan import write_plan
    from ntc.batch.scan import scan

    write = output is not None and api.check_target(output, on_existing.value)
    plan = scan(library)
    plan = plan.model_copy(update={"library": _seen_from(library, output)})
    if as_json:
        print_json(plan)
    elif not quiet:
        _print(plan)
    if not plan.materials:
        return complain(f"{library}: no materials found", InputError.exit_code)
    if output is not None and write:
        write_plan(plan, output)
    return 0


def _seen_from(library: Path, plan: Path | None) -> str:
    """The library relative to the plan, so that both can be moved together."""
    try:
        start = Path() if plan is None else plan.parent.resolve()
        return Path(os.path.relpath(library.resolve(), start.resolve())).as_posix()
    except ValueError:  # on another drive
        return library.resolve().as_posix()


def _print(plan: LibraryPlan) -> None:
    for material in plan.materials:
        typer.echo("\n".join(_lines(material)))
    if plan.left_out:
        typer.echo("left out")
    for left in plan.left_out:
        typer.echo(f"  {left.file}: {left.reason}")
    maps = sum(len(material.maps) for material in plan.materials)
    typer.echo(f"{len(plan.materials)} materials, {maps} maps, {len(plan.left_out)} left out")


def _lines(material: PlannedMaterial) -> list[str]:
    """`name  in folder`, a line for each map, a line for each note."""
    width = max(len(entry.semantic) for entry in material.maps)
    return [
        f"{material.name}  in {material.folder}",
        *(f"  {entry.semantic:{width}}  {entry.file}" for entry in material.maps),
        *(f"  note: {note}" for note in material.notes),
    ]
