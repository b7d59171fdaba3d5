"""F4: the entries by provider and for whom; entered, tried, removed, asked about. A secret is never shown."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Container

from wtpd.client import Json
from wtpd.language import say
from wtpd.texts import N_, Text
from wtpd.tui.background import background
from wtpd.tui.keys import key
from wtpd.tui.page import Page
from wtpd.tui.palette import Command
from wtpd.tui.screens.credentials import reads
from wtpd.tui.screens.credentials.about import write_lost, write_row
from wtpd.tui.screens.credentials.entry import entry_form
from wtpd.tui.screens.credentials.rows import Row, removal, rows_of, scope_name, setting_of, state_of, zone_for
from wtpd.tui.widgets.dialogs import Choose
from wtpd.tui.widgets.sheet import Sheet
from wtpd.tui.widgets.table import Column, Table

T = TypeVar("T")


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
        yield Command(N_("Seal all credentials with a new key"), partial(_rotate, self), enabled=may)
        if self._lost:
            yield Command(N_("Give up what the lost key had sealed"), self.action_start_over, "s", enabled=may)
        for provider in {row.provider["provider"]: row for row in self._rows}.values():
            name = N_("Enter credentials of {partner}", partner=provider.title)
            yield Command(name, partial(_choose_scope, self, provider), enabled=may)

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
            _enter(self, row) if row.scope else _choose_scope(self, row)

    def action_other(self) -> None:
        self._with_row(_choose_scope)

    def action_test(self) -> None:
        self._with_row(_test)

    def action_remove(self) -> None:
        self._with_row(_remove)

    def action_use(self) -> None:
        self._with_row(_show_use)

    def action_which(self) -> None:
        self._with_row(_explain)

    def action_start_over(self) -> None:
        _start_over(self)

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


# What the keys do.


def _choose_scope(page: Credentials, row: Row) -> None:
    """Ask for whom they are, then have them entered."""
    provider = row.provider
    stored = {entry["scope"]: entry for entry in provider["entries"]}
    options = [
        (scope, N_("{scope} (stored)", scope=page.scope_name(scope)) if scope in stored else page.scope_name(scope))
        for scope in _scopes(page, provider)
    ]

    def chosen(scope: str | None) -> None:
        if scope is not None:
            problem = row.problem if row.scope == scope else None
            _enter(page, replace(row, scope=scope, entry=stored.get(scope), problem=problem))

    if len(options) == 1:
        chosen(options[0][0])
        return
    about = N_("In force: {setting}.", setting=setting_of(provider))
    page.app.push_screen(Choose(N_("{partner}: for whom?", partner=row.title), options, about=about), chosen)


def _scopes(page: Credentials, provider: Json) -> list[str]:
    """All that the provider can have entries for."""
    levels = provider["scopes"]
    general = ["general"] if "general" in levels else []
    offices = [f"office:{site['id']}" for site in page.session.sites] if "office" in levels else []
    return [*general, *offices, *(scope for scope in page.people if scope.partition(":")[0] in levels)]


def _enter(page: Credentials, row: Row) -> None:
    def stored(answer: Json | None) -> None:
        if answer is None:
            return
        if answer["tested"]:
            page.tell(N_("Tried and stored. {detail}", detail=answer["detail"]), "ok")
        else:
            page.tell(N_("Stored untried: {reason}", reason=answer["detail"]), "warn")
        page.show_entry(row.key, str(answer["detail"]))

    page.app.push_screen(entry_form(page, row, page.scope_name(row.scope)), stored)


def _test(page: Credentials, row: Row) -> None:
    async def work() -> None:
        page.tell(N_("Asking {partner} who we are there", partner=row.title))
        answer = await page.attempt(page.api.credentials.test(row.provider["provider"], row.scope))
        if answer is not None:
            page.tell("")
            page.app.push_screen(reads.tested(page, page.heading(row), answer))
            page.stale()

    background(page, work, "test")


def _remove(page: Credentials, row: Row) -> None:
    page.wtpd.confirm(
        N_("Forget the credentials of {provider} for {scope}?", provider=row.title, scope=page.scope_name(row.scope)),
        removal(row, page.channels, {site["id"]: site["name"] for site in page.session.sites}),
        lambda: _do(page, page.api.credentials.remove(row.provider["provider"], row.scope), lambda _: N_("Forgotten.")),
    )


def _show_use(page: Credentials, row: Row) -> None:
    """Who did what with the entry."""

    async def work() -> None:
        lines = await page.attempt(reads.audit_of(page, row))
        if lines is not None:
            page.app.push_screen(reads.audit(page, page.heading(row), lines))

    background(page, work, "use")


def _explain(page: Credentials, row: Row) -> None:
    """Which entry an order would use."""

    def found(answer: Json | None) -> None:
        if answer is not None:
            page.app.push_screen(
                reads.explained(page, row, answer, page.scope_name(answer["entry"]) if answer["entry"] else "")
            )

    page.app.push_screen(reads.which_form(page, row, page.people), found)


def _start_over(page: Credentials) -> None:
    page.wtpd.confirm(
        N_("Give up all credentials that the key at hand doesn't open? They must be entered again."),
        N_("Bring the key back instead if there is a copy of it: then all is as it was. What was given up is gone."),
        lambda: _do(page, page.api.credentials.start_over(), _given_up),
    )


def _rotate(page: Credentials) -> None:
    page.wtpd.confirm(
        N_("Seal all credentials with a new key?"),
        N_("Nothing has to be entered again, and no connector stops. Backups made before need the old key."),
        lambda: _do(page, page.api.credentials.rotate_key(), lambda answer: str(answer["detail"])),
    )


def _do(page: Credentials, call: Awaitable[T], said: Callable[[T], Text | str]) -> None:
    """Do it in the background, and say so."""

    async def answered() -> tuple[T]:
        return (await call,)  # an answer without content is none to `attempt`

    async def work() -> None:
        answer = await page.attempt(answered())
        if answer is not None:
            page.tell(said(answer[0]), "ok")
            page.stale()

    background(page, work, "do", exclusive=False)


def _given_up(answer: Json) -> Text:
    lost = ", ".join(answer["lost"])
    return N_("Enter again: {entries}", entries=lost) if lost else N_("Nothing had to be given up.")
