"""Rate against distortion: ours, other codecs and neural controls, on the same channels."""

from ntc.bench.rd.ours import Fits
from ntc.bench.rd.pages import write_report
from ntc.bench.rd.report import Point, RdReport, summary
from ntc.bench.rd.run import rd_bench

__all__ = [
    "Fits",
    "Point",
    "RdReport",
    "rd_bench",
    "summary",
    "write_report",
]
