"""What the decoder on a GPU is measured against does what it says; speeds are only told."""

import json
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader

import numpy as np
import pytest
from test_vulkan import LAYER, ROOT, decoder, expect_layers, nested

from ntc.bench import bc7
from ntc.bench.gpu import GpuBenchReport, many_materials_ratio
from ntc.bench.kernels import Bc7Kernel, Kernel, dot_operations_per_second
from ntc.decode.decoder import ReferenceDecoder
from ntc.errors import RuntimeFailure

pytestmark = pytest.mark.gpu
__all__ = ["decoder"]  # the fixture


def read(decoder, buffer):
    return decoder.read(buffer, 0, buffer.size)


def test_bc7_is_sampled_and_written(decoder, monkeypatch):
    """Blocks of mode 6 with all other bits 0 or 1 are of one value."""
    blocks = np.zeros((2, 2, 2, 16), np.uint8)
    blocks[1] = 255
    blocks[..., 0] &= 0x80
    blocks[..., 0] |= 0x40
    monkeypatch.setattr(bc7, "random_blocks", lambda *_: blocks)
    kernel = Bc7Kernel(decoder.device, 7, 7)
    assert kernel.run() > 0
    texels = read(decoder, kernel._kernel.results).view(np.uint16).reshape(7, 7, 8)
    assert (texels[..., :4] == 0).all()
    assert (texels[..., 4:] == 65535).all()
    kernel.close()


def test_random_blocks_are_mode_6():
    blocks = bc7.random_blocks(2, 33)
    assert blocks.shape == (2, 9, 9, 16)
    assert (blocks[..., 0] & 127 == 64).all()
    assert len(np.unique(blocks[..., 1])) > 100


def dot(x, y, total):
    return total + (x.view(np.int8).astype(np.int32) * y.view(np.int8)).sum(-1, dtype=np.int32)


def test_dot_products_are_not_left_out(decoder):
    """The shader in numpy: what a compiler has taken out would not be in the sum."""
    kernel = Kernel(decoder.device, "bench_dot", [3, 0x01FF0203], 4 * 64)
    kernel.run(64)
    with np.errstate(over="ignore"):
        index = np.arange(64, dtype=np.uint32)[:, None]
        bytes_ = np.uint32(0x01FF0203) + index * np.array([1, 3, 5, 7], np.uint32)
        a, y = bytes_.view(np.int32), bytes_.view(np.uint8).reshape(64, 4, 4)
        b = ~a
        for _ in range(3):
            a = dot(np.ascontiguousarray(a).view(np.uint8).reshape(64, 4, 4), y, a)
            b = dot(np.ascontiguousarray(b).view(np.uint8).reshape(64, 4, 4), y, b)
        expected = (a + b).sum(1, dtype=np.int32)
    np.testing.assert_array_equal(read(decoder, kernel.results).view(np.int32), expected)
    kernel.close()
    assert dot_operations_per_second(decoder.device, 1 << 10) > 0


def test_many_materials(decoder):
    times = many_materials_ratio(decoder, 64, rounds=1)
    assert times["ratio"] == times["many_seconds"] / times["one_seconds"] > 0


def test_on_the_command_line(decoder, commands):
    ask = ["bench", "decode", "--device", "vulkan", "--size", "32", "--rounds", "1"]
    report = GpuBenchReport.model_validate(json.loads(commands(*ask, "--json").out))
    encodings = [(r.profile, r.encoding) for r in report.results]
    assert len(set(encodings)) == len(encodings) == 4 * 3 + 1
    assert report.results[-1].backend == "bc7"
    assert report.results[-1].ratio == 1
    assert all(r.gpu_ns_per_texel > 0 and r.wall_ns_per_texel > 0 for r in report.results)
    lines = commands(*ask, "--profile", "light").out.splitlines()
    assert [line.split()[:3] for line in lines[1:4]] == [
        ["vulkan", "light", encoding] for encoding in ("grid", "hash", "simplex")
    ]
    wrong = commands("bench", "decode", "--device", "reference")
    assert wrong.err == "error: --device reference: use cpu, vulkan or vulkan:N\n"


def test_a_device_without_bc7(decoder, monkeypatch):
    class Without:
        names = decoder.device.features.names - {"textureCompressionBC"}

    monkeypatch.setattr(decoder.device, "features", Without)
    with pytest.raises(RuntimeFailure, match="has no BC7 textures"):
        Bc7Kernel(decoder.device, 16, 4)


def test_suite_writes_one_json(decoder, monkeypatch, tmp_path):
    loader = SourceFileLoader("gpu_suite", str(ROOT / "tools" / "gpu_suite"))
    suite = module_from_spec(spec_from_loader("gpu_suite", loader))
    loader.exec_module(suite)
    every = suite.parts
    few = ("first_use", "dot_operations_per_second", "random_models", "decode_128")
    monkeypatch.setattr(
        suite, "parts", lambda *args: {n: p for n, p in every(*args).items() if n in few}
    )
    out = tmp_path / "suite.json"
    monkeypatch.setattr("sys.argv", ["gpu_suite", "--quick", "--out", str(out)])
    assert suite.main() == 0
    report = json.loads(out.read_text("utf-8"))
    assert report["about"]["device"] == decoder.device.info.name
    assert report["random_models"]["differing"] == []
    assert all(r["share_of_dot_ceiling"] > 0 for r in report["decode_128"]["results"][:-1])
    monkeypatch.setattr(suite, "open_decoder", lambda: Off())
    assert suite.main() == 1
    assert "0" in json.loads(out.read_text("utf-8"))["random_models"]["differing"]


class Off(ReferenceDecoder):
    """A decoder that is wrong by one."""

    def decode(self, *args, **how):
        return super().decode(*args, **how) ^ 1


def test_layers_have_nothing_to_say(decoder):
    """On what the benchmarks do; test_vulkan.py sees to the decoder."""
    code = (
        "from ntc.bench.gpu import gpu_decode_bench\n"
        "from ntc.bench.kernels import dot_operations_per_second\n"
        "from ntc.decode.vulkan import VulkanDecoder\n"
        "with VulkanDecoder() as decoder:\n"
        "    gpu_decode_bench(decoder, ['light'], size=16, rounds=1)\n"
        "    dot_operations_per_second(decoder.device, 64)\n"
    )
    expect_layers()
    ended = nested(code, **LAYER)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
