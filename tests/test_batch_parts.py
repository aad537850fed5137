"""What a run over a library is made of."""

import os
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
from small_materials import make_bricks
from worker_requests import Dies, Hangs, Raises, Says, Takes

import ntc
from ntc.batch.admission import Admission, Job, jobs_at_once
from ntc.batch.depfile import write_depfile
from ntc.batch.engines.local import LocalEngine
from ntc.batch.index import Fact, Index, Stamp
from ntc.batch.keys import Key, relabelled
from ntc.batch.plan import LibraryPlan, PlannedMap, PlannedMaterial
from ntc.batch.process import WorkerProcess
from ntc.batch.tasks import Override, make_tasks, parse_override
from ntc.batch.worker import Failed, Make
from ntc.errors import FileError, UsageError
from ntc.files import remove_leftovers, temporary_name
from ntc.fit.problem import Progress
from ntc.material import open_material
from ntc.options import changed
from ntc.settings import Settings
from ntc.transcode.costs import block_bytes, raw_bytes


def asked(worker: WorkerProcess, request: object, memory: int = 1 << 28, **options: float) -> str:
    reply = worker.ask(
        request,  # type: ignore[arg-type]
        memory=memory,
        threads=3,
        timeout=options.get("timeout", 0.0),
        on_progress=lambda progress: None,
    )
    assert isinstance(reply, Failed)
    return reply.error


def closed_pipe(progress: Progress) -> None:
    raise BrokenPipeError


def test_a_worker_survives_what_it_is_asked() -> None:
    worker, seen = WorkerProcess(), []
    try:
        reply = worker.ask(Says("hello"), memory=0, threads=3, timeout=0, on_progress=seen.append)
        assert isinstance(reply, Failed)
        hello, threads, first = reply.error.split()
        assert (hello, threads, len(seen)) == ("hello", "3", 1)
        assert asked(worker, Takes(1000)) == "took 1000"
        assert asked(worker, Takes(2 << 30)) == "out of memory; use a smaller material"
        assert asked(worker, Raises()) == "two lines"
        assert asked(worker, Says("")).split()[1] == first  # it is the same process still
        for shown in (seen.append, closed_pipe):
            worker.ask(Says(""), memory=0, threads=3, timeout=0, on_progress=shown)
        assert asked(worker, Says("")).split()[1] == first  # whatever became of who watches it
        assert asked(worker, Dies(signal.SIGSEGV)) == "its process was ended by SIGSEGV"
        assert "out of memory" in asked(worker, Dies(signal.SIGKILL))
        assert asked(worker, Hangs(), timeout=1.0) == "took more than 1 s"
        assert asked(worker, Says("")).split()[1] != first
    finally:
        worker.close()


def test_processes_that_are_only_starting_are_ended_too(monkeypatch: pytest.MonkeyPatch) -> None:
    start, started = WorkerProcess._start, list[WorkerProcess]()

    def late(worker: WorkerProcess) -> None:
        started.append(worker)
        if len(started) == 2:
            time.sleep(2)
        start(worker)

    monkeypatch.setattr(WorkerProcess, "_start", late)
    engine, begun = LocalEngine(2, 1 << 30, 0.0), time.monotonic()
    results = engine.results(
        [Job("", Raises(), 1), Job("", Hangs(), 1)], lambda job, progress: None
    )
    next(results)
    results.close()
    engine.close()
    assert time.monotonic() - begun < 60


def test_admission_keeps_within_the_memory() -> None:
    jobs = [Job(str(n), Raises(), n) for n in (9, 6, 6, 3, 1)]
    admission, waiting = Admission(3, 10), list(jobs)
    assert [job.memory for job in admission.admit(waiting)] == [9, 1]
    assert admission.admit(waiting) == []
    admission.release(jobs[0])
    assert [job.memory for job in admission.admit(waiting)] == [6, 3]
    for job in (jobs[4], jobs[1], jobs[3]):
        admission.release(job)
    assert [job.memory for job in admission.admit(waiting)] == [6]
    alone = Admission(2, 10)
    assert len(alone.admit([Job("", Raises(), 99), Job("", Raises(), 1)])) == 1
    assert jobs_at_once([Job("", Raises(), 6)] * 9, 10) == 1


def test_overrides_are_options_by_name() -> None:
    maps = (PlannedMap(file="a.png", semantic="albedo"),)
    plan = LibraryPlan(
        library=".",
        materials=(
            PlannedMaterial(name="heroes/a", folder="heroes/a", maps=maps),
            PlannedMaterial(name="b", folder="b", maps=maps, settings={"quality": 30.0}),
        ),
    )
    texts = ("*:bpp=2,effort=fast", "heroes/*:target-psnr=40,weight.normal=2,seed=7")
    overrides = [parse_override(text) for text in texts]
    hero, other = make_tasks(plan, Path(), Settings(weights={"ao": 3.0}), overrides)
    assert (hero.settings.bpp, hero.settings.target_psnr) == (None, 40.0)
    assert hero.settings.weights == {"ao": 3.0, "normal": 2.0}
    assert (hero.settings.effort, hero.settings.seed) == ("fast", 7)
    assert (other.settings.bpp, other.settings.quality) == (None, 30.0)
    for text in ("bpp=2", "*:bpp", "*:nope=1", "*:bpp=x", "*:bpp=2,quality=3", "*:seed=1.5"):
        with pytest.raises(UsageError, match="--for"):
            parse_override(text)
    with pytest.raises(UsageError, match="no material"):
        make_tasks(plan, Path(), Settings(), [Override("hero", {})])
    with pytest.raises(UsageError, match="b: "):
        make_tasks(plan, Path(), Settings(), [Override("b", {"effort": "heroic"})])
    assert changed(Settings(), {"address": "clamp", "max-size": "2MB"}) == Settings(
        wrap=(False, False), max_size=2_000_000
    )


