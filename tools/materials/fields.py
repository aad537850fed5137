"""Fields on a periodic grid of SIZE x SIZE pixels: noise, filters, shapes, and maps of them.

Lengths and heights are in pixels, x grows to the right and y downwards, and every field wraps.
Colours are sRGB in [0, 1].
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SIZE = 512

Field = NDArray[np.float64]
Map = NDArray[np.uint8] | NDArray[np.uint16]
Rng = np.random.Generator


def grid() -> tuple[Field, Field]:
    """Pixel centres x and y, each [h, w], in (0, SIZE)."""
    y, x = np.mgrid[0:SIZE, 0:SIZE] + 0.5
    return x, y


def wrapped(distance: Field) -> Field:
    """The same signed distance along one axis of the torus, in [-SIZE/2, SIZE/2)."""
    return (distance + SIZE / 2) % SIZE - SIZE / 2


def smoothstep(low: float, high: float, x: Field) -> Field:
    """Hermite step from 0 at `low` to 1 at `high`; falls where high < low."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def mix(a: Field | float, b: Field | float, t: Field | float) -> Field:
    """Linear blend from `a` (t = 0) to `b` (t = 1); t [h, w] also blends colours [h, w, 3]."""
    if max(np.ndim(a), np.ndim(b)) == 3 or np.shape(a) == (3,) or np.shape(b) == (3,):
        t = np.asarray(t)[..., None]
    return np.asarray(a + (b - a) * t)


# Noise -------------------------------------------------------------------------------------------


def perlin(cells_y: int, cells_x: int, rng: Rng) -> Field:
    """Gradient noise [h, w] in about [-1, 1] on a periodic lattice of cells_y x cells_x."""
    angle = rng.uniform(0.0, 2.0 * np.pi, (cells_y, cells_x))
    x, y = grid()
    x, y = x * cells_x / SIZE, y * cells_y / SIZE
    ix, iy = x.astype(int), y.astype(int)
    fx, fy = x - ix, y - iy

    def corner(dx: int, dy: int) -> Field:
        a = angle[(iy + dy) % cells_y, (ix + dx) % cells_x]
        return np.cos(a) * (fx - dx) + np.sin(a) * (fy - dy)

    tx, ty = (t * t * t * (t * (t * 6 - 15) + 10) for t in (fx, fy))
    top, bottom = mix(corner(0, 0), corner(1, 0), tx), mix(corner(0, 1), corner(1, 1), tx)
    return 1.4 * mix(top, bottom, ty)


def fbm(cells: int | tuple[int, int], octaves: int, rng: Rng, gain: float = 0.5) -> Field:
    """Fractal sum of gradient noise [h, w] in about [-1, 1]; cells are (y, x) of octave 0."""
    cells_y, cells_x = (cells, cells) if isinstance(cells, int) else cells
    weights = gain ** np.arange(octaves)
    layers = [w * perlin(cells_y << i, cells_x << i, rng) for i, w in enumerate(weights)]
    return 1.3 * np.sum(layers, axis=0) / weights.sum()


def pits(cells: int, radius: float, rng: Rng) -> Field:
    """Round hollows [h, w], 1 at their centres and 0 outside, at most one per lattice cell."""
    centre = rng.uniform(0.2, 0.8, (cells, cells, 2))
    reach = radius * rng.uniform(0.0, 1.0, (cells, cells)) ** 7 + 1e-6
    x, y = grid()
    pitch = SIZE / cells
    ix, iy = (x / pitch).astype(int), (y / pitch).astype(int)
    depth = np.zeros((SIZE, SIZE))
    for dy, dx in np.ndindex(3, 3):
        jx, jy = ix + dx - 1, iy + dy - 1
        cx, cy = np.moveaxis(centre[jy % cells, jx % cells], -1, 0)
        away = np.hypot(x - (jx + cx) * pitch, y - (jy + cy) * pitch)
        depth = np.maximum(depth, 1.0 - away / reach[jy % cells, jx % cells])
    return smoothstep(0.0, 1.0, depth)


# Filters -----------------------------------------------------------------------------------------


def blur(field: Field, sigma: float) -> Field:
    """Periodic Gaussian blur of [h, w] with standard deviation `sigma` pixels."""
    frequency = np.fft.fftfreq(SIZE)
    gain = np.exp(-2.0 * (np.pi * sigma * frequency) ** 2)
    return np.fft.ifft2(np.fft.fft2(field) * gain[:, None] * gain).real


