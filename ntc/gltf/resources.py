"""The files that a model refers to: what has to lie beside it wherever it goes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from ntc.errors import InputError
from ntc.files import make_folder, replacing
from ntc.gltf.document import Model


def find_files(model: Model) -> tuple[list[PurePosixPath], list[str]]:
    """Each file that some `uri` of the document means, and what is not there; extensions count too.

    Raises InputError for buffers and images that lead out of the folder of the model.
    """
    document = model.document
    strict = [(f"buffer {i}", buffer.uri) for i, buffer in enumerate(document.buffers)]
    strict += [(f"image {i}", image.uri) for i, image in enumerate(document.images)]
    for what, uri in strict:
        if uri is not None:
            model.local(uri, what)
    found: dict[PurePosixPath, bool] = {}
    for uri in _uris(model.tree):
        try:
            file = model.local(uri, "uri")
        except InputError:  # of things that are not known here, and need not be files
            continue
        if file is not None:
            found[file] = (model.path.parent / file).is_file()
    there = [file for file, exists in found.items() if exists]
    return there, [str(file) for file, exists in found.items() if not exists]


def _uris(tree: Any) -> Iterator[str]:
    """All texts that are called `uri`."""
    left = [tree]
    while left:
        node = left.pop()
        if isinstance(node, dict):
            uri = node.get("uri")
            if isinstance(uri, str):
                yield uri
            left.extend(node.values())
        elif isinstance(node, list):
            left.extend(node)


def copy_file(source: Path, target: Path) -> None:
    """`target` holds the bytes of `source` afterwards, or what it held before. Raises FileError."""
    make_folder(target.parent)
    with replacing(target) as part:
        shutil.copyfile(source, part)
