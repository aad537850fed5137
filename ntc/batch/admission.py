"""Which jobs may run at once: the memory that they take adds up to what is allowed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from ntc.batch.worker import Request


@dataclass(frozen=True, eq=False)
class Job:
    """A request and what it takes."""

    name: str  # of the material
    request: Request
    memory: int  # bytes, at most
    threads: int = 0  # 0: as many as suit


class Admission:
    """So many jobs at once at most, which together take so many bytes.

    One that takes more runs alone: whoever estimated it had the last word on whether it may.
    """

    def __init__(self, at_once: int, memory: int) -> None:
        self.at_once = at_once
        self.free = memory
        self.running = 0

    def admit(self, waiting: list[Job]) -> list[Job]:
        """Takes from those that wait all that may start now, the first ones first."""
        started: list[Job] = []
        for job in waiting:
            if self.running == self.at_once:
                break
            if job.memory <= self.free or not self.running:
                self.running += 1
                self.free -= job.memory
                started.append(job)
        for job in started:
            waiting.remove(job)
        return started

    def release(self, job: Job) -> None:
        """The job is over."""
        self.running -= 1
        self.free += job.memory


def jobs_at_once(jobs: Sequence[Job], memory: int) -> int:
    """How many keep all cores busy with few threads each, where the largest fit in together."""
    total, count = 0, 0
    for job in sorted(jobs, key=lambda job: -job.memory):
        total += job.memory
        if count and total > memory:
            break
        count += 1
    threads = max((job.threads for job in jobs), default=0) or 1
    return max(min(count, cores() // threads), 1)


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
