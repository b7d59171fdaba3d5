"""Which encoding a file of an older program has (spec: cli.md, `wtpd import`).

A byte order mark or valid UTF-8 is certain. Otherwise it is one of the three one-byte encodings of German and Dutch
programs, and the text that reads best is taken: a general detector (charset-normalizer 3.5) takes short lists with a
handful of umlauts for the wrong one of the three.
"""

from __future__ import annotations

import codecs
import re

from wtpd.errors import Invalid
from wtpd.texts import N_

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_ONE_BYTE = ("cp1252", "iso-8859-15", "cp850")
"""In the order in which they are met; the first of equals is taken."""

_COMMON = frozenset("äöüßÄÖÜ€")
_POSSIBLE = frozenset("éèêëáàâãåíìîïóòôõøúùûýÿçñæœÉÈÊËÁÀÂÅÍÎÏÓÔØÚÛÇÑÆŒŠšŽž§°²³µ½¼¾±×„“”‚‘’‹›«»–—…•·\xa0")
_IMPOSSIBLE_PLACE = re.compile(
    r"(?<=[^\W\d_])[„“”‚‘‹›«»](?=[^\W\d_])|(?<![aeiouäöüyAEIOUÄÖÜY])ß|(?<=[a-zß])[ÄÖÜ](?=[a-z])|õ|×|ã"
)
"""A quotation mark within a word, an ß that follows no vowel, a capital umlaut within a small word."""

_UTF8_CHARACTER = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")


def decode(content: bytes) -> tuple[str, str]:
    """The text without its byte order mark, and its encoding. Raises `Invalid` for what is no text."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return _strict(content, encoding), encoding
    if b"\0" in content[:1024]:
        encoding = "utf-16-le" if content[1:2] == b"\0" else "utf-16-be"
        return _strict(content, encoding), encoding
    try:
        return content.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as error:
        _refuse_damaged_utf8(content, error.start)
        texts = [(text, encoding) for encoding in _ONE_BYTE if (text := _decoded(content, encoding)) is not None]
        return min(texts, key=lambda each: _oddness(each[0]))


def _refuse_damaged_utf8(content: bytes, broken_at: int) -> None:
    """Raises `Invalid` for UTF-8 with some broken bytes: read as anything else, it would be garbage."""
    good = len(_UTF8_CHARACTER.findall(content))
    bad = sum(byte >= 0x80 for byte in _UTF8_CHARACTER.sub(b"", content))
    if good > bad:
        line = content.count(b"\n", 0, broken_at) + 1
        raise Invalid(N_("The file is UTF-8, but line {line} is damaged; export it again.", line=line))


def _strict(content: bytes, encoding: str) -> str:
    text = _decoded(content, encoding)
    if text is None or "\0" in text:
        raise Invalid(N_("This is no text file; export it as CSV or JSON, encoded as UTF-8 or Windows-1252."))
    return text


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
