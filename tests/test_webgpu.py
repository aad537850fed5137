"""The shader in WGSL gives the bytes of the reference: through wgpu-py, and in a browser.

`NTC_EXPECT_VULKAN=1` promises a driver for the one, `NTC_EXPECT_BROWSER=1` Chromium for the other.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from batches import DTYPES, GUARD, Runner, as_words, check, expected, outputs, pack, random_jobs
from hostile_words import hostile
from models import every_value_model, random_model, wide_model

from ntc.decode import words
from ntc.decode.gpu import jobs
from ntc.format import container
from ntc.format.layout import Layout

GOLDEN = sorted((Path(__file__).resolve().parent / "data" / "golden").glob("*/*.ntc"))

pytestmark = pytest.mark.gpu


@pytest.fixture(params=["webgpu", "chromium"])
def runner(request: pytest.FixtureRequest) -> Runner:
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("seed", range(60))
def test_random_models(runner: Runner, seed: int) -> None:
    todo = random_jobs(seed)
    check(runner, todo, [expected(job) for job in todo])


def test_many_materials_in_one_submission(runner: Runner) -> None:
    todo = [jobs.rectangle(random_model(seed), label=f"model {seed}") for seed in range(24)]
    check(runner, todo, [expected(job) for job in todo])


@pytest.mark.parametrize(
    "layout",
    [Layout(), Layout(simplex=True), Layout(table_log2=9), Layout(table_log2=10, block_log2=2)],
)
def test_the_widest_decoder(runner: Runner, layout: Layout) -> None:
    model = wide_model(70, 40, 32, hidden=(128, 128, 128), layout=layout)
    todo = [jobs.rectangle(model, mip) for mip in range(model.mips)]
    check(runner, todo, [expected(job) for job in todo])


def test_every_value_in_every_type(runner: Runner) -> None:
    model = every_value_model()
    todo = [jobs.rectangle(model, dtype=dtype) for dtype in DTYPES]
    check(runner, todo, [expected(job) for job in todo])


def test_groups_in_a_second_row(webgpu: Runner) -> None:
    """Only the first group of each row is dispatched: four million texels take too long."""
    model = wide_model(8192, 513, 1, hidden=())
    whole = jobs.rectangle(model, dtype=np.uint8)
    second = words.GROUPS_IN_ROW * words.GROUP_THREADS
    batch = replace(pack([whole]), groups=[(1, 2)])
    found = next(outputs([whole], webgpu(batch)))
    for at in (0, second):
        y, x = divmod(at, 8192)
        job = jobs.rectangle(model, 0, (x, y, 64, 1), dtype=np.uint8)
        np.testing.assert_array_equal(found[at : at + 64], expected(job))
    assert np.count_nonzero(found != GUARD) == 2 * 64


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_golden_files(runner: Runner, path: Path) -> None:
    model = container.read(path.read_bytes()).model
    with np.load(path.with_suffix(".npz")) as golden:
        found = {key: golden[key] for key in golden.files}
    places = [[int(n) for n in key.split("_")] for key in found]
    todo = [jobs.rectangle(model, mip, tuple(rect)) for mip, *rect in places]
    values = [image.reshape(-1, model.channels) for image in found.values()]
    check(runner, todo, [as_words(v, job) for v, job in zip(values, todo, strict=True)])


@pytest.mark.parametrize("seed", range(40))
def test_hostile_words(runner: Runner, seed: int) -> None:
    """They end, write no more than is theirs, and leave the device as good as it was."""
    todo, rng = random_jobs(seed), np.random.default_rng(seed)
    evil = hostile(words.pack(todo[0].model), rng)
    found = list(outputs(todo, runner(pack(todo, evil))))
    assert [part.shape[0] for part in found] == [job.texels for job in todo]
    check(runner, todo[:2], [expected(job) for job in todo[:2]])


def test_the_browser_has_nothing_to_say_about_the_shader(chromium: Runner) -> None:
    assert chromium.about["messages"] == []
