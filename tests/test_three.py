"""`engines/three` in Chromium, with WebGPU and with WebGL2: pictures are the reference's texels."""

import base64
import gzip
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from models import plain_file, random_file
from serving import Held, Site
from test_golden import BROKEN
from three_files import HEIGHT, WIDTH, inverted_file, streamed_file, worn_file
from three_page import MODULES, PACKAGE, Three, alike, close, put_file, rgba, run

from ntc.decode import reference
from ntc.texture import read_image
from ntc.viewer.samples import as_bytes

PACKED_MOST = 30_000  # bytes of gzip, with @ntc/web and without three
PACK = """
import { build } from "rolldown";
const { output } = await build({
  input: process.argv[1], external: /^three/, write: false, output: { minify: true },
});
process.stdout.write(output.map(({ code }) => code).join(""));
"""
FREE = 33_000  # bytes that a server sends at once of a file of 290 KB: its mips from 4 on

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("seed", [4, 15, 33])
def test_texels_are_those_of_the_reference(three: Three, seed: int) -> None:
    file = random_file(seed)
    url = put_file(three.site, f"random{seed}", file)
    for mip in {0, file.model.mips - 1}:
        wanted = as_bytes(reference.decode(file.model, mip))
        close(three.texels(url, file.model, mip, "texel"), wanted, 1)


def test_exact_samples_of_a_mip_are_its_texels(three: Three) -> None:
    model = worn_file().model
    for mip in range(2):
        wanted = as_bytes(reference.decode(model, mip))
        close(three.texels("/worn.ntc", model, mip, "exact"), wanted, 1)


def test_normals_point_up_and_right(three: Three) -> None:
    found = rgba(three("normals", {"url": "/worn.ntc", "size": [WIDTH, HEIGHT]}), WIDTH, HEIGHT)
    wanted = reference.decode(worn_file().model)[..., 4:7] / 32767.5 - 1
    wanted /= np.linalg.norm(wanted, axis=2, keepdims=True)
    close(found[..., :3], (wanted + 1) * 127.5, 1)


def test_channels_are_what_they_mean(three: Three) -> None:
    file = inverted_file()
    model = file.model
    url = put_file(three.site, "inverted", file)
    size = [model.width, model.height]
    scalars, normal = (rgba(data, *size) for data in three("meanings", {"url": url, "size": size}))
    stored = reference.decode(model) / 65535
    light = 0.25 + 2 ** (stored[..., 1] * np.log2(1.5)) - 1
    wanted = np.stack([stored[..., 0], np.full_like(light, 1 - 51 / 255), light], axis=2)
    close(scalars[..., :3], 255 * wanted, 1)
    x, y = stored[..., 1], stored[..., 2]
    z = np.sqrt(np.maximum(1 - (2 * x - 1) ** 2 - (2 * y - 1) ** 2, 0)) / 2 + 0.5
    close(normal[..., :3], 255 * np.stack([x, y, z], axis=2), 1)


def test_every_legal_file_makes_a_material(three: Three) -> None:
    seen = set()
    for seed in range(40):
        seen |= set(three("dressed", put_file(three.site, "any", random_file(seed))))
    assert seen == {"colorNode", "normalNode", "emissiveNode"}
    slots = ("color", "normal", "ao", "roughness", "metalness", "emissive")
    assert set(three("dressed", "/worn.ntc")) == {f"{slot}Node" for slot in slots}


def encoded(image: np.ndarray, srgb: bool = False) -> dict[str, Any]:
    """RGBA of a map; a grey one is grey."""
    height, width, channels = image.shape
    whole = np.full((height, width, 4), 255, np.uint8)
    whole[..., :3] = image[..., :3]
    whole[..., 3] = image[..., 3] if channels == 4 else 255
    return {"data": base64.b64encode(whole.tobytes()).decode(), "srgb": srgb}


def test_a_lit_plane_is_as_with_images(three: Three, worn_images: dict[str, np.ndarray]) -> None:
    size = {"size": [WIDTH, HEIGHT]}
    dim = {"emissiveIntensity": 0.25, "roughness": 0.8}
    given = {"url": "/worn.ntc", "shape": "plane", "filter": "texel", "change": dim}
    found = rgba(three("worn", given | size)["data"], WIDTH, HEIGHT)
    scalars = encoded(worn_images["orm"])
    maps = {
        "map": encoded(worn_images["albedo"], srgb=True),
        "normalMap": encoded(worn_images["normal"]),
        "aoMap": scalars,
        "roughnessMap": scalars,
        "metalnessMap": scalars,
        "emissiveMap": encoded(worn_images["emissive"], srgb=True),
    }
    values = {"alphaTest": 0.5, "metalness": 1, "emissive": 0xFFFFFF} | dim
    given = {"maps": maps, "width": WIDTH, "height": HEIGHT, "values": values}
    wanted = rgba(three("imaged", given | size), WIDTH, HEIGHT)
    assert 0.1 < (wanted[..., 3] == 0).mean() < 0.9  # some of it is cut out
    alike(found, wanted)


def test_a_shader_decodes_once(three: Three) -> None:
    given = {"url": "/worn.ntc", "shape": "sphere", "filter": "filtered", "size": [48, 48]}
    found = three("worn", given)
    main = found["shader"].split("// flow", 1)[1]
    assert main.count("ntc_sample(") == 1
    assert main.count("ntc_channel(") >= 7
    lit = rgba(found["data"], 48, 48)[..., :3].max(axis=2)
    assert lit.max() > 100
    assert (lit[[0, 0, -1, -1], [0, -1, 0, -1]] == 0).all()  # beside the sphere


