"""How fast this machine fits and decodes: contenders in turn, in one run, medians."""

from __future__ import annotations

from ntc.bench.decode import decode_bench
from ntc.bench.fit import fit_bench
from ntc.bench.gpu import GpuBenchReport, gpu_decode_bench
from ntc.bench.report import BenchReport, BenchResult

__all__ = [
    "BenchReport",
    "BenchResult",
    "GpuBenchReport",
    "decode_bench",
    "fit_bench",
    "gpu_decode_bench",
]
