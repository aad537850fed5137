"""What the C header in `engines/c` makes of bytes that are cut off, broken or odd."""

import json
import unicodedata
import zlib
from collections.abc import Iterator

import numpy as np
import pytest
import test_web as web
import zstandard
from c_header import (
    BROKEN,
    DATA,
    GOLDEN,
    NO_MEMORY,
    TOO_SHORT,
    Driver,
    Rng,
    running_driver,
)

from ntc.errors import FormatError
from ntc.format import container

MUTANTS = 3000


@pytest.fixture
def driver() -> Iterator[Driver]:
    yield from running_driver()


def test_every_prefix(driver: Driver) -> None:
    """Of a small file, byte by byte."""
    data = (DATA / "golden" / "v1" / "plain.ntc").read_bytes()
    for length in range(len(data)):
        found = driver.open(data[:length], prefix=True)
        expected = worth_of_prefix(data[:length])
        if isinstance(expected, str):
            assert (found.status, found.rule) == (TOO_SHORT, expected)
        else:
            assert found.fate == "valid"
            assert driver.describe()["finest_mip"] == expected
        assert driver.open(data[:length]).status == TOO_SHORT


def worth_of_prefix(data: bytes) -> int | str:
    """The finest mip, or the rule that it breaks."""
    try:
        return container.read_prefix(data)[1]
    except FormatError as error:
        return error.rule


def test_broken_files(driver: Driver) -> None:
    for path in BROKEN:
        found, fault = driver.open(path.read_bytes()), fault_of(path.read_bytes())
        assert found.rule == path.stem.split("-")[0], path.stem
        # Some rules are about more than one byte: readers may name another of them.
        assert found.rule in {"E1", "L1", "M6", "N5"} or found.offset == fault.offset
        assert found.message
        short = path.stem in {"H1-empty", "H6-half-a-header", "H6-one-byte-less"}
        assert (found.status == TOO_SHORT) == short, path.stem
    assert "NVIDIA RTXNTC" in driver.open((DATA / "broken" / "H1-ntex.ntc").read_bytes()).message


def fault_of(data: bytes) -> FormatError:
    with pytest.raises(FormatError) as caught:
        container.read(data)
    return caught.value


def test_sizes_that_wrap_around(driver: Driver) -> None:
    """A chunk that would end before it begins, in 64 bits: rule C1, and no byte of it is read."""
    for end in (0, 100, 239):
        data = bytearray((DATA / "golden" / "v1" / "plain.ntc").read_bytes())
        start = int.from_bytes(data[48:56], "little")
        data[56:64] = ((end - start) % 2**64).to_bytes(8, "little")
        data[88:96] = end.to_bytes(8, "little")
        data[96:104] = (int.from_bytes(data[128:136], "little") - end).to_bytes(8, "little")
        count = int.from_bytes(data[20:24], "little")
        data[32:36] = bytes(4)
        data[32:36] = zlib.crc32(data[: 40 + 40 * count]).to_bytes(4, "little")
        for prefix in (False, True):
            assert driver.open(bytes(data), prefix=prefix).fate == "C1"


