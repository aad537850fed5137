"""`plan.json`: which images of a library make which materials; a scan writes it, people edit it."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path, PurePosixPath
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ntc.errors import InputError
from ntc.files import read_bytes, write_bytes
from ntc.texture import Listing
from ntc.texture.manifest import Manifest, ManifestMap, check_files, relative_path

MOST_MAPS: Final = 64
LONGEST_PART: Final = 200  # bytes of UTF-8: file systems take 255, endings included
_RESERVED: Final = re.compile(r'[<>:"|?*\\]')
_DEVICES: Final = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PlannedMap(ManifestMap):
    """One image; `file` is relative to the folder of its material."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PlannedMaterial(_Document):
    """One `.ntc` to be."""

    name: str = Field(min_length=1, description="of the output, unique; `/` makes folders")
    folder: str = Field(description="where the files of the maps are, relative to the library")
    maps: tuple[PlannedMap, ...] = Field(min_length=1, max_length=MOST_MAPS)
    settings: dict[str, bool | float | str] = Field(
        default={}, description="of `ntc batch`, by the names of its options, for this one alone"
    )
    notes: tuple[str, ...] = Field(default=(), description="what the scan assumed")

    @field_validator("name")
    @classmethod
    def _writable(cls, value: str) -> str:
        if fault := name_fault(value):
            raise ValueError(f"`{value}` {fault}")
        return value

    @field_validator("folder")
    @classmethod
    def _inside(cls, value: str) -> str:
        return relative_path(value)


class LeftOut(_Document):
    """A file that belongs to no material, and why."""

    file: str = Field(description="relative to the library")
    reason: str


class LibraryPlan(_Document):
    """All of it."""

    version: Literal[1] = 1
    library: str = Field(description="folder, absolute or relative to the plan")
    materials: tuple[PlannedMaterial, ...]
    left_out: tuple[LeftOut, ...] = ()

    @model_validator(mode="after")
    def _unique(self) -> LibraryPlan:
        taken: dict[str, str] = {}
        for name in (material.name for material in self.materials):
            other = taken.setdefault(name_key(name), name)
            if other is not name:
                raise ValueError(f"two materials are called `{other}` and `{name}`")
        files = {f"{key}.ntc": name for key, name in taken.items()}
        for key, name in taken.items():
            for parent in map(str, PurePosixPath(key).parents):
                if parent in files:
                    raise ValueError(f"`{name}` lies in the file of `{files[parent]}`")
        return self


def name_key(name: str) -> str:
    """The same for names that some file system takes for the same."""
    return unicodedata.normalize("NFC", name).casefold()


def name_fault(name: str) -> str | None:
    """Why a material cannot be called so: its output has to be a file on every system."""
    for part in name.split("/"):
        if not part.isprintable() or _RESERVED.search(part):
            return "has characters that file names may not have"
        if not part or part.startswith(".") or part != part.strip(" ") or part.endswith("."):
            return "has a part that is empty, or begins or ends with a dot or a space"
        if _DEVICES.fullmatch(part):
            return f"has a part that is a device on Windows, `{part}`"
        if len(part.encode()) > LONGEST_PART:
            return f"has a part of more than {LONGEST_PART} bytes"
    return None


def read_plan(path: Path) -> LibraryPlan:
    """The plan in a file; every image in it exists inside the library.

    Raises FileError when it cannot be read, InputError when it is not a usable plan: one line with
    the key and its place.
    """
    data = read_bytes(path).removeprefix(b"\xef\xbb\xbf")
    try:
        plan = LibraryPlan.model_validate_json(data)
    except ValidationError as error:
        raise InputError(f"{path}: {_fault(error)}") from error
    library = library_of(plan, path)
    if not library.is_dir():
        raise InputError(f"{path}: library: `{plan.library}` is not a folder")
    for index, material in enumerate(plan.materials):
        about = f"{path}: materials[{index}] ({material.name})"
        try:
            listing = listing_of(material, library)
        except InputError as error:
            raise InputError(f"{about}: {error}") from error
        check_files(listing.manifest, listing.folder, about)
    return plan


def write_plan(plan: LibraryPlan, path: Path) -> None:
    """The file holds the plan, indented and without what is empty. Raises FileError."""
    document = {"version": plan.version, **plan.model_dump(mode="json", exclude_defaults=True)}
    write_bytes(path, (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode())


def library_of(plan: LibraryPlan, path: Path) -> Path:
    """The folder of the library of a plan that lies at `path`."""
    return path.parent / plan.library


def listing_of(material: PlannedMaterial, library: Path) -> Listing:
    """The images of a material, for `compress` and its like, named by the last part of its name.

    Raises InputError if its folder has no usable name, or a link leads it out of the library.
    """
    folder = library / material.folder
    try:
        str(folder).encode()  # which the image library asks for
        inside = folder.resolve().is_relative_to(library.resolve())
    except (OSError, ValueError) as error:
        raise InputError(
            f"{str(folder)!r}: not a usable folder name; use UTF-8 and no NUL"
        ) from error
    if not inside:
        raise InputError(f"`{material.folder}` leads out of the library")
    name = material.name.rpartition("/")[2]
    return Listing(folder, Manifest(name=name, maps=material.maps))


def _fault(error: ValidationError) -> str:
    """`materials[3].maps[0].file: ...` of the first fault."""
    first = error.errors()[0]
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
    extra = first["type"] == "extra_forbidden"
    what = "unknown key" if extra else first["msg"].removeprefix("Value error, ")
    return " ".join(f"{place.removeprefix('.')}: {what}".removeprefix(": ").split())
