"""A library's report as one HTML page that needs nothing else: no request leaves it."""

from __future__ import annotations

import math
from base64 import b64encode
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Final, get_args

from ntc.batch.report import LibraryReport, MaterialReport, Status, worst_first
from ntc.batch.thumbnails import thumbnails

MOST_PICTURES: Final = 1000  # of 4 to 8 kB each

_COLUMNS: Final = (
    "name, status, size, worst map, its dB, all dB, dB of each map, source, file, ratio, "
    "memory before, memory after, ratio, encoding, seconds, warnings"
).split(", ")
_TEXTS: Final = {"name", "worst map", "dB of each map", "warnings"}
_SORTED_BY: Final = "its dB"
_STATUSES: Final[tuple[Status, ...]] = get_args(Status)


def html(report: LibraryReport, folder: Path) -> str:
    """The page: totals, failures with their reasons, then the other materials, worst map first.

    `folder` is where the outputs lie. The worst `MOST_PICTURES` materials are shown as pictures.
    """
    ordered = worst_first(report.materials)
    failed = [material for material in ordered if material.status == "failed"]
    there = ordered[len(failed) :]
    paths = [folder / m.file for m in there[:MOST_PICTURES] if m.file is not None]
    pictures = dict(zip(paths, thumbnails(paths), strict=True))
    rows = [_row(m, None if m.file is None else pictures.get(folder / m.file)) for m in there]
    script = _part("page.js")
    return Template(_part("page.html")).substitute(
        title=_safe(f"ntc: {Path(report.library).name}"),
        about=_safe(f"{report.library} → {report.output} · {report.generator} · {report.machine}"),
        totals=_totals(report, there),
        failures=_failures(failed) + _not_reached(report.not_reached),
        note=f"the worst {MOST_PICTURES} have pictures" if len(there) > MOST_PICTURES else "",
        head="<th></th>" + "".join(map(_head, _COLUMNS)),
        rows="\n".join(rows),
        script=script,
        digest=b64encode(sha256(script.encode()).digest()).decode(),
    )


def _part(name: str) -> str:
    return files("ntc.batch").joinpath(name).read_text("utf-8")


def _totals(report: LibraryReport, there: Sequence[MaterialReport]) -> str:
    counts = Counter(material.status for material in report.materials)
    least = min((m.worst for m in there if m.worst), key=lambda worst: worst[1], default=None)
    shown = {
        "materials": ", ".join(
            f"{counts[status]} {status}" for status in _STATUSES if counts[status]
        ),
        "files": _before_after([(m.source_bytes, m.bytes) for m in there]),
        "video memory, from BC7, BC5 and BC4": _before_after(
            [(m.block_bytes, m.video_memory_bytes) for m in there]
        ),
        "worst map": f"{_decibels(least[1])} dB ({least[0]})" if least else "-",
        "time of all fits": _duration(sum(m.seconds for m in there)),
        "time of this run": _duration(report.seconds),
    }
    return "".join(
        f"<div><dt>{name}</dt><dd>{_safe(value)}</dd></div>" for name, value in shown.items()
    )


def _before_after(pairs: Sequence[tuple[int, int]]) -> str:
    before, after = sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)
    return f"{_size(before)} → {_size(after)}, {_ratio(before, after)}"


def _failures(failed: Sequence[MaterialReport]) -> str:
    if not failed:
        return ""
    rows = [
        f"<tr>{_text(m.name)}{_text(m.error or 'no reason given')}<td>{m.exit_code}</td></tr>"
        for m in failed
    ]
    head = '<tr><th class="text">name</th><th class="text">reason</th><th>exit code</th></tr>'
    table = "\n".join([head, *rows])
    return f'<h2 class="bad">Failed: {len(failed)}</h2>\n<table>{table}</table>'


def _not_reached(names: Sequence[str]) -> str:
    if not names:
        return ""
    listed = "".join(f"<li>{_safe(name)}</li>" for name in names)
    return f"""<h2 class="bad">Not reached: {len(names)}</h2>
<details><summary>The run ended before them</summary><ul>{listed}</ul></details>"""


def _head(name: str) -> str:
    kind = ' class="text"' if name in _TEXTS else ""
    order = ' aria-sort="ascending"' if name == _SORTED_BY else ""
    return f"<th{kind}{order}><button>{name}</button></th>"


def _row(material: MaterialReport, picture: str | None) -> str:
    name, least = material.worst or ("", None)
    whole = _known(material.psnr) if material.maps else None
    each = ", ".join(f"{name} {_decibels(_known(dB))}" for name, dB in material.maps.items())
    shown = f'<img src="{picture}" alt="" loading="lazy">' if picture else ""
    cells = [
        f"<td>{shown}</td>",
        _text(material.name),
        f"<td>{material.status}</td>",
        _cell(material.width * material.height, f"{material.width}x{material.height}"),
        _text(name),
        *(_cell(-math.inf if dB is None else dB, _decibels(dB)) for dB in (least, whole)),
        _text(each),
        *_change(material.source_bytes, material.bytes),
        *_change(material.block_bytes, material.video_memory_bytes),
        f"<td>{_safe(material.encoding)}</td>",
        _cell(material.seconds, f"{material.seconds:.1f}"),
        _warnings(material.warnings),
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _cell(key: float, shown: str) -> str:
    """A number, which sorts by its value."""
    text = {math.inf: "Infinity", -math.inf: "-Infinity"}.get(key, f"{key:g}")
    return f'<td data-key="{text}">{_safe(shown)}</td>'


def _text(text: str) -> str:
    return f'<td class="text">{_safe(text)}</td>'


def _change(before: int, after: int) -> list[str]:
    """Bytes before and after, and how many times fewer."""
    factor = before / after if after else 0.0
    return [
        *(f'<td data-key="{count}">{_size(count)}</td>' for count in (before, after)),
        _cell(factor, _ratio(before, after)),
    ]


def _warnings(messages: Sequence[str]) -> str:
    if not messages:
        return '<td class="text" data-key="0"></td>'
    items = "".join(f"<li>{_safe(message)}</li>" for message in messages)
    listed = f"<details><summary>{len(messages)}</summary><ul>{items}</ul></details>"
    return f'<td class="text" data-key="{len(messages)}">{listed}</td>'


def _known(psnr: float | None) -> float:
    return math.inf if psnr is None else psnr


def _decibels(psnr: float | None) -> str:
    if psnr is None:
        return "-"
    return "exact" if math.isinf(psnr) else f"{psnr:.2f}"


def _ratio(before: int, after: int) -> str:
    return f"{before / after:.1f}x" if before and after else "-"


def _size(count: int) -> str:
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.2f} {unit}"
    return f"{count} B"


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s"
    return (
        f"{whole // 3600} h {whole % 3600 // 60} min"
        if whole >= 3600
        else (f"{whole // 60} min {whole % 60} s")
    )


def _safe(text: str) -> str:
    """Text of whoever named the files, as markup that shows it and does nothing else."""
    shown = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return escape("".join(shown))
