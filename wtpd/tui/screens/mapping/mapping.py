"""F3: which department a partner serves at each site, and under which number; and what is connected with nobody."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.timer import Timer

from wtpd.client import Event, Json
from wtpd.language import say
from wtpd.texts import N_, N_n
from wtpd.tui.cells import BLANK, channel_cell
from wtpd.tui.keys import key
from wtpd.tui.page import Page
from wtpd.tui.palette import Command
from wtpd.tui.screens.mapping.change import change_mapping
from wtpd.tui.screens.mapping.versions import Versions
from wtpd.tui.widgets.dialogs import Read
from wtpd.tui.widgets.lines import Span
from wtpd.tui.widgets.sheet import Sheet
from wtpd.tui.widgets.table import Column, Table

COUNT_AGAIN = 1.0
"""Seconds after a change of an appointment."""


class Mapping(Page):
    NAME = "mapping"
    FOLLOWS = ("config.", "channel.")
    WRITES = frozenset({"edit", "verify"})
    BINDINGS: ClassVar[list[Any]] = [
        key("e", "edit", N_("Edit")),
        key("v", "verify", N_("Verify")),
        key("h", "history", N_("Versions")),
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (150, "-wide")]  # noqa: RUF012 - Textual declares it so
    DEFAULT_CSS = """
    Mapping #halves { layout: vertical; }
    Mapping.-wide #halves { layout: horizontal; }
    Mapping.-wide #halves > Table { width: 1fr; max-height: 100%; }
    Mapping.-wide #coverage { width: 56; margin: 0 0 0 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[Json] = []
        self._coverage: list[Json] = []
        self._channels: dict[str, Json] = {}
        self._errors: list[Json] = []
        self._file = ""
        self._etag = ""
        self._wanted = ""
        """What the cursor is to stand on once it is loaded."""
        self._counting: Timer | None = None

    def body(self) -> ComposeResult:
        with Container(id="halves"):
            yield Table(
                [
                    Column(N_("Site"), lambda row: row["site_name"]),
                    Column(N_("Partner"), lambda row: row["title"]),
                    Column(N_("Department"), lambda row: row["department"] or BLANK, width=10),
                    Column(N_("Number"), lambda row: row["dealer_number"] or BLANK, width=9),
                    Column(N_("Status mail"), _status_mail, from_width=100),
                    Column(N_("State"), self._state, width=17),
                ],
                key=key_of,
                empty=N_(
                    "No site is set up yet. Write the first one into wtpd.yaml (sites:); it is taken up by itself."
                ),
            )
            yield Sheet(id="coverage")

    async def load(self) -> None:
        self._rows, self._etag = await self.api.mapping.current()
        self._coverage = await self.api.mapping.coverage()
        status = await self.api.status()
        self._channels = {one["id"]: one for one in status["channels"]}
        self._errors = status["config_errors"]
        if self._errors:
            self._file = str((await self.api.config.get())[0]["file"])

    def draw(self) -> None:
        table = self.query_one(Table)
        table.styles.max_height = max(4, len(self._rows) + 1)
        table.show(self._rows)
        if self._wanted and self._go_to(self._wanted):
            self._wanted = ""
        self._draw_sheet()

    def heard(self, event: Event) -> None:
        """Appointments come and go by the hundred during a sync; how many there are is counted now and then."""
        super().heard(event)
        if event.kind.startswith("appointment.") and self._counting is None:
            self._counting = self.set_timer(COUNT_AGAIN, self._count_again)

    def _count_again(self) -> None:
        self._counting = None
        self.stale()

    def focus_on(self, key: str) -> None:
        if not (self.loaded and self._go_to(key)):
            self._wanted = key

    def commands(self) -> Iterable[Command]:
        for row in self._rows:
            if row["state"] != "not_available":
                name = N_("Map {partner} at {site}", partner=row["title"], site=row["site_name"])
                yield Command(name, partial(self._edit, row), enabled=self.session.may_write)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        row = self._row
        if action == "edit" and (row is None or row["state"] == "not_available"):
            return False
        if action == "verify" and (row is None or row["state"] != "ready"):
            return False
        return super().check_action(action, parameters)

    # Keys

    @on(Table.Chosen)
    def _chosen(self, event: Table.Chosen) -> None:
        if self.session.may_write:
            self._edit(event.row)

    @on(Table.Moved)
    def _moved(self) -> None:
        self.refresh_bindings()
        self._draw_sheet()

    def action_edit(self) -> None:
        if self._row is not None:
            self._edit(self._row)

    def _edit(self, row: Json) -> None:
        if row["state"] == "not_available":
            self.tell(str(row["reason"]), "warn")
        elif self._errors:
            self.tell(N_("Mend wtpd.yaml first: what is wrong with it is told below."), "bad")
        else:
            change_mapping(self, row, self._etag)

    def action_verify(self) -> None:
        if self._row is not None:
            self.run_worker(self._verify(self._row), group="verify", exclusive=True, exit_on_error=True)

    def action_history(self) -> None:
        self.app.push_screen(Versions())

    async def _verify(self, row: Json) -> None:
        self.tell(N_("Asking {partner} who we are there", partner=row["title"]))
        found = await self.attempt(self.api.connectors.verify(row["partner"], site=row["site"]))
        if not found:
            return
        self.tell("")
        heading = N_("{partner} at {site}", partner=row["title"], site=row["site_name"])
        self.app.push_screen(Read(heading, partial(self._write_verified, row, found[0])))

    # Drawing

    @property
    def _row(self) -> Json | None:
        row: Json | None = self.query_one(Table).row if self.is_mounted else None
        return row

    def _go_to(self, wanted: str) -> bool:
        """`rostock/superservice`, or the channel's own name, `superservice/rostock`."""
        first, _, second = wanted.partition("/")
        table = self.query_one(Table)
        return table.go_to((first, second)) or table.go_to((second, first))

    def _state(self, row: Json) -> Span:
        channel = self._channels.get(f"{row['partner']}/{row['site']}")
        state = str(channel["state"]) if channel and row["state"] == "ready" else str(row["state"])
        return channel_cell(state, self.session.glyphs)

    def _draw_sheet(self) -> None:
        sheet = self.query_one(Sheet).clear()
        if self._errors:
            self._write_errors(sheet)
        if self._row is not None:
            self._write_row(sheet, self._row)
        self._write_coverage(sheet)
        sheet.done()

    def _write_errors(self, sheet: Sheet) -> None:
        sheet.text(N_("wtpd.yaml has errors; the last good settings stay in force:"), "bad")
        for error in self._errors:
            sheet.text(f"{self.session.glyphs.bad} {error['message']}", "bad")
        text = N_("Mend {file} with an editor; it is taken up by itself. Nothing is written into it until then.",
                  file=self._file)  # fmt: skip
        sheet.text(text)

    def _write_row(self, sheet: Sheet, row: Json) -> None:
        channel = self._channels.get(f"{row['partner']}/{row['site']}") or {}
        sheet.heading(N_("{partner} at {site}", partner=row["title"], site=row["site_name"]))
        reason = row["reason"] or channel.get("reason")
        sheet.fact(N_("State"), (str(reason), "warn") if reason else "")
        sheet.fact(N_("Status mail"), _status_mail(row))

    def _write_coverage(self, sheet: Sheet) -> None:
        glyphs, titles = self.session.glyphs, {row["partner"]: row["title"] for row in self._rows}
        sheet.heading(N_("Departments with appointments to come"))
        coming = [one for one in self._coverage if one["upcoming"]]
        for one in coming:
            name = say(N_("{department}, {site}", department=one["department"], site=one["site_name"]))
            count = N_n(
                "{name}: 1 upcoming appointment, connected with {partners}",
                "{name}: {count} upcoming appointments, connected with {partners}",
                count=one["upcoming"], name=name,
                partners=", ".join(titles.get(each, each) for each in one["partners"]) or N_("nobody"),
            )  # fmt: skip
            sign, tint = (glyphs.ok, "") if one["partners"] else (glyphs.warn, "warn")
            sheet.text(f"{sign} {say(count)}", tint)
        if not coming:
            sheet.text(
                N_("There are none. As soon as there are, it is told here which of them no partner sees."), "dim"
            )

    def _write_verified(self, row: Json, found: Json, sheet: Sheet) -> None:
        glyphs, number = self.session.glyphs, row["dealer_number"]
        same = found["account"] == number
        if found["error"] and same:
            refused = N_("{partner} says no: {reason}", partner=row["title"], reason=found["error"])
            sheet.text(f"{glyphs.bad} {say(refused)}", "bad")
            sheet.fact(N_("Our dealer number"), number)
            return
        if same:
            known = N_("{partner} knows us under this dealer number.", partner=row["title"])
            sheet.text(f"{glyphs.ok} {say(known)}", "ok")
        else:
            text = N_(
                "Wrong dealer number: {partner} knows us as {found}, but the mapping has {number}.",
                partner=row["title"], found=found["account"], number=number,
            )  # fmt: skip
            sheet.text(f"{glyphs.bad} {say(text)}", "bad")
        sheet.fact(N_("Dealer number there"), found["account"])
        sheet.fact(N_("Name there"), found["name"])
        for name, value in found["facts"].items():
            sheet.fact(say(FACTS[name]) if name in FACTS else name, str(value))


FACTS = {"brand": N_("Brand"), "rights": N_("Rights")}
"""What partners tell of us, beside number and name."""


def key_of(row: Json) -> tuple[str, str]:
    return row["site"], row["partner"]


def _status_mail(row: Json) -> str:
    return row["status_mail"] or BLANK
