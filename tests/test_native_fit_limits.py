"""The native fitter: its noise, the limits of the format, and what it refuses."""

import os
import re

import numpy as np
import pytest
from fits import make_plan, noise_mips, random_field, smooth_problem
from test_fit_torch import fit_of_noise
from test_native_fit import (
    ISAS,
    assert_close,
    latent_gradients,
    native_fit,
    tiles_of,
    twin_gradients,
    twin_latent_gradients,
    use_whole_steps,
)

from ntc import native
from ntc.errors import UsageError
from ntc.fit.encodings import LevelPlan
from ntc.fit.plan import Plan
from ntc.fit.problem import Problem
from ntc.format.layout import DENSE, Layout

WITHOUT = os.environ.get("NTC_NATIVE") == "0"
pytestmark = pytest.mark.skipif(WITHOUT, reason="NTC_NATIVE=0: the core is not expected")


@pytest.mark.parametrize("isa", ISAS)
def test_noise_is_as_wide_as_it_is_said(isa: str) -> None:
    """Where a batch is one tile, and only the noise differs between two seeds."""
    from ntc.fit.backends.native import Fit

    plan = make_plan((8, 8), (True, True), 3, (16,), "dense", 4, mips=1)
    rng = np.random.default_rng(0)
    images, begin = noise_mips(plan, rng), random_field(plan, rng, 0.1)
    problems = [Problem(plan, images, 0, seed, 1, begin=begin) for seed in (0, 1)]
    exact = Fit(problems[0], isa).fitter.gradients([(0, 0, 0)], False)

    def errors(noise: float) -> list[float]:
        return [Fit(problem, isa).step(0.1, 0.01, noise) for problem in problems]

    assert errors(0.0) == pytest.approx([exact] * 2, rel=1e-6)
    assert errors(1.0)[0] != errors(1.0)[1]
    narrow, wide = (np.abs(np.subtract(errors(noise), exact)).max() for noise in (0.1, 1.0))
    assert 0 < narrow < wide / 2


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("inputs", [125, 128])
def test_as_many_inputs_as_there_can_be(isa, inputs) -> None:
    rng = np.random.default_rng(inputs)
    features = (32, 32, 32, inputs - 97)
    layouts = (DENSE, Layout(simplex=True), Layout(table_log2=4), DENSE)
    levels = tuple(
        LevelPlan(n, n, f, layout)
        for n, f, layout in zip((16, 8, 4, 2), features, layouts, strict=True)
    )
    roles = np.array([[0, 32, 64, 96]], np.uint8)
    plan = Plan(16, 16, 1, (True, True), levels, roles, (inputs, 96, 4))
    fitting = fit_of_noise(plan, rng)
    use_whole_steps(fitting)
    tiles = tiles_of(fitting)
    twin_gradients(fitting, tiles)
    native_one = native_fit(fitting, isa)
    native_one.fitter.gradients(tiles, False)
    for i in range(len(levels)):
        # Rows that overlap were wrong by a tenth.
        assert_close(latent_gradients(native_one, i), twin_latent_gradients(fitting, i))


TEXELS = np.zeros((8, 8, 2), np.uint16)
CELLS = np.arange(8, dtype=np.int32) * 128  # positions of 8 texels on 4 cells
TAPS = CELLS, 5
NONE = CELLS[:0], 2
RANGE = (-127.0, 127.0, 16.0)  # of latents, and the distance of two


def make(**changes):
    arguments = {
        "levels": [level()],
        "widths": [3, 4, 2],
        "mips": [(TEXELS, [0], [TAPS], [TAPS])],
        "shares": [1.0],
        "wrap_u": True,
        "wrap_v": True,
        "batch_tiles": 2,
        "latent_moments": (0.8, 0.99),
        "decoder_moments": (0.9, 0.99),
        "decoder_decay": 0.1,
        "latent_floor": 0.1,
        "hidden_step": 0.5,
        "seed": 0,
        "threads": 1,
        "isa": "",
    }
    return native.core().Fitter(**arguments | changes)


def level(
    width=4,
    height=4,
    features=2,
    simplex=False,
    table=False,
    blocks=(0, ()),
    stored=None,
    latents=RANGE,
):
    """What the binding takes for a level; `blocks` are the log2 of their side and their slots."""
    slots = np.array(blocks[1], np.int32)
    shape = width, height, features, simplex, table, blocks[0], slots
    return (*shape, *(stored or (width, height)), *latents)