def test_the_filter_is_not_compiled_in(three: Three) -> None:
    given = {"url": "/worn.ntc", "shape": "sphere", "size": [48, 48]}
    filters = ("texel", "filtered", "exact", "stochastic")
    found = [three("worn", given | {"filter": name}) for name in filters]
    assert len({answer["shader"] for answer in found}) == 1
    assert len({answer["data"] for answer in found}) == 4


def test_random_texels_are_right_on_average(three: Three) -> None:
    size = [11, 7]  # between the texels of mips 1 and 2
    given = three("frames", {"url": "/worn.ntc", "size": size, "count": 64})
    drawn = np.stack([rgba(data, *size)[..., 0] for data in given["found"]]).astype(float)
    exact = rgba(given["exact"], *size)[..., 0]
    error = drawn.std(axis=0) / 8  # of a mean of 64
    assert (error > 0).mean() > 0.9
    # Of a texel that is seldom drawn the error may come out too small: one may be off by more.
    off = (drawn.mean(axis=0) - exact) / np.maximum(error, 0.5)
    assert np.sqrt(np.mean(off**2)) < 1.4
    assert np.abs(off).max() < 10


@pytest.mark.parametrize("ranges", [True, False])
def test_a_coarse_picture_comes_first(three: Three, ranges: bool) -> None:
    file = streamed_file()
    gate = threading.Event()
    url = put_file(three.site, f"streamed{ranges}", file, free=FREE, gate=gate, ranges=ranges)
    three.site.sent[url] = 0
    first = three("coarse", {"url": url, "size": [64, 64]})
    assert first["mip"] == 4
    assert three.site.sent[url] <= FREE
    wanted = as_bytes(reference.decode(file.model, 4)).repeat(4, axis=0).repeat(4, axis=1)
    close(rgba(first["data"], 64, 64)[..., :3], wanted, 1)

    gate.set()
    last = three("rest")
    assert (last["mip"], last["error"], last["leaked"]) == (0, "", 0)
    assert last["updates"] > 0
    wanted = as_bytes(reference.decode(file.model, 2))
    close(rgba(last["data"], 64, 64)[..., :3], wanted, 1)
    assert three.site.sent[url] == len(three.site.held[url].data)
    wanted = as_bytes(reference.decode(file.model, 0))
    close(three.texels(url, file.model, 0, "texel"), wanted, 1)


def test_a_rest_that_is_damaged_is_told(three: Three) -> None:
    file = streamed_file()
    url = put_file(three.site, "damaged", file)
    data = bytearray(three.site.held[url].data)
    data[-1] ^= 1
    three.site.held[url] = Held(bytes(data))
    three("coarse", {"url": url, "size": [16, 16]})
    last = three("rest")
    assert last["mip"] == 2
    assert last["error"].startswith("NtcError: C3")
    assert three.complaints.pop() == f"{url} stays coarse: {last['error']}"
    wanted = as_bytes(reference.decode(file.model, 4))
    close(rgba(last["data"], 16, 16)[..., :3], wanted, 1)


def test_files_that_cannot_be_had(three: Three) -> None:
    three.site.held["/broken.ntc"] = Held(b"no such thing")
    three.site.held["/cut.ntc"] = Held(three.site.held["/worn.ntc"].data[:500])
    assert "H1" in three("refused", "/broken.ntc")
    assert "H6" in three("refused", "/cut.ntc")
    before = len(three.complaints)
    assert three("refused", "/gone.ntc") == "Error: /gone.ntc: 404 Not Found"
    assert [text for text in three.complaints[before:] if "404" not in text] == []
    del three.complaints[before:]


@pytest.mark.parametrize("ranges", [True, False])
def test_broken_files_are_refused_by_their_rule(three: Three, ranges: bool) -> None:
    for path in BROKEN:
        three.site.held[f"/{path.name}"] = Held(path.read_bytes(), ranges=ranges)
    found = [three("refused", f"/{path.name}") for path in BROKEN]
    wanted = [f"NtcError: {path.name[:2]} " for path in BROKEN]
    assert [text[: len(wanted[0])] for text in found] == wanted


def test_memory_is_freed(three: Three) -> None:
    found = three("disposed", {"url": "/worn.ntc", "size": [24, 16]})
    drawn, freed, again = found["found"]
    assert drawn == again == found["bytes"]
    assert freed == 0
    assert found["same"]


def test_two_files_in_one_shader_are_refused(three: Three) -> None:
    before = len(three.complaints)
    put_file(three.site, "other", plain_file())
    three("twice", ["/worn.ntc", "/other.ntc"])
    assert "two .ntc files" in three.complaints[before]
    del three.complaints[before:]


@pytest.mark.parametrize("backend", ["webgpu", "webgl"])
def test_the_example(browser: Any, three_site: Site, backend: str, tmp_path: Path) -> None:
    three = Three(browser, three_site, 48)
    three.tab.goto(f"{three_site.url}/engines/three/example/index.html?file=/worn.ntc&{backend}")
    three.tab.wait_for_selector("canvas")
    middle, tries = np.zeros(0), 0
    while middle.size == 0 or np.ptp(middle, axis=(0, 1)).max() < 10:  # no texture in light
        three.tab.screenshot(path=tmp_path / "example.png")
        middle = read_image(tmp_path / "example.png")[20:28, 20:28, :3].astype(int)
        assert (tries := tries + 1) < 10
    three.tab.close()
    assert three.complaints == []


def test_the_package_is_small(three_package: str) -> None:
    packed = run(
        three_package, "--input-type=module", "-e", PACK, PACKAGE / "dist/index.js", folder=MODULES
    )
    assert "ntc_sample" in packed
    assert len(gzip.compress(packed.encode(), 9)) < PACKED_MOST
