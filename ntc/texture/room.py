"""Where the images of a material are kept while it is fitted: in memory, or in scratch files."""

from __future__ import annotations

import mmap
import os
import tempfile
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ntc.errors import FileError
from ntc.machine import resident_memory

Image = npt.NDArray[np.uint16]


class Room(Protocol):
    """A place for large arrays."""

    def array(self, shape: tuple[int, ...]) -> Image:
        """An array to be filled."""
        ...

    def ease(self) -> None:
        """To be called now and then while arrays are worked on: keeps memory within bounds."""
        ...


class Memory:
    """Arrays like any other."""

    def __enter__(self) -> Memory:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def array(self, shape: tuple[int, ...]) -> Image:
        """As `Room.array`."""
        return np.empty(shape, np.uint16)

    def ease(self) -> None:
        """Does nothing."""


class Scratch:
    """Arrays in files of a temporary folder (TMPDIR says where), which goes with the block.

    Pages of files count as memory of the process while they are mapped: `ease` gives them back
    when it holds more than `limit` bytes in all, where the system tells. Whatever they held stays
    on the disk, or in what memory the system has to spare.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._maps: list[mmap.mmap] = []

    def __enter__(self) -> Scratch:
        try:
            self._folder = tempfile.TemporaryDirectory(prefix="ntc-", ignore_cleanup_errors=True)
        except OSError as error:
            raise _refused(tempfile.gettempdir(), 0, error) from error
        return self

    def __exit__(self, *error: object) -> None:
        # Arrays that somebody still has stay valid: the system keeps a file while it is mapped.
        self._maps.clear()
        self._folder.cleanup()

    def array(self, shape: tuple[int, ...]) -> Image:
        """As `Room.array`. Raises FileError if the disk has no room for it."""
        size = 2 * int(np.prod(shape, dtype=np.int64))
        if size == 0:
            return np.empty(shape, np.uint16)
        path = Path(self._folder.name) / f"{len(self._maps)}.u16"
        try:
            with path.open("w+b") as file:
                _reserve(file.fileno(), size)
                mapped = mmap.mmap(file.fileno(), size)
        except OSError as error:
            raise _refused(self._folder.name, size, error) from error
        self._maps.append(mapped)
        return np.frombuffer(mapped, np.uint16).reshape(shape)

    def ease(self) -> None:
        """As `Room.ease`."""
        if resident_memory() > self.limit and hasattr(mmap, "MADV_DONTNEED"):
            for mapped in self._maps:
                mapped.madvise(mmap.MADV_DONTNEED)


def _reserve(descriptor: int, size: int) -> None:
    """Takes the room on the disk now: a write to a mapped file could only crash on a full one."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
        return
    zeros = bytes(1 << 20)
    for first in range(0, size, len(zeros)):
        os.write(descriptor, zeros[: size - first])


def _refused(folder: str, size: int, error: OSError) -> FileError:
    return FileError(
        f"{folder}: no room for {size / 1e6:.0f} MB of scratch files "
        f"({error.strerror or error}); name another folder with TMPDIR"
    )
