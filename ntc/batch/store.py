"""Compressed materials kept by the key of their fit: a run repeats only what has changed."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ntc.batch.keys import bytes_digest
from ntc.batch.report import MaterialReport
from ntc.errors import FileError
from ntc.files import make_folder, read_bytes, write_bytes


@dataclass(frozen=True)
class Entry:
    """A `.ntc` and what was said of it when it was fitted."""

    data: bytes
    report: MaterialReport


class Store:
    """A folder of entries: `ab/cdef...`, a line of JSON with the digest of the bytes after it.

    Entries appear whole or not at all; any number of processes may read and write. Without a
    folder nothing is kept.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def get(self, key: str) -> Entry | None:
        """The entry of this key; one that is damaged is dropped."""
        path = self._path(key)
        if path is None:
            return None
        try:
            head, _, data = read_bytes(path).partition(b"\n")
        except FileError:
            return None
        try:
            said = json.loads(head)
            if said["digest"] == bytes_digest(data):
                return Entry(data, MaterialReport.model_validate(said["report"]))
        except (ValueError, KeyError, TypeError):  # not JSON, or not of this version
            pass
        with suppress(OSError):
            path.unlink()
        return None

    def has(self, key: str) -> bool:
        """Whether there is an entry, which may be damaged."""
        path = self._path(key)
        return path is not None and path.is_file()

    def put(self, key: str, entry: Entry) -> None:
        """The store has the entry afterwards. Raises FileError."""
        path = self._path(key)
        if path is None:
            return
        said = {"digest": bytes_digest(entry.data), "report": entry.report.model_dump(mode="json")}
        make_folder(path.parent)
        write_bytes(path, json.dumps(said).encode() + b"\n" + entry.data)

    def _path(self, key: str) -> Path | None:
        return self.folder and self.folder / key[:2] / key[2:]
