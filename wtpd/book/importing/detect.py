"""Which encoding a file of an older program has (spec: cli.md, `wtpd import`).

A byte order mark or valid UTF-8 is certain. Otherwise it is one of the four one-byte encodings of German and Dutch
programs, and the text that reads best is taken: a general detector (charset-normalizer 3.5) takes short lists with a
handful of umlauts for the wrong one of them. What still reads like the wrong encoding is found by `garbled`.

Files are read in blocks of whole lines, so that a large one isn't held in memory.
"""

from __future__ import annotations

import codecs
import io
import re
from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO

from wtpd.errors import Invalid
from wtpd.texts import N_

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_ONE_BYTE = ("cp1252", "iso-8859-15", "cp850", "mac_roman")
"""In the order in which they are met; the first of equals is taken."""
BLOCK = 1 << 18
"""Bytes that are looked at together, about."""
_LONGEST_LINE = 1 << 22

_COMMON = frozenset("äöüßÄÖÜ€")
_POSSIBLE = frozenset("éèêëáàâãåíìîïóòôõøúùûýÿçñæœÉÈÊËÁÀÂÅÍÎÏÓÔØÚÛÇÑÆŒŠšŽž§°²³µ½¼¾±×„“”‚‘’‹›«»–—…•·\xa0")
_IMPOSSIBLE_PLACE = re.compile(
    r"(?<=[^\W\d_])[„“”‚‘‹›«»†‡…ƒˆ‰¢£¤¥¦¨©ª¬®¯¶¸º](?=[^\W\d_])|(?<![aeiouäöüyAEIOUÄÖÜY])ß|(?<=[A-Za-zß])[ÄÖÜ](?=[a-z])|õ|×|ã"
    r"|(?<=[^\W\d_])§(?!\s?\d)|(?<=[a-zß])[ŸŠŽ]|(?<=[bcdfghjkmnpqstvwxz])[šž](?=[bcdfghjklmnpqrstvwxz])"
    r"|(?<=[aeiou])[öü](?!\w)"
)
"""A quotation mark or sign within a word, an ß that follows no vowel, a capital within a small word, an š between
consonants, an ö or ü that ends a word behind a vowel."""

_GARBLED_UTF8 = re.compile(
    "[ÃÂ][\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]|â€|â‚¬|Å[\x80-\xbf¡¸½¾’“¼]|[├┬][\u2500-\u259f\xa0-\xff\u0131ƒ\u2017]|√[^\\s\\d(=]"
)
"""UTF-8 that was read as Windows-1252, Latin-1, code page 850 or MacRoman."""
_GARBLED_SIGN = re.compile(
    r"(?<=[^\W\d_])Ÿ|Ÿ(?=[a-zß])|(?<=[^\W\d_])§(?!\s?\d)|(?<=[^\W\d_])[†‡ˆ‰¦¨¬¯¶\ufffd](?=[^\W\d_])|\ufffd"
)
_GARBLED_ONE_BYTE = re.compile(
    r"(?<=[bcdfghjkmnpqstvwxz])[šž](?=[bcdfghjklmnpqrstvwxz])|(?<=[a-zß])[ŠŽ€…ƒ„‚](?=[a-zß])"
)

_UTF8_CHARACTER = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_BETWEEN_CELLS = re.compile(rb"[;,|\t]")
_ABOVE_ASCII = re.compile(rb"[\x80-\xff]")


def decode(content: bytes) -> tuple[str, str]:
    """The text without its byte order mark, and its encoding. Raises `Invalid` for what is no text."""
    file = io.BytesIO(content)
    encoding = encoding_of(file)
    return content.decode(encoding), encoding


def encoding_of(file: BinaryIO) -> str:
    """The name of the file's encoding; leaves the file at its beginning. Raises `Invalid` for what is no text."""
    file.seek(0)
    start = file.read(1024)
    file.seek(0)
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            return _checked(file, encoding)
    if b"\0" in start:
        return _checked(file, "utf-16-le" if start[1:2] == b"\0" else "utf-16-be")
    broken = _broken_utf8(file)
    if broken is None:
        return "utf-8"
    _refuse_damaged_utf8(file, broken)
    return min(_ONE_BYTE, key=_scores(file).__getitem__)


