"""Writing files so that nobody ever sees half of one."""

from __future__ import annotations

import os
import platform
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Final, Literal

from ntc.errors import FileError

OnExisting = Literal["skip", "overwrite", "error"]

_OLD_SECONDS: Final = 86400


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name beside `path`; move it there when the block ends well, else drop it.

    What `path` held before stays until the new content is on the disk. Raises FileError for
    everything the file system refuses, a full disk included.
    """
    part = path.with_name(temporary_name())
    try:
        part.touch(exist_ok=False)
        yield part
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise _refused(path, error) from error
    finally:
        with suppress(OSError):
            part.unlink()


def write_bytes(path: Path, data: bytes) -> None:
    """`path` holds `data` afterwards, or what it held before. Raises FileError."""
    with replacing(path) as part:
        part.write_bytes(data)


def read_bytes(path: Path) -> bytes:
    """All bytes of a file. Raises FileError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise _refused(path, error) from error


def make_folder(path: Path) -> None:
    """The folder exists afterwards. Raises FileError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _refused(path, error) from error


def check_folder(path: Path) -> None:
    """Raise FileError unless a file can be made in the folder, or in the one it will be made in.

    A file is made and dropped to see it: permission bits say nothing to root, or of a read-only
    disk. Nothing is left behind.
    """
    while not path.exists() and path.parent != path:
        path = path.parent
    probe = path / temporary_name()
    try:
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        raise FileError(f"{path}: not writable ({error.strerror or error})") from error


def check_target(path: Path, on_existing: OnExisting) -> bool:
    """Whether `path` is to be written; nothing is made yet.

    Raises FileError if it cannot be written, or exists and `on_existing` is `error`.
    """
    if path.is_dir():
        raise FileError(f"{path}: is a folder; name a file in it")
    if path.exists() and on_existing == "error":
        raise FileError(f"{path}: exists; use --on-existing overwrite or skip")
    if path.exists() and on_existing == "skip":
        return False
    check_folder(path.parent)
    return True


def remove_leftovers(folder: Path, *, below: bool) -> None:
    """Drops what processes that died left half written in a folder, or also in those below.

    Names say whose they are: those of processes of this machine that are gone, and all others if
    they are older than a day.
    """
    pattern = ".ntc-*.part"
    for path in list(folder.rglob(pattern) if below else folder.glob(pattern)):
        with suppress(OSError):
            if _is_left_over(path):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def _is_left_over(path: Path) -> bool:
    host, _, pid = path.name.removeprefix(".ntc-").rpartition("-")[0].rpartition("-")
    if host == _host() and pid.isdecimal() and not _runs(int(pid)):
        return True
    return time.time() - path.stat().st_mtime > _OLD_SECONDS


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0) if os.name == "posix" else None
    except ProcessLookupError:
        return False
    except OSError:  # of another user
        pass
    return True


@cache
def _host() -> str:
    return re.sub(r"\W", "", platform.node())[:32]


def temporary_name() -> str:
    """A name that nobody else uses, and by which `remove_leftovers` knows whose it is."""
    return f".ntc-{_host()}-{os.getpid()}-{secrets.token_hex(6)}.part"


def _refused(path: Path, error: OSError) -> FileError:
    return FileError(f"{path}: {error.strerror or error}")
