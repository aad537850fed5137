"""`report.json`: what became of a library. CSV and HTML are views of it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Status = Literal["done", "cached", "unchanged", "skipped", "failed"]


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MaterialReport(_Document):
    """What became of one material. PSNR in dB; null stands for an exact result."""

    name: str
    status: Status = Field(
        description="done: fitted in this run; cached: written, but fitted in an earlier one; "
        "unchanged: its output holds the result already; skipped: its output was left as it was, "
        "whatever it holds; failed: nothing was written"
    )
    file: str | None = Field(description="the output, relative to the output folder")
    error: str | None = Field(default=None, description="one line")
    exit_code: int = 0
    bytes: int = 0
    video_memory_bytes: int = 0
    source_bytes: int = Field(default=0, description="of the image files")
    raw_bytes: int = Field(default=0, description="of all mips of all maps, uncompressed")
    block_bytes: int = Field(default=0, description="of the same as BC7, BC5 and BC4 textures")
    width: int = 0
    height: int = 0
    channels: int = 0
    psnr: float | None = None
    maps: dict[str, float | None] = Field(default={})
    encoding: str = ""
    seconds: float = Field(default=0.0, description="fitting and checking, when it was fitted")
    peak_memory_bytes: int = 0
    warnings: tuple[str, ...] = ()

    @property
    def worst(self) -> tuple[str, float] | None:
        """The map with the least PSNR, infinite if exact; None where no map is known."""
        decibels = {name: math.inf if dB is None else dB for name, dB in self.maps.items()}
        return min(decibels.items(), key=lambda item: item[1]) if decibels else None


class LibraryReport(_Document):
    """`ntc batch`: the whole run."""

    version: Literal[1] = 1
    library: str
    output: str
    settings: dict[str, bool | int | float | str]
    generator: str
    machine: str
    seconds: float
    materials: tuple[MaterialReport, ...]
    not_reached: tuple[str, ...] = Field(
        default=(), description="names of materials left when the run was interrupted or given up"
    )


def worst_first(materials: Iterable[MaterialReport]) -> list[MaterialReport]:
    """Failures by name, then what has no known maps, then the rest by the PSNR of its worst map."""

    def order(material: MaterialReport) -> tuple[bool, float, str]:
        least = material.worst[1] if material.worst else -math.inf
        return material.status != "failed", least, material.name

    return sorted(materials, key=order)
