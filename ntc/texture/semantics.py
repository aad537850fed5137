"""File names -> what each image is for.

A name is cut into words at `_`, `-`, `.`, spaces and camelCase humps; whole words are looked up,
and the last one that matches wins: `metal_plate_rough` is a roughness map.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby, takewhile
from pathlib import PurePath
from typing import NamedTuple

from ntc.format.metadata import NormalConvention, Semantic
from ntc.texture.tokens import IGNORED, LETTERS, ONE_WORD, OTHER, STORAGE_WORDS, WORDS, Role


@dataclass(frozen=True)
class Guess:
    """What a file name says: its role, the asset it belongs to and its UDIM tile, if any.

    `role` is `tokens.OTHER` for a name that says nothing and `tokens.IGNORED` for previews.
    `asset` are the words before the role in lower case. `title`, `word` and `rest` are what comes
    before the role, the role itself and what comes after it, as written, with `_` between parts.
    `storage` are the parts that say how the image is stored, such as `4k`.
    """

    file: str
    role: Role
    asset: str
    tile: str | None
    title: str = ""
    word: str = ""
    rest: str = ""
    storage: tuple[str, ...] = ()


class _Word(NamedTuple):
    text: str  # lower case
    written: str
    piece: int  # which part between separators it came from
    whole: bool  # the piece is this one word


class _Match(NamedTuple):
    role: Role
    start: int
    end: int


_SEPARATORS = re.compile(r"[_\-. ]+")
_HUMPS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z0-9]+|[^A-Za-z0-9]+")
_RESOLUTION = re.compile(r"\d{1,2}k|\d{3,5}x\d{3,5}|128|256|512|1024|2048|4096|8192|16384|lod\d+")
# 1024 would be tile u=3 v=2, but is always a resolution in practice.
_TILE = re.compile(r"(?!1000|1024)1\d{3}|u\d+v\d+")
_LONGEST_RUN = 5


def classify(names: Sequence[str]) -> list[Guess]:
    """Return one guess a name, in the same order; the names are read as one set of siblings."""
    pieces = [_pieces(name) for name in names]
    words = [_words([p for p in parts if not _is_storage(p)]) for parts in pieces]
    shared = _shared_prefix(words)
    matches = [_last_match(line, shared) for line in words]
    if not any(matches):
        matches = [_last_match(line, 0) for line in words]
    matches = _confirm_letters(words, matches)
    guesses = []
    for name, parts, line, match in zip(names, pieces, words, matches, strict=True):
        start, end = (match.start, match.end) if match else (len(line), len(line))
        guesses.append(
            Guess(
                name,
                match.role if match else OTHER,
                "_".join(_texts(line[:start])),
                next(filter(_TILE.fullmatch, parts), None),
                _written(line[:start]),
                _written(line[start:end]),
                _written(line[end:]),
                tuple(p.lower() for p in parts if _is_storage(p) and not _TILE.fullmatch(p)),
            )
        )
    return _drop_set_preview(guesses)


def vendor_convention(names: Sequence[str]) -> tuple[NormalConvention, str] | None:
    """Return the normal convention that the naming style of a set implies, and whose style it is.

    Sources: glTF 2.0 section 3.9.3 (+Y), Unity manual (OpenGL), Unreal documentation (DirectX),
    ambientCG documentation (its old plain `_Normal` is DirectX), Megascans exports (DirectX).
    """
    for style, convention, pattern in _VENDORS:
        if any(pattern.search(name) for name in names):
            return convention, style
    return None


_VENDORS = (
    ("glTF", NormalConvention.OPENGL, re.compile(r"occlusionRoughnessMetallic|metallicRoughness")),
    ("Unity", NormalConvention.OPENGL, re.compile(r"Mask_?Map|MetallicSmoothness|MetallicGloss")),
    ("Unreal", NormalConvention.DIRECTX, re.compile(r"^T_[A-Z]")),
    (
        "ambientCG",
        NormalConvention.DIRECTX,
        re.compile(r"^[A-Z][A-Za-z]+\d{2,3}[A-Z]?_\d+K(-[A-Z]+)?_Normal\."),
    ),
    (
        "Megascans",
        NormalConvention.DIRECTX,
        # An asset id is 7 or 8 random letters: four consonants in a row tell it from a word.
        re.compile(r"_(?=[a-z]*[bcdfghjklmnpqrstvwxz]{4})[a-z]{7,8}_\d+K_[A-Z]"),
    ),
)


def _pieces(name: str) -> list[str]:
    # An accent may be a character of its own, in some of the names of a set.
    stem = unicodedata.normalize("NFC", PurePath(name).stem)
    stem = re.sub(r"(?i)_u(\d+)_v(\d+)", r"_u\1v\2", stem)
    return [piece for piece in _SEPARATORS.split(stem) if piece]


def _is_storage(piece: str) -> bool:
    text = piece.lower()
    return bool(_RESOLUTION.fullmatch(text) or _TILE.fullmatch(text)) or text in STORAGE_WORDS


def _words(pieces: Sequence[str]) -> list[_Word]:
    words: list[_Word] = []
    for index, piece in enumerate(pieces):
        humps = _HUMPS.findall(piece)
        if piece.lower() in WORDS or _is_asset_id(humps):
            humps = [piece]
        words += [_Word(hump.lower(), hump, index, len(humps) == 1) for hump in humps]
    return words


def _is_asset_id(humps: Sequence[str]) -> bool:
    """Tell a random id that ends in a short role word, such as `vdcZkcAO`, from `brickAO`.

    Only short words can end an id by chance; an id has parts without a vowel or digits inside.
    """
    if len(humps) < 2 or len(humps[-1]) > 3:
        return False
    unknown = [
        hump.lower().rstrip("0123456789") for hump in humps[:-1] if hump.lower() not in WORDS
    ]
    return any(
        re.search(r"\d", text) or (len(text) > 1 and not re.search("[aeiouy]", text))
        for text in unknown
    )


def _shared_prefix(lines: Sequence[Sequence[_Word]]) -> int:
    """Count the words that all names start with: they name the asset, not the map."""
    if len(lines) < 2:
        return 0
    columns = zip(*lines, strict=False)
    return sum(1 for _ in takewhile(lambda words: len({w.text for w in words}) == 1, columns))


def _last_match(words: Sequence[_Word], start: int) -> _Match | None:
    """Return the longest match among those that end last, looking at `words[start:]` only."""
    for end in range(len(words), start, -1):
        for first in range(max(start, end - _LONGEST_RUN), end):
            run = words[first:end]
            text = "".join(w.text for w in run)
            crosses = run[0].piece != run[-1].piece
            if text in WORDS and not (crosses and text in ONE_WORD):
                return _Match(WORDS[text], first, end)
    return None


def _confirm_letters(
    words: Sequence[Sequence[_Word]], matches: Sequence[_Match | None]
) -> list[_Match | None]:
    """Accept a last single letter where a sibling of the same asset is certain, or is `_n`."""
    assets: dict[tuple[str, ...], set[str]] = {}
    for line, match in zip(words, matches, strict=True):
        if match is not None and match.role is not OTHER:
            assets.setdefault(_texts(line[: match.start]), set()).add("word")
        elif match is None and _ends_in_letter(line):
            assets.setdefault(_texts(line[:-1]), set()).add(line[-1].text)
    confirmed = {
        asset for asset, seen in assets.items() if "word" in seen or ("n" in seen and len(seen) > 1)
    }
    return [
        _Match(LETTERS[line[-1].text], len(line) - 1, len(line))
        if match is None and _ends_in_letter(line) and _texts(line[:-1]) in confirmed
        else match
        for line, match in zip(words, matches, strict=True)
    ]


def _texts(words: Sequence[_Word]) -> tuple[str, ...]:
    return tuple(word.text for word in words)


def _written(words: Sequence[_Word]) -> str:
    """As in the file name, with `_` for whatever separated the parts."""
    pieces = groupby(words, key=lambda word: word.piece)
    return "_".join("".join(word.written for word in piece) for _, piece in pieces)


def _ends_in_letter(words: Sequence[_Word]) -> bool:
    return bool(words) and words[-1].whole and words[-1].text in LETTERS


def _drop_set_preview(guesses: Sequence[Guess]) -> list[Guess]:
    """Ignore an image named like the asset itself, beside two or more maps of that asset."""
    maps = Counter(g.asset for g in guesses if g.role.semantic is not Semantic.OTHER)
    return [replace(g, role=IGNORED) if not g.word and maps[g.asset] >= 2 else g for g in guesses]
