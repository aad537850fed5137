"""`ntc bench rd`: reports, what is kept for the next run, and what happens when something fails."""

import json
import math
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import imagecodecs
import numpy as np
import pytest
from conftest import Commands
from material_files import put
from rd_tiles import FITS, make_tiles
from small_materials import make_bricks, waves

from ntc.bench.rd import Point, RdReport, rd_bench, write_report
from ntc.bench.rd.measure import Measures
from ntc.bench.rd.ours import Fits, leaders, our_contenders
from ntc.bench.rd.report import SetReport, compare_curves, mean_comparisons, of_leader
from ntc.cache import Cache
from ntc.errors import UsageError

WITHOUT = os.environ.get("NTC_NATIVE") == "0"
pytestmark = pytest.mark.skipif(WITHOUT, reason="NTC_NATIVE=0: the core is not expected")


@pytest.fixture(scope="module")
def tiles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiles(tmp_path_factory.mktemp("rd") / "tiles")


@pytest.fixture
def run(tiles: Path, tmp_path: Path) -> Callable[..., tuple[RdReport, list[bool]]]:
    def go(*codecs: str, folder: Path = tiles) -> tuple[RdReport, list[bool]]:
        """A report, and of each point whether it was in the cache."""
        cached: list[bool] = []
        report = rd_bench(
            [folder],
            FITS,
            ["grid"],
            ["light"],
            codecs,
            Cache(tmp_path / "cache"),
            on_point=lambda name, point, known: cached.append(known),
        )
        return report, cached

    return go


