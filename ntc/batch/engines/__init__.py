"""Where jobs run: in processes of this machine, or on a cluster."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Protocol

from ntc.batch.admission import Job
from ntc.batch.worker import Reply
from ntc.fit.problem import Progress

OnJobProgress = Callable[[Job, Progress], None]


class Engine(Protocol):
    """Runs jobs; nothing of them is left when it is closed."""

    @property
    def memory(self) -> int:
        """Bytes that one job may take at most."""
        ...

    def results(
        self, jobs: Sequence[Job], on_progress: OnJobProgress
    ) -> Generator[tuple[Job, Reply]]:
        """Jobs and their replies as they end; started in this order where memory allows it.

        Jobs that run when the iteration is given up are ended.
        """
        ...

    def close(self) -> None:
        """Lets go of processes and connections."""
        ...
