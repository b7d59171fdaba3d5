"""The search over all days: by plate, VIN, name or number; the newest first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.widgets import Input

from wtpd.client import Json
from wtpd.language import say
from wtpd.texts import N_, N_n, Text
from wtpd.tui.actions import actions_on, choose_action, run_action
from wtpd.tui.keys import key
from wtpd.tui.page import Page
from wtpd.tui.screens.appointment import open_appointment
from wtpd.tui.screens.reception.rows import columns
from wtpd.tui.widgets.bars import Line
from wtpd.tui.widgets.fields import Sought
from wtpd.tui.widgets.table import Table
from wtpd.words import SCREENS

MOST = 200
"""Appointments shown; who finds more is asked for more letters."""


class Search(Page):
    NAME = "reception"
    FOLLOWS = ("appointment.", "customer.", "vehicle.")
    WRITES = frozenset({"import"})
    AUTO_FOCUS = "Input"
    DEFAULT_CSS = "Search Input { height: 1; border: none; padding: 0 1; background: $boost; }"
    BINDINGS: ClassVar[list[Any]] = [
        key("slash", "again", N_("Search")),
        key("i", "import", N_("Import")),
        key("escape", "dismiss(None)", N_("Back")),
    ]

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self._text = text
        self._found: list[Json] = []
        self._fresh = bool(text)
        """Searched for just now: the keys go to what is found."""
        self._similar = False
        self._imports: list[Json] | None = None
        """What connectors offer to import from; asked once, when nothing was found."""

    @property
    def title_text(self) -> Text | str:
        return N_("{screen}: search", screen=SCREENS["reception"])

    def body(self) -> ComposeResult:
        yield Sought(self._text, placeholder=say(N_("Plate, VIN, name or number; Enter searches")), compact=True)
        yield Line()
        yield Table(columns(self, self._when, 16, N_("day and time"), less_from=100), key=lambda one: one["id"])

    async def load(self) -> None:
        if not self._text:
            return
        page = await self.api.appointments.list(q=self._text, limit=MOST, near=True)
        found, self._similar = page["items"], page["similar"]
        self._found = sorted(found, key=lambda one: str(one["drop_off"]), reverse=True)
        if not self._found and self._imports is None:
            self._imports = await actions_on(self, "search")

    def draw(self) -> None:
        table = self.query_one(Table)
        table.empty = self._nothing() if self._text else N_("On all days of all sites, the newest first.")
        table.show(self._found)
        self.query_one(Line).put([(f" {say(self._count())}", "dim")])
        if self._fresh:
            self._fresh = False
            if self._found or self._offers:
                table.focus()

    def _count(self) -> Text | str:
        count = len(self._found)
        if not self._text or not count:
            return ""
        if self._similar:
            return N_("Nothing fits exactly. Similar ones:")
        if count == MOST:
            return N_("The newest {count}; type more to find fewer.", count=count)
        return N_n("{count} appointment found", "{count} appointments found", count=count)

    @property
    def _offers(self) -> list[Json]:
        return [one for one in self._imports or () if one["available"]]

    def _nothing(self) -> str:
        said = [say(N_("Nothing is found for “{text}”.", text=self.hide(self._text)))]
        said.append(say(N_("Plates are found with and without blanks, names by how they begin.")))
        if self._offers:
            titles = ", ".join(dict.fromkeys(str(one["title"]) for one in self._offers))
            said.append(say(N_("i imports it from {title}.", title=titles)))
        elif self._imports:
            said.append(f"{self._imports[0]['title']}: {self._imports[0]['reason']}.")
        else:
            said.append(say(N_("No DMS is connected from which it could be imported.")))
        return " ".join(said)

    def _when(self, one: Mapping[str, Any]) -> str:
        return self.formats.moment(one["drop_off"], self.session.zone(one["site"]))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        typing = self.is_mounted and self.query_one(Input).has_focus
        if action == "again":
            return not typing
        if action == "import" and (self._found or not self._text or not self._offers):
            return False
        return super().check_action(action, parameters)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self._text = event.value.strip()
        self._found, self._fresh = [], bool(self._text)
        self.reload()

    @on(Table.Chosen)
    def _open(self, event: Table.Chosen) -> None:
        open_appointment(self.wtpd, event.row["id"])

    def on_descendant_focus(self) -> None:
        self.refresh_bindings()

    def key_down(self) -> None:
        """From the field into the list."""
        if self._found:
            self.query_one(Table).focus()

    def action_again(self) -> None:
        self.query_one(Input).focus()

    @work(exclusive=True, group="import")
    async def action_import(self) -> None:
        offers = self._offers
        if len(offers) == 1:
            await run_action(self, offers[0], self._text)
        else:
            await choose_action(self, [(one, self._text, "") for one in offers])
        self.reload()
