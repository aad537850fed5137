"""The decoder on a GPU gives the bytes of the reference, and says in one line why it cannot.

Runs on whatever driver the machine has: lavapipe will do. `NTC_EXPECT_VULKAN=1` promises one.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from compute import missing
from models import random_model, wide_model

from ntc.decode import open_decoder, reference, vulkan, words
from ntc.decode.decoder import ReferenceDecoder
from ntc.decode.gpu import device as gpu
from ntc.decode.gpu import jobs, pipeline, store
from ntc.decode.vulkan import VulkanDecoder
from ntc.errors import RuntimeFailure, UsageError
from ntc.format import container, spec
from ntc.format.layout import Layout

pytestmark = pytest.mark.gpu
ROOT = Path(__file__).resolve().parents[1]
SWIFTSHADER = Path("/usr/lib/chromium/vk_swiftshader_icd.json")  # of Debian's chromium
SEEDS = range(60)
REFERENCE = ReferenceDecoder()
DTYPES = (np.uint8, np.uint16, np.float32)
same = np.testing.assert_array_equal


@pytest.fixture(scope="module")
def decoder() -> Iterator[VulkanDecoder]:
    try:
        gpu.devices()
    except RuntimeFailure as error:
        missing(str(error))
    with VulkanDecoder() as opened:
        yield opened


@pytest.mark.parametrize("seed", SEEDS)
def test_bytes_of_every_mip_and_a_rectangle(decoder, seed):
    model, rng = random_model(seed), np.random.default_rng(seed)
    for mip in range(model.mips):
        expected = REFERENCE.decode(model, mip)
        same(decoder.decode(model, mip), expected)
        height, width = expected.shape[:2]
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        w, h = int(rng.integers(1, width - x + 1)), int(rng.integers(1, height - y + 1))
        same(decoder.decode(model, mip, (x, y, w, h)), expected[y : y + h, x : x + w])


@pytest.mark.parametrize("seed", SEEDS)
def test_bytes_of_texels_and_samples(decoder, seed):
    model, rng = random_model(seed), np.random.default_rng(seed)
    expected = REFERENCE.decode(model, model.mips - 1)
    y, x = (rng.integers(0, n, 150) for n in expected.shape[:2])
    same(decoder.decode_texels(model, model.mips - 1, x, y), expected[y, x])
    u, v = rng.integers(0, 1 << spec.POSITION_BITS, (2, 150))
    lod8 = rng.integers(0, spec.LOD_STEP * (model.mips - 1) + 1, 150)
    expected = reference.decode_field(model, u, v, lod8)
    same(decoder.decode_samples(model, u, v, lod8), expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", range(12))
def test_bytes_of_types_and_channels(decoder, dtype, seed):
    model, rng = random_model(seed), np.random.default_rng(seed)
    for channels in (None, rng.integers(0, model.channels, 1 + seed % 5).tolist()):
        how = {"channels": channels, "dtype": dtype}
        expected, found = REFERENCE.decode(model, **how), decoder.decode(model, **how)
        assert found.dtype == expected.dtype == dtype
        same(found, expected)
        y, x = (rng.integers(0, n, 70) for n in expected.shape[:2])
        same(decoder.decode_texels(model, 0, x, y, **how), expected[y, x])


GOLDEN = sorted((ROOT / "tests" / "data" / "golden").glob("*/*.ntc"))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_bytes_of_golden_files(decoder, path):
    model = container.read(path.read_bytes()).model
    todo = [jobs.rectangle(model, mip) for mip in range(model.mips)]
    for mip, found in enumerate(decoder.decode_many(todo)):
        same(found, REFERENCE.decode(model, mip))


def test_bytes_of_half(decoder):
    model = wide_model(300, 150, 9)
    values = REFERENCE.decode(model)
    same(decoder.decode(model, dtype=np.float16), (values / 65535).astype(np.float16))


@pytest.mark.parametrize(
    "layout",
    [Layout(), Layout(simplex=True), Layout(table_log2=9), Layout(table_log2=10, block_log2=2)],
)
def test_bytes_of_a_wide_decoder(decoder, layout):
    model = wide_model(100, 60, 32, hidden=(128, 128, 128), layout=layout)
    for mip in range(model.mips):
        same(decoder.decode(model, mip), REFERENCE.decode(model, mip))


def test_bytes_of_several_bands(decoder, monkeypatch):
    monkeypatch.setattr(vulkan, "BAND_BYTES", 1 << 16)
    monkeypatch.setattr(jobs, "_LIST_TEXELS", 1000)
    model = wide_model(300, 150, 9)
    expected = REFERENCE.decode(model)
    assert expected.nbytes > 10 << 16
    same(decoder.decode(model), expected)
    same(decoder.decode(model, 0, (7, 3, 200, 90)), expected[3:93, 7:207])
    y, x = (np.arange(5000) * 7 % n for n in expected.shape[:2])
    same(decoder.decode_texels(model, 0, x, y), expected[y, x])
    found, _ = decoder.decode_many([jobs.rectangle(model), jobs.rectangle(random_model(1))])
    same(found, expected)


def test_bytes_of_many_materials_in_one_submission(decoder):
    rng = np.random.default_rng(1)
    todo, expected = [], []
    for seed in range(24):
        model = random_model(seed)
        mip = int(rng.integers(model.mips))
        how = {"dtype": DTYPES[seed % 3], "channels": [seed % model.channels, 0]}
        whole = REFERENCE.decode(model, mip, **how)
        y, x = (rng.integers(0, n, 33) for n in whole.shape[:2])
        todo += [jobs.rectangle(model, mip, **how), jobs.texels(model, mip, x, y, **how)]
        expected += [whole, whole[y, x]]
    for found, wanted in zip(decoder.decode_many(todo), expected, strict=True):
        assert found.dtype == wanted.dtype
        same(found, wanted)
    assert decoder.decode_many([]) == []


def test_results_left_on_the_device(decoder):
    models = [random_model(seed) for seed in (5, 6)]
    first, second = decoder.decode_in_place([jobs.rectangle(model) for model in models])
    decoder.decode(random_model(7))
    assert second.offset >= first.nbytes
    same(second.read(), REFERENCE.decode(models[1]))
    same(first.read(), REFERENCE.decode(models[0]))
    first.buffer.close()


def test_no_texel_at_all(decoder):
    model, none = random_model(0), np.zeros(0, np.int64)
    assert decoder.decode_texels(model, 0, none, none).shape == (0, model.channels)
    job = jobs.texels(model, 0, none, none)
    assert decoder.decode_many([job])[0].shape == (0, model.channels)


def test_time_on_the_device(decoder):
    decoder.decode(wide_model(300, 150, 9))
    assert decoder.device.has_timestamps
    assert 0 < decoder.seconds < 60


def test_materials_that_do_not_fit_together(monkeypatch):
    monkeypatch.setattr(store, "KEPT_BYTES", 1 << 15)
    models = [wide_model(n, 40, 3) for n in (60, 70, 80, 90)]
    assert sum(words.pack(model).nbytes for model in models) > 1 << 15
    with VulkanDecoder() as decoder:
        for model in models * 2:
            same(decoder.decode(model), REFERENCE.decode(model))
        for found, model in zip(
            decoder.decode_many([jobs.rectangle(m) for m in models]), models, strict=True
        ):
            same(found, REFERENCE.decode(model))


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        ({"mip": 99}, "mip 99 does not exist"),
        ({"rect": (0, 0, 999, 1)}, "does not lie within mip 0"),
        ({"channels": [77]}, "channels"),
        ({"dtype": np.int32}, "use uint16, uint8, float32, float16"),
    ],
)
def test_what_cannot_be_asked(decoder, ask, said):
    with pytest.raises(UsageError, match=said):
        decoder.decode(random_model(0), **ask)


def test_samples_outside(decoder):
    zero = np.zeros(1, np.int64)
    with pytest.raises(UsageError, match="u of a sample lies outside"):
        decoder.decode_samples(random_model(0), zero - 1, zero, zero)


def test_devices_have_an_index(decoder):
    found = gpu.devices()
    assert [device.index for device in found] == list(range(len(found)))
    assert all(device.name and device.kind in gpu.KINDS for device in found)
    opened = open_decoder(f"vulkan:{len(found) - 1}")
    assert opened.name == f"vulkan, {found[-1].name}"
    opened.close()
    with pytest.raises(UsageError, match=r"vulkan:99 does not exist; devices: 0 "):
        open_decoder("vulkan:99")


def test_the_best_device_comes_first():
    kinds = ("cpu", "integrated", "discrete", "discrete")
    infos = [gpu.DeviceInfo(i, f"device {i}", kind, "", "1.3") for i, kind in enumerate(kinds)]
    assert gpu._choose(infos, None).index == 2


def test_closing_twice_and_using_what_is_closed(decoder):
    opened = VulkanDecoder()
    [left] = opened.decode_in_place([jobs.rectangle(random_model(0))])
    opened.close()
    opened.close()
    left.buffer.close()
    with pytest.raises(RuntimeFailure, match="the Vulkan device was closed"):
        opened.decode(random_model(0))


def test_no_package(monkeypatch, commands, small_file):
    monkeypatch.setitem(sys.modules, "vulkan", None)
    ended = commands("decompress", small_file, "--device", "vulkan")
    assert ended.code == RuntimeFailure.exit_code
    assert ended.err == "error: the package `vulkan` is not installed: pip install 'ntc[gpu]'\n"
    assert "none: the package `vulkan` is not installed" in commands("info", "--system").out


def test_no_loader(monkeypatch):
    class NoLoader:
        def find_spec(self, name, path=None, target=None):
            if name == "vulkan":
                raise OSError("Cannot find Vulkan SDK version")

    monkeypatch.delitem(sys.modules, "vulkan", raising=False)
    monkeypatch.setattr(sys, "meta_path", [NoLoader(), *sys.meta_path])
    with pytest.raises(RuntimeFailure, match="the Vulkan loader was not found"):
        VulkanDecoder()


def nested(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs Python beside this one, as drivers and layers are chosen when a process starts."""
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    return subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": paths} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_no_driver(decoder, small_file):
    """Nor is there one beside a loader that works."""
    call = ["compare", str(small_file), str(small_file), "--device", "vulkan"]
    code = f"import sys; sys.argv = ['ntc', *{call}]; from ntc.cli import main; sys.exit(main())"
    ended = nested(code, VK_DRIVER_FILES="/none.json", VK_ICD_FILENAMES="/none.json")
    assert ended.returncode == RuntimeFailure.exit_code
    assert ended.stderr.startswith("error: no Vulkan driver was found: install")
    assert ended.stderr.count("\n") == 1


