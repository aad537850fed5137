"""Small glTF models: a textured quad, and whatever materials a test gives it."""

import json
import struct
from base64 import b64encode
from pathlib import Path
from typing import Any

import numpy as np
from material_files import put
from small_materials import waves

QUAD = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], "<f4")
COORDINATES = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], "<f4")
TRIANGLES = np.array([0, 1, 2, 0, 2, 3], "<u2")
BUFFER = QUAD.tobytes() + COORDINATES.tobytes() + TRIANGLES.tobytes()


def picture(folder: Path, name: str, size: int = 16, phase: int = 0) -> bytes:
    """Bytes of an image file of smooth waves, which is also written."""
    put(folder / name, np.roll(waves(size, size, 3), phase, axis=1))
    return (folder / name).read_bytes()


def model(
    materials: list[dict[str, Any]], images: list[dict[str, Any]], **more: Any
) -> dict[str, Any]:
    """A document: a quad a material, a texture an image. Its buffer has no `uri` yet."""
    primitives = [
        {"attributes": {"POSITION": 0, "TEXCOORD_0": 1, "TEXCOORD_1": 1}, "indices": 2}
        | {"material": index}
        for index in range(len(materials))
    ]
    return {
        "asset": {"version": "2.0", "generator": "a test"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": primitives}],
        "materials": materials,
        "textures": [{"source": index} for index in range(len(images))],
        "images": images,
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3"}
            | {"min": [0, 0, 0], "max": [1, 1, 0]},
            {"bufferView": 1, "componentType": 5126, "count": 4, "type": "VEC2"},
            {"bufferView": 2, "componentType": 5123, "count": 6, "type": "SCALAR"},
        ],
        "bufferViews": [
            {"buffer": 0, "byteLength": QUAD.nbytes, "target": 34962},
            {"buffer": 0, "byteOffset": QUAD.nbytes, "byteLength": 32, "target": 34962},
            {"buffer": 0, "byteOffset": QUAD.nbytes + 32, "byteLength": 12, "target": 34963},
        ],
        "buffers": [{"byteLength": len(BUFFER)}],
        **more,
    }


def data_uri(data: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{b64encode(data).decode()}"


def save_gltf(path: Path, tree: dict[str, Any]) -> Path:
    """The document as a file, and its buffer beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    (path.parent / "mesh data.bin").write_bytes(BUFFER)
    tree["buffers"][0]["uri"] = "mesh%20data.bin"
    path.write_text(json.dumps(tree, ensure_ascii=False), "utf-8")
    return path


def save_glb(path: Path, tree: dict[str, Any], pictures: list[bytes]) -> Path:
    """The document, its buffer and the images, which it has no `uri` for, as one file."""
    data = BUFFER
    for image, content in zip(tree["images"], pictures, strict=True):
        data += bytes(-len(data) % 4)
        image["bufferView"] = len(tree["bufferViews"])
        image.setdefault("mimeType", "image/png")
        tree["bufferViews"].append(
            {"buffer": 0, "byteOffset": len(data), "byteLength": len(content)}
        )
        data += content
    tree["buffers"][0]["byteLength"] = len(data)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(glb(json.dumps(tree).encode(), data))
    return path


def glb(text: bytes, data: bytes) -> bytes:
    text += b" " * (-len(text) % 4)
    data += bytes(-len(data) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text
    chunks += struct.pack("<I4s", len(data), b"BIN\0") + data
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def read_glb(data: bytes) -> tuple[dict[str, Any], bytes]:
    """The document and all bytes after it."""
    magic, version, size, length, kind = struct.unpack_from("<4sIII4s", data)
    assert (magic, version, size, kind) == (b"glTF", 2, len(data), b"JSON")
    assert length % 4 == 0
    return json.loads(data[20 : 20 + length]), data[20 + length :]
