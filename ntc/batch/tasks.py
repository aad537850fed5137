"""Which materials of a library are to be compressed, and how each of them."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from ntc.batch.plan import LibraryPlan, PlannedMaterial, listing_of
from ntc.errors import InputError, UsageError
from ntc.files import read_bytes
from ntc.options import Value, changed
from ntc.settings import Settings
from ntc.texture import Listing


@dataclass(frozen=True)
class Task:
    """One `.ntc` to be: the unit of all that follows."""

    name: str  # of the output, without its ending; `/` makes folders
    listing: Listing
    settings: Settings


@dataclass(frozen=True)
class Override:
    """Options for the materials whose name or folder matches a glob."""

    glob: str
    options: Mapping[str, Value]


def parse_override(text: str) -> Override:
    """`*/heroes/*:quality=90,weight.normal=2`. Raises UsageError."""
    glob, _, options = text.rpartition(":")
    pairs = [pair.partition("=") for pair in options.split(",")]
    if not glob or not all(name and sign and value for name, sign, value in pairs):
        raise UsageError(f"--for {text}: use 'GLOB:OPTION=VALUE,OPTION=VALUE'")
    override = Override(glob, {name.strip(): value.strip() for name, _, value in pairs})
    try:
        changed(Settings(), override.options)  # a glob may match nothing: faults show all the same
    except UsageError as error:
        raise UsageError(f"--for {text}: {error}") from error
    return override


def parse_shard(text: str) -> tuple[int, int]:
    """`2/8` as numbers. Raises UsageError."""
    part, _, count = text.partition("/")
    if not (part.isdecimal() and count.isdecimal() and 1 <= int(part) <= int(count)):
        raise UsageError(f"--shard {text}: use I/N, I from 1 to N")
    return int(part), int(count)


def read_names(texts: Sequence[str]) -> list[str]:
    """The names themselves; `@FILE` stands for those in a file, `-` for those on stdin, one a line.

    Raises FileError, InputError if a list is not UTF-8.
    """
    names: list[str] = []
    for text in texts:
        if text != "-" and not text.startswith("@"):
            names.append(text)
            continue
        data = sys.stdin.buffer.read() if text == "-" else read_bytes(Path(text[1:]))
        try:
            lines = data.decode("utf-8-sig").splitlines()
        except UnicodeDecodeError as error:
            raise InputError(f"{text}: not UTF-8; use one name a line") from error
        names += [line.strip() for line in lines if line.strip()]
    return names


def make_tasks(
    plan: LibraryPlan,
    library: Path,
    settings: Settings,
    overrides: Sequence[Override] = (),
    names: Sequence[str] | None = None,
    shard: tuple[int, int] = (1, 1),
) -> list[Task]:
    """The tasks of a plan: all, or those that the names take, and of these one part in so many.

    Later overrides are stronger, the settings in the plan strongest. Raises UsageError for names
    that take nothing and for settings that contradict each other.
    """
    for override in overrides:
        if not any(_matches(override.glob, material) for material in plan.materials):
            raise UsageError(f"--for `{override.glob}`: no material or folder matches")
    materials = plan.materials if names is None else _named(plan.materials, names)
    part, count = shard
    return [
        Task(m.name, listing_of(m, library), _settings(m, settings, overrides))
        for m in materials
        if _shard_of(m.name, count) == part
    ]


def _named(materials: Sequence[PlannedMaterial], names: Sequence[str]) -> list[PlannedMaterial]:
    taken: set[str] = set()
    for name in names:
        found = {m.name for m in materials if _takes(name.strip("/"), m)}
        if not found:
            raise UsageError(f"`{name}`: no material or folder of the library is called so")
        taken |= found
    return [material for material in materials if material.name in taken]


def _takes(name: str, material: PlannedMaterial) -> bool:
    if name in (material.name, ".") or _matches(name, material):
        return True
    return any(f"{place}/".startswith(f"{name}/") for place in (material.name, material.folder))


def _matches(glob: str, material: PlannedMaterial) -> bool:
    return fnmatchcase(material.name, glob) or fnmatchcase(f"{material.folder}/", glob)


def _shard_of(name: str, count: int) -> int:
    """1 to `count`, by nothing but the name: shards of several machines need not talk."""
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return 1 + int.from_bytes(digest, "big") % count


def _settings(
    material: PlannedMaterial, settings: Settings, overrides: Sequence[Override]
) -> Settings:
    options = [override.options for override in overrides if _matches(override.glob, material)]
    try:
        for chosen in (*options, material.settings):
            settings = changed(settings, chosen)
    except UsageError as error:
        raise UsageError(f"{material.name}: {error}") from error
    return settings
