"""Guesses from file names -> materials. Nothing but names is looked at."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Final, NamedTuple

from ntc.batch.plan import MOST_MAPS
from ntc.format.metadata import NormalConvention, Semantic
from ntc.texture.semantics import Guess, classify
from ntc.texture.tokens import IGNORED, OTHER, Role

_MASK: Final = "mask"  # a material may have several
_VERSION: Final = re.compile(r"((v|ver|var|version|variant)?_?\d+)?_?[a-z]?", re.IGNORECASE)
_FOLDER_WORDS: Final = frozenset({"", "map", "maps", "tex", "texture", "textures"})
# Of two versions of one map the first kind is used: it keeps more of it.
_FORMATS: Final = (".exr", ".tif", ".tiff", ".png", ".tga", ".jpg", ".jpeg")
_CONVENTIONS: Final = (NormalConvention.OPENGL, NormalConvention.DIRECTX, None)
_BY_HAND: Final = "to use it, write it into `maps` of a material in plan.json"


@dataclass(frozen=True)
class Group:
    """The maps of one material; `title` is the asset as written, empty for plain names."""

    title: str
    tile: str | None
    maps: tuple[Guess, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Grouping:
    """What became of some files: each is in one group, or left out for a reason."""

    groups: tuple[Group, ...]
    left_out: tuple[tuple[str, str], ...]  # file, reason


def group(guesses: Iterable[Guess]) -> Grouping:
    """Materials by what their file names begin with, one for each UDIM tile.

    Of several versions of a map (sizes, formats, OpenGL and DirectX) one is used.
    """
    groups: list[Group] = []
    left_out: list[tuple[str, str]] = []
    assets: dict[tuple[str, str | None], list[Guess]] = {}
    for guess in guesses:
        if reason := _useless(guess):
            left_out.append((guess.file, reason))
        else:
            assets.setdefault((guess.asset.casefold(), guess.tile), []).append(guess)
    for members in assets.values():
        for title, part in _split(members):
            made, extra = _material(title, part)
            groups += [made] if made else []
            left_out += extra
    return Grouping(tuple(groups), tuple(left_out))


def role_folders(folders: Mapping[str, Sequence[Guess]]) -> list[Guess]:
    """Of folders side by side, by name, the images to which the name of their folder gives a role.

    `albedo/rock.png` and `normal/rock.png` are maps of one material, unless the folders hold
    several maps of an asset each. The files come back with their folders before their names.
    """
    found = [
        claim
        for name, guesses in folders.items()
        if (role := _folder_role(name)) and not _has_sets(guesses)
        for claim in filter(None, (_claim(guess, name, role) for guess in guesses))
    ]
    if not _shared(claim for claim in found if not claim.role_alone):
        return []
    shared = _shared(found)
    return [c.guess for c in found if c.agrees or c.guess.asset.casefold() in shared]


class _Claim(NamedTuple):
    guess: Guess
    agrees: bool  # the name of the file does not say another role than its folder
    role_alone: bool  # it says that and nothing else: `metal/albedo.png` may be of metal


def _shared(claims: Iterable[_Claim]) -> set[str]:
    """Keys of assets that have maps in folders of several roles."""
    semantics: dict[str, set[Semantic]] = {}
    for claim in claims:
        semantics.setdefault(claim.guess.asset.casefold(), set()).add(claim.guess.role.semantic)
    return {asset for asset, seen in semantics.items() if len(seen) > 1}


def _claim(guess: Guess, folder: str, role: Role) -> _Claim | None:
    """The file as a map of the role of its folder, if it can be one."""
    if guess.role is IGNORED:
        return None
    file = f"{folder}/{guess.file}"
    same = guess.role.semantic is role.semantic and guess.role is not OTHER
    if same and _VERSION.fullmatch(guess.rest):
        return _Claim(replace(guess, file=file), True, False)
    title = "_".join(filter(None, (guess.title, guess.word, guess.rest)))
    whole = replace(guess, file=file, role=role, asset=title.lower(), title=title, rest="")
    return _Claim(whole, guess.role is OTHER, title == guess.word != "")


def _folder_role(name: str) -> Role | None:
    (guess,) = classify([f"{name}.png"])
    whole = not guess.title and guess.rest.lower() in _FOLDER_WORDS
    return guess.role if whole and guess.role not in (OTHER, IGNORED) else None


def _has_sets(guesses: Sequence[Guess]) -> bool:
    """Whether an asset has maps of several kinds here, so that the folder is not one of a role."""
    roles: dict[tuple[str, str], set[Semantic]] = {}
    for guess in guesses:
        if guess.role not in (OTHER, IGNORED):
            key = guess.asset.casefold(), guess.rest.casefold()
            roles.setdefault(key, set()).add(guess.role.semantic)
    return any(len(seen) > 1 for seen in roles.values())


def _useless(guess: Guess) -> str | None:
    if guess.role is IGNORED:
        return "looks like a preview"
    if guess.role is OTHER and guess.word:
        return f"nobody says what the channels of `{guess.word}` hold; {_BY_HAND}"
    if guess.role is OTHER:
        return f"its name says no known role; {_BY_HAND}"
    return None


def _split(members: Sequence[Guess]) -> Iterator[tuple[str, list[Guess]]]:
    """Titles and maps of the materials that one asset is: often one, sometimes one a version.

    Files that begin with their role have to end alike. Those that begin alike may end in any way,
    unless the endings make sets of their own, as `rock_albedo_01` and `rock_normal_01` do.
    """
    title = members[0].title if members[0].asset else ""
    endings: dict[str, list[Guess]] = {}
    for guess in sorted(members, key=lambda guess: bool(guess.rest)):
        endings.setdefault(guess.rest.casefold(), []).append(guess)
    if title and not _clash(list(endings.values())):
        yield title, list(members)
        return
    rest: list[Guess] = []
    for ending, part in endings.items():
        if not title or (ending and len({_slot(guess) for guess in part}) > 1):
            yield "_".join(filter(None, (title, part[0].rest))), part
        else:
            rest += part
    if rest:
        yield title, rest


def _clash(parts: Sequence[Sequence[Guess]]) -> bool:
    slots = [slot for part in parts for slot in {_slot(guess) for guess in part}]
    return len(slots) > len(set(slots))


def _slot(guess: Guess) -> str:
    """Two maps of one slot are two versions of one map."""
    return f"mask {guess.rest.casefold()}" if guess.role.name == _MASK else guess.role.name


def _material(title: str, part: Sequence[Guess]) -> tuple[Group | None, list[tuple[str, str]]]:
    """One map of each slot, and the others with reasons."""
    slots: dict[str, list[Guess]] = {}
    for guess in part:
        slots.setdefault(_slot(guess), []).append(guess)
    used, left_out, notes = [], [], []
    for versions in slots.values():
        best, *others = sorted(versions, key=_rank)
        used.append(best)
        for other in others:
            reason, known = _why_not(other, best)
            left_out.append((other.file, reason))
            if not known:
                notes.append(f"two {best.role.name} maps: {best.file} is used, not {other.file}")
    left_out += [(g.file, f"a material has at most {MOST_MAPS} maps") for g in used[MOST_MAPS:]]
    used = used[:MOST_MAPS]
    if len(used) == 1 and not _VERSION.fullmatch(used[0].rest):
        reason = f"alone, and its name does not end in the role `{used[0].word}`; {_BY_HAND}"
        return None, [*left_out, (used[0].file, reason)]
    notes += _notes(used)
    return Group(title, part[0].tile, tuple(used), tuple(notes)), left_out


def _notes(used: Sequence[Guess]) -> Iterator[str]:
    if len(used) == 1:
        yield f"alone: {used[0].file} is taken for {used[0].role.name} by what it is called"
    folders = {str(PurePosixPath(guess.file).parent) for guess in used} - {"."}
    if folders:
        yield f"roles are those of the folders: {', '.join(sorted(folders))}"
    titles = {guess.title for guess in used if not guess.asset}
    if len(titles) > 1:
        yield f"plain names and those with `{max(titles)}` are taken for one material"
    for guess in used:
        if len(guess.word) == 1:
            yield f"{guess.file}: the letter {guess.word} is taken for {guess.role.name}"
        if guess.rest and guess.title:
            yield f"{guess.file}: what follows the role, `{guess.rest}`, is not looked at"
    sizes = {size: guess.file for guess in used if (size := _size(guess))}
    if len(sizes) > 1:
        large, small = sizes[max(sizes)], sizes[min(sizes)]
        yield f"{small} is smaller than {large} by its name, and resized for the fit"


def _rank(guess: Guess) -> tuple[object, ...]:
    """Smallest is best."""
    return (
        _CONVENTIONS.index(guess.role.normal),
        -_size(guess),
        _level(guess),
        bool(guess.rest),
        _format(guess),
        guess.file.lower(),
        guess.file,
    )


def _why_not(guess: Guess, best: Guess) -> tuple[str, bool]:
    """Why a map is not used beside the best, and whether that is sure: else it is a choice."""
    if guess.role.normal is not best.role.normal:
        gl = best.role.normal is NormalConvention.OPENGL
        return f"a second normal map; {best.file} is used ({'OpenGL' if gl else 'DirectX'})", True
    said, wanted = (f"{g.word}_{g.rest}".casefold() for g in (guess, best))
    same = said == wanted
    if same and _size(guess) < _size(best):
        return f"a smaller version of {best.file}", True
    if same and _level(guess) > _level(best):
        return f"a coarser version of {best.file}", True
    if same and _format(guess) > _format(best):
        return f"the same as {best.file}, whose format keeps more", True
    return f"a second {best.role.name} map; {best.file} is used, edit plan.json to change it", False


def _size(guess: Guess) -> int:
    """Texels of a side by the name, or 0: `4k` is 4096."""
    sizes = [re.fullmatch(r"(\d+)(k?)(x\d+)?", part) for part in guess.storage]
    return max((int(m[1]) * (1024 if m[2] else 1) for m in sizes if m), default=0)


def _level(guess: Guess) -> int:
    return max((int(p[3:]) for p in guess.storage if re.fullmatch(r"lod\d+", p)), default=0)


def _format(guess: Guess) -> int:
    return _FORMATS.index(PurePosixPath(guess.file).suffix.lower())
