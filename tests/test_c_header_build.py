"""The C header in `engines/c` as others build it: warnings, size, examples, fuzzing."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import test_web as web
import zstandard
from c_header import (
    BROKEN,
    GOLDEN,
    PACKAGE,
    Driver,
    build,
    compiler,
)
from conftest import missing
from models import random_file
from surgery import put_together, take_apart

import ntc
from ntc.decode import reference
from ntc.format import container

WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror")
MOST_LINES = 1500
MOST_BYTES = 40 * 1024


def test_another_decoder_of_zstd(tmp_path: Path) -> None:
    """libzstd instead of ntc_zstd.h, as the README has it; its header may be missing here."""
    hook, program = tmp_path / "hook.h", tmp_path / "driver"
    declared = (
        "#include <stddef.h>\n"
        "size_t ZSTD_decompress(void *, size_t, const void *, size_t);\n"
        "size_t ZSTD_findFrameCompressedSize(const void *, size_t);\n"
        "unsigned long long ZSTD_getFrameContentSize(const void *, size_t);\n"
    )
    hook.write_text(c_blocks()[2].replace("#include <zstd.h>\n", declared))
    command = [compiler("gcc"), "-std=c99", "-include", hook, PACKAGE / "test" / "driver.c", "-lm"]
    if subprocess.run([*command, "-l:libzstd.so.1", "-o", program], capture_output=True).returncode:
        missing("no libzstd", "NTC_EXPECT_C")
    driver = Driver(program)
    for path in (*GOLDEN, *BROKEN):
        assert driver.open(path.read_bytes()).fate == web.fate_of(path.read_bytes()), path.stem
    raw = take_apart(GOLDEN[0].read_bytes())[1].raw
    unsized = zstandard.ZstdCompressor(write_content_size=False).compress(raw)
    two = zstandard.compress(raw[:9]) + zstandard.compress(raw[9:])
    for stored, fate in ((zstandard.compress(raw), "valid"), (unsized, "C5"), (two, "C5")):
        chunks = take_apart(GOLDEN[0].read_bytes())
        chunks[1].codec, chunks[1].stored = 1, stored
        assert driver.open(put_together(chunks)).fate == fate
    driver.close()


def c_blocks() -> list[str]:
    """The code of the README."""
    return re.findall("```c\n(.*?)```", (PACKAGE / "README.md").read_text(), re.DOTALL)


@pytest.mark.parametrize("command", ["gcc -std=c99", "g++ -std=c++17 -x c++"])
@pytest.mark.parametrize("options", ["-O2", "-Os -DNTC_NO_STDLIB -DNTC_UNZSTD=unpack"])
def test_compiles_without_a_warning(command: str, options: str, tmp_path: Path) -> None:
    compile_header(command, options, tmp_path)


@pytest.mark.parametrize("command", ["clang -std=c99", "clang++ -std=c++17 -x c++"])
def test_compiles_by_clang(command: str, tmp_path: Path) -> None:
    compile_header(command, "-O2", tmp_path)


def compile_header(command: str, options: str, folder: Path) -> Path:
    name, *standard = command.split()
    source = folder / "ntc.c"
    hook = "int unpack(void *, unsigned long, const void *, unsigned long);\n"
    source.write_text(hook + '#define NTC_IMPLEMENTATION\n#include "ntc.h"\n#include "ntc.h"\n')
    target = folder / "ntc.o"
    build(
        [
            compiler(name),
            *standard,
            *WARNINGS,
            *options.split(),
            f"-I{PACKAGE}",
            "-c",
            source,
            "-o",
            target,
        ]
    )
    return target


def test_it_is_small(tmp_path: Path) -> None:
    """As the issue that asked for it says: 1,500 lines, 40 KB of object code, readable width."""
    lines = (PACKAGE / "ntc.h").read_text().splitlines()
    assert len(lines) < MOST_LINES
    assert max(map(len, lines)) <= 120
    target = compile_header("gcc -std=c99", "-Os", tmp_path)
    told = subprocess.run([compiler("size"), target], capture_output=True, text=True, check=True)
    assert int(told.stdout.splitlines()[1].split()[0]) < MOST_BYTES


def test_the_readme(tmp_path: Path) -> None:
    """Its first two pieces of code are one program; the third needs libzstd."""
    blocks = c_blocks()
    source = tmp_path / "readme.c"
    source.write_text("".join(blocks[:2]) + "int main(void) { return 0; }\n")
    command = [compiler("gcc"), "-std=c99", *WARNINGS, f"-I{PACKAGE}", source, "-lm"]
    build([*command, "-o", tmp_path / "readme"])
    assert len(blocks) == 3


def test_the_example(tmp_path: Path, small_file: Path) -> None:
    program = tmp_path / "example"
    build([compiler("gcc"), "-std=c99", *WARNINGS, PACKAGE / "example.c", "-o", program, "-lm"])
    picture = tmp_path / "albedo.ppm"
    file = container.read(small_file.read_bytes())
    name = file.metadata.maps[0].name
    ended = subprocess.run([program, small_file, name, picture], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    head = f"P6\n{file.model.width} {file.model.height}\n255\n".encode()
    pixels = ntc.texture.maps_from_outputs(reference.decode(file.model), file.metadata.maps)[name]
    assert picture.read_bytes() == head + pixels[..., :3].tobytes()
    ended = subprocess.run(
        [program, PACKAGE / "ntc.h", name, picture], capture_output=True, text=True
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("H1 at byte 0: ")


def test_fuzzing_finds_nothing(tmp_path: Path) -> None:
    """libFuzzer for some seconds, or NTC_FUZZ_SECONDS of them."""
    program, corpus = tmp_path / "fuzz", tmp_path / "corpus"
    flags = ["-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all", "-O1", "-g"]
    command = [compiler("clang"), "-std=c99", *flags, PACKAGE / "fuzz.c", "-o", program, "-lm"]
    made = subprocess.run(command, capture_output=True, text=True)
    if "libclang_rt" in made.stderr:
        missing("no libFuzzer: install libclang-rt-dev", "NTC_EXPECT_C")
    assert made.returncode == 0, made.stderr[-4000:]
    corpus.mkdir()
    write_corpus(corpus)
    seconds = os.environ.get("NTC_FUZZ_SECONDS", "6")
    limits = [f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2000", "-seed=1"]
    ended = subprocess.run([program, corpus, *limits], capture_output=True, text=True, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr[-4000:]


def write_corpus(folder: Path) -> None:
    """Small files of every kind; those with stored chunks let mutants past zstd and range coder."""
    found = [path for path in (*GOLDEN, *BROKEN) if path.stat().st_size < 8192]
    files = {path.stem: path.read_bytes() for path in found}
    files |= {f"random{seed}": container.write(random_file(seed)) for seed in range(40)}
    for name, data in files.items():
        if len(data) < 8192:
            (folder / name).write_bytes(data)
        if name.startswith("random") and len(data) < 8192:
            chunks = take_apart(data)
            for chunk in chunks:
                chunk.codec = 0
            (folder / f"{name}-stored").write_bytes(put_together(chunks))
