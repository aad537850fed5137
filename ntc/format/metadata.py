"""The JSON section of a `.ntc`: what the channels mean and how the file was made.

Nothing here is needed to decode integers; everything is needed to turn them back into maps.
The JSON Schema is published as docs/schemas/metadata.json. Unknown keys are ignored, so that a
later minor version may add some (rule J2).
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Semantic(StrEnum):
    """What a map shows; decides its colour space, its mip filter and its loss weight."""

    ALBEDO = "albedo"
    OPACITY = "opacity"
    NORMAL = "normal"
    BUMP = "bump"
    ROUGHNESS = "roughness"
    METALNESS = "metalness"
    AO = "ao"
    CAVITY = "cavity"
    HEIGHT = "height"
    SPECULAR = "specular"
    SPECULAR_LEVEL = "specular_level"
    EMISSIVE = "emissive"
    TRANSMISSION = "transmission"
    SHEEN = "sheen"
    CLEARCOAT = "clearcoat"
    ANISOTROPY = "anisotropy"
    MASK = "mask"
    PACKED = "packed"
    OTHER = "other"


class ColorSpace(StrEnum):
    """How stored values relate to light."""

    SRGB = "srgb"
    LINEAR = "linear"


class Sample(StrEnum):
    """The number type of a map's samples in the original image."""

    UINT8 = "uint8"
    UINT16 = "uint16"
    HALF = "half"
    FLOAT = "float"


class Curve(StrEnum):
    """How a float map is brought into storage space 0..1, section 9 of docs/format.md."""

    LINEAR = "linear"
    LOG = "log"


class NormalConvention(StrEnum):
    """Which way green points in the original image; storage space is always OpenGL."""

    OPENGL = "opengl"
    DIRECTX = "directx"


# Where a model is right: at texels, or wherever a trilinear filter of them reads.
Filtering = Literal["texel", "filtered"]


def file_name_fault(name: str) -> str | None:
    """Why a name cannot stand in a `.ntc`: it has to mean a file of one folder on every system."""
    if "/" in name or "\\" in name or name in {".", ".."}:
        return "leads out of its folder"
    if re.match("[A-Za-z]:", name):
        return "begins with a drive letter"
    if not name.isprintable():
        return "has unprintable characters"
    return None


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Channel(_Record):
    """Where one channel of a map comes from: a network output, or one constant."""

    meaning: str = Field(max_length=64, description="for example `albedo.r`, `normal.x`, `ao`")
    output: Annotated[int, Field(ge=0, le=31)] | None = None
    constant: float | None = Field(
        default=None, description="the sample as stored in the image, e.g. 0..255 for uint8"
    )
    inverted: bool = Field(
        default=False, description="storage space holds 1 - x: DirectX green, glossiness"
    )

    @model_validator(mode="after")
    def _one_source(self) -> Channel:
        if (self.output is None) == (self.constant is None):
            raise ValueError("a channel has either `output` or `constant`")
        return self


class MapRecord(_Record):
    """One image of the material, as it was before compression."""

    name: str = Field(min_length=1, max_length=128)
    file: str = Field(min_length=1, max_length=255, description="original file name, no folder")
    semantic: Semantic
    color_space: ColorSpace
    sample: Sample
    width: int = Field(ge=1, le=16384)
    height: int = Field(ge=1, le=16384)
    curve: Curve = Curve.LINEAR
    low: float = Field(default=0.0, description="the value that storage value 0 stands for")
    high: float = Field(default=1.0, description="the value that storage value 1 stands for")
    normal: NormalConvention | None = None
    channels: tuple[Channel, ...] = Field(min_length=1, max_length=32)

    @model_validator(mode="after")
    def _usable(self) -> MapRecord:
        if not self.high > self.low:
            raise ValueError("`high` must be greater than `low`")
        if self.curve is Curve.LOG and self.low < 0:
            raise ValueError("a log curve starts at 0 or above")
        if fault := file_name_fault(self.file):
            raise ValueError(f"`file` {fault}")
        return self


class FitRecord(_Record):
    """How the model was fitted: enough to repeat it."""

    backend: str
    effort: str
    seed: int
    texels: int = Field(ge=0, description="texels fitted, over all mips")
    filtering: Filtering = Field(
        default="texel", description="filtered: a sample stands for a trilinear filter of texels"
    )
    settings: dict[str, int | float | str | bool] = Field(default_factory=dict)


class Quality(_Record):
    """Measured PSNR of mip 0 in dB, storage space, peak 1, after the integer decoder.

    An exact map has no finite PSNR and is stored as null.
    """

    psnr: float | None
    maps: dict[str, float | None]


class Metadata(_Record):
    """The whole JSON section."""

    name: str = Field(max_length=255)
    maps: tuple[MapRecord, ...] = Field(min_length=1, max_length=64)
    fit: FitRecord
    quality: Quality
    generator: str = Field(max_length=64, description="program and version that wrote the file")
