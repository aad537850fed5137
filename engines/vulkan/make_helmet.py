"""Writes helmet.gltf: a pilot's helmet on a stand, out of five materials of `assets/`.

    python engines/vulkan/make_helmet.py folder --size 512

Five meshes with a material each: metal, cloth, brick, one that glows and one that is cut out by
its alpha. And a camera.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

ASSETS = Path(__file__).resolve().parents[2] / "assets"
FLOATS, SHORTS = 5126, 5123  # component types of glTF
Array = NDArray[Any]
UP = np.array([0.0, 1.0, 0.0])
Mesh = tuple[Array, Array, Array, Array]  # positions, normals, texture coordinates, triangles


def grid_triangles(rows: int, columns: int) -> Array:
    """Two triangles, counterclockwise from outside, for each square of a grid of vertices."""
    vertex = np.arange(rows * columns).reshape(rows, columns)
    left, right = vertex[:, :-1], vertex[:, 1:]
    above_left, above_right, left, right = left[:-1], right[:-1], left[1:], right[1:]
    return np.stack([above_left, left, above_right, above_right, left, right], -1).reshape(-1)


def lathe(profile: Array, repeat: tuple[float, float], center: Array, segments: int = 64) -> Mesh:
    """What a curve of (radius, height) sweeps out. Downwards, the outside is to its right."""
    along = np.gradient(profile, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-12
    u = np.linspace(0, 1, segments + 1)
    sine, cosine = np.sin(2 * np.pi * u), np.cos(2 * np.pi * u)
    radius, height = profile[:, :1], profile[:, 1:]
    across, up = -along[:, 1:], along[:, :1]
    positions = np.stack([radius * sine, height + 0 * sine, radius * cosine], axis=-1) + center
    normals = np.stack([across * sine, up + 0 * sine, across * cosine], axis=-1)
    steps = np.linalg.norm(np.diff(profile, axis=0), axis=1)
    v = np.append(0, np.cumsum(steps)) / steps.sum()
    coordinates = np.stack(np.meshgrid(u * repeat[0], v * repeat[1]), axis=-1)
    triangles = grid_triangles(len(profile), segments + 1)
    return tuple(x.reshape(-1, x.shape[-1]) for x in (positions, normals, coordinates)) + (
        triangles,
    )


def sheet(center: Array, right: Array, up: Array, repeat: float) -> Mesh:
    """A rectangle with these half sides."""
    corners = np.array([[-1, 1], [1, 1], [-1, -1], [1, -1]], float)
    positions = center + corners @ np.stack([right, up]).astype(float)
    normal = np.cross(right, up) / np.linalg.norm(np.cross(right, up))
    coordinates = (corners * [1, -1] + 1) / 2 * repeat
    return positions, np.tile(normal, (4, 1)), coordinates, np.array([0, 2, 1, 1, 2, 3])


def helmet() -> dict[str, Mesh]:
    """Name of a folder in `assets/` -> what is made of it."""
    turn = np.linspace(0, 1, 33)
    dome_angle = turn * 0.62 * np.pi
    dome = np.stack([0.62 * np.sin(dome_angle), 1.25 + 0.72 * np.cos(dome_angle)], axis=-1)
    ring_angle = 2 * np.pi * turn
    collar = np.stack([0.6 + 0.12 * np.sin(ring_angle), 0.92 + 0.12 * np.cos(ring_angle)], axis=-1)
    foot = np.array([[0.16, 0.9], [0.13, 0.5], [0.13, 0.16], [0.5, 0.12], [0.52, 0.0]])
    middle = np.zeros(3)
    return {
        "painted_metal": lathe(dome, (3, 1.5), middle),
        "woven_cloth": joined(lathe(collar, (8, 1.5), middle), lathe(foot, (3, 3), middle)),
        "control_panel": sheet(
            np.array([0.05, 0.36, 0.7]),
            np.array([0.42, 0, -0.1]),
            np.array([-0.02, 0.24, -0.14]),
            1,
        ),
        "leaf_atlas": joined(
            sheet(np.array([-0.85, 0.5, 0.1]), np.array([0.38, 0, -0.2]), UP / 2, 1),
            sheet(np.array([-0.85, 0.5, 0.1]), np.array([0.2, 0, 0.38]), UP / 2, 1),
        ),
        "brick_wall": sheet(np.zeros(3), np.array([1.5, 0, 0]), np.array([0, 0, -1.5]), 2),
    }


def joined(one: Mesh, other: Mesh) -> Mesh:
    """Two meshes as one."""
    vertices = (np.concatenate(pair) for pair in zip(one[:3], other[:3], strict=True))
    return (*vertices, np.concatenate([one[3], other[3] + len(one[0])]))  # type: ignore[return-value]


def images_of(name: str, size: int) -> dict[str, Image.Image]:
    """Slot of glTF -> its image, with occlusion, roughness and metalness in one."""
    found = {
        path.stem.removeprefix(f"{name}_"): Image.open(path).resize(
            (size, size), Image.Resampling.BOX
        )
        for path in sorted((ASSETS / name).glob("*.png"))
        if not path.stem.endswith("height")
    }
    if "orm" not in found:
        white, black = Image.new("L", (size, size), 255), Image.new("L", (size, size), 0)
        found["orm"] = Image.merge("RGB", [found.get("ao", white), found["roughness"], black])
    slots = {
        "baseColorTexture": "albedo",
        "metallicRoughnessTexture": "orm",
        "normalTexture": "normal",
        "emissiveTexture": "emissive",
    }
    return {slot: found[image] for slot, image in slots.items() if image in found}


class Document:
    """A glTF document that grows."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data = folder, b""
        self.tree: dict[str, Any] = {
            "asset": {"version": "2.0", "generator": "engines/vulkan/make_helmet.py"},
            "scene": 0,
            "scenes": [{"nodes": []}],
            "samplers": [{"wrapS": 10497, "wrapT": 10497}],
        }

    def append(self, key: str, item: dict[str, Any]) -> int:
        """The index of the item."""
        self.tree.setdefault(key, []).append(item)
        return len(self.tree[key]) - 1

    def accessor(self, array: Array, kind: str) -> int:
        """The index of an accessor to these numbers: floats, or the indices of triangles."""
        array = np.ascontiguousarray(array, "<f4" if kind != "SCALAR" else "<u2")
        view = {"buffer": 0, "byteOffset": len(self.data), "byteLength": array.nbytes}
        self.data += array.tobytes() + bytes(-array.nbytes % 4)
        bounds = (
            {"min": array.min(0).tolist(), "max": array.max(0).tolist()} if kind == "VEC3" else {}
        )
        item = {"bufferView": self.append("bufferViews", view), "type": kind, "count": len(array)}
        return self.append(
            "accessors", item | bounds | {"componentType": FLOATS if kind != "SCALAR" else SHORTS}
        )

    def texture(self, name: str, image: Image.Image) -> dict[str, int]:
        """What a slot of a material says of this image."""
        image.save(self.folder / name)
        source = self.append("images", {"uri": name})
        return {"index": self.append("textures", {"source": source, "sampler": 0})}

    def mesh(self, mesh: Mesh, material: int, name: str) -> None:
        """Add a node with the mesh."""
        kinds = {"POSITION": "VEC3", "NORMAL": "VEC3", "TEXCOORD_0": "VEC2"}
        attributes = {
            attribute: self.accessor(array, kind)
            for (attribute, kind), array in zip(kinds.items(), mesh[:3], strict=True)
        }
        primitive = {
            "attributes": attributes,
            "indices": self.accessor(mesh[3], "SCALAR"),
            "material": material,
        }
        node = {
            "mesh": self.append("meshes", {"name": name, "primitives": [primitive]}),
            "name": name,
        }
        self.tree["scenes"][0]["nodes"].append(self.append("nodes", node))

    def camera(self, eye: Array, target: Array, field_of_view: float) -> None:
        """Add a node with a camera that stands at `eye`."""
        back = (eye - target) / np.linalg.norm(eye - target)
        right = np.cross(UP, back)
        right /= np.linalg.norm(right)
        columns = [*right, 0, *np.cross(back, right), 0, *back, 0, *eye, 1]
        lens = {"yfov": field_of_view, "znear": 0.1, "zfar": 20}
        index = self.append("cameras", {"type": "perspective", "perspective": lens})
        node = self.append("nodes", {"camera": index, "matrix": [float(x) for x in columns]})
        self.tree["scenes"][0]["nodes"].append(node)

    def save(self, name: str) -> Path:
        """Write the document and its buffer."""
        (self.folder / f"{name}.bin").write_bytes(self.data)
        self.tree["buffers"] = [{"uri": f"{name}.bin", "byteLength": len(self.data)}]
        path = self.folder / f"{name}.gltf"
        path.write_text(json.dumps(self.tree, indent=1), "utf-8")
        return path


