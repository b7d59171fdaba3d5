"""Secrets that are planted to be looked for: each holds one stem, which is found in whatever form it may come out."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

STEM = "kN4r%y/S3cr+t~7"
"""Nothing else looks like it; its signs are written otherwise in URLs and base64."""


def canary(number: int) -> str:
    return f"{STEM}{number:03d}"


def forms(secret: str) -> dict[str, bytes]:
    """The ways in which a secret may be written, by name."""
    raw = secret.encode()
    found = {
        "plain": raw,
        "JSON": json.dumps(secret)[1:-1].encode(),
        "URL": quote(secret, safe="").encode(),
        "URL, lower case": quote(secret, safe="").lower().encode(),
        "form": quote_plus(secret).encode(),
        "path": quote(secret).encode(),
        "hex": raw.hex().encode(),
        "HEX": raw.hex().upper().encode(),
        "UTF-16": secret.encode("utf-16-le"),
        "reversed": raw[::-1],
    }
    for shift in range(3):
        for name, encode in (("base64", base64.b64encode), ("base64url", base64.urlsafe_b64encode)):
            found[f"{name}, {shift} bytes later"] = _inner(encode(bytes(shift) + raw), shift, len(raw))
    return found


def _inner(encoded: bytes, shift: int, length: int) -> bytes:
    """The signs that depend on the secret alone, not on what stands before and behind it."""
    return encoded[-(-shift * 8 // 6) : (shift + length) * 8 // 6]


def signature(customer_number: str, user_name: str, password: str) -> str:
    """As DAT has it."""
    return hashlib.sha256(f"{customer_number}:{user_name}:{password}".encode()).hexdigest().upper()


class Haystack:
    """All that came out anywhere; `needles` are looked for besides the stem."""

    def __init__(self) -> None:
        self._pieces: list[tuple[str, bytes]] = []
        self.needles: dict[str, bytes] = forms(STEM)

    def add(self, name: str, piece: bytes | str) -> None:
        self._pieces.append((name, piece.encode() if isinstance(piece, str) else piece))

    def add_signature(self, value: str) -> None:
        for name, form in forms(value).items():
            self.needles[f"signature {value[:6]}, {name}"] = form
        self.needles[f"signature {value[:6]}, lower case"] = value.lower().encode()

    @property
    def size(self) -> int:
        return sum(len(piece) for _, piece in self._pieces)

    def found(self) -> Iterator[str]:
        """Where a secret came out, in which form, and what stands around it."""
        for name, piece in self._pieces:
            for form, needle in self.needles.items():
                at = piece.find(needle)
                if at >= 0:
                    yield f"{name} ({form}): …{piece[max(at - 80, 0) : at + 80]!r}…"
