"""Rate-distortion curves as SVG, and all of a report as one HTML page that needs nothing else."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Final

from ntc.bench.rd.report import NO_NUMBER, Mean, Percent, Point, RdReport, SetReport

_WIDTH, _HEIGHT = 640, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 150, 28, 40  # margins
_COLORS: Final = (
    "#c4291c #1f6fb4 #2c8a3d #8a4fb0 #b8860b #16808a #d0589b #5a5a5a #7a8f16 #9c4a1f".split()
)
_DASHES: Final = ("", "6 3", "2 3")
_STYLE: Final = (
    "body{font:14px sans-serif;margin:2em auto;max-width:1340px;padding:0 1em}"
    "table{border-collapse:collapse;margin:1em 0}td,th{padding:2px 10px;text-align:right}"
    "td:first-child,th:first-child{text-align:left}tr:nth-child(even){background:#f3f3f3}"
    "svg{max-width:100%}summary{cursor:pointer}"
)

Curves = Mapping[str, Sequence[tuple[float, float]]]  # bits per texel and dB, by name


def curves_of(found: SetReport, codecs: Iterable[str], *, memory: bool) -> Curves:
    """The points of each curve by rate; those without one, or without any error, are left out."""
    curves = {}
    for codec in codecs:
        points = sorted(
            (rate, p.quality.psnr)
            for p in found.points
            if p.codec == codec
            and (rate := p.video_memory_bpp if memory else p.file_bpp) is not None
            and p.quality.psnr is not None
        )
        if points:
            curves[codec] = points
    return curves


def svg(title: str, curves: Curves, styles: Mapping[str, int]) -> str:
    """A plot of dB over bits per texel, by octaves. `styles` gives each name its place in a list
    of colours."""
    points = [point for curve in curves.values() for point in curve]
    if not points:
        points = [(1.0, 30.0)]
    octaves = [math.log2(rate) for rate, _ in points]
    left = math.floor(min(octaves))
    right = max(math.ceil(max(octaves)), left + 1)
    low = 5 * math.floor(min(psnr for _, psnr in points) / 5)
    high = max(5 * math.ceil(max(psnr for _, psnr in points) / 5), low + 5)

    def x(rate: float) -> float:
        return _LEFT + (math.log2(rate) - left) / (right - left) * (_WIDTH - _LEFT - _RIGHT)

    def y(psnr: float) -> float:
        return _HEIGHT - _BOTTOM - (psnr - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)

    end = _WIDTH - _RIGHT
    parts = [f'<text x="{_LEFT}" y="18" font-weight="bold">{escape(title)}</text>']
    for octave in range(left, right + 1):
        at = x(2.0**octave)
        parts.append(_line(at, y(low), at, y(high)))
        parts.append(
            f'<text x="{at:.1f}" y="{y(low) + 16:.1f}" text-anchor="middle">{2.0**octave:g}</text>'
        )
    for psnr in range(low, high + 1, 5):
        parts.append(_line(_LEFT, y(psnr), end, y(psnr)))
        parts.append(f'<text x="{_LEFT - 6}" y="{y(psnr) + 4:.1f}" text-anchor="end">{psnr}</text>')
    parts.append(f'<text x="{end}" y="{_HEIGHT - 6}" text-anchor="end">bits per texel</text>')
    parts.append(f'<text x="4" y="{_TOP - 10}">dB</text>')
    for row, (name, curve) in enumerate(curves.items()):
        parts.append(_curve(name, [(x(rate), y(psnr)) for rate, psnr in curve], row, styles[name]))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'width="{_WIDTH}" height="{_HEIGHT}" font-family="sans-serif" font-size="12">'
        f'<rect width="100%" height="100%" fill="white"/>{"".join(parts)}</svg>\n'
    )


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="#ddd"/>'


def _curve(name: str, points: Sequence[tuple[float, float]], row: int, style: int) -> str:
    color = _COLORS[style % len(_COLORS)]
    dash = _DASHES[style // len(_COLORS) % len(_DASHES)]
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in points)
    left, top = _WIDTH - _RIGHT + 10, _TOP + 10 + 18 * row
    return (
        f'<g fill="{color}"><path d="M{path}" fill="none" stroke="{color}" stroke-width="2" '
        f'stroke-dasharray="{dash}"/>{dots}<path d="M{left} {top}h14" stroke="{color}" '
        f'stroke-width="3"/><text x="{left + 18}" y="{top + 4}">{escape(name)}</text></g>'
    )


def plots(report: RdReport, found: SetReport) -> dict[str, str]:
    """SVG by file name: a set by bytes of files, and by bytes in video memory."""
    styles = {name: i for i, name in enumerate(report.codecs)}
    by_kind = {"file": ("file", False), "video_memory": ("video memory", True)}
    return {
        f"{found.name}_{kind}.svg": svg(
            f"{found.name}, {label}", curves_of(found, report.codecs, memory=memory), styles
        )
        for kind, (label, memory) in by_kind.items()
    }


def html(report: RdReport) -> str:
    """The page."""
    sections = [_set_section(report, found) for found in report.sets]
    about = "".join(f"<li>{escape(k)}: {escape(v)}</li>" for k, v in report.codecs.items())
    failures = "".join(f"<li>{escape(line)}</li>" for line in report.failures)
    packages = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f"<title>ntc bench rd</title><style>{_STYLE}</style><h1>Rate and distortion</h1>"
        f"<p>{escape(report.machine)}. {escape(packages)}. Effort {escape(report.effort)}"
        f"{f', {report.texels} texels' if report.texels else ''}. PSNR of mip 0 in storage space, "
        "peak 1, over all channels that vary and three of a normal. Files of AVIF, JPEG XL and "
        "WebP hold mip 0 alone, all others every mip.</p>"
        f"<ul>{about}</ul>"
        + (f"<h2>Failures</h2><ul>{failures}</ul>" if failures else "")
        + "<h2>BD-rate, mean over the sets</h2>"
        + f"<p>Negative: ours needs fewer bytes. A dash: {escape(NO_NUMBER)}.</p>"
        + _mean_table(report.means)
        + f"<h2>BD-rate by set</h2><p>Of {' (files) and '.join(report.leaders)} (video memory).</p>"
        + _set_table(report)
        + "".join(sections)
        + "</html>\n"
    )


def _mean_table(means: Sequence[Mean]) -> str:
    head = "curve, against, files %, sets, files dB, video memory %, sets, video memory dB"
    rows = [
        [
            m.curve,
            m.against,
            _signed(m.bd_rate),
            str(m.sets),
            _signed(m.bd_psnr, 2),
            _signed(m.bd_rate_video_memory),
            str(m.sets_video_memory),
            _signed(m.bd_psnr_video_memory, 2),
        ]
        for m in means
    ]
    return _table(head.split(", "), rows)


def _set_table(report: RdReport) -> str:
    names = list(report.bd_rate)
    rows = [
        [found.name, kind, *(_signed(rates.get(name)) for name in names)]
        for found in report.sets
        for kind, rates in _both(found.bd_rate, found.bd_rate_video_memory)
    ]
    return _table(["set", "%", *names], rows)


def _both(files: Percent, memory: Percent) -> list[tuple[str, Percent]]:
    return [("files", files), ("video memory", memory)]


def _set_section(report: RdReport, found: SetReport) -> str:
    rows = [_point_row(point) for point in found.points]
    head = "codec, setting, file bpp, memory bpp, dB, maps dB, normal degrees, SSIM, FLIP"
    return (
        f"<h2>{escape(found.name)}</h2><p>{found.width}x{found.height}, {found.channels} channels"
        f"</p>{''.join(plots(report, found).values())}"
        f"<details><summary>points</summary>{_table(head.split(', '), rows)}</details>"
    )


def _point_row(point: Point) -> list[str]:
    quality = point.quality
    degrees = {
        name: f"{mean:.2f} / {most:.1f}" for name, (mean, most) in quality.normal_degrees.items()
    }
    return [
        point.codec,
        point.setting,
        f"{point.file_bpp:.3f}",
        "-" if point.video_memory_bpp is None else f"{point.video_memory_bpp:.3f}",
        _decibels(quality.psnr),
        _named({name: _decibels(psnr) for name, psnr in quality.maps.items()}),
        _named(degrees),
        _named({name: f"{value:.4f}" for name, value in quality.ssim.items()}),
        _named({name: f"{value:.4f}" for name, value in quality.flip.items()}),
    ]


def _named(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items()) or "-"


def _decibels(psnr: float | None) -> str:
    return "exact" if psnr is None else f"{psnr:.2f}"


def _signed(value: float | None, digits: int = 1) -> str:
    return "-" if value is None else f"{value:+.{digits}f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["".join(f"<th>{escape(cell)}</th>" for cell in head)]
    lines += ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows]
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"
