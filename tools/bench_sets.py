#!/usr/bin/env python3
"""Compress real materials, bring them back, check what the README promises, and print a table.

Each set is a process of its own: `ntc compress --json`, `ntc decompress`, `ntc validate`. Then
names, sizes, channel counts and sample types of the images are compared with the originals, the
PSNR of the written images with the reported one, and rectangles with crops. Ends with 1 if
anything differs. The table goes to stdout, the numbers with machine and versions to
OUT/results.json.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import ntc  # noqa: E402
from ntc import native  # noqa: E402
from ntc.decode import reference  # noqa: E402
from ntc.decode.native import NativeDecoder  # noqa: E402
from ntc.texture import read_image  # noqa: E402

AGREE_DB = 0.05
MARKERS = ("<!-- results -->", "<!-- /results -->")
COLUMNS = ("set", "channels", "size", "bpp", "dB", "seconds", "peak MB", "backend")


def main() -> int:
    options = parse()
    folders = sorted(path.parent for path in options.materials.glob("*/manifest.json"))
    folders = [folder for folder in folders if not options.sets or folder.name in options.sets]
    if not folders:
        print(f"no sets in {options.materials}", file=sys.stderr)
        return 2
    options.out.mkdir(parents=True, exist_ok=True)
    results = [measure(folder, options) for folder in folders]
    text = table(results) + f"\n{origin(options)}\n"
    print(text)
    save(results, options)
    if options.update_readme:
        update(ROOT / "README.md", text)
    return 1 if any(result["faults"] for result in results) else 0


def parse() -> argparse.Namespace:
    beside = ROOT.parent / "shared" / "materials"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--effort", default="fast")
    parser.add_argument("--bpp", type=float, default=5.0)
    parser.add_argument("--texels", type=int, default=0, help="fit these, whatever the effort")
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--sets", nargs="*", default=[], help="names; all by default")
    parser.add_argument(
        "--materials", type=Path, default=Path(os.environ.get("NTC_MATERIALS", beside))
    )
    parser.add_argument("--out", type=Path, default=ROOT / "bench-out")
    parser.add_argument("--exact", action="store_true", help="compare all decoders (slow)")
    parser.add_argument("--update-readme", action="store_true")
    return parser.parse_args()


def measure(folder: Path, options: argparse.Namespace) -> dict:
    """The report of `ntc compress` and a list of faults, hopefully empty."""
    file, images = options.out / f"{folder.name}.ntc", options.out / folder.name
    effort = ["--effort", options.effort, "--texels", options.texels, "--bpp", options.bpp]
    write = ["--on-existing", "overwrite", "--json"]
    result = run("compress", folder, "-o", file, *effort, "--backend", options.backend, *write)
    run("decompress", file, "-o", images, *write)
    written = run("compare", folder, images, "--json")["psnr"]
    decoded = run("compare", folder, file, "--json")["psnr"]
    faults = [] if run("validate", file, "--json")["valid"] else ["not valid"]
    faults += image_faults(folder, images, file) + crop_faults(file)
    if options.exact:
        faults += decoder_faults(file)
    if abs(decoded - result["psnr"]) > 0.002:
        faults.append(f"{decoded} dB decoded, but {result['psnr']} reported")
    if abs(written - result["psnr"]) > AGREE_DB and not blurred(images):
        faults.append(f"{written} dB in the images, but {result['psnr']} reported")
    if result["bpp"] > 1.02 * options.bpp:
        faults.append(f"{result['bpp']} bpp are too many")
    for fault in faults:
        print(f"{folder.name}: {fault}", file=sys.stderr)
    return {"set": folder.name, **result, "written_psnr": written, "faults": faults}


def blurred(images: Path) -> bool:
    """Whether writing alone changes samples: JPEG does."""
    return any(path.suffix.lower() in {".jpg", ".jpeg"} for path in images.iterdir())


def image_faults(folder: Path, images: Path, file: Path) -> list[str]:
    """Images that do not have the shape and the samples that they should."""
    faults = []
    material = ntc.open(file)
    decoded = material.original_maps()
    for record in material.maps:
        original, ours = read_image(folder / record.file), read_image(images / record.file)
        if (ours.shape, ours.dtype) != (original.shape, original.dtype):
            faults.append(f"{record.file}: {ours.shape} {ours.dtype}, not as the original")
        lossless = not record.file.lower().endswith((".jpg", ".jpeg"))
        if lossless and not np.array_equal(ours, decoded[record.name]):
            faults.append(f"{record.file}: not what was decoded")
    names = {path.name for path in images.iterdir()}
    expected = {Path(entry["file"]).name for entry in manifest(folder)["maps"]}
    return faults + ([f"images {sorted(names)}"] if names != expected else [])


def manifest(folder: Path) -> dict:
    return json.loads((folder / "manifest.json").read_text("utf-8"))


def crop_faults(file: Path) -> list[str]:
    """Rectangles of any mip that differ from the same crop of the whole."""
    material = ntc.open(file)
    rng = np.random.default_rng(0)
    faults = []
    for mip in range(material.file.model.mips):
        whole = material.decode_outputs(mip)
        height, width = whole.shape[:2]
        x, y = int(rng.integers(width)), int(rng.integers(height))
        w, h = int(rng.integers(1, width - x + 1)), int(rng.integers(1, height - y + 1))
        part = material.decode_outputs(mip, (x, y, w, h))
        if not np.array_equal(part, whole[y : y + h, x : x + w]):
            faults.append(f"rectangle {(x, y, w, h)} of mip {mip} is not the crop")
    return faults


def decoder_faults(file: Path) -> list[str]:
    """Mips that the native decoder of any instruction set decodes unlike the reference."""
    model = ntc.open(file).file.model
    decoders = [NativeDecoder(isa) for isa in native.isas()]
    faults = []
    for mip in range(model.mips):
        wanted = reference.decode(model, mip)
        faults += [
            f"{decoder.name} differs in mip {mip}"
            for decoder in decoders
            if not np.array_equal(decoder.decode(model, mip), wanted)
        ]
    return faults


def run(*arguments: object) -> dict:
    """What a command printed as JSON."""
    command = [sys.executable, "-m", "ntc", *map(str, arguments)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(ended.stdout)


def table(results: list[dict]) -> str:
    """Markdown, a row a set."""
    lines = [f"| {' | '.join(COLUMNS)} |", "|---" + "|---:" * (len(COLUMNS) - 2) + "|---|"]
    for r in results:
        size = f"{r['width']}x{r['height']}"
        numbers = [f"{r['bpp']:.2f}", f"{r['psnr']:.2f}", f"{r['seconds']:.1f}"]
        peak = f"{r['peak_memory_bytes'] / 1e6:.0f}"
        cells = [r["set"], str(r["channels"]), size, *numbers, peak, r["backend"]]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def machine() -> str:
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} threads"


def command_line(options: argparse.Namespace) -> str:
    texels = f" --texels {options.texels}" if options.texels else ""
    return f"tools/bench_sets.py --effort {options.effort} --bpp {options.bpp:g}{texels}"


def origin(options: argparse.Namespace) -> str:
    versions = f"ntc {version('ntc')}, Python {platform.python_version()}"
    return f"`{command_line(options)}`: {versions}, {machine()}."


def save(results: list[dict], options: argparse.Namespace) -> None:
    """OUT/results.json: numbers, and what they were measured with."""
    about = {
        "command": command_line(options),
        "machine": machine(),
        "platform": platform.platform(),
        "versions": {name: version(name) for name in ("ntc", "numpy", "OpenImageIO")},
    }
    text = json.dumps(about | {"results": results}, indent=2)
    (options.out / "results.json").write_text(text + "\n", "utf-8")


def update(readme: Path, text: str) -> None:
    """The README with the table between its two markers."""
    before, _, rest = readme.read_text("utf-8").partition(MARKERS[0])
    _, _, after = rest.partition(MARKERS[1])
    readme.write_text(f"{before}{MARKERS[0]}\n\n{text}\n{MARKERS[1]}{after}", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
