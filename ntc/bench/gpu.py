"""`gpu_decode_bench`: nanoseconds a texel on a GPU, against BC7 textures of the same maps."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from pydantic import BaseModel, Field

from ntc.bench.decode import random_model
from ntc.bench.kernels import Bc7Kernel
from ntc.decode.gpu import jobs
from ntc.decode.vulkan import VulkanDecoder
from ntc.errors import RuntimeFailure
from ntc.fit.encodings import ENCODINGS
from ntc.fit.presets import PROFILES
from ntc.format.model import QuantizedModel

_FRAME_SIDE: Final = 8  # materials in a row of the frame, and in a column
_LEAST_SIZE: Final = 256


class GpuBenchResult(BaseModel):
    """One contender. Nanoseconds are medians."""

    backend: str  # vulkan or bc7
    profile: str | None
    encoding: str | None
    size: int
    macs: int | None
    gpu_ns_per_texel: float | None  # by timestamps; None where the queue has none
    wall_ns_per_texel: float  # to an array of the host; of bc7, until the GPU is done
    ratio: float | None = Field(description="of GPU times, to bc7 of the same size")


class GpuBenchReport(BaseModel):
    """All contenders of one run on one device."""

    device: str
    driver: str
    api: str
    channels: int
    rounds: int
    results: list[GpuBenchResult]
    notes: list[str] = Field(description="what could not be measured, and why")


class Times(NamedTuple):
    """Seconds."""

    gpu: float | None
    wall: float


def gpu_decode_bench(
    decoder: VulkanDecoder,
    profiles: Sequence[str] = tuple(PROFILES),
    encodings: Sequence[str] = tuple(ENCODINGS),
    size: int = 1024,
    channels: int = 9,
    rounds: int = 5,
) -> GpuBenchReport:
    """Decodes mip 0 with all channels to uint16, in turn with sampling BC7 textures.

    One after the other, each profile in each encoding; the textures are sampled in each round.
    """
    info, notes = decoder.device.info, []
    bc7: Bc7Kernel | None = None
    try:
        bc7 = Bc7Kernel(decoder.device, size, channels)
    except RuntimeFailure as error:
        notes.append(f"no bc7: {error}")
    models = [(p, e, random_model(p, size, channels, e)) for p in profiles for e in encodings]
    runs: list[Callable[[], Times]] = [_decoding(decoder, model) for _, _, model in models]
    if bc7 is not None:
        runs.append(_sampling(bc7))
    times = _medians(runs, rounds)
    base = times[-1].gpu if bc7 is not None else None
    results = [
        _result("vulkan", profile, encoding, size, model.macs, taken, base)
        for (profile, encoding, model), taken in zip(models, times, strict=False)
    ]
    if bc7 is not None:
        results.append(_result("bc7", None, None, size, None, times[-1], base))
        bc7.close()
    return GpuBenchReport(
        device=info.name,
        driver=info.driver,
        api=info.api,
        channels=channels,
        rounds=rounds,
        results=results,
        notes=notes,
    )


def many_materials_ratio(
    decoder: VulkanDecoder, size: int = 4096, channels: int = 9, rounds: int = 5
) -> dict[str, float]:
    """GPU seconds of a frame of 64 materials in one submission, and of one material with as many
    texels, `size` by `size`; profile standard."""
    side = size // _FRAME_SIDE
    # Smaller ones would be given a smaller decoder.
    small = random_model("standard", max(side, _LEAST_SIZE), channels)
    large = random_model("standard", max(size, _LEAST_SIZE), channels)
    # Copies of the object, so that each has words of its own on the device.
    copies = (replace(small) for _ in range(_FRAME_SIDE**2))
    many = [jobs.rectangle(model, 0, (0, 0, side, side)) for model in copies]
    one = [jobs.rectangle(large, 0, (0, 0, side * _FRAME_SIDE, side * _FRAME_SIDE))]
    runs = [lambda: _in_place(decoder, many), lambda: _in_place(decoder, one)]
    first, second = (t.wall if t.gpu is None else t.gpu for t in _medians(runs, rounds))
    return {"many_seconds": first, "one_seconds": second, "ratio": first / second}


def _decoding(decoder: VulkanDecoder, model: QuantizedModel) -> Callable[[], Times]:
    """GPU time in one dispatch where the device can write all at once, else band by band."""
    job = jobs.rectangle(model)
    at_once = job.nbytes <= decoder.device.limits.maxStorageBufferRange

    def run() -> Times:
        before = time.perf_counter()
        decoder.decode(model)
        wall, gpu = time.perf_counter() - before, decoder.seconds
        return Times(_in_place(decoder, [job]).gpu if at_once else gpu, wall)

    return run


def _in_place(decoder: VulkanDecoder, todo: Sequence[jobs.Job]) -> Times:
    before = time.perf_counter()
    arrays = decoder.decode_in_place(todo)
    wall = time.perf_counter() - before
    arrays[0].buffer.close()
    return Times(decoder.seconds, wall)


def _sampling(bc7: Bc7Kernel) -> Callable[[], Times]:
    def run() -> Times:
        before = time.perf_counter()
        gpu = bc7.run()
        return Times(gpu, time.perf_counter() - before)

    return run


def _medians(runs: Sequence[Callable[[], Times]], rounds: int) -> list[Times]:
    """Of each, after one round to warm up. They take turns, so that a busy moment hits all."""
    times: list[list[Times]] = [[] for _ in runs]
    for round_ in range(rounds + 1):
        for run, taken in zip(runs, times, strict=True):
            one = run()
            if round_ > 0:
                taken.append(one)
    return [_median(taken) for taken in times]


def _median(times: Sequence[Times]) -> Times:
    gpu = [taken.gpu for taken in times if taken.gpu is not None]
    wall = statistics.median(taken.wall for taken in times)
    return Times(statistics.median(gpu) if gpu else None, wall)


def _result(
    backend: str,
    profile: str | None,
    encoding: str | None,
    size: int,
    macs: int | None,
    taken: Times,
    base: float | None,
) -> GpuBenchResult:
    to_ns = 1e9 / (size * size)
    return GpuBenchResult(
        backend=backend,
        profile=profile,
        encoding=encoding,
        size=size,
        macs=macs,
        gpu_ns_per_texel=None if taken.gpu is None else taken.gpu * to_ns,
        wall_ns_per_texel=taken.wall * to_ns,
        ratio=taken.gpu / base if taken.gpu is not None and base else None,
    )
