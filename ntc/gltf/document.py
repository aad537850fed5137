"""A glTF 2.0 file: the document as it is, the parts of it that lead to textures, and its bytes."""

from __future__ import annotations

import json
import struct
from base64 import b64decode
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Annotated, Any, Final, NoReturn, TypeVar
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from ntc.errors import InputError
from ntc.files import read_bytes

REPEAT: Final = 10497
MIRRORED: Final = 33648

_MOST_BYTES: Final = 1 << 32  # that a GLB can say it has
_MOST_JSON: Final = 1 << 29
_DEEPEST: Final = 100
_HEADER: Final = struct.Struct("<4sII")
_CHUNK: Final = struct.Struct("<II")
_JSON, _BIN = 0x4E4F534A, 0x004E4942  # kinds of chunks

Index = Annotated[int, Field(ge=0)]
Item = TypeVar("Item")
Tree = dict[str, Any]


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="ignore", strict=True, alias_generator=to_camel, populate_by_name=True
    )


class TextureInfo(_Part):
    """What a slot of a material reads."""

    index: Index
    tex_coord: Index = 0


class MetallicRoughness(_Part):
    """Half of the slots of a material."""

    base_color_texture: TextureInfo | None = None
    metallic_roughness_texture: TextureInfo | None = None


class Material(_Part):
    """A material, as far as its textures go."""

    name: str = ""
    pbr_metallic_roughness: MetallicRoughness = MetallicRoughness()
    normal_texture: TextureInfo | None = None
    occlusion_texture: TextureInfo | None = None
    emissive_texture: TextureInfo | None = None
    extensions: Tree = {}

    @property
    def slots(self) -> dict[str, TextureInfo]:
        """The textures of the core specification, by the names of their properties."""
        slots = {
            "baseColorTexture": self.pbr_metallic_roughness.base_color_texture,
            "metallicRoughnessTexture": self.pbr_metallic_roughness.metallic_roughness_texture,
            "normalTexture": self.normal_texture,
            "occlusionTexture": self.occlusion_texture,
            "emissiveTexture": self.emissive_texture,
        }
        return {name: info for name, info in slots.items() if info is not None}


class Texture(_Part):
    """An image and how it is sampled."""

    source: Index | None = None
    sampler: Index | None = None


class Sampler(_Part):
    """What lies beyond the border."""

    wrap_s: int = REPEAT
    wrap_t: int = REPEAT


class Image(_Part):
    """Where an image is: a file, a data URI, or bytes of a buffer."""

    name: str = ""
    uri: str | None = None
    buffer_view: Index | None = None


class BufferView(_Part):
    """Bytes of a buffer."""

    buffer: Index
    byte_offset: Index = 0
    byte_length: Index


class Buffer(_Part):
    """A file, a data URI, or what a GLB holds."""

    uri: str | None = None
    byte_length: Index


class Asset(_Part):
    """The version of the format."""

    version: Annotated[str, Field(pattern=r"^2\.\d+$")]


class Document(_Part):
    """The parts that are read; `Model.tree` has all of it."""

    asset: Asset
    materials: list[Material] = []
    textures: list[Texture] = []
    samplers: list[Sampler] = []
    images: list[Image] = []
    buffer_views: list[BufferView] = []
    buffers: list[Buffer] = []
    extensions_used: list[str] = []


