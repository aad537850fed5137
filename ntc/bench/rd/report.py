"""What `ntc bench rd` reports: every point, and how far the curves are apart."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from ntc.bench.rd import bd
from ntc.bench.rd.measure import Measures

Percent = dict[str, float | None]

NO_NUMBER: Final = (
    f"not random access, fewer than two points, or less than {bd.LEAST_DECIBELS:g} dB in common "
    f"(of dB: less than {bd.LEAST_FACTOR:g}x of rate)"
)


class _Report(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Point(_Report):
    """A material encoded and decoded."""

    codec: str = Field(description="the curve that it belongs to")
    setting: str
    file_bytes: int = Field(description="what a user ships")
    file_bpp: float = Field(description="bits per texel of mip 0")
    video_memory_bytes: int | None = Field(description="null: no texel can be read at random")
    video_memory_bpp: float | None
    seconds: float = Field(description="encoding and decoding, when it was measured")
    quality: Measures


class Comparison(_Report):
    """One of our curves against another one, on one set; null where they share too little."""

    curve: str = Field(description="ours")
    against: str
    bd_rate: float | None = Field(description="percent more bytes of ours for the same PSNR")
    bd_psnr: float | None = Field(description="dB more of ours for the same bytes")
    bd_rate_video_memory: float | None
    bd_psnr_video_memory: float | None
    psnr_low: float | None = Field(description="ends of the range of PSNR that both files cover")
    psnr_high: float | None


class SetReport(_Report):
    """All points of a material."""

    name: str
    width: int
    height: int
    channels: int = Field(description="that count: all that vary, and a normal's three")
    points: list[Point]
    comparisons: list[Comparison]
    bd_rate: Percent = Field(description="of the leader in files, against each other curve")
    bd_rate_video_memory: Percent


class Mean(_Report):
    """One of our curves against another one, over the sets that have a number."""

    curve: str
    against: str
    bd_rate: float | None
    sets: int = Field(description="with a BD-rate of files")
    bd_psnr: float | None
    bd_rate_video_memory: float | None
    sets_video_memory: int
    bd_psnr_video_memory: float | None


class RdReport(_Report):
    """`ntc bench rd`."""

    effort: str
    texels: int = Field(description="fitted, whatever the effort; 0: as it says")
    codecs: dict[str, str] = Field(description="what each curve is")
    ours: list[str] = Field(description="curves of ntc")
    leaders: tuple[str, str] = Field(description="our curves that count, of files and video memory")
    bd_rate: Percent = Field(description="mean over the sets, percent; of the leader in files")
    bd_rate_video_memory: Percent
    means: list[Mean]
    sets: list[SetReport]
    failures: list[str]
    versions: dict[str, str]
    machine: str


def compare_curves(
    points: Sequence[Point], ours: Sequence[str], others: Sequence[str]
) -> list[Comparison]:
    """Each of our curves against each other curve, ours among them."""
    return [
        _compare(points, curve, against)
        for curve in ours
        for against in [*others, *ours]
        if against != curve
    ]


def _compare(points: Sequence[Point], curve: str, against: str) -> Comparison:
    test, anchor = _files(points, curve), _files(points, against)
    test_memory, anchor_memory = _memory(points, curve), _memory(points, against)
    low, high = bd.common_psnr(anchor, test) or (None, None)
    return Comparison(
        curve=curve,
        against=against,
        bd_rate=bd.bd_rate(anchor, test),
        bd_psnr=bd.bd_psnr(anchor, test),
        bd_rate_video_memory=bd.bd_rate(anchor_memory, test_memory),
        bd_psnr_video_memory=bd.bd_psnr(anchor_memory, test_memory),
        psnr_low=low,
        psnr_high=high,
    )


def _files(points: Sequence[Point], codec: str) -> bd.Curve:
    """Points without any error have no place on a curve."""
    return [
        (point.file_bytes, point.quality.psnr)
        for point in points
        if point.codec == codec and point.quality.psnr is not None
    ]


def _memory(points: Sequence[Point], codec: str) -> bd.Curve:
    return [
        (point.video_memory_bytes, point.quality.psnr)
        for point in points
        if point.codec == codec
        and point.quality.psnr is not None
        and point.video_memory_bytes is not None
    ]


def mean_comparisons(sets: Sequence[SetReport]) -> list[Mean]:
    """Means over sets, of each pair of curves that one of them has."""
    pairs = dict.fromkeys((c.curve, c.against) for found in sets for c in found.comparisons)
    return [_mean(sets, *pair) for pair in pairs]


def _mean(sets: Sequence[SetReport], curve: str, against: str) -> Mean:
    found = [c for one in sets for c in one.comparisons if (c.curve, c.against) == (curve, against)]
    rates = [c.bd_rate for c in found if c.bd_rate is not None]
    memory = [c.bd_rate_video_memory for c in found if c.bd_rate_video_memory is not None]
    return Mean(
        curve=curve,
        against=against,
        bd_rate=_average(rates),
        sets=len(rates),
        bd_psnr=_average(c.bd_psnr for c in found),
        bd_rate_video_memory=_average(memory),
        sets_video_memory=len(memory),
        bd_psnr_video_memory=_average(c.bd_psnr_video_memory for c in found),
    )


def _average(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def of_leader(
    comparisons: Sequence[Comparison] | Sequence[Mean],
    leader: str,
    ours: Sequence[str],
    *,
    memory: bool,
) -> Percent:
    """BD-rates of one of our curves against those that are not ours."""
    return {
        c.against: c.bd_rate_video_memory if memory else c.bd_rate
        for c in comparisons
        if c.curve == leader and c.against not in ours
    }


def csv_text(report: RdReport) -> str:
    """A row a point."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(
        "set codec setting file_bytes file_bpp video_memory_bytes video_memory_bpp psnr seconds "
        "map_psnr normal_degrees ssim flip".split()
    )
    for found in report.sets:
        for p in found.points:
            q = p.quality
            numbers = [p.file_bytes, p.file_bpp, p.video_memory_bytes, p.video_memory_bpp]
            maps = [_pairs(each) for each in (q.maps, q.normal_degrees, q.ssim, q.flip)]
            rows.writerow([found.name, p.codec, p.setting, *numbers, q.psnr, p.seconds, *maps])
    return text.getvalue()