def test_a_second_run_measures_nothing(
    run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, cached = run("avif", "bc7")
    assert not any(cached)
    assert len(cached) == len(first.sets[0].points) == 2 + 8 + 2

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("was measured again")

    for name in ("measure", "Subject.textures"):
        monkeypatch.setattr(f"ntc.bench.rd.run.{name}", never)
    again, cached = run("avif", "bc7")
    assert all(cached)
    assert again == first


def test_other_pixels_are_measured(run: Callable[..., Any], tmp_path: Path) -> None:
    folder = make_bricks(tmp_path / "bricks")
    run("webp", folder=folder)
    put(folder / "bricks_height.png", waves(24, 16, 1, 65535)[:, ::-1])
    assert not any(run("webp", folder=folder)[1])


def test_other_versions_are_measured(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    run("webp")
    monkeypatch.setattr("ntc.bench.rd.contender._version", lambda name: f"{name} of tomorrow")
    # Ours does not depend on these packages; all else that was measured does, FLIP's too.
    assert not any(run("webp")[1][2:])
    monkeypatch.undo()
    monkeypatch.setattr("ntc.bench.rd.ours._ntc_digest", lambda: "another fit")
    assert run("webp")[1] == [False] * 2 + [True] * 8


def test_a_broken_entry_is_written_anew(run: Callable[..., Any], tmp_path: Path) -> None:
    first, _ = run("webp")
    for path in (tmp_path / "cache").rglob("*.json"):
        path.write_text(path.read_text("utf-8")[:-9], "utf-8")
    again, cached = run("webp")
    assert not any(cached)
    assert [p.quality for p in again.sets[0].points] == [p.quality for p in first.sets[0].points]


def test_a_broken_codec_is_one_line(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ValueError("no\nluck")

    monkeypatch.setattr(imagecodecs, "avif_encode", broken)
    report, cached = run("avif", "webp")
    assert report.failures == ["tiles: avif 15: ValueError: no luck"]
    assert len(cached) == 2 + 8
    assert report.bd_rate["avif"] is None
    assert report.bd_rate.keys() == {"avif", "webp"}


def test_a_missing_package_says_what_to_install(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "astc_encoder", None)
    report, _ = run("astc")
    (line,) = report.failures
    assert "astc-encoder-py" in line
    assert "pip install 'ntc[rd]'" in line


def test_a_material_that_cannot_be_read_does_not_end_the_run(tiles: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    put(tmp_path / "flat" / "flat_albedo.png", np.full((8, 8, 3), 9, np.uint8))
    folders = [tmp_path / "empty", tmp_path / "flat", tiles]
    report = rd_bench(folders, FITS, ["grid"], ["light"], ["webp"], Cache(tmp_path / "cache"))
    assert [found.name for found in report.sets] == ["tiles"]
    assert len(report.failures) == 2
    assert "no channel varies" in report.failures[1]


@pytest.mark.parametrize("wrong", [{"codecs": ["gif"]}, {"profiles": ["huge"]}])
def test_unknown_names(tiles: Path, tmp_path: Path, wrong: dict[str, list[str]]) -> None:
    names = {"encodings": ["grid"], "profiles": ["light"], "codecs": ["webp"]} | wrong
    with pytest.raises(UsageError, match=r"gif|huge"):
        rd_bench([tiles], FITS, cache=Cache(tmp_path), **names)


def test_two_materials_of_one_name(tiles: Path, tmp_path: Path) -> None:
    make_bricks(tmp_path / "tiles")
    with pytest.raises(UsageError, match="tiles"):
        rd_bench([tiles, tmp_path / "tiles"], FITS, ["grid"], ["light"], [], Cache(tmp_path))


def points(codec: str, files: float, memory: float | None) -> list[Point]:
    """A curve through 30, 35 and 40 dB with these factors of bytes."""
    none: dict[str, Any] = {"maps": {}, "normal_degrees": {}, "ssim": {}, "flip": {}}
    return [
        Point(
            codec=codec,
            setting=str(psnr),
            file_bytes=int(files * 100 * 2**step),
            file_bpp=1,
            video_memory_bytes=None if memory is None else int(memory * 100 * 2**step),
            video_memory_bpp=None,
            seconds=0,
            quality=Measures(psnr=psnr, **none),
        )
        for step, psnr in enumerate((30, 35, 40, None))
    ]


def test_both_rates_are_compared() -> None:
    curves = [*points("ntc", 1, 3), *points("a", 2, 2), *points("b", 0.5, None)]
    found = compare_curves(curves, ["ntc"], ["a", "b", "absent"])
    assert of_leader(found, "ntc", ["ntc"], memory=False) == {
        "a": pytest.approx(-50),
        "b": pytest.approx(100),
        "absent": None,
    }
    memory = of_leader(found, "ntc", ["ntc"], memory=True)
    assert memory == {"a": pytest.approx(50), "b": None, "absent": None}
    assert (found[0].psnr_low, found[0].psnr_high) == (30, 40)


def test_each_rate_has_a_leader() -> None:
    fits = Fits((1.0,), "fast", budgets=("memory", "file"))
    names = [each.name for each in our_contenders(fits, ["auto", "grid"], ["light"])]
    assert leaders(names) == ("ntc auto light for files", "ntc auto light")
    assert leaders(names[:1]) == (names[0], names[0])
    assert leaders(names[1:2]) == (names[1], names[1])


def test_means_are_over_the_sets_that_have_a_number() -> None:
    sets = []
    for name, factor in (("one", 2.0), ("two", 1.25), ("three", None)):
        curves = points("ntc", 1, 1) + (points("a", factor, factor) if factor else [])
        comparisons = compare_curves(curves, ["ntc"], ["a"])
        shape = {"name": name, "width": 1, "height": 1, "channels": 1}
        rates: dict[str, Any] = {"bd_rate": {}, "bd_rate_video_memory": {}}
        sets.append(SetReport(**shape, points=curves, comparisons=comparisons, **rates))
    (mean,) = mean_comparisons(sets)
    assert mean.bd_rate == pytest.approx((-50 - 20) / 2)
    assert mean.bd_psnr == pytest.approx(5 * (1 + math.log2(1.25)) / 2)
    assert (mean.sets, mean.sets_video_memory) == (2, 2)


def test_the_command(commands: Commands, tiles: Path, tmp_path: Path) -> None:
    fits = ["--bpp", "2,40", "--texels", 1 << 15, "--threads", 1, "--encodings", "grid"]
    ask = ["bench", "rd", tiles, *fits, "--codecs", "avif,astc", "--cache", tmp_path / "cache"]
    done = commands(*ask, "--json", "--out", tmp_path / "out")
    assert done.code == 0
    assert "tiles: avif 15: " in done.err
    report = RdReport.model_validate_json(done.out)
    document = json.loads(done.out)
    for key in ("bd_rate", "bd_rate_video_memory"):
        assert document[key].keys() == document["sets"][0][key].keys() == {"avif", "astc"}
    assert document["bd_rate_video_memory"]["avif"] is None
    assert json.loads((tmp_path / "out" / "rd.json").read_text("utf-8")) == document
    again = commands(*ask, "--quiet")
    assert again.err == ""
    assert "ntc grid standard" in again.out
    check_files(tmp_path / "out", report)


def check_files(folder: Path, report: RdReport) -> None:
    (found,) = report.sets
    rows = (folder / "rd.csv").read_text("utf-8").splitlines()
    assert len(rows) == 1 + len(found.points)
    plot = ElementTree.parse(folder / "tiles_file.svg").getroot()
    space = "{http://www.w3.org/2000/svg}"
    dots = list(plot.iter(f"{space}circle"))
    assert len(dots) == len(found.points)
    assert all(
        0 < float(dot.get("cx", 0)) < 640 and 0 < float(dot.get("cy", 0)) < 400 for dot in dots
    )
    names = {text.text for text in plot.iter(f"{space}text")}
    assert {"avif", "astc", "ntc grid standard"} <= names
    memory = ElementTree.parse(folder / "tiles_video_memory.svg").getroot()
    assert "avif" not in {text.text for text in memory.iter(f"{space}text")}
    page = (folder / "rd.html").read_text("utf-8")
    assert page.count("<svg") == 2
    assert not re.search(r'(src|href)="', page)


def test_bad_rates(commands: Commands, tiles: Path) -> None:
    done = commands("bench", "rd", tiles, "--bpp", "1,two")
    assert done.code == 1
    assert "--bpp 1,two" in done.err


def test_the_exit_code_of_a_failure(
    commands: Commands, tiles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "astc_encoder", None)
    fits = ["--bpp", "2", "--texels", 1 << 14, "--codecs", "astc", "--cache", tmp_path / "cache"]
    done = commands("bench", "rd", tiles, *fits, "--quiet")
    assert done.code == 4
    assert done.err.count("\n") == 1


def test_a_report_without_points_has_pages(tmp_path: Path) -> None:
    report = rd_bench([], FITS, ["grid"], ["light"], ["webp"], Cache(tmp_path))
    write_report(report, tmp_path / "out")
    assert "<h1>" in (tmp_path / "out" / "rd.html").read_text("utf-8")