def drip(field: Field, length: int) -> Field:
    """The field smeared downwards, fading over `length` pixels; a constant is unchanged."""
    fade = np.exp(-np.arange(3 * length) / length)
    fade /= fade.sum()
    return np.sum([w * np.roll(field, i, 0) for i, w in enumerate(fade)], axis=0)


# Shapes: signed distances, negative inside -------------------------------------------------------


def box(x: Field, y: Field, half: tuple[Field | float, Field | float], radius: float) -> Field:
    """Distance to a box about the origin with the given half sizes and corner radius."""
    qx, qy = np.abs(x) - half[0] + radius, np.abs(y) - half[1] + radius
    outside = np.hypot(np.maximum(qx, 0.0), np.maximum(qy, 0.0))
    return outside + np.minimum(np.maximum(qx, qy), 0.0) - radius


def segment(x: Field, y: Field, ax: float, ay: float, bx: float, by: float) -> Field:
    """Unsigned distance to the segment from a to b, on the torus."""
    dx, dy = wrapped(x - ax), wrapped(y - ay)
    ex, ey = bx - ax, by - ay
    t = np.clip((dx * ex + dy * ey) / max(ex * ex + ey * ey, 1e-9), 0.0, 1.0)
    return np.hypot(dx - t * ex, dy - t * ey)


def coverage(distance: Field) -> Field:
    """Fraction of the pixel inside the shape, in [0, 1]."""
    return np.clip(0.5 - distance, 0.0, 1.0)


# Colour ------------------------------------------------------------------------------------------


def rgb(code: str) -> Field:
    """[3] in [0, 1] from six hexadecimal digits."""
    return np.frombuffer(bytes.fromhex(code), np.uint8) / 255.0


def ramp(t: Field, codes: Sequence[str]) -> Field:
    """[h, w, 3]: piecewise linear through the colours as t [h, w] goes from 0 to 1."""
    stops = np.linspace(0.0, 1.0, len(codes))
    colours = np.array([rgb(code) for code in codes])
    return np.stack([np.interp(t, stops, channel) for channel in colours.T], -1)


# Maps derived from height -----------------------------------------------------------------------


def normal_of(height: Field) -> Field:
    """Unit normals [h, w, 3], OpenGL: x right, y up, z out of the surface."""
    slope_x = (np.roll(height, -1, 1) - np.roll(height, 1, 1)) / 2.0
    slope_y = (np.roll(height, 1, 0) - np.roll(height, -1, 0)) / 2.0
    normal = np.stack([-slope_x, -slope_y, np.ones_like(height)], -1)
    return normal / np.linalg.norm(normal, axis=-1, keepdims=True)


def occlusion_of(height: Field, strides: Sequence[int] = (1, 2, 4, 7, 12, 20)) -> Field:
    """Cosine-weighted sky visibility [h, w] in [0, 1] from the horizon in eight directions."""
    visible = np.zeros_like(height)
    for dy, dx in ((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1)):
        horizon = np.zeros_like(height)
        for stride in strides:
            rise = np.roll(height, (dy * stride, dx * stride), (0, 1)) - height
            horizon = np.maximum(horizon, rise / (stride * np.hypot(dx, dy)))
        visible += 1.0 / (8.0 * (1.0 + horizon**2))
    return visible


def encode(field: Field) -> NDArray[np.uint8]:
    """[0, 1] as 8-bit codes, rounded."""
    return np.round(np.clip(field, 0.0, 1.0) * 255.0).astype(np.uint8)


def encode_normal(normal: Field) -> NDArray[np.uint8]:
    """Unit vectors [h, w, 3] as 8-bit codes; 128 stands for zero."""
    return np.round(normal * 127.0 + 128.0).astype(np.uint8)


def encode_height(height: Field) -> NDArray[np.uint16]:
    """Heights [h, w] as 16-bit codes that fill the whole range."""
    span = (height - height.min()) / (height.max() - height.min())
    return np.round(span * 65535.0).astype(np.uint16)


def pack_orm(occlusion: Field, roughness: Field, metalness: Field) -> NDArray[np.uint8]:
    """[h, w, 3] codes with R occlusion, G roughness, B metalness."""
    return encode(np.stack([occlusion, roughness, metalness], -1))
