"""F4: the entries by provider and for whom; entered, tried, removed, asked about. A secret is never shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Container

from wtpd.client import Json
from wtpd.language import say
from wtpd.texts import N_
from wtpd.tui.keys import key
from wtpd.tui.page import Page
from wtpd.tui.palette import Command
from wtpd.tui.screens.credentials import acts
from wtpd.tui.screens.credentials.about import write_lost, write_row
from wtpd.tui.screens.credentials.rows import Row, rows_of, scope_name, state_of, zone_for
from wtpd.tui.widgets.sheet import Sheet
from wtpd.tui.widgets.table import Column, Table


class Credentials(Page):
    NAME = "credentials"
    FOLLOWS = ("credentials.", "channel.", "config.", "resource.changed")
    WRITES = frozenset({"enter", "other", "test", "remove", "start_over"})
    BINDINGS: ClassVar[list[Any]] = [
        key("e", "enter", N_("Enter")),
        key("n", "other", N_("New")),
        key("t", "test", N_("Test")),
        key("x", "remove", N_("Remove")),
        key("u", "use", N_("Use")),
        key("w", "which", N_("Which")),
        key("s", "start_over"),
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (150, "-wide")]  # noqa: RUF012 - Textual declares it so
    DEFAULT_CSS = """
    Credentials #halves { layout: vertical; }
    Credentials #about { height: 8; }
    Credentials.-wide #halves { layout: horizontal; }
    Credentials.-wide #halves > Table { width: 1fr; }
    Credentials.-wide #about { width: 60; height: 1fr; margin: 0 0 0 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.people: Mapping[str, str] = {}
        """Names of assessors and users by scope: `assessor:meier`."""
        self._rows: list[Row] = []
        self.channels: list[Json] = []
        self._lost = ""
        """What the daemon says of a lost key."""
        self._wanted = ""
        self._told: tuple[str, str] = ("", "")
        """The row that was tried last, and what came of it."""

    def body(self) -> ComposeResult:
        with Container(id="halves"):
            yield Table(
                [
                    Column(N_("Provider"), lambda row: row.title, width=20),
                    Column(N_("For"), lambda row: self.scope_name(row.scope)),
                    Column(N_("State"), lambda row: state_of(row, self.formats, self.session.glyphs), width=26),
                    Column(N_("Entered"), lambda row: self._moment(row, "set_at"), width=12, from_width=100),
                    Column(N_("By"), lambda row: row.entry["set_by"] if row.entry else "", width=12, from_width=100),
                    Column(N_("Last used"), lambda row: self._moment(row, "last_used_at"), width=12, from_width=115),
                ],
                key=lambda row: row.key,
                empty=N_("No provider is known."),
            )
            yield Sheet(id="about")

    async def load(self) -> None:
        providers = await self.api.credentials.list()
        status = await self.api.status()
        self.people = {
            f"{kind}:{one['id']}": str(one["name"])
            for kind, people in (("assessor", self.api.assessors), ("user", self.api.users))
            for one in (await people.list())["items"]
            if one["active"]
        }
        self._rows = rows_of(providers, status["problems"])
        self.channels = status["channels"]
        self._lost = next((one["text"] for one in status["problems"] if one["kind"] == "key"), "")

    def draw(self) -> None:
        self.query_one(Table).show(self._rows)
        if self._wanted and self._go_to(self._wanted):
            self._wanted = ""  # the sheet follows the table, which says where its cursor is

    def focus_on(self, key: str) -> None:
        if not (self.loaded and self._go_to(key)):
            self._wanted = key

    def commands(self) -> Iterable[Command]:
        may = self.session.may_write
        yield Command(N_("Seal all credentials with a new key"), partial(acts.rotate, self), enabled=may)
        if self._lost:
            yield Command(N_("Give up what the lost key had sealed"), self.action_start_over, "s", enabled=may)
        for provider in {row.provider["provider"]: row for row in self._rows}.values():
            name = N_("Enter credentials of {partner}", partner=provider.title)
            yield Command(name, partial(acts.choose_scope, self, provider), enabled=may)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        row = self.row
        if action in ("enter", "other", "use", "which") and row is None:
            return False
        if action == "use" and row is not None and not row.scope:
            return False
        if action in ("test", "remove") and (row is None or row.entry is None):
            return False
        if action == "test" and row is not None and not row.provider["testable"]:
            return False
        if action == "start_over" and not self._lost:
            return False
        return super().check_action(action, parameters)

    # Keys

    @on(Table.Chosen)
    def _chosen(self) -> None:
        if self.session.may_write:
            self.action_enter()

    @on(Table.Moved)
    def _moved(self) -> None:
        self.refresh_bindings()
        self._draw_about()

    def action_enter(self) -> None:
        """Of a row that has a scope, for that; else it is chosen first."""
        row = self.row
        if row is not None:
            acts.enter(self, row) if row.scope else acts.choose_scope(self, row)

    def action_other(self) -> None:
        self._with_row(acts.choose_scope)

    def action_test(self) -> None:
        self._with_row(acts.test)

    def action_remove(self) -> None:
        self._with_row(acts.remove)

    def action_use(self) -> None:
        self._with_row(acts.show_use)

    def action_which(self) -> None:
        self._with_row(acts.explain)

    def action_start_over(self) -> None:
        acts.start_over(self)

    def _with_row(self, act: Callable[[Credentials, Row], None]) -> None:
        if self.row is not None:
            act(self, self.row)

    def show_entry(self, key: str, told: str) -> None:
        """Load anew; the cursor goes to the entry that was stored, and what was said of it stays to be read."""
        self._wanted, self._told = key, (key, told)
        self.stale()

    # Drawing

    @property
    def row(self) -> Row | None:
        row: Row | None = self.query_one(Table).row if self.is_mounted else None
        return row

    def _go_to(self, wanted: str) -> bool:
        """The entry, or else the first of its provider."""
        table, provider = self.query_one(Table), wanted.partition("/")[0]
        first = next((row.key for row in self._rows if row.provider["provider"] == provider), None)
        return table.go_to(wanted) or (first is not None and table.go_to(first))

    def scope_name(self, scope: str) -> str:
        return scope_name(scope, self.session.sites, self.people)

    def heading(self, row: Row) -> str:
        return say(N_("{partner}: {scope}", partner=row.title, scope=self.scope_name(row.scope)))

    def _moment(self, row: Row, field: str) -> str:
        return self.formats.moment(row.entry[field]) if row.entry else ""

    def _draw_about(self) -> None:
        sheet, row = self.query_one(Sheet).clear(), self.row
        write_lost(sheet, self._lost, self.session.glyphs)
        if row is not None:
            heading = self.heading(row) if row.scope else row.title
            told = self._told[1] if self._told[0] == row.key else ""
            zone = zone_for(row.scope, self.session.sites)
            write_row(sheet, row, heading, self.formats, zone=zone, told=told)
        sheet.done(keep_place=False)
