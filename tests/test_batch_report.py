"""The views of `report.json`: nothing is lost, and names of files can do no harm."""

import csv
import io
import re
from base64 import b64decode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path
from shutil import copy, which

import numpy as np
import pytest
from conftest import missing
from PIL import Image

import ntc
from ntc.batch import page
from ntc.batch.report import LibraryReport, MaterialReport
from ntc.batch.views import csv_text, write_views

HOSTILE = "<img src=x onerror=alert(1)>\"'&</script><script>alert(2)</script>\x00\u202e$title"


def done(name: str, **maps: float | None) -> MaterialReport:
    psnr = min((value for value in maps.values() if value is not None), default=None)
    return MaterialReport(
        name=name,
        status="done",
        file=f"{name}.ntc",
        bytes=1000,
        source_bytes=20_000,
        block_bytes=6000,
        video_memory_bytes=1500,
        width=64,
        height=32,
        channels=4,
        psnr=psnr,
        maps=maps,
        encoding="grid",
        seconds=1.5,
    )


def failed(name: str, error: str, code: int = 3) -> MaterialReport:
    return MaterialReport(name=name, status="failed", file=None, error=error, exit_code=code)


def library(*materials: MaterialReport, name: str = "lib") -> LibraryReport:
    return LibraryReport(
        library=name,
        output="out",
        settings={"bpp": 3.0},
        generator="ntc 0",
        machine="a machine",
        seconds=100.0,
        materials=materials,
    )


