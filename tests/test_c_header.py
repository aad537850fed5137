"""The C header in `engines/c`: all it says of a file is what the reference says."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import test_web as web
import zstandard
from c_header import (
    DATA,
    GOLDEN,
    TOO_SHORT,
    Driver,
    Rng,
    running_driver,
)
from models import every_value_model, plain_file, random_file
from surgery import put_together, take_apart

import ntc
from ntc.decode import reference, words
from ntc.format import container, spec
from ntc.format.container import NtcFile
from ntc.format.metadata import ColorSpace, Curve, MapRecord, NormalConvention, Sample, Semantic


@pytest.fixture
def driver() -> Iterator[Driver]:
    yield from running_driver()


def check_file(driver: Driver, data: bytes, rng: Rng) -> None:
    """All that the header says of a file."""
    file = container.read(data)
    assert driver.open(data).fate == "valid"
    check_description(driver.describe(), file, data)
    np.testing.assert_array_equal(driver.words(), words.pack(file.model))
    check_values(driver, file, rng)
    check_prefixes(driver, data, rng)


def check_description(found: dict[str, Any], file: NtcFile, data: bytes) -> None:
    metadata, model = file.metadata, file.model
    assert len(found["maps"]) == len(metadata.maps)
    for told, record in zip(found.pop("maps"), metadata.maps, strict=True):
        psnr = metadata.quality.maps.get(record.name)
        assert told == as_described(record, psnr)
    ends = found.pop("mip_bytes")
    assert ends == sorted(ends, reverse=True)
    assert len(ends) == model.mips
    assert ends[0] <= len(data)
    assert found == {
        "name": metadata.name,
        "generator": metadata.generator,
        "width": model.width,
        "height": model.height,
        "mips": model.mips,
        "channels": model.channels,
        "wrap": list(model.wrap),
        "filtered": metadata.fit.filtering == "filtered",
        "has_psnr": metadata.quality.psnr is not None,
        "psnr": metadata.quality.psnr or 0,
        "bytes": len(data),
        "finest_mip": 0,
    }


def as_described(record: MapRecord, psnr: float | None) -> dict[str, Any]:
    """A map as the program prints it: words as numbers."""
    normals = [None, *NormalConvention]
    return {
        "name": record.name,
        "file": record.file,
        "semantic": list(Semantic).index(record.semantic),
        "color_space": list(ColorSpace).index(record.color_space),
        "sample": list(Sample).index(record.sample),
        "width": record.width,
        "height": record.height,
        "curve": list(Curve).index(record.curve),
        "low": record.low,
        "high": record.high,
        "normal": normals.index(record.normal),
        "has_psnr": psnr is not None,
        "psnr": psnr or 0,
        "channels": [
            {
                "meaning": channel.meaning,
                "output": -1 if channel.output is None else channel.output,
                "constant": channel.constant or 0,
                "inverted": channel.inverted,
            }
            for channel in record.channels
        ],
    }


def check_values(driver: Driver, file: NtcFile, rng: Rng) -> None:
    model = file.model
    for asked in web.rectangles(file, rng):
        rect = tuple(asked["rectangle"])
        found = driver.rectangle(asked["mip"], rect, model.channels)
        np.testing.assert_array_equal(found, reference.decode(model, asked["mip"], rect))
        if asked["mip"] == 0:
            check_maps(driver, file, found)
    asked = web.texels(file, rng)
    x, y = np.array(asked["x"]), np.array(asked["y"])
    found = driver.texels(asked["mip"], x, y, model.channels)
    np.testing.assert_array_equal(found, reference.decode_texels(model, asked["mip"], x, y))
    for lod in web.lods(file, rng):
        u, v = rng.integers(0, 1 << spec.POSITION_BITS, (2, 50))
        u[:2], v[1:3] = (0, (1 << 24) - 1), (0, (1 << 24) - 1)
        expected = reference.decode_field(model, u, v, np.full(50, lod))
        np.testing.assert_array_equal(driver.samples(lod, u, v, model.channels), expected)


def check_maps(driver: Driver, file: NtcFile, outputs: npt.NDArray[np.uint16]) -> None:
    """The maps of a rectangle. Logarithmic ones may differ in the last bit: 2^x does everywhere."""
    expected = ntc.texture.maps_from_outputs(outputs, file.metadata.maps)
    for i, record in enumerate(file.metadata.maps):
        pixels = expected[record.name]
        found = driver.map(i, outputs, pixels.dtype, len(record.channels)).reshape(pixels.shape)
        if record.curve is Curve.LINEAR:
            np.testing.assert_array_equal(found, pixels)
        else:
            step = 2.0**-10 if record.sample is Sample.HALF else 2.0**-23
            np.testing.assert_allclose(found.astype(float), pixels.astype(float), step)


def check_prefixes(driver: Driver, data: bytes, rng: Rng) -> None:
    """The end of each chunk, a byte less, and some others."""
    ends = driver.describe()["mip_bytes"]
    for expected in web.prefixes(data, rng):
        length = expected["length"]
        found = driver.open(data[:length], prefix=True)
        if "rule" in expected:
            assert found.rule == expected["rule"]
            assert found.status == TOO_SHORT
            continue
        assert found.fate == "valid"
        told = driver.describe()
        finest = told["finest_mip"]
        assert (finest, told["bytes"], told["mip_bytes"]) == (expected["finest"], len(data), ends)
        assert all((end <= length) == (mip >= finest) for mip, end in enumerate(ends))
        assert web.packed(driver.words()) == expected["words"]
        if "values" in expected:
            size = spec.mip_size(told["width"], told["height"], finest)
            values = driver.rectangle(finest, (0, 0, *size), told["channels"])
            assert web.packed(values) == expected["values"]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_files(driver: Driver, path: Path, rng: Rng) -> None:
    check_file(driver, path.read_bytes(), rng)


def test_random_models(driver: Driver, rng: Rng) -> None:
    for seed in range(60):
        check_file(driver, container.write(random_file(seed)), rng)


def test_a_fitted_material(driver: Driver, small_file: Path, rng: Rng) -> None:
    check_file(driver, small_file.read_bytes(), rng)


@pytest.mark.slow
def test_more_random_models(driver: Driver, rng: Rng) -> None:
    for seed in range(60, 600):
        check_file(driver, container.write(random_file(seed)), rng)


@pytest.mark.slow
def test_real_sets(driver: Driver, materials: dict[str, Path], rng: Rng) -> None:
    """All twelve, fitted in a hurry; each encoding in turn."""
    for i, folder in enumerate(materials.values()):
        encoding = ("grid", "hash", "simplex")[i % 3]
        settings = ntc.Settings(encoding=encoding, texels=10_000, threads=1)
        check_file(driver, ntc.compress(folder, settings).data, rng)


def test_every_value_in_every_type(driver: Driver, rng: Rng) -> None:
    """65,536 storage values through 8 and 16 bits, halves, floats, both ways up."""
    model, plain = every_value_model(), plain_file().metadata
    record = plain.maps[0].model_copy(update={"channels": (web.channel(output=0),)})
    changes: tuple[dict[str, Any], ...] = (
        {"channels": (web.channel(output=0, inverted=True),)},
        {"low": -3.0, "high": 12.5},
        {"low": 0.0, "high": 1e-5},
        {"low": -1e-300, "high": 32767.5},  # halfway between halves
        {"low": 0.1, "high": 65504.0, "curve": Curve.LOG},
        {"channels": (web.channel(constant=0.1), web.channel(constant=-65504))},
        {"channels": (web.channel(constant=1.1920928955078125e-07 / 4 * 3),)},
    )
    changes = tuple(
        {"sample": sample} | change for sample in ("half", "float") for change in changes
    )
    changes += tuple({"sample": Sample(name)} | changes[0] for name in ("uint8", "uint16"))
    maps = tuple(
        record.model_copy(
            update={"name": f"{i}", "file": f"{i}.exr"}
            | change
            | {"sample": Sample(change["sample"])}
        )
        for i, change in enumerate((*changes, {"sample": "uint8"}, {"sample": "uint16"}))
    )
    file = NtcFile(model, plain.model_copy(update={"maps": maps}))
    check_file(driver, container.write(file), rng)
    outputs = driver.rectangle(0, (0, 0, model.width, model.height), model.channels)
    assert len(np.unique(outputs)) == 1 << 16
    check_maps(driver, file, outputs)


@pytest.mark.parametrize(("folder", "encoding"), web.ENCODED, ids=lambda value: Path(value).name)
def test_assets(driver: Driver, folder: Path, encoding: Any, rng: Rng) -> None:
    fitted = ntc.compress(folder, ntc.Settings(encoding=encoding, texels=10_000, threads=1))
    check_file(driver, fitted.data, rng)


def test_any_codec_gives_the_same_sections(driver: Driver, rng: Rng) -> None:
    """Levels stored as they are and by zstd, whatever the writer would take."""
    for path in GOLDEN[:6]:
        for level in (None, 1, 19):
            chunks = take_apart(path.read_bytes())
            for chunk in chunks:
                chunk.codec = 0 if level is None else 1
                if level is not None:
                    chunk.stored = zstandard.ZstdCompressor(level=level).compress(chunk.raw)
            check_file(driver, put_together(chunks), rng)


def test_what_does_not_exist_is_refused(driver: Driver) -> None:
    assert driver.open((DATA / "golden" / "v1" / "plain.ntc").read_bytes()).fate == "valid"
    most = 2**32 - 1
    for mip, *rect in (
        (4, 0, 0, 1, 1),
        (most, 0, 0, 1, 1),
        (0, 17, 0, 1, 1),
        (0, 0, 13, 1, 1),
        (0, 1, 0, 17, 1),
    ):
        assert driver.rectangle(mip, (rect[0], rect[1], rect[2], rect[3]), 3) is None
    assert driver.rectangle(0, (17, 13, 0, 0), 3).size == 0
    for mip, x, y in ((4, 0, 0), (0, 17, 0), (0, 0, 13), (0, most, 0), (3, 2, 0)):
        assert driver.texels(mip, [x], [y], 3) is None
    for lod, u, v in ((25, 0, 0), (0, 1 << 24, 0), (0, 0, 1 << 24), (most, 0, 0)):
        assert driver.samples(lod, [u], [v], 3) is None