def test_a_device_without_compute(decoder, monkeypatch):
    monkeypatch.setattr(decoder.device.vk, "vkGetPhysicalDeviceQueueFamilyProperties", lambda _: [])
    with pytest.raises(RuntimeFailure, match="has no queue for compute"):
        VulkanDecoder()


def test_a_device_that_is_too_old(decoder, monkeypatch):
    monkeypatch.setattr(gpu, "_LEAST_API", 9 << 22)
    with pytest.raises(RuntimeFailure, match=r"has Vulkan 1\.\d+\.\d+, 1.2 is needed"):
        VulkanDecoder()


def test_a_device_that_lacks_a_feature(decoder, monkeypatch):
    monkeypatch.setattr(pipeline, "missing_features", lambda *_: ["shaderInt8"])
    with pytest.raises(RuntimeFailure, match="lacks shaderInt8"):
        VulkanDecoder()


def test_a_material_that_is_too_large(decoder):
    model = random_model(8)
    needed = -(-words.pack(model).nbytes // 256) * 256
    with VulkanDecoder() as opened:
        opened._store.most = 500
        with pytest.raises(RuntimeFailure, match=rf"at most 500 bytes .*, {needed} are needed"):
            opened.decode(model)


def test_a_batch_that_is_too_large(decoder):
    model = wide_model(4096, 64, 32, hidden=())
    todo = [jobs.rectangle(model, dtype=np.float32)] * 200  # 32 MiB each
    if 200 << 25 > decoder.device.limits.maxStorageBufferRange:
        with pytest.raises(RuntimeFailure, match=f"{200 << 25} are asked for"):
            decoder.decode_in_place(todo)


def test_a_device_that_is_lost_names_the_material(decoder, monkeypatch, small_file):
    from ntc.material import open_material

    vk = decoder.device.vk

    def lose(*_):
        raise vk.VkErrorDeviceLost

    monkeypatch.setattr(vk, "vkQueueSubmit", lose)
    material = open_material(small_file)
    with pytest.raises(RuntimeFailure, match=r"bricks: .*the device was lost"):
        material.decode_outputs(decoder=decoder)
    job = jobs.rectangle(random_model(1), label="wood")
    with pytest.raises(RuntimeFailure, match=r"wood: .*the device was lost"):
        decoder.decode_many([job])
    monkeypatch.undo()
    same(decoder.decode(random_model(1)), REFERENCE.decode(random_model(1)))


def test_memory_that_runs_out(decoder, monkeypatch):
    vk = decoder.device.vk

    def refuse(*_):
        raise vk.VkErrorOutOfDeviceMemory

    monkeypatch.setattr(vk, "vkAllocateMemory", refuse)
    with pytest.raises(RuntimeFailure, match="out of memory; use --device cpu"):
        decoder.decode_in_place([jobs.rectangle(random_model(1))])


def test_commands_take_a_device(decoder, commands, small_file, tmp_path):
    by_cpu, by_gpu = tmp_path / "cpu", tmp_path / "gpu"
    for folder, device in ((by_cpu, "cpu"), (by_gpu, "vulkan:0")):
        ended = commands("decompress", small_file, "-o", folder, "--device", device)
        assert ended.code == 0, ended.err
    names = sorted(path.name for path in by_cpu.iterdir())
    assert names
    for name in names:
        assert (by_cpu / name).read_bytes() == (by_gpu / name).read_bytes()
    ended = commands("compare", small_file, by_gpu, "--exact", "--device", "vulkan")
    assert ended.code == 0, ended.err
    assert commands("compare", small_file, small_file, "--device", "metal").code == 1
    assert "vulkan:0" in commands("info", "--system").out


def test_bytes_on_swiftshader():
    """Another driver: no 8-bit or 16-bit arithmetic, four lanes."""
    if not SWIFTSHADER.exists():
        missing("no SwiftShader: install chromium")
    ended = nested(
        "import sys, pytest; sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', "
        "'tests/test_vulkan.py', '-k', 'test_bytes and not swiftshader']))",
        VK_DRIVER_FILES=str(SWIFTSHADER),
        NTC_EXPECT_VULKAN="1",
    )
    assert ended.returncode == 0, ended.stdout


LAYER = {"VK_INSTANCE_LAYERS": "VK_LAYER_KHRONOS_validation"}


def expect_layers() -> None:
    """They are there, and say what is wrong: a buffer without a byte."""
    code = "from ntc.decode.gpu import device, memory; memory.Buffer(device.Device(), 0)"
    if "VUID-VkBufferCreateInfo-size" not in nested(code, **LAYER).stdout:
        missing("no Vulkan validation layers: install vulkan-validationlayers")


def test_hostile_words(decoder):
    """Under the validation layers, in a process of its own: tests/hostile_words.py says what."""
    expect_layers()
    ended = nested("import hostile_words; hostile_words.main()", **LAYER)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "60 hostile materials\n"
