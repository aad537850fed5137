"""The compiled core: which instruction set it takes, and what happens where it is missing."""

import os
import sys

import pytest

from ntc import native
from ntc.decode import open_decoder
from ntc.decode.native import NativeDecoder
from ntc.errors import RuntimeFailure, UsageError

WITHOUT = os.environ.get("NTC_NATIVE") == "0"
built = pytest.mark.skipif(WITHOUT, reason="NTC_NATIVE=0: the core is not expected")


@built
def test_the_best_instruction_set_is_taken(monkeypatch):
    monkeypatch.delenv("NTC_ISA", raising=False)
    assert native.isas()[0] == "baseline"
    assert native.isa() == native.isas()[-1] == NativeDecoder().isa
    assert open_decoder().name == f"native, {native.isa()}"


@built
@pytest.mark.parametrize("isa", [] if WITHOUT else native.isas())
def test_the_environment_forces_one(monkeypatch, isa):
    monkeypatch.setenv("NTC_ISA", isa)
    assert native.isa() == NativeDecoder().isa == isa


@built
def test_an_unknown_instruction_set(monkeypatch):
    with pytest.raises(UsageError, match="`mmx`: use baseline"):
        NativeDecoder("mmx")
    monkeypatch.setenv("NTC_ISA", "mmx")
    with pytest.raises(UsageError, match="`mmx` is unknown: use baseline"):
        NativeDecoder()


@built
def test_an_instruction_set_that_is_not_here(monkeypatch):
    missing = {"avx2", "avx512", "avx512vnni", "amx"} - set(native.isas())
    for isa in missing:
        monkeypatch.setenv("NTC_ISA", isa)
        with pytest.raises(UsageError, match=f"`{isa}` is not supported here"):
            native.isa()


@built
def test_threads():
    assert native.thread_count(3) == 3
    assert 1 <= native.thread_count() == native.thread_count(-1) <= 256
    assert native.thread_count(10**6) == 256


def test_without_the_core(monkeypatch):
    monkeypatch.setitem(sys.modules, "ntc.native._core", None)
    monkeypatch.delattr(native, "_core", raising=False)
    assert not native.available()
    assert open_decoder().name == "reference"
    with pytest.raises(RuntimeFailure, match="was not built: reinstall ntc with a C"):
        open_decoder("native")


def test_an_unknown_decoder():
    with pytest.raises(UsageError, match="decoder `metal`: use cpu, native, reference"):
        open_decoder("metal")
