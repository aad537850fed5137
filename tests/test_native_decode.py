"""The native decoder gives the bytes of the reference: on every ISA, for every way to ask."""

import multiprocessing
import os
import threading
from dataclasses import replace

import numpy as np
import pytest
from models import every_value_model, random_model, wide_model

from ntc import native
from ntc.decode import open_decoder
from ntc.decode.decoder import ReferenceDecoder
from ntc.decode.native import NativeDecoder
from ntc.errors import UsageError
from ntc.format import spec

WITHOUT = os.environ.get("NTC_NATIVE") == "0"
pytestmark = pytest.mark.skipif(WITHOUT, reason="NTC_NATIVE=0: the core is not expected")

SEEDS = range(60)
ISAS = [] if WITHOUT else native.isas()
REFERENCE = ReferenceDecoder()
same = np.testing.assert_array_equal


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("seed", SEEDS)
def test_every_mip_and_a_rectangle(isa, seed):
    model, decoder = random_model(seed), NativeDecoder(isa)
    rng = np.random.default_rng(seed)
    for mip in range(model.mips):
        expected = REFERENCE.decode(model, mip)
        same(decoder.decode(model, mip), expected)
        height, width = expected.shape[:2]
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        w, h = int(rng.integers(1, width - x + 1)), int(rng.integers(1, height - y + 1))
        same(decoder.decode(model, mip, (x, y, w, h)), expected[y : y + h, x : x + w])


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("seed", SEEDS)
def test_lists_of_texels(isa, seed):
    model, decoder = random_model(seed), NativeDecoder(isa)
    rng = np.random.default_rng(seed)
    for mip in range(model.mips):
        expected = REFERENCE.decode(model, mip)
        y, x = (rng.integers(0, n, 150) for n in expected.shape[:2])
        same(decoder.decode_texels(model, mip, x, y), expected[y, x])


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("seed", range(12))
def test_types_and_channels(isa, dtype, seed):
    model, decoder = random_model(seed), NativeDecoder(isa)
    rng = np.random.default_rng(seed)
    for channels in (None, rng.integers(0, model.channels, 1 + seed % 5).tolist()):
        how = {"channels": channels, "dtype": dtype}
        expected = REFERENCE.decode(model, **how)
        got = decoder.decode(model, **how)
        assert got.dtype == expected.dtype == dtype
        same(got, expected)
        y, x = (rng.integers(0, n, 70) for n in expected.shape[:2])
        same(decoder.decode_texels(model, 0, x, y, **how), expected[y, x])


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("size", [(300, 150, 9), (130, 200, 4), (65, 3, 7)])
def test_images_of_many_blocks(isa, size):
    model, decoder = wide_model(*size), NativeDecoder(isa)
    for mip in range(model.mips):
        same(decoder.decode(model, mip), REFERENCE.decode(model, mip))


def stored_as(layout):
    return "masked" if layout.mask is not None else "hashed" if layout.table_log2 else "dense"


def fineness(level, mip_width):
    """The ways in which a kernel reads rows of cells."""
    if level.width <= mip_width:
        return "coarse"
    return "fine" if level.width <= 2 * mip_width else "finer"


def test_random_models_have_all_layouts():
    found = set()
    for seed in SEEDS:
        model = random_model(seed)
        for mip, roles in enumerate(model.roles.tolist()):
            width = max(model.width >> mip, 1)
            for level, role in zip(model.levels, roles, strict=True):
                if role != spec.NOT_READ:
                    layout = level.layout
                    found.add((stored_as(layout), layout.simplex, fineness(level, width)))
    assert len(found) == 3 * 2 * 3


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_every_storage_value(isa, dtype):
    model = every_value_model()
    expected = REFERENCE.decode(model)
    assert len(np.unique(expected)) == 65536
    same(NativeDecoder(isa).decode(model, dtype=dtype), REFERENCE.decode(model, dtype=dtype))


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("threads", [1, 2, 3, 7])
def test_threads_do_not_show(isa, threads):
    model = wide_model(300, 150, 9)
    decoder = NativeDecoder(isa, threads)
    expected = REFERENCE.decode(model)
    for _ in range(5):
        same(decoder.decode(model), expected)
    y, x = (np.arange(1000) * 7 % n for n in expected.shape[:2])
    same(decoder.decode_texels(model, 0, x, y), expected[y, x])


