"""What the commands print with `--json`; the schemas are published in docs/schemas."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from ntc.format.metadata import FitRecord, MapRecord, NormalConvention


class _Report(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PlannedLevel(_Report):
    """A level of latents before the fit."""

    width: int
    height: int
    features: int
    stored_cells: int = Field(description="fewer than the level has where it is a hash table")
    triangles: bool = Field(description="texels read three cells instead of four")


class PlannedModel(_Report):
    """What an encoding would make of a material."""

    levels: list[PlannedLevel]
    macs: int


class DryRunReport(_Report):
    """`ntc compress --dry-run`: what would be done."""

    name: str
    file: str
    exists: bool = Field(description="the file is there already: see --on-existing")
    width: int
    height: int
    mips: int
    channels: int = Field(description="outputs of the decoder: channels that vary, each once")
    maps: dict[str, str] = Field(description="map name -> file it comes from")
    encodings: dict[str, PlannedModel] = Field(description="of which the images choose one")
    texels: int
    peak_memory_bytes: int = Field(description="estimated, within about a tenth")
    warnings: list[str]


class CompressReport(_Report):
    """`ntc compress`: one written file. PSNR in dB; null stands for an exact result."""

    file: str
    skipped: bool = False
    bytes: int
    bpp: float = Field(description="8 * bytes / texels of mip 0")
    video_memory_bytes: int
    width: int
    height: int
    mips: int
    channels: int
    macs: int
    psnr: float | None
    maps: dict[str, float | None]
    seconds: float
    peak_memory_bytes: int
    texels: int
    backend: str
    encoding: str = Field(description="grid, hash or simplex")
    warnings: list[str]


class DecompressReport(_Report):
    """`ntc decompress`: the images written."""

    file: str
    mip: int
    written: list[str]
    skipped: list[str]
    seconds: float


class ExportedMap(_Report):
    """A map as `ntc export` wrote it; as words, all maps under the name of the material."""

    map: str
    files: list[str] = Field(description="one, or an image for each mip")
    format: str = Field(description="for example bc7; of images the type of their samples")
    srgb: bool = Field(description="colours are stored with the sRGB curve")
    normal: NormalConvention | None
    width: int
    height: int
    mips: int
    bytes: int
    video_memory_bytes: int | None = Field(description="of the texture; null for images")
    psnr: float | None = Field(
        description="of the first mip against the texels decoded; null for images, and if exact"
    )


class ExportReport(_Report):
    """`ntc export`: the textures written."""

    file: str
    to: str
    decoder: str
    written: list[ExportedMap]
    skipped: list[str]
    bytes: int
    video_memory_bytes: int | None
    warnings: list[str]
    seconds: float


class CompareReport(_Report):
    """`ntc compare`: how far B is from A, in storage space."""

    a: str
    b: str
    equal: bool = Field(
        description="no sample differs; what is decoded is rounded like the image it is compared to"
    )
    psnr: float | None
    maps: dict[str, float | None]
    normal_degrees: dict[str, tuple[float, float]] = Field(
        description="mean and largest angle between normals, per normal map"
    )


class LevelReport(_Report):
    """A level of a file."""

    width: int
    height: int
    features: int
    tile: int = Field(description="cells a side")
    stored_cells: int = Field(description="fewer than the level has where it is a hash table")
    triangles: bool = Field(description="texels read three cells instead of four")
    kept_blocks: float | None = Field(description="part of its blocks that a mask keeps")
    mean_code_width: float = Field(description="bits, over all codes")
    bytes: int


class InfoReport(_Report):
    """`ntc info`: what a file holds."""

    file: str
    bytes: int
    bpp: float
    video_memory_bytes: int
    bytes_per_texel: int = Field(description="most bytes that one texel of mip 0 reads")
    macs: int
    name: str
    width: int
    height: int
    mips: int
    channels: int
    wrap: tuple[bool, bool]
    decoder: list[int] = Field(description="inputs, units of each hidden layer, channels")
    levels: list[LevelReport]
    maps: list[MapRecord]
    psnr: float | None
    map_psnr: dict[str, float | None]
    fit: FitRecord
    generator: str
    encoding: str = Field(description="grid, hash or simplex")


class ValidateReport(_Report):
    """`ntc validate`: whether a file keeps every rule of docs/format.md."""

    file: str
    valid: bool
    rule: str | None = None
    offset: int | None = None
    error: str | None = None


class VulkanDevice(_Report):
    """A device that `--device vulkan:N` takes, N being its index."""

    index: int
    name: str
    kind: str = Field(description="discrete, integrated, virtual, cpu or other")
    driver: str
    api: str = Field(description="version of Vulkan")


class SystemReport(_Report):
    """`ntc info --system`: what this machine can run."""

    ntc: str
    python: str
    platform: str
    cores: int
    backends: list[str] = Field(description="of the fit, the one that `auto` takes first")
    isa: str | None = Field(description="instruction set of the native core; null without one")
    isas: list[str] = Field(description="all that this machine and this build have")
    vulkan: list[VulkanDevice]
    vulkan_missing: str | None = Field(description="why there is no Vulkan device")
