"""Which format a map is exported to, and which of its channels goes where.

What engines expect: colours in BC7 with the sRGB flag, normals as x and y in BC5, single channels
in BC4, packed maps in BC7, high dynamic range in BC6H. By itself a choice drops nothing but the z
of a normal, which sqrt(1 - x^2 - y^2) brings back, and an alpha that is 1 everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

from ntc.errors import UsageError
from ntc.format.metadata import MapRecord, Sample, Semantic
from ntc.transcode.formats import FORMATS, Alpha, TextureFormat
from ntc.transcode.samples import TOPS, exceeds_one, is_color


@dataclass(frozen=True)
class Layout:
    """How a map becomes a texture."""

    format: TextureFormat
    srgb: bool
    color: bool
    channels: tuple[int, ...]  # of the map, for red, green and blue
    alpha: int | None  # channel of the map; None: 1 everywhere
    alpha_kind: Alpha
    losses: tuple[str, ...]  # what the format does not keep, for people

    @property
    def sources(self) -> tuple[int, ...]:
        """The channels of the map that the texture holds, in its order."""
        return self.channels + (() if self.alpha is None else (self.alpha,))


def choose_layout(record: MapRecord, wanted: str = "auto") -> Layout:
    """The layout of a map in the format `wanted`, or in the one that suits it.

    Raises UsageError for a format that does not exist, or a map of more than four channels.
    """
    if wanted not in ("auto", *FORMATS):
        raise UsageError(f"format `{wanted}`: use auto, {', '.join(FORMATS)}")
    if len(record.channels) > 4:
        raise UsageError(
            f"`{record.name}` has {len(record.channels)} channels, and a texture holds 4; "
            "use --to exr, or --only for the other maps"
        )
    colors, alpha = _split(record)
    format = FORMATS[_suitable(record, colors, alpha) if wanted == "auto" else wanted]
    color = is_color(record)
    room = min(format.channels, 3)
    kept = colors * 3 if len(colors) == 1 and room == 3 else colors[:room]
    has_alpha = alpha is not None and format.channels == 4
    return Layout(
        format=format,
        srgb=color and format.has_srgb,
        color=color,
        channels=kept,
        alpha=alpha if has_alpha else None,
        alpha_kind=("opacity" if color else "data") if has_alpha else "none",
        losses=tuple(_losses(record, format, {*kept, alpha if has_alpha else None})),
    )


def _split(record: MapRecord) -> tuple[tuple[int, ...], int | None]:
    """The channels for red, green and blue, one alone where all are the same, and that for alpha.

    The second of two is alpha in a grey colour and green in data. An alpha of 1 is none.
    """
    alpha = _alpha(record)
    colors = tuple(i for i in range(len(record.channels)) if i != alpha)
    grey = len({_source(record, i) for i in colors}) == 1
    return (colors[:1] if grey else colors), None if _is_opaque(record) else alpha


def _alpha(record: MapRecord) -> int | None:
    count = len(record.channels)
    return count - 1 if count == 4 or (count == 2 and is_color(record)) else None


def _is_opaque(record: MapRecord) -> bool:
    alpha = _alpha(record)
    return alpha is None or record.channels[alpha].constant == TOPS[record.sample]


def _source(record: MapRecord, channel: int) -> tuple[object, ...]:
    source = record.channels[channel]
    return source.output, source.constant, source.inverted


def _suitable(record: MapRecord, colors: tuple[int, ...], alpha: int | None) -> str:
    normal = record.semantic is Semantic.NORMAL and len(colors) > 1
    if not normal and _is_hdr(record):
        # ispc_texcomp has no signed BC6H, and no BC6H has an alpha.
        return "bc6h" if alpha is None and record.low >= 0 else "rgba16f"
    if is_color(record) or alpha is not None:
        return "bc7"
    if normal or len(colors) == 2:
        return "bc5"
    return "bc4" if len(colors) == 1 else "bc7"


def _is_hdr(record: MapRecord) -> bool:
    """Whether 8 bits from 0 to 1 cannot hold it: linear colours, and values beyond."""
    if record.sample in (Sample.UINT8, Sample.UINT16):
        return False
    return is_color(record) or exceeds_one(record)


def _losses(record: MapRecord, format: TextureFormat, kept: set[int | None]) -> list[str]:
    label, normal = format.label, record.semantic is Semantic.NORMAL
    there = {_source(record, i) for i in kept if i is not None}
    losses = [
        f"{label} does not keep {channel.meaning}"
        for index, channel in enumerate(record.channels)
        if _source(record, index) not in there
        and not (normal and index == 2 and {0, 1} <= kept)
        and not (index == _alpha(record) and _is_opaque(record))
    ]
    if is_color(record) and format.dtype.kind == "u" and not format.has_srgb:
        losses.append(f"{label} has no sRGB variant: the shader has to turn it to linear light")
    if format.dtype.kind == "u" and exceeds_one(record):
        losses.append(f"{label} holds 0 to 1, and it goes from {record.low:g} to {record.high:g}")
    if format.name == "bc6h" and record.low < 0:
        losses.append(f"{label} holds nothing below 0, and it goes down to {record.low:g}")
    if record.semantic is Semantic.HEIGHT and record.sample is not Sample.UINT8:
        if format.dtype.kind == "u":
            losses.append(f"{label} keeps 8 bits of a height; --to png or exr keeps all")
    return losses
