"""The options that say how to compress: one definition for every command that has them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import typer

from ntc.errors import UsageError

if TYPE_CHECKING:
    from ntc.settings import Settings


class Effort(StrEnum):
    """How many texels are fitted; each step up fits four times more."""

    FAST = "fast"
    MEDIUM = "medium"
    THOROUGH = "thorough"
    EXHAUSTIVE = "exhaustive"


class Encoding(StrEnum):
    """How the latents of a material are laid out."""

    AUTO = "auto"
    GRID = "grid"
    HASH = "hash"
    SIMPLEX = "simplex"


class Profile(StrEnum):
    """What decoding one texel may cost, in multiply-accumulates."""

    BILINEAR = "bilinear"
    LIGHT = "light"
    STANDARD = "standard"
    QUALITY = "quality"


class Budget(StrEnum):
    """What bits a texel are counted of."""

    MEMORY = "memory"
    FILE = "file"


class Match(StrEnum):
    """What the quality of a material is taken from."""

    BC7 = "bc7"


class Normals(StrEnum):
    """What the error of a normal map is."""

    COMPONENTS = "components"
    ANGLE = "angle"


class Filtering(StrEnum):
    """Where a decoder is right: at texels, or wherever a trilinear filter reads."""

    TEXEL = "texel"
    FILTERED = "filtered"


class Mips(StrEnum):
    """Which mips the file holds."""

    ALL = "all"
    NONE = "none"


class Address(StrEnum):
    """What lies beyond the border of a texture."""

    WRAP = "wrap"
    CLAMP = "clamp"


def with_settings(command: Callable[..., int]) -> Callable[..., int]:
    """`command` with all of `_settings`' options in the place of its argument `settings`."""
    shared, own = _parameters(_settings), _parameters(command)
    together: list[inspect.Parameter] = []
    for name, parameter in own.items():
        together += shared.values() if name == "settings" else [parameter]

    def run(**arguments: Any) -> int:
        settings = _settings(**{name: arguments.pop(name) for name in shared})
        return command(settings=settings, **arguments)

    run.__name__, run.__doc__, run.__annotations__ = command.__name__, command.__doc__, {}
    run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in together]
    )
    return run


def _parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    # `Settings` itself is imported when a command runs: help has to appear at once.
    return inspect.signature(function, eval_str=True, locals={"Settings": Any}).parameters


def _settings(
    bpp: float | None = typer.Option(
        None, help="Target: bits per texel of mip 0, at most. 5 where no target is named."
    ),
    budget: Budget = typer.Option(
        Budget.MEMORY,
        help="Bits of what: the memory of a GPU, or the file, for low rates.",
    ),
    max_size: str = typer.Option("", help="Target: bytes of the file, at most, e.g. 2MB."),
    target_psnr: list[str] = typer.Option(
        [], help="Target: dB of all maps, or normal=42 of one, by name or semantic; repeatable."
    ),
    match: Match | None = typer.Option(
        None, help="Target: the PSNR that BC7, BC5 and BC4 reach on this material."
    ),
    quality: float | None = typer.Option(
        None, help="Target: 0 to 100; equal quality spends bits of many materials where they help."
    ),
    weight: list[str] = typer.Option(
        [], help="normal=2: errors of this map, by name or semantic, count twice; repeatable."
    ),
    normals: Normals = typer.Option(
        Normals.COMPONENTS, help="angle: errors of normals count as far as they turn them."
    ),
    effort: Effort = typer.Option(Effort.MEDIUM, help="Texels fitted; quality for time."),
    texels: int = typer.Option(0, min=0, hidden=True, help="Fit these, whatever the effort."),
    encoding: Encoding = typer.Option(
        Encoding.AUTO, help="How latents are laid out; auto looks at where detail is."
    ),
    keep: float = typer.Option(
        1.0, help="Part of the entries that pruning keeps, 0.1 to 1; 1: no pruning."
    ),
    profile: Profile = typer.Option(Profile.STANDARD, help="Cost of decoding a texel."),
    filtering: Filtering = typer.Option(
        Filtering.TEXEL, help="filtered: one decode stands for a trilinear filter of texels."
    ),
    mips: Mips = typer.Option(Mips.ALL, help="Store the whole mip chain, or mip 0 alone."),
    address: Address = typer.Option(Address.WRAP, help="Address mode of both axes."),
    seed: int = typer.Option(0, min=0, help="The same seed and settings give the same bytes."),
    threads: int = typer.Option(0, min=0, help="Of one fit; 0: as cores allow."),
    max_memory: str = typer.Option("", help="For example 4GB; large images then go to disk."),
    backend: str = typer.Option("auto", help="What fits; `ntc info --system` lists them."),
) -> Settings:
    from ntc.options import changed
    from ntc.settings import Settings

    given: dict[str, Any] = {
        "bpp": bpp,
        "max-size": max_size or None,
        "match": match and match.value,
        "quality": quality,
        "max-memory": max_memory or None,
    }
    options: dict[str, Any] = {
        "budget": budget.value,
        "normals": normals.value,
        "effort": effort.value,
        "texels": texels,
        "encoding": encoding.value,
        "keep": keep,
        "profile": profile.value,
        "filtering": filtering.value,
        "mips": mips.value,
        "address": address.value,
        "seed": seed,
        "threads": threads,
        "backend": backend,
    }
    options |= {name: value for name, value in given.items() if value is not None}
    options |= _of_maps("target-psnr", target_psnr) | _of_maps("weight", weight)
    return changed(Settings(), options)


def _of_maps(option: str, texts: list[str]) -> dict[str, str]:
    """`normal=2` as `option.normal`, each map once; `40` as the option itself, for all maps."""
    found: dict[str, str] = {}
    for text in texts:
        part, sign, number = text.rpartition("=")
        name = f"{option}.{part}" if sign else option
        if name in found:
            raise UsageError(f"--{option} {found[name]} and {number}: each map once, all maps once")
        if (sign and not part) or (not sign and option == "weight"):
            raise UsageError(f"--{option} {text}: use NAME=NUMBER")
        found[name] = number
    return found
