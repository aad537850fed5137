"""One budget for all materials of a run: their curves are surveyed, and each gets its share."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ntc.batch.admission import Job
from ntc.batch.budget import Curve, curve_of, share_error, share_size
from ntc.batch.engines import Engine
from ntc.batch.index import Index
from ntc.batch.keys import key_of_pixels
from ntc.batch.tasks import Task
from ntc.batch.worker import INSPECT_BYTES, Failed, Inspect, Inspected, Surveyed, within
from ntc.cache import Cache
from ntc.errors import UsageError
from ntc.fit.problem import OnProgress
from ntc.texture.sources import find_sources


@dataclass(frozen=True)
class Total:
    """What all files together are to have: so many bytes at most, or so many dB."""

    size: int = 0
    psnr: float | None = None


@dataclass(frozen=True)
class Survey:
    """Finds what bits buy in a material, or finds it in the cache."""

    task: Task
    cache: Path | None
    allowed: int

    def __call__(self, threads: int, on_progress: OnProgress) -> Surveyed:
        """As `Request`."""
        listing, settings = self.task.listing, within(self.task.settings, self.allowed)
        with closing(Index(self.cache)) as index:
            pixels = key_of_pixels(find_sources(listing, (), ()), settings, index, lambda: None)

        def compute() -> dict[str, object]:
            curve = curve_of(listing, settings)
            pixels.check()
            return curve.model_dump(mode="json")

        if self.cache:
            folder = Cache(self.cache / "curves")
            curve = folder.document(["curve", pixels.key.fit], compute)[0]
        else:
            curve = compute()
        return Surveyed(Curve.model_validate(curve), pixels.facts)


def allot(
    tasks: Sequence[Task], total: Total, *, inspector: Engine, engine: Engine, cache: Path | None
) -> tuple[list[Task], dict[str, Failed]]:
    """The tasks with their shares as targets, and those that cannot be surveyed, with reasons.

    Raises UsageError if a task has a target of its own, or the total is out of reach.
    """
    for task in tasks:
        if task.settings.targets:
            own = " and ".join(task.settings.targets)
            raise UsageError(f"{task.name}: {own} with a total for all; ask for one of them")
    curves, failures = _surveyed(tasks, inspector, engine, cache)
    names = sorted(curves)
    known = [curves[name] for name in names]
    targets: list[dict[str, Any]]
    if total.psnr is None:
        targets = [{"max_size": size} for size in share_size(known, total.size)]
    else:
        targets = [{"target_psnr": psnr} for psnr in share_error(known, total.psnr)]
    shares = dict(zip(names, targets, strict=True))
    chosen = [
        replace(task, settings=replace(task.settings, **shares[task.name]))
        for task in tasks
        if task.name in shares
    ]
    return chosen, failures


def _surveyed(
    tasks: Sequence[Task], inspector: Engine, engine: Engine, cache: Path | None
) -> tuple[dict[str, Curve], dict[str, Failed]]:
    by_name = {task.name: task for task in tasks}
    curves: dict[str, Curve] = {}
    failures: dict[str, Failed] = {}
    looks = [Job(t.name, Inspect(t, cache, engine.memory), INSPECT_BYTES, 1) for t in tasks]
    jobs: list[Job] = []
    with closing(inspector.results(looks, lambda job, progress: None)) as results:
        for job, reply in results:
            if isinstance(reply, Inspected):
                survey = Survey(by_name[job.name], cache, engine.memory)
                jobs.append(Job(job.name, survey, reply.memory, 1))
            elif isinstance(reply, Failed):
                failures[job.name] = reply
    jobs.sort(key=lambda job: (-job.memory, job.name))
    with closing(Index(cache)) as index:
        with closing(engine.results(jobs, lambda job, progress: None)) as results:
            for job, reply in results:
                if isinstance(reply, Surveyed):
                    curves[job.name] = reply.curve
                    index.learn(reply.facts)
                elif isinstance(reply, Failed):
                    failures[job.name] = reply
    return curves, failures
