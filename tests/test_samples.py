"""Section 8.9 of the format: samples between texels and between mips."""

import numpy as np
import pytest
import scalar_decoder
from models import plain_file, random_file, random_model

from ntc.decode import reference
from ntc.errors import UsageError
from ntc.format import container, spec
from ntc.format.layout import DENSE
from ntc.format.model import Layer, Level, QuantizedModel, pack_level

LAST = (1 << spec.POSITION_BITS) - 1


@pytest.mark.parametrize("seed", range(20))
def test_texels_are_samples_at_their_centres(seed):
    model = random_model(seed)
    for mip in range(model.mips):
        width, height = spec.mip_size(model.width, model.height, mip)
        y, x = (a.ravel() for a in np.indices((height, width)))
        u, v = reference.texel_position(x, width), reference.texel_position(y, height)
        found = reference.decode_field(model, u, v, np.full(len(u), 8 * mip))
        assert np.array_equal(found, reference.decode_texels(model, mip, x, y))


@pytest.mark.parametrize("seed", range(20))
def test_samples_match_the_decoder_written_from_the_spec(seed, rng):
    file = random_file(seed)
    material = scalar_decoder.parse(container.write(file))
    u, v = rng.integers(0, LAST + 1, (2, 12))
    u[:2], v[1:3] = (0, LAST), (0, LAST)
    lod = rng.integers(0, 8 * (file.model.mips - 1) + 1, 12)
    expected = [
        scalar_decoder.decode_sample(material, *map(int, sample))
        for sample in zip(u, v, lod, strict=True)
    ]
    assert reference.decode_field(file.model, u, v, lod).tolist() == expected


@pytest.mark.parametrize("lod", range(9))
def test_levels_fade_that_the_next_mip_does_not_read(lod, rng):
    """The first one does, until mip 1 comes without it; one that both read does not."""
    levels = tuple(noise_level(rng) for _ in range(3))
    roles = np.array([[0, 2, spec.NOT_READ], [spec.NOT_READ, 4, 0]], np.uint8)
    model = QuantizedModel(8, 8, 2, (True, True), levels, roles, (showing_inputs(7),))
    u, v = rng.integers(0, LAST + 1, (2, 500))
    first, both, second = (reference.features(level, u, v, model.wrap) for level in levels)
    none = np.zeros_like(first)
    left = np.floor(first * (8 - lod) / 8 + 0.5)
    expected = [left, both, none] if lod < 8 else [second, none, both]
    found = reference.decode_field(model, u, v, np.full(500, lod)) / 256 - 128
    assert np.array_equal(found, np.hstack([*expected, np.full((500, 1), lod)]))


def noise_level(rng: np.random.Generator) -> Level:
    """4 x 4 cells of two features each, anywhere within the range of latents."""
    codes = rng.integers(0, 256, (4, 4, 2), np.uint8)
    tile = (np.full((1, 1), n, t) for n, t in ((8, "u1"), (-16256, "i2"), (127, "u2")))
    return pack_level(codes, *tile, 2, (4, 4), DENSE)


def showing_inputs(inputs: int) -> Layer:
    """Whose storage values are 256 * (128 + its inputs)."""
    weights = np.eye(inputs, dtype=np.int8)
    return Layer(weights, np.full(inputs, 1 << 15, np.int32), np.zeros(inputs, np.uint8))


@pytest.mark.parametrize("sample", [(-1, 0, 0), (0, LAST + 1, 0), (0, 0, -1), (0, 0, 25)])
def test_samples_outside_are_refused(sample):
    u, v, lod = (np.array([n]) for n in sample)
    with pytest.raises(UsageError, match=r"of a sample lies outside 0\.\."):
        reference.decode_field(plain_file().model, u, v, lod)


def test_no_samples_are_an_empty_answer():
    none = np.empty(0, np.int64)
    assert reference.decode_field(plain_file().model, none, none, none).shape == (0, 3)
