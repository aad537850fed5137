"""`NTC_material_textures` in three.js: a model is drawn as it is with its images."""

import json
from typing import Any

import gltf_models
import numpy as np
import pytest
from material_files import put
from serving import Site
from three_files import HEIGHT, WIDTH, worn_file
from three_page import Three, alike, rgba

from ntc.format import container

NAMES = ("albedo", "normal", "orm", "emissive")
TURNED = {"KHR_texture_transform": {"offset": [0.25, 0.5], "rotation": 0.5}}

pytestmark = pytest.mark.gpu


@pytest.fixture(scope="module")
def model(three_site: Site, worn_images: dict[str, np.ndarray], tmp_path_factory: Any) -> None:
    """/model/: a quad with the images that a file decodes to, and models with that file as well."""
    folder = tmp_path_factory.mktemp("model")
    three_site.folders["/model/"] = folder
    (folder / "worn.ntc").write_bytes(container.write(worn_file()))
    (folder / "broken.ntc").write_bytes(b"no such thing")
    for name in NAMES:
        put(folder / f"{name}.png", worn_images[name])
    textures = {
        "normalTexture": {"index": 1, "scale": 0.7, "extensions": TURNED},
        "occlusionTexture": {"index": 2, "strength": 0.2},
        "emissiveTexture": {"index": 3},
        "emissiveFactor": [0.25, 0.125, 0.25],
    }
    material = {
        "pbrMetallicRoughness": {
            "baseColorTexture": {"index": 0},
            "metallicRoughnessTexture": {"index": 2},
            "baseColorFactor": [1, 0.5, 0.8, 0.9],
            "metallicFactor": 0.75,
        },
        "alphaMode": "MASK",
        "alphaCutoff": 0.9 * 113.5 / 255,  # between two bytes
        **textures,
    }
    slots = {
        slot: {"map": NAMES[texture["index"]], "texCoord": 0}
        for slot, texture in (textures | material["pbrMetallicRoughness"]).items()
        if slot.endswith("Texture")
    }
    for file in ("none", "worn", "broken"):
        own = {"uri": f"{file}.ntc", "mimeType": "application/x-ntc", "textures": slots}
        extended = material | {"extensions": {"NTC_material_textures": own}}
        document = gltf_models.model(
            [material if file == "none" else extended],
            [{"uri": f"{name}.png"} for name in NAMES],
            samplers=[{"magFilter": 9728, "minFilter": 9728}],
            extensionsUsed=["KHR_texture_transform"],
            buffers=[{"byteLength": len(gltf_models.BUFFER), "uri": "quad.bin"}],
        )
        for texture in document["textures"]:
            texture["sampler"] = 0
        (folder / f"{file}.gltf").write_text(json.dumps(document))
    (folder / "quad.bin").write_bytes(gltf_models.BUFFER)


def test_gltf_with_the_extension_is_as_with_images(three: Three, model: None) -> None:
    def draw(name: str, extension: bool) -> np.ndarray:
        three.site.sent.clear()
        given = {"url": f"/model/{name}.gltf", "extension": extension, "size": [WIDTH, HEIGHT]}
        return rgba(three("gltf", given), WIDTH, HEIGHT)

    wanted = draw("none", True)
    assert {path for path in three.site.sent if path.endswith("png")} != set()
    assert wanted[..., :3].max() > 40
    np.testing.assert_array_equal(draw("worn", False), wanted)

    found = draw("worn", True)
    assert {path for path in three.site.sent if path.endswith("png")} == set()
    alike(found, wanted)

    before = len(three.complaints)
    np.testing.assert_array_equal(draw("broken", True), wanted)
    assert "images instead of the file" in three.complaints[before]
    del three.complaints[before:]
