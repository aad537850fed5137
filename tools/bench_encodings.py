#!/usr/bin/env python3
"""Compare the encodings on real materials: equal video memory, equal texels.

For every set and every size in bits of video memory per texel, each encoding is fitted to all mips
and decoded natively: PSNR of mip 0 to 5 over the channels that vary, fit and decode speed, and what
`auto` would have chosen. `--speed` times `simplex` against `hash` instead: contenders in turn,
medians, at plans of the same size. Prints Markdown; numbers go to OUT.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from ntc.decode.native import NativeDecoder  # noqa: E402
from ntc.fit import loop  # noqa: E402
from ntc.fit.backends.native import Fit  # noqa: E402
from ntc.fit.choice import choose  # noqa: E402
from ntc.fit.encodings import ENCODINGS  # noqa: E402
from ntc.fit.field import quantize  # noqa: E402
from ntc.fit.plan import TILE_LOG2, Plan, make_plan  # noqa: E402
from ntc.fit.problem import Problem  # noqa: E402
from ntc.format.model import QuantizedModel, tile_grid, video_memory_bytes  # noqa: E402
from ntc.format.sections import network_size  # noqa: E402
from ntc.texture import load_material, mip_count  # noqa: E402

MIPS = 6  # of which the PSNR is told


def main() -> int:
    options = parse()
    folders = sorted(path.parent for path in options.materials.glob("*/manifest.json"))
    folders = [folder for folder in folders if not options.sets or folder.name in options.sets]
    if not folders:
        print(f"no sets in {options.materials}", file=sys.stderr)
        return 2
    measure = speeds if options.speed else qualities
    results = []
    for folder in folders:
        for result in measure(folder, options):
            results.append(result)
            print(row(result), flush=True)
    about = {
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "machine": machine(),
        "versions": {name: version(name) for name in ("ntc", "numpy")},
        "python": platform.python_version(),
        "isa": NativeDecoder().isa,
    }
    options.out.write_text(json.dumps(about | {"results": results}, indent=1) + "\n", "utf-8")
    return 0


def parse() -> argparse.Namespace:
    beside = ROOT.parent / "shared" / "materials"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bpp", type=float, nargs="*", default=[1, 2.5, 5], help="video memory")
    parser.add_argument("--texels", type=float, default=40, help="millions at 1024 x 1024")
    parser.add_argument("--sets", nargs="*", default=[], help="names; all by default")
    parser.add_argument("--speed", action="store_true", help="simplex against hash, in one run")
    parser.add_argument(
        "--materials", type=Path, default=Path(os.environ.get("NTC_MATERIALS", beside))
    )
    parser.add_argument("--out", type=Path, default=Path("encodings.json"))
    return parser.parse_args()


def load(folder: Path) -> tuple[np.ndarray, ...]:
    """Mips as uint16 storage values `[h, w, c]`."""
    return tuple(load_material(folder).mip_chain())


def problems(
    mips: tuple[np.ndarray, ...], bpp: float, options: argparse.Namespace
) -> dict[str, Problem]:
    """A fit of each encoding, all of the same size and length."""
    height, width, channels = mips[0].shape
    texels = int(options.texels * 1e6 * (width * height / 2**20) ** 0.5)
    plans = {name: plan_of_size(width, height, channels, bpp, name) for name in ENCODINGS}
    threads = os.cpu_count() or 1
    return {name: Problem(plan, mips, texels, 0, threads) for name, plan in plans.items()}


def plan_of_size(width: int, height: int, channels: int, bpp: float, encoding: str) -> Plan:
    """The largest plan whose model takes at most `bpp` bits of video memory a texel."""
    low, high = 0.0, 2 * bpp
    best = None
    for _ in range(20):
        middle = (low + high) / 2
        mips = mip_count(width, height)
        plan = make_plan(width, height, channels, mips, middle, encoding=encoding)
        if 8 * planned_bytes(plan) <= bpp * width * height:
            low, best = middle, plan
        else:
            high = middle
    assert best is not None, "no plan is that small"
    return best


def planned_bytes(plan: Plan) -> int:
    """Video memory of the model that a plan leads to."""
    tiles = sum(int(np.prod(tile_grid(*level.stored, TILE_LOG2))) for level in plan.levels)
    codes = sum(level.bits for level in plan.levels) // 8
    return codes + 8 * tiles + network_size(plan.widths) + plan.roles.size


def qualities(folder: Path, options: argparse.Namespace) -> Iterator[dict]:
    mips = load(folder)
    for bpp in options.bpp:
        candidates = problems(mips, bpp, options)
        plans = {name: problem.plan for name, problem in candidates.items()}
        chosen = choose(plans, mips[0], candidates["grid"].texels, lambda: None)
        yield {
            "set": folder.name,
            "bpp": bpp,
            "auto": chosen,
            "encodings": {name: quality(problem) for name, problem in candidates.items()},
        }


def quality(problem: Problem) -> dict:
    """PSNR per mip, size, and texels a second of the fit and the decoder."""
    start = time.perf_counter()
    model = quantize(loop.fit(Fit(problem), problem, lambda progress: None), problem.plan)
    fitted = time.perf_counter() - start
    decoder = NativeDecoder()
    decoded = [decoder.decode(model, mip) for mip in range(min(MIPS, model.mips))]
    seconds = min(timed(lambda: decoder.decode(model)) for _ in range(3))
    return {
        "psnr": [psnr(a, b) for a, b in zip(decoded, problem.mips, strict=False)],
        "bpp": round(8 * video_memory_bytes(model) / (model.width * model.height), 3),
        "fit": round(problem.texels / fitted / 1e6, 2),
        "decode": round(model.width * model.height / seconds / 1e6, 1),
    }


def speeds(folder: Path, options: argparse.Namespace) -> Iterator[dict]:
    """Seconds of `simplex` for one of `hash`: fit steps, whole mips, texels anywhere."""
    mips = load(folder)
    for bpp in options.bpp:
        candidates = {k: v for k, v in problems(mips, bpp, options).items() if k != "grid"}
        fits = {name: Fit(problem) for name, problem in candidates.items()}
        models = {name: quantize(fit.field(), fit.problem.plan) for name, fit in fits.items()}
        ratios = {
            "fit": ratio({name: lambda f=fit: steps(f) for name, fit in fits.items()}),
            "mip": ratio({name: lambda m=m: decode_mip(m) for name, m in models.items()}),
            "texels": ratio({name: lambda m=m: decode_texels(m) for name, m in models.items()}),
        }
        yield {"set": folder.name, "bpp": bpp, "ratios": ratios}


DECODER = {"hash": NativeDecoder(), "simplex": NativeDecoder()}


def steps(fit: Fit) -> None:
    for _ in range(250):
        fit.step(0.05, 0.005)


def decode_mip(model: QuantizedModel) -> None:
    decoder_of(model).decode(model)


def decode_texels(model: QuantizedModel) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, model.width, 1 << 20), rng.integers(0, model.height, 1 << 20)
    decoder_of(model).decode_texels(model, 0, x, y)


def decoder_of(model: QuantizedModel) -> NativeDecoder:
    return DECODER["simplex" if model.levels[0].layout.simplex else "hash"]


def ratio(contenders: dict[str, Callable[[], None]]) -> float:
    """Median over rounds of the seconds of `simplex` for one of `hash`, timed in turn."""
    for run in contenders.values():
        run()
    rounds = [{name: timed(run) for name, run in contenders.items()} for _ in range(9)]
    return round(statistics.median(r["simplex"] / r["hash"] for r in rounds), 3)


def timed(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    error = np.mean([np.mean((x - y) ** 2) for x, y in zip(unit(a), unit(b), strict=True)])
    return round(float(-10 * np.log10(max(error, 1e-12))), 2)


def unit(image: np.ndarray) -> Iterator[np.ndarray]:
    """Rows as real numbers 0..1."""
    return (line.astype(np.float64) / 65535 for line in image)


def row(result: dict) -> str:
    """A line of the Markdown table."""
    head = f"| {result['set']} | {result['bpp']:g} "
    if "ratios" in result:
        return head + "".join(f"| {value:.2f} " for value in result["ratios"].values()) + "|"
    cells = [
        f"| {r['psnr'][0]:.2f} (worst mip {min(r['psnr']):.2f}), {r['fit']:.1f}, {r['decode']:.0f} "
        for r in result["encodings"].values()
    ]
    return head + "".join(cells) + f"| {result['auto']} |"


def machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} threads"


if __name__ == "__main__":
    sys.exit(main())
