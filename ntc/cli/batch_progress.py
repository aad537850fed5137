"""How `ntc batch` says what it is at: a bar, a log, lines of JSON, or nothing."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from ntc.cli.console import decibels, size

if TYPE_CHECKING:
    from ntc.batch.report import MaterialReport
    from ntc.batch.run import Listener
    from ntc.fit.problem import Progress as Step

_JSON_SECONDS: Final = 1.0  # between two lines on the progress of one material


class Shown(StrEnum):
    """Where progress is shown."""

    AUTO = "auto"
    JSON = "json"
    NONE = "none"


@contextmanager
def listener(shown: Shown, count: int) -> Iterator[Listener]:
    """What shows a run of so many materials."""
    if shown is Shown.NONE:
        yield _Tally(count)
    elif shown is Shown.JSON:
        yield _Json(count)
    elif sys.stderr.isatty():
        with _bar(count) as shows:
            yield shows
    else:
        yield _Log(count)


class _Tally:
    """How much is done; shows nothing."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.done = 0
        self._texels: dict[str, int] = {}  # to be fitted, of each material
        self._fitted: dict[str, float] = {}  # so far
        self._start = time.monotonic()
        self._lock = threading.Lock()

    @property
    def seconds_left(self) -> float | None:
        """At the speed so far; None until there is one."""
        fitted, total = sum(self._fitted.values()), sum(self._texels.values())
        return (time.monotonic() - self._start) * (total - fitted) / fitted if fitted else None

    def planned(self, texels: dict[str, int]) -> None:
        self._texels, self._start = texels, time.monotonic()

    def progressed(self, name: str, progress: Step) -> None:
        with self._lock:
            part = progress.texels / progress.total if progress.total else 0.0
            self._fitted[name] = self._texels.get(name, 0) * part
            self.show_progress(name, part, progress.psnr)

    def finished(self, report: MaterialReport) -> None:
        with self._lock:
            self.done += 1
            if report.name in self._texels:
                self._fitted[report.name] = self._texels[report.name]
            self.show_material(report)

    def show_progress(self, name: str, part: float, psnr: float) -> None:
        pass

    def show_material(self, report: MaterialReport) -> None:
        pass


class _Log(_Tally):
    """A line on stderr for each material that took work or failed."""

    def show_material(self, report: MaterialReport) -> None:
        if report.status in ("done", "cached", "failed"):
            left = self.seconds_left
            later = f", {_duration(left)} left" if left and self.done < self.count else ""
            what = _outcome(report)
            sys.stderr.write(f"[{self.done}/{self.count}] {report.name}: {what}{later}\n")


class _Json(_Tally):
    """Lines of JSON on stdout: `material` for each that is done, `progress` now and then."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self._last: dict[str, float] = {}

    def planned(self, texels: dict[str, int]) -> None:
        super().planned(texels)
        self._write({"event": "planned", "materials": self.count, "to_fit": len(texels)})

    def show_progress(self, name: str, part: float, psnr: float) -> None:
        now = time.monotonic()
        if now - self._last.get(name, 0.0) >= _JSON_SECONDS:
            self._last[name] = now
            about = {"name": name, "part": round(part, 4), "psnr": round(psnr, 2)}
            self._write({"event": "progress", **about, **self._overall()})

    def show_material(self, report: MaterialReport) -> None:
        about = report.model_dump(
            mode="json", include={"name", "status", "file", "bytes", "psnr", "seconds", "error"}
        )
        self._write({"event": "material", **about, **self._overall()})

    def _overall(self) -> dict[str, Any]:
        left = self.seconds_left
        left = None if left is None else round(left, 1)
        return {"done": self.done, "materials": self.count, "seconds_left": left}

    def _write(self, event: dict[str, Any]) -> None:
        sys.stdout.write(json.dumps(event) + "\n")
        sys.stdout.flush()


class _Bar(_Tally):
    """An overall bar, and one for each material at work, on a terminal."""

    def __init__(self, count: int, bar: Any) -> None:
        super().__init__(count)
        self._bar = bar
        self._all = bar.add_task("reading", total=None, note=f"0/{count}")
        self._tasks: dict[str, Any] = {}

    def planned(self, texels: dict[str, int]) -> None:
        super().planned(texels)
        self._bar.reset(self._all, description="materials", total=max(sum(texels.values()), 1))

    def show_progress(self, name: str, part: float, psnr: float) -> None:
        if name not in self._tasks:
            self._tasks[name] = self._bar.add_task(name, total=1.0, note="")
        self._bar.update(self._tasks[name], completed=part, note=f"{psnr:.2f} dB")
        self._overall()

    def show_material(self, report: MaterialReport) -> None:
        if report.name in self._tasks:
            self._bar.remove_task(self._tasks.pop(report.name))
        if report.status == "failed":
            self._bar.console.print(f"{report.name}: {_outcome(report)}", markup=False)
        self._overall()

    def _overall(self) -> None:
        fitted = sum(self._fitted.values())
        self._bar.update(self._all, completed=fitted, note=f"{self.done}/{self.count}")


@contextmanager
def _bar(count: int) -> Iterator[_Bar]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, Task, TimeRemainingColumn
    from rich.text import Text

    class Words(ProgressColumn):
        def __init__(self, of: str) -> None:
            super().__init__()
            self.of = of

        def render(self, task: Task) -> Text:
            return Text(task.description if self.of == "name" else str(task.fields["note"]))

    columns = (Words("name"), BarColumn(), Words("note"), TimeRemainingColumn())
    # Materials differ: a long memory makes the time that is left a steady number.
    with Progress(
        *columns, console=Console(stderr=True), transient=True, speed_estimate_period=600
    ) as bar:
        yield _Bar(count, bar)


def _outcome(report: MaterialReport) -> str:
    if report.status == "failed":
        return f"failed: {report.error}"
    what = f"{size(report.bytes)}, {decibels(report.psnr)}"
    return f"{what}, {report.seconds:.1f} s" if report.status == "done" else f"{what}, from cache"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