def test_the_index_knows_files_that_are_as_they_were(tmp_path: Path) -> None:
    path, index = tmp_path / "a", Index(tmp_path)
    path.write_bytes(b"1")
    os.utime(path, (1, 1))
    stamp = Stamp.of(path)
    index.learn([Fact(stamp, "digest", "pixels", "reader")])
    assert (index.file(stamp), index.pixels("digest", "reader")) == ("digest", "pixels")
    assert index.pixels("digest", "another") is None
    odd = replace(stamp, path=os.fsdecode(b"/lib/\xff"), inode=1 << 127)
    index.learn([Fact(odd, "another", None, "reader")])
    assert (index.file(odd), index.file(replace(odd, inode=odd.inode + 1))) == ("another", None)
    os.utime(path)
    fresh = Stamp.of(path)
    assert index.file(fresh) is None
    index.learn([Fact(fresh, "digest", "pixels", "reader")])
    assert index.file(fresh) is None  # it may be written again within the same tick
    index.close()


def test_names_in_a_file_are_as_if_fitted_under_them(tmp_path: Path) -> None:
    make_bricks(tmp_path / "one")
    settings = ntc.Settings(texels=1 << 12)
    one = ntc.compress(tmp_path / "one", settings)
    (tmp_path / "one").rename(tmp_path / "another")
    other = ntc.compress(tmp_path / "another", settings)
    files = tuple(record.file for record in other.maps)
    assert relabelled(one.data, Key("", "another", files)) == other.data != one.data


def test_bytes_of_textures(small_file: Path) -> None:
    maps = {record.name: record for record in open_material(small_file).maps}
    assert raw_bytes(maps["albedo"], 1) == 24 * 16 * 4
    assert block_bytes(maps["albedo"], 1) == 24 * 16
    assert block_bytes(maps["height"], 5) == (24 + 6 + 2 + 1 + 1) * 8


def test_what_dead_processes_left_is_removed(tmp_path: Path) -> None:
    own, alien = tmp_path / temporary_name(), tmp_path / "deep" / ".ntc-elsewhere-1-ab.part"
    dead = subprocess.Popen(["true"])
    dead.wait()
    gone = tmp_path / temporary_name().replace(f"-{os.getpid()}-", f"-{dead.pid}-")
    alien.parent.mkdir()
    gone.mkdir()
    for path in (own, alien, gone / "0.u16"):
        path.write_bytes(b"")
    remove_leftovers(tmp_path, below=True)
    assert own.exists()
    assert alien.exists()
    assert not gone.exists()
    os.utime(alien, (1, 1))
    remove_leftovers(tmp_path, below=True)
    assert not alien.exists()


@pytest.mark.parametrize("fitting", [False, True])
def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, fitting: bool) -> None:
    make_bricks(tmp_path / "bricks")
    maps = (PlannedMap(file="bricks_height.png", semantic="height"),)
    material = PlannedMaterial(name="bricks", folder="bricks", maps=maps)
    plan = LibraryPlan(library=".", materials=(material,))
    [task] = make_tasks(plan, tmp_path, Settings(texels=4096, threads=1))
    image = tmp_path / "bricks" / "bricks_height.png"

    def change(progress: Progress) -> None:
        if fitting == (progress.total > 0):
            os.utime(image, (1, os.stat(image).st_mtime - 1))

    make = Make(task, tmp_path / "cache", 1 << 33, None)
    with pytest.raises(FileError, match="changed while it was read"):
        make(1, change)
    assert list(tmp_path.rglob("cache/*/*")) == []
    assert make(1, lambda progress: None).fitted
    if not fitting:  # a result that is there already is no reason to look less closely
        with pytest.raises(FileError, match="changed while it was read"):
            make(1, change)


@pytest.mark.parametrize("name", ["a b", "c#d", "e$f", "g%h", "i:j", "k\\l", "m\\ n", "~o", "ü"])
def test_depfiles_hold_any_name(name: str, tmp_path: Path) -> None:
    target, source, depfile = tmp_path / "all", tmp_path / name, tmp_path / "deps"
    for path in (source, target):
        path.touch()
    write_depfile(depfile, target, [source, tmp_path / "two\nlines"])
    makefile = tmp_path / "Makefile"
    makefile.write_text(f"{target}:\n\t@echo again\ninclude {depfile}\n")

    def made() -> str:
        command = ["make", "-f", makefile, target]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    os.utime(source, (1, 1))
    assert "up to date" in made()
    os.utime(source, (time.time() + 9,) * 2)
    assert made() == "again\n"


def test_a_map_whose_name_has_an_underscore_keeps_it() -> None:
    assert changed(Settings(), {"weight.mask_map": 2.0}).weights == {"mask_map": 2.0}
    assert changed(Settings(), {"max_size": "2MB"}).max_size == 2_000_000
