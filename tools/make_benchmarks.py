#!/usr/bin/env python3
"""Measure again what docs/benchmarks.md and the README say, and put it between their markers.

All sections by default, some two hours on two cores; `rates` takes from the cache of `ntc bench rd`
what was measured before. Text around the markers stays. Ends with 1 if a set has a fault.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
from bench_sets import machine

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from ntc.bench.rd import bd  # noqa: E402
from ntc.bench.rd.report import Comparison, Point, RdReport, SetReport  # noqa: E402
from ntc.bench.report import BenchReport, BenchResult  # noqa: E402

PAGE = ROOT / "docs" / "benchmarks.md"
PACKAGES = ("numpy", "torch", "OpenImageIO", "imagecodecs", "ispc_texcomp", "astc-encoder-py")
BATCHES = 2048, 65536  # texels of a fit's step: the recipe's, and what suits torch best
OPENED = ("TPS-Column-4K", "BlueTiles01")
FILE_CODECS, MEMORY_CODECS = ("avif", "avif_rgb", "jxl", "webp"), ("bc7", "astc")
CONTROLS = ("rtxntc_recipe", "rtxntc_refitted", "bilinear")


def main() -> int:
    options = parse()
    for name in options.sections or SECTIONS:
        text = f"{SECTIONS[name](options)}\n{origin()}\n"
        put(PAGE, name, text)
        print(text, flush=True)
    return 0


def parse() -> argparse.Namespace:
    beside = ROOT.parent / "shared" / "materials"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="*", metavar=f"{{{','.join(SECTIONS)}}}")
    parser.add_argument("--effort", default="fast", help="of all fits")
    parser.add_argument("--bpp", default="1,2.5,5", help="of the fits of `rates`")
    parser.add_argument(
        "--materials", type=Path, default=Path(os.environ.get("NTC_MATERIALS", beside))
    )
    options = parser.parse_args()
    if unknown := [name for name in options.sections if name not in SECTIONS]:
        parser.error(f"{unknown[0]}: use {', '.join(SECTIONS)}")
    return options


def origin() -> str:
    """On what, with what, and of which state of the sources a section was measured."""
    commit = output("git", "-C", ROOT, "describe", "--always", "--dirty").strip()
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    where = f"{machine()}, Python {platform.python_version()}, {versions}"
    return f"{where}; ntc at {commit}, {datetime.now(UTC).date()}."


def put(page: Path, name: str, text: str) -> None:
    """The page has this text between the markers of a section afterwards."""
    before, start, rest = page.read_text("utf-8").partition(f"<!-- {name} -->")
    _, end, after = rest.partition(f"<!-- /{name} -->")
    if not end:
        sys.exit(f"{page}: no markers of `{name}`")
    page.write_text(f"{before}{start}\n\n{text}\n{end}{after}", "utf-8")


def output(*command: object) -> str:
    """What a command printed; its complaints go to stderr, and it has to end well."""
    words = [str(word) for word in command]
    return subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout


def ntc(*arguments: object) -> str:
    return output(sys.executable, "-m", "ntc", *arguments)


def script(name: str, *arguments: object) -> str:
    return output(sys.executable, ROOT / "tools" / name, *arguments)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown: names to the left, numbers to the right."""
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def sets(options: argparse.Namespace) -> str:
    """All sets through compress, decompress, validate and compare; the README's table, too."""
    arguments = ["--effort", options.effort, "--materials", options.materials]
    with tempfile.TemporaryDirectory() as folder:
        text = script("bench_sets.py", *arguments, "--out", folder, "--update-readme")
    return text.partition("\n\n")[0] + "\n"


def fit(options: argparse.Namespace) -> str:
    """Whole steps, at both sizes of a step."""
    measured = [ntc("bench", "fit", "--rounds", 3, "--batch", n, "--json") for n in BATCHES]
    reports = [BenchReport.model_validate_json(text).results for text in measured]
    heads = [head for n in BATCHES for head in (f"Mtexel/s at {n:,}", "against torch")]
    rows = [[named(row[0]), *speed(row[0]), *speed(row[1])] for row in zip(*reports, strict=True)]
    return table(["backend", *heads], rows)


def decode(options: argparse.Namespace) -> str:
    """A whole mip."""
    report = BenchReport.model_validate_json(ntc("bench", "decode", "--rounds", 5, "--json"))
    rows = [[named(result), *speed(result)] for result in report.results]
    return table(["decoder", "Mtexel/s", "against torch"], rows)


def named(result: BenchResult) -> str:
    return " ".join(filter(None, (result.backend, result.isa)))


