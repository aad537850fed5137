"""The JSON that the viewer's page reads and sends; the schemas are published in docs/schemas."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from ntc.format.metadata import MapRecord

Kind = Literal["ntc", "images", "textures"]
State = Literal["running", "done", "cancelled", "failed"]
Option = bool | int | float | str


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SessionItem(_Document):
    """Something to look at; `error` says why it cannot be opened, and the rest is then empty."""

    number: int = Field(description="its place in all addresses below /api/item/")
    name: str
    path: str = Field(description="as it was given")
    kind: Kind
    width: int = 0
    height: int = 0
    mips: int = 0
    maps: list[str] = []
    bytes: int = Field(default=0, description="of the file, or of all images or textures")
    video_memory_bytes: int = Field(default=0, description="of a .ntc, else 0")
    raw_bytes: int = Field(default=0, description="of all maps and mips of a .ntc, uncompressed")
    block_bytes: int = Field(default=0, description="of the same as BC7, BC5 and BC4 textures")
    reference: int | None = Field(default=None, description="the images that a .ntc was made from")
    error: str | None = None


class SessionReport(_Document):
    """`session`: what there is to look at."""

    generator: str
    items: list[SessionItem]
    fits: bool = Field(description="images can be compressed from the page")


class MapsReport(_Document):
    """`item/N/maps`: what the maps of an item are; those of images are numbered as if fitted."""

    width: int
    height: int
    mips: int
    maps: list[MapRecord]


class TilesReport(_Document):
    """`compare/A/B/tiles`: PSNR of every tile of a map, row by row from the top left."""

    map: str
    size: int = Field(description="texels a side; the last of a row or column may be smaller")
    columns: int
    rows: int
    psnr: list[float | None] = Field(description="dB; null where there is no error")
    worst: list[int] = Field(description="places in `psnr`, worst first, without exact ones")


class ErrorReport(_Document):
    """What every address answers instead when it cannot do what was asked."""

    error: str
    rule: str | None = Field(default=None, description="of docs/format.md, if a file breaks one")
    offset: int | None = None


class FitRequest(_Document):
    """`fit/start`: compress these images, with options of `ntc compress` by their names."""

    source: int = Field(description="number of an item of images")
    options: dict[str, Option] = {}
    only: list[str] = Field(default=[], description="these maps only: names, semantics or globs")
    exclude: list[str] = Field(default=[], description="without these maps")


class FitRun(FitRequest):
    """A fit of this session: send what `fit/start` takes of it there to repeat it."""

    run: int
    state: State
    seconds: float
    item: int | None = Field(default=None, description="the `.ntc` that came of it")
    bytes: int = 0
    bpp: float = 0.0
    psnr: float | None = Field(default=None, description="dB; null if exact or not done")
    warnings: list[str] = []
    error: str | None = None


class FitLog(_Document):
    """`fit/runs`: every fit of this session, oldest first."""

    runs: list[FitRun]


class FitEvent(_Document):
    """`fit/events`: how far the latest fit is, four a second at first and fewer in long ones."""

    run: FitRun
    texels: int = 0
    total: int = 0
    psnr: float = Field(default=0.0, description="running mean over recent batches, in dB")
    preview: int = Field(default=0, description="pictures made so far: `fit/preview` has the last")
