"""Jobs for the shader: made at random, packed into buffers, and what the reference answers."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from models import random_model

from ntc.decode import reference, words
from ntc.decode.gpu import jobs
from ntc.decode.gpu.jobs import Job
from ntc.format import spec
from ntc.format.model import QuantizedModel

Words = npt.NDArray[np.uint32]

JOB_STRIDE = 256 // 4  # words: where a buffer is bound has to be a multiple of 256 bytes
GUARD = 0xA5A5A5A5  # fills the output before, and 16 words of it lie behind every job
GUARD_WORDS = 16
DTYPES = (np.uint8, np.uint16, np.float16, np.float32)


@dataclass(frozen=True, eq=False)
class Batch:
    """What four buffers hold, and the groups to dispatch in x and y for each job."""

    words: Words
    jobs: Words
    points: Words
    out: Words
    groups: list[tuple[int, int]]


Runner = Callable[[Batch], Words]  # dispatches all jobs; returns the output as it is then


def pack(todo: Sequence[Job], packed: Words | None = None) -> Batch:
    """The jobs, of any materials; `packed` stands in for the words of all of them."""
    materials = {id(job.model): words.pack(job.model) for job in todo}
    if packed is not None:
        materials = dict.fromkeys(materials, packed)
    ends = np.cumsum([material.size for material in materials.values()])
    firsts = dict(zip(materials, [0, *ends[:-1]], strict=True))
    table, at, points = np.zeros((len(todo), JOB_STRIDE), np.uint32), 0, [np.zeros(2, np.uint32)]
    for row, job in zip(table, todo, strict=True):
        key = id(job.model)
        listed = sum(part.size for part in points)
        row[: words.JOB_WORDS] = job.words(firsts[key], materials[key].size, at, listed)
        points += [] if job.points is None else [job.points.ravel()]
        at += job.nbytes // 4 + GUARD_WORDS
    return Batch(
        np.concatenate(list(materials.values())),
        table.ravel(),
        np.concatenate(points),
        np.full(at, GUARD, np.uint32),
        [_groups(job.texels) for job in todo],
    )


def _groups(texels: int) -> tuple[int, int]:
    groups = -(-texels // words.GROUP_THREADS)
    return min(groups, words.GROUPS_IN_ROW), -(-groups // words.GROUPS_IN_ROW)


def outputs(todo: Sequence[Job], out: Words) -> Iterator[Words]:
    """`[texels, words]` of each job. Whatever was not theirs to write is untouched."""
    at = 0
    for job in todo:
        end = at + job.nbytes // 4
        yield out[at:end].reshape(job.texels, -1)
        at = end + GUARD_WORDS
        assert (out[end:at] == GUARD).all(), "written behind the output of a job"
    assert at == out.size


def check(runner: Runner, todo: Sequence[Job], expected: Sequence[Words]) -> None:
    """The runner writes these `[texels, words]` for each job, and nothing else."""
    found = outputs(todo, runner(pack(todo)))
    for job, ours, theirs in zip(todo, found, expected, strict=True):
        what = f"mode {job.mode}, mip {job.mip}, {job.rect}, {job.channels}, {job.dtype}"
        np.testing.assert_array_equal(ours, theirs, f"{job.label} {what}")


def expected(job: Job) -> Words:
    """`[texels, words]` by the reference: unused bytes of the last word of a texel are 0."""
    return as_words(_values(job)[:, job.channels], job)


def as_words(values: npt.NDArray[np.uint16], job: Job) -> Words:
    """Storage values `[texels, channels]` in the type of the job, filled up to whole words."""
    texels = np.zeros((job.texels, job.texel_bytes // job.dtype.itemsize), job.dtype)
    texels[:, : len(job.channels)] = converted(values, job.dtype)
    return texels.view(np.uint32)


def converted(values: npt.NDArray[np.uint16], dtype: npt.DTypeLike) -> npt.NDArray[np.generic]:
    """0..65535 in another type. Twice rounded is once rounded: the quotients repeat 16 bits."""
    if dtype == np.uint8:
        return (values.astype(np.uint32) + 128) // 257
    return values if dtype == np.uint16 else values / np.float64(65535)


def _values(job: Job) -> npt.NDArray[np.uint16]:
    """All channels of the texels of the job."""
    if job.points is None:
        return reference.decode(job.model, job.mip, job.rect).reshape(job.texels, -1)
    columns = job.points.astype(np.int64).T
    if job.mode == words.MODE_TEXELS:
        return reference.decode_texels(job.model, job.mip, *columns)
    return reference.decode_field(job.model, *columns)


def random_jobs(seed: int) -> list[Job]:
    """Of the model of this seed: whole mips, rectangles and lists, of any type and channels."""
    model, rng = random_model(seed), np.random.default_rng((seed, 3))
    todo = []
    for mip in range(model.mips):
        todo.append(jobs.rectangle(model, mip))
        width, height = spec.mip_size(model.width, model.height, mip)
        x, y = int(rng.integers(width)), int(rng.integers(height))
        rect = x, y, int(rng.integers(1, width - x + 1)), int(rng.integers(1, height - y + 1))
        todo.append(jobs.rectangle(model, mip, rect, **_choice(model, rng)))
        texels = rng.integers(0, width, 150), rng.integers(0, height, 150)
        todo.append(jobs.texels(model, mip, *texels, **_choice(model, rng)))
    todo.append(random_samples(model, rng))
    return todo


def random_samples(model: QuantizedModel, rng: np.random.Generator) -> Job:
    """200 samples, the corners among them, at any lod."""
    u, v = rng.integers(0, 1 << spec.POSITION_BITS, (2, 200))
    u[:2], v[1:3] = (0, (1 << spec.POSITION_BITS) - 1), (0, (1 << spec.POSITION_BITS) - 1)
    lods = rng.integers(0, spec.LOD_STEP * (model.mips - 1) + 1, 200)
    return jobs.samples(model, u, v, lods, **_choice(model, rng))


def _choice(model: QuantizedModel, rng: np.random.Generator) -> dict[str, object]:
    chosen = rng.integers(0, model.channels, rng.integers(1, spec.MAX_CHANNELS + 1)).tolist()
    return {"channels": chosen, "dtype": DTYPES[rng.integers(len(DTYPES))]}
