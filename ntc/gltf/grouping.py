"""Which images of a model make which `.ntc`: one for all materials that read the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ntc.gltf.document import MIRRORED, REPEAT, Material, Model, Sampler, is_remote

# What an image is that these slots read: words of `ntc.texture.tokens`. The channels that a slot
# reads are those that glTF 2.0 says, section 3.9.
_WORDS: Final[dict[frozenset[str], str]] = {
    frozenset({"baseColorTexture"}): "albedo",
    frozenset({"metallicRoughnessTexture"}): "metallic_roughness",
    frozenset({"metallicRoughnessTexture", "occlusionTexture"}): "orm",
    frozenset({"normalTexture"}): "normal",
    frozenset({"occlusionTexture"}): "ao",
    frozenset({"emissiveTexture"}): "emissive",
    frozenset({"baseColorTexture", "emissiveTexture"}): "albedo",
}


@dataclass(frozen=True)
class Wanted:
    """What one `.ntc` is to hold."""

    images: tuple[tuple[int, str], ...]  # index, and what it is
    wrap: tuple[bool, bool]


@dataclass(frozen=True)
class Use:
    """How a material of the model reads its `.ntc`."""

    index: int
    material: Material
    slots: dict[str, int]  # image of each
    wanted: Wanted
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Left:
    """A material that stays as it is, and why."""

    index: int
    material: Material
    reason: str


def sort_materials(model: Model) -> list[Use | Left]:
    """What becomes of each material, in order. Raises InputError for what does not exist."""
    return [_sorted(model, *entry) for entry in enumerate(model.document.materials)]


def _sorted(model: Model, index: int, material: Material) -> Use | Left:
    slots: dict[str, int] = {}
    samplers: list[Sampler] = []
    for slot, info in material.slots.items():
        texture = model.at("texture", model.document.textures, info.index)
        if texture.source is None:
            return Left(index, material, f"texture {info.index} has no PNG or JPEG image")
        image = model.at("image", model.document.images, texture.source)
        if image.uri is not None and is_remote(image.uri):
            return Left(index, material, f"image {texture.source} is not a file, and not fetched")
        slots[slot] = texture.source
        if texture.sampler is None:
            samplers.append(Sampler())
        else:
            samplers.append(model.at("sampler", model.document.samplers, texture.sampler))
    if not slots:
        return Left(index, material, "it has no textures")
    images = []
    for source in dict.fromkeys(slots.values()):
        readers = frozenset(slot for slot, other in slots.items() if other == source)
        images.append((source, _WORDS.get(readers, "other")))
    wrap, warnings = _address_modes(samplers)
    wanted = Wanted(tuple(sorted(images)), wrap)
    return Use(index, material, slots, wanted, (*warnings, *_unknown(images)))


def _address_modes(samplers: Iterable[Sampler]) -> tuple[tuple[bool, bool], list[str]]:
    """Whether the file wraps in u and v, and what has to be said about that.

    A mirrored texture goes on at its border as a clamped one does.
    """
    modes = {(sampler.wrap_s, sampler.wrap_t) for sampler in samplers}
    warnings = []
    if len(modes) > 1:
        warnings.append("its textures have several address modes; the file wraps if one repeats")
    if any(MIRRORED in pair for pair in modes):
        warnings.append("mirrored repeat: the file is clamped, and a shader has to mirror")
    wrap = any(u == REPEAT for u, _ in modes), any(v == REPEAT for _, v in modes)
    return wrap, warnings


def _unknown(images: Iterable[tuple[int, str]]) -> list[str]:
    return [
        f"image {source} is read as things of different kinds; kept as linear data"
        for source, word in images
        if word == "other"
    ]
