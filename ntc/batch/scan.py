"""A folder tree -> a plan of materials: walk, read sidecars, group by names, name the outputs."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Final

from ntc.batch import grouping, sidecars
from ntc.batch.listing import Folder, readable, walk
from ntc.batch.plan import (
    LONGEST_PART,
    LeftOut,
    LibraryPlan,
    PlannedMap,
    PlannedMaterial,
    name_fault,
    name_key,
)
from ntc.errors import FileError, InputError
from ntc.texture.manifest import NAME as MANIFEST
from ntc.texture.semantics import Guess, classify, vendor_convention

# Whatever lies in a folder of this name is left out. Not all words for previews: a `Sphere` or a
# `Billboard` may be a material.
_PREVIEWS: Final = frozenset(
    "preview previews thumb thumbs thumbnail thumbnails render renders icons".split()
)


def scan(library: Path) -> LibraryPlan:
    """The materials of a library, in order of their names, and the images that belong to none.

    Images are not opened: bad ones are found when they are compressed. Every assumption is a note.
    Raises FileError if the library cannot be read.
    """
    if not library.is_dir():
        raise FileError(f"{library}: not a folder")
    return _Scan(library).plan()


class _Scan:
    """What is known so far."""

    def __init__(self, library: Path) -> None:
        self.library = library
        self.left_out: list[LeftOut] = []
        self.folders = {folder.path: folder for folder in walk(library, self.left_out)}
        self.images = {
            folder.place(name) for folder in self.folders.values() for name in folder.images
        }
        self.claimed: set[str] = set()  # images that need no grouping any more
        self.names = _Names(library.resolve().name)
        self.materials: list[PlannedMaterial] = []

    def plan(self) -> LibraryPlan:
        self.read_sidecars()
        self.leave_previews()
        guesses = {path: self.classify(folder) for path, folder in self.folders.items()}
        for path, folder in self.folders.items():
            inside = {name: guesses[folder.place(name)] for name in folder.folders}
            self.group(path, grouping.role_folders(inside))
            self.group(path, guesses[path])
        return LibraryPlan(
            library=self.library.as_posix(),
            materials=tuple(sorted(self.materials, key=lambda material: name_key(material.name))),
            left_out=tuple(sorted(self.left_out, key=lambda left: left.file)),
        )

    def read_sidecars(self) -> None:
        """Manifests first: a glTF file in such a folder may use the same images."""
        files = [(folder, name) for folder in self.folders.values() for name in folder.sidecars]
        for folder, name in sorted(files, key=lambda file: file[1] != MANIFEST):
            try:
                if name == MANIFEST:
                    self.add_manifest(folder)
                elif name.lower().endswith(".gltf"):
                    self.add_gltf(folder, name)
                else:
                    self.leave(folder.place(name), "its images are inside: use `ntc gltf`")
            except (InputError, FileError, OSError) as error:
                path = self.library / folder.place(name)
                self.leave(folder.place(name), readable(str(error).removeprefix(f"{path}: ")))
                if name == MANIFEST:
                    self.leave_images(folder, f"{MANIFEST} beside it cannot be used")

    def add_manifest(self, folder: Folder) -> None:
        found = sidecars.from_manifest(self.library / folder.place(MANIFEST), folder.path)
        if found is None:
            self.leave(folder.place(MANIFEST), "not a list of maps")
            return
        above, _, last = folder.path.rpartition("/")
        self.add(f"{above}/{found.name or last or self.names.library}", found)
        self.leave_images(folder, f"not listed in {MANIFEST} beside it")

    def add_gltf(self, folder: Folder, name: str) -> None:
        path = self.library / folder.place(name)
        stem = PurePosixPath(name).stem
        for found in sidecars.from_gltf(path, folder.path, self.images.__contains__):
            self.add(
                f"{self.names.joined(folder.path, stem)}/{found.name.replace('/', '_')}",
                found._replace(notes=(f"as {name} has it", *found.notes)),
            )

    def add(self, wanted: str, found: sidecars.Described) -> None:
        """One material more; its images are not grouped any more."""
        wanted = unicodedata.normalize("NFC", wanted).strip("/")
        name, notes = self.names.take(wanted), found.notes
        if name != wanted:
            notes = (*notes, f"not called `{wanted}`: taken, or not a file name everywhere")
        self.materials.append(
            PlannedMaterial(
                name=name,
                folder=found.folder or ".",
                maps=found.maps,
                notes=tuple(map(readable, notes)),
            )
        )
        self.claimed |= {str(PurePosixPath(found.folder, entry.file)) for entry in found.maps}

    def leave(self, file: str, reason: str) -> None:
        self.left_out.append(LeftOut(file=file, reason=reason))
        self.claimed.add(file)

    def leave_images(self, folder: Folder, reason: str) -> None:
        for place in map(folder.place, folder.images):
            if place not in self.claimed:
                self.leave(place, reason)

    def leave_previews(self) -> None:
        for folder in self.folders.values():
            preview = _PREVIEWS & {part.lower() for part in folder.path.split("/")}
            if preview:
                self.leave_images(folder, f"in a folder of previews, `{min(preview)}`")

    def classify(self, folder: Folder) -> list[Guess]:
        """A name that begins as the folder is called counts as a plain one, if there are such."""
        names = [name for name in folder.images if folder.place(name) not in self.claimed]
        guesses, last = classify(names), _words(folder.path.rpartition("/")[2])
        if not any(guess.word and not guess.title for guess in guesses):
            return guesses
        return [
            replace(guess, asset="") if guess.title and _words(guess.title) == last else guess
            for guess in guesses
        ]

    def group(self, path: str, guesses: Sequence[Guess]) -> None:
        """Adds what the images of a folder, or of those in it, make."""
        place = Folder(path).place
        found = grouping.group(g for g in guesses if place(g.file) not in self.claimed)
        for made in found.groups:
            wanted = self.names.joined(path, made.title) + (f"_{made.tile}" if made.tile else "")
            maps, notes = _planned(made.maps)
            self.add(wanted, sidecars.Described("", path, maps, (*made.notes, *notes)))
        for file, reason in found.left_out:
            self.leave(place(file), reason)


def _planned(guesses: Sequence[Guess]) -> tuple[tuple[PlannedMap, ...], list[str]]:
    notes = []
    vendor = vendor_convention([PurePosixPath(guess.file).name for guess in guesses])
    maps = []
    for guess in guesses:
        convention = guess.role.normal
        if guess.role.name == "normal" and convention is None:
            how = "its name does not say how green points: judged when it is compressed"
            if vendor:
                convention, style = vendor
                how = f"taken for {convention.value}, as {style} has it"
            notes.append(f"{guess.file}: {how}")
        maps.append(PlannedMap(file=guess.file, semantic=guess.role.name, normal=convention))
    return tuple(maps), notes


class _Names:
    """Gives each material a name that is a file name everywhere, and no other's."""

    def __init__(self, library: str) -> None:
        self.library = library or "library"  # the root of a disk has no name
        self.taken: dict[str, int] = {}  # key of a name: number of the last one made of it

    def joined(self, folder: str, title: str) -> str:
        """The folder and the title, which is left out if it says what the folder says."""
        last = folder.rpartition("/")[2] or self.library
        if title and (not folder or _words(title) != _words(last)):
            return f"{folder}/{title}" if folder else title
        return folder or self.library

    def take(self, wanted: str) -> str:
        """The name, changed where it has to be."""
        parts = [_safe(part) for part in wanted.split("/") if part]
        base = "/".join([*(_open(part) for part in parts[:-1]), parts[-1]])
        name = base
        while name_key(name) in self.taken:
            self.taken[name_key(base)] += 1
            name = f"{base}_{self.taken[name_key(base)]}"
        self.taken[name_key(name)] = 1
        return name


def _words(text: str) -> list[str]:
    """What a name says, without how it is stored: `Bricks076_1K-PNG` and `bricks076` are equal."""
    (guess,) = classify([f"{text}.png"])
    return [guess.asset, guess.word.lower(), guess.rest.lower(), guess.tile or ""]


def _safe(part: str) -> str:
    """A part of a name without what file systems refuse."""
    printable = "".join(c if c.isprintable() else "_" for c in part)
    plain = re.sub(r'[<>:"|?*\\]', "_", printable)
    # Room for the number of a name that is taken.
    safe = plain.encode()[: LONGEST_PART - 8].decode("utf-8", "ignore").strip(" .") or "_"
    return f"_{safe}" if name_fault(safe) else safe


def _open(part: str) -> str:
    """A folder that is not called like a file of ours."""
    return f"{part}_" if part.lower().endswith(".ntc") else part
