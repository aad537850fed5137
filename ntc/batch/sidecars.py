"""Files beside images that say what these are: manifests of ntc, and glTF."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

from ntc.batch.plan import PlannedMap
from ntc.errors import InputError
from ntc.files import read_bytes
from ntc.format.metadata import NormalConvention
from ntc.texture.manifest import read_manifest, semantic_role

_MOST_BYTES: Final = 64 << 20  # of a sidecar: one without meshes and images inside has less
_UNUSED: Final = "unused"


class Described(NamedTuple):
    """A material that a sidecar describes; its maps lie in `folder`, relative to the library."""

    name: str
    folder: str
    maps: tuple[PlannedMap, ...]
    notes: tuple[str, ...]


class _Slot(NamedTuple):
    """A texture of a glTF material: `channels` are the meanings of those that are used."""

    semantic: str
    channels: tuple[str, ...] = ()


# Khronos glTF 2.0 section 5.19 and the KHR_materials extensions.
_SLOTS: Final = {
    "baseColorTexture": _Slot("albedo"),
    "diffuseTexture": _Slot("albedo"),
    "normalTexture": _Slot("normal"),
    "metallicRoughnessTexture": _Slot("metallic_roughness", (_UNUSED, "roughness", "metalness")),
    "occlusionTexture": _Slot("ao", ("ao",)),
    "emissiveTexture": _Slot("emissive"),
    "specularGlossinessTexture": _Slot("specular_glossiness"),
    "specularTexture": _Slot("packed", (_UNUSED, _UNUSED, _UNUSED, "specular_level")),
    "specularColorTexture": _Slot("specular"),
    "clearcoatTexture": _Slot("clearcoat", ("clearcoat",)),
    "clearcoatRoughnessTexture": _Slot("packed", (_UNUSED, "clearcoat_roughness")),
    "sheenColorTexture": _Slot("sheen_color"),
    "sheenRoughnessTexture": _Slot("packed", (_UNUSED, _UNUSED, _UNUSED, "sheen_roughness")),
    "transmissionTexture": _Slot("transmission", ("transmission",)),
    "thicknessTexture": _Slot("packed", (_UNUSED, "thickness")),
    "anisotropyTexture": _Slot("anisotropy"),
}
_ORM: Final = {"occlusionTexture", "metallicRoughnessTexture"}


def from_manifest(path: Path, folder: str) -> Described | None:
    """The material of a `manifest.json`, or None if it is not one of ntc's.

    Raises InputError or FileError for one that cannot be used.
    """
    if path.stat().st_size > _MOST_BYTES:
        raise InputError(f"larger than {_MOST_BYTES} bytes")
    try:
        data = json.loads(read_bytes(path).decode("utf-8-sig"))
        if isinstance(data, dict) and "maps" not in data:
            return None
    except (ValueError, RecursionError):
        pass  # the next line says what is wrong with it
    manifest = read_manifest(path)
    maps = tuple(PlannedMap.model_validate(entry.model_dump()) for entry in manifest.maps)
    return Described(manifest.name, folder, maps, ())


def from_gltf(path: Path, folder: str, exists: Callable[[str], bool]) -> list[Described]:
    """The materials of a `.gltf` whose images are files of the library, without equal ones.

    `exists` says whether a place in the library holds an image. Raises InputError or FileError if
    the file cannot be used, or none of its materials has such images.
    """
    if path.stat().st_size > _MOST_BYTES:
        raise InputError(f"larger than {_MOST_BYTES} bytes: use `ntc gltf`")
    try:
        document = json.loads(read_bytes(path).decode("utf-8-sig"))
        found = list(_materials(document, folder, exists))
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError) as error:
        raise InputError(f"not a usable glTF file ({type(error).__name__}: {error})") from error
    if not found:
        raise InputError("no material with images in files of their own: use `ntc gltf`")
    unique: dict[tuple[PlannedMap, ...], Described] = {}
    for material in found:
        first = unique.setdefault(material.maps, material)
        if first is not material:
            notes = (*first.notes, f"the same maps as material `{material.name}`")
            unique[material.maps] = first._replace(notes=notes)
    return list(unique.values())


def _materials(
    document: dict[str, Any], folder: str, exists: Callable[[str], bool]
) -> Iterator[Described]:
    for index, material in enumerate(document.get("materials", ())):
        notes: list[str] = []
        images: dict[str, list[str]] = {}
        for slot, texture in _textures(material):
            place = _place(document, texture, folder)
            if place is None or not exists(place):
                what = "has no image in a file" if place is None else f"`{place}` is no usable file"
                notes.append(f"{slot}: {what}, left out; see `ntc gltf`")
            elif slot not in images.setdefault(place, []):
                images[place].append(slot)
        if images:
            yield _described(str(material.get("name") or f"material{index}"), images, notes)


def _textures(value: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """Names of slots and numbers of textures, those of extensions included."""
    for key, inner in value.items():
        if key.endswith("Texture") and isinstance(inner, dict) and "index" in inner:
            yield key, inner["index"]
        elif isinstance(inner, dict) and key != "extras":
            yield from _textures(inner)


def _place(document: dict[str, Any], texture: int, folder: str) -> str | None:
    """Where the image of a texture is in the library, or None if it is inside the glTF file."""
    source = document["textures"][texture].get("source")
    uri = None if source is None else document["images"][source].get("uri")
    if uri is None or uri.partition(",")[0].lower().startswith("data:"):
        return None
    return posixpath.normpath(posixpath.join(folder, unquote(uri)))


def _described(name: str, images: dict[str, list[str]], notes: list[str]) -> Described:
    folder = posixpath.commonpath([posixpath.dirname(place) for place in images])
    maps, taken = [], set[str]()
    for place, slots in images.items():
        entry = _planned(posixpath.relpath(place, folder or "."), slots, notes)
        role = semantic_role(entry.semantic)
        if role and role.name in taken and role.name not in ("other", "packed"):
            notes.append(f"{entry.file}: a second {role.name} map, kept as `other`")
            entry = entry.model_copy(update={"semantic": "other", "srgb": role.srgb})
        taken.add(role.name if role else "")
        maps.append(entry)
    return Described(name, folder, tuple(maps), tuple(notes))


def _planned(file: str, names: list[str], notes: list[str]) -> PlannedMap:
    """One image, for all the slots that use it."""
    slots = [_SLOTS.get(name, _Slot("other")) for name in names]
    notes += [f"{file}: kept as `other` for {n}" for n in names if n not in _SLOTS]
    if set(names) == _ORM:
        return PlannedMap(file=file, semantic="orm")
    packed = len(slots) > 1 and all(slot.channels for slot in slots)
    if len(slots) > 1 and not packed:
        notes.append(f"{file}: used for {', '.join(names)}, taken for {slots[0].semantic}")
    if packed or slots[0].semantic == "packed":
        used = slots if packed else slots[:1]
        count = max(len(slot.channels) for slot in used)
        meanings = [
            [slot.channels[i] for slot in used if slot.channels[i : i + 1] not in ((), (_UNUSED,))]
            for i in range(count)
        ]
        channels = tuple("_or_".join(meaning) or _UNUSED for meaning in meanings)
        return PlannedMap(file=file, semantic="packed", channel_semantics=channels)
    normal = NormalConvention.OPENGL if slots[0].semantic == "normal" else None
    return PlannedMap(file=file, semantic=slots[0].semantic, normal=normal)
