"""What takes part: a curve of points, each a material encoded, decoded, and its bytes counted."""

from __future__ import annotations

import hashlib
import importlib
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from ntc.bench.rd.subject import Bytes, Image, Storage, Subject, assembled
from ntc.errors import RuntimeFailure

MIP_CHAIN: Final = Fraction(4, 3)  # bytes of a texture with all mips, to those of mip 0


@dataclass(frozen=True, eq=False)
class Coded:
    """A material that came back."""

    decoded: Storage  # [h, w, C] as the reference of the subject
    file_bytes: int  # of what a user would ship
    video_memory_bytes: int | None  # of what a GPU keeps to sample at random; None: it cannot


@dataclass(frozen=True)
class Contender:
    """One curve. `identity` is all that its points depend on beside pixels and setting."""

    name: str
    about: str  # for people: what it is, and with which options
    settings: tuple[str, ...]
    run: Callable[[Subject, str], Coded]
    identity: Mapping[str, str]


# Bytes of an image with a setting, and the planes that come back.
Codec = Callable[[Image, str], tuple[int, Bytes]]


def image_contender(
    name: str,
    about: str,
    settings: Sequence[str],
    codec: Codec,
    identity: Mapping[str, str],
    *,
    texture: bool,
) -> Contender:
    """A codec of images: all maps with one setting.

    A `texture` is sampled as it lies in video memory, and shipped with all mips. Other codecs are
    files of mip 0 alone.
    """

    def run(subject: Subject, setting: str) -> Coded:
        images = subject.images
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            results = list(threads.map(lambda image: codec(image, setting), images))
        decoded = assembled(subject, images, [planes for _, planes in results])
        size = sum(count for count, _ in results)
        if not texture:
            return Coded(decoded, size, None)
        chain = round(size * MIP_CHAIN)
        return Coded(decoded, chain, chain)

    return Contender(name, about, tuple(settings), run, identity)


def package(name: str, distribution: str) -> Any:
    """A package that a codec needs. Raises RuntimeFailure if it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise RuntimeFailure(
            f"the package `{distribution}` is not installed: pip install 'ntc[rd]'"
        ) from error


def versions(*distributions: str) -> dict[str, str]:
    """Versions of packages as they are installed; `missing` for others."""
    return {name: _version(name) for name in distributions}


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "missing"


def source_digest(*paths: Path) -> str:
    """Of the content of files, and of all Python files in folders."""
    digest = hashlib.sha256()
    for path in paths:
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
