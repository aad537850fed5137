"""Exported textures as the images of a material again: the first level of each file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ntc.errors import FileError, InputError
from ntc.files import read_bytes
from ntc.format.metadata import Semantic
from ntc.texture import write_image
from ntc.texture.images import FORMATS
from ntc.texture.semantics import classify
from ntc.transcode import blocks, dds, ktx2

_READERS: Final = {".dds": dds.read, ".ktx2": ktx2.read}

Pixels = NDArray[Any]


def texture_files(path: Path) -> list[Path]:
    """The file, or those in a folder without images, that are textures; else none."""
    if not path.is_dir():
        return [path] if path.suffix.lower() in _READERS else []
    try:
        inside = sorted(path.iterdir())
    except OSError as error:
        raise FileError(f"{path}: {error.strerror or error}") from error
    if any(file.suffix.lower() in FORMATS or file.name == "manifest.json" for file in inside):
        return []
    return [file for file in inside if file.suffix.lower() in _READERS]


@contextmanager
def as_images(path: Path) -> Iterator[Path]:
    """The path itself; of textures a folder of images of the same names, while the block runs.

    Raises FileError, InputError for what is no texture that `ntc export` writes, and
    RuntimeFailure without the package that decodes blocks.
    """
    files = texture_files(path)
    if not files:
        yield path
        return
    stems = [file.stem for file in files]
    if len(set(stems)) < len(stems):
        raise InputError(f"{path}: has a texture twice, as DDS and as KTX2; choose one of them")
    guesses = classify(stems)
    with TemporaryDirectory(prefix="ntc-textures-") as temporary:
        folder = Path(temporary)
        for file, guess in zip(files, guesses, strict=True):
            normal = guess.role.semantic is Semantic.NORMAL
            pixels = read_texture(file, normal=normal)
            suffix = ".exr" if pixels.dtype == np.float16 else ".png"
            write_image(folder / f"{file.stem}{suffix}", pixels)
        yield folder


def read_texture(path: Path, *, normal: bool) -> Pixels:
    """`[h, w, c]` of the first level; of a normal all three channels, and no alpha that is full."""
    try:
        level = _READERS[path.suffix.lower()](read_bytes(path))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    pixels = blocks.decode(level.data, level.format, level.width, level.height)
    if normal and pixels.shape[2] == 2:
        return _with_z(pixels)
    full = 255 if pixels.dtype == np.uint8 else 1
    return pixels[..., :3] if pixels.shape[2] == 4 and (pixels[..., 3] == full).all() else pixels


def _with_z(pixels: Pixels) -> Pixels:
    """A normal `[h, w, 3]` of unit length from the bytes of its x and y."""
    xy = pixels.astype(np.float32) * np.float32(2 / 255) - 1
    z = np.sqrt(np.maximum(1 - (xy**2).sum(axis=2, keepdims=True), 0))
    return np.concatenate([pixels, np.rint((z + 1) * 127.5).astype(np.uint8)], axis=2)
