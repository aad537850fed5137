"""The shaders in every language: fresh, legal, alike in what they are given, and with right values.

`NTC_EXPECT_VULKAN=1` promises the tools, the pinned compiler and a driver.
"""

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from compute import Compute, missing, run_tool, spirv_of
from models import random_model, wide_model

from ntc.decode import reference, words
from ntc.format import spec
from ntc.format.layout import HASH_PRIME
from ntc.format.model import Layer, QuantizedModel, pack_level

ROOT = Path(__file__).resolve().parents[1]
GENERATED = ROOT / "shaders" / "generated"
SOURCES = sorted(p.name for p in (ROOT / "shaders").glob("*.slang"))
TARGETS = ("spirv", "glsl", "hlsl", "wgsl", "metal")
LIBRARIES = ("glsl", "hlsl", "wgsl", "metal")
FILTERS = ("texel", "filtered", "exact", "stochastic")
SIZE = 64  # of the material that is sampled: a power of two, so that weights are exact

pytestmark = pytest.mark.gpu


@pytest.fixture(scope="module")
def exporter() -> ModuleType:
    """tools/export_shaders.py, where its compiler is installed."""
    found = importlib.util.spec_from_file_location(
        "export_shaders", ROOT / "tools" / "export_shaders.py"
    )
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    try:
        module.slang()
    except RuntimeError as error:
        missing(str(error))
    return module


def test_generated_files_are_fresh(exporter):
    assert exporter.stale() == []


def test_a_changed_file_is_named(exporter, monkeypatch):
    made = exporter.generated()
    path = GENERATED / "ntc.glsl"
    monkeypatch.setattr(exporter, "generated", lambda: made | {path: made[path] + b"\n"})
    assert exporter.stale() == ["shaders/generated/ntc.glsl"]


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_is_given_the_same(exporter, target, tmp_path):
    path = tmp_path / "reflection.json"
    source = ROOT / "shaders" / "ntc_decode.slang"
    exporter.slang().compile(source, words.DECODE_ENTRY, target, path)
    reflection = json.loads(path.read_text())
    found = {p["name"]: binding_index(p) for p in reflection["parameters"]}
    assert found == {f"ntc_{name}": i for i, name in enumerate(words.BINDINGS)}
    for parameter in reflection["parameters"]:
        assert parameter["type"]["baseShape"] == "structuredBuffer"
        assert parameter["type"]["resultType"] == {"kind": "scalar", "scalarType": "uint32"}
    [entry] = reflection["entryPoints"]
    assert entry["name"] == words.DECODE_ENTRY
    assert entry["threadGroupSize"] == [words.GROUP_THREADS, 1, 1]


def binding_index(parameter: dict) -> int:
    """Metal names two kinds of binding, of which one has nothing."""
    bindings = [parameter["binding"]] if "binding" in parameter else parameter["bindings"]
    [index] = [b["index"] for b in bindings if b.get("count") != 0]
    return index


def test_constants_are_those_of_the_python_code():
    text = "".join((ROOT / "shaders" / name).read_text() for name in SOURCES)
    found = re.findall(r"static const uint NTC_(\w+) = (\d+);", text)
    assert len(found) > 20
    known = {"HASH_PRIME": HASH_PRIME} | vars(spec) | vars(words)
    for name, value in found:
        assert int(value) == known[name], name


@pytest.mark.parametrize("language", LIBRARIES)
def test_libraries_stand_alone_with_a_prefix(language):
    text = (GENERATED / f"ntc.{language}").read_text()
    assert not re.search(r"#include\s+\"|library", text)
    start = r"^(?:fn |struct |const |#define |uint\d? |u?vec\d |float\d? |int\d? |Ntc\w+ )"
    names = re.findall(start + r"(\w+)", text, flags=re.MULTILINE)
    assert {"ntc_sample", "ntc_texel", "NtcMaterial", "NTC_FILTER_EXACT"} <= set(names)
    assert all(name.lower().startswith("ntc_") or name.startswith("Ntc") for name in names)


def test_spirv_is_valid_and_packaged():
    path = GENERATED / "ntc_decode.spv"
    run_tool("spirv-val", "--target-env", "vulkan1.2", path)
    packaged = ROOT / "ntc" / "decode" / "spirv" / path.name
    assert packaged.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("language", ["glsl", "hlsl"])
def test_complete_shaders_compile_to_right_spirv(language, tmp_path):
    hlsl = ("-D", "-S", "comp", "-e", words.DECODE_ENTRY)
    name, options, entry = {
        "glsl": ("ntc_decode.comp.glsl", (), "main"),
        "hlsl": ("ntc_decode.hlsl", hlsl, words.DECODE_ENTRY),
    }[language]
    spirv = spirv_of(GENERATED / name, tmp_path / "decode.spv", *options)
    run_tool("spirv-val", tmp_path / "decode.spv")
    shader = Compute(spirv, entry, 4)
    for seed in range(8):
        model = random_model(seed)
        assert np.array_equal(decoded(shader, model), reference.decode(model).reshape(-1))


