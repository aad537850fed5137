"""The native fitter at the limits of the format, and what it refuses: a kernel checks nothing."""

import os

import numpy as np
import pytest
import torch
from test_fit_plan import random_field
from test_native_fit import ISAS, native_fit, small_problem, twin_gradients

from ntc import native
from ntc.errors import UsageError
from ntc.fit.backends import torch as twin
from ntc.fit.field import INPUT_ONE
from ntc.fit.plan import LevelPlan, Plan
from ntc.fit.problem import Problem

WITHOUT = os.environ.get("NTC_NATIVE") == "0"
pytestmark = pytest.mark.skipif(WITHOUT, reason="NTC_NATIVE=0: the core is not expected")


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("inputs", [125, 128])
def test_as_many_inputs_as_there_can_be(monkeypatch, isa, inputs) -> None:
    monkeypatch.setattr(twin, "LATENT_STEP", 0.0)
    rng = np.random.default_rng(inputs)
    features = (32, 32, 32, inputs - 97)
    sizes = (16, 8, 4, 2)
    levels = tuple(LevelPlan(n, n, f) for n, f in zip(sizes, features, strict=True))
    roles = np.array([[0, 32, 64, 96]], np.uint8)
    plan = Plan(16, 16, 1, (True, True), levels, roles, (inputs, 96, 4))
    fitting = twin.Fit(Problem(plan, (rng.random((16, 16, 4), np.float32),), 0, 0, 1))
    field = random_field(plan, rng)
    for ours, weights in zip(fitting.weights, field.weights, strict=True):
        ours.data = torch.from_numpy(weights)
    tiles = [(0, y, x) for y in range(2) for x in range(2)]
    twin_gradients(fitting, tiles)
    native_one = native_fit(fitting, isa)
    native_one.fitter.gradients(tiles, False)
    for i, level in enumerate(levels):
        latents = np.empty((level.width * level.height, level.features), np.float32)
        native_one.fitter.get_latent_gradients(i, latents)
        wanted = torch.zeros(latents.shape)
        for patch in (p for p in fitting.read if p.level == i):
            wanted.index_add_(0, patch.cells, patch.values.grad)
        # A sum on a half may be rounded otherwise; rows that overlap were wrong by a tenth.
        error = np.linalg.norm(latents * INPUT_ONE - wanted.numpy())
        assert 0 < error < 1e-2 * np.linalg.norm(wanted.numpy())


TEXELS = np.zeros((8, 8, 2), np.uint16)
TAPS = np.zeros(8, np.int32), np.zeros(8, np.float32), 2
NONE = np.zeros(0, np.int32), np.zeros(0, np.float32), 2
WIDE = np.array([0] * 7 + [3], np.int32), np.zeros(8, np.float32), 2


def make(**changes):
    arguments = {
        "levels": [(4, 4, 2)],
        "widths": [3, 4, 2],
        "mips": [(TEXELS, [0], [TAPS], [TAPS])],
        "shares": [1.0],
        "wrap_u": True,
        "wrap_v": True,
        "batch_tiles": 2,
        "mean_decay": 0.8,
        "square_decay": 0.99,
        "latent_low": -127.0,
        "latent_high": 127.0,
        "latent_step": 16.0,
        "seed": 0,
        "threads": 1,
        "isa": "",
    }
    return native.core().Fitter(**arguments | changes)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"shares": []}, "every mip has a share"),
        ({"mips": [], "shares": []}, "every mip has a share"),
        ({"batch_tiles": 0}, "a batch has"),
        ({"widths": [3, 4, 33]}, "at most 32 channels"),
        ({"widths": [3, 129, 2]}, "1 to 128 units"),
        ({"levels": [(0, 4, 2)]}, "cells a side"),
        ({"levels": [(4, 4, 33)]}, "1 to 32 features"),
        ({"levels": [(4, 4, 3)]}, "leave room"),
        ({"mips": [(TEXELS, [1], [TAPS], [TAPS])]}, "leave room"),
        ({"mips": [(TEXELS, [-2], [TAPS], [TAPS])]}, "leave room"),
        ({"mips": [(TEXELS, [], [TAPS], [TAPS])]}, "a role and taps for every level"),
        ({"mips": [(TEXELS, [0], [], [TAPS])]}, "a role and taps for every level"),
        ({"mips": [(TEXELS, [0], [NONE], [TAPS])]}, "cover whole tiles"),
        ({"mips": [(TEXELS, [0], [WIDE], [TAPS])]}, "outside its tile"),
        ({"mips": [(TEXELS[:0], [0], [TAPS], [TAPS])]}, "texels a side"),
        ({"mips": [(TEXELS[..., :1].copy(), [0], [TAPS], [TAPS])]}, "wrong size"),
    ],
)
def test_what_does_not_fit_is_refused(changes, what) -> None:
    with pytest.raises(ValueError, match=what):
        make(**changes)


def test_tiles_that_do_not_exist() -> None:
    fitter = make()
    for tiles in ([], [(0, 0, 0)] * 3, [(1, 0, 0)], [(0, 1, 0)], [(0, 0, -1)]):
        with pytest.raises(ValueError, match="tile"):
            fitter.gradients(tiles, False)


def test_no_copy_takes_the_place_of_an_array_to_write_to() -> None:
    fitter = make()
    for out in (np.empty(32), np.empty(64, np.float32)[::2]):
        with pytest.raises(TypeError):
            fitter.get_latents(0, out)


def test_an_unknown_instruction_set_in_the_environment(monkeypatch) -> None:
    from ntc.fit.backends.native import Fit

    monkeypatch.setenv("NTC_ISA", "mmx")
    with pytest.raises(UsageError, match="`mmx` is unknown"):
        Fit(small_problem(1))
