"""Changing a mapping: the form, its consequence with the difference in the file, and what to do if somebody else wrote
into the file meanwhile (spec: config.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from textual.app import ComposeResult

from wtpd import words
from wtpd.client import ApiProblem, Json
from wtpd.language import say
from wtpd.texts import N_, Text
from wtpd.tui.keys import key
from wtpd.tui.page import Page
from wtpd.tui.screens.mapping.about import name_of
from wtpd.tui.widgets.dialogs import Confirm, Dialog, paragraph, title
from wtpd.tui.widgets.fields import Field
from wtpd.tui.widgets.form import Declined, Form
from wtpd.tui.widgets.sheet import Sheet

MANY = 20
"""More cancellations than this are confirmed by typing how many."""


class Differences(Dialog):
    """Differences of the file to look at before going on; dismissed with True or False."""

    DEFAULT_CSS = """
    Differences > Vertical { width: 100%; height: 100%; }
    Differences Sheet { height: 1fr; margin: 1 0 0 0; }
    """

    def __init__(self, heading: Text | str, about: Text | str, *diffs: tuple[Text | str, str]) -> None:
        """`diffs`: heading (or nothing) and unified diff."""
        super().__init__()
        self._heading, self._about, self._diffs = heading, about, diffs

    def inside(self) -> ComposeResult:
        yield title(self._heading)
        yield paragraph(self._about)
        yield Sheet()

    def on_mount(self) -> None:
        sheet = self.query_one(Sheet)
        for heading, diff in self._diffs:
            if heading:
                sheet.heading(heading)
            sheet.diff(diff)
        sheet.done()


class Consequence(Differences):
    """What a change would do; Enter does it."""

    BINDINGS: ClassVar[list[Any]] = [
        key("enter", "dismiss(True)", N_("Save")),
        key("escape", "dismiss(False)", N_("Back")),
    ]


class Meanwhile(Differences):
    """Somebody else changed the file since the form was opened; Enter goes on with the file as it is now."""

    BINDINGS: ClassVar[list[Any]] = [
        key("enter", "dismiss(True)", N_("Go on with the new file")),
        key("escape", "dismiss(False)", N_("Back")),
    ]


class MappingForm(Form):
    """Its consequence is shown before it is saved."""

    BINDINGS: ClassVar[list[Any]] = [key("f2,ctrl+enter", "submit", N_("Go on"), shown="Enter")]


def change_mapping(page: Page, row: Json, etag: str) -> None:
    """Open the form for a row of the mapping, as it was read with `etag`."""
    change = _Change(page, row, etag)

    def done(answer: Json | None) -> None:
        if answer is not None:
            page.tell(N_("Saved.") if answer["diff"] else N_("Nothing was changed."), "ok")
            page.stale()

    form = MappingForm(
        name_of(row),
        _fields(row),
        change.submit,
        about=N_("What this cancels and sends at the partner is shown before it is saved."),
        what=f"mapping/{row['site']}/{row['partner']}",
    )
    page.app.push_screen(form, done)


def _fields(row: Json) -> list[Field]:
    departments = list(row["departments"])
    if row["department"] and row["department"] not in departments:
        departments.append(row["department"])
    return [
        Field(
            name="department",
            label=N_("Department"),
            form="choice",
            value=row["department"] or "",
            choices=[(one, one) for one in departments],
            required=True,
        ),
        Field(name="dealer_number", label=N_("Dealer number"), value=row["dealer_number"] or "", required=True),
        Field(
            name="status_mail",
            label=N_("Status mail"),
            value=row["status_mail"] or "",
            required=bool(row["status_mail"]),
            hint=N_("where the site's status mails go"),
        ),
    ]


class _Change:
    """One form's way to being saved. `etag`: the version of the file on which it is based."""

    def __init__(self, page: Page, row: Json, etag: str) -> None:
        self._page, self._row, self._etag = page, row, etag

    async def submit(self, values: Mapping[str, str]) -> Json:
        """Runs in the form's worker. Raises `ClientError`: the form stays."""
        while True:
            try:
                return await self._save(values)
            except ApiProblem as problem:
                if problem.kind != "version-mismatch":
                    raise
                await self._look_at_both(values, str(problem.facts.get("diff") or ""))

    async def _save(self, values: Mapping[str, str]) -> Json:
        shown = await self._set(values, preview=True)
        cancels = int(shown["cancels"])
        if not shown["diff"]:
            return shown
        await self._agree(Consequence(N_("This would happen"), consequence(shown), ("", shown["diff"])))
        if cancels > MANY:
            question = N_("Cancel {count} appointments at {partner}?", count=cancels, partner=self._row["title"])
            await self._agree(Confirm(question, consequence(shown), typed=str(cancels)))
        if is_doubtful(shown):
            question = N_("Save dealer number {number} all the same?", number=values["dealer_number"])
            await self._agree(Confirm(question, str(shown["partner"]["text"])))
        return await self._set(values, confirm=cancels if cancels > MANY else None, unverified=is_doubtful(shown))

    async def _look_at_both(self, values: Mapping[str, str], meanwhile: str) -> None:
        """Show what changed meanwhile beside what was entered; then the form is based on the file as it is now."""
        _, self._etag = await self._page.api.config.get()
        ours = await self._set(values, preview=True)
        about = N_("wtpd.yaml was changed meanwhile, by hand or by somebody else. Nothing was saved.")
        unknown = say(N_("What it was before isn't known any more."))
        await self._agree(
            Meanwhile(
                N_("Somebody was faster"),
                about,
                (N_("What changed meanwhile"), meanwhile or unknown),
                (N_("What you want to change now"), ours["diff"] or say(N_("Nothing is left to change."))),
            )
        )

    async def _agree(self, dialog: Dialog) -> None:
        if not await self._page.app.push_screen_wait(dialog):
            raise Declined(N_("Nothing was saved."))

    async def _set(
        self, values: Mapping[str, str], *, preview: bool = False, confirm: int | None = None, unverified: bool = False
    ) -> Json:
        mail = values["status_mail"]
        return await self._page.api.mapping.set(
            self._row["site"],
            self._row["partner"],
            department=values["department"],
            dealer_number=values["dealer_number"],
            status_mail=mail if mail != (self._row["status_mail"] or "") else None,
            preview=preview,
            confirm=confirm,
            unverified=unverified,
            etag=self._etag,
        )


def consequence(shown: Json) -> str:
    """What the change does at the partner, and the partner's word about a new number, in sentences."""
    parts = words.consequence(shown["cancels"], shown.get("unlinks", 0), shown["sends"])
    texts = [say(part) for part in parts]
    if shown.get("partner"):
        texts.insert(0, str(shown["partner"]["text"]))
    return " ".join(texts)


def is_doubtful(shown: Json) -> bool:
    """The partner refuses the number, or couldn't be asked although it should."""
    return bool(shown.get("partner") and shown["partner"]["verdict"] in ("refused", "unreachable"))
