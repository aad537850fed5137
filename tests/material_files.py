"""Small materials on disk, and what tests ask of them."""

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_codecs import noise

from ntc.errors import InputError, NtcError
from ntc.format.metadata import MapRecord
from ntc.texture import TextureSet, load_material, maps_from_outputs, write_image


def make(
    path: Path, channels: int = 3, size: tuple[int, int] = (6, 8), dtype: Any = np.uint8
) -> np.ndarray:
    """Write noise that depends on the file name alone, and return it."""
    rng = np.random.default_rng(zlib.crc32(path.name.encode()))
    return put(path, noise(rng, dtype, *size, channels))


def put(path: Path, pixels: np.ndarray) -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, pixels)
    return pixels


def by_name(material: TextureSet) -> dict[str, MapRecord]:
    return {record.name: record for record in material.maps}


def outputs(record: MapRecord) -> list[int | None]:
    return [channel.output for channel in record.channels]


def stored(material: TextureSet) -> np.ndarray:
    return material.channels


def restored(material: TextureSet) -> dict[str, np.ndarray]:
    return maps_from_outputs(stored(material), material.maps)


def write_manifest(folder: Path, *maps: dict[str, Any], **extra: Any) -> Path:
    path = folder / "manifest.json"
    path.write_text(json.dumps({"maps": maps, **extra}))
    return path


def refused(path: Path, *words: str, error: type[NtcError] = InputError, **options: Any) -> None:
    with pytest.raises(error) as caught:
        load_material(path, **options)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message
