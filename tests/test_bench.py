"""`ntc bench`: small runs, for shape rather than speed."""

import json
import os

import numpy as np
import pytest
from typer.testing import CliRunner

from ntc import native
from ntc.bench import decode_bench
from ntc.bench.decode import random_model
from ntc.bench.torch_decode import prepare_decode
from ntc.cli import app
from ntc.decode import reference

WITHOUT = os.environ.get("NTC_NATIVE") == "0"
pytestmark = pytest.mark.skipif(WITHOUT, reason="NTC_NATIVE=0: the core is not expected")


def test_decode_bench():
    report = decode_bench(size=32, channels=3, threads=2, rounds=1)
    assert report.ratio_to == "torch"
    assert [r.isa for r in report.results] == [None, *native.isas()]
    assert all(r.texels_per_second > 0 and r.size == 32 for r in report.results)
    assert report.results[0].ratio == 1


def test_bench_on_the_command_line():
    ask = ["bench", "decode", "--size", "16", "--rounds", "1", "--isa", "baseline"]
    done = CliRunner().invoke(app, [*ask, "--json"])
    report = json.loads(done.stdout)
    assert [r["backend"] for r in report["results"]] == ["torch", "native"]
    assert "native baseline" in CliRunner().invoke(app, ask).stdout


def test_torch_decodes_the_same_picture():
    """Up to rounding, whose mean is small against the range."""
    model = random_model("standard", 64, 9)
    expected = reference.decode(model).astype(int)
    assert np.abs(prepare_decode(model, 1)().astype(int) - expected).mean() < 1000
