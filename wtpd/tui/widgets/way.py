"""An appointment's way, line by line: what was said to partners and by them, what was decided, and by whom. Shown by
the trace and by the page of an appointment; Enter shows a line as a whole, with the message as it was sent or came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, cast

from wtpd.client import ClientError
from wtpd.language import say
from wtpd.texts import N_, Text
from wtpd.tui.background import background
from wtpd.tui.page import sentence
from wtpd.tui.pretty import write_pretty
from wtpd.tui.shell import Shell
from wtpd.tui.widgets.dialogs import Read
from wtpd.tui.widgets.lines import Span
from wtpd.tui.widgets.sheet import Sheet
from wtpd.tui.widgets.table import Column, Table

OUTCOMES: Mapping[str, tuple[str, str, Text]] = {
    "ok": ("ok", "ok", N_("done")),
    "refused": ("bad", "bad", N_("refused")),
    "failed": ("warn", "warn", N_("failed")),
    "quarantined": ("warn", "warn", N_("in quarantine")),
    "ignored": ("idle", "dim", N_("nothing new")),
}
"""How a message ended: glyph, tint, word."""
KINDS: Mapping[str, Text] = {
    "message": N_("message"),
    "history": N_("change"),
    "decision": N_("decision"),
    "attention": N_("needs attention"),
}
DIRECTIONS: Mapping[str, Text] = {"in": N_("from the partner"), "out": N_("to the partner")}


class Way(Table):
    """`show(items, zone)`: what `Client.appointments.trace` gave, and the time zone of the site."""

    def __init__(self, *, empty: Text | str = "", id: str | None = None) -> None:  # noqa: A002 - Textual's name
        self.zone: str | None = None
        super().__init__(
            [
                Column(N_("when"), lambda one: self._formats.moment(one["at"], self.zone), width=12),
                Column("", self._signs, width=4),
                Column(N_("what"), self._what),
                Column(N_("by"), lambda one: one["actor"] or "", width=18, from_width=100),
                Column(N_("channel"), lambda one: one["channel"] or "", width=22, from_width=130),
                Column(N_("outcome"), self._outcome, width=18, from_width=150),
            ],
            key=lambda one: one["id"],
            empty=empty or N_("Nothing was exchanged about this appointment yet."),
            id=id,
        )

    def show(self, rows: Sequence[Any], zone: str | None = None) -> None:
        self.zone = zone or self.zone
        self.heading = bool(rows)
        super().show(rows)

    def action_choose(self) -> None:
        """The line as a whole; a message with its payload, fetched now."""
        super().action_choose()
        if self.row is not None:
            background(self, partial(self._open, self.row), "way")

    async def _open(self, item: Mapping[str, Any]) -> None:
        message = None
        if item["message"] is not None:
            message = await self._fetched(item["message"])
            if message is None:
                return
        self.app.push_screen(Read(self._title(item), lambda sheet: self._write(sheet, item, message)))

    async def open_message(self, number: int) -> None:
        """A message that is on nobody's way, by its number."""
        message = await self._fetched(number)
        if message is not None:
            title = self._wtpd.session.privacy.hide_in(message["title"])
            self.app.push_screen(Read(title, lambda sheet: self._write_message(sheet, message)))

    async def _fetched(self, number: int) -> Mapping[str, Any] | None:
        try:
            return await self._wtpd.session.api.messages.get(number)
        except ClientError as error:
            self._wtpd.tell(sentence(error), "bad")
            return None

    @property
    def _wtpd(self) -> Shell:
        return cast("Shell", self.app)

    @property
    def _formats(self) -> Any:
        return self._wtpd.session.formats

    def _hide(self, text: Any) -> str:
        return self._wtpd.session.privacy.hide(text)

    def _title(self, item: Mapping[str, Any]) -> str:
        return self._wtpd.session.privacy.hide_in(str(item["title"]))

    def _detail(self, item: Mapping[str, Any]) -> str:
        """What a partner refuses it may quote."""
        plain = item["kind"] != "message" or item["outcome"] in ("ok", "ignored")
        return str(item["detail"] or "") if plain else self._hide(item["detail"])

    def _signs(self, item: Mapping[str, Any]) -> list[Span]:
        """Where it went, and how that ended."""
        glyphs = self._wtpd.glyphs
        direction = item["direction"]
        if direction is None:
            way = (glyphs.warn, "warn") if item["kind"] == "attention" else (glyphs.planner, "dim")
        else:
            way = (glyphs.back if direction == "in" else glyphs.to, "accent")
        sign, tint = self._outcome(item)
        return [way, (" ", ""), (sign.partition(" ")[0], tint)]

    def _what(self, item: Mapping[str, Any]) -> list[Span]:
        detail = self._detail(item)
        return [(self._title(item), ""), *([(f"  {detail}", "dim")] if detail else [])]

    def _outcome(self, item: Mapping[str, Any]) -> Span:
        if item["outcome"] is None:
            return ("", "")
        glyph, tint, word = OUTCOMES.get(item["outcome"], ("idle", "", item["outcome"]))
        return (f"{getattr(self._wtpd.glyphs, glyph)} {say(word)}", tint)

    def _write(self, sheet: Sheet, item: Mapping[str, Any], message: Mapping[str, Any] | None) -> None:
        outcome = item["outcome"]
        sheet.fact(N_("when"), self._formats.exact(item["at"], self.zone))
        sheet.fact(N_("kind"), KINDS.get(item["kind"], item["kind"]))
        sheet.fact(N_("direction"), DIRECTIONS.get(item["direction"] or "", ""))
        sheet.fact(N_("channel"), item["channel"])
        sheet.fact(N_("by"), item["actor"])
        sheet.fact(N_("outcome"), self._outcome(item) if outcome else None)
        sheet.fact(N_("details"), self._detail(item))
        if message is not None:
            self._write_message(sheet, message)

    def _write_message(self, sheet: Sheet, message: Mapping[str, Any]) -> None:
        sheet.fact(N_("attempts"), str(message["attempts"]))
        sheet.fact(N_("number of the message"), str(message["id"]))
        sheet.fact(N_("partner's number"), self._hide(message["partner_id"]))
        sheet.fact(N_("idempotency key"), message["key"])
        sheet.fact(N_("operation"), message["operation"])
        sheet.fact(N_("answer of HTTP"), str(message["status"]) if message["status"] else None)
        sheet.fact(N_("error"), (self._hide(message["error"]), "bad") if message["error"] else None)
        sheet.fact(N_("answered"), self._formats.exact(message["answered_at"], self.zone))
        sheet.fact(N_("confirmed"), self._formats.exact(message["confirmed_at"], self.zone))
        sheet.heading(N_("The message"))
        if message["payload"] is None:
            sheet.text(
                N_("It isn't kept: nothing new stood in it, or it is older than the messages that are kept."), "dim"
            )
            return
        if self._wtpd.session.privacy.on:
            sheet.text(N_("Hidden, as long as names and plates are: F9 shows them."), "dim")
            return
        write_pretty(sheet, message["payload"])
