"""Rules that hold between parts: ranges of latents and accumulators, roles, metadata.

Both the writer and the reader call these, so that no program of ours writes what it would refuse.
Offsets count from the start of the section that the rule is about.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from ntc.errors import FormatError
from ntc.format import sections, spec
from ntc.format.layout import mask_words
from ntc.format.metadata import MapRecord, Metadata, Sample
from ntc.format.model import Layer, Level, QuantizedModel, tile_sides, tile_words
from ntc.format.sections import require

_HIGHEST: Final = {
    Sample.UINT8: 255.0,
    Sample.UINT16: 65535.0,
    Sample.HALF: float(np.finfo(np.float16).max),
    Sample.FLOAT: float(np.finfo(np.float32).max),
}


def check_model(model: QuantizedModel) -> None:
    """Raises FormatError unless every rule of chapters 4 to 7 holds."""
    check_roles(model)
    for i, layer in enumerate(model.layers):
        check_layer(i, layer)
    for level in model.levels:
        check_level(level)


def check_roles(model: QuantizedModel) -> None:
    """Rules R1 (features lie before the lod input), R2 (do not overlap), R3 (a level is read)."""
    free = model.inputs - 1
    first = sections.MODEL.size + sections.OUTLINE.size * len(model.levels)
    for mip, roles in enumerate(model.roles):
        taken = np.zeros(free, bool)
        at = first + mip * len(model.levels)
        for level, role in zip(model.levels, roles.tolist(), strict=True):
            if role == spec.NOT_READ:
                continue
            end = role + level.features
            require(end <= free, "R1", at, f"inputs {role}..{end - 1} in mip {mip}", f"< {free}")
            require(not taken[role:end].any(), "R2", at, f"input {role} twice in mip {mip}", "once")
            taken[role:end] = True
        require(bool(taken.any()), "R3", at, f"mip {mip} reads no level", "at least one")


def check_layer(index: int, layer: Layer) -> None:
    """Rules N2 (weights), N3 (biases), N4 (shifts): no accumulator leaves int32."""
    where = f"in layer {index}"
    low = int(layer.weights.min())
    require(low >= -spec.WEIGHT_MAX, "N2", 0, f"weight {low} {where}", f">= {-spec.WEIGHT_MAX}")
    bias = int(np.abs(layer.biases.astype(np.int64)).max())
    require(
        bias <= spec.BIAS_MAX,
        "N3",
        0,
        f"bias of size {bias} {where}",
        f"<= {spec.BIAS_MAX}",
    )
    shift = int(layer.shifts.max())
    require(shift <= spec.SHIFT_MAX, "N4", 0, f"shift {shift} {where}", f"<= {spec.SHIFT_MAX}")


def check_level(level: Level) -> None:
    """Rules D1 (widths), D3 (latents in range), D4 (canonical directory), D5 (no spare bits)."""
    mask = level.layout.mask
    first = 0 if mask is None else 4 * mask_words(mask.size)
    bad = np.flatnonzero(level.code_widths > 8)
    if bad.size:
        found = f"code width {level.code_widths.flat[bad[0]]}"
        raise FormatError("D1", first + 8 * int(bad[0]), found, "0..8")
    offsets = level.offsets.astype(np.int64)
    steps = (1 << level.code_widths.astype(np.int64)) - 1
    highest = offsets + level.scales * steps
    bad = np.flatnonzero((offsets < -spec.LATENT_LIMIT) | (highest > spec.LATENT_LIMIT))
    if bad.size:
        found = f"latents {offsets.flat[bad[0]]}..{highest.flat[bad[0]]}"
        raise FormatError("D3", first + 8 * int(bad[0]), found, f"within +-{spec.LATENT_LIMIT}")
    bad = np.flatnonzero((level.code_widths == 0) != (level.scales == 0))
    if bad.size:
        found = f"width {level.code_widths.flat[bad[0]]}, scale {level.scales.flat[bad[0]]}"
        raise FormatError("D4", first + 8 * int(bad[0]), found, "scale 0 just where the width is 0")
    _check_unused_bits(level, first)


def _check_unused_bits(level: Level, first: int) -> None:
    width, height = level.stored
    rows, columns = (tile_sides(n, level.tile_log2) for n in (height, width))
    used = np.outer(rows, columns) * level.features * level.code_widths.astype(np.int64)
    counts = tile_words(width, height, level.features, level.tile_log2, level.code_widths)
    spare = 32 * counts - used
    last = level.starts + counts - 1
    partial = np.flatnonzero(spare > 0)
    words = level.words[last.flat[partial]].astype(np.uint64)
    bad = np.flatnonzero(words >> (32 - spare.flat[partial]).astype(np.uint64))
    if bad.size:
        tile = int(partial[bad[0]])
        at = first + 8 * counts.size + 4 * int(last.flat[tile])
        raise FormatError("D5", at, f"bits set after tile {tile}", "zero")


def check_metadata(model: QuantizedModel, metadata: Metadata) -> None:
    """Rules J3 (unique names), J4 (outputs exist), J5 (sizes), J6 and J7 (numbers in range)."""
    for what in ("name", "file"):
        names = [getattr(m, what) for m in metadata.maps]
        twice = next((n for n in names if names.count(n) > 1), None)
        require(twice is None, "J3", 0, f"two maps with {what} `{twice}`", "one")
    for record in metadata.maps:
        size = f"{record.width}x{record.height}"
        fits = record.width <= model.width and record.height <= model.height
        require(fits, "J5", 0, f"map `{record.name}` of {size}", f"{model.width}x{model.height}")
        _check_channels(record, model.channels)


def _check_channels(record: MapRecord, outputs: int) -> None:
    highest = _HIGHEST[record.sample]
    whole = record.sample in {Sample.UINT8, Sample.UINT16}
    for channel in record.channels:
        if channel.output is not None:
            found = f"output {channel.output} in map `{record.name}`"
            require(channel.output < outputs, "J4", 0, found, f"< {outputs}")
        if channel.constant is not None:
            lowest = 0 if whole else -highest
            ok = lowest <= channel.constant <= highest
            ok = ok and (channel.constant == int(channel.constant) or not whole)
            found = f"constant {channel.constant} in map `{record.name}`"
            require(ok, "J6", 0, found, f"{record.sample}, {lowest:g}..{highest:g}")
    if not whole:
        found = f"range {record.low}..{record.high} of map `{record.name}`"
        ok = -highest <= record.low and record.high <= highest
        require(ok, "J7", 0, found, f"{-highest:g}..{highest:g}")
