"""The sample renderer in `engines/vulkan`: its ways to decode draw the same picture.

The reference is the same renderer given images that the reference decoder wrote, and for the light
on them numpy. Every picture is drawn under the validation layer, which has to have nothing to say.
`NTC_EXPECT_VULKAN=1` promises a driver, the layer, and what the program is built with.
"""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from compute import missing
from gltf_models import model, save_gltf
from PIL import Image
from test_vulkan import expect_layers

from ntc.decode import reference, words
from ntc.format import container
from ntc.texture import maps_from_outputs

pytestmark = pytest.mark.gpu
ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "engines" / "vulkan"
NEAREST = 9728  # a filter of glTF that reads no mips
Array = npt.NDArray[Any]


def run(*command: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


class Shot(NamedTuple):
    pixels: Array  # [height, width, 3] 0..255
    report: dict[str, Any]
    warnings: list[str]


class Sample:
    """The program, built once."""

    def __init__(self, folder: Path) -> None:
        for tool in ("cmake", "ninja", "pkg-config", "glslangValidator"):
            if shutil.which(tool) is None:
                missing(f"{tool} is not installed")
        expect_layers()
        self.folder = folder
        made = run(
            "cmake", "-S", SAMPLE, "-B", folder, "-G", "Ninja", "-D", "CMAKE_BUILD_TYPE=Debug"
        )
        if made.returncode != 0:
            missing("engines/vulkan cannot be built, its README names packages: " + made.stderr)
        built = run("ninja", "-C", folder)
        assert built.returncode == 0, built.stdout[-4000:]
        assert "warning:" not in built.stdout

    def __call__(self, model: Path, *options: object, **environment: str) -> Shot:
        """A picture, drawn without a message of the validation layer."""
        picture = self.folder / "shot.png"
        call = (self.folder / "ntc_sample", model, "--shot", picture, "--json", "--validate")
        call += ("--size", "400x300")
        ended = run(*call, *options, **environment)
        assert ended.returncode == 0, ended.stderr
        report = json.loads(ended.stdout)
        assert report["validation_messages"] == 0
        with Image.open(picture) as image:
            pixels = np.asarray(image.convert("RGB")).astype(int)
        return Shot(pixels, report, ended.stderr.splitlines())


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return Sample(tmp_path_factory.mktemp("vulkan_sample"))


def make_helmet(folder: Path, size: int) -> Path:
    made = run(sys.executable, SAMPLE / "make_helmet.py", folder, "--size", size)
    assert made.returncode == 0, made.stderr
    return Path(made.stdout.strip())


def compress(path: Path, folder: Path, *options: object) -> Path:
    call = ("gltf", path, "-o", folder, "--effort", "fast", "--bpp", 24, "--quiet")
    made = run(sys.executable, "-m", "ntc", *call, *options)
    assert made.returncode == 0, made.stderr
    return folder / path.name


@pytest.fixture(scope="module")
def helmet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five meshes with five materials, all compressed with all of their mips."""
    folder = tmp_path_factory.mktemp("helmet")
    return compress(make_helmet(folder / "images", 64), folder / "compressed")


def difference(one: Shot, other: Shot) -> Array:
    """Of each pixel, that of the channel that differs most."""
    assert one.pixels.shape == other.pixels.shape
    return np.abs(one.pixels - other.pixels).max(axis=-1)


def agree(one: Shot, other: Shot) -> bool:
    """Within 1/255, but for pixels on the border of two texels to the last bits of a coordinate.

    Two shaders interpolate those bits differently: one pixel of 120,000 has been seen to.
    """
    return bool((difference(one, other) > 1).mean() < 5e-5)


def psnr(one: Array, other: Array) -> float:
    return float(10 * np.log10(255**2 / np.mean((one.astype(float) - other) ** 2)))


def test_decoding_on_sample_and_on_load(sample, helmet):
    """Of the nearest texel, both ways have the same bytes; textures of 8 bits have them rounded."""
    on_load = sample(helmet, "--decode", "rgba8", "--filter", "texel")
    assert len(np.unique(on_load.pixels.reshape(-1, 3), axis=0)) > 5_000
    on_sample = sample(helmet, "--decode", "sample", "--filter", "texel", "--round")
    assert agree(on_sample, on_load)
    unrounded = sample(helmet, "--decode", "sample", "--filter", "texel")
    assert (difference(unrounded, on_load) > 1).mean() < 5e-3
    assert psnr(unrounded.pixels, on_load.pixels) > 52


def test_trilinear_on_sample_and_by_the_device(sample, helmet):
    """Weights of `ntc_sample` are steps of 1/256; llvmpipe has as fine ones where it is told to.

    Nothing is cut out: at the border of leaves, the last digit of alpha decides on a pixel.
    """
    tree = json.loads(helmet.read_text("utf-8"))
    for material in tree["materials"]:
        material.pop("alphaMode", None)
    opaque = helmet.with_name("opaque.gltf")
    opaque.write_text(json.dumps(tree), "utf-8")
    on_sample = sample(opaque, "--decode", "sample", "--filter", "exact")
    on_load = sample(opaque, "--decode", "rgba8", GALLIVM_PERF="no_aos_sampling")
    assert (difference(on_sample, on_load) > 1).mean() < 1e-3
    assert psnr(on_sample.pixels, on_load.pixels) > 55


def test_textures_on_load_are_those_of_the_reference(sample, helmet, tmp_path):
    sample(helmet, "--decode", "rgba8", "--save-maps", tmp_path)
    compared = 0
    for path in sorted(helmet.parent.glob("*.ntc")):
        file = container.read(path.read_bytes())
        for mip in range(file.model.mips):
            outputs = reference.decode(file.model, mip)
            for name, expected in maps_from_outputs(outputs, file.metadata.maps).items():
                with Image.open(tmp_path / f"{path.stem}.{name}.{mip}.png") as image:
                    found = np.asarray(image)
                channels = expected.shape[-1]
                np.testing.assert_array_equal(found[..., :channels], expected)
                assert channels == 4 or (found[..., 3] == 255).all()
                compared += 1
    assert compared == len(list(tmp_path.iterdir())) == 7 * 16


def test_textures_of_bc7(sample, helmet, tmp_path):
    """Mode 6 alone: 38 dB on the mean of maps with as much detail as 64 x 64 texels can have."""
    folders = {decode: tmp_path / decode for decode in ("rgba8", "bc7")}
    shots = {}
    for decode, folder in folders.items():
        folder.mkdir()
        shots[decode] = sample(helmet, "--decode", decode, "--save-maps", folder)
    found = []
    for path in sorted(folders["rgba8"].glob("*.0.png")):
        with Image.open(path) as one, Image.open(folders["bc7"] / path.name) as other:
            found.append(psnr(np.asarray(one), np.asarray(other)))
    assert min(found) > 25
    assert np.mean(found) > 37
    assert psnr(shots["rgba8"].pixels, shots["bc7"].pixels) > 38
    sizes = [shot.report["material_bytes"] for shot in shots.values()]
    assert sizes == [16 * 4 * 5461, 16 * 16 * (16 * 16 + 8 * 8 + 4 * 4 + 4 + 1 + 1 + 1)]


def test_images_that_the_reference_decoded(sample, tmp_path):
    """The same renderer, where all textures are images and no .ntc is in reach."""
    plain = make_helmet(tmp_path / "images", 32)
    tree = json.loads(plain.read_text("utf-8"))
    tree["samplers"][0]["minFilter"] = NEAREST
    plain.write_text(json.dumps(tree), "utf-8")
    helmet = compress(plain, tmp_path / "compressed", "--mips", "none")
    decoded = tmp_path / "decoded"
    shutil.copytree(helmet.parent, decoded)
    for path in decoded.glob("*.ntc"):
        file = container.read(path.read_bytes())
        outputs = reference.decode(file.model)
        for record in file.metadata.maps:
            image = maps_from_outputs(outputs, file.metadata.maps)[record.name]
            Image.fromarray(image.squeeze()).save(decoded / record.file)
        path.unlink()
    options = ("--filter", "texel")
    expected = sample(decoded / "helmet.gltf", "--decode", "images", *options)
    on_sample = sample(helmet, "--decode", "sample", "--round", *options)
    on_load = sample(helmet, "--decode", "rgba8", *options)
    assert difference(on_load, expected).max() <= 1
    assert agree(on_sample, expected)
    original = sample(helmet, "--decode", "images", *options)
    assert difference(original, expected).max() > 20


def test_buckets_and_bytes(sample, helmet):
    report = sample(helmet, "--decode", "sample", "--filter", "texel", "--size", "64x48").report
    models = [container.read(path.read_bytes()).model for path in helmet.parent.glob("*.ntc")]
    assert report["material_bytes"] == sum(words.pack(model).nbytes for model in models)
    assert report["file_bytes"] == sum(path.stat().st_size for path in helmet.parent.glob("*.ntc"))
    expected = Counter((len(m.levels), len(m.layers), m.inputs, m.channels) for m in models)
    keys = ("levels", "layers", "inputs", "channels")
    found = {tuple(b[key] for key in keys): b["materials"] for b in report["buckets"]}
    assert found == expected
    assert sum(bucket["draws"] for bucket in report["buckets"]) == len(models)


def linear(encoded: Array) -> Array:
    return np.where(encoded > 0.04045, ((encoded + 0.055) / 1.055) ** 2.4, encoded / 12.92)


def encoded(linear: Array) -> Array:
    linear = np.clip(linear, 0, 1)
    return np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)


def dot(a: Array, b: Array) -> Array:
    return (a * b).sum(-1, keepdims=True)


def unit(a: Array) -> Array:
    return a / np.sqrt(dot(a, a))


def lit(base: Array, metalness: Array, roughness: Array, occlusion: Array, n: Array) -> Array:
    """Appendix B of glTF 2.0 with the lights of shaders/pbr.glsl, seen from +z."""
    view, light = np.array([0.0, 0, 1]), np.array([0.48, 0.8, 0.36])
    half = unit(view + light)
    nl, nv, nh = (
        np.maximum(dot(n, to), least) for to, least in ((light, 0), (view, 1e-3), (half, 0))
    )
    alpha2 = np.maximum(roughness**2, 1e-3) ** 2
    distribution = alpha2 / np.pi / (nh**2 * (alpha2 - 1) + 1) ** 2
    shadowing = nl * np.sqrt(nv**2 * (1 - alpha2) + alpha2)
    shadowing = shadowing + nv * np.sqrt(nl**2 * (1 - alpha2) + alpha2)
    f0 = 0.04 + (base - 0.04) * metalness
    fresnel = f0 + (1 - f0) * (1 - half @ view) ** 5
    diffuse = base * (1 - metalness)
    direct = ((1 - fresnel) * diffuse / np.pi + fresnel * distribution * 0.5 / shadowing) * 3 * nl

    def ambient(direction: Array) -> Array:
        ground, sky = np.array([0.22, 0.2, 0.18]), np.array([0.55, 0.62, 0.75])
        return ground + (sky - ground) * (0.5 * direction[..., 1:2] + 0.5)

    reflected = f0 + (np.maximum(1 - roughness, f0) - f0) * (1 - nv) ** 5
    mirrored = 2 * dot(n, view) * n - view
    return direct + (diffuse * ambient(n) + reflected * ambient(mirrored)) * occlusion


def test_light_on_a_quad(sample, tmp_path, rng):
    """A texel a pixel, each of another colour, roughness, metalness and normal."""
    size = 16
    base, orm = rng.integers(0, 256, (2, size, size, 3)).astype(np.uint8)
    tilt = rng.uniform(-0.7, 0.7, (size, size, 2))
    normal = unit(np.concatenate([tilt, np.ones((size, size, 1))], -1))
    normal = np.round(255 * (0.5 * normal + 0.5)).astype(np.uint8)
    images = {"base.png": base, "orm.png": orm, "normal.png": normal}
    for name, image in images.items():
        Image.fromarray(image).save(tmp_path / name)
    metal = {"baseColorTexture": {"index": 0}, "metallicRoughnessTexture": {"index": 1}}
    material = {
        "pbrMetallicRoughness": metal
        | {"baseColorFactor": [1, 0.9, 0.8, 1], "roughnessFactor": 0.9},
        "normalTexture": {"index": 2, "scale": 0.8},
        "occlusionTexture": {"index": 1, "strength": 0.7},
    }
    lens = {"xmag": 0.5, "ymag": 0.5, "znear": 0.1, "zfar": 2}
    camera = {"type": "orthographic", "orthographic": lens}
    nodes = [{"mesh": 0}, {"camera": 0, "translation": [0.5, 0.5, 1]}]
    tree = model([material], [{"uri": name} for name in images], cameras=[camera], nodes=nodes)
    tree["scenes"] = [{"nodes": [0, 1]}]
    path = save_gltf(tmp_path / "quad.gltf", tree)

    values = {name: image / 255 for name, image in images.items()}
    occlusion, roughness, metalness = np.split(values["orm.png"], 3, axis=-1)
    expected = encoded(
        lit(
            linear(values["base.png"]) * [1, 0.9, 0.8],
            metalness,
            roughness * 0.9,
            1 + 0.7 * (occlusion - 1),
            unit((2 * values["normal.png"] - 1) * [0.8, 0.8, 1]),
        )
    )
    found = sample(path, "--decode", "images", "--filter", "texel", "--size", f"{size}x{size}")
    assert np.abs(found.pixels - 255 * expected).max() <= 1


def test_a_file_that_cannot_be_read(sample, helmet, tmp_path):
    """Its material reads its images, as docs/gltf.md has it, and one line says why."""
    folder = tmp_path / "model"
    shutil.copytree(helmet.parent, folder)
    broken = folder / "helmet_brick_wall.ntc"
    broken.write_bytes(broken.read_bytes()[:-1])
    for decode in ("sample", "rgba8"):
        shot = sample(folder / "helmet.gltf", "--decode", decode, "--size", "64x48")
        [line] = shot.warnings
        assert line.startswith(f"warning: {broken} cannot be read, its images are used: ")
        assert line.endswith("rule H6")


def point_at(tree: dict[str, Any], uri: str) -> None:
    tree["materials"][0]["extensions"] = {"NTC_material_textures": {"uri": uri, "textures": {}}}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda tree: tree["nodes"][0].update(children=[0]), "are no tree"),
        (
            lambda tree: tree["accessors"][2].update(count=1 << 20),
            "ends outside of its buffer view",
        ),
        (
            lambda tree: tree["bufferViews"][0].update(byteLength=1 << 20),
            "ends outside of its buffer",
        ),
        (
            lambda tree: tree.update(extensionsRequired=["KHR_draco"]),
            "requires the extension KHR_d",
        ),
        (lambda tree: point_at(tree, "../a.ntc"), "lies outside of the model's folder"),
        (lambda tree: tree["meshes"][0].update(primitives=[]), "has no triangles"),
        (lambda tree: tree["images"][0].update(uri="none.png"), "image none.png is missing"),
    ],
)
def test_a_model_that_cannot_be_drawn(sample, tmp_path, change, said):
    material = {"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}
    tree = model([material], [{"uri": "a.png"}])
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    change(tree)
    path = save_gltf(tmp_path / "quad.gltf", tree)
    ended = run(sample.folder / "ntc_sample", path, "--shot", tmp_path / "shot.png")
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: ")
    assert said in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_options_that_do_not_exist(sample):
    program = sample.folder / "ntc_sample"
    for options in (["--decode", "bc1"], ["--size", "0x7"], ["--frames"], ["a.gltf", "b"], []):
        ended = run(program, *options)
        assert (ended.returncode, ended.stderr.count("\n")) == (2, 1), options
    assert run(program, "--help").returncode == 0
