"""`.ntc-run.jsonl` in the folder of the outputs: which material each file is the result of."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from ntc.batch.index import Stamp
from ntc.batch.keys import file_digest
from ntc.batch.report import MaterialReport
from ntc.errors import FileError

NAME: Final = ".ntc-run.jsonl"


class Line(BaseModel):
    """A material that was finished."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    digest: str  # of the bytes of the output
    size: int
    mtime_ns: int
    report: MaterialReport


class Journal:
    """All that was ever finished in a folder, the last of each name counting.

    It only grows, by whole lines: a run that dies loses what it had not finished, no more. Two
    runs may write it at once.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = folder / NAME
        self._lines: dict[str, Line] = {}
        if not self._path.exists():
            return
        try:
            written = self._path.read_bytes().splitlines()
        except OSError as error:
            raise FileError(f"{self._path}: {error.strerror or error}") from error
        for text in written:
            try:
                line = Line.model_validate_json(text)
            except ValidationError:  # the power went while it was written, or a later version
                continue
            self._lines[line.report.name] = line

    def line(self, name: str) -> Line | None:
        """What was last finished under this name, if the output still holds it.

        The output is read if its size or time has changed; one that cannot be read holds nothing.
        """
        line = self._lines.get(name)
        path = output_path(self.folder, name)
        if line is None or not path.is_file():
            return None
        try:
            stamp = Stamp.of(path)
            same = (stamp.size, stamp.mtime_ns) == (line.size, line.mtime_ns)
            return line if same or file_digest(path) == line.digest else None
        except FileError:
            return None

    def add(self, key: str, digest: str, report: MaterialReport) -> None:
        """The line is on the disk afterwards. Raises FileError."""
        stamp = Stamp.of(output_path(self.folder, report.name))
        line = Line(key=key, digest=digest, size=stamp.size, mtime_ns=stamp.mtime_ns, report=report)
        try:
            with self._path.open("ab", buffering=0) as file:
                # What a run that died may have left of a line ends here.
                file.write(b"\n" + line.model_dump_json().encode() + b"\n")
                os.fsync(file.fileno())
        except OSError as error:
            raise FileError(f"{self._path}: {error.strerror or error}") from error
        self._lines[report.name] = line


def output_path(folder: Path, name: str) -> Path:
    """The file of a material."""
    return folder / f"{name}.ntc"
