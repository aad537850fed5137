"""What a fit counts as an error, and that it pays."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from fits import make_plan
from material_files import put
from small_materials import waves

import ntc
from ntc.compression import fitted_normals
from ntc.decode import reference
from ntc.errors import UsageError
from ntc.fit import loop
from ntc.fit.backends.torch_loss import angle_errors, output_errors, turning_errors
from ntc.fit.field import quantize
from ntc.fit.problem import Problem
from ntc.fit.start import start

WITHOUT = os.environ.get("NTC_NATIVE") == "0"


def test_where_the_decoder_clamps_there_is_no_error(rng: np.random.Generator) -> None:
    outputs = torch.from_numpy(rng.uniform(-0.5, 1.5, (200, 3)))
    target = torch.from_numpy(rng.integers(0, 2, (200, 3)).astype(np.float64))
    target[:, 2] = 0.25
    found = output_errors(outputs, target, torch.zeros(3))
    right = outputs.clamp(0, 1) == target
    torch.testing.assert_close(found, (outputs - target).masked_fill(right, 0.0))
    assert 50 < int(right[:, :2].sum()) < 150
    assert not right[:, 2].any()


def test_a_margin_lies_beyond_the_ends_alone() -> None:
    outputs = torch.tensor([[-0.2], [-0.05], [0.5], [1.05], [1.2], [0.5]])
    target = torch.tensor([[0.0], [0.0], [0.0], [1.0], [1.0], [0.5]])
    found = output_errors(outputs, target, torch.tensor([0.1]))
    wanted = torch.tensor([[0.0], [0.05], [0.6], [-0.05], [0.0], [0.0]])
    torch.testing.assert_close(found, wanted)


def test_errors_of_normals_are_angles(rng: np.random.Generator) -> None:
    """Of three halves of the square of half an angle, where normals get longer; else of more."""
    normals = torch.from_numpy(rng.normal(size=(500, 3)))
    normals /= normals.norm(dim=1, keepdim=True)
    errors = torch.from_numpy(rng.normal(0, 1e-5, (500, 3)))
    angles = torch.linalg.cross(normals + 2 * errors, normals).norm(dim=1)
    found = angle_errors(errors, normals).square().sum(1)
    along = (errors * normals).sum(1)
    wanted = 1.5 * (angles / 2) ** 2 + along.clamp(max=0) ** 2
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=0.0)
    assert 100 < int((along < 0).sum()) < 400


def test_errors_of_other_channels_stay_as_they_are(rng: np.random.Generator) -> None:
    errors, target = torch.from_numpy(rng.normal(size=(2, 50, 6)))
    target[:, 1:4] = 0.5 + 0.1 * target[:, 1:4]  # normals in part too short to point anywhere
    found = turning_errors(errors, target, ((3, 1, 4),))
    torch.testing.assert_close(found[:, [0, 2, 5]], errors[:, [0, 2, 5]])
    short = (2 * target[:, [1, 3, 4]] - 1).square().sum(1) < 1 / 16
    assert 0 < int(short.sum()) < 50
    same = (found[:, [1, 3, 4]] == errors[:, [1, 3, 4]]).all(1)
    torch.testing.assert_close(same, short)


def disc(side: int) -> tuple[np.ndarray, np.ndarray]:
    """A mask of 0 and 65535, and beside it a slope that holds both, too."""
    y, x = np.mgrid[:side, :side] / (side - 1)
    mask = np.where((x - 0.5) ** 2 + (y - 0.4) ** 2 < 0.09, 65535, 0)
    return mask.astype(np.uint16), np.rint(x * 65535).astype(np.uint16)


def mask_problem(channels: np.ndarray, texels: int = 0) -> Problem:
    plan = make_plan((64, 64), (True, False), 2, (16,), "dense", 0, (4,), 1)
    return Problem(plan, (channels,), texels, 0, 2)


def test_channels_of_two_values_alone_get_a_margin() -> None:
    channels = np.stack(disc(64), -1)
    np.testing.assert_array_equal(start(mask_problem(channels)).margins > 0, [True, False])
    channels[5, 7, 0] = 65534
    assert not start(mask_problem(channels)).margins.any()


@pytest.mark.skipif(WITHOUT, reason="NTC_NATIVE=0: the core is not expected")
def test_a_mask_decodes_exactly() -> None:
    from ntc.fit.backends.native import Fit

    channels = np.stack(disc(64), -1)
    problem = mask_problem(channels, 200_000)
    field = loop.fit(Fit(problem), problem, lambda progress: None)
    decoded = reference.decode(quantize(field, problem.plan), 0)
    assert (decoded[..., 0] == channels[..., 0]).mean() > 0.999


def test_normals_by_angle(tmp_path: Path) -> None:
    image = waves(32, 24, 4)
    put(tmp_path / "three" / "w_normal.png", image[..., :3])
    put(tmp_path / "two" / "w_normal.png", image[..., :2].repeat([1, 2], 2))
    put(tmp_path / "none" / "w_albedo.png", image[..., :3])
    options = {"texels": 1 << 14, "threads": 1, "bpp": 30, "encoding": "grid"}
    for name, count in (("three", 1), ("two", 0), ("none", 0)):
        made = [
            ntc.compress(tmp_path / name, ntc.Settings(**options, normals=normals)).file
            for normals in ("components", "angle")
        ]
        assert len(fitted_normals(made[0].metadata.maps)) == count
        one, other = (file.model.layers[0].weights for file in made)
        assert np.array_equal(one, other) == (count == 0)
        settings = [file.metadata.fit.settings for file in made]
        assert settings[1] == settings[0] | {"normals": "angle"}
    with pytest.raises(UsageError, match="use components or angle"):
        ntc.Settings(normals="angles")
