"""What a fit depends on, as one key: pixels, meanings, settings and codec; no path, no time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import ntc
from ntc import native
from ntc.batch.index import Fact, Index, Stamp
from ntc.errors import FileError
from ntc.fit.backends import load_backend
from ntc.format import container, spec
from ntc.format.container import NtcFile
from ntc.settings import Settings
from ntc.texture import images
from ntc.texture.images import read_bands, read_header
from ntc.texture.sources import Source, Sources

_PIECE: Final = 1 << 20  # bytes
# Sources of what lies between images and the bytes of a file, relative to the package.
_CODEC: Final = (
    "batch/budget.py",
    "compression.py",
    "control",
    "decode",
    "fit",
    "format",
    "material.py",
    "metrics.py",
    "native",
    "planning.py",
    "settings.py",
    "texture",
    "transcode",
)
_PACKAGES: Final = ("ntc", "numpy", "OpenImageIO", "zstandard")
_BLOCK_PACKAGES: Final = ("imagecodecs", "ispc_texcomp")  # what `match` compares with


@dataclass(frozen=True)
class Key:
    """What a `.ntc` is the result of: of equal keys the bytes are equal."""

    fit: str  # digest of all that its numbers depend on
    name: str  # of the material, as the file says
    files: tuple[str, ...]  # of the maps, as the file says

    @property
    def output(self) -> str:
        """One digest of all of it."""
        return _digest([self.fit, self.name, self.files])


@dataclass(frozen=True)
class Pixels:
    """The images of a material as they were when their key was made."""

    key: Key
    facts: tuple[Fact, ...]

    def check(self) -> None:
        """Raises FileError if a file has changed since."""
        for fact in self.facts:
            if Stamp.of(Path(fact.stamp.path)) != fact.stamp:
                raise FileError(f"{fact.stamp.path}: changed while it was read; run again")


def key_without_reading(
    sources: Sources, settings: Settings, index: Index
) -> tuple[Key | None, tuple[Fact, ...]]:
    """The key if all images are known by their content, and what was found out about files.

    No image is decoded; files that are not known by size and time are read. Raises FileError.
    """
    facts = tuple(_fact(source.path, index) for source in sources.files)
    known = [fact.pixels for fact in facts if fact.pixels]
    return (_key(sources, settings, known) if len(known) == len(facts) else None), facts


def key_of_pixels(
    sources: Sources, settings: Settings, index: Index, on_image: Callable[[], None]
) -> Pixels:
    """The key; images that are not known are decoded.

    Raises FileError, also for files that change meanwhile, and InputError.
    """
    facts = []
    for source in sources.files:
        fact = _fact(source.path, index)
        facts.append(replace(fact, pixels=fact.pixels or pixel_digest(source.path)))
        on_image()
    pixels = Pixels(_key(sources, settings, [f.pixels or "" for f in facts]), tuple(facts))
    pixels.check()  # before anybody keeps facts that are a mixture of two states
    return pixels


def relabelled(data: bytes, key: Key) -> bytes:
    """The bytes that a fit of the same key would have, of a file that may say other names."""
    file = container.read(data)
    maps = tuple(
        record.model_copy(update={"file": name})
        for record, name in zip(file.metadata.maps, key.files, strict=True)
    )
    metadata = file.metadata.model_copy(update={"name": key.name, "maps": maps})
    return data if metadata == file.metadata else container.write(NtcFile(file.model, metadata))


def file_digest(path: Path) -> str:
    """Of the bytes of a file. Raises FileError."""
    digest = hashlib.blake2b(digest_size=32)
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
    except OSError as error:
        raise FileError(f"{path}: {error.strerror or error}") from error
    return digest.hexdigest()


def bytes_digest(data: bytes) -> str:
    """As `file_digest` of a file that holds `data`."""
    return hashlib.blake2b(data, digest_size=32).hexdigest()


def pixel_digest(path: Path) -> str:
    """Of the samples of an image as stored, with size, channels and type.

    Raises what `read_image` does.
    """
    header = read_header(path)
    shape = f"{header.width} {header.height} {header.channels} {header.sample.value}"
    digest = hashlib.blake2b(shape.encode(), digest_size=32)
    for band in read_bands(path):
        digest.update(band.tobytes())
    return digest.hexdigest()


def _fact(path: Path, index: Index) -> Fact:
    stamp = Stamp.of(path)
    known = index.file(stamp) or file_digest(path)
    return Fact(stamp, known, index.pixels(known, _reader()), _reader())


def _key(sources: Sources, settings: Settings, pixels: list[str]) -> Key:
    files = tuple(source.file for source in sources.files)
    maps = [[_role(s), p] for s, p in zip(sources.files, pixels, strict=True)]
    names = [sources.name, files] if settings.rounds else []  # whose size such a target counts
    convention = sources.convention and sources.convention[0]
    codec = codec_identity(settings.backend, settings.match)
    fit = _digest([codec, _settings(settings), maps, convention, names])
    return Key(fit, sources.name, files)


def _role(source: Source) -> list[Any]:
    return [source.name, asdict(source.role)]


def _settings(settings: Settings) -> dict[str, Any]:
    """All but what changes only how long it takes, and where images are kept meanwhile."""
    said = asdict(settings)
    for name in ("threads", "max_memory", "backend"):
        del said[name]
    return said


@cache
def codec_identity(backend: str, match: str) -> tuple[str, ...]:
    """The codec of this machine: packages, sources, and how its arithmetic rounds.

    AVX2 and AVX-512 write the same bytes, the baseline may not: it has no fused multiply-add.
    """
    name = load_backend(backend)[1]
    if name == "native":
        rounding = "baseline" if native.isa() == "baseline" else "fused"
    else:
        rounding = _version(name)
    names = _PACKAGES + (_BLOCK_PACKAGES if match else ())
    packages = [f"{package} {_version(package)}" for package in names]
    return name, rounding, f"format {spec.VERSION}", *packages, _source_digest()


@cache
def _source_digest() -> str:
    digest = hashlib.blake2b(digest_size=32)
    package = Path(ntc.__file__).parent
    files = [f for name in _CODEC for f in sorted((package / name).rglob("*.py"))]
    files += [package / name for name in _CODEC if name.endswith(".py")]
    if native.available():
        files.append(Path(str(native.core().__file__)))
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


@cache
def _reader() -> str:
    """What the pixels of a file depend on beside its bytes."""
    return f"OpenImageIO {_version('OpenImageIO')} {file_digest(Path(images.__file__))}"


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "missing"


def _digest(of: object) -> str:
    text = json.dumps(of, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=32).hexdigest()
