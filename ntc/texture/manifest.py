"""`manifest.json` beside the maps: what each image is, in the words of whoever made the set."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath, PureWindowsPath

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ntc.errors import FileError, InputError
from ntc.format.metadata import NormalConvention, Semantic
from ntc.texture.tokens import IGNORED, OTHER, WORDS, Role

NAME = "manifest.json"
MAX_BYTES = 4 << 20
_ROLES = {**WORDS, "other": OTHER, "packed": Role("packed", Semantic.PACKED)}


class ManifestMap(BaseModel):
    """One image: `semantic` is any word of `tokens.WORDS`, for example `albedo` or `orm`.

    `srgb` and `normal` override what the semantic and the file name imply;
    `channel_semantics` names the meaning of each channel.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    file: str = Field(min_length=1)
    semantic: str
    srgb: bool | None = None
    normal: NormalConvention | None = None
    channel_semantics: tuple[str, ...] = Field(default=(), max_length=32)

    @field_validator("file")
    @classmethod
    def _inside(cls, value: str) -> str:
        return relative_path(value)

    @field_validator("semantic")
    @classmethod
    def _known(cls, value: str) -> str:
        if semantic_role(value) is None:
            known = sorted({role.name for role in _ROLES.values()} - {"ignored"})
            raise ValueError(f"`{value}` is not a semantic; known are {', '.join(known)}")
        return value


def relative_path(value: str) -> str:
    """The value. Raises ValueError for a path that leads out of its folder, on any system."""
    parts = (*PurePosixPath(value).parts, *PureWindowsPath(value).parts)
    if PurePosixPath(value).is_absolute() or PureWindowsPath(value).anchor or ".." in parts:
        raise ValueError(f"`{value}` must be a relative path without `..`")
    return value


class Manifest(BaseModel):
    """The whole file; keys that are not listed here describe the set and are kept out of it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str = Field(default="", max_length=255, pattern=r"^[^/\\\x00-\x1f]*$")
    maps: tuple[ManifestMap, ...] = Field(min_length=1, max_length=64)


def semantic_role(word: str) -> Role | None:
    """Return the role a manifest means by `word`, or None; case, `_`, `-` and spaces are free."""
    role = _ROLES.get(word.lower().translate({ord(c): None for c in "_- "}))
    return None if role is IGNORED else role


def read_manifest(path: Path) -> Manifest:
    """Read and check a manifest; every file in it exists inside the folder of `path`.

    Raises `FileError` when it cannot be read, `InputError` when it is not a usable manifest.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path}: larger than {MAX_BYTES} bytes; this is not a map list")
        manifest = Manifest.model_validate(json.loads(path.read_bytes().decode("utf-8-sig")))
    except OSError as error:
        raise FileError(f"{path}: {error.strerror or error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f"{part}: " for part in first["loc"])
        raise InputError(f"{path}: {place}{first['msg']}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not valid JSON ({error})") from error
    check_files(manifest, path.parent, str(path))
    return manifest


def check_files(manifest: Manifest, folder: Path, about: str) -> None:
    """Raise InputError, which begins with `about`, unless all files exist inside the folder."""
    folder = folder.resolve()
    for file in (entry.file for entry in manifest.maps):
        try:
            inside = (folder / file).resolve().is_relative_to(folder)
            exists = (folder / file).is_file()
        except (OSError, ValueError) as error:
            raise InputError(f"{about}: `{file}` is not a usable file name") from error
        if not inside:
            raise InputError(f"{about}: `{file}` leads out of its folder")
        if not exists:
            raise InputError(f"{about}: `{file}` does not exist")
