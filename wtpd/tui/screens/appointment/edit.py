"""Changing an appointment: the form, what was changed in it, and what to do if somebody else was faster."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from datetime import UTC
from typing import Any, ClassVar

from wtpd.client import ApiProblem, ClientError, Json
from wtpd.dates import show_moment
from wtpd.language import say
from wtpd.moments import NotUnderstood, read_moment
from wtpd.texts import N_, Text
from wtpd.tui.cells import BLANK
from wtpd.tui.keys import key
from wtpd.tui.screens.appointment.history import change_lines
from wtpd.tui.screens.appointment.loaded import Loaded
from wtpd.tui.screens.appointment.one import OneAppointment
from wtpd.tui.widgets.dialogs import Confirm
from wtpd.tui.widgets.fields import Field
from wtpd.tui.widgets.form import Form, wrong
from wtpd.words import FIELDS, STATUS, TRANSPORT

TIMES = ("drop_off", "collection")
BLANKED = ("advisor", "courtesy_car")
"""Choices that may be nobody and nothing."""


class Meanwhile(ClientError):
    """Somebody else changed it while it was being edited; the message says who and what."""


class Editing:
    """One form. What is typed is held against the appointment as it was when the form was opened, and only what was
    changed in it is sent; `version` is the one that the form's user knows of."""

    AGAIN = N_("Enter saves yours on top of that.")

    def __init__(self, page: OneAppointment) -> None:
        self._page = page
        self._loaded: Loaded = page.loaded_one
        self._one: Json = page.loaded_one.one
        self._version: int = self._one["version"]
        self._hidden = page.session.privacy.on
        """Whether the notes stand in the form as signs, which are nothing to be saved; the curtain may be drawn or
        lifted while the form is open."""

    async def fields(self) -> list[Field]:
        """Raises `ClientError`."""
        api, one = self._page.api, self._one
        advisors, cars = await asyncio.gather(
            api.advisors.list(site=one["site"]), api.courtesy_cars.list(site=one["site"])
        )
        notes = self._loaded.value("notes", one["notes"]) if self._hidden else one["notes"]
        return [
            *(self._moment(name) for name in TIMES),
            Field(name="status", label=FIELDS["status"], form="choice", value=one["status"],
                  choices=_words(STATUS, one["status"], without="cancelled")),
            Field(name="advisor", label=FIELDS["advisor"], form="choice", value=one["advisor"] or "",
                  choices=self._people(advisors["items"])),
            Field(name="transport_option", label=FIELDS["transport_option"], form="choice",
                  value=one["transport_option"], choices=_words(TRANSPORT, one["transport_option"])),
            Field(name="courtesy_car", label=FIELDS["courtesy_car"], form="choice", value=one["courtesy_car"] or "",
                  choices=self._cars(cars["items"])),
            Field(name="customer_waiting", label=FIELDS["customer_waiting"], form="flag",
                  value="yes" if one["customer_waiting"] else ""),
            Field(name="notes", label=FIELDS["notes"], form="lines", value=notes, fixed=self._hidden),
        ]  # fmt: skip

    def _moment(self, name: str) -> Field:
        return Field(name=name, label=FIELDS[name], required=True, value=self._shown(name), hint=self._shown(name))

    def _shown(self, name: str) -> str:
        local = self._loaded.formats.local(self._one[name], self._loaded.zone)
        return show_moment(local, self._loaded.formats.language)

    def _people(self, advisors: Sequence[Json]) -> list[tuple[str, str]]:
        there = [(one["id"], f"{one['name']} ({one['id']})") for one in advisors if one["active"]]
        return _with(self._one["advisor"], [("", BLANK), *there])

    def _cars(self, cars: Sequence[Json]) -> list[tuple[str, str]]:
        there = [
            (one["id"], f"{one['id']}  {self._loaded.privacy.hide(one['plate'])}  {one['model']}".rstrip())
            for one in cars
            if one["active"]
        ]
        return _with(self._one["courtesy_car"], [("", BLANK), *there])

    def changes(self, values: Mapping[str, str]) -> dict[str, Any]:
        """What was changed in the form. Raises `ApiProblem` for what can't be read."""
        found: dict[str, Any] = {}
        for name, typed in values.items():
            untouched = name in TIMES and typed == self._shown(name)  # which leaves out the seconds
            if untouched or (name == "notes" and self._hidden):
                continue
            new = self._typed(name, typed)
            if new != self._one[name]:
                found[name] = new
        return found

    def _typed(self, name: str, typed: str) -> Any:
        if name in TIMES:
            return self._read(name, typed)
        if name == "customer_waiting":
            return typed == "yes"
        return typed or None if name in BLANKED else typed

    def _read(self, name: str, typed: str) -> str:
        """Raises `ApiProblem` in words."""
        near = self._loaded.formats.local(self._one[name], self._loaded.zone)
        try:
            moment = read_moment(typed, near).astimezone(UTC)
        except NotUnderstood as error:
            if error.fault == "skipped":
                text = N_("{field}: the clocks go forward then; this time doesn't exist.", field=FIELDS[name])
            else:
                text = N_("{field}: “{typed}” is no day and time; write {example}.", field=FIELDS[name], typed=typed,
                          example=self._shown(name))  # fmt: skip
            raise wrong(name, text) from None
        return f"{moment.isoformat().removesuffix('+00:00')}Z"

    async def submit(self, values: Mapping[str, str]) -> Json:
        """The changed appointment, or the same if nothing was changed. Raises `ClientError`; after `Meanwhile` another
        try is made on the version that it told of."""
        changes = self.changes(values)
        return await self._unless_overtaken(self._send(changes)) if changes else self._one

    async def _unless_overtaken(self, call: Awaitable[Json]) -> Json:
        """Raises `Meanwhile` if somebody else was faster."""
        try:
            return await call
        except ApiProblem as problem:
            if problem.kind != "version-mismatch":
                raise
            raise Meanwhile(await self._news()) from problem

    async def _send(self, changes: Mapping[str, Any]) -> Json:
        appointments, key = self._page.api.appointments, self._page.appointment_id
        try:
            return await appointments.change(key, changes, version=self._version)
        except ApiProblem as problem:
            if problem.kind != "over-limit":
                raise
            if not await self._page.wtpd.push_screen_wait(Confirm(N_("Book over the limit?"), problem.detail)):
                raise
        return await appointments.change(key, changes, version=self._version, allow_over_limit=True)

    async def _news(self) -> str:
        """What others did since, in sentences; from now on we know of it."""
        now, entries = await asyncio.gather(
            self._page.api.appointments.get(self._page.appointment_id),
            self._page.api.appointments.history(self._page.appointment_id),
        )
        since = [one for one in entries if self._version < one["version"] <= now["version"]]
        self._version = now["version"]
        return "\n".join([*(self._told(one) for one in since), say(self.AGAIN)])

    def _told(self, entry: Json) -> str:
        at = self._loaded.formats.time(entry["at"], self._loaded.zone)
        what = "; ".join(change_lines(self._loaded, entry["changes"]))
        return say(N_("{who} changed it at {time}: {what}.", who=entry["actor"], time=at, what=what))


