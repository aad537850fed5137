"""A reactor control panel: powder-coated steel, a screen, a dial, meters, knobs and lit keys."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from . import fields as f
from . import glyphs

CYAN, GREEN, AMBER, RED, WHITE = "58e6f0", "5cf08a", "ffb02e", "ff4a34", "dfeef2"


@dataclass
class Panel:
    """The layers under way, each [h, w] or [h, w, 3]; `x` and `y` are the pixel centres.

    `grain` is the relief of the coating, which what is laid over it hides.
    """

    x: f.Field
    y: f.Field
    height: f.Field
    grain: f.Field
    albedo: f.Field
    rough: f.Field
    metal: f.Field
    light: f.Field

    def lay(self, mask: f.Field, code: str, rough: float, metal: float = 0.0) -> None:
        """Cover with another substance where the mask is 1."""
        self.grain = f.mix(self.grain, 0.0, mask)
        self.albedo = f.mix(self.albedo, f.rgb(code), mask)
        self.rough = f.mix(self.rough, rough, mask)
        self.metal = f.mix(self.metal, metal, mask)

    def glow(self, mask: f.Field, code: str, power: float = 1.0) -> None:
        """Make the pixels of the mask shine in a colour, in place of what shone there."""
        self.light = f.mix(self.light, f.rgb(code) * power, mask)
        self.albedo = f.mix(self.albedo, f.rgb(code) * 0.55 + 0.1, 0.8 * power * mask)

    def raise_by(self, distance: f.Field, rise: float, bevel: float) -> None:
        """Lift the inside of a shape by `rise` pixels, over a bevel inside its edge."""
        self.height = self.height + rise * f.smoothstep(0.0, -bevel, distance)

    def print_text(self, line: str, middle: float, baseline: float, height: float) -> None:
        """White paint, which does not shine."""
        stroke = glyphs.centred(line, middle, baseline, height) - 0.085 * height
        self.lay(f.coverage(stroke), "c9ccc6", 0.55)

    def rectangle(
        self, left: float, top: float, width: float, height: float, radius: float
    ) -> f.Field:
        """Signed distance [h, w] to a rounded rectangle."""
        x, y = self.x - left - width / 2.0, self.y - top - height / 2.0
        return f.box(x, y, (width / 2.0, height / 2.0), radius)

    def circle(self, x: float, y: float, radius: float) -> f.Field:
        """Signed distance [h, w] to a circle."""
        return np.hypot(self.x - x, self.y - y) - radius


def blank(rng: f.Rng) -> Panel:
    """The bare plate: stippled paint, a bevelled outer edge, and wear along it."""
    x, y = f.grid()
    stipple, cloud = f.fbm(80, 2, rng), f.fbm(5, 4, rng)
    zero = np.zeros((f.SIZE, f.SIZE))
    paint = f.ramp(0.5 + 0.35 * cloud + 0.10 * stipple, ("2b323a", "38424c", "47525c"))
    rough, dark = 0.55 + 0.05 * stipple, np.zeros((f.SIZE, f.SIZE, 3))
    panel = Panel(x, y, zero, 0.20 * stipple, paint, rough, zero, dark)
    edge = panel.rectangle(3, 3, 506, 506, 12)
    panel.raise_by(edge, 5.0, 5.0)
    panel.lay(f.coverage(-edge), "15181b", 0.8)
    wear = f.smoothstep(0.30, 0.42, 0.6 * np.exp(-np.abs(edge + 3.0) / 3.0) + 0.4 * cloud)
    panel.lay(wear * f.coverage(edge), "9a9b99", 0.33, 1.0)
    return panel


def screw(panel: Panel, x: float, y: float, turn: float) -> None:
    """A cross-head screw in a countersink."""
    ring, head = panel.circle(x, y, 9.5), panel.circle(x, y, 8.0)
    panel.raise_by(ring, -2.5, 1.5)
    panel.lay(f.coverage(ring), "191b1d", 0.7)
    panel.lay(f.coverage(head), "a6a49e", 0.30, 1.0)
    dome = np.sqrt(np.clip(1.0 - ((head + 8.0) / 8.0) ** 2, 0.0, 1.0))
    cos, sin = np.cos(turn), np.sin(turn)
    u, v = panel.x - x, panel.y - y
    u, v = u * cos + v * sin, v * cos - u * sin
    slot = np.minimum(f.box(u, v, (5.2, 1.2), 0.3), f.box(u, v, (1.2, 5.2), 0.3))
    panel.height = panel.height + 3.2 * dome - 2.2 * f.coverage(slot)
    panel.lay(f.coverage(slot), "26221e", 0.8)


def window(panel: Panel, left: float, top: float, width: float, height: float) -> f.Field:
    """A bezel with dark glass set in it; returns the distance [h, w] to the glass."""
    bezel = panel.rectangle(left - 9, top - 9, width + 18, height + 18, 9)
    glass = panel.rectangle(left, top, width, height, 4)
    panel.raise_by(bezel, 3.5, 3.0)
    panel.lay(f.coverage(bezel), "1c1f22", 0.42)
    panel.raise_by(glass, -5.0, 3.0)
    panel.lay(f.coverage(glass), "070b0e", 0.08)
    return glass


def terminal(panel: Panel) -> None:
    """The main screen: lines of text and a trace over a graticule."""
    left, top, width, height = 38.0, 44.0, 282.0, 176.0
    glass = f.coverage(window(panel, left, top, width, height) + 2.0)
    panel.glow(glass, "0a2a33", 0.9)
    header = f.coverage(panel.rectangle(left + 6, top + 6, width - 12, 24, 2))
    panel.glow(header, CYAN, 0.85)
    title = glyphs.text("REACTOR CORE 03", left + 14, top + 25, 13)
    panel.glow(f.coverage(title - 1.3), "04161a", 1.0)
    lines = (
        ("TEMP     642.7 K", CYAN),
        ("FLOW      18.4 L/S", CYAN),
        ("STATUS  NOMINAL", GREEN),
    )
    for i, (line, code) in enumerate(lines):
        stroke = glyphs.text(line, left + 14, top + 51 + 20 * i, 11)
        panel.glow(f.coverage(stroke - 1.0), code)

    x0, y0, w, h = left + 14, top + 104, width - 28, 60.0
    area = f.coverage(panel.rectangle(x0, y0, w, h, 0))
    near_x = np.abs(f.wrapped((panel.x - x0 + 10.58) % 21.16 - 10.58))
    near_y = np.abs((panel.y - y0 + 10.0) % 20.0 - 10.0)
    panel.glow(f.coverage(np.minimum(near_x, near_y) - 0.3) * area, "1d6a74", 0.8)
    points = np.linspace(0.0, w - 4, 90)
    beat = 18 * np.exp(-(((points - 150) / 9) ** 2)) - 9 * np.exp(-(((points - 168) / 8) ** 2))
    level = y0 + 36 - 9 * np.sin(points / 17.0) - 4 * np.sin(points / 5.3 + 1.0) - beat
    path = list(zip(x0 + 2 + points, level, strict=True))
    trace = glyphs.polyline([(*a, *b) for a, b in pairwise(path)])
    panel.glow(f.coverage(trace - 1.1), GREEN)
    scan = 0.86 + 0.14 * np.cos(2.0 * np.pi * panel.y / 4.0)
    panel.light = panel.light * f.mix(1.0, scan, glass)[..., None]


def dial(panel: Panel) -> None:
    """A round pressure gauge with lit scale and needle."""
    x, y, radius = 418.0, 118.0, 62.0
    rim, glass = panel.circle(x, y, radius + 10), panel.circle(x, y, radius)
    panel.raise_by(rim, 5.0, 4.0)
    panel.lay(f.coverage(rim), "8f8f8c", 0.26, 1.0)
    panel.raise_by(glass, -7.0, 3.0)
    panel.lay(f.coverage(glass), "0b0d0f", 0.1)
    away = glass + radius
    turn = np.degrees(np.arctan2(panel.x - x, y - panel.y))
    arc = f.coverage(np.abs(away - 53.0) - 3.0) * f.smoothstep(130.5, 129.5, np.abs(turn))
    zone = np.digitize(turn, (50.0, 95.0))
    for i, code in enumerate((GREEN, AMBER, RED)):
        panel.glow(arc * (zone == i), code, 0.9)
    for i in range(27):
        angle = np.radians(-130 + 10 * i)
        inner = 39.0 if i % 5 == 1 else 43.0
        sx, sy = np.sin(angle), -np.cos(angle)
        tick = (x + inner * sx, y + inner * sy, x + 47.0 * sx, y + 47.0 * sy)
        panel.glow(f.coverage(glyphs.polyline([tick]) - 0.7), WHITE, 0.8)
    angle = np.radians(38.0)
    tip = (x + 44.0 * np.sin(angle), y - 44.0 * np.cos(angle))
    panel.glow(f.coverage(glyphs.text("BAR", x - 11, y + 33, 9) - 0.8), WHITE, 0.8)
    panel.glow(f.coverage(glyphs.centred("7.2", x, y + 50, 12) - 1.1), AMBER)
    needle = f.segment(panel.x, panel.y, x, y, *tip)
    panel.glow(f.coverage(needle - 2.4 + 0.035 * away), RED)
    hub = panel.circle(x, y, 7.0)
    panel.light = f.mix(panel.light, np.zeros(3), f.coverage(hub))
    panel.lay(f.coverage(hub), "3a3c3e", 0.35, 1.0)
    panel.raise_by(hub, 3.0, 3.0)
    panel.print_text("PRESSURE", x, 210, 11)


def counter(panel: Panel) -> None:
    """A seven-segment readout; the unlit segments are just visible."""
    left, top = 38.0, 266.0
    window(panel, left, top, 150, 58)
    lit = {"0": 0b1110111, "2": 0b1011101, "4": 0b0111010, "8": 0b1111111}
    bars = (
        (0, 0, 1, 0), (0, 0, 0, 1), (1, 0, 1, 1), (0, 1, 1, 1), (0, 1, 0, 2), (1, 1, 1, 2),
        (0, 2, 1, 2),
    )  # fmt: skip
    for place, digit in enumerate("0428"):
        for i, (ax, ay, bx, by) in enumerate(bars):
            ex, ey = 2.4 * np.sign(bx - ax), 2.4 * np.sign(by - ay)
            x0, y0 = left + 18 + 33 * place, top + 11
            lean = 2.0
            a = (x0 + 17 * ax - lean * (ay - 1) + ex, y0 + 18 * ay + ey)
            b = (x0 + 17 * bx - lean * (by - 1) - ex, y0 + 18 * by - ey)
            on = lit[digit] >> (6 - i) & 1
            panel.glow(f.coverage(glyphs.polyline([(*a, *b)]) - 2.2), AMBER, 1.0 if on else 0.08)
    panel.print_text("COOLANT M3", left + 75, top + 84, 11)


def meters(panel: Panel) -> None:
    """Three bar meters of stacked segments, green through amber to red."""
    window(panel, 222, 266, 98, 58)
    for row, value in enumerate((9, 12, 6)):
        for i in range(14):
            cell = f.coverage(panel.rectangle(229 + 6.1 * i, 273 + 16.5 * row, 4.4, 11.5, 0.8))
            code = GREEN if i < 8 else AMBER if i < 11 else RED
            panel.glow(cell, code, 1.0 if i < value else 0.08)
    panel.print_text("LOAD A B C", 271, 350, 11)


def knobs(panel: Panel) -> None:
    """Two knurled knobs with printed scales."""
    for x, turn, name in ((374.0, -40.0, "GAIN"), (462.0, 75.0, "TRIM")):
        y = 284.0
        for i in range(11):
            angle = np.radians(-130 + 26 * i)
            sx, sy = np.sin(angle), -np.cos(angle)
            tick = (x + 33 * sx, y + 33 * sy, x + 38 * sx, y + 38 * sy)
            panel.lay(f.coverage(glyphs.polyline([tick]) - 0.9), "c9ccc6", 0.55)
        angle = np.arctan2(panel.y - y, panel.x - x)
        skirt = panel.circle(x, y, 28.0) + 0.8 * np.cos(28.0 * angle)
        panel.raise_by(skirt, 9.0, 4.0)
        panel.lay(f.coverage(skirt), "16181a", 0.5)
        cap = panel.circle(x, y, 19.0)
        panel.raise_by(cap, 3.0, 2.0)
        panel.lay(f.coverage(cap), "9c9b97", 0.24, 1.0)
        rings = f.coverage(cap) * np.cos(2.0 * np.pi * cap / 3.0)
        panel.height = panel.height + 0.12 * rings
        panel.rough = panel.rough + 0.04 * rings
        sx, sy = np.sin(np.radians(turn)), -np.cos(np.radians(turn))
        mark = glyphs.polyline([(x + 8 * sx, y + 8 * sy, x + 24 * sx, y + 24 * sy)])
        panel.lay(f.coverage(mark - 1.6), "e8e2d0", 0.5)
        panel.print_text(name, x, 350, 11)


def keys(panel: Panel) -> None:
    """A row of square keys; the lit ones shine through their legends' background."""
    names = (
        ("START", GREEN, 1.0), ("HOLD", AMBER, 0.12), ("VENT", CYAN, 1.0), ("PURGE", AMBER, 0.9),
        ("SEAL", CYAN, 0.12), ("SCRAM", RED, 1.0),
    )  # fmt: skip
    for i, (name, code, power) in enumerate(names):
        left, top = 34.0 + 76.4 * i, 382.0
        well = panel.rectangle(left, top, 62, 48, 6)
        cap = panel.rectangle(left + 4, top + 4, 54, 40, 4)
        panel.raise_by(well, -3.0, 1.5)
        panel.lay(f.coverage(well), "0d0f11", 0.7)
        panel.raise_by(cap, 8.0, 4.0)
        panel.lay(f.coverage(cap), "2a2c2e", 0.35)
        face = panel.rectangle(left + 9, top + 9, 44, 30, 3)
        falloff = f.smoothstep(34.0, 0.0, panel.circle(left + 31, top + 24, 0.0))
        panel.glow(f.coverage(face), code, power * 0.8)
        lamp = f.mix(1.0, 0.55 + 0.45 * falloff, f.coverage(face))
        panel.light = panel.light * lamp[..., None]
        legend = f.coverage(glyphs.centred(name, left + 31, top + 29, 9) - 1.0)
        panel.light = f.mix(panel.light, np.zeros(3), legend)
        panel.lay(legend, "0a0b0c" if power > 0.5 else "c9ccc6", 0.5)


