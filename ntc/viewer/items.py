"""What the viewer was given, and which images a `.ntc` was made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ntc.errors import FileError, reason_of
from ntc.format.metadata import MapRecord
from ntc.material import Material
from ntc.texture import TextureSet, load_material, measure_material, mip_count
from ntc.texture.sources import find_sources
from ntc.transcode.costs import block_bytes, raw_bytes
from ntc.transcode.reading import as_images, texture_files
from ntc.viewer.documents import Kind, SessionItem


@dataclass(frozen=True, slots=True)
class Item:
    """One of the paths given. Requests know it by its number alone."""

    number: int
    path: Path
    kind: Kind

    @property
    def stamp(self) -> str:
        """Changes with the file, or with what is in a folder. Raises FileError."""
        try:
            inside = sorted(self.path.iterdir()) if self.path.is_dir() else []
            files = [self.path, *inside]
            found = [file.stat() for file in files]
        except OSError as error:
            raise FileError(f"{self.path}: {error.strerror or error}") from error
        return "-".join(f"{stat.st_size:x}.{stat.st_mtime_ns:x}" for stat in found)


def make_item(number: int, path: Path) -> Item:
    """The item at a path. Raises FileError if nothing is there."""
    if not path.exists():
        raise FileError(f"{path}: no such file or folder")
    if path.suffix.lower() == ".ntc" and not path.is_dir():
        return Item(number, path, "ntc")
    return Item(number, path, "textures" if texture_files(path) else "images")


def load_images(item: Item) -> TextureSet:
    """The samples of images or textures. Raises FileError, InputError and RuntimeFailure."""
    name = None if item.kind == "images" else item.path.stem
    with as_images(item.path) as images:
        return load_material(images, name=name)


@dataclass(frozen=True, slots=True)
class Described:
    """An item for the page, and what its reference is found by."""

    shown: SessionItem
    files: frozenset[str] = frozenset()  # names of the images, in lower case
    names: frozenset[str] = frozenset()  # of the material, in lower case

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of mip 0."""
        return self.shown.width, self.shown.height


def describe_material(item: Item, material: Material) -> Described:
    """A `.ntc` that was opened."""
    (width, height), maps, mips = material.size, material.maps, material.file.model.mips
    shown = SessionItem(
        number=item.number,
        name=material.name,
        path=str(item.path),
        kind=item.kind,
        width=width,
        height=height,
        mips=mips,
        maps=[record.name for record in maps],
        bytes=len(material.data),
        video_memory_bytes=material.video_memory_bytes,
        raw_bytes=sum(raw_bytes(record, mips) for record in maps),
        block_bytes=sum(block_bytes(record, mips) for record in maps),
    )
    return Described(shown, _file_names(maps), frozenset({material.name.lower(), _stem(item.path)}))


def describe_images(item: Item) -> Described:
    """Images, by their names and headers: pixels are not read."""
    sources = find_sources(item.path, (), ())
    width, height, _ = measure_material(item.path)
    shown = SessionItem(
        number=item.number,
        name=sources.name,
        path=str(item.path),
        kind=item.kind,
        width=width,
        height=height,
        mips=mip_count(width, height),
        maps=[source.name for source in sources.files],
        bytes=sum(path.stat().st_size for path in {source.path for source in sources.files}),
    )
    files = frozenset(source.file.lower() for source in sources.files)
    return Described(shown, files, frozenset({sources.name.lower(), _stem(item.path)}))


def describe_textures(item: Item, loaded: TextureSet) -> Described:
    """Textures of a GPU: what they hold is known when they are unpacked."""
    shown = SessionItem(
        number=item.number,
        name=loaded.name,
        path=str(item.path),
        kind=item.kind,
        width=loaded.width,
        height=loaded.height,
        mips=mip_count(loaded.width, loaded.height),
        maps=[record.name for record in loaded.maps],
        bytes=sum(path.stat().st_size for path in texture_files(item.path)),
    )
    return Described(shown)


def describe_failure(item: Item, error: Exception) -> Described:
    """What could not be opened."""
    return Described(
        SessionItem(
            number=item.number,
            name=item.path.name,
            path=str(item.path),
            kind=item.kind,
            error=reason_of(error, item.path)[0],
        )
    )


def with_references(found: Sequence[Described]) -> list[SessionItem]:
    """The items for the page, each `.ntc` with the images that it was made from.

    Those of its size that hold all of its files, or have its name; if several do, those that have
    both. Else the images with its maps that were given last before it, or else first.
    """
    images = [one for one in found if one.shown.kind == "images" and one.shown.error is None]
    shown = []
    for one in found:
        fitting = [other for other in images if _may_be_source(one, other)]
        best = max(fitting, key=lambda other: _likeness(one, other), default=None)
        number = None if best is None or one.shown.kind != "ntc" else best.shown.number
        shown.append(one.shown.model_copy(update={"reference": number}))
    return shown


def _may_be_source(one: Described, images: Described) -> bool:
    same_maps = set(one.shown.maps) == set(images.shown.maps)
    return one.size == images.size and (same_maps or any(_likeness(one, images)[:2]))


def _likeness(one: Described, images: Described) -> tuple[int, ...]:
    own_files = bool(one.files) and one.files <= images.files
    own_name = bool(one.names & images.names)
    before = images.shown.number < one.shown.number
    place = images.shown.number if before else -images.shown.number
    return own_files + own_name, own_files, before, place


def _file_names(maps: Sequence[MapRecord]) -> frozenset[str]:
    return frozenset(record.file.lower() for record in maps)


def _stem(path: Path) -> str:
    return (path.name if path.is_dir() else path.stem).lower()
