"""Riveted steel plates in worn teal paint: scratched, chipped to the metal, rusting at seams."""

import numpy as np

from . import fields as f

PLATE_Y = 256.0
PAINT_THICKNESS = 0.9
PAINT = ("1d4a50", "2a6468", "357a7a", "4a8f8a")
RUST = ("2b140c", "5a2a12", "8a4518", "b0662a")
STEEL = ("6d6c6a", "8d8c89", "adaba6")


def plates() -> tuple[f.Field, f.Field]:
    """Distances [h, w] in pixels to the nearest plate seam and to the nearest rivet's centre."""
    x, y = f.grid()
    row = np.floor(y / PLATE_Y)
    v = y - (row + 0.5) * PLATE_Y
    u = f.wrapped(x - f.SIZE / 4.0 - row * f.SIZE / 2.0)
    seam = -f.box(u, v, (f.SIZE / 2.0, PLATE_Y / 2.0), 0.0)
    pitch = f.SIZE / 8.0
    along = (x % pitch) - pitch / 2.0
    rivet = np.hypot(along, PLATE_Y / 2.0 - np.abs(v) - 17.0)
    return seam, rivet


def scratches(count: int, rng: f.Rng) -> f.Field:
    """Depth [h, w] in [0, 1] of fine straight scratches, most of them in bundles."""
    x, y = f.grid()
    depth = np.zeros((f.SIZE, f.SIZE))
    angle, ax, ay = 0.0, 0.0, 0.0
    for i in range(count):
        if i % 5 == 0:
            angle, (ax, ay) = rng.normal(0.5, 0.7), rng.uniform(0.0, f.SIZE, 2)
        length = rng.uniform(15.0, 120.0)
        lean = angle + rng.normal(0.0, 0.06)
        sx, sy = np.add((ax, ay), rng.normal(0.0, 14.0, 2))
        ex, ey = sx + length * np.cos(lean), sy + length * np.sin(lean)
        away = f.segment(x, y, sx, sy, ex, ey)
        depth = np.maximum(depth, rng.uniform(0.3, 1.0) * f.smoothstep(1.5, 0.2, away))
    return depth


def make() -> dict[str, f.Map]:
    """albedo, normal, orm [h, w, 3]."""
    rng = np.random.default_rng(2)
    seam, rivet = plates()
    head = f.smoothstep(8.5, 7.5, rivet)
    dome = 3.6 * np.sqrt(np.clip(1.0 - (rivet / 8.5) ** 2, 0.0, 1.0))
    dents, blotch, fine = f.fbm(4, 2, rng), f.fbm(6, 6, rng, 0.6), f.fbm(48, 3, rng)
    groove = -4.0 * f.smoothstep(4.0, 1.5, seam)

    at_risk = 0.55 * np.exp(-seam / 9.0) + 0.33 * np.exp(-np.abs(rivet - 7.0) / 3.0)
    wear = blotch + 0.16 * fine + at_risk
    cuts = scratches(95, rng) * f.smoothstep(-0.5, 0.1, f.fbm(10, 3, rng))
    primed = f.smoothstep(0.39, 0.43, wear)
    bare = np.maximum(f.smoothstep(0.46, 0.49, wear), f.smoothstep(0.55, 0.75, cuts))
    corroded = wear + 0.45 * f.fbm(12, 4, rng) - 0.35 * np.exp(-rivet / 6.0)
    rust = bare * f.smoothstep(0.46, 0.74, corroded)
    bleed = f.drip(rust, 34) * f.smoothstep(-0.5, 0.6, f.fbm((3, 40), 2, rng))
    stain = np.clip(3.0 * bleed + 0.5 * f.blur(rust, 3.0), 0.0, 1.0)

    crust, brushed = f.fbm(56, 3, rng), f.fbm((64, 8), 3, rng)
    height = 2.2 * dents + groove + dome - 0.7 * f.smoothstep(11.5, 9.0, rivet) * (1 - head)
    height = height + PAINT_THICKNESS * (2.0 - primed - bare) / 2.0 - 0.8 * cuts * (1.0 - bare)
    height = height + rust * (0.5 + 1.1 * crust) + 0.10 * fine

    fade = 0.45 + 0.35 * dents + 0.18 * f.fbm(9, 4, rng) + 0.05 * fine
    paint = f.ramp(fade, PAINT)
    _, y = f.grid()
    band = f.coverage(np.abs(y - 1.5 * PLATE_Y) - 34.0)
    edge = f.coverage(np.abs(np.abs(y - 1.5 * PLATE_Y) - 44.0) - 4.0)
    cream = f.ramp(fade, ("b9ae90", "d2c8aa", "e2dac2"))
    paint = f.mix(paint, cream, np.maximum(band, edge))
    scuffed = 0.5 * cuts + 0.3 * f.smoothstep(0.27, 0.42, wear)
    paint = f.mix(paint, paint * 0.5 + 0.5 * f.rgb("c8cfc6"), scuffed)
    paint = f.mix(paint, f.rgb("7c7468"), primed)
    steel = f.ramp(0.5 + 0.5 * brushed, STEEL)
    metal = f.mix(steel, f.ramp(0.5 + 0.45 * crust + 0.3 * blotch, RUST), rust)
    albedo = f.mix(f.mix(paint, f.rgb("6b3415"), 0.8 * stain), metal, bare)

    occlusion = f.occlusion_of(height)
    dirt = f.smoothstep(0.98, 0.55, f.blur(occlusion, 2.0))
    albedo = f.mix(albedo, f.rgb("231d18"), 0.6 * dirt)
    rough = 0.40 + 0.10 * f.fbm(7, 4, rng) + 0.22 * scuffed + 0.28 * stain + 0.2 * primed
    rough = f.mix(f.mix(rough, 0.34 + 0.10 * brushed, bare), 0.9 + 0.06 * crust, rust)
    rough = f.mix(rough, 0.85, 0.6 * dirt)
    return {
        "albedo": f.encode(albedo),
        "normal": f.encode_normal(f.normal_of(height)),
        "orm": f.pack_orm(occlusion, rough, bare * (1.0 - rust) * (1.0 - 0.6 * dirt)),
    }
