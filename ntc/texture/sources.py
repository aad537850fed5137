"""A folder, a manifest, a listing or one image -> the files of a material and the role of each."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from ntc.errors import FileError, InputError, UsageError
from ntc.format.metadata import NormalConvention, Semantic
from ntc.texture import images, manifest
from ntc.texture.semantics import Guess, classify, vendor_convention
from ntc.texture.tokens import IGNORED, OTHER, Role

MAX_MAPS = 64
# A set may have several of these; two of any other kind are a mistake.
_REPEATABLE = {Semantic.OTHER.value, Semantic.MASK.value, Semantic.PACKED.value}


@dataclass(frozen=True)
class Listing:
    """A manifest that is not a file: the images of one material, relative to `folder`.

    Unlike in a manifest, files of one name in several folders are told apart by their folders.
    """

    folder: Path
    manifest: manifest.Manifest

    def __str__(self) -> str:
        return f"{self.folder} ({self.name})"

    @property
    def name(self) -> str:
        """Of the material."""
        return self.manifest.name or _name(self.folder)


@dataclass(frozen=True)
class Source:
    """One image file of a material: `name` is unique within it, and so is `file`."""

    name: str
    path: Path
    role: Role
    file: str  # what the file is called once it is taken out of its folder


@dataclass(frozen=True)
class Sources:
    """The files of one material in reading order, and what was assumed on the way."""

    name: str
    files: tuple[Source, ...]
    convention: tuple[NormalConvention, str] | None
    warnings: tuple[str, ...]


def find_sources(
    path: str | Path | Listing, only: Sequence[str], exclude: Sequence[str]
) -> Sources:
    """Return the images of a material: a folder, a `manifest.json`, a listing or one image.

    `only` and `exclude` are globs over map names, semantics and file names. Raises `FileError`
    when `path` cannot be read, `InputError` when no one material comes out of it and
    `UsageError` when the globs leave nothing.
    """
    warnings: list[str] = []
    if isinstance(path, Listing):
        name, files = path.name, _from_listing(path, warnings)
    else:
        name, files = _from_path(Path(path), warnings)
    if not files:
        raise InputError(f"{path}: no images found; supported are {', '.join(images.FORMATS)}")
    warnings += _unused(files, only, exclude)
    files = [file for file in files if _selected(file, only, exclude)]
    if not files:
        raise UsageError(f"{path}: --only and --exclude leave no map")
    files = _without_second_normal(files, warnings)
    if len(files) > MAX_MAPS:
        raise InputError(f"{path}: {len(files)} images; a material has at most {MAX_MAPS} maps")
    _check_unique(files)
    convention = vendor_convention([file.path.name for file in files])
    return Sources(name, tuple(_named(files)), convention, tuple(warnings))


def _from_path(path: Path, warnings: list[str]) -> tuple[str, list[Source]]:
    if path.is_dir() and (path / manifest.NAME).is_file():
        path = path / manifest.NAME
    if path.suffix.lower() == ".json":
        return _from_manifest(path, warnings)
    if path.is_dir():
        return _name(path), _from_folder(path, warnings)
    if path.exists():
        return path.stem, _from_names([path], keep_ignored=True, warnings=warnings)
    raise FileError(f"{path}: no such file or folder")


def _from_listing(listing: Listing, warnings: list[str]) -> list[Source]:
    manifest.check_files(listing.manifest, listing.folder, str(listing))
    files = _listed(listing)
    count = Counter(file.path.name.lower() for file in files)
    told = []
    for file, entry in zip(files, listing.manifest.maps, strict=True):
        if count[file.path.name.lower()] > 1:
            file = replace(file, file="_".join(PurePosixPath(entry.file).parts)[-255:])
            warnings.append(
                f"{entry.file}: kept as {file.file}, for another map is called {file.path.name} too"
            )
        told.append(file)
    return told


def _listed(listing: Listing) -> list[Source]:
    maps = listing.manifest.maps
    guesses = classify([Path(entry.file).name for entry in maps])
    return [
        _source(listing.folder / entry.file, _manifest_role(entry, guess))
        for entry, guess in zip(maps, guesses, strict=True)
    ]


def _from_manifest(path: Path, warnings: list[str]) -> tuple[str, list[Source]]:
    listing = Listing(path.parent, manifest.read_manifest(path))
    files = _listed(listing)
    known = {file.path.resolve() for file in files}
    warnings += [
        f"{image.name}: not listed in {path.name}, ignored"
        for image in _images_in(path.parent)
        if image.resolve() not in known
    ]
    return listing.name, files


def _manifest_role(entry: manifest.ManifestMap, guess: Guess) -> Role:
    role = manifest.semantic_role(entry.semantic) or OTHER
    if role.semantic is Semantic.NORMAL:
        role = replace(role, normal=entry.normal or role.normal or guess.role.normal)
    if entry.srgb is not None:
        role = replace(role, srgb=entry.srgb)
    if not role.packing and role.semantic in {Semantic.OTHER, Semantic.PACKED}:
        role = replace(role, packing=tuple(map(_meaning, entry.channel_semantics)))
    return role


def _meaning(word: str) -> str:
    role = manifest.semantic_role(word)
    if role is None or role is OTHER:
        return word
    return ("~" if role.inverted else "") + role.semantic.value


def _from_folder(path: Path, warnings: list[str]) -> list[Source]:
    warnings += [
        f"{file.name}: {file.suffix} is not read, ignored; convert it to PNG, TIFF or EXR"
        for file in _listing(path)
        if file.suffix.lower() in images.UNSUPPORTED
    ]
    return _from_names(_images_in(path), keep_ignored=False, warnings=warnings)


def _from_names(paths: list[Path], *, keep_ignored: bool, warnings: list[str]) -> list[Source]:
    guesses = classify([path.name for path in paths])
    used = [
        (path, guess)
        for path, guess in zip(paths, guesses, strict=True)
        if guess.role is not IGNORED or keep_ignored
    ]
    warnings += [
        f"{guess.file}: looks like a preview, ignored" for guess in guesses if guess.role is IGNORED
    ]
    warnings += [
        f"{guess.file}: the name says nothing known; kept as linear data, semantic `other`"
        for _, guess in used
        if guess.role is OTHER
    ]
    assets = sorted({guess.asset for _, guess in used if guess.role is not OTHER})
    if len(assets) > 1:
        warnings.append(f"file names speak of several assets: {', '.join(assets)}")
    return [_source(path, OTHER if guess.role is IGNORED else guess.role) for path, guess in used]


def _listing(folder: Path) -> list[Path]:
    try:
        files = [path for path in folder.iterdir() if path.is_file()]
        return sorted(files, key=lambda path: (path.name.lower(), path.name))
    except OSError as error:
        raise FileError(f"{folder}: {error.strerror or error}") from error


def _images_in(folder: Path) -> list[Path]:
    return [
        path
        for path in _listing(folder)
        if path.suffix.lower() in images.FORMATS and not path.name.startswith(".")
    ]


def _source(path: Path, role: Role) -> Source:
    name = path.stem if role.semantic is Semantic.OTHER else role.name
    return Source(name, path, role, path.name)


def matches(globs: Sequence[str], *names: str) -> bool:
    """Whether one of the globs, or the one that is given, matches a name; case does not matter."""
    return any(fnmatchcase(name.lower(), glob.lower()) for name in names for glob in _list(globs))


def _list(globs: Sequence[str]) -> Sequence[str]:
    return [globs] if isinstance(globs, str) else globs


def _hit(globs: Sequence[str], file: Source) -> bool:
    return matches(globs, file.name, file.role.semantic.value, file.file)


def _selected(file: Source, only: Sequence[str], exclude: Sequence[str]) -> bool:
    return (not only or _hit(only, file)) and not _hit(exclude, file)


def _unused(files: Sequence[Source], only: Sequence[str], exclude: Sequence[str]) -> list[str]:
    return [
        f"`{glob}` of --only or --exclude matches no map"
        for glob in (*_list(only), *_list(exclude))
        if not any(_hit(glob, file) for file in files)
    ]


def _name(folder: Path) -> str:
    """The name the user knows: a link keeps its own, `.` gets that of the folder."""
    return os.path.basename(os.path.abspath(folder))


def _without_second_normal(files: list[Source], warnings: list[str]) -> list[Source]:
    """Of an OpenGL and a DirectX version of one normal map keep the OpenGL one."""
    given = {file.role.normal for file in files if file.role.semantic is Semantic.NORMAL}
    if not {NormalConvention.OPENGL, NormalConvention.DIRECTX} <= given:
        return files
    extra = [file for file in files if file.role.normal is NormalConvention.DIRECTX]
    warnings += [f"{f.path.name}: the OpenGL normal map is used instead, ignored" for f in extra]
    return [file for file in files if file not in extra]


def _check_unique(files: Sequence[Source]) -> None:
    _check_tiles(files)
    first: dict[str, Source] = {}
    for file in files:
        same = [other for other in files if other.file.lower() == file.file.lower()]
        if len(same) > 1:
            raise InputError(f"{same[0].path} and {same[1].path}: the same file name twice")
        if file.role.name in _REPEATABLE:
            continue
        other = first.setdefault(file.name, file)
        if other is not file:
            raise InputError(
                f"{file.path.parent}: {other.path.name} and {file.path.name} are both {file.name} "
                "maps; give each material its own folder or use --exclude"
            )


def _check_tiles(files: Sequence[Source]) -> None:
    tiles = sorted({g.tile for g in classify([file.path.name for file in files]) if g.tile})
    if len(tiles) > 1:
        raise InputError(
            f"{files[0].path.parent}: UDIM tiles {', '.join(tiles)} in one folder; compress each "
            f"tile apart, for example with --only '*{tiles[0]}*'"
        )


def _named(files: Sequence[Source]) -> list[Source]:
    taken: set[str] = set()
    named = []
    for file in files:
        base, name, count = file.name[:120], file.name[:120], 2
        while name in taken:
            name, count = f"{base}_{count}", count + 1
        taken.add(name)
        named.append(replace(file, name=name))
    return named