class Rows(HTMLParser):
    """Texts of the cells of every table row, and the sources of all images."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.images: list[str] = []
        self.tags: set[str] = set()
        self.in_cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.in_cell = True
        if tag == "img":
            self.images.append(dict(attributes)["src"] or "")

    def handle_endtag(self, tag: str) -> None:
        self.in_cell = self.in_cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self.in_cell:
            self.rows[-1][-1] += data


def test_failures_come_first_and_then_the_worst_map(tmp_path: Path) -> None:
    report = library(
        done("good", albedo=40.0, normal=35.0),
        failed("z", "z.png: damaged"),
        done("exact", albedo=None),
        done("bad", albedo=50.0, normal=25.0),
        failed("a", "a.png: empty"),
    )
    names = [row["name"] for row in csv.DictReader(io.StringIO(csv_text(report)))]
    assert names == ["a", "z", "bad", "good", "exact"]
    shown = Rows(page.html(report, tmp_path)).rows
    assert [row[:2] for row in shown[1:3]] == [["a", "a.png: empty"], ["z", "z.png: damaged"]]
    assert [row[1] for row in shown[4:]] == ["bad", "good", "exact"]
    head = shown[3]
    assert len({len(row) for row in shown[3:]}) == 1
    bad = dict(zip(head, shown[4], strict=True))
    assert (bad["worst map"], bad["its dB"], bad["all dB"]) == ("normal", "25.00", "25.00")
    assert bad["dB of each map"] == "albedo 50.00, normal 25.00"
    assert (bad["memory before"], bad["memory after"], bad["ratio"]) == (
        "6.00 kB",
        "1.50 kB",
        "4.0x",
    )
    assert dict(zip(head, shown[6], strict=True))["its dB"] == "exact"


def test_csv_holds_every_number() -> None:
    first, last = csv.DictReader(
        io.StringIO(csv_text(library(done("m", albedo=40.25, ao=None), failed("f", "why", 2))))
    )
    assert (last["bytes"], last["source_bytes"], last["block_bytes"]) == ("1000", "20000", "6000")
    assert (last["worst_map"], last["worst_psnr"]) == ("albedo", "40.250")
    assert last["map_psnr"] == "albedo=40.250; ao=exact"
    assert (first["error"], first["exit_code"], first["psnr"]) == ("why", "2", "")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t"])
def test_csv_holds_no_formula(start: str) -> None:
    (row,) = csv.DictReader(
        io.StringIO(csv_text(library(failed(f"{start}cmd|' /C calc'!A0", "x"))))
    )
    assert row["name"].startswith(f"'{start}")


def test_names_are_shown_and_do_nothing_else(tmp_path: Path) -> None:
    bad = done("m", **{HOSTILE: 30.0}).model_copy(
        update={"name": HOSTILE, "encoding": HOSTILE, "warnings": (HOSTILE,), "file": None}
    )
    report = library(bad, failed(HOSTILE, HOSTILE), name=HOSTILE)
    text = page.html(report, tmp_path)
    assert "<img" not in text
    assert text.count("<script>") == 1
    assert not re.search(r"(src|href|action)\s*=", re.sub(r"&lt;.*?&gt;", "", text))
    assert "\x00" not in text
    assert "\u202e" not in text
    assert "$title" in text  # of the names, which are no part of the template
    assert not re.search(r"https?:", text)


def test_names_that_are_no_text_are_written(tmp_path: Path) -> None:
    write_views(library(failed("caf\udce9", "caf\udce9.png: damaged")), tmp_path)
    assert "caf\\udce9" in (tmp_path / "report.html").read_text("utf-8")
    assert "caf\\udce9" in (tmp_path / "report.csv").read_text("utf-8")


def test_what_an_interrupted_run_did_not_reach_is_named(tmp_path: Path) -> None:
    report = library(done("m", albedo=40.0)).model_copy(update={"not_reached": ("x<b>", "y")})
    text = page.html(report, tmp_path)
    assert "Not reached: 2" in text
    assert "<li>x&lt;b&gt;</li>" in text
    rows = list(csv.DictReader(io.StringIO(csv_text(report))))
    assert [(row["name"], row["status"]) for row in rows[1:]] == [
        ("x<b>", "not reached"),
        ("y", "not reached"),
    ]


def test_an_empty_library_has_a_page(tmp_path: Path) -> None:
    write_views(library(), tmp_path / "new")
    assert "none" in (tmp_path / "new" / "report.html").read_text("utf-8")


def test_pictures_are_those_of_the_outputs(
    tmp_path: Path, small_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abcd":
        copy(small_file, tmp_path / f"{name}.ntc")
    (tmp_path / "b.ntc").write_bytes(small_file.read_bytes()[:50])
    report = library(*(done(name, albedo=30.0 + i) for i, name in enumerate("abcd")))
    monkeypatch.setattr(page, "MOST_PICTURES", 3)
    text = page.html(report, tmp_path)
    pictures = Rows(text).images
    assert len(pictures) == 2  # a and c: b is broken, d one too many
    assert "the worst 3 have pictures" in text
    header, _, data = pictures[0].partition(",")
    assert header == "data:image/png;base64"
    with Image.open(io.BytesIO(b64decode(data))) as image:
        shown = np.asarray(image)
    exact = ntc.open(small_file).decode()["albedo"][:, :, :3]
    np.testing.assert_array_equal(shown, exact)  # 24 x 16: mip 0 is small enough


@pytest.fixture
def browser() -> Iterator[ThreadPoolExecutor]:
    """Where a browser may be driven: its event loop wants a thread of its own."""
    if which("chromium") is None:
        missing("no Chromium", "NTC_EXPECT_BROWSER")
    with ThreadPoolExecutor(1) as thread:
        yield thread


def test_a_browser_sorts_and_filters_and_asks_for_nothing(
    browser: ThreadPoolExecutor, tmp_path: Path, small_file: Path
) -> None:
    copy(small_file, tmp_path / "slow.ntc")
    materials = [
        done("slow", albedo=30.0).model_copy(update={"seconds": 100.0}),
        done("quick", albedo=20.0).model_copy(update={"seconds": 9.0}),
        done(HOSTILE, albedo=None).model_copy(update={"seconds": 20.0, "file": None}),
    ]
    write_views(library(*materials, failed(HOSTILE, HOSTILE)), tmp_path)

    def look() -> list[list[str]]:
        from playwright.sync_api import sync_playwright

        heard: list[str] = []
        with sync_playwright() as driver:
            program = driver.chromium.launch(
                executable_path=which("chromium"), args=["--no-sandbox"]
            )
            view = program.new_page()
            view.on("console", lambda message: heard.append(message.text))
            view.on("dialog", lambda dialog: heard.append("dialog"))
            view.on("request", lambda request: heard.append(request.url[:5]))
            view.goto((tmp_path / "report.html").as_uri())
            names = "[...document.querySelectorAll('#materials tbody tr')].filter(r => !r.hidden)"
            names += ".map(r => r.cells[1].textContent)"
            orders = [view.evaluate(names)]
            for _ in range(2):
                view.click("text=seconds")
                orders.append(view.evaluate(names))
            view.fill("#filter", "quick")
            orders.append(view.evaluate(names))
            view.fill("#filter", "")
            width = view.evaluate("document.querySelector('#materials img').naturalWidth")
            program.close()
        assert width == 24
        assert [text for text in heard if text not in ("file:", "data:")] == []
        assert heard.count("file:") == 1
        return orders

    first, rising, falling, filtered = browser.submit(look).result()
    assert first[:2] == ["quick", "slow"]
    assert [rising[0], rising[2]] == ["quick", "slow"]
    assert falling == rising[::-1]
    assert filtered == ["quick"]
