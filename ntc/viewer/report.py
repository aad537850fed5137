"""`ntc report`: materials on one HTML page that needs nothing else: no request leaves it."""

from __future__ import annotations

from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from importlib.resources import files
from string import Template
from typing import Any, Final

from ntc.bench.rd.plot import svg
from ntc.comparison import pair_map
from ntc.errors import NtcError
from ntc.format.metadata import MapRecord, Semantic
from ntc.reports import CompareReport, InfoReport
from ntc.texture import maps_from_outputs
from ntc.viewer.documents import SessionItem
from ntc.viewer.pictures import GAIN, difference, error_bars, middle, overview, png
from ntc.viewer.session import Session

_SIDE: Final = 320  # texels of a picture: the middle of mip 0
_THUMBNAIL: Final = 64
_OVERVIEW: Final = (
    ",name,size,file,bpp,video memory,of raw,of BC7 BC5 BC4,dB,profile,encoding,effort".split(",")
)
_MAPS: Final = "map,file,size,samples,dB,normals".split(",")


@dataclass(frozen=True, slots=True)
class _Subject:
    """A `.ntc`, what is known of it, and how it compares with its images where they are there."""

    item: SessionItem
    info: InfoReport
    compared: CompareReport | None

    @property
    def psnr(self) -> float | None:
        """Of mip 0, in dB: measured, or else as the file says; None if it is exact."""
        return self.info.psnr if self.compared is None else self.compared.psnr


def html(session: Session) -> tuple[str, list[str]]:
    """The page on all `.ntc` of a session, and a line on each item that is left out of it."""
    items = session.report(fits=False).items
    subjects, failures = [], [item.error for item in items if item.error is not None]
    used = {item.reference for item in items}
    failures += [
        f"{item.path}: none of the .ntc files was made from these {item.kind}"
        for item in items
        if item.kind != "ntc" and item.error is None and item.number not in used
    ]
    for item in items:
        if item.kind == "ntc" and item.error is None:
            subject, failure = _subject(session, item)
            subjects.append(subject)
            failures += failure
    style, script = _part("report.css"), _part("report.js")
    page = Template(_part("report.html")).substitute(
        title="ntc report",
        about=_safe(", ".join(sorted({subject.info.generator for subject in subjects}))),
        overview=_overview(session, subjects),
        materials="\n".join(_section(session, subject) for subject in subjects),
        style=style,
        style_digest=_digest(style),
        script=script,
        script_digest=_digest(script),
    )
    return page, failures


def _subject(session: Session, item: SessionItem) -> tuple[_Subject, list[str]]:
    info, failures = session.info(item.number), []
    compared = None
    if item.reference is not None:
        try:
            compared = session.compare(item.number, item.reference)
        except NtcError as error:
            failures.append(str(error))
    return _Subject(item, info, compared), failures


def _overview(session: Session, subjects: Sequence[_Subject]) -> str:
    rows = []
    curves: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for subject in subjects:
        item, info = subject.item, subject.info
        if subject.psnr is not None:
            curves[item.name].append((info.bpp, subject.psnr))
        rows.append(
            [
                f'<td><img src="{_thumbnail(session, subject)}" alt=""></td>',
                _text(item.name),
                _number(f"{item.width}x{item.height}"),
                _number(_size(item.bytes)),
                _number(f"{info.bpp:.2f}"),
                _number(_size(item.video_memory_bytes)),
                _number(_share(item.video_memory_bytes, item.raw_bytes)),
                _number(_share(item.video_memory_bytes, item.block_bytes)),
                _number(_decibels(subject.psnr)),
                _number(str(info.fit.settings.get("profile", "-"))),
                _number(info.encoding),
                _number(info.fit.effort),
            ]
        )
    plot = ""
    if len(subjects) > 1 and curves:
        styles = {name: place for place, name in enumerate(curves)}
        plot = svg("Files", {name: sorted(points) for name, points in curves.items()}, styles)
    return _table(_OVERVIEW, rows) + plot


def _thumbnail(session: Session, subject: _Subject) -> str:
    """Of the colours, or of the first map where there are none."""
    item, maps = subject.item, subject.info.maps
    shown = next((record for record in maps if record.semantic is Semantic.ALBEDO), maps[0])
    mip, rect = overview(item.width, item.height, item.mips, _THUMBNAIL)
    stack = session.outputs(item.number, mip, rect)
    return png(maps_from_outputs(stack, [shown])[shown.name])


