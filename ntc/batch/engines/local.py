"""Jobs in processes of this machine."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Final

from ntc.batch.admission import Admission, Job, cores, jobs_at_once
from ntc.batch.engines import OnJobProgress
from ntc.batch.process import WorkerProcess
from ntc.batch.worker import Reply

_AGAIN_SECONDS: Final = 0.05
_IDLE_BYTES: Final = 160 << 20  # of a process after a fit: libraries, and what its heap keeps


class LocalEngine:
    """So many jobs at once (0: as many as suit), which take so many bytes of memory together.

    A thread waits for each process; processes are kept from job to job.
    """

    def __init__(self, jobs: int, memory: int, timeout: float) -> None:
        self.jobs = jobs
        self.memory = memory
        self.timeout = timeout
        self._idle: list[WorkerProcess] = []
        self._busy: list[WorkerProcess] = []

    def results(
        self, jobs: Sequence[Job], on_progress: OnJobProgress
    ) -> Generator[tuple[Job, Reply]]:
        """As `Engine`."""
        at_once = self.jobs or jobs_at_once(jobs, self.memory)
        share = max(cores() // at_once, 1)
        admission, waiting = Admission(at_once, self.memory), list(jobs)
        running: dict[Future[Reply], Job] = {}
        pool = ThreadPoolExecutor(at_once)
        try:
            while waiting or running:
                for job in admission.admit(waiting):
                    worker = self._idle.pop() if self._idle else WorkerProcess()
                    self._busy.append(worker)
                    running[pool.submit(self._run, worker, job, share, on_progress)] = job
                self._end_idle(admission.free)
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    job = running.pop(future)
                    admission.release(job)
                    yield job, future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            while not all(future.done() for future in running):
                for worker in list(self._busy):  # one may be starting its process just now
                    worker.kill()
                wait(running, timeout=_AGAIN_SECONDS)
            pool.shutdown()
            self._idle += self._busy  # those whose jobs never began
            self._busy.clear()

    def close(self) -> None:
        """As `Engine`."""
        self._end_idle(0)

    def _run(
        self, worker: WorkerProcess, job: Job, share: int, on_progress: OnJobProgress
    ) -> Reply:
        try:
            return worker.ask(
                job.request,
                memory=job.memory,
                threads=job.threads or share,
                timeout=self.timeout,
                on_progress=lambda progress: on_progress(job, progress),
            )
        finally:
            self._busy.remove(worker)
            self._idle.append(worker)

    def _end_idle(self, free: int) -> None:
        """Those that wait for work stay where so much memory has room for them."""
        while self._idle and len(self._idle) * _IDLE_BYTES > free:
            self._idle.pop().close()
