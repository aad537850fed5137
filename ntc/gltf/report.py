"""What `ntc gltf` did, and what its extension says: docs/gltf.md."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

EXTENSION: Final = "NTC_material_textures"

Slot = Literal[
    "baseColorTexture",
    "metallicRoughnessTexture",
    "normalTexture",
    "occlusionTexture",
    "emissiveTexture",
]


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Part(BaseModel):
    """In the words of glTF, which lets every object have `extensions` and `extras`."""

    model_config = ConfigDict(
        frozen=True, extra="allow", alias_generator=to_camel, populate_by_name=True
    )


class SlotMap(_Part):
    """What a texture slot of the material reads instead of its image."""

    map: str = Field(min_length=1, description="name of a map of the file")
    tex_coord: int = Field(default=0, ge=0, description="set of coordinates, as in the slot")


class MaterialTextures(_Part):
    """`NTC_material_textures` of a material: one `.ntc` that holds its textures."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["uri"]}, {"required": ["bufferView"]}]}
    )

    uri: str | None = Field(default=None, min_length=1, description="of the `.ntc`")
    buffer_view: int | None = Field(
        default=None, ge=0, description="that holds the `.ntc`, in the place of `uri`"
    )
    mime_type: Literal["application/x-ntc"] = "application/x-ntc"
    textures: dict[Slot, SlotMap] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_source(self) -> MaterialTextures:
        if (self.uri is None) == (self.buffer_view is None):
            raise ValueError("the file is either at `uri` or in `bufferView`")
        return self


class GltfMaterial(_Document):
    """What became of a material of the model."""

    index: int
    name: str
    status: Literal["compressed", "left", "failed"] = Field(
        description="left: it had nothing to compress; left and failed ones are as they were"
    )
    file: str | None = Field(
        default=None, description="the `.ntc`, relative to the model; it may be shared"
    )
    textures: dict[str, str] = Field(default={}, description="slot -> map of the file")
    reason: str | None = Field(default=None, description="why it was left, or failed")
    warnings: list[str] = []


class GltfReport(_Document):
    """`ntc gltf`: the model written. PSNR in dB, by file; null stands for an exact result."""

    file: str
    materials: list[GltfMaterial]
    bytes: int = Field(description="of all `.ntc` together")
    psnr: dict[str, float | None]
    copied: list[str] = Field(description="files that the model refers to, relative to it")
    missing: list[str] = Field(description="of those, what is not there")
    seconds: float
