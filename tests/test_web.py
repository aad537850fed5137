"""The TypeScript package in `engines/web`: all it says of a file is what the reference says.

`NTC_EXPECT_BROWSER=1` promises node and the compiler.
"""

import base64
import importlib.util
import json
import os
import subprocess
from collections.abc import Iterable, Iterator
from itertools import cycle
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import zstandard
from models import every_value_model, plain_file, random_file
from surgery import put_together, take_apart

import ntc
from ntc import api
from ntc.decode import reference, words
from ntc.errors import FormatError
from ntc.format import container, spec
from ntc.format.container import NtcFile
from ntc.format.metadata import Channel, Curve, FitRecord, MapRecord, Sample
from ntc.texture import maps_from_outputs

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "engines" / "web"
GOLDEN = sorted((ROOT / "tests" / "data" / "golden").glob("*/*.ntc"))
ASSETS = sorted(path for path in (ROOT / "assets").iterdir() if path.is_dir())
MUTANTS = 3000
MOST_TEXELS = 20_000  # of a rectangle: the reference is slow

Rng = np.random.Generator


def run(node: str, test: str, cases: Path | None = None) -> None:
    """A file of tests of the package; what it prints is the message if it fails."""
    place = {} if cases is None else {"NTC_WEB_CASES": str(cases)}
    command = [node, "--test", PACKAGE / "build" / "test" / test]
    ended = subprocess.run(command, env=os.environ | place, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-4000:]


def run_cases(node: str, folder: Path) -> None:
    run(node, "cases.test.js", folder)


