"""Entering credentials: for whom, the form made from the provider's fields, and storing them untried if the partner
can't be reached. What is entered lives in the fields of the form, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, time

from wtpd.client import ApiProblem, Json
from wtpd.moments import NotUnderstood, read_day
from wtpd.texts import N_
from wtpd.tui.formats import moment_of, zone_of
from wtpd.tui.page import Page
from wtpd.tui.screens.credentials.rows import Row, zone_for
from wtpd.tui.widgets.dialogs import Confirm
from wtpd.tui.widgets.fields import Field, of_manifest
from wtpd.tui.widgets.form import Declined, Form, wrong

EXPIRES = "expires_at"


def entry_form(page: Page, row: Row, scope_name: str) -> Form:
    """Dismissed with what the daemon says of the stored entry."""
    entering = _Entering(page, row)
    about = N_("They are tried at the partner before they are stored.") if row.provider["testable"] else N_(
        "{partner} offers no way to try them before they are stored.", partner=row.title
    )  # fmt: skip
    if row.entry is not None:
        about = N_("{text} A field left empty keeps what is stored.", text=about)
    return Form(
        N_("{partner}: {scope}", partner=row.title, scope=scope_name),
        [*_fields(row), entering.expiry_field()],
        entering.submit,
        about=about,
        what=f"credentials/{row.key}",
    )


def _fields(row: Row) -> list[Field]:
    """Of what is stored only that it is there is known; a choice begins with leaving it."""
    stored = set(row.entry["fields"]) if row.entry is not None and row.entry["readable"] else set()
    fields = []
    for field in of_manifest(row.provider["fields"]):
        kept = field.name in stored
        if field.choices and (kept or not field.required):
            blank = N_("as it is stored") if kept else N_("not said")
            field = replace(field, choices=[("", blank), *field.choices])
        hint = N_("stored; empty keeps it") if kept else N_("may stay empty") if not field.required else ""
        fields.append(replace(field, required=field.required and not kept, hint=hint))
    return fields


class _Entering:
    def __init__(self, page: Page, row: Row) -> None:
        self._page, self._row = page, row
        self._zone = zone_for(row.scope, page.session.sites)

    def expiry_field(self) -> Field:
        formats, entry = self._page.formats, self._row.entry
        ends = entry["expires_at"] if entry is not None else None
        going_on = ends if ends and moment_of(ends) > formats.now() else None
        return Field(
            name=EXPIRES,
            label=N_("Good until"),
            form="date",
            value=formats.day(formats.local(going_on, self._zone).date()) if going_on else "",
            hint=N_("a day, if the partner named one"),
        )

    async def submit(self, values: Mapping[str, str]) -> Json:
        """Runs in the form's worker. Raises `ClientError`: the form stays."""
        ends = self._end_of(values[EXPIRES])
        try:
            return await self._set(values, ends)
        except ApiProblem as problem:
            if problem.kind != "untested":
                raise
            detail = problem.detail
        question = N_("Store them untried?")
        if not await self._page.app.push_screen_wait(Confirm(question, detail)):
            raise Declined(N_("Nothing was stored."))
        return await self._set(values, ends, force=True)

    async def _set(self, values: Mapping[str, str], ends: str | None, *, force: bool = False) -> Json:
        fields = {name: value for name, value in values.items() if value and name != EXPIRES}
        provider = str(self._row.provider["provider"])
        return await self._page.api.credentials.set(provider, self._row.scope, fields, expires_at=ends, force=force)

    def _end_of(self, typed: str) -> str | None:
        """The last second of the day as people write it."""
        if not typed:
            return None
        formats = self._page.formats
        try:
            day: date = read_day(typed, formats.today(self._zone))
        except NotUnderstood:
            example = formats.day(date(formats.today().year + 1, 3, 31))
            raise wrong(
                EXPIRES, N_("{day} is no day; right is, for example: {example}", day=typed, example=example)
            ) from None
        return (
            datetime.combine(day, time(23, 59, 59), zone_of(self._zone) if self._zone else None)
            .astimezone()
            .isoformat()
        )