def _pairs(
    values: dict[str, float | None] | dict[str, float] | dict[str, tuple[float, float]],
) -> str:
    """`albedo=41.2 normal=0.5/3.1`."""
    parts = []
    for name, value in values.items():
        numbers = value if isinstance(value, tuple) else (value,)
        shown = "/".join("exact" if n is None else f"{n:.4f}" for n in numbers)
        parts.append(f"{name}={shown}")
    return " ".join(parts)


def summary(report: RdReport) -> str:
    """BD-rates for a terminal: a line a curve to compare with, means and then each set."""
    lines = []
    for mean in report.means:
        files = f"{_percent(mean.bd_rate)} files ({mean.sets} of {len(report.sets)} sets)"
        memory = f"{_percent(mean.bd_rate_video_memory)} video memory ({mean.sets_video_memory})"
        lines.append(f"{mean.curve:<24} against {mean.against:<24}{files}, {memory}")
    for found in report.sets:
        rates = [
            f"{name} {_percent(rate).strip()}/{_percent(found.bd_rate_video_memory[name]).strip()}"
            for name, rate in found.bd_rate.items()
        ]
        lines.append(f"{found.name}: {', '.join(rates)}")
    if any(None in (mean.bd_rate, mean.bd_rate_video_memory) for mean in report.means):
        lines.append(f"-: {NO_NUMBER}")
    return "\n".join(lines)


def _percent(value: float | None) -> str:
    return f"{'-':>9}" if value is None else f"{value:+8.1f}%"