def read_at(positions, span=2, **options):
    """A level and a mip whose texels read it at these positions along x."""
    taps = np.array(positions, np.int32), span
    return {"levels": [level(**options)], "mips": [(TEXELS, [0], [taps], [TAPS])]}


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"shares": []}, "every mip has a share"),
        ({"mips": [], "shares": []}, "every mip has a share"),
        ({"batch_tiles": 0}, "a batch has"),
        ({"widths": [3, 4, 33]}, "at most 32 channels"),
        ({"widths": [3, 129, 2]}, "1 to 128 units"),
        ({"levels": [level(0)]}, "cells a side"),
        ({"levels": [level(features=33)]}, "1 to 32 features"),
        ({"levels": [level(features=3)]}, "leave room"),
        ({"mips": [(TEXELS, [1], [TAPS], [TAPS])]}, "leave room"),
        ({"mips": [(TEXELS, [-2], [TAPS], [TAPS])]}, "leave room"),
        ({"mips": [(TEXELS, [], [TAPS], [TAPS])]}, "a role and taps for every level"),
        ({"mips": [(TEXELS, [0], [], [TAPS])]}, "a role and taps for every level"),
        ({"mips": [(TEXELS, [0], [NONE], [TAPS])]}, "cover whole tiles"),
        (read_at([0] * 7 + [256], 2), "outside its tile"),
        (read_at([0] * 7 + [256 * 3], 4), "outside its tile"),
        (read_at([0] * 7 + [-1], 4), "outside its tile"),
        (read_at([-257] * 8, 4), "outside its tile"),
        (read_at([256 * 4] * 8, 4), "outside its tile"),
        (read_at([0] * 8, 1), "2 to 24 cells"),
        (read_at([0] * 8, 25), "2 to 24 cells"),
        (read_at([0] * 8, 2, simplex=True), "triangles leave"),
        (read_at([0] * 7 + [256], 3, simplex=True), "triangles leave"),
        ({"levels": [level(stored=(4, 3))]}, "stores every cell"),
        ({"levels": [level(stored=(0, 4))]}, "stores some cells"),
        ({"levels": [level(stored=(1 << 16, 1 << 15))]}, "at most 2^30"),
        ({"levels": [level(latents=(1.0, 1.0, 1.0))]}, "have a range"),
        ({"levels": [level(latents=(-1.0, 1.0, 0.0))]}, "have a range"),
        ({"levels": [level(latents=(-1.0, np.nan, 1.0))]}, "have a range"),
        ({"levels": [level(table=True, stored=(3, 4))]}, "2^n of them"),
        ({"levels": [level(table=True, stored=(1, 1))]}, "2^n of them"),
        ({"levels": [level(table=True, blocks=(0, [0] * 16))]}, "2^n of them"),
        ({"levels": [level(blocks=(-1, [0] * 16))]}, "1 to 64 cells"),
        ({"levels": [level(blocks=(7, [0]))]}, "1 to 64 cells"),
        ({"levels": [level(blocks=(1, [0] * 3))]}, "every block has a slot"),
        ({"levels": [level(5, blocks=(1, [0] * 4), stored=(4, 4))]}, "every block has a slot"),
        ({"levels": [level(blocks=(1, [0, 0, 0, 11]))]}, "outside the stored grid"),
        ({"levels": [level(blocks=(1, [0, 0, 0, -2]))]}, "outside the stored grid"),
        ({"levels": [level(blocks=(2, [0]), stored=(4, 3))]}, "outside the stored grid"),
        ({"levels": [level(blocks=(2, [-1, 0]), width=5, stored=(1, 2))]}, "outside the stored"),
        ({"mips": [(TEXELS[:0], [0], [TAPS], [TAPS])]}, "texels a side"),
        ({"mips": [(TEXELS[..., :1].copy(), [0], [TAPS], [TAPS])]}, "wrong size"),
    ],
)
def test_what_does_not_fit_is_refused(changes, what) -> None:
    with pytest.raises(ValueError, match=re.escape(what)):
        make(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"levels": [level(table=True, stored=(2, 1))]},
        {"levels": [level(blocks=(1, [0, -1, 8, 10]))]},
        {"levels": [level(blocks=(6, [-1]), stored=(64, 64))]},
        read_at([0] * 8, 3, simplex=True),
        read_at([-256] * 7 + [0], 4, simplex=True),
        read_at([-1] * 7 + [256 * 3], 6),
        read_at([256 * 3 + 255] * 8, 24, blocks=(1, [10, 10, 0, 10])),
    ],
)
def test_what_just_fits_is_taken(changes) -> None:
    fitter = make(**changes)
    assert fitter.gradients([(0, 0, 0)] * 2, True) >= 0
    assert fitter.step(0.1, 0.01) >= 0


def test_tiles_that_do_not_exist() -> None:
    fitter = make()
    for tiles in ([], [(0, 0, 0)] * 3, [(1, 0, 0)], [(0, 1, 0)], [(0, 0, -1)]):
        with pytest.raises(ValueError, match="tile"):
            fitter.gradients(tiles, False)


def test_no_copy_takes_the_place_of_an_array_to_write_to() -> None:
    fitter = make()
    for out in (np.empty((16, 2)), np.empty((16, 4), np.float32)[:, ::2]):
        with pytest.raises(TypeError):
            fitter.get_latents(0, 0, out)


def test_an_unknown_instruction_set_in_the_environment(monkeypatch) -> None:
    from ntc.fit.backends.native import Fit

    monkeypatch.setenv("NTC_ISA", "mmx")
    with pytest.raises(UsageError, match="`mmx` is unknown"):
        Fit(smooth_problem(1))
