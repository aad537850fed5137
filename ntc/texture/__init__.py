"""Images of a material in, a stack of channels out, and back: see `load_material`."""

from ntc.texture.images import read_image, write_image
from ntc.texture.mips import mip_chain, mip_count
from ntc.texture.sources import matches
from ntc.texture.texture_set import (
    TextureSet,
    as_written,
    load_material,
    maps_from_outputs,
    measure_material,
    resize_map,
)

__all__ = [
    "TextureSet",
    "as_written",
    "load_material",
    "maps_from_outputs",
    "matches",
    "measure_material",
    "mip_chain",
    "mip_count",
    "read_image",
    "resize_map",
    "write_image",
]
