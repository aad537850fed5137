"""Images of a material in, a stack of channels out, and back: see `load_material`."""

from ntc.texture.images import Header, bands_of, read_image, write_bands, write_image
from ntc.texture.mips import mip_chain, mip_count
from ntc.texture.room import Memory, Room, Scratch
from ntc.texture.sources import Listing, matches
from ntc.texture.texture_set import (
    TextureSet,
    as_written,
    load_material,
    maps_from_outputs,
    measure_material,
    resize_map_bands,
)

__all__ = [
    "Header",
    "Listing",
    "Memory",
    "Room",
    "Scratch",
    "TextureSet",
    "as_written",
    "bands_of",
    "load_material",
    "maps_from_outputs",
    "matches",
    "measure_material",
    "mip_chain",
    "mip_count",
    "read_image",
    "resize_map_bands",
    "write_bands",
    "write_image",
]
