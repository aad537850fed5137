"""What files were found to hold, so that an unchanged library is not read again."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ntc.errors import FileError

# A file that was written less than this before it was read may have been written once more
# within the resolution of its time (FAT: 2 s): it is read again.
_SETTLED_NS: Final = 3_000_000_000
_Row = tuple[str | bytes | int | None, ...]
_SCHEMA: Final = """
create table if not exists files (
    path blob primary key, size integer, mtime integer, inode text, digest text
);
create table if not exists pixels (
    digest text, reader text, pixels text, primary key (digest, reader)
);
"""


@dataclass(frozen=True)
class Stamp:
    """A file as the file system describes it."""

    path: str  # absolute
    size: int
    mtime_ns: int
    inode: int
    settled: bool = field(compare=False, default=False)  # what is read now stays, or the time moves

    @classmethod
    def of(cls, path: Path) -> Stamp:
        """Raises FileError."""
        try:
            found = path.stat()
        except OSError as error:
            raise FileError(f"{path}: {error.strerror or error}") from error
        settled = found.st_mtime_ns < time.time_ns() - _SETTLED_NS
        return cls(os.path.abspath(path), found.st_size, found.st_mtime_ns, found.st_ino, settled)


@dataclass(frozen=True)
class Fact:
    """What a file holds: digests of its bytes, and of its pixels if they were read."""

    stamp: Stamp
    file: str
    pixels: str | None
    reader: str  # what decodes them: another version may see others


def _row_of(stamp: Stamp) -> _Row:
    """Names need not be text, and inodes of network file systems have up to 128 bits."""
    return os.fsencode(stamp.path), stamp.size, stamp.mtime_ns, str(stamp.inode)


class Index:
    """A file of facts; without a folder, none are kept.

    It only saves time. One that is damaged or locked knows nothing, and one that is damaged is
    begun anew by whoever learns next. Any number of processes may use it.
    """

    def __init__(self, folder: Path | None) -> None:
        self._path = folder and folder / "index.sqlite"
        self._connection: sqlite3.Connection | None = None

    def file(self, stamp: Stamp) -> str | None:
        """Digest of the bytes of a file that is as it was."""
        return self._row(
            "select digest from files where path = ? and size = ? and mtime = ? and inode = ?",
            _row_of(stamp),
        )

    def pixels(self, digest: str, reader: str) -> str | None:
        """Digest of the pixels that a file of these bytes holds."""
        question = "select pixels from pixels where digest = ? and reader = ?"
        return self._row(question, (digest, reader))

    def learn(self, facts: Sequence[Fact]) -> None:
        """Keeps the facts."""
        files: list[_Row] = [
            (*_row_of(f.stamp), f.file)
            for f in facts
            if f.stamp.settled and self.file(f.stamp) != f.file
        ]
        pixels: list[_Row] = [
            (f.file, f.reader, f.pixels)
            for f in facts
            if f.pixels and self.pixels(f.file, f.reader) != f.pixels
        ]
        if not files and not pixels:
            return
        try:
            self._write(files, pixels)
        except sqlite3.DatabaseError as error:
            if self._path and not isinstance(error, sqlite3.OperationalError):
                self.close()
                self._path.unlink(missing_ok=True)
                with suppress(sqlite3.Error):
                    self._write(files, pixels)

    def close(self) -> None:
        """Lets go of the file."""
        if self._connection:
            self._connection.close()
            self._connection = None

    def _write(self, files: list[_Row], pixels: list[_Row]) -> None:
        with self._open() as connection:
            connection.executemany("replace into files values (?, ?, ?, ?, ?)", files)
            connection.executemany("replace into pixels values (?, ?, ?)", pixels)

    def _row(self, question: str, values: _Row) -> str | None:
        try:
            row = self._open().execute(question, values).fetchone()
        except sqlite3.Error:
            return None
        return row and str(row[0])

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = sqlite3.connect(self._path or ":memory:", timeout=10)
            try:
                connection.executescript(_SCHEMA)
            except sqlite3.Error:
                connection.close()
                raise
            self._connection = connection
        return self._connection
