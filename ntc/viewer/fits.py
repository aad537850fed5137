"""Fits that a page starts, watches and cancels: one at a time, in a thread of the server."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from threading import Condition, Thread
from typing import Any, Final

from ntc import api
from ntc.decode import open_decoder
from ntc.errors import UsageError, reason_of
from ntc.fit.problem import Progress
from ntc.format.metadata import MapRecord
from ntc.format.model import QuantizedModel
from ntc.material import Material
from ntc.options import changed
from ntc.settings import Settings
from ntc.viewer.documents import FitEvent, FitLog, FitRequest, FitRun, Option
from ntc.viewer.pictures import overview
from ntc.viewer.samples import Samples, Stack, as_bytes, map_planes
from ntc.viewer.session import Missing, Session

PREVIEW_SIDE: Final = 512  # texels at most, of a picture of a fit

_INTERRUPTED: Final = 130  # exit code, as of every command
_EVENT_SECONDS: Final = 0.25
_EVENT_SHARE: Final = 1 / 2000  # of the time so far: a page that comes late is sent all events
_PREVIEW_SECONDS: Final = 1.0
_PREVIEW_SHARE: Final = 0.1  # of the time of a fit that may go into its pictures
_QUIET_SECONDS: Final = 15.0  # without an event, until a sign of life: tunnels close silent lines


class _Cancelled(Exception):
    """Ends a fit from within."""


@dataclass(frozen=True, slots=True)
class Job:
    """What to fit and where to write it."""

    request: FitRequest
    settings: Settings
    target: Path


class Fits:
    """The fits of a session. Methods may be called by several threads at once.

    What a page starts is written into `folder`, never where a page says.
    """

    def __init__(self, session: Session, folder: Path) -> None:
        self.exit_code = 0  # of the latest fit that ended
        self._session, self._folder = session, folder
        self._changed = Condition()
        self._runs: list[FitRun] = []
        self._events: list[FitEvent] = []  # of the latest run
        self._preview: tuple[tuple[MapRecord, ...], Stack] | None = None
        self._previews = 0
        self._cancelling = self._closed = False
        self._thread: Thread | None = None

    @property
    def possible(self) -> bool:
        """Whether there are images to fit."""
        return self._session.has_images

    def start(self, request: FitRequest) -> FitRun:
        """Begins a fit. Raises UsageError for bad options, or while another one runs."""
        item = self._session.item(request.source)
        settings = changed(Settings(), request.options)
        # Named apart: earlier ones stay items of the session.
        target = self._folder / f"{item.path.stem}-{len(self._runs) + 1}.ntc"
        return self.begin(Job(request, settings, target))

    def begin(self, job: Job) -> FitRun:
        """Begins a fit that the command line asked for."""
        item = self._session.item(job.request.source)
        if item.kind != "images":
            raise UsageError(f"{item.path}: a .ntc is fitted from images; choose those")
        with self._changed:
            if self._runs and self._runs[-1].state == "running":
                raise UsageError("a fit is under way: cancel it or wait for its end")
            self._cancelling, self._preview = False, None
            run = FitRun(
                run=len(self._runs), state="running", seconds=0, **job.request.model_dump()
            )
            self._runs.append(run)
            self._events = [FitEvent(run=run)]
            self._thread = Thread(target=_Fit(self, job, item.path))
            self._thread.start()
            self._changed.notify_all()
        return run

    def cancel(self) -> FitRun:
        """Ends the fit under way at its next batch. Raises Missing if there was none."""
        with self._changed:
            if not self._runs:
                raise Missing("there was no fit")
            self._cancelling = True
            return self._runs[-1]

    def log(self) -> FitLog:
        """All fits."""
        return FitLog(runs=list(self._runs))

    def preview(self, name: str) -> Samples:
        """`[h, w, channels]` of a map as the latest fit last had it, at a modest size."""
        found = self._preview
        if found is None:
            raise Missing("the fit has no picture yet")
        maps, stack = found
        record = next((record for record in maps if record.name == name), None)
        if record is None:
            raise Missing(f"no map `{name}`; there are {', '.join(r.name for r in maps)}")
        return as_bytes(map_planes(record, stack))

    def events(self) -> Iterator[bytes]:
        """Server-sent events: those of the latest fit so far, then each new one."""
        run, told = -1, 0
        while not self._closed:
            with self._changed:
                self._await_news(run, told)
                if self._runs and run != self._runs[-1].run:
                    run, told = self._runs[-1].run, 0
                news = self._events[told:]
                told += len(news)
            yield (
                b"".join(b"data: " + event.model_dump_json().encode() + b"\n\n" for event in news)
                or b": still there\n\n"
            )

    def close(self) -> None:
        """Ends the fit under way and all streams of events."""
        with self._changed:
            self._closed = self._cancelling = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def wait(self) -> FitRun:
        """The latest fit, once it has ended. There has to be one."""
        assert self._thread is not None
        self._thread.join()
        return self._runs[-1]

    def _await_news(self, run: int, told: int) -> None:
        def news() -> bool:
            return self._closed or bool(
                self._runs and (self._runs[-1].run != run or len(self._events) > told)
            )

        self._changed.wait_for(news, timeout=_QUIET_SECONDS)

    def tell(self, event: FitEvent) -> None:
        """For the thread of the fit: how far it is."""
        with self._changed:
            self._runs[-1] = event.run
            self._events.append(event)
            self._changed.notify_all()

    def show(self, maps: tuple[MapRecord, ...], stack: Stack) -> int:
        """For the thread of the fit: a picture of it. Returns how many there were."""
        self._preview = maps, stack
        self._previews += 1
        return self._previews

    def add(self, material: Material, target: Path) -> int:
        """For the thread of the fit: the number of the item that came of it."""
        material.save(target)
        return self._session.add(target).number

    @property
    def latest(self) -> FitRun:
        """The latest fit."""
        return self._runs[-1]

    @property
    def cancelling(self) -> bool:
        """Whether the fit under way is to end."""
        return self._cancelling


class _Fit:
    """One fit, as the body of a thread."""

    def __init__(self, fits: Fits, job: Job, path: Path) -> None:
        self.fits, self.job, self.path = fits, job, path
        self.began = time.monotonic()
        self.told = self.looked = -1e9  # when
        self.looking = 0.0  # seconds that the last picture took
        self.previews = 0
        self.last = Progress(0, 0, 0.0)
        self.warnings: list[str] = []

    def __call__(self) -> None:
        request = self.job.request
        try:
            material = api.compress(
                self.path,
                self.job.settings,
                only=request.only,
                exclude=request.exclude,
                on_progress=self._progressed,
                on_warning=self.warnings.append,
                look=self._look,
            )
            number = self.fits.add(material, self.job.target)
        except _Cancelled:
            self._end(_INTERRUPTED, state="cancelled")
        except Exception as error:  # a page shows it
            reason, code = reason_of(error, self.path)
            self._end(code, state="failed", error=reason)
        else:
            psnr = material.file.metadata.quality.psnr
            size = {"bytes": len(material.data), "bpp": round(material.bpp, 4)}
            self._end(0, state="done", item=number, psnr=psnr, **size)

    def _progressed(self, progress: Progress) -> None:
        if self.fits.cancelling:
            raise _Cancelled
        self.last = progress
        now = time.monotonic()
        if now - self.told >= max(_EVENT_SECONDS, _EVENT_SHARE * (now - self.began)):
            self.told = now
            self._tell()

    def _look(self, maps: tuple[MapRecord, ...], model: Callable[[], QuantizedModel]) -> None:
        now = time.monotonic()
        if now - self.looked < max(_PREVIEW_SECONDS, self.looking / _PREVIEW_SHARE):
            return
        self.previews = self.fits.show(maps, preview(model()))
        self.looked = time.monotonic()
        self.looking = self.looked - now

    def _tell(self, **changes: Any) -> None:
        seconds = round(time.monotonic() - self.began, 3)
        said = {"seconds": seconds, "warnings": list(self.warnings), **changes}
        run = self.fits.latest.model_copy(update=said)
        done, total, psnr = self.last.texels, self.last.total, self.last.psnr
        self.fits.tell(
            FitEvent(run=run, texels=done, total=total, psnr=psnr, preview=self.previews)
        )

    def _end(self, code: int, **changes: Any) -> None:
        self.fits.exit_code = code
        self._tell(**changes)


def preview(model: QuantizedModel) -> Stack:
    """All of it, at a modest size."""
    mip, rect = overview(model.width, model.height, model.mips, PREVIEW_SIDE)
    stack: Stack = open_decoder().decode(model, mip, rect)
    return stack


def options_of(settings: Settings) -> dict[str, Option]:
    """The options of `ntc compress` that make these settings of the usual ones."""
    usual = Settings()
    found: dict[str, Option] = {}
    for name in (field.name for field in fields(settings)):
        value = getattr(settings, name)
        if name == "wrap":
            found |= {} if all(value) else {"address": "clamp"}
        elif name in ("floors", "weights"):
            option = {"floors": "target-psnr", "weights": "weight"}[name]
            found |= {f"{option}.{part}": number for part, number in value.items()}
        elif value != getattr(usual, name):
            found[name.replace("_", "-")] = value
    return found