def footer(panel: Panel) -> None:
    """Vent slots between hazard stripes, with a printed name plate."""
    for left in (34.0, 378.0):
        strip = panel.rectangle(left, 452, 100, 26, 2)
        stripe = f.smoothstep(-0.7, 0.7, 10.0 * np.sin((panel.x + panel.y) * np.pi / 12.0))
        panel.lay(f.coverage(strip), "d6a21e", 0.5)
        panel.lay(f.coverage(strip) * stripe, "17181a", 0.5)
    for i in range(10):
        slot = panel.rectangle(152 + 21.0 * i, 450, 9, 30, 4.5)
        panel.raise_by(slot, -7.0, 2.5)
        panel.lay(f.coverage(slot + 1.5), "08090a", 0.85)


def make() -> dict[str, f.Map]:
    """albedo, normal, orm, emissive [h, w, 3]."""
    rng = np.random.default_rng(5)
    panel = blank(rng)
    for part in (terminal, dial, counter, meters, knobs, keys, footer):
        part(panel)
    for i, (x, y) in enumerate(((20, 20), (492, 20), (20, 492), (492, 492))):
        screw(panel, x, y, 0.4 + 1.3 * i)
    height = panel.height + panel.grain
    occlusion = f.occlusion_of(height)
    dust = f.smoothstep(0.95, 0.6, f.blur(occlusion, 1.5)) * (0.6 + 0.4 * f.fbm(20, 3, rng))
    dust = np.clip(dust, 0.0, 1.0) * (panel.light.max(-1) < 0.05)
    albedo = f.mix(panel.albedo, panel.albedo * 0.6 + 0.03, dust)
    halo = np.stack([f.blur(channel, 5.0) for channel in np.moveaxis(panel.light, -1, 0)], -1)
    return {
        "albedo": f.encode(albedo),
        "normal": f.encode_normal(f.normal_of(height)),
        "orm": f.pack_orm(occlusion, panel.rough + 0.2 * dust, panel.metal * (1 - 0.5 * dust)),
        "emissive": f.encode(np.maximum(panel.light, 0.35 * halo - 0.01)),
    }