def test_mutants_meet_the_same_fate(driver: Driver, rng: Rng) -> None:
    fuzzer = web.load_fuzzer()
    seeds = [path.read_bytes() for path in GOLDEN]
    fates = []
    for i in range(MUTANTS):
        mutant = fuzzer.mutant(rng, seeds[rng.integers(len(seeds))])
        fates.append(web.fate_of(mutant))
        assert driver.open(mutant).fate == fates[-1], i
        driver.open(mutant[: len(mutant) * (i % 11) // 10], prefix=True)
    assert 0 < fates.count("valid") < MUTANTS // 2


def test_metadata_meet_the_same_fate(driver: Driver) -> None:
    """Every value of another type, length or size, every key that is missing, and odd JSON."""
    for document in (*documents(), *numbers(), *odd_json()):
        data = web.with_metadata(document)
        found = driver.open(data)
        assert found.fate == web.fate_of(data), (document[:2000], found.message)


def documents() -> Iterator[bytes]:
    for place in web.PLACES:
        for value in (*web.ODD, web.DROPPED):
            yield json.dumps(web.changed(place, value)).encode()
    for name in (*web.NAMES, "Ab:c", "0:c", "e\u0301", "\U0001f600", "\ue0ff", "\U000e0100"):
        yield json.dumps(web.changed(("maps", 0, "file"), name)).encode()
        yield json.dumps(web.changed(("maps", 0, "file"), name), ensure_ascii=False).encode(
            errors="surrogatepass"
        )
    for key, value in web.LEGAL.items():
        yield json.dumps(web.changed((key,), value)).encode()
    yield json.dumps(web.changed(("maps", 0, "name"), "mask")).encode()
    yield json.dumps(web.changed(("maps", 0, "width"), 18)).encode()
    for constant in (255.5, 256, -1, 255):
        yield json.dumps(web.changed(("maps", 1, "channels", 1, "constant"), constant)).encode()


def numbers() -> Iterator[bytes]:
    """As JSON writes them or not, in a place where any number may stand and in a known one."""
    plain = json.dumps(web.changed((), None))
    for number in (
        "01",
        "-",
        "1.",
        ".5",
        "1e",
        "+1",
        "-0",
        "1E+5",
        "0x1",
        "-01",
        "1e0005",
        "1e999",
    ):
        yield f'{plain[:-1]}, "later": {number}}}'.encode()
        yield plain.replace('"high": 1.0', f'"high": {number}', 1).encode()
        yield plain.replace('"seed": 7', f'"seed": {number}').encode()
    for number in ("1.0", "1e2", "99999999999999999999", "7.5"):
        yield plain.replace('"seed": 7', f'"seed": {number}').encode()
        yield plain.replace('"texels": 0', f'"texels": {number}').encode()


def odd_json() -> Iterator[bytes]:
    plain = json.dumps(web.changed((), None)).encode()
    yield from (b"", b"[]", b"\xef\xbb\xbf" + plain, plain + b" ", plain + b"x", b"[" * 100_000)
    yield from (b"\n\r\t " + plain, b"\x0b" + plain, plain + b"\0", plain[:-1] + b",}", b"{}", b"7")
    for depth in (100, 198, 1000):
        nested = b"[" * depth + b"]" * depth
        yield plain[:-1] + b', "later": ' + nested + b"}"
        yield plain[:-1] + b', "later": ' + nested[:-1] + b"}"
    for text in (
        *(
            rb"\ud800",
            rb"\ud83d\ude00",
            rb"\udc00",
            rb"\ud800\u0041",
            rb"\u00g0",
            rb"\x",
            rb"\u000",
        ),
        *(b"\x80", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xf0\x9f\x98\x80", b"\xff"),
        *(
            b"\t",
            b"\0",
            b"\x7f",
            rb"\/\b\f\n\r\t\"\\",
            rb"\u0000",
            b"\xe2\x82",
            b"\xf8\x88\x80\x80\x80",
        ),
    ):
        yield plain[:-1] + b', "later": "' + text + b'"}'
        yield plain.replace(b'"plain"', b'"' + text + b'"')
    yield plain.replace(b'"name"', rb'"n\u0061me"', 1)
    yield b'{"name": 7, ' + plain[1:]
    yield plain[:-1] + b', "name": 7}'
    yield plain.replace(b'"srgb"', rb'"s\u0072gb"')


def test_texts_and_numbers_are_read_exactly(driver: Driver, rng: Rng) -> None:
    """Escapes, U+0000, and doubles to the last bit."""
    halves = (2.0**53, 2.0**80 + 2.0**28, 1 + 2.0**-52, 5e-324, 2.2250738585072014e-308)
    found = [f"{x:.800e}" for x in halves] + [f"{x + 2.0**-53:.30e}" for x in (1.5, 1.25)]
    exact = ("9007199254740993", "9007199254740995", "1208925819614629308891136", "0.1", "1e22")
    longer = ("1" * 400 + "e-400", "0." + "0" * 400 + "1e401", "4.9e-324", "2.4e-324", "2.5e-324")
    tie = "1.00000000000000011102230246251565404236316680908203125"
    random = rng.integers(0, 0x7FE0 << 48, 200).view(np.float64).tolist()
    found += [*exact, *longer, tie, tie + "0" * 900 + "1", "17976931348623157" + "0" * 292]
    found += [repr(x) for x in random] + [f"{x:.25e}" for x in random]
    plain = json.dumps(web.changed((), None))
    for text in found:
        data = web.with_metadata(plain.replace('"mask": 40.0', f'"mask": {text}').encode())
        assert driver.open(data).fate == "valid"
        assert driver.describe()["maps"][1]["psnr"] == float(text), text
    name = 'a"\\\0\x1f\x7fäß\u2028😀'
    for ascii_only in (True, False):
        document = json.dumps(web.changed(("name",), name), ensure_ascii=ascii_only)
        assert driver.open(web.with_metadata(document.encode())).fate == "valid"
        assert driver.describe()["name"] == name


def test_printable_characters(driver: Driver) -> None:
    """Those of Python 3.11, whose Unicode the header has; later ones print more."""
    assert all(driver.printable(c) == chr(c).isprintable() for c in range(0x3000))
    if unicodedata.unidata_version == "14.0.0":
        for c in (*range(0x3000, 0x32000), *range(0x32000, 0x110000, 97)):
            assert driver.printable(c) == chr(c).isprintable(), hex(c)


def test_no_memory(driver: Driver) -> None:
    """Whichever allocation fails: nothing is kept, and nothing else is said."""
    for path in (GOLDEN[0], GOLDEN[1], DATA / "golden" / "v1" / "plain.ntc"):
        data = path.read_bytes()
        assert driver.open(data).fate == "valid"
        calls = driver.allocations()
        assert calls > 5
        for failing in range(1, calls + 1):
            assert driver.open(data, failing=failing)[0::2] == (NO_MEMORY, "")
            assert driver.allocations() == failing
        assert driver.open(data, failing=calls + 1).fate == "valid"


def test_frames_of_zstd(driver: Driver, rng: Rng) -> None:
    """Every kind of block, table and literals, and frames that are none."""
    contents = web.contents(rng)
    for content in contents:
        for level in (-7, 1, 3, 9, 15, 19, 22):
            for hashed in (False, True):
                coder = zstandard.ZstdCompressor(level=level, write_checksum=hashed)
                assert driver.unzstd(coder.compress(content), len(content)) == content
    sound = zstandard.ZstdCompressor(level=19).compress(contents[1])
    size = len(contents[1])
    for end in (0, 3, 5, 9, len(sound) // 2, len(sound) - 1):
        assert driver.unzstd(sound[:end], size) is None
    assert driver.unzstd(sound + b"\0", size) is None
    assert driver.unzstd(sound, size - 1) is None
    unsized = zstandard.ZstdCompressor(write_content_size=False).compress(b"abc")
    assert driver.unzstd(unsized, 3) is None
    check_mutated_frames(driver, rng, [content[:3000] for content in contents if content])


def check_mutated_frames(driver: Driver, rng: Rng, contents: list[bytes]) -> None:
    """With another bit. libzstd lets some pass whose bits do not end with a symbol."""
    for i in range(2000):
        content = contents[i % len(contents)]
        data = bytearray(zstandard.ZstdCompressor(level=19).compress(content))
        data[rng.integers(5, min(len(data), 80) if i % 2 else len(data))] ^= 1 << int(
            rng.integers(8)
        )
        found = driver.unzstd(bytes(data), len(content))
        try:
            if zstandard.frame_content_size(bytes(data)) == len(content):
                expected = zstandard.ZstdDecompressor().decompress(
                    bytes(data), allow_extra_data=False
                )
                assert found in {None, expected}
        except zstandard.ZstdError:
            assert found is None
