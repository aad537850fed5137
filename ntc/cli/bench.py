"""`ntc bench`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from ntc.cli import bench_rd
from ntc.cli.console import print_json
from ntc.cli.options import Profile
from ntc.errors import UsageError

if TYPE_CHECKING:
    from ntc.bench import BenchReport, GpuBenchReport

app = typer.Typer(help="Measure how fast this machine is: contenders in turn, medians.")
app.command("rd")(bench_rd.command)


@app.callback()
def root() -> None:
    """Measure how fast this machine is: contenders in turn, medians."""


@app.command("decode")
def decode(
    profile: Profile | None = typer.Option(
        None, help="Decoder profile: standard; on a GPU all, unless one is named."
    ),
    size: int = typer.Option(1024, min=1, max=16384, help="Width and height in texels."),
    channels: int = typer.Option(9, min=1, max=32, help="Channels of the material."),
    isa: list[str] = typer.Option([], help="Only this instruction set; may be repeated."),
    threads: int = typer.Option(0, min=0, help="Threads; 0 for one for each core."),
    rounds: int = typer.Option(5, min=1, help="Times that each contender runs."),
    device: str = typer.Option("cpu", help="cpu, vulkan or vulkan:N."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
) -> int:
    """Decode a whole mip natively, on each instruction set, and in torch; or on a GPU.

    On a GPU in each encoding, against BC7 textures for the same channels.
    """
    if device != "cpu":
        return _decode_on(device, profile, size, channels, rounds, as_json=as_json)
    from ntc.bench import decode_bench

    name = (profile or Profile.STANDARD).value
    report = decode_bench(name, size, channels, _known(isa), threads, rounds)
    print_json(report) if as_json else print_table(report)
    return 0


@app.command("fit")
def fit(
    profile: Profile = typer.Option(Profile.STANDARD, help="Decoder profile."),
    size: int = typer.Option(1024, min=1, max=16384, help="Width and height in texels."),
    channels: int = typer.Option(9, min=1, max=32, help="Channels of the material."),
    isa: list[str] = typer.Option([], help="Only this instruction set; may be repeated."),
    threads: int = typer.Option(0, min=0, help="Threads; 0 for one for each core."),
    rounds: int = typer.Option(5, min=1, help="Times that each contender runs."),
    batch: int = typer.Option(0, min=0, help="Texels a step; 0 for the recipe's."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
) -> int:
    """Fit steps over all mips natively, on each instruction set, and in torch."""
    from ntc.bench import fit_bench

    report = fit_bench(profile.value, size, channels, _known(isa), threads, rounds, batch)
    print_json(report) if as_json else print_table(report)
    return 0


def _decode_on(
    device: str, profile: Profile | None, size: int, channels: int, rounds: int, *, as_json: bool
) -> int:
    from ntc.bench import gpu_decode_bench
    from ntc.decode import open_decoder
    from ntc.decode.vulkan import VulkanDecoder

    decoder = open_decoder(device)
    if not isinstance(decoder, VulkanDecoder):
        raise UsageError(f"--device {device}: use cpu, vulkan or vulkan:N")
    profiles = [each.value for each in Profile if profile in {None, each}]
    with decoder:
        report = gpu_decode_bench(decoder, profiles, size=size, channels=channels, rounds=rounds)
    print_json(report) if as_json else _print_gpu_table(report)
    return 0


def _known(isas: list[str]) -> list[str] | None:
    """These instruction sets, or None for all. Raises UsageError for one that cannot run."""
    from ntc import native

    here = native.isas() if native.available() else []
    for isa in isas:
        if isa not in here:
            raise UsageError(f"--isa {isa}: use {', '.join(here) or 'a build with a native core'}")
    return isas or None


def print_table(report: BenchReport) -> None:
    """One line for each contender."""
    typer.echo(f"{report.threads} threads, {report.channels} channels")
    for result in report.results:
        name = f"{result.backend} {result.isa or ''}"
        speed = f"{result.texels_per_second / 1e6:8.2f} Mtexel/s"
        typer.echo(f"{name:18}{speed}  {result.ratio:6.2f} x {report.ratio_to}")


def _print_gpu_table(report: GpuBenchReport) -> None:
    """One line for each contender: ns a texel on the GPU, and until the host has them."""
    typer.echo(f"{report.device}, {report.driver}, {report.channels} channels")
    for result in report.results:
        name = " ".join(filter(None, (result.backend, result.profile, result.encoding)))
        gpu = "no timestamps" if result.gpu_ns_per_texel is None else ""
        gpu = gpu or f"{result.gpu_ns_per_texel:10.3f} ns/texel"
        ratio = "" if result.ratio is None else f"  {result.ratio:6.2f} x bc7"
        typer.echo(f"{name:26}{gpu}  {result.wall_ns_per_texel:10.3f} in all{ratio}")
    for note in report.notes:
        typer.echo(note)
