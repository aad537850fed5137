"""A library compressed: what is there is left alone, the rest is made, checked and published."""

from __future__ import annotations

import platform
import tempfile
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, Protocol

from ntc.batch.admission import Job, cores
from ntc.batch.engines import Engine
from ntc.batch.index import Index
from ntc.batch.journal import Journal, output_path
from ntc.batch.keys import Key, bytes_digest, file_digest, relabelled
from ntc.batch.listing import readable
from ntc.batch.report import LibraryReport, MaterialReport
from ntc.batch.store import Entry, Store
from ntc.batch.tasks import Task
from ntc.batch.worker import INSPECT_BYTES, Failed, Inspect, Inspected, Made, Make, Reply
from ntc.errors import FileError, NtcError
from ntc.files import check_folder, make_folder, remove_leftovers, replacing, write_bytes
from ntc.fit.problem import Progress
from ntc.machine import physical_memory, resident_memory
from ntc.planning import MOST_OF_MEMORY
from ntc.settings import Settings

OnExisting = Literal["update", "skip", "overwrite", "error"]
Outlook = Literal["unchanged", "skipped", "cached", "fit", "failed"]

_OWN_GROWTH: Final = 64 << 20  # of this process, which has the bytes of a few outputs


class Listener(Protocol):
    """Hears how a run goes on; of progress, from any thread."""

    def planned(self, texels: dict[str, int]) -> None:
        """What is to be fitted: texels of each material. All others are done."""
        ...

    def progressed(self, name: str, progress: Progress) -> None:
        """A material is at work."""
        ...

    def finished(self, report: MaterialReport) -> None:
        """A material is done, whichever way."""
        ...


@dataclass(frozen=True)
class Prospect:
    """What is going to become of a material, as far as headers and known files tell."""

    task: Task
    outlook: Outlook  # `fit` may turn out to be unchanged or cached when pixels are read
    reply: Inspected | Failed | None  # none: it was not looked at


