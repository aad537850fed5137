"""Decoded maps as textures that GPUs sample by themselves: block compression, DDS and KTX2."""

from ntc.transcode import dds, ktx2
from ntc.transcode.blocks import Quality, check_installed
from ntc.transcode.formats import FORMATS, Texture, TextureFormat
from ntc.transcode.layout import Layout, choose_layout
from ntc.transcode.samples import exceeds_one, is_color, quantized, values
from ntc.transcode.texture import make_texture

__all__ = [
    "FORMATS",
    "Layout",
    "Quality",
    "Texture",
    "TextureFormat",
    "check_installed",
    "choose_layout",
    "dds",
    "exceeds_one",
    "is_color",
    "ktx2",
    "make_texture",
    "quantized",
    "values",
]
