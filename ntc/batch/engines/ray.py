"""Jobs on a Ray cluster: the same jobs in the same kind of process, wherever Ray has room."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Generator, Sequence
from functools import cache
from typing import Any, Final

from ntc.batch.admission import Job
from ntc.batch.engines import OnJobProgress
from ntc.batch.process import WorkerProcess
from ntc.batch.worker import Failed, Reply, Request
from ntc.errors import RuntimeFailure

_RETRIES: Final = 5  # of one job, each time for a node that died


class RayEngine:
    """A job takes its threads and its memory of a node; results come through the object store.

    The nodes have the same ntc, and see the library under the same paths. A folder of the cache
    that they see too saves them fits. Raises RuntimeFailure without Ray or without a cluster.
    """

    def __init__(self, address: str, timeout: float) -> None:
        try:
            import ray
        except ImportError as error:
            raise RuntimeFailure("--engine ray: Ray is missing; pip install 'ntc[ray]'") from error
        self._ray: Any = ray
        self.timeout = timeout
        handler = signal.getsignal(signal.SIGTERM)
        try:
            ray.init(
                address or None,
                include_dashboard=None if address else False,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise RuntimeFailure(f"--engine ray: no cluster ({error})") from error
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)  # Ray's would end us without a report
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        # A head that is not to work has memory, but no cores.
        self._nodes = [
            (int(node["memory"]), int(node["CPU"]))
            for node in nodes
            if node.get("CPU", 0) >= 1 and "memory" in node
        ]
        if not self._nodes:
            raise RuntimeFailure("--engine ray: no node of the cluster has a core to work with")
        self.memory = max(memory for memory, _ in self._nodes)

    def results(
        self, jobs: Sequence[Job], on_progress: OnJobProgress
    ) -> Generator[tuple[Job, Reply]]:
        """As `Engine`; there is no progress within a job."""
        ray, running = self._ray, {}
        answer = ray.remote(_answer)
        try:
            for job in jobs:
                # More than any node has would be waited for without end.
                cores = max((n for memory, n in self._nodes if memory >= job.memory), default=1)
                threads = max(min(job.threads, cores), 1)
                remote = answer.options(num_cpus=threads, memory=job.memory, max_retries=_RETRIES)
                running[remote.remote(job.request, job.memory, threads, self.timeout)] = job
            while running:
                for done in ray.wait(list(running), num_returns=1)[0]:
                    yield running.pop(done), self._reply(done)
        finally:
            for job in running:
                ray.cancel(job, force=True)

    def close(self) -> None:
        """As `Engine`."""
        self._ray.shutdown()

    def _reply(self, done: Any) -> Reply:
        try:
            reply: Reply = self._ray.get(done)
        except self._ray.exceptions.RayError as error:
            first = str(error).strip().partition("\n")[0]
            return Failed(f"Ray: {first}", RuntimeFailure.exit_code)
        return reply


def _answer(request: Request, memory: int, threads: int, timeout: float) -> Reply:
    """On a node."""
    return _worker().ask(
        request, memory=memory, threads=threads, timeout=timeout, on_progress=lambda progress: None
    )


@cache
def _worker() -> WorkerProcess:
    """One for each process of Ray, which has one job at a time."""
    return WorkerProcess()
