"""A model to a folder: each `.ntc` in its turn, then the files it refers to, and itself last."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.parse import quote

from ntc import api
from ntc.errors import InputError, NtcError, UsageError
from ntc.files import OnExisting, check_target, make_folder, write_bytes
from ntc.fit.problem import OnProgress
from ntc.format.metadata import NormalConvention
from ntc.gltf.document import Model, open_model
from ntc.gltf.grouping import Left, Use, Wanted, sort_materials
from ntc.gltf.report import EXTENSION, GltfMaterial, GltfReport, MaterialTextures, SlotMap
from ntc.gltf.resources import copy_file, find_files
from ntc.settings import Settings
from ntc.texture.manifest import Manifest, ManifestMap

_SUFFIXES: Final = {b"\x89PNG\r\n\x1a\n": ".png", b"\xff\xd8\xff": ".jpg"}  # by the first bytes
_LONGEST_NAME: Final = 80


@dataclass(frozen=True, eq=False)
class Group:
    """Materials of a model that share one `.ntc`."""

    title: str  # of the first of them
    file: str  # in the folder of the model that is written
    wanted: Wanted
    uses: list[Use]


@dataclass(eq=False)
class _Done:
    """What became of a group."""

    maps: dict[int, str] = field(default_factory=dict)  # by image; none unless it was compressed
    bytes: int = 0
    psnr: float | None = None
    error: str = "not compressed"
    warnings: list[str] = field(default_factory=list)


class Conversion:
    """`compress` each of the `groups`, then `write`; what was not compressed stays as it was."""

    def __init__(self, path: Path, folder: Path) -> None:
        """Raises FileError or InputError for a model that cannot be read."""
        self.start = time.perf_counter()
        self.model = open_model(path)
        _without_extension(self.model)
        self.folder = folder
        self.target = folder / path.name
        if os.path.realpath(folder) == os.path.realpath(path.parent):
            raise UsageError(f"-o {folder}: holds {path.name} itself; name another folder")
        self.sorted = sort_materials(self.model)
        self.copied, self.missing = find_files(self.model)
        self.groups = _groups(path.stem, self.sorted, self.copied)
        self.done = {group.wanted: (group.file, _Done()) for group in self.groups}

    def is_wanted(self, on_existing: OnExisting) -> bool:
        """Whether there is anything to write; with `skip`, not if the model itself is there.

        Raises FileError, before anything is made, for what cannot be written.
        """
        if not check_target(self.target, on_existing):
            return False
        others: OnExisting = "error" if on_existing == "error" else "overwrite"
        for file in [*(group.file for group in self.groups), *map(str, self.copied)]:
            check_target(self.folder / file, others)
        return True

    def compress(
        self,
        group: Group,
        settings: Settings,
        on_progress: OnProgress,
        on_warning: Callable[[str], None],
        *,
        verify: bool = False,
    ) -> None:
        """Writes the `.ntc` of a group; its address modes are those of the model's samplers.

        Raises what `ntc.compress` does, and FileError if what was written does not `verify`. The
        materials are then left as they are.
        """
        _, done = self.done[group.wanted]

        def warned(message: str) -> None:
            done.warnings.append(message)
            on_warning(message)

        for message in dict.fromkeys(m for use in group.uses for m in use.warnings):
            warned(message)
        settings = replace(settings, wrap=group.wanted.wrap)
        with TemporaryDirectory(prefix="ntc-") as scratch:
            try:
                names = _unpack(self.model, group.wanted, Path(scratch))
                listing = _listing(group, names, Path(scratch))
                material = api.compress(
                    listing, settings, on_progress=on_progress, on_warning=warned
                )
                material.save(self.folder / group.file)
                if verify:
                    api.verify(self.folder / group.file, material)
            except NtcError as error:
                done.error = " ".join(str(error).replace(scratch, str(self.model.path)).split())
                error.args = (done.error,)
                raise
        by_file = {record.file: record.name for record in material.maps}
        done.maps = {image: by_file[name] for image, name in names.items()}
        done.bytes, done.psnr = len(material.data), material.file.metadata.quality.psnr

    def write(self) -> GltfReport:
        """Copies what the model refers to, and writes it with the extension. Raises FileError."""
        for file in self.copied:
            copy_file(self.model.path.parent / file, self.folder / file)
        materials = [self._material(entry) for entry in self.sorted]
        if any(material.file for material in materials):
            used: list[str] = self.model.tree.setdefault("extensionsUsed", [])
            used.append(EXTENSION)
        make_folder(self.folder)
        write_bytes(self.target, self.model.encoded())
        return GltfReport(
            file=str(self.target),
            materials=materials,
            bytes=sum(done.bytes for _, done in self.done.values()),
            psnr={file: done.psnr for file, done in self.done.values() if done.maps},
            copied=[str(file) for file in self.copied],
            missing=self.missing,
            seconds=round(time.perf_counter() - self.start, 3),
        )

    def _material(self, entry: Use | Left) -> GltfMaterial:
        """What the report says; the tree of a material that was compressed has the extension."""
        said: dict[str, Any] = {"index": entry.index, "name": entry.material.name}
        if isinstance(entry, Left):
            return GltfMaterial(**said, status="left", reason=entry.reason)
        file, done = self.done[entry.wanted]
        said["warnings"] = done.warnings
        if not done.maps:
            return GltfMaterial(**said, status="failed", reason=done.error)
        slots = {
            slot: SlotMap(map=done.maps[entry.slots[slot]], tex_coord=info.tex_coord)
            for slot, info in entry.material.slots.items()
        }
        extension = MaterialTextures.model_validate({"uri": quote(file), "textures": slots})
        tree = self.model.tree["materials"][entry.index].setdefault("extensions", {})
        tree[EXTENSION] = extension.model_dump(by_alias=True, exclude_none=True)
        maps = {slot: found.map for slot, found in slots.items()}
        return GltfMaterial(**said, status="compressed", file=file, textures=maps)


def _groups(
    stem: str, entries: Iterable[Use | Left], others: Iterable[PurePosixPath]
) -> list[Group]:
    """One for each file that is wanted, none called as one of the others."""
    groups: dict[Wanted, Group] = {}
    taken = {str(file.with_suffix("")).casefold() for file in others if file.suffix == ".ntc"}
    for use in entries:
        if isinstance(use, Left):
            continue
        if use.wanted not in groups:
            title = use.material.name or f"material_{use.index}"
            name = _unique(_file_name(f"{stem}_{title}"), taken)
            groups[use.wanted] = Group(title, f"{name}.ntc", use.wanted, [])
        groups[use.wanted].uses.append(use)
    return list(groups.values())


def _unpack(model: Model, wanted: Wanted, folder: Path) -> dict[int, str]:
    """The images as files of the folder, under the names that they had; by image."""
    names: dict[int, str] = {}
    taken: set[str] = set()
    for index, _ in wanted.images:
        data = model.image_bytes(index)
        suffix = next((s for start, s in _SUFFIXES.items() if data.startswith(start)), None)
        if suffix is None:
            raise InputError(f"{model.path}: image {index} is neither a PNG nor a JPEG file")
        image = model.document.images[index]
        file = model.local(image.uri, f"image {index}") if image.uri is not None else None
        called = (file.stem if file else image.name) or f"image_{index}"
        names[index] = _unique(_file_name(called), taken) + suffix
        write_bytes(folder / names[index], data)
    return names


def _listing(group: Group, names: dict[int, str], folder: Path) -> api.Listing:
    maps = tuple(
        ManifestMap(
            file=names[index],
            semantic=word,
            normal=NormalConvention.OPENGL if word == "normal" else None,
        )
        for index, word in group.wanted.images
    )
    return api.Listing(folder, Manifest(name=_file_name(group.title), maps=maps))


def _file_name(text: str) -> str:
    """A name that every file system takes."""
    kept = "".join(c if c.isalnum() or c in "-_. " else "_" for c in text)
    return kept[:_LONGEST_NAME].strip(". ") or "_"


def _unique(name: str, taken: set[str]) -> str:
    """The name, or one with a number if only case tells it from one that is taken."""
    unique, count = name, 2
    while unique.casefold() in taken:
        unique, count = f"{name}_{count}", count + 1
    taken.add(unique.casefold())
    return unique


def _without_extension(model: Model) -> None:
    """A model that was compressed before is compressed anew."""
    for material in model.tree.get("materials", []):
        material.get("extensions", {}).pop(EXTENSION, None)
    used = [name for name in model.document.extensions_used if name != EXTENSION]
    if used:
        model.tree["extensionsUsed"] = used
    else:  # an empty list is against the schema
        model.tree.pop("extensionsUsed", None)