@pytest.mark.parametrize("option", ["--msl", "--hlsl"])
def test_spirv_goes_through_another_compiler(option, tmp_path):
    # Not the committed SPIR-V: Debian's spirv-cross does not know the integer dot product.
    spirv_of(GENERATED / "ntc_decode.comp.glsl", tmp_path / "decode.spv")
    model = ("--shader-model", "60") if option == "--hlsl" else ()
    assert "main" in run_tool("spirv-cross", option, *model, tmp_path / "decode.spv")


def decoded(shader: Compute, model: QuantizedModel) -> np.ndarray:
    """Storage values of mip 0, texel by texel."""
    packed = words.pack(model)
    job = np.zeros(words.JOB_WORDS, np.uint32)
    job[:12] = 0, len(packed), words.MODE_RECTANGLE, 0, 0, 0, model.width, model.height, 0, 1, 0, 0
    job[10] = model.channels
    job[words.JOB_CHANNELS : words.JOB_CHANNELS + 8].view(np.uint8)[:] = range(32)
    texels, padded = model.width * model.height, -(-model.channels // 2)
    out = np.zeros((texels, padded), np.uint32)
    groups = -(-texels // words.GROUP_THREADS)
    result = shader.run(groups, packed, job, np.zeros(2, np.uint32), out)
    return result.view(np.uint16)[:, : model.channels].reshape(-1)


@pytest.mark.parametrize(
    ("output", "dtype"), [(words.OUTPUT_HALF, np.float16), (words.OUTPUT_FLOAT, np.float32)]
)
def test_every_storage_value_is_rounded_correctly(output, dtype):
    shader = Compute((GENERATED / "ntc_decode.spv").read_bytes(), words.DECODE_ENTRY, 4)
    lods = np.arange(8 * 14 + 1)
    samples = np.stack([0 * lods, 0 * lods, lods], axis=1).astype(np.uint32)
    seen = set()
    for first in [start + 32 * k for start in (0, 113 << 8, 226 << 8) for k in range(8)]:
        values = np.minimum(first + 256 * lods[:, None] + np.arange(32), 65535)
        packed = words.pack(counting_model(first))
        job = np.zeros(words.JOB_WORDS, np.uint32)
        job[:7] = 0, len(packed), words.MODE_SAMPLES, 0, 0, 0, len(lods)
        job[7:12] = 1, 0, output, 32, 0
        job[words.JOB_CHANNELS : words.JOB_CHANNELS + 8].view(np.uint8)[:] = range(32)
        out = np.zeros((len(lods), 32), dtype)
        found = shader.run(2, packed, job, samples, out)
        assert np.array_equal(found, (values / 65535).astype(dtype))
        seen |= set(values.ravel().tolist())
    assert len(seen) == 65536


def counting_model(first: int) -> QuantizedModel:
    """Channel c of a sample at lod l/8 is `first + 256 l + c`."""
    one = np.zeros((1, 1), np.uint8)
    level = pack_level(one[..., None], one, one.astype(np.int16), one.astype(np.uint16), 2)
    weights = np.tile(np.array([0, 1], np.int8), (32, 1))
    layer = Layer(weights, first + np.arange(32, dtype=np.int32), np.zeros(32, np.uint8))
    roles = np.zeros((15, 1), np.uint8)
    return QuantizedModel(16384, 1, 15, (False, False), (level,), roles, (layer,))


# A shader as an engine would write it. Queries: u, v, lod and filter, then three random numbers and
# the first word of the material. Results: a sample, and the texel at the integer part of the rest.
GLSL = """\
#version 450
#extension GL_GOOGLE_include_directive : require
#define NTC_BINDING 1
#include "ntc.glsl"
layout(local_size_x = 64) in;
layout(std430, binding = 0) readonly buffer Queries { vec4 queries[]; };
layout(std430, binding = 2) writeonly buffer Results { vec4 results[]; };
void main()
{
    uint i = gl_GlobalInvocationID.x;
    vec4 at = queries[2 * i], more = queries[2 * i + 1];
    NtcMaterial material = NtcMaterial(uint(more.w), uint(ntc_words._data.length()) - uint(more.w));
    NtcTexel found = ntc_sample(material, at.xy, at.z, uint(at.w), more.xyz);
    NtcTexel texel = ntc_texel(material, uvec2(i % 64u, i / 64u), 0u);
    vec3 color = vec3(ntc_channel(found, 0u), ntc_channel(found, 1u), ntc_channel(found, 2u));
    results[2 * i] = vec4(color, 0.0);
    results[2 * i + 1] = vec4(ntc_value(texel, 0u), ntc_value(texel, 1u), ntc_value(texel, 2u),
        ntc_lod(material, vec2(0.25, 0.0), vec2(0.0, 0.125)));
}
"""
HLSL = """\
#define NTC_REGISTER register(t1)
#include "ntc.hlsl"
StructuredBuffer<float4> queries : register(t0);
RWStructuredBuffer<float4> results : register(u2);
[numthreads(64, 1, 1)]
void main(uint3 thread : SV_DispatchThreadID)
{
    uint i = thread.x, count, stride;
    float4 at = queries[2 * i], more = queries[2 * i + 1];
    ntc_words.GetDimensions(count, stride);
    NtcMaterial material;
    material.first = uint(more.w);
    material.count = count - uint(more.w);
    NtcTexel found = ntc_sample(material, at.xy, at.z, uint(at.w), more.xyz);
    NtcTexel texel = ntc_texel(material, uint2(i % 64u, i / 64u), 0u);
    float3 color = float3(ntc_channel(found, 0), ntc_channel(found, 1), ntc_channel(found, 2));
    results[2 * i] = float4(color, 0.0);
    results[2 * i + 1] = float4(ntc_value(texel, 0u), ntc_value(texel, 1u), ntc_value(texel, 2u),
        ntc_lod(material, float2(0.25, 0.0), float2(0.0, 0.125)));
}
"""
WGSL = """\
@group(0) @binding(0) var<storage, read> queries : array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> results : array<vec4<f32>>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) thread : vec3<u32>)
{
    let i = thread.x;
    let at = queries[2u * i];
    let more = queries[2u * i + 1u];
    let first = u32(more.w);
    let material = NtcMaterial(first, arrayLength(&ntc_words) - first);
    let found = ntc_sample(material, at.xy, at.z, u32(at.w), more.xyz);
    let texel = ntc_texel(material, vec2<u32>(i % 64u, i / 64u), 0u);
    let rg = vec2<f32>(ntc_channel(found, 0u), ntc_channel(found, 1u));
    results[2u * i] = vec4<f32>(rg, ntc_channel(found, 2u), 0.0);
    results[2u * i + 1u] = vec4<f32>(f32(ntc_value(texel, 0u)), f32(ntc_value(texel, 1u)),
        f32(ntc_value(texel, 2u)), ntc_lod(material, vec2<f32>(0.25, 0.0), vec2<f32>(0.0, 0.125)));
}
"""


class Engine:
    """Asks the shader of an engine in one of the languages."""

    def __init__(self, language: str, folder: Path) -> None:
        self.shader = None if language == "wgsl" else self._compiled(language, folder)

    def _compiled(self, language: str, folder: Path) -> Compute:
        source = folder / f"engine.comp.{language}"
        source.write_text({"glsl": GLSL, "hlsl": HLSL}[language])
        options = ("-D", "-S", "comp", "-e", "main") if language == "hlsl" else ()
        include = f"-I{GENERATED}"
        return Compute(spirv_of(source, folder / "engine.spv", include, *options), "main", 3)

    def ask(self, queries: np.ndarray, packed: words.Words) -> np.ndarray:
        """`[n, 2, 4]` results of `[n, 2, 4]` queries."""
        queries = queries.astype(np.float32)
        groups = len(queries) // 64
        if self.shader is not None:
            return self.shader.run(groups, queries, packed, np.zeros_like(queries))
        return run_wgsl(groups, queries, packed)


def run_wgsl(groups: int, queries: np.ndarray, packed: words.Words) -> np.ndarray:
    try:
        from wgpu.utils.compute import compute_with_buffers
    except ImportError as error:
        missing(str(error))
    moved = (GENERATED / "ntc.wgsl").read_text().replace("@binding(0)", "@binding(1)")
    out = {2: queries.nbytes}
    results = compute_with_buffers({0: queries, 1: packed}, out, moved + WGSL, n=(groups, 1, 1))
    return np.frombuffer(results[2], np.float32).reshape(queries.shape)


@pytest.fixture(scope="module")
def material() -> QuantizedModel:
    return wide_model(SIZE, SIZE, 3, (16,), wrap=(True, False))


@pytest.fixture(scope="module", params=["glsl", "hlsl", "wgsl"])
def engine(request, tmp_path_factory) -> Engine:
    return Engine(request.param, tmp_path_factory.mktemp(request.param))


def queries_of(rng: np.random.Generator, mips: int) -> np.ndarray:
    """`[4096, 2, 4]` queries at multiples of 1/512, and of 1/256 of a mip, inside and outside."""
    queries = np.zeros((SIZE * SIZE, 2, 4), np.float32)
    queries[:, 0, :2] = rng.integers(-512, 1024, (len(queries), 2)) / 512
    queries[:, 0, 2] = rng.integers(-256, 256 * mips, len(queries)) / 256
    queries[::4, 0, 2] = rng.integers(0, mips, len(queries) // 4)
    queries[:, 0, 3] = np.arange(len(queries)) % 4
    queries[:, 1, :3] = rng.integers(0, 1024, (len(queries), 3)) / 1024
    return queries


def test_a_shader_that_includes_the_library(engine, material, rng):
    queries = queries_of(rng, material.mips)
    packed = words.pack(material)
    first = 8  # the material need not be the first of the buffer
    queries[:, 1, 3] = first
    found = engine.ask(queries, np.concatenate([np.full(first, 0xFFFFFFFF, np.uint32), packed]))
    texels = reference.decode(material).reshape(-1, 3)
    assert np.array_equal(found[:, 1, :3], texels)
    assert np.allclose(found[:, 1, 3], np.log2(SIZE / 4))
    for name, expected in (
        ("texel", lambda q: blend(material, *nearest(material, q))),
        ("filtered", lambda q: field(material, q)),
        ("exact", lambda q: trilinear(material, q)),
        ("stochastic", lambda q: blend(material, *hit(material, q))),
    ):
        chosen = queries[FILTERS.index(name) :: 4]
        got = found[FILTERS.index(name) :: 4, 0, :3] * 65535
        assert np.abs(got - expected(chosen)).max() < 0.6, name


def inside(queries: np.ndarray, material: QuantizedModel) -> tuple[np.ndarray, ...]:
    """u in 0..1, which wraps; v, which is clamped; and lod within the mips."""
    u, v, lod = queries[:, 0, :3].astype(float).T
    return u % 1, np.clip(v, 0, 1 - 2**-24), np.clip(lod, 0, material.mips - 1)


def field(material: QuantizedModel, queries: np.ndarray) -> np.ndarray:
    u, v, lod = inside(queries, material)
    u24, v24 = (np.floor(c * 2**24).astype(np.int64) for c in (u, v))
    return reference.decode_field(material, u24, v24, np.floor(lod * 8 + 0.5).astype(np.int64))


def nearest(material: QuantizedModel, queries: np.ndarray) -> tuple[np.ndarray, ...]:
    u, v, lod = inside(queries, material)
    mip = np.floor(lod + 0.5).astype(int)
    size = SIZE >> mip
    return np.floor(u * size).astype(int), np.floor(v * size).astype(int), mip


def hit(material: QuantizedModel, queries: np.ndarray) -> tuple[np.ndarray, ...]:
    """The texel that the random numbers choose, with trilinear weights as probabilities."""
    u, v, lod = inside(queries, material)
    chance = np.floor(queries[:, 1, :3].astype(float) * 256) / 256
    mip = np.floor(lod).astype(int)
    mip += chance[:, 2] < lod - mip
    size = SIZE >> mip
    corner = []
    for i, at in enumerate((u, v)):
        texel = at * size - 0.5
        part = np.floor((texel - np.floor(texel)) * 256) / 256
        corner.append(np.floor(texel).astype(int) + (chance[:, i] < part))
    return *corner, mip


def blend(material: QuantizedModel, x: np.ndarray, y: np.ndarray, mip: np.ndarray) -> np.ndarray:
    """Texels of some mips, those outside wrapped in u and clamped in v."""
    values = np.empty((len(x), 3))
    for m in np.unique(mip):
        at, size = mip == m, SIZE >> m
        mip_texels = reference.decode(material, int(m))
        values[at] = mip_texels[np.clip(y[at], 0, size - 1), x[at] % size]
    return values


def trilinear(material: QuantizedModel, queries: np.ndarray) -> np.ndarray:
    """In floating point, from eight texels."""
    u, v, lod = inside(queries, material)
    total = np.zeros((len(u), 3))
    for step in (0, 1):
        mip = np.minimum(np.floor(lod).astype(int) + step, material.mips - 1)
        share = np.abs(1 - step - (lod - np.floor(lod)))
        size = SIZE >> mip
        x, y = u * size - 0.5, v * size - 0.5
        left, top = np.floor(x).astype(int), np.floor(y).astype(int)
        for dy in (0, 1):
            for dx in (0, 1):
                weight = np.abs(1 - dx - (x - left)) * np.abs(1 - dy - (y - top)) * share
                total += weight[:, None] * blend(material, left + dx, top + dy, mip)
    return total
