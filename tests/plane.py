"""A tilted plane drawn through tests/shaders/plane.comp, and what it should look like."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from compute import Compute, spirv_of

from ntc.decode import open_decoder, words
from ntc.format.model import QuantizedModel
from ntc.texture import TextureSet
from ntc.texture.mips import mip_chain

ROOT = Path(__file__).resolve().parents[1]
FILTERS = ("texel", "filtered", "exact", "stochastic")  # in the order of NTC_FILTER_
SAMPLES_LOG2 = 3  # 8 x 8 samples a pixel

Picture = npt.NDArray[np.float32]  # [h, w, channels], 0..1
View = npt.NDArray[np.float64]  # [3, 3]: pixel (x, y, 1) -> u, v, and what both are divided by

_JOB = np.dtype(
    [
        ("rows", "f4", (3, 4)),
        *((name, "u4") for name in ("width", "height", "channels", "how", "frame")),
        ("bias", "f4"),
        ("padding", "u4", 2),
    ]
)


def plane_view(pixels: int, texels: int, turn: float = 0.4) -> View:
    """A square picture of a plane that leans back, on which 0..1 are `texels` texels.

    The bottom edge is at distance 1, the top edge at 5. A pixel covers as many texels across as its
    distance, and half of its square along the slope: lods are 0 to 4. `turn` is the angle of the
    material on the plane.
    """
    across, along, far = 1.0, 0.5, 5.0
    tilt = 1 - 1 / far
    # 1 / distance is linear in y. Distances themselves lie along the slope.
    inverse = np.array([0, tilt / pixels, 1 / far])
    right = np.array([across, 0, -across * pixels / 2])
    up = np.array([0, 0, along * pixels / tilt])
    cos, sin = np.cos(turn), np.sin(turn)
    return np.stack([(cos * right + sin * up), (cos * up - sin * right), texels * inverse])


def lods(view: View, pixels: int, texels: int) -> npt.NDArray[np.float64]:
    """`[h, w]` as ntc_lod has it."""
    at, right, below = (uv_at(view, *centres(pixels, shift)) for shift in ((0, 0), (1, 0), (0, 1)))
    lengths = (np.hypot(*(other - at)) for other in (right, below))
    return np.log2(texels * np.maximum(*lengths))


def centres(pixels: int, shift: tuple[float, float] = (0, 0)) -> tuple[np.ndarray, np.ndarray]:
    """x and y of the pixels' middles, shifted by a part of a pixel."""
    y, x = np.mgrid[:pixels, :pixels] + 0.5
    return x + shift[0], y + shift[1]


def uv_at(view: View, x: np.ndarray, y: np.ndarray) -> npt.NDArray[np.float64]:
    """`[2, ...]` u and v."""
    u, v, w = (row[0] * x + row[1] * y + row[2] for row in view)
    return np.stack([u / w, v / w])


def supersampled(textures: TextureSet, view: View, pixels: int) -> Picture:
    """The picture with 8 x 8 samples a pixel of the original images, which wrap.

    Samples are averaged as texels are on the way to a coarser mip: colours in linear light.
    """
    fine = pixels << SAMPLES_LOG2
    x, y = (at / (1 << SAMPLES_LOG2) for at in centres(fine))
    image = np.empty((fine, fine, textures.channels.shape[2]), np.uint16)
    for rows in np.array_split(np.arange(fine), pixels):
        u, v = uv_at(view, x[rows], y[rows])
        image[rows] = np.rint(bilinear(textures.channels, u, v))
    picture = mip_chain(image, textures.maps, SAMPLES_LOG2 + 1)[-1]
    return (picture / 65535).astype(np.float32)


def trilinear(mips: list[np.ndarray], view: View, pixels: int) -> Picture:
    """The picture with a trilinear sample a pixel of square mips 0..1, in floating point."""
    u, v = uv_at(view, *centres(pixels))
    lod = np.clip(lods(view, pixels, len(mips[0])), 0, len(mips) - 1)[..., None]
    weights = (np.maximum(1 - np.abs(lod - i), 0) for i in range(len(mips)))
    return sum(weight * bilinear(mip, u, v) for weight, mip in zip(weights, mips, strict=True))


def bilinear(image: np.ndarray, u: np.ndarray, v: np.ndarray) -> Picture:
    height, width = image.shape[:2]
    x, y = (u * width - 0.5).astype(np.float32), (v * height - 0.5).astype(np.float32)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    fx, fy = (x - left)[..., None], (y - top)[..., None]
    upper, lower = (
        image[row, left % width] * (1 - fx) + image[row, (left + 1) % width] * fx
        for row in (top % height, (top + 1) % height)
    )
    return upper + (lower - upper) * fy


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """In dB, over all channels, of values 0..1."""
    return -10 * float(np.log10(np.mean((a.astype(np.float64) - b) ** 2)))


def mip_psnrs(model: QuantizedModel, textures: TextureSet, count: int) -> list[float]:
    """In dB, at the centres of the texels of mips 0, 1, ..."""
    decoder, chain = open_decoder(), textures.mip_chain(count)
    return [psnr(decoder.decode(model, i) / 65535, mip / 65535) for i, mip in enumerate(chain)]


class Plane:
    """Draws a view with any material and filter."""

    def __init__(self, folder: Path, view: View, pixels: int) -> None:
        """`folder` is for the compiled shader."""
        source = ROOT / "tests" / "shaders" / "plane.comp"
        include = f"-I{ROOT / 'shaders' / 'generated'}"
        self.shader = Compute(spirv_of(source, folder / "plane.spv", include), "main", 3)
        self.view, self.pixels = view, pixels

    def draw(self, model: QuantizedModel, how: str, frame: int = 0, bias: float = 0) -> Picture:
        """A frame; another one differs where the filter is stochastic. `bias` adds to the lod."""
        job = np.zeros(1, _JOB)
        job["rows"][0, :, :3] = self.view
        job["width"] = job["height"] = self.pixels
        job["channels"], job["how"] = model.channels, FILTERS.index(how)
        job["frame"], job["bias"] = frame, bias
        picture = np.zeros((self.pixels, self.pixels, model.channels), np.float32)
        groups = -(-self.pixels * self.pixels // 64)
        return self.shader.run(groups, job, words.pack(model), picture)
