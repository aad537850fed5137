"""Random legal models and files, most of them of shapes that no preset would choose."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ntc.format import spec
from ntc.format.container import NtcFile
from ntc.format.layout import DENSE, Layout, block_grid, stored_size
from ntc.format.metadata import (
    Channel,
    ColorSpace,
    Curve,
    FitRecord,
    MapRecord,
    Metadata,
    NormalConvention,
    Quality,
    Sample,
    Semantic,
)
from ntc.format.model import Layer, Level, QuantizedModel, pack_level, tile_grid

SIDES = (1, 2, 3, 5, 7, 8, 13, 16, 31, 37, 64, 97)
MOST_CODES = 12_000  # per level, so that a model takes milliseconds
LEVEL_COUNTS = (1, 1, 2, 2, 3, 4, 7, 16)
UNITS = (1, 3, 16, 17, 64, 128)

Rng = np.random.Generator
Roles = npt.NDArray[np.uint8]


def random_file(seed: int) -> NtcFile:
    """A legal file; every feature of the metadata occurs for some seed."""
    return NtcFile(random_model(seed), random_metadata(seed))


def random_model(seed: int) -> QuantizedModel:
    """A legal model; the same seed gives the same one."""
    rng = np.random.default_rng(seed)
    layouts = np.random.default_rng((seed, 2))
    width, height = (int(n) for n in rng.choice(SIDES, 2))
    mips = int(rng.integers(1, spec.full_mip_count(width, height) + 1))
    count = int(rng.choice(LEVEL_COUNTS))
    levels = tuple(random_level(rng, layouts, width, height) for _ in range(count))
    widest = max(level.features for level in levels)
    inputs = 1 + min(int(rng.integers(widest, 2 * widest + 8)), spec.MAX_WIDTH - 1)
    roles = np.stack([random_roles(rng, levels, inputs - 1) for _ in range(mips)])
    channels = int(rng.integers(1, spec.MAX_CHANNELS + 1))
    hidden = [int(n) for n in rng.choice(UNITS, int(rng.integers(0, spec.MAX_LAYERS)))]
    wild = bool(rng.random() < 0.3)
    layers = random_layers(rng, [inputs, *hidden, channels], wild=wild)
    wrap = (bool(rng.integers(2)), bool(rng.integers(2)))
    levels = tuple(some_simplex(layouts, level, wrap[1]) for level in levels)
    return QuantizedModel(width, height, mips, wrap, levels, roles, layers)


def random_level(rng: Rng, layouts: Rng, width: int, height: int) -> Level:
    """A level of at most this size, with mixed code widths and at times extreme latents."""
    full = rng.random() < 0.3
    size = (width, height) if full else tuple(int(rng.integers(1, n + 1)) for n in (width, height))
    layout = random_layout(layouts, *size)
    w, h = stored_size(*size, layout)
    features = int(rng.integers(1, 1 + max(min(spec.MAX_FEATURES, MOST_CODES // (w * h)), 1)))
    low, high = spec.TILE_LOG2_RANGE
    tile_log2 = int(rng.integers(low, high + 1))
    tiles = tile_grid(w, h, tile_log2)
    one_width = rng.random() < 0.3
    code_widths = rng.integers(0, 9, () if one_width else tiles) * np.ones(tiles, np.int64)
    steps = (1 << code_widths) - 1
    if rng.random() < 0.3:
        offsets = np.full(tiles, -spec.LATENT_LIMIT)
        scales = 2 * spec.LATENT_LIMIT // np.maximum(steps, 1)
    else:
        offsets = rng.integers(-spec.LATENT_LIMIT, spec.LATENT_LIMIT - steps + 1)
        scales = rng.integers(
            1, (spec.LATENT_LIMIT - offsets) // np.maximum(steps, 1) + 1 + (steps == 0)
        )
    scales = np.where(code_widths == 0, 0, scales)
    per_cell = steps.repeat(1 << tile_log2, 0)[:h].repeat(1 << tile_log2, 1)[:, :w, None]
    codes = rng.integers(0, per_cell + 1, (h, w, features))
    if rng.random() < 0.1:
        codes = np.broadcast_to(per_cell, codes.shape)
    return pack_level(
        codes.astype(np.uint8),
        code_widths.astype(np.uint8),
        offsets.astype(np.int16),
        scales.astype(np.uint16),
        tile_log2,
        size,
        layout,
    )


def random_layout(rng: Rng, width: int, height: int) -> Layout:
    """Squares: dense, in a table of at most 4096 cells, or masked with a block left at least."""
    kind = rng.choice(("dense", "hashed", "masked"), p=(0.4, 0.3, 0.3))
    if kind == "hashed":
        table_log2 = int(rng.integers(spec.TABLE_LOG2_RANGE[0], 13))
        return Layout(table_log2=table_log2, block_log2=int(rng.integers(0, table_log2 // 2 + 1)))
    if kind == "masked":
        block_log2 = int(rng.integers(2, 5))
        grid = block_grid(width, height, block_log2)
        mask = rng.random(grid) < rng.choice((0.1, 0.5, 0.9, 1.0))
        mask.flat[rng.integers(mask.size)] = True
        return Layout(block_log2=block_log2, mask=mask)
    return Layout()


def some_simplex(rng: Rng, level: Level, wrap_v: bool) -> Level:
    """The level, at times on triangles: not where they do not fit each other (rule L6)."""
    if rng.random() < 0.5 or (wrap_v and level.height % 2):
        return level
    return replace(level, layout=replace(level.layout, simplex=True))


def random_roles(rng: Rng, levels: tuple[Level, ...], free: int) -> Roles:
    """One row of roles: some levels, in any order of inputs, with gaps; at least one."""
    roles = np.full(len(levels), spec.NOT_READ, np.uint8)
    at = 0
    for i in rng.permutation(len(levels)):
        features = levels[i].features
        start = at + int(rng.integers(0, 3)) * int(rng.integers(0, 3))
        if at > 0 and rng.random() < 0.2:
            continue
        if start + features > free:
            start = at
        if start + features <= free:
            roles[i], at = start, start + features
    return roles


def random_layers(rng: Rng, widths: list[int], *, wild: bool) -> tuple[Layer, ...]:
    """Layers of these widths: shifts that keep values in range, or any legal number at all."""
    layers = []
    for i in range(len(widths) - 1):
        inputs, outputs = widths[i : i + 2]
        last = i == len(widths) - 2
        weights = rng.integers(-spec.WEIGHT_MAX, spec.WEIGHT_MAX + 1, (outputs, inputs))
        if wild and rng.random() < 0.5:
            weights = spec.WEIGHT_MAX * rng.choice((-1, 1), (outputs, inputs))
        if wild:
            shifts = rng.integers(0, spec.SHIFT_MAX + 1, outputs)
            biases = rng.integers(-spec.BIAS_MAX, spec.BIAS_MAX + 1, outputs)
            biases >>= rng.integers(0, 31, outputs)
            biases[0] = rng.choice((-1, 1)) * spec.BIAS_MAX
        else:
            spread = 4000 * np.sqrt(inputs) * (spec.OUTPUT_GAIN if last else 1)
            shifts = np.full(outputs, round(np.log2(spread / (20_000 if last else 64))))
            shifts = np.clip(shifts + rng.integers(-1, 2, outputs), 0, spec.SHIFT_MAX)
            middle = 32_768 if last else 0
            biases = (middle << shifts) + ((1 << shifts) >> 1) + rng.integers(-999, 1000, outputs)
        layers.append(
            Layer(weights.astype(np.int8), biases.astype(np.int32), shifts.astype(np.uint8))
        )
    return tuple(layers)


def wide_model(
    width: int,
    height: int,
    channels: int,
    hidden: tuple[int, ...] = (64, 64),
    wrap: tuple[bool, bool] = (True, False),
    layout: Layout = DENSE,
) -> QuantizedModel:
    """Of many blocks of texels, in the shape of the standard profile; a mask is made anew."""
    rng = np.random.default_rng(width)
    levels = []
    for shift, features in ((0, 1), (1, 3), (2, 8), (4, 4)):
        size = max(width >> shift, 1), max(height >> shift, 1)
        if layout.mask is not None:
            mask = rng.random(block_grid(*size, layout.block_log2)) < 0.6
            mask[0, 0] = True
            layout = replace(layout, mask=mask)
        w, h = stored_size(*size, layout)
        tiles = tile_grid(w, h, 4)
        code_widths = rng.integers(0, 9, tiles)
        scales = np.where(code_widths == 0, 0, 95)
        most = (1 << code_widths).repeat(16, 0)[:h].repeat(16, 1)[:, :w, None]
        codes = rng.integers(0, most, (h, w, features)).astype(np.uint8)
        offsets = rng.integers(-12000, -9000, tiles)
        levels.append(
            pack_level(
                codes,
                code_widths.astype(np.uint8),
                offsets.astype(np.int16),
                scales.astype(np.uint16),
                4,
                size,
                layout,
            )
        )
    mips = spec.full_mip_count(width, height)
    roles = np.tile(np.array([0, 1, 4, 12], np.uint8), (mips, 1))
    layers = random_layers(rng, [17, *hidden, channels], wild=False)
    return QuantizedModel(width, height, mips, wrap, tuple(levels), roles, layers)


def every_value_model() -> QuantizedModel:
    """128x192 texels of 4 channels, in which every storage value 0..65535 occurs."""
    levels = _ramp(128, (1, 128)), _ramp(192, (192, 1))
    layer = Layer(
        np.tile(np.array([1, 127, 0], np.int8), (4, 1)),  # sums -12256..12128 without a gap
        (64 * (32768 + np.arange(4))).astype(np.int32),
        np.full(4, 6, np.uint8),
    )
    roles = np.array([[0, 1]], np.uint8)
    return QuantizedModel(128, 192, 1, (False, False), levels, roles, (layer,))


def _ramp(cells: int, shape: tuple[int, int]) -> Level:
    """A level whose latents count up by one input step from -cells / 2."""
    tiles = -(-shape[0] // 64), -(-shape[1] // 64)
    offsets = 128 * (64 * np.arange(cells // 64) - cells // 2).reshape(tiles)
    codes = (np.arange(cells, dtype=np.uint8) % 64).reshape(*shape, 1)
    return pack_level(
        codes,
        np.full(tiles, 6, np.uint8),
        offsets.astype(np.int16),
        np.full(tiles, 128, np.uint16),
        6,
    )


def random_metadata(seed: int) -> Metadata:
    """Legal metadata for the model of the same seed."""
    model = random_model(seed)
    rng = np.random.default_rng((seed, 1))
    outputs = list(range(model.channels))
    maps = []
    while outputs and len(maps) < 60:
        take = min(int(rng.integers(1, 5)), len(outputs))
        maps.append(random_map(rng, model, len(maps), [outputs.pop() for _ in range(take)]))
    settings: dict[str, int | float | str | bool] = {"lr": 0.05, "steps": 9, "live": True, "a": "b"}
    fit = FitRecord(backend="none", effort="fast", seed=seed, texels=0, settings=settings)
    psnr = {record.name: None if rng.random() < 0.5 else 31.25 for record in maps}
    quality = Quality(psnr=30.5, maps=psnr)
    name = f"random {seed} äß"
    return Metadata(name=name, maps=tuple(maps), fit=fit, quality=quality, generator="tests")


def random_map(rng: Rng, model: QuantizedModel, index: int, outputs: list[int]) -> MapRecord:
    """A record that reads these outputs and perhaps a constant."""
    sample = list(Sample)[rng.integers(4)]
    semantic = list(Semantic)[rng.integers(len(Semantic))]
    channels = [
        Channel(meaning=f"{semantic}.{o}", output=o, inverted=bool(rng.integers(2)))
        for o in outputs
    ]
    if rng.random() < 0.5:
        channels.append(Channel(meaning="opacity", constant=255.0))
    real = sample in {Sample.HALF, Sample.FLOAT}
    return MapRecord(
        name=f"map{index}",
        file=f"map{index}.png",
        semantic=semantic,
        color_space=list(ColorSpace)[rng.integers(2)],
        sample=sample,
        width=int(rng.integers(1, model.width + 1)),
        height=int(rng.integers(1, model.height + 1)),
        curve=list(Curve)[rng.integers(2)] if real else Curve.LINEAR,
        low=0.25 if real else 0.0,
        high=12.5 if real else 1.0,
        normal=NormalConvention.DIRECTX if semantic is Semantic.NORMAL else None,
        channels=tuple(channels),
    )


def plain_file() -> NtcFile:
    """A small ordinary file: 17x13, 4 mips, 2 levels, a hidden layer, 3 channels in 2 maps.

    Its fine level begins with a tile of 3 bits and a constant one, and ends with spare bits.
    """
    rng = np.random.default_rng(7)
    code_widths = np.array([[3, 0], [5, 8]], np.uint8)
    steps = (1 << code_widths.astype(np.int64)) - 1
    per_cell = steps.repeat(8, 0)[:13].repeat(8, 1)[:, :15, None]
    fine = pack_level(
        rng.integers(0, per_cell + 1, (13, 15, 3)).astype(np.uint8),
        code_widths,
        np.array([[-700, 99], [0, -12800]], np.int16),
        np.array([[200, 0], [50, 100]], np.uint16),
        tile_log2=3,
    )
    coarse = pack_level(
        rng.integers(0, 16, (3, 4, 4)).astype(np.uint8),
        np.full((1, 1), 4, np.uint8),
        np.full((1, 1), -8000, np.int16),
        np.full((1, 1), 1000, np.uint16),
        tile_log2=2,
    )
    roles = np.array([[0, 3], [0, 3], [4, 0], [255, 1]], np.uint8)
    layers = random_layers(rng, [8, 5, 3], wild=False)
    model = QuantizedModel(17, 13, 4, (True, False), (fine, coarse), roles, layers)
    color = [Channel(meaning=f"albedo.{c}", output=i) for i, c in enumerate("rg")]
    mask = [Channel(meaning="mask", output=2), Channel(meaning="opacity", constant=255.0)]
    common = {"sample": Sample.UINT8, "width": 17, "height": 13}
    maps = (
        MapRecord(
            name="albedo",
            file="a.png",
            semantic=Semantic.ALBEDO,
            color_space=ColorSpace.SRGB,
            channels=tuple(color),
            **common,
        ),
        MapRecord(
            name="mask",
            file="m.png",
            semantic=Semantic.MASK,
            color_space=ColorSpace.LINEAR,
            channels=tuple(mask),
            **common,
        ),
    )
    fit = FitRecord(backend="none", effort="fast", seed=7, texels=0)
    quality = Quality(psnr=None, maps={"albedo": None, "mask": 40.0})
    return NtcFile(
        model, Metadata(name="plain", maps=maps, fit=fit, quality=quality, generator="t")
    )
