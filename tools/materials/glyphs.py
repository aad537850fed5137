"""A stroke alphabet on a grid of 4 x 6 units, so that text is the same on every machine."""

from itertools import pairwise

import numpy as np

from . import fields as f

# A glyph is polylines split by "/"; a point is two digits, x to the right and y upwards.
GLYPHS = {
    "A": "00 03 26 43 40/02 42",
    "B": "00 06 36 45 44 33 42 41 30 00/03 33",
    "C": "45 36 16 05 01 10 30 41",
    "D": "00 06 26 44 42 20 00",
    "E": "46 06 00 40/03 33",
    "F": "46 06 00/03 33",
    "G": "45 36 16 05 01 10 30 41 43 23",
    "H": "00 06/40 46/03 43",
    "I": "16 36/26 20/10 30",
    "J": "46 41 30 10 01",
    "K": "00 06/46 03 40",
    "L": "06 00 40",
    "M": "00 06 23 46 40",
    "N": "00 06 40 46",
    "O": "10 01 05 16 36 45 41 30 10",
    "P": "00 06 36 45 44 33 03",
    "Q": "10 01 05 16 36 45 41 30 10/22 40",
    "R": "00 06 36 45 44 33 03/23 40",
    "S": "45 36 16 05 04 13 33 42 41 30 10 01",
    "T": "06 46/26 20",
    "U": "06 01 10 30 41 46",
    "V": "06 20 46",
    "W": "06 10 23 30 46",
    "X": "00 46/06 40",
    "Y": "06 23 46/23 20",
    "Z": "06 46 00 40",
    "0": "10 01 05 16 36 45 41 30 10/12 34",
    "1": "15 26 20/10 30",
    "2": "05 16 36 45 44 00 40",
    "3": "05 16 36 45 44 33 13/33 42 41 30 10 01",
    "4": "30 36 02 42",
    "5": "46 06 03 33 42 41 30 10 01",
    "6": "45 36 16 05 01 10 30 41 42 33 03",
    "7": "06 46 20",
    "8": "13 04 05 16 36 45 44 33 13 02 01 10 30 41 42 33",
    "9": "43 13 04 05 16 36 45 41 30 10 01",
    ".": "20 20",
    ":": "21 21/25 25",
    "-": "13 33",
    "+": "13 33/22 24",
    "/": "00 46",
    "%": "00 46/05 05/41 41",
    " ": "",
}
ADVANCE = 5.7

Stroke = tuple[float, float, float, float]


def text_width(text: str, height: float) -> float:
    """Length in pixels from the first stroke to the last of text with capitals `height` tall."""
    return (ADVANCE * (len(text) - 1) + 4.0) * height / 6.0


def strokes(text: str, left: float, baseline: float, height: float) -> list[Stroke]:
    """Segments (ax, ay, bx, by) of the text in pixels."""
    unit, found = height / 6.0, []
    for i, letter in enumerate(text):
        for line in filter(None, GLYPHS[letter].split("/")):
            points = [
                (left + (ADVANCE * i + int(point[0])) * unit, baseline - int(point[1]) * unit)
                for point in line.split()
            ]
            found += [(*a, *b) for a, b in pairwise(points)]
    return found


def polyline(segments: list[Stroke]) -> f.Field:
    """Distance [h, w] to the nearest segment, exact within 8 pixels of one."""
    x, y = f.grid()
    distance = np.full((f.SIZE, f.SIZE), 1e3)
    for ax, ay, bx, by in segments:
        rows = slice(max(int(min(ay, by)) - 8, 0), int(max(ay, by)) + 9)
        columns = slice(max(int(min(ax, bx)) - 8, 0), int(max(ax, bx)) + 9)
        near = f.segment(x[rows, columns], y[rows, columns], ax, ay, bx, by)
        distance[rows, columns] = np.minimum(distance[rows, columns], near)
    return distance


def text(line: str, left: float, baseline: float, height: float) -> f.Field:
    """Distance [h, w] in pixels to the strokes of the text."""
    return polyline(strokes(line, left, baseline, height))


def centred(line: str, middle: float, baseline: float, height: float) -> f.Field:
    """Distance [h, w] to the strokes of text with its middle at x = `middle`."""
    return text(line, middle - text_width(line, height) / 2.0, baseline, height)