def garbled(text: str, encoding: str) -> str | None:
    """The word of the text that reads as if it had been decoded wrongly; None if there is none."""
    if text.isascii():
        return None
    found = _GARBLED_UTF8.search(text) or _GARBLED_SIGN.search(text)
    if found is None and encoding in _ONE_BYTE:
        found = _GARBLED_ONE_BYTE.search(text)
    if found is None:
        return None
    before, after = text[: found.start()].split(), text[found.start() :].split()
    word = (before[-1] if before and not text[found.start() - 1].isspace() else "") + (after[0] if after else "")
    return word[:40]


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    """The file in pieces that end where a line ends."""
    file.seek(0)
    rest = b""
    while block := file.read(BLOCK):
        whole = rest + block
        end = max(whole.rfind(b"\n"), whole.rfind(b"\r")) + 1
        rest = whole[end:]
        if not end and len(rest) > _LONGEST_LINE:
            end = len(whole)
            rest = b""
        if end:
            yield whole[:end]
    if rest:
        yield rest
    file.seek(0)


def _broken_utf8(file: BinaryIO) -> int | None:
    """The line of the first byte that isn't UTF-8."""
    lines = 0
    for block in _blocks(file):
        try:
            block.decode("utf-8")
        except UnicodeDecodeError as error:
            file.seek(0)
            return lines + block.count(b"\n", 0, error.start) + 1
        lines += block.count(b"\n")
    return None


def _refuse_damaged_utf8(file: BinaryIO, line: int) -> None:
    """Raises `Invalid` for UTF-8 with some broken bytes: read as anything else, it would be garbage."""
    good = bad = 0
    for block in _blocks(file):
        good += len(_UTF8_CHARACTER.findall(block))
        bad += len(_ABOVE_ASCII.findall(_UTF8_CHARACTER.sub(b"", block)))
    if good > bad:
        raise Invalid(N_("The file is UTF-8, but line {line} is damaged; export it again.", line=line))


def _scores(file: BinaryIO) -> dict[str, float]:
    """How odd the file reads in each encoding; without an end where it can't be decoded."""
    scores = dict.fromkeys(_ONE_BYTE, 0.0)
    for block in _blocks(file):
        if block.isascii():
            continue
        for count, cells in _by_count(block).items():
            for encoding in _ONE_BYTE:
                text = _decoded(cells, encoding)
                scores[encoding] += float("inf") if text is None else _oddness(text) * count
    return scores


def _by_count(block: bytes) -> dict[int, bytes]:
    """The different cells that aren't ASCII, a line each, by how often they are there: a list says the same again and
    again."""
    found = Counter(
        cell
        for line in block.splitlines()
        if not line.isascii()
        for cell in _BETWEEN_CELLS.split(line)
        if not cell.isascii()
    )
    cells: dict[int, list[bytes]] = {}
    for cell, count in found.items():
        cells.setdefault(count, []).append(cell)
    return {count: b"\n".join(each) for count, each in cells.items()}


def _checked(file: BinaryIO, encoding: str) -> str:
    """`encoding`, if the whole file has it."""
    decoder = codecs.getincrementaldecoder(encoding)()
    size = 0
    try:
        while block := file.read(BLOCK):
            size += len(block)
            if "\0" in decoder.decode(block):
                raise _no_text()
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        if encoding.startswith("utf-16") and size % 2:
            raise Invalid(N_("The file is UTF-16, but its last character is cut in half: export it again.")) from None
        raise _no_text() from None
    file.seek(0)
    return encoding


def _no_text() -> Invalid:
    return Invalid(N_("This is no text file; export it as CSV or JSON, encoded as UTF-8 or Windows-1252."))


def _decoded(content: bytes, encoding: str) -> str | None:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return None


def _oddness(text: str) -> float:
    """How little the text looks like German or Dutch: 0 if every character is at home there."""
    odd: float = 0
    for char in set(text):
        if ord(char) >= 128 and char not in _COMMON:
            odd += text.count(char) * (0.25 if char in _POSSIBLE else 1)
    return odd + sum(1 for _ in _IMPOSSIBLE_PLACE.finditer(text))
