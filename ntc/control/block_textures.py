"""The PSNR that block compression of a material's maps reaches: what `--match bc7` asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from ntc import metrics, transcode
from ntc.control.targets import outputs_of
from ntc.format.metadata import MapRecord, Semantic
from ntc.texture import bands_of
from ntc.transcode.blocks import decode, encode
from ntc.transcode.formats import bc_format

_MOST_PLANES = 4  # of a texture


def block_psnr(
    image: npt.NDArray[np.uint16], maps: Sequence[MapRecord], ease: Callable[[], None]
) -> float | None:
    """PSNR in dB of the mip 0 `[h, w, channels]` of a material as BC7, BC5 and BC4.

    BC7 for normals and for 3 or 4 channels of a map, BC5 for 2, BC4 for 1, each channel once.
    Raises RuntimeFailure if the packages of `ntc[transcode]` are not installed.
    """
    transcode.check_installed()
    errors = np.zeros(image.shape[2])
    taken: set[int] = set()
    for record in maps:
        own = [output for output in outputs_of(maps, record.name) if output not in taken]
        taken |= set(own)
        for first in range(0, len(own), _MOST_PLANES):
            planes = own[first : first + _MOST_PLANES]
            normal = record.semantic is Semantic.NORMAL
            errors[planes] = _errors(image, planes, bc_format(len(planes), normal=normal), ease)
    return metrics.set_psnr(errors, maps).psnr


def _errors(
    image: npt.NDArray[np.uint16],
    planes: Sequence[int],
    format: transcode.TextureFormat,
    ease: Callable[[], None],
) -> npt.NDArray[np.float64]:
    """`[planes]` mean squared error; what the format has beside them is white."""

    def bands() -> Iterator[tuple[metrics.Storage, metrics.Storage]]:
        for rows in bands_of(*image.shape[:2]):
            exact = image[rows][:, :, planes]
            texels = np.full((*exact.shape[:2], format.encoded_channels), 255, np.uint8)
            texels[:, :, : len(planes)] = (exact.astype(np.uint32) + 128) // 257
            height, width, _ = exact.shape
            read = decode(encode(texels, format, "slow"), format, width, height)
            yield read[:, :, : len(planes)].astype(np.uint16) * np.uint16(257), exact
            ease()

    return metrics.banded_mse(bands())
