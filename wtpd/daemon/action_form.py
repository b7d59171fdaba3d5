"""What was filled into an action's form, checked field by field as the manifest declares them; pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from typing import Any

from wtpd.connectors.actions import Action, ActionField
from wtpd.errors import Invalid, Problem
from wtpd.secrets.resolve import Order
from wtpd.texts import N_, Text

YEARS = range(1900, 2200)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_ONE_LINE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]*")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class _Wrong(Exception):
    def __init__(self, text: Text) -> None:
        super().__init__(str(text))
        self.text = text


def read(action: Action, given: Mapping[str, Any], sites: Collection[str]) -> dict[str, Any]:
    """The values by field, without the fields that were left blank. `sites`: ids of the box's sites. Raises `Invalid`
    with all that is wrong."""
    problems = list(_unknown(action, given))
    values: dict[str, Any] = {}
    for field in action.fields:
        try:
            value = _value(field, given.get(field.name), sites)
        except _Wrong as wrong:
            problems.append(Problem(field.name, wrong.text))
            continue
        if value is not None:
            values[field.name] = value
    if problems:
        first = problems[0]
        raise Invalid(
            N_("The input isn't right: {field}: {reason}", field=first.field, reason=first.text), problems=problems
        )
    return values


def order_of(action: Action, values: Mapping[str, Any], *, office: str | None = None) -> Order:
    """Whom it is done for; `office`: the site that is meant where the form names none."""
    by_form = {field.form: values.get(field.name) for field in action.fields if field.form in ("site", "assessor")}
    return Order(office=by_form.get("site") or office, assessor=by_form.get("assessor"))


def _unknown(action: Action, given: Mapping[str, Any]) -> Iterator[Problem]:
    known = {field.name for field in action.fields}
    names = ", ".join(sorted(known))
    text = N_("There is no such field; there are: {names}", names=names) if names else N_("This takes no fields.")
    for name in given:
        if name not in known:
            yield Problem(name if _NAME.fullmatch(name) else "…", text)
            return  # one is enough: there may be thousands


def _value(field: ActionField, raw: Any, sites: Collection[str]) -> Any:
    """None for a field that was left blank."""
    if isinstance(raw, str):
        raw = raw.strip()
    if raw is None or raw == "":
        if field.required:
            raise _Wrong(N_("This is needed."))
        return None
    if field.form == "flag":
        if not isinstance(raw, bool):
            raise _Wrong(N_("This must be true or false."))
        return raw or None
    if field.form == "digits":
        return _number(field, raw)
    if not isinstance(raw, str):
        raise _Wrong(N_("This must be text."))
    if len(raw) > field.longest:
        raise _Wrong(N_("This is too long: at most {limit}.", limit=field.longest))
    if not _ONE_LINE.fullmatch(raw):
        raise _Wrong(N_("This must be one line without control characters."))
    if field.form == "date":
        return _day(raw)
    possible = list(sites) if field.form == "site" else [value for value, _ in field.choices]
    if (field.form in ("site", "choice") or possible) and raw not in possible:
        raise _Wrong(N_("This isn't possible here; possible is: {values}", values=", ".join(possible) or "–"))
    return raw


def _number(field: ActionField, raw: Any) -> int:
    if not isinstance(raw, int) or isinstance(raw, bool):
        raise _Wrong(N_("This must be a whole number."))
    if raw < field.least:
        raise _Wrong(N_("This is too small: at least {limit}.", limit=field.least))
    if raw > field.most:
        raise _Wrong(N_("This is too large: at most {limit}.", limit=field.most))
    return raw


def _day(raw: str) -> date:
    try:
        found = date.fromisoformat(raw) if _DATE.fullmatch(raw) else None
    except ValueError:
        found = None
    if found is None:
        raise _Wrong(N_("This is no date; it looks like 2026-11-21."))
    if found.year not in YEARS:
        raise _Wrong(N_("This date is out of range."))
    return found