class LibraryRun:
    """The tasks of one run and what became of them.

    The only process that writes to the folder and the index: an output is published in one step,
    and only then the journal says so.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        folder: Path,
        *,
        inspector: Engine,
        engine: Engine,
        listener: Listener,
        cache: Path | None = None,
        on_existing: OnExisting = "update",
        fail_fast: bool = False,
        refused: Mapping[str, Failed] = MappingProxyType({}),
    ) -> None:
        """`refused` are materials that failed before, by name."""
        self.tasks = {task.name: task for task in tasks}
        self.refused = refused
        self.folder = folder
        self.inspector = inspector
        self.engine = engine
        self.listener = listener
        self.cache = cache
        self.on_existing = on_existing
        self.fail_fast = fail_fast
        self.reports: dict[str, MaterialReport] = {}
        self.failed = False  # any of them
        self._store = Store(cache)
        self._journal = Journal(folder)

    def prospects(self) -> Generator[Prospect]:
        """What would become of each task. Nothing is written.

        Raises FileError if an output exists, and that is to be an error.
        """
        there = self._existing()
        kept = there if self.on_existing == "skip" else set()
        yield from (Prospect(self.tasks[name], "skipped", None) for name in sorted(kept))
        jobs = [
            Job(name, Inspect(task, self.cache, self.engine.memory), INSPECT_BYTES, 1)
            for name, task in self.tasks.items()
            if name not in kept
        ]
        with closing(self.inspector.results(jobs, lambda job, progress: None)) as results:
            for job, reply in results:
                yield self._prospect(self.tasks[job.name], reply)

    def to_report(self, library: Path, settings: Settings, name: str = "report") -> LibraryReport:
        """Makes what is to be made; the folder has a report of this name afterwards.

        Every material is in it, unless one that failed was to end the run, or Ctrl-C did. Raises
        FileError, and there is no report, if outputs exist, and that is to be an error, or if the
        folder or the cache cannot be written.
        """
        start = time.perf_counter()
        self._open()
        try:
            self._make()
        finally:
            self._remove_leftovers()  # of workers that were ended while they wrote
            names = sorted({*self.tasks, *self.refused})
            report = LibraryReport(
                library=readable(str(library)),
                output=readable(str(self.folder)),
                settings={**settings.record(), "effort": settings.effort, "seed": settings.seed},
                generator=f"ntc {version('ntc')}",
                machine=f"{platform.platform()}, {cores()} cores",
                seconds=round(time.perf_counter() - start, 3),
                materials=tuple(self.reports[name] for name in names if name in self.reports),
                not_reached=tuple(name for name in names if name not in self.reports),
            )
            text = report.model_dump_json(indent=2) + "\n"
            write_bytes(self.folder / f"{name}.json", text.encode())
        return report

    def _existing(self) -> set[str]:
        return existing(self.tasks, self.folder, self.on_existing)

    def _open(self) -> None:
        self._existing()
        for folder in filter(None, (self.folder, self.cache)):
            check_folder(folder)
            make_folder(folder)
        self._remove_leftovers()

    def _remove_leftovers(self) -> None:
        remove_leftovers(Path(tempfile.gettempdir()), below=False)
        for folder in filter(None, (self.folder, self.cache)):
            remove_leftovers(folder, below=True)

    def _make(self) -> None:
        for name, failed in self.refused.items():
            self._fail(name, failed)
        if self.failed and self.fail_fast:
            return
        index, fits = Index(self.cache), []
        with closing(self.prospects()) as prospects, closing(index):
            for prospect in prospects:
                if isinstance(prospect.reply, Inspected):
                    index.learn(prospect.reply.facts)
                if prospect.outlook == "fit" or not self._settle(prospect):
                    fits.append(prospect)
                if self.failed and self.fail_fast:
                    return
            self._fit(fits, index)

    def _prospect(self, task: Task, reply: Reply) -> Prospect:
        if isinstance(reply, Failed):
            return Prospect(task, "failed", reply)
        assert isinstance(reply, Inspected)
        outlook: Outlook = "fit"
        if reply.key and reply.key.output == self._held(task.name):
            outlook = "unchanged"
        elif reply.key and self._store.has(reply.key.fit):
            outlook = "cached"
        return Prospect(task, outlook, reply)

    def _held(self, name: str) -> str | None:
        """The key of what the output holds, if it is to be left alone then."""
        line = self._journal.line(name) if self.on_existing == "update" else None
        return line.key if line else None

    def _settle(self, prospect: Prospect) -> bool:
        """Whether the material is done: all that takes no fit."""
        name, reply = prospect.task.name, prospect.reply
        if isinstance(reply, Failed):
            self._fail(name, reply)
        elif prospect.outlook == "skipped":
            self._finish(self._skipped(name))
        elif prospect.outlook == "unchanged":
            self._leave(name)
        else:
            assert isinstance(reply, Inspected)
            assert reply.key
            entry = self._store.get(reply.key.fit)
            if entry is None:
                return False
            self._publish(name, reply.key, entry, fitted=False)
        return True

    def _fit(self, prospects: Sequence[Prospect], index: Index) -> None:
        jobs, texels = [], {}
        for prospect in prospects:
            task, found = prospect.task, prospect.reply
            assert isinstance(found, Inspected)
            request = Make(task, self.cache, self.engine.memory, self._held(task.name))
            jobs.append(Job(task.name, request, found.memory, task.settings.threads))
            texels[task.name] = found.texels
        # The largest first: when the last ones run, those beside them are small too.
        jobs.sort(key=lambda job: (-job.memory, job.name))
        self.listener.planned(texels)

        def on_progress(job: Job, progress: Progress) -> None:
            self.listener.progressed(job.name, progress)

        with closing(self.engine.results(jobs, on_progress)) as results:
            for job, reply in results:
                self._take(job.name, reply, index)
                if self.failed and self.fail_fast:
                    return

    def _take(self, name: str, reply: Reply, index: Index) -> None:
        if isinstance(reply, Failed):
            self._fail(name, reply)
            return
        assert isinstance(reply, Made)
        if reply.entry is None:
            self._leave(name)
        else:
            self._publish(name, reply.key, reply.entry, fitted=reply.fitted)
        index.learn(reply.facts)

    def _publish(self, name: str, key: Key, entry: Entry, *, fitted: bool) -> None:
        report = entry.report.model_copy(
            update={"name": name, "file": f"{name}.ntc", "status": "done" if fitted else "cached"}
        )
        if fitted and self.cache and not self._store.has(key.fit):  # a node of a cluster made it
            try:
                self._store.put(key.fit, entry)
            except FileError as error:  # a full disk, say: the output is what counts
                said = (*report.warnings, f"not kept in the cache: {error}")
                report = report.model_copy(update={"warnings": said})
        try:
            data = relabelled(entry.data, key)
            digest = self._write(output_path(self.folder, name), data)
            report = report.model_copy(update={"bytes": len(data)})
            self._journal.add(key.output, digest, report)
        except NtcError as error:
            self._fail(name, Failed(str(error), error.exit_code))
        else:
            self._finish(report)

    def _write(self, path: Path, data: bytes) -> str:
        """The file holds the bytes afterwards, which were read back. Returns their digest."""
        digest = bytes_digest(data)
        if path.is_file() and file_digest(path) == digest:
            return digest  # and its time stays
        make_folder(path.parent)
        with replacing(path) as part:
            part.write_bytes(data)
            if file_digest(part) != digest:
                raise FileError(f"{path}: the disk does not hold what was written")
        return digest

    def _leave(self, name: str) -> None:
        line = self._journal.line(name)
        if line:
            self._finish(line.report.model_copy(update={"status": "unchanged"}))
        else:
            path = output_path(self.folder, name)
            self._fail(name, Failed(f"{path}: changed meanwhile; run again", FileError.exit_code))

    def _skipped(self, name: str) -> MaterialReport:
        line = self._journal.line(name)
        if line:
            return line.report.model_copy(update={"status": "skipped"})
        size = output_path(self.folder, name).stat().st_size
        return MaterialReport(name=name, status="skipped", file=f"{name}.ntc", bytes=size)

    def _fail(self, name: str, failed: Failed) -> None:
        self.failed = True
        self._finish(
            MaterialReport(
                name=name,
                status="failed",
                file=None,
                error=readable(failed.error),
                exit_code=failed.exit_code,
            )
        )

    def _finish(self, report: MaterialReport) -> None:
        self.reports[report.name] = report
        self.listener.finished(report)


def existing(names: Iterable[str], folder: Path, on_existing: OnExisting) -> set[str]:
    """Those that have an output. Raises FileError if there are any, and that is to be an error."""
    there = {name for name in names if output_path(folder, name).exists()}
    if there and on_existing == "error":
        path = output_path(folder, min(there))
        raise FileError(f"{path}: exists; use --on-existing update, overwrite or skip")
    return there


def memory_of_jobs(max_memory: int) -> int:
    """Bytes that the jobs of a run may take together: what this process takes is not theirs."""
    total = max_memory or int(physical_memory() * MOST_OF_MEMORY)
    return max(total - resident_memory() - _OWN_GROWTH, 1)
