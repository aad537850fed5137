"""`report.csv` and `report.html`: a library's report for spreadsheets and for people."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import Final

from ntc.batch.page import html
from ntc.batch.report import LibraryReport, MaterialReport, worst_first
from ntc.files import make_folder, write_bytes

_NUMBERS: Final = (
    "width height channels bytes source_bytes raw_bytes block_bytes video_memory_bytes "
    "seconds peak_memory_bytes exit_code"
).split()
_HEAD: Final = (
    *("name", "status", "file", "encoding", "psnr", "worst_map", "worst_psnr", "map_psnr"),
    *_NUMBERS,
    *("warnings", "error"),
)
_FORMULA: Final = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
)  # at the start of a text


def write_views(report: LibraryReport, folder: Path) -> None:
    """`report.csv` and `report.html` in the folder that the outputs lie in. Raises FileError."""
    make_folder(folder)
    for name, text in (("csv", csv_text(report)), ("html", html(report, folder))):
        # A file name need not be text that can be encoded.
        write_bytes(folder / f"report.{name}", text.encode("utf-8", "backslashreplace"))


def csv_text(report: LibraryReport) -> str:
    """A row a material: failures first, then by the worst map; what was not reached comes last.

    PSNR is in dB, `exact` without an error, and empty where none is known. A text that would be a
    formula has an apostrophe before it.
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(_HEAD)
    for material in worst_first(report.materials):
        rows.writerow([_inert(cell) for cell in _row(material)])
    for name in report.not_reached:
        rows.writerow([_inert(name), "not reached", *[""] * (len(_HEAD) - 2)])
    return text.getvalue()


def _row(material: MaterialReport) -> list[str | float]:
    name, least = material.worst or ("", None)
    return [
        material.name,
        material.status,
        material.file or "",
        material.encoding,
        _decibels(material.psnr) if material.maps else "",
        name,
        _decibels(least) if material.maps else "",
        "; ".join(f"{name}={_decibels(psnr)}" for name, psnr in material.maps.items()),
        *(getattr(material, field) for field in _NUMBERS),
        "; ".join(material.warnings),
        material.error or "",
    ]


def _decibels(psnr: float | None) -> str:
    return "exact" if psnr is None or math.isinf(psnr) else f"{psnr:.3f}"


def _inert(cell: str | float) -> str | float:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
