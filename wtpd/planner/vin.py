"""The vehicle identification number: form only (spec: planner.md; ISO 3779).

European numbers carry no check digit, so one that looks wrong says nothing.
"""

from __future__ import annotations

import re

from wtpd.texts import N_, Text

_FORM = re.compile(r"[A-HJ-NPR-Z0-9]{17}")
_SHORT = re.compile(r"[A-HJ-NPR-Z0-9]{7}")
_DECORATION = re.compile(r"[\s\-‐‑–—*]+")


def normalise_vin(text: str) -> str:
    """Upper case, without blanks, hyphens and the asterisks around the number on the car's papers."""
    return _DECORATION.sub("", text).upper()


def is_vin(vin: str) -> bool:
    """Whether a normalised number has the form of one."""
    return _FORM.fullmatch(vin) is not None


def is_short_vin(text: str) -> bool:
    """Whether a normalised text has the form of the last seven characters of a number, by which some makers know their
    vehicles."""
    return _SHORT.fullmatch(text) is not None


def vin_problem(vin: str) -> Text | None:
    """What is wrong with a normalised number and how to mend it; None if nothing is."""
    if is_vin(vin):
        return None
    wrong = "".join(dict.fromkeys(char for char in vin if char in "IOQ"))
    if wrong:
        return N_(
            "{vin} isn't a VIN: {letters} doesn't occur in one; 1 or 0 was probably meant", vin=vin, letters=wrong
        )
    if len(vin) != 17:
        return N_("{vin} isn't a VIN: it has {length} characters, 17 are needed", vin=vin, length=len(vin))
    return N_("{vin} isn't a VIN: only the letters A to Z and digits occur in one", vin=vin)
