"""What a run read, in the syntax of Make: build systems then know when to run it again."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from ntc.batch.tasks import Task
from ntc.files import write_bytes


def write_depfile(path: Path, target: Path, inputs: Iterable[Path]) -> None:
    """`target: inputs`, and a rule without a recipe for each input, so that one may disappear.

    Names are those that the user gave; Make and Ninja have none for a file with a line break in
    its name, which is left out. Raises FileError.
    """
    names = [_escaped(name) for name in map(str, inputs) if not re.search(r"[\r\n]", name)]
    lines = [" \\\n  ".join([f"{_escaped(str(target))}:", *names]), *(f"{n}:" for n in names)]
    write_bytes(path, "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"))


def inputs_of(tasks: Iterable[Task]) -> list[Path]:
    """The images of the tasks, each once."""
    files = [t.listing.folder / m.file for t in tasks for m in t.listing.manifest.maps]
    return list(dict.fromkeys(files))


def _escaped(name: str) -> str:
    # A backslash is one, unless it stands before what it could escape.
    return re.sub(r"(\\*)([ #:])", r"\1\1\\\2", name.replace("$", "$$"))
