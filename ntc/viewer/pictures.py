"""Small pictures of maps and of their errors, as data URIs and SVG for pages without a server."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ntc.comparison import Floats
from ntc.decode.region import Rect
from ntc.format import spec
from ntc.texture import write_image
from ntc.texture.screen import screen_bytes

GAIN: Final = 8  # of differences

_LAST_BAR: Final = 16  # steps of 1/255, and all errors above
_BAR, _HEIGHT, _LABELS = 17, 90, 14  # pixels


def middle(width: int, height: int, side: int) -> Rect:
    """The rectangle of at most so many texels a side in the middle."""
    w, h = min(width, side), min(height, side)
    return (width - w) // 2, (height - h) // 2, w, h


def overview(width: int, height: int, mips: int, side: int) -> tuple[int, Rect]:
    """The finest mip of at most so many texels a side, all of it, or the middle of the coarsest."""
    sizes = [spec.mip_size(width, height, mip) for mip in range(mips)]
    mip = next((mip for mip, size in enumerate(sizes) if max(size) <= side), mips - 1)
    return mip, middle(*sizes[mip], side)


def png(pixels: npt.NDArray[Any]) -> str:
    """Samples of a map as a data URI."""
    with TemporaryDirectory() as folder:
        scratch = Path(folder) / "picture.png"
        write_image(scratch, screen_bytes(pixels))
        return f"data:image/png;base64,{b64encode(scratch.read_bytes()).decode()}"


def difference(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """`GAIN` times the difference of two pictures."""
    apart = np.abs(screen_bytes(a).astype(np.int16) - screen_bytes(b))
    amplified: npt.NDArray[np.uint8] = np.minimum(GAIN * apart, 255).astype(np.uint8)
    return amplified


def error_bars(a: Floats, b: Floats) -> str:
    """How many samples are off by so many steps of 1/255, as SVG; the last bar has all others."""
    steps = np.minimum(np.rint(255 * np.abs(a - b)), _LAST_BAR).astype(np.int64)
    shares = np.bincount(steps.ravel(), minlength=_LAST_BAR + 1) / max(steps.size, 1)
    largest, bars = max(float(shares.max()), 1e-9), []
    for step, share in enumerate(shares):
        tall = _HEIGHT * float(share) / largest
        left, label = step * _BAR, f"{step}+" if step == _LAST_BAR else f"{step}"
        bars.append(
            f'<g><title>{label}: {share:.2%}</title><rect x="{left}" y="{_HEIGHT - tall:.1f}" '
            f'width="{_BAR - 2}" height="{tall:.1f}"/><text x="{left + _BAR // 2}" '
            f'y="{_HEIGHT + _LABELS - 3}" text-anchor="middle" font-size="9">{label}</text></g>'
        )
    width, height = _BAR * (_LAST_BAR + 1), _HEIGHT + _LABELS
    return f'<svg class="bars" width="{width}" height="{height}">{"".join(bars)}</svg>'
