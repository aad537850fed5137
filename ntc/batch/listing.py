"""A folder tree -> the files in it that make materials. Nothing is opened."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ntc.batch.plan import LeftOut
from ntc.errors import FileError
from ntc.format.metadata import file_name_fault
from ntc.texture.images import FORMATS, UNSUPPORTED
from ntc.texture.manifest import NAME as MANIFEST

_SIDECARS: Final = (".gltf", ".glb")
_RESOURCE_FORKS: Final = "__MACOSX"


@dataclass
class Folder:
    """One folder: its place in the library (`` for the top) and the names of files in it."""

    path: str
    folders: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    sidecars: list[str] = field(default_factory=list)  # a manifest, and glTF files

    def place(self, name: str) -> str:
        """Of something in it, relative to the library."""
        return f"{self.path}/{name}" if self.path else name


def walk(library: Path, left_out: list[LeftOut]) -> Iterator[Folder]:
    """Each folder before those in it, by name; what is left out on the way goes to `left_out`.

    Hidden files and folders are not looked at. Links to folders are not followed. Raises FileError
    if the library itself cannot be read.
    """
    waiting = [""]
    while waiting:
        folder = Folder(waiting.pop())
        try:
            with os.scandir(library / folder.path) as found:
                entries = sorted(found, key=lambda entry: (entry.name.lower(), entry.name))
        except OSError as error:
            if not folder.path:
                raise FileError(f"{library}: {error.strerror or error}") from error
            left_out.append(LeftOut(file=folder.path, reason=error.strerror or str(error)))
            continue
        for entry in entries:
            if not entry.name.startswith(".") and entry.name != _RESOURCE_FORKS:
                reason = _sort(entry, folder)
                if reason:
                    left_out.append(LeftOut(file=readable(folder.place(entry.name)), reason=reason))
        waiting += [folder.place(name) for name in reversed(folder.folders)]
        yield folder


def readable(name: str) -> str:
    """A text that can be printed and written as UTF-8, whatever characters it has."""
    return "".join(c if c.isprintable() else _escaped(c) for c in name)


def _escaped(character: str) -> str:
    if "\udc80" <= character <= "\udcff":  # stands for a byte
        return character.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return character.encode("unicode_escape").decode()


def _sort(entry: os.DirEntry[str], folder: Folder) -> str | None:
    """Puts an entry where it belongs, or says why it is left out; other files are none of ours."""
    suffix = os.path.splitext(entry.name)[1].lower()
    known = suffix in FORMATS or suffix in _SIDECARS or entry.name == MANIFEST
    try:
        if entry.is_dir():
            return _enter(entry, folder)
        if suffix in UNSUPPORTED:
            return f"{suffix} is not read; convert it to PNG, TIFF or EXR"
        if not known:
            return None
        if not entry.is_file():
            return "not a file, or a link to none"
    except OSError as error:
        return error.strerror or str(error)
    if fault := file_name_fault(entry.name):
        return f"its name {fault}"
    if entry.is_symlink() and not _leads_inside(entry):
        return "a link out of its folder; copy the file, or scan the folder that it lies in"
    (folder.images if suffix in FORMATS else folder.sidecars).append(entry.name)
    return None


def _enter(entry: os.DirEntry[str], folder: Folder) -> str | None:
    if entry.is_symlink():
        return "a link to a folder; scan that one apart"
    # Other spaces than ours are welcome, unlike in names of files, which go into a `.ntc`.
    if {unicodedata.category(c) for c in entry.name} & {"Cc", "Cs"}:
        return "a folder whose name has control characters, or is not UTF-8"
    if "\\" in entry.name or re.match("[A-Za-z]:", entry.name):
        return "a folder whose name is a path on Windows"
    folder.folders.append(entry.name)
    return None


def _leads_inside(entry: os.DirEntry[str]) -> bool:
    return Path(entry.path).resolve().is_relative_to(Path(entry.path).parent.resolve())
