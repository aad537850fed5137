"""The words that file names use for maps, as data.

Every entry is a whole word (or a run of words written together), lower case, without separators.
The convention each one comes from is noted where it is not common to all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ntc.format.metadata import NormalConvention, Semantic


@dataclass(frozen=True)
class Role:
    """What one image of a material is for.

    `packing` has one entry a channel for images that hold several maps; `~` before a meaning
    says that the image stores 1 - x of it.
    """

    name: str
    semantic: Semantic
    srgb: bool = False
    inverted: bool = False
    packing: tuple[str, ...] = ()
    normal: NormalConvention | None = None


OTHER = Role("other", Semantic.OTHER)
IGNORED = Role("ignored", Semantic.OTHER)

_NORMAL = Role("normal", Semantic.NORMAL)
_NORMAL_GL = replace(_NORMAL, normal=NormalConvention.OPENGL)
_NORMAL_DX = replace(_NORMAL, normal=NormalConvention.DIRECTX)

_SINGLE: dict[Role, str] = {
    Role("albedo", Semantic.ALBEDO, srgb=True): (
        "basecolor basecolour albedo diffuse diff color colour col bc alb base diffusecolor "
        "albedotransparency basemap"
    ),
    Role("opacity", Semantic.OPACITY): (
        "opacity alpha transparency cutout alphamask opacitymask coverage"
    ),
    Role("mask", Semantic.MASK): "mask",
    _NORMAL: "normal normals nor nrm nrml norm nmap normalmap",
    _NORMAL_GL: "normalgl norgl nrmgl normalopengl normalogl normalsgl ogl",
    _NORMAL_DX: "normaldx nordx nrmdx normaldirectx normalsdx",
    Role("bump", Semantic.BUMP): "bump bmp bumpmap",
    Role("roughness", Semantic.ROUGHNESS): "roughness rough rgh rgns",
    Role("glossiness", Semantic.ROUGHNESS, inverted=True): (
        "gloss glossy glossiness smoothness smooth"
    ),
    Role("metalness", Semantic.METALNESS): "metalness metallic metal mtl mtlc metallness",
    Role("ao", Semantic.AO): "ao ambientocclusion occlusion occ mixedao",
    Role("cavity", Semantic.CAVITY): "cavity curvature",
    Role("thickness", Semantic.TRANSMISSION): "thickness",
    Role("height", Semantic.HEIGHT): (
        "height heightmap displacement displace disp dsp dp depth depthmap"
    ),
    Role("specular", Semantic.SPECULAR, srgb=True): (
        "specular spec spc specularcolor speccolor refl reflection"
    ),
    Role("specular_level", Semantic.SPECULAR_LEVEL): "specularlevel speclevel",
    Role("emissive", Semantic.EMISSIVE, srgb=True): (
        "emissive emission emit glow selfillum emissioncolor emissivecolor emissivemap"
    ),
    Role("transmission", Semantic.TRANSMISSION): "transmission trans",
    Role("translucency", Semantic.TRANSMISSION, srgb=True): (
        "translucency translucent sss subsurface"
    ),
    Role("sheen", Semantic.SHEEN): "sheen fuzz",
    Role("sheen_color", Semantic.SHEEN, srgb=True): "sheencolor sheencolour",
    Role("clearcoat", Semantic.CLEARCOAT): "clearcoat coat",
    Role("anisotropy", Semantic.ANISOTROPY): "anisotropy aniso anisotropystrength",
    Role("anisotropy_rotation", Semantic.ANISOTROPY): "anisotropyrotation anisotropyangle",
}

_PACKED: dict[str, tuple[str, str]] = {
    # name: (one meaning a channel, words)
    "orm": (
        "ao roughness metalness",
        "orm arm aorm occlusionroughnessmetallic occlusionroughnessmetalness "
        "occlusionroughmetal ambientocclusionroughnessmetallic aoroughnessmetallic aoroughmetal",
    ),
    "ormh": ("ao roughness metalness height", "ormh armh"),
    "rma": ("roughness metalness ao", "rma rmo roughnessmetallicocclusion roughmetalao"),
    "mra": ("metalness roughness ao", "mra mrao mro metallicroughnessocclusion"),
    "metallic_roughness": (
        "unused roughness metalness",
        "metallicroughness metalroughness metalnessroughness metalrough roughnessmetallic",
    ),
    "mask_map": ("metalness ao detail ~roughness", "maskmap mods"),
    "metallic_smoothness": (
        "metalness metalness.g metalness.b ~roughness",
        "metallicsmoothness metallicglossmap metallicgloss metallicglossiness",
    ),
    "specular_glossiness": (
        "specular.r specular.g specular.b ~roughness",
        "specularglossiness specularsmoothness specgloss specglossmap",
    ),
}

_IGNORED = (
    "preview previews prev thumb thumbs thumbnail thumbnails render renders sphere icon icons "
    "billboard readme"
)
# Names that are known to hold several maps in an order nobody states: never guessed.
_UNKNOWN = "roughao detailmap"


def _packed(name: str, meanings: str) -> Role:
    semantic = Semantic.SPECULAR if name == "specular_glossiness" else Semantic.PACKED
    srgb = semantic is Semantic.SPECULAR
    return Role(name, semantic, srgb=srgb, packing=tuple(meanings.split()))


WORDS: dict[str, Role] = {
    **{word: role for role, words in _SINGLE.items() for word in words.split()},
    **{
        word: _packed(name, meanings)
        for name, (meanings, words) in _PACKED.items()
        for word in words.split()
    },
    **dict.fromkeys(_IGNORED.split(), IGNORED),
    **dict.fromkeys(_UNKNOWN.split(), OTHER),
}

# `rusty_metal_rough` is a roughness map of rusty metal, so these count only when written as one
# word (`metalRough`), not across a separator.
ONE_WORD = frozenset("metalrough metalroughness roughmetal aorough metalgloss".split())

# Unreal and older game pipelines; a letter counts only last, and only when siblings confirm it.
LETTERS: dict[str, Role] = {
    letter: WORDS[word]
    for letter, word in {
        "d": "diffuse",
        "c": "color",
        "b": "basecolor",
        "n": "normal",
        "r": "roughness",
        "m": "metallic",
        "o": "occlusion",
        "a": "alpha",
        "h": "height",
        "s": "specular",
        "e": "emissive",
        "g": "gloss",
        "t": "transmission",
    }.items()
}

# Words that say how an image is stored, not what it shows.
STORAGE_WORDS = frozenset(
    "png jpg jpeg tga tif tiff exr hdr 8bit 16bit 32bit 8b 16b bit srgb linear lin raw acescg "
    "rec709 utility noncolor hires lowres".split()
)
