"""Files for the tests of `engines/three`, which need no fit and are the same each time."""

from typing import Any

import numpy as np
from models import plain_file, random_layers

from ntc.format.container import NtcFile
from ntc.format.metadata import (
    Channel,
    ColorSpace,
    Curve,
    MapRecord,
    NormalConvention,
    Sample,
    Semantic,
)
from ntc.format.model import Layer, Level, QuantizedModel, pack_level

WIDTH, HEIGHT = 24, 16


def record(
    model: QuantizedModel, name: str, semantic: Semantic, *channels: Channel, **more: Any
) -> MapRecord:
    """A map of 8 bits, linear unless `more` says something else."""
    shape = {"width": model.width, "height": model.height, "sample": Sample.UINT8}
    whole = shape | {"color_space": ColorSpace.LINEAR} | more
    return MapRecord(name=name, file=f"{name}.png", semantic=semantic, channels=channels, **whole)


def outputs(first: int, *meanings: str) -> list[Channel]:
    return [Channel(meaning=meaning, output=first + i) for i, meaning in enumerate(meanings)]


def with_maps(model: QuantizedModel, *maps: MapRecord) -> NtcFile:
    return NtcFile(model, plain_file().metadata.model_copy(update={"maps": maps}))


def noise_model(channels: int) -> QuantizedModel:
    """Every output is noise of its own, over nearly all of 0..1."""
    levels = (noise(np.random.default_rng(1), WIDTH, HEIGHT, channels),)
    weights = np.eye(channels, channels + 1, dtype=np.int8) * 80
    biases = np.full(channels, 32768 << 6, np.int32)
    layer = Layer(weights, biases, np.full(channels, 6, np.uint8))
    roles = np.zeros((5, 1), np.uint8)
    return QuantizedModel(WIDTH, HEIGHT, 5, (True, True), levels, roles, (layer,))


def noise(rng: np.random.Generator, width: int, height: int, features: int) -> Level:
    """Codes of 8 bits: latents -12000..11970."""
    tiles = np.ones((-(-height // 64), -(-width // 64)), np.uint8)
    codes = rng.integers(0, 256, (height, width, features)).astype(np.uint8)
    offsets, scales = -12000 * tiles.astype(np.int16), 94 * tiles.astype(np.uint16)
    return pack_level(codes, 8 * tiles, offsets, scales, 6)


def worn_file() -> NtcFile:
    """Noise in every map that a material wears."""
    model = noise_model(13)
    colors = [f"albedo.{letter}" for letter in "rgb"]
    lights = [f"emissive.{letter}" for letter in "rgb"]
    axes = [f"normal.{letter}" for letter in "xyz"]
    scalars = outputs(7, "ao", "roughness", "metalness")
    opengl = {"normal": NormalConvention.OPENGL}
    srgb = {"color_space": ColorSpace.SRGB}
    return with_maps(
        model,
        record(model, "albedo", Semantic.ALBEDO, *outputs(0, *colors, "opacity"), **srgb),
        record(model, "normal", Semantic.NORMAL, *outputs(4, *axes), **opengl),
        record(model, "orm", Semantic.PACKED, *scalars),
        record(model, "emissive", Semantic.EMISSIVE, *outputs(10, *lights), **srgb),
    )


def inverted_file() -> NtcFile:
    """Glossiness, a constant of the same kind, light in a curve, and a DirectX normal without z."""
    model = plain_file().model
    gloss = Channel(meaning="roughness", output=0, inverted=True)
    dielectric = Channel(meaning="metalness", constant=51.0, inverted=True)
    light = {"sample": Sample.HALF, "curve": Curve.LOG, "low": 0.25, "high": 0.75}
    x = Channel(meaning="normal.x", output=1)
    y = Channel(meaning="normal.y", output=2, inverted=True)
    return with_maps(
        model,
        record(model, "gloss", Semantic.ROUGHNESS, gloss),
        record(model, "dielectric", Semantic.METALNESS, dielectric),
        record(model, "light", Semantic.EMISSIVE, *outputs(1, "emissive"), **light),
        record(model, "normal", Semantic.NORMAL, x, y, normal=NormalConvention.DIRECTX),
    )


def streamed_file() -> NtcFile:
    """256x256 texels, 290 KB: mips from 4 on need 3 KB, from 2 on 36 KB, 0 and 1 all of it."""
    rng = np.random.default_rng(5)
    levels = noise(rng, 256, 256, 4), noise(rng, 64, 64, 8), noise(rng, 16, 16, 8)
    fine, medium, rough = [0, 4, 12], [255, 4, 12], [255, 255, 12]
    roles = np.array(2 * [fine] + 2 * [medium] + 5 * [rough], np.uint8)
    layers = random_layers(rng, [21, 16, 3], wild=False)
    model = QuantizedModel(256, 256, 9, (True, True), levels, roles, layers)
    return NtcFile(model, plain_file().metadata)