def packed(array: npt.NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def write_case(folder: Path, name: str, data: bytes, rng: Rng) -> None:
    """A file, and all that the package is asked about it."""
    path = folder / f"{name}.ntc"
    path.write_bytes(data)
    file = container.read(data)
    asked = rectangles(file, rng)
    case = {
        "info": api.info(path).model_dump(mode="json"),
        "words": packed(words.pack(file.model)),
        "rectangles": asked,
        "texels": texels(file, rng),
        "samples": [samples(file, int(lod), rng) for lod in lods(file, rng)],
        "maps": maps(file, asked[0]),
        "prefixes": list(prefixes(data, rng)),
    }
    (folder / f"{name}.case.json").write_text(json.dumps(case))


def rectangles(file: NtcFile, rng: Rng) -> list[dict[str, Any]]:
    """The whole of every mip, or a part of it."""
    found = []
    for mip in range(file.model.mips):
        width, height = spec.mip_size(file.model.width, file.model.height, mip)
        w, h = min(width, 150), min(height, MOST_TEXELS // min(width, 150))
        rect = int(rng.integers(width - w + 1)), int(rng.integers(height - h + 1)), w, h
        values = reference.decode(file.model, mip, rect)
        found.append({"mip": mip, "rectangle": rect, "values": packed(values)})
    return found


def texels(file: NtcFile, rng: Rng) -> dict[str, Any]:
    mip = int(rng.integers(file.model.mips))
    width, height = spec.mip_size(file.model.width, file.model.height, mip)
    x, y = rng.integers(0, width, 50), rng.integers(0, height, 50)
    values = reference.decode_texels(file.model, mip, x, y)
    return {"mip": mip, "x": x.tolist(), "y": y.tolist(), "values": packed(values)}


def lods(file: NtcFile, rng: Rng) -> npt.NDArray[np.int64]:
    return rng.integers(0, spec.LOD_STEP * (file.model.mips - 1) + 1, 4)


def samples(file: NtcFile, lod: int, rng: Rng) -> dict[str, Any]:
    u, v = rng.integers(0, 1 << spec.POSITION_BITS, (2, 50))
    u[:2], v[1:3] = (0, (1 << spec.POSITION_BITS) - 1), (0, (1 << spec.POSITION_BITS) - 1)
    values = reference.decode_field(file.model, u, v, np.full(50, lod))
    return {"lod": lod, "u": u.tolist(), "v": v.tolist(), "values": packed(values)}


def maps(file: NtcFile, first: dict[str, Any]) -> dict[str, Any]:
    """The maps of the first rectangle; halves in 32 bits."""
    x, y, w, h = first["rectangle"]
    outputs = reference.decode(file.model, first["mip"], (x, y, w, h))
    found = maps_from_outputs(outputs, file.metadata.maps)
    records = {record.name: record for record in file.metadata.maps}
    return {name: as_map(records[name], pixels) for name, pixels in found.items()}


def as_map(record: MapRecord, pixels: npt.NDArray[Any]) -> dict[str, Any]:
    whole = record.sample in {Sample.UINT8, Sample.UINT16}
    pixels = pixels if whole else pixels.astype(np.float32)
    exact = record.curve is Curve.LINEAR
    return {"type": pixels.dtype.name, "values": packed(pixels), "exact": exact}


def prefixes(data: bytes, rng: Rng) -> Iterator[dict[str, Any]]:
    """What some beginnings of the file are worth: the end of each chunk, one byte less, any."""
    count = int.from_bytes(data[20:24], "little")
    entries = [data[40 + 40 * i :][8:24] for i in range(count)]
    ends = [int.from_bytes(e[:8], "little") + int.from_bytes(e[8:], "little") for e in entries]
    lengths = {*ends[2:], *(end - 1 for end in ends[2:]), *rng.integers(0, len(data), 8).tolist()}
    for length in sorted(lengths):
        try:
            file, finest = container.read_prefix(data[:length])
        except FormatError as error:
            yield {"length": length, "rule": error.rule}
            continue
        found: dict[str, Any] = {"length": length, "finest": finest}
        found["words"] = packed(words.pack(file.model))
        size = spec.mip_size(file.model.width, file.model.height, finest)
        if finest < file.model.mips and size[0] * size[1] <= MOST_TEXELS:
            found["values"] = packed(reference.decode(file.model, finest))
        yield found


def test_broken_and_golden_files_by_their_names(node: str) -> None:
    run(node, "open.test.js")


def test_golden_files(node: str, tmp_path: Path, rng: Rng) -> None:
    for path in GOLDEN:
        write_case(tmp_path, path.stem, path.read_bytes(), rng)
    run_cases(node, tmp_path)


def test_random_models(node: str, tmp_path: Path, rng: Rng) -> None:
    for seed in range(60):
        write_case(tmp_path, f"random{seed}", container.write(random_file(seed)), rng)
    run_cases(node, tmp_path)


def test_every_value_in_every_type(node: str, tmp_path: Path, rng: Rng) -> None:
    """65,536 storage values through 8 and 16 bits, halves, floats, both ways up."""
    model, plain = every_value_model(), plain_file().metadata
    record = plain.maps[0].model_copy(update={"channels": (channel(output=0),)})
    turned = channel(output=0, inverted=True)
    found = [
        record.model_copy(update={"name": f"{sample}{i}", "file": f"{sample}{i}.exr"} | change)
        for sample in Sample
        for i, change in enumerate(
            (
                {"sample": sample},
                {"sample": sample, "channels": (turned,)},
                {"sample": sample, "low": -3.0, "high": 12.5},
                {"sample": sample, "low": 0.0, "high": 1e-5},
                {"sample": sample, "low": 0.0, "high": 32767.5},  # halfway between halves
                {"sample": sample, "channels": (channel(constant=0.1),)},
            )
        )
    ]
    maps = tuple(r for r in found if r.sample.value in {"half", "float"} or r.name[-1] in "01")
    file = NtcFile(model, plain.model_copy(update={"maps": maps}))
    write_case(tmp_path, "values", container.write(file), rng)
    run_cases(node, tmp_path)


def channel(**source: Any) -> Channel:
    return Channel(meaning="albedo", **source)


def test_a_fitted_material(node: str, tmp_path: Path, small_file: Path, rng: Rng) -> None:
    write_case(tmp_path, "small", small_file.read_bytes(), rng)
    run_cases(node, tmp_path)


ENCODED = list(zip(ASSETS, cycle(("grid", "hash", "simplex")), strict=False))


@pytest.mark.parametrize(("folder", "encoding"), ENCODED, ids=lambda value: Path(value).name)
def test_assets(node: str, folder: Path, encoding: Any, tmp_path: Path, rng: Rng) -> None:
    fitted = ntc.compress(folder, ntc.Settings(encoding=encoding, texels=10_000, threads=1))
    write_case(tmp_path, folder.name, fitted.data, rng)
    run_cases(node, tmp_path)


def test_mutants_meet_the_same_fate(node: str, tmp_path: Path, rng: Rng) -> None:
    """Nothing but NtcError, in bounded time, by the same rule."""
    fuzzer = load_fuzzer()
    seeds = [path.read_bytes() for path in GOLDEN]
    mutants = (fuzzer.mutant(rng, seeds[rng.integers(len(seeds))]) for _ in range(MUTANTS))
    fates = write_mutants(tmp_path, mutants)
    assert 0 < fates.count("valid") < MUTANTS // 2
    run_cases(node, tmp_path)


def write_mutants(folder: Path, mutants: Iterable[bytes]) -> list[str]:
    """The rules that refuse them; all of them in one file, which is read faster."""
    fates = []
    with (folder / "mutants.bin").open("wb") as out:
        for data in mutants:
            fates.append({"length": out.write(data), "fate": fate_of(data)})
    (folder / "mutants.json").write_text(json.dumps(fates))
    return [str(fate["fate"]) for fate in fates]


def load_fuzzer() -> ModuleType:
    found = importlib.util.spec_from_file_location("fuzz", ROOT / "tools" / "fuzz_container.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def fate_of(data: bytes) -> str:
    try:
        container.read(data)
    except FormatError as error:
        return error.rule
    return "valid"


def test_frames_of_zstd(node: str, tmp_path: Path, rng: Rng) -> None:
    """Every kind of block, table and literals, and frames that are none."""
    frames = []
    for content in contents(rng):
        for level in (-7, 1, 3, 9, 15, 19, 22):
            for hashed in (False, True):
                coder = zstandard.ZstdCompressor(level=level, write_checksum=hashed)
                what = f"level {level} of {len(content)} bytes"
                frames.append(as_frame(coder.compress(content), len(content), content, what))
    sound = zstandard.ZstdCompressor(level=19).compress(contents(rng)[1])
    size = len(contents(rng)[1])
    for end in (0, 3, 5, 9, len(sound) // 2, len(sound) - 1):
        frames.append(as_frame(sound[:end], size, None, f"cut at {end}"))
    frames.append(as_frame(sound + b"\0", size, None, "a byte more"))
    frames.append(as_frame(sound, size - 1, None, "another size"))
    unsized = zstandard.ZstdCompressor(write_content_size=False).compress(b"abc")
    frames.append(as_frame(unsized, 3, None, "no declared size"))
    frames += mutated_frames(rng)
    (tmp_path / "frames.json").write_text(json.dumps(frames))
    run_cases(node, tmp_path)


def mutated_frames(rng: Rng) -> list[dict[str, Any]]:
    """Frames with another bit. libzstd lets some pass whose bits do not end with a symbol."""
    frames = []
    sound = [content[:3000] for content in contents(rng) if content]
    for i in range(2000):
        content = sound[i % len(sound)]
        data = bytearray(zstandard.ZstdCompressor(level=19).compress(content))
        data[rng.integers(5, min(len(data), 80))] ^= 1 << int(rng.integers(8))
        try:
            if zstandard.frame_content_size(bytes(data)) != len(content):
                continue
            found = zstandard.ZstdDecompressor().decompress(bytes(data), allow_extra_data=False)
        except zstandard.ZstdError:
            found = None
        frame = as_frame(bytes(data), len(content), found, f"mutated frame {i}")
        frames.append(frame | {"mutated": True})
    return frames


def contents(rng: Rng) -> list[bytes]:
    text = (ROOT / "docs" / "format.md").read_bytes()
    repeats = b"".join(text[i : i + 9] for i in rng.integers(0, len(text) - 9, 30_000).tolist())
    skewed = np.minimum(rng.geometric(0.3, 200_000), 255).astype(np.uint8).tobytes()
    return [b"", text, repeats, skewed, rng.bytes(150_000), bytes(300_000), b"a", text[:40]]


def as_frame(stored: bytes, size: int, content: bytes | None, what: str) -> dict[str, Any]:
    expected = None if content is None else base64.b64encode(content).decode()
    frame = base64.b64encode(stored).decode()
    return {"stored": frame, "size": size, "content": expected, "what": what}


def test_any_codec_gives_the_same_sections(node: str, tmp_path: Path, rng: Rng) -> None:
    """Levels stored as they are and by zstd, whatever the writer would take."""
    for path in GOLDEN[:6]:
        for level in (None, 1, 19):
            chunks = take_apart(path.read_bytes())
            for chunk in chunks:
                chunk.codec = 0 if level is None else 1
                if level is not None:
                    chunk.stored = zstandard.ZstdCompressor(level=level).compress(chunk.raw)
            write_case(tmp_path, f"{path.stem}-{level}", put_together(chunks), rng)
    run_cases(node, tmp_path)


NAMES = ("a\u00a0b", "a b", "\u2028", "a\u200bb", "\ud800", "\ue000", "ä", "\u0378", "C:a", "..")
LEGAL = {"name": "ä" * 255, "generator": "\U0001f600" * 64, "later": {"x": [[None]]}}
ODD = (None, True, 1, -1, 1.5, -1.5, "", "x", "1", "😀" * 64, "x" * 300, [], [1], {}, {"x": 1})
PLACES: tuple[tuple[str | int, ...], ...] = (
    *[(key,) for key in ("name", "maps", "fit", "quality", "generator")],
    *[("maps", 0, key) for key in MapRecord.model_fields],
    *[("maps", 1, "channels", 0, key) for key in Channel.model_fields],
    *[("fit", key) for key in FitRecord.model_fields],
    *[("fit", "settings", key) for key in ("__proto__", "x")],
    *[("quality", "psnr"), ("quality", "maps"), ("quality", "maps", "constructor")],
)


def test_metadata_meet_the_same_fate(node: str, tmp_path: Path) -> None:
    """Every value of another type, length or size, and every key that is missing."""
    documents = [changed(place, value) for place in PLACES for value in ODD]
    documents += [changed(place, DROPPED) for place in PLACES]
    documents += [changed(("maps", 0, "file"), name) for name in NAMES]
    documents += [changed((key,), value) for key, value in LEGAL.items()]
    documents += [changed(("maps", 0, "name"), "mask"), changed(("maps", 0, "width"), 18)]
    documents.append(changed(("maps", 0, "high"), 1e300))
    documents += [changed(("maps", 1, "channels", 1, "constant"), n) for n in (255.5, 256, -1)]
    plain = json.dumps(changed((), None)).encode()
    raw = [json.dumps(document).encode() for document in documents]
    raw += [b"", b"[]", b"\xef\xbb\xbf" + plain, plain + b" ", plain + b"x", b"[" * 100_000, plain]
    raw.append(plain.replace(b'"seed": 7', b'"seed": 1e999'))
    fates = write_mutants(tmp_path, map(with_metadata, raw))
    assert set(fates) >= {"valid", "J1", "J3", "J5", "J6"}
    run_cases(node, tmp_path)


DROPPED = object()


def changed(place: tuple[str | int, ...], value: object) -> Any:
    """The metadata of the plain file with another value at a place, or without it."""
    document = json.loads(plain_file().metadata.model_dump_json())
    at = document
    for step in place[:-1]:
        at = at[step]
    if place and value is not DROPPED:
        at[place[-1]] = value
    elif place and isinstance(at, dict):
        at.pop(place[-1], None)
    return document


def with_metadata(raw: bytes) -> bytes:
    chunks = take_apart(container.write(plain_file()))
    chunks[1].raw = raw
    return put_together(chunks)
