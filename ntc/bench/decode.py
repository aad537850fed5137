"""`decode_bench`: texels a second of the decoders, on a model of random numbers."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from ntc import native
from ntc.bench.report import BenchReport, BenchResult, median_seconds
from ntc.decode import reference
from ntc.decode.native import NativeDecoder
from ntc.fit.field import Field, codes_of, quantize
from ntc.fit.plan import make_plan
from ntc.format.model import QuantizedModel

BITS_PER_TEXEL: Final = 5.0
CLAMP: Final = (False, False)  # which torch can do as well


def decode_bench(
    profile: str = "standard",
    size: int = 1024,
    channels: int = 9,
    isas: Sequence[str] | None = None,
    threads: int = 0,
    rounds: int = 5,
) -> BenchReport:
    """Decodes mip 0 with all channels to uint16, natively on each instruction set and in torch.

    Where torch is not installed, ratios compare with the reference decoder.
    """
    model = random_model(profile, size, channels)
    count = native.thread_count(threads)
    base, contenders = _baseline(model, count)
    for isa in native.isas() if isas is None else isas:
        contenders[isa] = _native(model, isa, count)
    seconds = median_seconds(contenders, rounds)
    results = [
        BenchResult(
            backend=base if name == base else "native",
            isa=None if name == base else name,
            profile=profile,
            size=size,
            texels_per_second=size * size / taken,
            ratio=seconds[base] / taken,
        )
        for name, taken in seconds.items()
    ]
    return BenchReport(threads=count, channels=channels, ratio_to=base, results=results)


def random_model(profile: str, size: int, channels: int, encoding: str = "grid") -> QuantizedModel:
    """A model of the shape that a fit of this profile would have, without the fit."""
    rng = np.random.default_rng(0)
    plan = make_plan(size, size, channels, 1, BITS_PER_TEXEL, CLAMP, profile, encoding)
    latents = tuple(
        rng.uniform(codes_of(v).low, codes_of(v).high, (*v.stored[::-1], v.features))
        for v in plan.levels
    )
    weights = tuple(
        rng.normal(0, (2 / a) ** 0.5, (b, a)).astype(np.float32) for a, b in pairwise(plan.widths)
    )
    biases = tuple(np.zeros(b, np.float32) for b in plan.widths[1:])
    values = tuple(values.astype(np.float32) for values in latents)
    return quantize(Field(values, weights, biases), plan)


def _baseline(model: QuantizedModel, threads: int) -> tuple[str, dict[str, Callable[[], object]]]:
    if importlib.util.find_spec("torch") is None:
        return "reference", {"reference": lambda: reference.decode(model)}
    from ntc.bench.torch_decode import prepare_decode

    return "torch", {"torch": prepare_decode(model, threads)}


def _native(model: QuantizedModel, isa: str, threads: int) -> Callable[[], object]:
    decoder = NativeDecoder(isa, threads)
    return lambda: decoder.decode(model)
