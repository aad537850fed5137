"""The files that a report is written to."""

from __future__ import annotations

from pathlib import Path

from ntc.bench.rd.plot import html, plots
from ntc.bench.rd.report import RdReport, csv_text
from ntc.files import make_folder, write_bytes


def write_report(report: RdReport, folder: Path) -> None:
    """`rd.json`, `rd.csv`, `rd.html` and two plots a set in the folder. Raises FileError."""
    make_folder(folder)
    texts = {
        "rd.json": report.model_dump_json(indent=1) + "\n",
        "rd.csv": csv_text(report),
        "rd.html": html(report),
    }
    for found in report.sets:
        texts |= plots(report, found)
    for name, text in texts.items():
        write_bytes(folder / name, text.encode())