def make(folder: Path, size: int) -> Path:
    """The model, with images of size x size texels."""
    folder.mkdir(parents=True, exist_ok=True)
    document = Document(folder)
    for name, mesh in helmet().items():
        textures = {
            slot: document.texture(f"{name}_{slot.removesuffix('Texture')}.png", image)
            for slot, image in images_of(name, size).items()
        }
        metal = {
            slot: textures.pop(slot) for slot in ("baseColorTexture", "metallicRoughnessTexture")
        }
        material: dict[str, Any] = {"name": name, "pbrMetallicRoughness": metal, **textures}
        material["occlusionTexture"] = dict(metal["metallicRoughnessTexture"])
        if "emissiveTexture" in textures:
            material["emissiveFactor"] = [1, 1, 1]
        if name == "leaf_atlas":
            material |= {"alphaMode": "MASK", "alphaCutoff": 0.5, "doubleSided": True}
        document.mesh(mesh, document.append("materials", material), name)
    document.camera(np.array([1.5, 1.75, 2.6]), np.array([-0.1, 0.92, 0]), 0.76)
    return document.save("helmet")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Writes helmet.gltf and its images.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", type=int, default=512, help="texels a side of each image")
    arguments = parser.parse_args()
    print(make(arguments.folder, arguments.size))  # noqa: T201
