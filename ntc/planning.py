"""What will be fitted and where: plans, images, texels, and the memory that they take."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ntc.errors import RuntimeFailure
from ntc.fit.backends import load_backend
from ntc.fit.choice import choose
from ntc.fit.memory import latent_bytes, peak_bytes, scratch_limit
from ntc.fit.plan import Plan, make_plan, overhead_bytes
from ntc.fit.presets import texels_to_fit
from ntc.fit.saliency import pruned
from ntc.format import spec
from ntc.machine import physical_memory
from ntc.settings import Settings
from ntc.texture import Listing, Memory, Room, Scratch, TextureSet, measure_material, mip_count

LEAST_BPP: Final = 0.05  # of any plan
MOST_BPP: Final = 64.0
UNKNOWN_BPP: Final = 12.0  # of the file at most, where a quality decides
_ROOM: Final = (
    2.0  # a file's plan is for so many times its bits: docs/decisions/0016-rate-control.md
)
_LEAST_STEERED: Final = 1 << 15  # bits of latents: fewer cannot be measured well
_FITS_KEPT: Final = 2  # of which one goes on, where a target takes several
MOST_OF_MEMORY: Final = 0.75  # of the machine: what may be used where no limit is set


def bpp_of(settings: Settings, texels: int) -> float:
    """Bits a texel of mip 0 that are asked for, or the most that there can be."""
    if settings.max_size:
        return min(max(8 * settings.max_size / texels, LEAST_BPP), MOST_BPP)
    if settings.targets in ((), ("bpp",)):
        return settings.rate
    return UNKNOWN_BPP


def make_plans(
    shape: tuple[int, int, int], settings: Settings, bpp: float = 0.0, *, steered: bool = True
) -> dict[str, Plan]:
    """A plan for each encoding that may be used; `shape` is width, height, channels that vary.

    For a budget of the file, plans have more latents than bits; they are to be met if `steered`.
    """
    width, height, channels = shape
    names = settings.encodings if channels else settings.encodings[:1]
    bpp = bpp or bpp_of(settings, width * height)
    if not settings.fits_to_file:
        narrows = settings.keep == 1
        return {name: _plan(shape, settings, name, bpp, False, narrows) for name in names}
    return {name: _plan_for_file(shape, settings, name, bpp, steered) for name in names}


def _plan(
    shape: tuple[int, int, int],
    settings: Settings,
    encoding: str,
    bpp: float,
    adaptive: bool,
    narrows: bool = False,
) -> Plan:
    width, height, channels = shape
    return make_plan(
        width,
        height,
        max(channels, 1),
        mip_count(width, height) if settings.mips == "all" else 1,
        bpp,
        settings.wrap,
        settings.profile,
        encoding,
        adaptive=adaptive,
        narrows=narrows,
    )


def _plan_for_file(
    shape: tuple[int, int, int], settings: Settings, encoding: str, bpp: float, steered: bool
) -> Plan:
    """A plan whose latents may take these bits; where they are too few to steer, one without."""
    room = _ROOM * bpp
    roomy = _plan(shape, settings, encoding, room, True)
    if steered:
        bits = roomy.bits - int((room - bpp) * shape[0] * shape[1])
        few = not roomy.bits or bits < _LEAST_STEERED
        return _plan(shape, settings, encoding, bpp, False) if few else replace(roomy, bits=bits)
    while not roomy.bits and room < MOST_BPP:
        room *= _ROOM
        roomy = _plan(shape, settings, encoding, room, True)
    return replace(roomy, bits=0)


def overhead_bpp(shape: tuple[int, int, int], settings: Settings) -> float:
    """Bits a texel of a file that latents do not take: its decoder's and its maps'."""
    plan = next(iter(make_plans(shape, settings, MOST_BPP).values()))
    return MOST_BPP - plan.bits / (plan.width * plan.height) if plan.bits else 0.0


def file_bounds(shape: tuple[int, int, int], settings: Settings) -> tuple[int, int]:
    """Bytes, about: what latents do not take of a file that has many, and the smallest file."""
    most, least = (
        next(iter(make_plans(shape, settings, bpp).values())) for bpp in (MOST_BPP, LEAST_BPP)
    )
    smallest = overhead_bytes(least.widths) + sum(level.bits for level in least.levels) // 8
    planned = int(LEAST_BPP * shape[0] * shape[1] / 8)
    return overhead_bytes(most.widths), max(smallest, planned)


def plan_material(
    textures: TextureSet, settings: Settings, room: Room
) -> tuple[dict[str, Plan], tuple[npt.NDArray[np.uint16], ...]]:
    """As `make_plans`, pruned as far as the settings say, and what to fit, per mip."""
    width, height = textures.width, textures.height
    plans = make_plans((width, height, textures.channels.shape[2]), settings)
    mips = next(iter(plans.values())).mips
    if settings.keep == 1:
        return plans, _images(textures, mips, room)
    chain = _images(textures, mip_count(width, height), room)
    plans = {name: pruned(plan, chain, settings.keep, room.ease) for name, plan in plans.items()}
    return plans, chain[:mips]


def texels_to_spend(shape: tuple[int, int, int], settings: Settings) -> int:
    """Texels to fit; there is nothing to learn where no channel varies."""
    width, height, channels = shape
    if channels == 0:
        return 1
    return settings.texels or texels_to_fit(settings.effort, width, height)


def threads(settings: Settings) -> int:
    """Threads to fit with."""
    return settings.threads or os.cpu_count() or 1


def choose_encoding(
    plans: Mapping[str, Plan],
    image: npt.NDArray[np.uint16],
    ease: Callable[[], None],
) -> str:
    """The encoding that suits the image best; the only one there is without a look."""
    return choose(plans, image, ease) if len(plans) > 1 else next(iter(plans))


def find_room(
    path: str | Path | Listing, settings: Settings, only: Sequence[str], exclude: Sequence[str]
) -> tuple[Memory | Scratch, int]:
    """Where to keep the images of a material, and how many bytes of memory that takes at most.

    In memory if the limit allows it, or most of the machine's memory if none was set; otherwise
    in scratch files. Raises RuntimeFailure, before a pixel is read, if neither will do.
    """
    backend = load_backend(settings.backend)[1]
    plans = make_plans(measure_material(path, only=only, exclude=exclude), settings)
    fits = _FITS_KEPT if settings.rounds else 0
    kept = {name: fits * latent_bytes(plan) for name, plan in plans.items()}
    needed = max(kept[name] + peak_bytes(plan, backend) for name, plan in plans.items())
    allowed = settings.max_memory or int(physical_memory() * MOST_OF_MEMORY) or needed
    if needed <= allowed:
        return Memory(), needed
    least = {
        name: kept[name] + peak_bytes(plan, backend, scratch=True) for name, plan in plans.items()
    }
    if max(least.values()) > allowed:
        smaller = [f"use --encoding {name}, " for name, n in least.items() if n <= allowed]
        raise RuntimeFailure(
            f"{path}: needs {max(least.values()) / 1e6:.0f} MB of memory, even with images in "
            f"scratch files, {allowed / 1e6:.0f} MB are allowed; {''.join(smaller[:1])}lower "
            "--bpp, raise --max-memory, or leave maps out with --exclude"
        )
    limit = min(scratch_limit(plan, allowed) - kept[name] for name, plan in plans.items())
    return Scratch(limit), min(needed, allowed)


def _images(textures: TextureSet, mips: int, room: Room) -> tuple[npt.NDArray[np.uint16], ...]:
    """What to fit, per mip: black if all is constant, because a decoder has some output."""
    if textures.channels.shape[2]:
        return tuple(textures.mip_chain(mips, room))
    sizes = [spec.mip_size(textures.width, textures.height, mip) for mip in range(mips)]
    return tuple(np.zeros((height, width, 1), np.uint16) for width, height in sizes)
