"""What can be asked of a decoder: rectangles and texels that exist."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ntc.errors import UsageError
from ntc.format import spec
from ntc.format.model import QuantizedModel

Rect = tuple[int, int, int, int]  # x, y, width, height


def mip_size(model: QuantizedModel, mip: int) -> tuple[int, int]:
    """Width and height of a mip. Raises UsageError if it does not exist."""
    if not 0 <= mip < model.mips:
        raise UsageError(f"mip {mip} does not exist: the file has mips 0..{model.mips - 1}")
    return spec.mip_size(model.width, model.height, mip)


def rectangle(model: QuantizedModel, mip: int, rect: Rect | None) -> Rect:
    """The rectangle, or all of the mip. Raises UsageError unless it lies within the mip."""
    width, height = mip_size(model, mip)
    x, y, w, h = rect if rect is not None else (0, 0, width, height)
    if not (0 <= x and 0 <= y and w > 0 and h > 0 and x + w <= width and y + h <= height):
        raise UsageError(f"rectangle {rect} does not lie within mip {mip} of {width}x{height}")
    return x, y, w, h


def check_texels(
    model: QuantizedModel, mip: int, x: npt.NDArray[np.integer], y: npt.NDArray[np.integer]
) -> None:
    """Raises UsageError unless every texel `(x[i], y[i])` lies within the mip."""
    width, height = mip_size(model, mip)
    if x.size and not (0 <= x.min() and x.max() < width and 0 <= y.min() and y.max() < height):
        raise UsageError(f"a texel lies outside mip {mip} of {width}x{height}")


def check_samples(
    model: QuantizedModel,
    u: npt.NDArray[np.integer],
    v: npt.NDArray[np.integer],
    lod8: npt.NDArray[np.integer],
) -> None:
    """Raises UsageError unless every sample `(u[i], v[i], lod8[i])` lies within the material."""
    most = (1 << spec.POSITION_BITS) - 1
    limits = {"u": (u, most), "v": (v, most), "lod": (lod8, spec.LOD_STEP * (model.mips - 1))}
    for name, (values, limit) in limits.items():
        if values.size and not (0 <= values.min() and values.max() <= limit):
            raise UsageError(f"{name} of a sample lies outside 0..{limit}")
