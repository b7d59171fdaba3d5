"""A person is found in a body however its program writes: coding, escapes, capitals, across two pieces."""

from __future__ import annotations

import json

import pytest

from wtpd.store.pushed import Needles

NAMES = ("Daniëlle", "van der Ößterb & Zoon")


@pytest.mark.parametrize("coding", ["utf-8", "cp1252", "utf-16-le"])
@pytest.mark.parametrize(
    "write",
    [
        lambda text: text,
        str.upper,
        json.dumps,
        lambda text: text.replace("&", "&amp;"),
        lambda text: text.encode("ascii", "xmlcharrefreplace").decode(),
    ],
    ids=["plain", "capitals", "json", "xml", "references"],
)
@pytest.mark.parametrize("size", [7, 1000])
def test_a_word_is_found(coding: str, write: object, size: int) -> None:
    assert callable(write)
    body = f"<Naam>{write(NAMES[1])}</Naam>".encode(coding, "replace")
    pieces = [body[place : place + size] for place in range(0, len(body), size)]
    assert Needles([NAMES[1]], []).are_in(pieces)
    assert not Needles(["somebody else"], []).are_in(pieces)


def test_a_first_name_and_a_surname_tell_only_together() -> None:
    needles = Needles([], NAMES)
    first, last = (f"<{name}>".encode() for name in NAMES)
    assert needles.are_in([first, b"x" * 100, last])
    assert not needles.are_in([first, b"x" * 100])
    assert not needles.are_in([last])
    assert not Needles([], [])
