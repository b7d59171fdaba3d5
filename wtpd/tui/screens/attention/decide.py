"""What is done about an entry: asked first where something is lost, said afterwards."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from wtpd.client import Json
from wtpd.texts import N_, Text
from wtpd.tui.background import background
from wtpd.tui.page import Page
from wtpd.tui.pretty import pretty
from wtpd.tui.screens.attention.edit import EditForm
from wtpd.tui.screens.attention.entries import tells_who
from wtpd.tui.widgets.fields import Field
from wtpd.tui.widgets.form import Form

_SAID: Mapping[str, Text] = {
    "ours": N_("Our value was put back and is sent; the history can undo it."),
    "theirs": N_("The partner's value stays."),
    "both": N_("Both texts stand there now; they are sent."),
    "done": N_("Closed."),
}


def can_be_edited(entry: Json) -> bool:
    return entry["kind"] == "quarantine" and "retry" in entry["choices"]


def does(entry: Json, act: str) -> bool:
    """Whether a key applies to an entry: one of its choices, or what some kinds can do besides."""
    if act == "edit":
        return can_be_edited(entry)
    if act in _BESIDES:
        return entry["kind"] == _BESIDES[act] and not entry["resolved_at"] and bool(entry["appointment_id"])
    return act in entry["choices"]


_BESIDES = {"send": "keeps_refusing", "erase": "named_in_note"}


class Decisions:
    """`go_on` is called with the entry's number when one was made."""

    def __init__(self, page: Page, go_on: Callable[[int], object]) -> None:
        self._page = page
        self._go_on = go_on

    def make(self, choice: str, entry: Json, detail: Json) -> None:
        """`choice`: one of the entry's, or `edit`."""
        if choice == "edit":
            self._edit(entry, detail)
        elif choice == "own":
            self._write_own(entry)
        elif choice == "send":
            send = self._page.api.appointments.send(entry["appointment_id"], entry["channel"])
            self._send(entry, send, N_("It is sent again."))
        elif choice == "erase":
            self._erase(entry)
        elif choice == "retry":
            self._retry(entry)
        elif choice == "discard":
            self._discard(entry)
        elif choice == "ours" and entry["data"].get("field") == "cancelled":
            self._cancel_again(entry)
        else:
            self._send(entry, self._page.api.attention.resolve(entry["id"], choice), _SAID[choice])

    def _retry(self, entry: Json) -> None:
        done = N_("The message was applied.") if entry["kind"] == "quarantine" else N_("It is sent again.")
        self._send(entry, self._page.api.attention.retry(entry["id"]), done)

    def _write_own(self, entry: Json) -> None:
        """A text in place of both; the form begins with both, so that one only has to take out what is too much."""
        page = self._page
        if page.session.privacy.on and tells_who(entry):
            page.tell(N_("Names are hidden; press F9 first, then edit."), "warn")
            return
        long = entry["data"]["field"] == "notes"
        both = [str(entry["data"][side]) for side in ("theirs", "ours") if entry["data"][side]]

        async def send(values: Mapping[str, str]) -> Json:
            return await page.api.attention.resolve(entry["id"], "own", value=values["value"])

        def answered(answer: Json | None) -> None:
            if answer is not None:
                self._made(entry, N_("Your text stands there now; it is sent."))

        text = ("\n" if long else " ").join(both)
        field = Field(name="value", label=entry["field_label"], form="lines" if long else "text", value=text)
        about = N_("This stands there instead of both, and is sent to the partner.")
        page.wtpd.push_screen(Form(N_("A text of your own"), [field], send, about=about), answered)

    def _erase(self, entry: Json) -> None:
        page = self._page
        page.wtpd.confirm(
            N_("Blank these notes?"),
            N_("They are blanked in the history and in kept messages too. It can't be undone."),
            lambda: self._send(
                entry, page.api.appointments.erase_notes(entry["appointment_id"]), N_("The notes were erased.")
            ),
        )

    def _discard(self, entry: Json) -> None:
        question = N_("Discard this message?") if entry["kind"] == "quarantine" else N_("Give up sending it?")
        self._page.wtpd.confirm(
            question,
            entry["consequences"]["discard"],
            lambda: self._send(entry, self._page.api.attention.discard(entry["id"]), N_("Discarded.")),
        )

    def _cancel_again(self, entry: Json) -> None:
        self._page.wtpd.confirm(
            N_("Cancel it at the partner again?"),
            entry["consequences"]["ours"],
            lambda: self._send(
                entry, self._page.api.attention.resolve(entry["id"], "ours"), N_("Its cancellation is on its way.")
            ),
        )

    def _edit(self, entry: Json, detail: Json) -> None:
        page = self._page
        if "message" not in detail:
            page.tell(N_("The message isn't here yet."), "warn")
            return
        if page.session.privacy.on:
            page.tell(N_("Names are hidden; press F9 first, then edit."), "warn")
            return

        async def send(message: Mapping[str, Any]) -> Json:
            return await page.api.attention.retry(entry["id"], message=message)

        def answered(answer: Json | None) -> None:
            if answer is not None:
                self._made(entry, N_("The edited message was applied; the original stays kept."))

        form = EditForm(pretty(detail["message"]), send, what=f"attention/{entry['id']}")
        page.wtpd.push_screen(form, answered)

    def _send(self, entry: Json, call: Awaitable[Any], done: Text) -> None:
        async def decide() -> None:
            if await self._page.attempt(call) is None:
                self._page.stale()  # somebody else may have been faster
            else:
                self._made(entry, done)

        background(self._page, decide, "decide", exclusive=False)

    def _made(self, entry: Json, done: Text) -> None:
        self._page.tell(done, "ok")
        self._go_on(entry["id"])
