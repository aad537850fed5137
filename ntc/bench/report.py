"""What a benchmark reports, and how it measures."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

from pydantic import BaseModel


class BenchResult(BaseModel):
    """One contender."""

    backend: str
    isa: str | None  # of the native core
    profile: str
    size: int
    texels_per_second: float
    ratio: float | None  # to the backend that the report names


class BenchReport(BaseModel):
    """All contenders of one run."""

    threads: int
    channels: int
    ratio_to: str  # the backend that ratios compare with
    results: list[BenchResult]


def median_seconds(contenders: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Seconds of each. They take turns, so that a busy moment hits all; one round warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for round_ in range(rounds + 1):
        for name, run in contenders.items():
            before = time.perf_counter()
            run()
            if round_ > 0:
                seconds[name].append(time.perf_counter() - before)
    return {name: statistics.median(times) for name, times in seconds.items()}
