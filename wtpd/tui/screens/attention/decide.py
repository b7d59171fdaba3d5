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

_SAID: Mapping[str, Text] = {
    "ours": N_("Our value was put back and is sent; the history can undo it."),
    "theirs": N_("The partner's value stays."),
    "done": N_("Closed."),
}


def can_be_edited(entry: Json) -> bool:
    return entry["kind"] == "quarantine" and "retry" in entry["choices"]


class Decisions:
    """`go_on` is called with the entry's number when one was made."""

    def __init__(self, page: Page, go_on: Callable[[int], object]) -> None:
        self._page = page
        self._go_on = go_on

    def make(self, choice: str, entry: Json, detail: Json) -> None:
        """`choice`: one of the entry's, or `edit`."""
        if choice == "edit":
            self._edit(entry, detail)
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

    def _send(self, entry: Json, call: Awaitable[Json], done: Text) -> None:
        async def decide() -> None:
            if await self._page.attempt(call) is None:
                self._page.stale()  # somebody else may have been faster
            else:
                self._made(entry, done)

        background(self._page, decide, "decide", exclusive=False)

    def _made(self, entry: Json, done: Text) -> None:
        self._page.tell(done, "ok")
        self._go_on(entry["id"])