@dataclass(frozen=True, eq=False)
class Model:
    """An open `.gltf` or `.glb`."""

    path: Path
    tree: Tree  # all keys in their order
    document: Document
    chunks: bytes | None  # of a GLB: those after its JSON; None for a `.gltf`

    def at(self, kind: str, items: list[Item], index: int) -> Item:
        """One of the document's items. Raises InputError where there is none."""
        if index < len(items):
            return items[index]
        raise InputError(f"{self.path}: {kind} {index} does not exist; there are {len(items)}")

    def image_bytes(self, index: int) -> bytes:
        """The bytes of an image file. Raises FileError or InputError."""
        image = self.at("image", self.document.images, index)
        if image.uri is not None:
            return self._content(image.uri, f"image {index}")
        if image.buffer_view is None:
            raise InputError(f"{self.path}: image {index} has neither `uri` nor `bufferView`")
        view = self.at("buffer view", self.document.buffer_views, image.buffer_view)
        data = self._buffer(view.buffer)
        end = view.byte_offset + view.byte_length
        if end > len(data):
            raise InputError(
                f"{self.path}: buffer view {image.buffer_view} ends at byte {end} of a buffer of "
                f"{len(data)} bytes"
            )
        return bytes(data[view.byte_offset : end])

    def _buffer(self, index: int) -> memoryview:  # a copy for each image would take long
        buffer = self.at("buffer", self.document.buffers, index)
        if buffer.uri is not None:
            return memoryview(self._content(buffer.uri, f"buffer {index}"))
        if index == 0 and self.chunks is not None and len(self.chunks) >= _CHUNK.size:
            length, kind = _CHUNK.unpack_from(self.chunks)
            if kind == _BIN and _CHUNK.size + length <= len(self.chunks):
                return memoryview(self.chunks)[_CHUNK.size : _CHUNK.size + length]
        raise InputError(f"{self.path}: buffer {index} has no bytes")

    def _content(self, uri: str, what: str) -> bytes:
        if uri[:5].lower() == "data:":
            header, _, payload = uri[5:].partition(",")
            if not header.lower().endswith(";base64"):
                return unquote_to_bytes(payload)
            try:
                return b64decode(payload, validate=True)
            except ValueError as error:
                raise InputError(f"{self.path}: {what}: broken base64 ({error})") from error
        file = self.local(uri, what)
        if file is None:
            raise InputError(f"{self.path}: {what}: {_short(uri)} is not fetched; use a file")
        return read_bytes(self.path.parent / file)

    def local(self, uri: str, what: str) -> PurePosixPath | None:
        """The file that a URI means, relative to the model; None if it is none of its folder's.

        Raises InputError for one that leads out of the folder.
        """
        if is_remote(uri) or uri[:5].lower() == "data:":
            return None
        text = unquote(uri)
        file, folder = PurePosixPath(text), self.path.parent.resolve()
        elsewhere = PureWindowsPath(text)
        outside = file.is_absolute() or elsewhere.anchor != ""
        outside = outside or ".." in (*file.parts, *elsewhere.parts)
        try:
            inside = not outside and (folder / file).resolve().is_relative_to(folder)
        except (OSError, ValueError) as error:
            raise InputError(f"{self.path}: {what}: {_short(uri)} is no file name") from error
        if not inside:
            raise InputError(f"{self.path}: {what}: {_short(uri)} leads out of the model's folder")
        return file

    def encoded(self) -> bytes:
        """The tree as a file of the kind that was read, whatever else it holds as it was."""
        if self.chunks is None:
            return json.dumps(self.tree, indent=2, ensure_ascii=False).encode() + b"\n"
        text = json.dumps(self.tree, separators=(",", ":"), ensure_ascii=False).encode()
        text += b" " * (-len(text) % 4)
        size = _HEADER.size + _CHUNK.size + len(text) + len(self.chunks)
        head = _HEADER.pack(b"glTF", 2, size) + _CHUNK.pack(len(text), _JSON)
        return head + text + self.chunks


def is_remote(uri: str) -> bool:
    """Whether it has a host or a scheme, other than `data:`."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return True
    return bool(parts.netloc) or (len(parts.scheme) > 1 and parts.scheme != "data")


def open_model(path: Path) -> Model:
    """The model in a file. Raises FileError, or InputError for what is no glTF 2.0."""
    if path.is_file() and path.stat().st_size > _MOST_BYTES:
        raise InputError(f"{path}: larger than {_MOST_BYTES} bytes")
    data, chunks = read_bytes(path), None
    if data[:4] == b"glTF":
        data, chunks = _unpack(path, data)
    if len(data) > _MOST_JSON:
        raise InputError(f"{path}: {len(data)} bytes of JSON; at most {_MOST_JSON} are read")
    try:
        tree = json.loads(data.decode("utf-8-sig"), parse_constant=_refuse)
        _check_depth(tree)
        # What has no place in a file is found now: lone surrogates and numbers without end.
        json.dumps(tree, ensure_ascii=False, allow_nan=False).encode()
        return Model(path, tree, Document.model_validate(tree), chunks)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise InputError(f"{path}: {where}: {first['msg']}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not a glTF 2.0 document ({error})") from error


def _unpack(path: Path, data: bytes) -> tuple[bytes, bytes]:
    """The JSON of a GLB, and the chunks after it."""
    start = _HEADER.size + _CHUNK.size
    if len(data) < start:
        raise InputError(f"{path}: a GLB of {len(data)} bytes has no header")
    _, version, size = _HEADER.unpack_from(data)
    length, kind = _CHUNK.unpack_from(data, _HEADER.size)
    if version != 2:
        raise InputError(f"{path}: GLB version {version}; version 2 is read")
    if size != len(data) or kind != _JSON or start + length > size:
        raise InputError(f"{path}: damaged or truncated ({len(data)} bytes do not suit its header)")
    return data[start : start + length], data[start + length :]


def _check_depth(tree: Any) -> None:
    """Raises ValueError for objects in objects without end, that could be read but not written."""
    level = [tree]
    for _ in range(_DEEPEST):
        parents = [node for node in level if isinstance(node, dict | list)]
        level = [
            child
            for node in parents
            for child in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return
    raise ValueError(f"nested more than {_DEEPEST} deep")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number of JSON")


def _short(uri: str) -> str:
    return repr(uri if len(uri) <= 80 else uri[:77] + "...")
