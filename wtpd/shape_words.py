"""Why a value doesn't have the shape that is wanted, as texts for people: msgspec's own sentences are English. Pure."""

from __future__ import annotations

import re

import msgspec

from wtpd.texts import N_, Text

_PLACE = re.compile(r" - at (?:`key` in )?`\$(?P<path>[^`]*)`\Z")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_WORDS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"Object missing required field `(?P<key>.+)`"), "missing"),
    (re.compile(r"Object contains unknown field `(?P<key>.+)`"), "unknown"),
    (re.compile(r"Expected `(?:str|array|object)` of length <= (?P<limit>\d+)"), "long"),
    (re.compile(r"Expected `(?:str|array|object)` of length >= (?P<limit>\d+)"), "short"),
    (re.compile(r"Expected `(?:int|float|decimal)` <= (?P<limit>[\d.+e-]+)"), "large"),
    (re.compile(r"Expected `(?:int|float|decimal)` >= (?P<limit>[\d.+e-]+)"), "small"),
    (re.compile(r"Invalid enum value (?P<value>.+)"), "choice"),
    (re.compile(r"Expected `datetime` with a timezone component"), "zone"),
    (re.compile(r"Invalid RFC3339 encoded datetime"), "datetime"),
    (re.compile(r"Invalid RFC3339 encoded date"), "date"),
    (re.compile(r"Year out of range in `(?P<key>.+)`"), "age"),
    (re.compile(r"Expected `(?P<wanted>[^`]+)`, got `(?P<found>[^`]+)`"), "type"),
)
_TEXTS = {
    "missing": N_("This is needed."),
    "unknown": N_("There is no such field."),
    "choice": N_("{value} isn't one of the possible values."),
    "form": N_("This doesn't have the right form."),
    "zone": N_("The time needs a zone, e.g. 2026-11-21T08:30:00+01:00."),
    "datetime": N_("This is no time; it looks like 2026-11-21T08:30:00+01:00."),
    "date": N_("This is no date; it looks like 2026-11-21."),
    "age": N_("This date is out of range."),
    "long": N_("This is too long: at most {limit}."),
    "short": N_("This is too short: at least {limit}."),
    "large": N_("This is too large: at most {limit}."),
    "small": N_("This is too small: at least {limit}."),
    "type": N_("This must be {wanted}, not {found}."),
}
_TYPES = {
    "str": N_("a text"),
    "int": N_("a whole number"),
    "float": N_("a number"),
    "decimal": N_("a number"),
    "bool": N_("true or false"),
    "null": N_("nothing"),
    "array": N_("a list"),
    "object": N_("an object"),
    "datetime": N_("a time"),
    "date": N_("a date"),
}


def of_shape(error: msgspec.ValidationError) -> tuple[str, Text]:
    """The field at fault (`items.0.title`, empty for the whole), and what is wrong with it. A name that is no name of a
    field is left out: it may be a secret in the wrong place."""
    sentence = str(error)
    place = _PLACE.search(sentence)
    path = _dotted(place["path"]) if place else ""
    told = sentence[: place.start()] if place else sentence
    for pattern, name in _WORDS:
        found = pattern.match(told)
        if found:
            args: dict[str, object] = dict(found.groupdict())
            key = args.pop("key", None)
            if name == "unknown" and not _NAME.fullmatch(str(key)):
                key = "…"
            if name == "type":
                args = {role: _kinds(str(kinds)) for role, kinds in args.items()}
            return ".".join(str(part) for part in (path, key) if part), Text(_TEXTS[name].msgid, args)
    return path, _TEXTS["form"]


def why_shape(error: msgspec.ValidationError) -> Text:
    """As `of_shape`, in one text."""
    field, text = of_shape(error)
    return N_("{field}: {reason}", field=field, reason=text) if field else text


def _kinds(types: str) -> Text | str:
    """`str | null` as people call it."""
    known = [_TYPES.get(each, each) for each in types.split(" | ")]
    said: Text | str = known[0]
    for each in known[1:]:
        said = N_("{one} or {other}", one=said, other=each)
    return said


def _dotted(path: str) -> str:
    """msgspec's `.items[0].title` → `items.0.title`."""
    return re.sub(r"\[(\d+|\.\.\.)\]", lambda found: f".{found[1].replace('...', '*')}", path).strip(".")
