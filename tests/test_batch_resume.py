"""Runs that are ended in whatever way, and runs side by side: nothing is lost or half done."""

import collections
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from libraries import QUICK, Batches, leftovers, make_library, outputs, stop

from ntc.batch.report import LibraryReport
from ntc.material import open_material


def test_ctrl_c_leaves_nothing_half_done(tmp_path: Path) -> None:
    source, batch = make_library(tmp_path / "library", 4), Batches(tmp_path)
    out = tmp_path / "out"
    endless = ("--for", "*m03:texels=1000000000", "--jobs", 2)
    process = batch.start(source, "-o", out, *QUICK, *endless)
    batch.wait_for("end", 3)
    half_written_in(next(tmp_path.glob("cache/ntc/*/")))
    code, _, err = stop(process, signal.SIGINT)
    assert code == 130
    assert "interrupted" in err
    assert "Traceback" not in err
    batch.wait_until_alone()
    assert leftovers(tmp_path) == []
    report = LibraryReport.model_validate_json((out / "report.json").read_bytes())
    assert len(report.materials) + len(report.not_reached) == 4
    assert any("m03" in name for name in report.not_reached)
    assert batch(source, "-o", out, *QUICK).returncode == 0
    assert len(outputs(out)) == 4
    assert len(batch.noted("end")) <= 5  # the one that was lost with the interruption, at most


def half_written_in(folder: Path) -> None:
    """What a process that is gone has left there."""
    code = "from ntc.files import temporary_name; open(temporary_name(), 'x')"
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True)
    assert leftovers(folder)


def test_workers_end_with_who_started_them(tmp_path: Path) -> None:
    """Even one that hangs in a library, and says nothing that could fail to arrive."""
    batch = Batches(tmp_path)
    code = """if True:
        from ntc.batch.process import WorkerProcess
        from worker_requests import Hangs
        WorkerProcess().ask(Hangs(), memory=0, threads=1, timeout=0, on_progress=print)
    """
    path = os.pathsep.join([batch.environment["PYTHONPATH"], str(Path(__file__).parent)])
    environment = {**batch.environment, "PYTHONPATH": path}
    process = subprocess.Popen([sys.executable, "-c", code], env=environment)
    batch.wait_for("start", 1)
    assert batch.workers()
    process.kill()
    process.wait()
    batch.wait_until_alone()


def killed_again_and_again(folder: Path, count: int, kills: int, seconds: float) -> None:
    """Kills runs at random moments; what the last one leaves is what one run leaves."""
    source, batch = make_library(folder / "library", count), Batches(folder)
    out, dice = folder / "out", random.Random(count)
    options = ("--texels", 1 << 18, "--threads", 1, "--jobs", 2)
    for _ in range(kills):
        process = batch.start(source, "-o", out, *options)
        time.sleep(dice.random() * seconds)
        stop(process, signal.SIGKILL)
        batch.wait_until_alone()
        for path in out.rglob("*.ntc"):
            open_material(path)
    ended = batch(source, "-o", out, *options)
    assert ended.returncode == 0, ended.stderr
    fits = collections.Counter(batch.noted("end"))
    assert len(fits) == count
    assert max(fits.values()) <= 2
    assert leftovers(out) + leftovers(folder / "cache") == []
    assert list((folder / "tmp").glob(".ntc-*")) == []
    undisturbed = batch(source, "-o", folder / "again", *options, "--no-cache")
    assert undisturbed.returncode == 0
    assert outputs(out) == outputs(folder / "again")


def test_killed_runs_go_on(tmp_path: Path) -> None:
    killed_again_and_again(tmp_path, count=4, kills=3, seconds=2)


@pytest.mark.slow
def test_killed_twenty_times(tmp_path: Path) -> None:
    killed_again_and_again(tmp_path, count=60, kills=20, seconds=4)


@pytest.mark.slow
def test_memory_stays_within_the_limit(tmp_path: Path) -> None:
    """The sum over all processes; what they share is counted once in each."""
    source, batch = make_library(tmp_path / "library", 4, size=1536), Batches(tmp_path)
    limit = 900_000_000
    options = ("--texels", 1 << 16, "--jobs", 4, "--max-memory", limit, "--no-cache")
    process, most = batch.start(source, "-o", tmp_path / "out", *options), 0
    while process.poll() is None:
        most = max(most, sum(map(resident, [process.pid, *batch.workers()])))
        time.sleep(0.01)
    _, err = process.communicate()
    assert process.returncode == 0, err
    assert limit / 4 < most < limit


def resident(process: int) -> int:
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"VmRSS:\s*(\d+)", status)
    return 1024 * int(found[1]) if found else 0


def test_two_runs_over_one_folder_and_one_cache(tmp_path: Path) -> None:
    source, batch = make_library(tmp_path / "library", 4), Batches(tmp_path)
    runs = [batch.start(source, "-o", tmp_path / "out", *QUICK) for _ in range(2)]
    for run in runs:
        out, err = run.communicate(timeout=120)
        assert run.returncode == 0, out + err
    assert leftovers(tmp_path) == []
    again = batch(source, "-o", tmp_path / "out", *QUICK)
    assert "4 unchanged" in again.stdout
    for path in (tmp_path / "out").rglob("*.ntc"):
        open_material(path)
