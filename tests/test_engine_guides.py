"""The guides for Godot, Unity and Unreal in `engines/`: their commands run, their shaders compile.

The engines themselves are not here; what each guide says of being tested was done by hand.
"""

import re
import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from batches import converted
from compute import Compute, spirv_of
from test_integration_guide import shell

import ntc
from ntc.decode import reference, words
from ntc.format.container import NtcFile

ROOT = Path(__file__).resolve().parents[1]
ENGINES = ROOT / "engines"
GENERATED = ROOT / "shaders" / "generated"
Floats = npt.NDArray[np.float32]
OUTPUTS = "float4(0, 2, -1.25, 1)"  # the third is 0.25 everywhere
FILES = {
    "godot": ("ntc/ntc_textures.gd", "ntc/ntc_decode.glsl", "bricks.ntcwords", "bricks.json"),
    "unity": ("Assets/Ntc/ntc.hlsl", "Assets/Ntc/Editor/NtcImporter.cs", "Assets/bricks.json"),
    "unreal": ("Plugins/Ntc/Shaders/ntc.ush", "Plugins/Ntc/Source/Ntc/ntc.h"),
}


def guide(engine: str) -> str:
    return (ENGINES / engine / "README.md").read_text("utf-8")


@pytest.mark.parametrize("engine", FILES)
def test_installing(engine: str, small_file: Path, tmp_path: Path) -> None:
    """The first block for the shell puts all files into a project."""
    shutil.copyfile(small_file, tmp_path / "bricks.ntc")
    block = re.search(r"```sh\n(.*?)```", guide(engine), re.DOTALL)
    assert block is not None
    shell(block[1], tmp_path)
    for path in FILES[engine]:
        assert (tmp_path / path).stat().st_size > 0


@pytest.mark.parametrize("engine", FILES)
def test_links_and_files_exist(engine: str) -> None:
    named = re.findall(r"\]\(([^)#:]+)\)|^\| `([\w/]+\.\w+)`", guide(engine), re.MULTILINE)
    assert named
    for link, file in named:
        assert (ENGINES / engine / (link or file)).exists(), link or file


def test_numbers_of_the_script_for_godot() -> None:
    script = (ENGINES / "godot" / "ntc_textures.gd").read_text("utf-8")
    found = dict(re.findall(r"^const _(\w+) := (\d+)", script, re.MULTILINE))
    assert {name: int(found[name]) for name in found if hasattr(words, name)} == {
        "HEADER_WORDS": words.HEADER_WORDS,
        "JOB_WORDS": words.JOB_WORDS,
        "GROUP_THREADS": words.GROUP_THREADS,
        "GROUPS_IN_ROW": words.GROUPS_IN_ROW,
    }


def compiled(source: str, folder: Path, stage: str, entry: str, *includes: Path) -> bytes:
    """SPIR-V of HLSL that has the decoder in it."""
    path = folder / "shader.hlsl"
    path.write_text(source)
    options = [f"-I{include}" for include in (GENERATED, *includes)]
    code = spirv_of(path, folder / "shader.spv", "-D", "-S", stage, "-e", entry, *options)
    assert len(code) > 10_000
    return code


def decoded(kernel: str, folder: Path, entry: str, file: NtcFile, **given: object) -> Floats:
    """`[8, 12, 4]` of mip 1 by a kernel; its texture becomes a buffer, its parameters constants."""
    kernel = re.sub(
        r"RWTexture2D<.*> (\w+);", r"RWStructuredBuffer<float4> \1 : register(u1);", kernel
    )
    kernel = re.sub(r"Target\[(.+)\] =", r"Target[dot(\1, uint2(1, 12))] =", kernel)
    packed = words.pack(file.model)
    for name, value in {"Count": packed.size, "Mip": 1, **given}.items():
        kernel, found = re.subn(
            rf"^(\w+ _?{name});", rf"static const \1 = {value};", kernel, flags=re.M
        )
        assert found == 1
    shader = Compute(compiled(kernel, folder, "comp", entry), entry, 2)
    return shader.run(2, packed, np.zeros((8, 12, 4), np.float32))


def expected(file: NtcFile) -> Floats:
    """What `OUTPUTS` ask for, by the reference."""
    values = converted(reference.decode(file.model, 1), np.uint8).astype(np.float32) / 255
    quarter = np.full((8, 12), 0.25, np.float32)
    return np.stack([values[..., 0], values[..., 2], quarter, values[..., 1]], -1).astype("f4")


@pytest.mark.gpu
def test_shaders_for_unity(tmp_path: Path, small_file: Path) -> None:
    """The last row comes first."""
    file = ntc.open(small_file).file
    kernel = (ENGINES / "unity" / "NtcDecode.compute").read_text("utf-8")
    found = decoded(kernel, tmp_path, "NtcDecode", file, Outputs=OUTPUTS)
    np.testing.assert_allclose(found, expected(file)[::-1], atol=1e-6)
    graph = """
        #include "Ntc.hlsl"
        float4 main(float2 uv : TEXCOORD0, float4 outputs : TEXCOORD1) : SV_Target
        {
            float4 color, normal, surface;
            NtcSample_float(uv, 9.0, 3.0, 0.5, outputs, outputs, outputs, color, normal, surface);
            return color + normal + surface;
        }
    """
    compiled(graph, tmp_path, "frag", "main", ENGINES / "unity")


@pytest.mark.gpu
def test_shaders_for_unreal(tmp_path: Path, small_file: Path) -> None:
    """Without the header of the engine, and with the include where the guide copies it from."""
    file = ntc.open(small_file).file
    kernel = (ENGINES / "unreal" / "NtcDecode.usf").read_text("utf-8")
    kernel = kernel.replace('#include "/Engine/Public/Platform.ush"\n', "")
    kernel = kernel.replace("/Plugin/Ntc/ntc.ush", "ntc.hlsl")
    found = decoded(kernel, tmp_path, "Main", file, Outputs=OUTPUTS, FlipY=1)
    found[..., 1] = 1 - found[..., 1]
    np.testing.assert_allclose(found, expected(file), atol=1e-6)
    sample = re.search(r"```hlsl\n(.*?)```", guide("unreal"), re.DOTALL)
    assert sample is not None
    node = f"""
        #include "ntc.hlsl"
        uint First, Count;
        float3 Random;
        float3 main(float2 UV : TEXCOORD0) : SV_Target {{ {sample[1]} }}
    """
    compiled(node, tmp_path, "frag", "main")
