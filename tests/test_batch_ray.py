"""`ntc batch --engine ray` on a cluster of two nodes, of which one dies.

`NTC_EXPECT_RAY=1` promises that Ray is installed.
"""

import os
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from conftest import Commands, missing
from libraries import Batches, make_library, outputs, processes_with

COUNT = 6
NODE = {"num_cpus": 1, "object_store_memory": 80 << 20}
SLOW_ENOUGH = ("--texels", 1 << 23, "--threads", 1)


def test_without_ray_there_is_one_line(
    commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    make_library(tmp_path / "library", 1)
    ended = commands("batch", tmp_path / "library", "-o", tmp_path / "out", "--engine", "ray")
    assert ended.code == 4
    assert ended.err.startswith("error: --engine ray: Ray is missing; pip install")
    ended = commands("batch", tmp_path / "library", "-o", tmp_path / "out", "--cluster", "x:1")
    assert ended.code == 1


@pytest.fixture
def batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Batches:
    """Its environment is that of the nodes too: their fits are noted."""
    batch = Batches(tmp_path)
    for name in ("PYTHONPATH", "NTC_TEST_NOTES"):
        monkeypatch.setenv(name, batch.environment[name])
    return batch


@pytest.fixture
def cluster(batch: Batches) -> Iterator[Any]:
    """A head and no other node yet, each of one core: processes of their own."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from ray.cluster_utils import Cluster
    except ImportError as error:
        missing(f"no Ray: {error}", "NTC_EXPECT_RAY")
    cluster = Cluster(initialize_head=True, head_node_args=NODE | {"include_dashboard": False})
    yield cluster
    cluster.shutdown()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")
def test_a_node_dies_and_the_run_ends_complete(
    cluster: Any, batch: Batches, tmp_path: Path
) -> None:
    source = make_library(tmp_path / "library", COUNT, size=64)
    node = cluster.add_node(**NODE)
    options = (*SLOW_ENOUGH, "--engine", "ray", "--cluster", cluster.address)
    run = batch.start(source, "-o", tmp_path / "out", *options)
    raylet = node.all_processes["raylet"][0].process.pid
    batch.wait_for("start", 2, raylet)
    for process in (raylet, *processes_with(f"RAY_RAYLET_PID={raylet}\0")):
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    cluster.remove_node(node, allow_graceful=False)
    out, err = run.communicate(timeout=300)
    assert run.returncode == 0, err
    assert f"{COUNT} done" in out
    assert len(batch.noted("start")) > COUNT  # what the dead node was at was begun again
    local = ("-o", tmp_path / "local", *SLOW_ENOUGH, "--no-cache")
    assert batch(source, *local).returncode == 0
    assert outputs(tmp_path / "out") == outputs(tmp_path / "local")
    again = batch(source, "-o", tmp_path / "out", *SLOW_ENOUGH)
    assert f"{COUNT} unchanged" in again.stdout  # one cache, one journal, whatever the engine
