"""The real materials, briefly fitted in every encoding: the same bytes from every decoder.

`NTC_EXPECT_MATERIALS=1`, `NTC_EXPECT_VULKAN=1` and `NTC_EXPECT_BROWSER=1` promise what it takes.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from batches import Runner, Words, as_words, check, expected, random_samples
from conftest import missing

from ntc import native
from ntc.decode import words
from ntc.decode.gpu import jobs
from ntc.decode.gpu.jobs import Job
from ntc.decode.native import NativeDecoder
from ntc.decode.vulkan import VulkanDecoder
from ntc.errors import RuntimeFailure
from ntc.fit import loop
from ntc.fit.backends import load_backend
from ntc.fit.encodings import ENCODINGS
from ntc.fit.field import quantize
from ntc.fit.plan import make_plan
from ntc.fit.problem import Problem
from ntc.format import spec
from ntc.format.model import QuantizedModel, encoding_of
from ntc.planning import threads
from ntc.settings import Settings
from ntc.texture import TextureSet, load_material, mip_chain

SIDE = 256  # of what is fitted, at most: every n-th texel of the images
RECTANGLE = 48  # side of what is decoded of each mip, at most
TEXELS = 100_000  # fitted: a moment
BPP = 5.0
SWIFTSHADER = Path("/usr/lib/chromium/vk_swiftshader_icd.json")  # of Debian's chromium

pytestmark = pytest.mark.gpu

Asked = dict[str, tuple[list[Job], list[Words]]]  # of each material: what, and the answers


@pytest.fixture(scope="module")
def asked(materials: dict[str, Path]) -> Asked:
    result = {}
    for name, folder in materials.items():
        textures = load_material(folder)
        todo = []
        for encoding in ENCODINGS:
            model = briefly_fitted(textures, encoding)
            assert encoding_of(model) == encoding
            todo += some_jobs(model, f"{name}, {encoding}:")
        result[name] = todo, [expected(job) for job in todo]
    return result


def briefly_fitted(textures: TextureSet, encoding: str) -> QuantizedModel:
    step = max(textures.width, textures.height) // SIDE
    image = np.ascontiguousarray(textures.channels[::step, ::step])
    mips = tuple(mip_chain(image, textures.maps))
    height, width, channels = mips[0].shape
    plan = make_plan(width, height, channels, len(mips), BPP, encoding=encoding)
    problem = Problem(plan, mips, TEXELS, 0, threads(Settings()))
    backend, _ = load_backend("auto")
    return quantize(loop.fit(backend(problem), problem, lambda progress: None), plan)


def some_jobs(model: QuantizedModel, label: str) -> list[Job]:
    """A rectangle of each mip, texels of the first one, and samples between them."""
    rng = np.random.default_rng(0)
    todo = []
    for mip in range(model.mips):
        width, height = spec.mip_size(model.width, model.height, mip)
        w, h = min(width, RECTANGLE), min(height, RECTANGLE)
        x, y = int(rng.integers(width - w + 1)), int(rng.integers(height - h + 1))
        todo.append(jobs.rectangle(model, mip, (x, y, w, h), label=label))
    x, y = rng.integers(0, model.width, 500), rng.integers(0, model.height, 500)
    todo.append(jobs.texels(model, 0, x, y, label=label))
    todo.append(random_samples(model, rng))
    return todo


@pytest.fixture(params=["driver", "SwiftShader"])
def vulkan(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[VulkanDecoder]:
    """On what the machine has, and on the driver that Chromium brings."""
    if request.param == "SwiftShader":
        if not SWIFTSHADER.exists():
            missing("no SwiftShader: install chromium", "NTC_EXPECT_VULKAN")
        monkeypatch.setenv("VK_DRIVER_FILES", str(SWIFTSHADER))
    try:
        decoder = VulkanDecoder()
    except RuntimeFailure as error:
        missing(str(error), "NTC_EXPECT_VULKAN")
    with decoder:
        assert ("SwiftShader" in decoder.name) == (request.param == "SwiftShader")
        yield decoder


@pytest.mark.skipif(not native.available(), reason="the native core is not built")
def test_native(asked: Asked) -> None:
    decoder = NativeDecoder()
    for todo, answers in asked.values():
        for job, answer in zip(todo, answers, strict=True):
            if job.mode == words.MODE_RECTANGLE:
                found = decoder.decode(job.model, job.mip, job.rect)
            elif job.mode == words.MODE_TEXELS:
                found = decoder.decode_texels(job.model, job.mip, *job.points.T.astype(np.int32))
            else:
                continue  # it has no samples
            found = as_words(found.reshape(job.texels, -1), job)
            np.testing.assert_array_equal(found, answer, job.label)


def test_vulkan(asked: Asked, vulkan: VulkanDecoder) -> None:
    for todo, answers in asked.values():
        for job, found, answer in zip(todo, vulkan.decode_many(todo), answers, strict=True):
            found = as_words(found.reshape(job.texels, -1), job)
            np.testing.assert_array_equal(found, answer, job.label)


@pytest.mark.parametrize("name", ["webgpu", "chromium"])
def test_wgsl(asked: Asked, request: pytest.FixtureRequest, name: str) -> None:
    runner: Runner = request.getfixturevalue(name)
    for todo, answers in asked.values():
        check(runner, todo, answers)
