"""What is to be read about credentials: a test, who used an entry, and which entry an order would use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from wtpd.client import Json
from wtpd.language import say
from wtpd.texts import N_
from wtpd.tui.keys import key
from wtpd.tui.page import Page
from wtpd.tui.screens.account import write_account
from wtpd.tui.screens.credentials.rows import LEVELS, Row, result_word, setting_of
from wtpd.tui.widgets.dialogs import Read
from wtpd.tui.widgets.fields import Field
from wtpd.tui.widgets.form import Form
from wtpd.tui.widgets.sheet import Sheet
from wtpd.words import CREDENTIAL_ACTIONS

LINES = 100
"""Of an entry's audit, at most."""
PAGES = 20
"""Of the whole audit, that are searched for them."""


def tested(page: Page, heading: str, answer: Json) -> Read:
    """Who we are at the partner with an entry, or why it doesn't work."""
    glyphs = page.session.glyphs

    def fill(sheet: Sheet) -> None:
        sign, tint = (glyphs.ok, "ok") if answer["ok"] else (glyphs.bad, "bad")
        sheet.text(f"{sign} {answer['detail']}", tint)
        write_account(sheet, answer)

    return Read(heading, fill)


async def audit_of(page: Page, row: Row) -> Sequence[Json]:
    """The newest lines about an entry. Raises `ClientError`."""
    found: list[Json] = []
    cursor: str | None = None
    for _ in range(PAGES):
        answer = await page.api.credentials.audit(limit=500, cursor=cursor)
        found += [one for one in answer["items"] if _is_about(one, row)]
        cursor = answer["next_cursor"]
        if cursor is None or len(found) >= LINES:
            break
    return found[:LINES]


def _is_about(line: Json, row: Row) -> bool:
    """What was done to all entries (a change of keys) counts too."""
    return line["provider"] in ("", row.provider["provider"]) and line["scope"] in ("", row.scope)


def audit(page: Page, heading: str, lines: Sequence[Json]) -> Read:
    def fill(sheet: Sheet) -> None:
        for one in lines:
            what = say(CREDENTIAL_ACTIONS[one["action"]]) if one["action"] in CREDENTIAL_ACTIONS else str(one["action"])
            told = ": ".join(part for part in (what, result_word(one["result"])) if part)
            tint = "bad" if one["result"] == "refused" else ""
            sheet.line(
                (page.formats.moment(one["at"]).ljust(17), "dim"), (one["actor"].ljust(18) + " ", ""), (told, tint)
            )
        if not lines:
            sheet.text(N_("Nothing was done with it yet."), "dim")

    return Read(heading, fill)


class Question(Form):
    """A form that asks for something; nothing is saved."""

    BINDINGS: ClassVar[list[Any]] = [key("f2,ctrl+enter", "submit", N_("Ask"), shown="Enter")]


def which_form(page: Page, row: Row, named: Mapping[str, str]) -> Question:
    """For whom an order is; dismissed with the daemon's explanation. `named`: names of people by scope."""

    def people(level: str) -> list[tuple[str, str]]:
        split = ((scope.partition(":"), name) for scope, name in named.items())
        return [(identity, name) for (of, _, identity), name in split if of == level]

    choices: dict[str, list[tuple[str, str]]] = {
        "office": [(str(site["id"]), str(site["name"])) for site in page.session.sites],
        "assessor": people("assessor"),
        "user": people("user"),
    }
    fields = [
        Field(name=level, label=LEVELS[level], form="choice", choices=[("", N_("none chosen")), *choices[level]])
        for level in row.provider["scopes"]
        if level in choices
    ]

    async def submit(values: Mapping[str, str]) -> Json:
        order: dict[str, Any] = {name: value or None for name, value in values.items()}
        return await page.api.credentials.explain(str(row.provider["provider"]), **order)

    return Question(N_("{partner}: whom is the order for?", partner=row.title), fields, submit)


def explained(page: Page, row: Row, found: Json, name: str) -> Read:
    """Which entry serves an order; `name`: for whom that entry is."""
    glyphs = page.session.glyphs

    def fill(sheet: Sheet) -> None:
        if found["entry"]:
            sheet.text(f"{glyphs.ok} {say(N_('Entry: {scope}', scope=name))}", "ok")
        else:
            sheet.text(f"{glyphs.bad} {say(N_('The order is refused.'))}", "bad")
        sheet.text(found["reason"], indent=2)
        for note in found["notes"]:
            sheet.text(f"{glyphs.warn} {note}", "warn", indent=2)
        sheet.fact(N_("Setting"), setting_of(row.provider))

    return Read(N_("{partner}: which entry serves this order", partner=row.title), fill)