async def edit(page: OneAppointment) -> None:
    """Open the form; must run in a worker."""
    editing = Editing(page)
    fields = await page.attempt(editing.fields())
    if fields is None:
        return
    before = page.loaded_one.one["version"]
    what = f"appointment/{page.appointment_id}"
    answer = await page.wtpd.push_screen_wait(Form(N_("Change the appointment"), fields, editing.submit, what=what))
    if answer is not None:
        saved = answer["version"] > before
        page.tell(N_("Saved.") if saved else N_("Nothing was changed."), "ok" if saved else "")
        page.reload()


class CancelForm(Form):
    """It isn't saved but done."""

    BINDINGS: ClassVar[list[Any]] = [key("f2,ctrl+enter", "submit", N_("Cancel the appointment"), shown="Enter")]


async def cancel(page: OneAppointment) -> None:
    """Ask for the reason, say what follows, and cancel; must run in a worker."""
    loaded = page.loaded_one
    connectors = await page.attempt(page.api.connectors.list())
    if connectors is None:
        return
    editing = _Cancelling(page)
    about = " ".join(say(one) for one in consequences(loaded, connectors))
    field = Field(name="reason", label=N_("reason"), hint=N_("for the history, and for the partner"))
    what = f"appointment/{page.appointment_id}"
    done = await page.wtpd.push_screen_wait(
        CancelForm(N_("Cancel this appointment?"), [field], editing.submit, about=about, what=what)
    )
    if done is not None:
        page.tell(N_("The appointment is cancelled; the history can take it back."), "ok")
        page.reload()


class _Cancelling(Editing):
    """A form that asks why."""

    AGAIN = N_("Enter cancels it all the same.")

    async def submit(self, values: Mapping[str, str]) -> Json:
        cancel = self._page.api.appointments.cancel
        reason = values["reason"] or None
        return await self._unless_overtaken(cancel(self._page.appointment_id, version=self._version, reason=reason))


def consequences(loaded: Loaded, connectors: Sequence[Json]) -> list[Text]:
    """What a cancellation brings about."""
    one = loaded.one
    found = [N_("It stays in the book, cancelled.")]
    titles = {str(each["name"]): str(each["title"]) for each in connectors}
    for partner in one["references"]:
        if partner not in titles:
            continue
        if one["origin"] == "planner":
            found.append(N_("It is cancelled at {partner} too.", partner=titles[partner]))
        else:
            found.append(N_("It is cancelled at {partner} too, which tells its customer.", partner=titles[partner]))
    if one["courtesy_car"]:
        found.append(N_("Courtesy car {car} is free again.", car=one["courtesy_car"]))
    return found


def _words(words: Mapping[str, Text], current: str, without: str = "") -> list[tuple[str, Text | str]]:
    choices: list[tuple[str, Text | str]] = [(sign, text) for sign, text in words.items() if sign != without]
    return choices if current in words else [*choices, (current, current)]


def _with(current: str | None, choices: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The choices, and the current one if it isn't among them any more."""
    return choices if not current or current in dict(choices) else [*choices, (current, current)]