def _section(session: Session, subject: _Subject) -> str:
    info = subject.info
    settings = ", ".join(f"{name} {value}" for name, value in info.fit.settings.items())
    made = f"{info.fit.backend}, {info.fit.effort}, seed {info.fit.seed}, {info.fit.filtering}"
    decoder = f"{' - '.join(map(str, info.decoder))}, {info.macs} MAC"
    rows = [list(_map_cells(subject, record)) for record in info.maps]
    figures = "".join(_figures(session, subject))
    return (
        f"<h2>{_safe(info.name)}</h2>"
        f'<p class="soft">{_safe(f"{made} · {settings} · decoder {decoder}")}</p>'
        f'{_table(_MAPS, rows)}<div class="maps">{figures}</div>'
    )


def _map_cells(subject: _Subject, record: MapRecord) -> Iterator[str]:
    angles = subject.compared and subject.compared.normal_degrees.get(record.name)
    yield _text(record.name)
    yield _text(record.file)
    yield _number(f"{record.width}x{record.height}x{len(record.channels)}")
    yield _number(record.sample.value)
    yield _number(_decibels(subject.info.map_psnr.get(record.name)))
    yield _number(f"{angles[0]:.2f}° mean, {angles[1]:.1f}° most" if angles else "-")


def _figures(session: Session, subject: _Subject) -> Iterator[str]:
    """A picture of each map that varies, beside that of its images where they are there."""
    item = subject.item
    rect = middle(item.width, item.height, _SIDE)
    shown = [r for r in subject.info.maps if any(c.output is not None for c in r.channels)]
    decoded = maps_from_outputs(session.outputs(item.number, 0, rect), shown)
    if subject.compared is None or item.reference is None:
        for record in shown:
            yield _figure(record.name, png(decoded[record.name]))
        return
    first, second = session.side(item.number), session.side(item.reference)
    originals = session.maps(item.reference).maps
    exact = maps_from_outputs(session.outputs(item.reference, 0, rect), originals)
    for record in shown:
        _, a, b = pair_map(first, second, record)
        other = second.find(record, alone=len(first.maps) == 1)
        assert other is not None  # else they had not been compared
        yield _pair(record, subject, (exact[other.name], decoded[record.name]), error_bars(a, b))


def _pair(record: MapRecord, subject: _Subject, pair: tuple[Any, Any], bars: str) -> str:
    assert subject.compared is not None
    exact, decoded = pair
    quality = _decibels(subject.compared.maps.get(record.name))
    apart = _figure(f"{GAIN} x difference", png(difference(exact, decoded)))
    return (
        f'<div class="map"><figure><div class="pair"><img src="{png(exact)}" alt="original">'
        f'<img src="{png(decoded)}" alt="decoded"></div><input type="range" value="50" '
        f'aria-label="original to decoded"><figcaption>{_safe(record.name)}, {quality}: '
        f"original, decoded</figcaption></figure>{apart}"
        f"<figure>{bars}<figcaption>samples by their error, in steps of 1/255</figcaption></figure>"
        "</div>"
    )


def _figure(caption: str, source: str) -> str:
    return f'<figure><img src="{source}" alt=""><figcaption>{_safe(caption)}</figcaption></figure>'


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    names = "".join(f"<th>{name}</th>" for name in head)
    lines = "".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)
    return f"<table><tr>{names}</tr>{lines}</table>"


def _text(text: str) -> str:
    return f'<td class="text">{_safe(text)}</td>'


def _number(text: str) -> str:
    return f"<td>{_safe(text)}</td>"


def _decibels(psnr: float | None) -> str:
    return "exact" if psnr is None else f"{psnr:.2f} dB"


def _size(count: int) -> str:
    return f"{count / 1e6:.2f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "-"


def _safe(text: str) -> str:
    """Text of whoever named the files, as markup that shows it and does nothing else."""
    return escape("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text))


def _part(name: str) -> str:
    return files("ntc.viewer").joinpath(name).read_text("utf-8")


def _digest(text: str) -> str:
    return b64encode(sha256(text.encode()).digest()).decode()
