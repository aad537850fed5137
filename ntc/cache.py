"""Results kept on disk by all that they depend on: a run repeats only what has changed."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ntc.errors import FileError
from ntc.files import make_folder, read_bytes, write_bytes

Document = dict[str, Any]


class Cache:
    """A folder of JSON documents."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def document(self, of: object, compute: Callable[[], Document]) -> tuple[Document, bool]:
        """What `compute` returned for an equal `of`, now or before, and whether it was before.

        `of` is anything that JSON can hold. A file that is not readable is written anew.
        """
        text = json.dumps(of, sort_keys=True)
        name = hashlib.sha256(text.encode()).hexdigest()
        path = self.folder / name[:2] / f"{name}.json"
        found = _read(path)
        if found is not None:
            return found, True
        document = compute()
        make_folder(path.parent)
        write_bytes(path, json.dumps(document).encode())
        return document, False


def _read(path: Path) -> Document | None:
    try:
        document = json.loads(read_bytes(path))
    except (FileError, ValueError):
        return None
    return document if isinstance(document, dict) else None


def default_folder(name: str) -> Path:
    """Where a user's cache of this name is."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "ntc" / name
