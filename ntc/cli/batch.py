"""`ntc batch`."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import typer

from ntc.cli.batch_progress import Shown, listener
from ntc.cli.console import complain, print_json, size, warn
from ntc.cli.options import with_settings
from ntc.errors import InputError, RuntimeFailure, UsageError

if TYPE_CHECKING:
    from ntc.batch.allot import Total
    from ntc.batch.engines import Engine
    from ntc.batch.engines.local import LocalEngine
    from ntc.batch.plan import LibraryPlan
    from ntc.batch.report import LibraryReport
    from ntc.batch.run import LibraryRun
    from ntc.batch.worker import Failed
    from ntc.settings import Settings


class OnExisting(StrEnum):
    """What to do about outputs that exist."""

    UPDATE = "update"
    SKIP = "skip"
    OVERWRITE = "overwrite"
    ERROR = "error"


class EngineName(StrEnum):
    """Where materials are fitted."""

    LOCAL = "local"
    RAY = "ray"


@with_settings
def command(
    library: Path = typer.Argument(help="A folder, or a plan that `ntc scan` wrote."),
    names: list[str] | None = typer.Argument(
        None, help="These materials or folders only; @FILE and - read a list, one a line."
    ),
    output: Path = typer.Option(..., "-o", "--output", help="Folder for the .ntc files."),
    overrides: list[str] = typer.Option(
        [], "--for", help="'*/heroes/*:quality=90,weight.normal=2': other options for these."
    ),
    *,
    settings: Settings,
    total_size: str = typer.Option(
        "", help="Target: bytes of all files together, e.g. 2GB, spent where they buy most."
    ),
    total_psnr: float | None = typer.Option(
        None, help="Target: dB of all materials together, met with the fewest bytes."
    ),
    on_existing: OnExisting = typer.Option(
        OnExisting.UPDATE, help="update: leave what is the result of the same input alone."
    ),
    jobs: int = typer.Option(0, min=0, help="Materials at once; 0: as cores and memory allow."),
    timeout: float = typer.Option(0.0, min=0.0, help="Seconds for one material; 0: no limit."),
    fail_fast: bool = typer.Option(
        False, "--fail-fast/--keep-going", help="Stop at the first material that fails."
    ),
    shard: str = typer.Option("1/1", help="2/8: the second of eight parts, by name."),
    cache_dir: Path | None = typer.Option(None, help="Of what was fitted; by default the user's."),
    cache: bool = typer.Option(True, help="Keep what is fitted, and find it again by content."),
    engine: EngineName = typer.Option(EngineName.LOCAL, help="Where fits run; ray: on a cluster."),
    cluster: str = typer.Option(
        "", help="Address of the Ray cluster; by default RAY_ADDRESS, or one is started here."
    ),
    depfile: Path | None = typer.Option(None, help="Write what was read, for Make or Ninja."),
    shown: Shown = typer.Option(Shown.AUTO, "--progress", help="json: lines on stdout."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Say what would be done, and stop."),
    as_json: bool = typer.Option(False, "--json", help="The report on stdout."),
    quiet: bool = typer.Option(False, "-q", "--quiet", help="No progress, no summary."),
) -> int:
    """Compress a library: every material into its own .ntc, unattended.

    \b
    ntc batch textures -o compressed --quality 70 --max-memory 8GB
    ntc scan textures -o plan.json && ntc batch plan.json -o compressed
    ntc batch textures -o compressed --for '*/heroes/*:quality=90'
    ntc batch textures -o compressed --shard 2/8

    What has not changed costs nothing; a run that was ended in whatever way goes on when it is
    started again. A material that fails does not stop the others: the exit code is 4, and
    OUTPUT/report.json says why.
    """
    from ntc.batch.allot import allot
    from ntc.batch.depfile import inputs_of, write_depfile
    from ntc.batch.engines.local import LocalEngine
    from ntc.batch.run import LibraryRun, existing, memory_of_jobs
    from ntc.batch.tasks import make_tasks, parse_override, parse_shard, read_names
    from ntc.batch.views import write_views
    from ntc.cache import default_folder

    part, count = parse_shard(shard)
    chosen = [parse_override(text) for text in overrides]
    wanted = read_names(names) if names else None
    plan, folder = _plan(library, quiet=quiet)
    store = (cache_dir or default_folder("materials")) if cache else None
    if engine is EngineName.RAY:  # whose nodes work in folders of their own
        folder, store = folder.absolute(), store and store.absolute()
    tasks = make_tasks(plan, folder, settings, chosen, wanted, (part, count))
    inputs = inputs_of(tasks) + ([library] if library.is_file() else [])
    existing((task.name for task in tasks), output, on_existing.value)  # before anything is read
    total = _total(total_size, total_psnr)
    if total and count > 1:
        raise UsageError("--shard with a total for all: a part does not know the others")
    local = LocalEngine(jobs, memory_of_jobs(settings.max_memory), timeout)
    shown = Shown.NONE if quiet or dry_run else shown
    with (
        closing(local),
        closing(_engine(engine, local, cluster, timeout)) as fitter,
        listener(shown, len(tasks)) as shows,
    ):
        refused: dict[str, Failed] = {}
        if total:
            tasks, refused = allot(tasks, total, inspector=local, engine=fitter, cache=store)
        run = LibraryRun(
            tasks,
            output,
            inspector=local,
            engine=fitter,
            listener=shows,
            cache=store,
            on_existing=on_existing.value,
            fail_fast=fail_fast,
            refused=refused,
        )
        if dry_run:
            return _print_prospects(run)
        name = "report" if count == 1 else f"report-{part}-of-{count}"
        report = run.to_report(folder, settings, name)
    if count == 1:
        write_views(report, output)
    if depfile:
        write_depfile(depfile, output / f"{name}.json", inputs)
    if as_json:
        print_json(report)
    return _conclude(report, quiet=quiet or as_json or shown is Shown.JSON)


def _plan(library: Path, *, quiet: bool) -> tuple[LibraryPlan, Path]:
    """The plan, and the folder that its materials lie in. Says what a scan has to be asked for."""
    from ntc.batch.plan import library_of, read_plan
    from ntc.batch.scan import scan

    if library.suffix.lower() == ".json":
        plan = read_plan(library)
        folder = library_of(plan, library)
    else:
        plan, folder = scan(library), library
        if plan.left_out and not quiet:
            warn(f"files left out: {len(plan.left_out)}; `ntc scan` says why", library)
    if not plan.materials:
        raise InputError(f"{library}: no materials found; `ntc scan` says why")
    return plan, folder


def _total(size: str, psnr: float | None) -> Total | None:
    from ntc.batch.allot import Total
    from ntc.options import number_of_bytes

    if size and psnr is not None:
        raise UsageError("--total-size and --total-psnr: ask for one of them")
    if size:
        return Total(size=number_of_bytes("total-size", size))
    return None if psnr is None else Total(psnr=psnr)


def _engine(name: EngineName, local: LocalEngine, cluster: str, timeout: float) -> Engine:
    if name is EngineName.RAY:
        from ntc.batch.engines.ray import RayEngine

        return RayEngine(cluster, timeout)
    if cluster:
        raise UsageError("--cluster is of Ray: use it with --engine ray")
    return local


def _print_prospects(run: LibraryRun) -> int:
    """A line for each material on what would become of it."""
    from ntc.batch.worker import Failed, Inspected

    failed = 0
    for prospect in run.prospects():
        about = ""
        if isinstance(prospect.reply, Failed):
            failed, about = RuntimeFailure.exit_code, f": {prospect.reply.error}"
        elif isinstance(prospect.reply, Inspected) and prospect.outlook == "fit":
            texels = prospect.reply.texels / 1e6
            about = f": {texels:.1f} M texels, {size(prospect.reply.memory)} of memory"
        typer.echo(f"{prospect.outlook:<10}{prospect.task.name}{about}")
    return failed


def _conclude(report: LibraryReport, *, quiet: bool) -> int:
    """Names what failed, and sums up; the exit code."""
    for material in report.materials:
        if material.status == "failed":
            complain(f"{material.name}: {material.error}", material.exit_code)
    if not quiet:
        from ntc.batch.report import Status

        counts = Counter(material.status for material in report.materials)
        said = [f"{counts[status]} {status}" for status in get_args(Status) if counts[status]]
        said += [f"{len(report.not_reached)} not reached"] if report.not_reached else []
        warned = sum(bool(material.warnings) for material in report.materials)
        said += [f"{warned} with warnings"] if warned else []
        typer.echo(f"{report.output}: {', '.join(said) or 'no materials'}")
    return RuntimeFailure.exit_code if any(m.status == "failed" for m in report.materials) else 0