def test_callers_at_the_same_time():
    model, decoder = wide_model(300, 150, 9), NativeDecoder(threads=3)
    expected = REFERENCE.decode(model)
    equal = []

    def work():
        equal.extend(np.array_equal(decoder.decode(model), expected) for _ in range(20))

    callers = [threading.Thread(target=work) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert equal == [True] * 80


def decode_in_child(model, pipe):
    pipe.send(NativeDecoder(threads=3).decode(model))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_decodes():
    model = wide_model(300, 150, 9)
    expected = NativeDecoder(threads=3).decode(model)
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe()
    child = context.Process(target=decode_in_child, args=(model, sender))
    child.start()
    assert receiver.poll(60)
    same(receiver.recv(), expected)
    child.join()


def changed(model, what, **values):
    """The model with fields of its first level or last layer replaced."""
    first = getattr(model, what)
    index = 0 if what == "levels" else len(first) - 1
    parts = list(first)
    parts[index] = replace(parts[index], **values)
    return replace(model, **{what: tuple(parts)})


def illegal_models():
    model = wide_model(40, 30, 3)
    level, layer = model.levels[0], model.layers[-1]
    wide = level.code_widths.copy()
    wide[0, 0] = 9
    high = level.scales.copy()
    high[level.code_widths > 0] = 65535
    return {
        "code width": changed(model, "levels", code_widths=wide),
        "latent out of range": changed(model, "levels", scales=high),
        "codes are missing": changed(model, "levels", words=level.words[:-1]),
        "tile size": changed(model, "levels", tile_log2=7),
        "size of a tile directory": changed(model, "levels", width=99),
        "size of a level": changed(model, "levels", height=0),
        "features": changed(model, "levels", features=33),
        "different shapes": changed(model, "levels", scales=level.scales[:, :1].copy()),
        "weight": changed(model, "layers", weights=np.full_like(layer.weights, -128)),
        "bias": changed(model, "layers", biases=np.full_like(layer.biases, -(2**31))),
        "shift": changed(model, "layers", shifts=np.full_like(layer.shifts, 25)),
        "layers do not fit": changed(model, "layers", weights=layer.weights[:, 1:].copy()),
        "of different shapes": changed(model, "layers", biases=layer.biases[1:].copy()),
        "role out of range": replace(model, roles=model.roles + np.uint8(1)),
        "two levels for one input": replace(model, roles=np.zeros_like(model.roles)),
        "roles have another shape": replace(model, roles=model.roles[1:]),
        "number of mips": replace(model, mips=16, roles=np.zeros((16, 4), np.uint8)),
        "number of levels": replace(model, levels=(), roles=np.zeros((model.mips, 0), np.uint8)),
        "number of layers": replace(model, layers=()),
        "size": replace(model, width=16385),
    }


@pytest.mark.parametrize("what", illegal_models())
def test_illegal_models_are_refused(what):
    """The reader refuses such files before; the kernel must not rely on that."""
    with pytest.raises(ValueError, match=what):
        NativeDecoder().prepare(illegal_models()[what])


@pytest.mark.parametrize(
    "ask",
    [
        {"rect": (0, 0, 41, 1)},
        {"rect": (0, 1, 1, 30)},
        {"rect": (-1, 0, 1, 1)},
        {"rect": (0, 0, 0, 1)},
        {"mip": 6},
        {"mip": -1},
        {"channels": [3]},
        {"channels": []},
        {"channels": [-1]},
        {"channels": [0] * 33},
        {"dtype": np.int16},
        {"dtype": np.float64},
    ],
)
@pytest.mark.parametrize("name", ["native", "reference"])
def test_what_cannot_be_asked(name, ask):
    model = wide_model(40, 30, 3)
    with pytest.raises(UsageError):
        open_decoder(name).decode(model, **ask)


@pytest.mark.parametrize("name", ["native", "reference"])
def test_a_texel_outside(name):
    with pytest.raises(UsageError, match="outside mip 0 of 40x30"):
        open_decoder(name).decode_texels(wide_model(40, 30, 3), 0, np.array([40]), np.array([0]))


def test_no_texels_give_no_rows():
    none = np.empty(0, np.int64)
    assert NativeDecoder().decode_texels(wide_model(40, 30, 3), 0, none, none).shape == (0, 3)


def test_the_core_checks_its_arguments_itself():
    decoder = NativeDecoder().prepare(wide_model(40, 30, 3))
    out = np.empty((1, 2, 1), np.uint16)
    for mip, rect, channels, array, what in (
        (0, (39, 0, 2, 1), [0], out, "rectangle outside"),
        (0, (2**31 - 1, 0, 2, 1), [0], out, "rectangle outside"),
        (9, (0, 0, 2, 1), [0], out, "mip does not exist"),
        (0, (0, 0, 2, 1), [3], out, "channel does not exist"),
        (0, (0, 0, 2, 1), [0], out[0], "another shape"),
        (0, (0, 0, 2, 1), [0], out.astype(np.int16), "another type"),
    ):
        with pytest.raises(ValueError, match=what):
            decoder.decode(mip, rect, channels, array)
    with pytest.raises(ValueError, match="texel outside"):
        decoder.decode_texels(0, np.array([40], "i4"), np.array([0], "i4"), [0], out[0, :1])


def test_a_decoder_keeps_the_last_model():
    decoder = NativeDecoder()
    first, second = wide_model(40, 30, 3), wide_model(41, 30, 3)
    assert decoder.prepare(first) is decoder.prepare(first)
    assert decoder.prepare(first).nbytes < 20_000
    same(decoder.decode(second), REFERENCE.decode(second))
    same(decoder.decode(first), REFERENCE.decode(first))


def mutated(rng, model):
    """The model with one part replaced by anything that its type can hold."""

    def noise(array):
        """Some entries of the array at random, anywhere in the range of its type."""
        limits = np.iinfo(array.dtype)
        values = rng.integers(limits.min, limits.max, array.shape, array.dtype, endpoint=True)
        return np.where(rng.random(array.shape) < 0.1, values, array)

    level, layer = int(rng.integers(len(model.levels))), int(rng.integers(len(model.layers)))
    kinds = ["roles", "mips", "size", "level", "layout", "directory", "words", "layer"]
    what = rng.choice(kinds)
    if what == "roles":
        return replace(model, roles=noise(model.roles))
    if what == "mips":
        return replace(model, mips=int(rng.integers(0, 20)))
    if what == "size":
        return replace(model, width=int(rng.integers(-1, 20000)), height=int(rng.integers(1, 9)))
    parts = list(model.layers if what == "layer" else model.levels)
    if what == "layer":
        name = rng.choice(["weights", "biases", "shifts"])
        parts[layer] = replace(parts[layer], **{name: noise(getattr(parts[layer], name))})
        return replace(model, layers=tuple(parts))
    if what == "level":
        name = rng.choice(["width", "height", "features", "tile_log2"])
        changes = {name: int(rng.choice([-1, 0, 1, 2, 3, 6, 31, 40, 16384, 2**31 - 1]))}
    elif what == "layout":
        changes = {"layout": mutated_layout(rng, parts[level].layout)}
    elif what == "words":
        changes = {"words": level_words(rng, parts[level].words)}
    else:
        name = rng.choice(["code_widths", "offsets", "scales"])
        changes = {name: noise(getattr(parts[level], name))}
    parts[level] = replace(parts[level], **changes)
    return replace(model, levels=tuple(parts))


def mutated_layout(rng, layout):
    name = rng.choice(["simplex", "table_log2", "block_log2", "mask"])
    if name == "simplex":
        return replace(layout, simplex=not layout.simplex)
    if name != "mask":
        value = int(rng.choice([-1, 0, 1, 2, 3, 4, 5, 6, 7, 9, 24, 25, 2**31 - 1]))
        return replace(layout, **{name: value})
    if layout.mask is None:
        return replace(layout, mask=rng.random(rng.integers(0, 9, 2)) < 0.5)
    return replace(layout, mask=layout.mask ^ (rng.random(layout.mask.shape) < 0.1))


def level_words(rng, words):
    """Other codes, or fewer."""
    if rng.random() < 0.5:
        return words[: int(rng.integers(0, len(words) + 1))]
    return rng.integers(0, 2**32, len(words), np.uint32)


@pytest.mark.parametrize("isa", ISAS)
def test_any_model_is_refused_or_decoded(isa):
    """What tools/sanitize wants to see: whatever a model holds, the kernel stays in bounds."""
    decoder, refused = NativeDecoder(isa), 0
    for seed in range(300):
        rng = np.random.default_rng((seed, 3))
        model = mutated(rng, random_model(seed % 60))
        try:
            decoder.prepare(model)
        except ValueError:
            refused += 1
            continue
        height = max(model.height >> model.mips - 1, 1)
        for mip, rect in (0, (0, 0, min(model.width, 99), 1)), (model.mips - 1, (0, 0, 1, height)):
            same(decoder.decode(model, mip, rect), REFERENCE.decode(model, mip, rect))
    assert 50 < refused < 250