def speed(result: BenchResult) -> tuple[str, str]:
    """Millions of texels a second, and how many times as fast as torch."""
    ratio = "-" if result.ratio is None else f"{result.ratio:.1f}"
    return f"{result.texels_per_second / 1e6:.2f}", ratio


def opening(options: argparse.Namespace) -> str:
    """Reading and unpacking a file, by one core."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in OPENED:
            for budget in ("memory", "file"):
                file = Path(folder) / f"{name}-{budget}.ntc"
                how = ["--effort", options.effort, "--bpp", 3.4 if budget == "file" else 5]
                ntc(
                    "compress", options.materials / name, "-o", file, "--budget", budget, *how, "-q"
                )
                rows.append(script("bench_entropy.py", file).strip())
    return "".join(f"    {row}\n" for row in rows)


def rates(options: argparse.Namespace) -> str:
    """The harness: means, each set, and our curve beside AVIF's."""
    found = sorted(path.parent for path in options.materials.glob("*/manifest.json"))
    how = ["--effort", options.effort, "--bpp", options.bpp]
    report = RdReport.model_validate_json(ntc("bench", "rd", *found, *how, "--json"))
    return "\n".join([means(report), each_set(report), beside_avif(report)])


def means(report: RdReport) -> str:
    """BD-rates of the two curves that lead."""
    files, memory = report.leaders
    rows = []
    for name in (*FILE_CODECS, *MEMORY_CODECS, *CONTROLS):
        pair = [m for m in report.means if m.against == name and m.curve in (files, memory)]
        by_curve = {mean.curve: mean for mean in pair}
        a, b = by_curve.get(files), by_curve.get(memory)
        of_files = [percent(a and a.bd_rate), str(a.sets if a else 0)]
        of_memory = [percent(b and b.bd_rate_video_memory), str(b.sets_video_memory if b else 0)]
        rows.append([f"`{name}`", *of_files, *of_memory])
    return table(["against", "file bytes", "sets", "video memory", "sets"], rows)


def each_set(report: RdReport) -> str:
    """File bytes against file codecs, video memory against what GPUs sample."""
    files, memory = report.leaders
    columns = (*FILE_CODECS, *MEMORY_CODECS, *CONTROLS)
    rows = [
        [
            found.name,
            *(percent(compared(found, files, name, "bd_rate")) for name in FILE_CODECS),
            *(
                percent(compared(found, memory, name, "bd_rate_video_memory"))
                for name in (*MEMORY_CODECS, *CONTROLS)
            ),
        ]
        for found in report.sets
    ]
    return table(["set", *(f"`{name}`" for name in columns)], rows)


def compared(found: SetReport, curve: str, against: str, measure: str) -> float | None:
    """A measure of one of our curves on one set."""

    def wanted(each: Comparison) -> bool:
        return (each.curve, each.against) == (curve, against)

    return next((getattr(each, measure) for each in found.comparisons if wanted(each)), None)


def beside_avif(report: RdReport) -> str:
    """dB of our files, and of AVIF at the same bytes."""
    rows = []
    for found in report.sets:
        avif = [point for point in found.points if point.codec == "avif"]
        ours = [point for point in found.points if point.codec == report.leaders[0]]
        rows.append([found.name, *(cell(point, avif) for point in ours)])
    count = max(len(row) for row in rows) - 1
    return table(["set", *[f"rate {i + 1}" for i in range(count)]], rows)


def cell(point: Point, avif: Sequence[Point]) -> str:
    """`37.30 (36.90) @2.46`: ours, AVIF where its curve goes that far, and bits a texel of both."""
    curve = sorted((np.log(p.file_bytes), p.quality.psnr) for p in avif if p.quality.psnr)
    x, y = (np.array(values) for values in zip(*curve, strict=True)) if curve else ([], [])
    at = np.log(point.file_bytes)
    other = "-"
    if len(x) > 1 and x[0] <= at <= x[-1]:
        other = f"{bd.interpolate(x, y, bd.pchip_slopes(x, y), np.array([at]))[0]:.2f}"
    return f"{point.quality.psnr:.2f} ({other}) @{point.file_bpp:.2f}"


def percent(value: float | None) -> str:
    return "-" if value is None else f"{value:+.1f}"


SECTIONS: dict[str, Callable[[argparse.Namespace], str]] = {
    "sets": sets,
    "fit": fit,
    "decode": decode,
    "opening": opening,
    "rates": rates,
}


if __name__ == "__main__":
    sys.exit(main())
