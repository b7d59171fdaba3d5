"""What people paste into credential fields, freed of what they didn't mean, and checked. No value is ever repeated."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from wtpd.errors import Invalid, Problem
from wtpd.secrets.providers import Field, Provider
from wtpd.texts import N_, Text
from wtpd.web_address import checked_address

MAX_LENGTH = 4096

_INVISIBLE = re.compile("[\r\n\t\u00ad\u200b-\u200f\u2028\u2029\u202a-\u202e\u2060-\u2064\ufeff]")
"""Line ends, zero-width and direction marks: no credential has them, mails and web pages do."""

_BLANKS = re.compile(r"\s+")
_NO_BREAK = dict.fromkeys(map(ord, "\u00a0\u202f\u2007"), " ")
"""Blanks that web pages put where an ordinary one was meant."""
_NAME = re.compile(r"[a-z][a-z_]{0,31}")


def clean(provider: Provider, values: Mapping[str, str]) -> dict[str, str]:
    """The values without line ends, invisible characters, and blanks at both ends (all blanks where none can be);
    no-break spaces within become ordinary ones. A field that isn't required may be empty, which takes it out. Raises
    `Invalid` naming every field in error."""
    fields = {field.name: field for field in provider.fields}
    problems: list[Problem] = []
    cleaned: dict[str, str] = {}
    for name, value in values.items():
        field = fields.get(name)
        if field is None:
            problems.append(_unknown(provider, name))
            continue
        cleaned[name] = _cleaned(field, value)
        wrong = _wrong(field, cleaned[name])
        if wrong is not None:
            problems.append(Problem(name, wrong))
    if problems:
        raise invalid(provider, problems)
    return cleaned


def _unknown(provider: Provider, name: str) -> Problem:
    """What can't be a field's name may be a secret in the wrong place, and isn't repeated."""
    shown = name if _NAME.fullmatch(name) else "…"
    known = ", ".join(field.name for field in provider.fields)
    return Problem(
        shown,
        N_("{provider} has no field {field}; it has: {known}", provider=provider.title, field=shown, known=known),
    )


def _cleaned(field: Field, value: str) -> str:
    value = _INVISIBLE.sub("", value).translate(_NO_BREAK).strip()
    return value if field.form in ("text", "choice") else _BLANKS.sub("", value)


def check_complete(provider: Provider, values: Mapping[str, str]) -> None:
    """Raises `Invalid` naming every required field that has no value."""
    missing = [field for field in provider.fields if field.required and not values.get(field.name)]
    if missing:
        raise invalid(provider, [Problem(field.name, N_("{field} is missing", field=field.label)) for field in missing])


def invalid(provider: Provider, problems: list[Problem]) -> Invalid:
    first = problems[0].text
    return Invalid(
        N_("the credentials of {provider} weren't stored: {problem}", provider=provider.title, problem=first),
        problems=problems,
    )


def _wrong(field: Field, value: str) -> Text | None:
    if not value:
        return N_("{field} is empty", field=field.label) if field.required else None
    if len(value) > MAX_LENGTH:
        return N_("{field} is longer than {limit} characters", field=field.label, limit=MAX_LENGTH)
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
        return N_("{field} holds a control character", field=field.label)
    match field.form:
        case "digits" if not (value.isascii() and value.isdecimal()):
            return N_("{field} consists of digits only", field=field.label)
        case "https" if not _is_address(value):
            return N_("{field} isn't a web address that begins with https://", field=field.label)
        case "port" if not (value.isascii() and value.isdecimal() and 0 < int(value[:6]) < 65536):
            return N_("{field} isn't a number from 1 to 65535", field=field.label)
        case "email" if not re.fullmatch(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+", value):
            return N_("{field} isn't an e-mail address", field=field.label)
        case "choice" if value not in field.choices:
            return N_("{field} must be one of {allowed}", field=field.label, allowed=", ".join(field.choices))
    return None


def _is_address(value: str) -> bool:
    """`https://`, or `http://` to this machine."""
    try:
        checked_address(value)
    except Invalid:
        return False
    return True
