"""What the keys of the credentials do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from wtpd.client import Json
from wtpd.texts import N_, Text
from wtpd.tui.background import background
from wtpd.tui.screens.credentials import reads
from wtpd.tui.screens.credentials.entry import entry_form
from wtpd.tui.screens.credentials.rows import Row, removal, setting_of
from wtpd.tui.widgets.dialogs import Choose

if TYPE_CHECKING:
    from wtpd.tui.screens.credentials.credentials import Credentials

T = TypeVar("T")


def choose_scope(page: Credentials, row: Row) -> None:
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
            enter(page, replace(row, scope=scope, entry=stored.get(scope), problem=problem))

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


def enter(page: Credentials, row: Row) -> None:
    def stored(answer: Json | None) -> None:
        if answer is None:
            return
        if answer["tested"]:
            page.tell(N_("Tried and stored. {detail}", detail=answer["detail"]), "ok")
        else:
            page.tell(N_("Stored untried: {reason}", reason=answer["detail"]), "warn")
        page.show_entry(row.key, str(answer["detail"]))

    page.app.push_screen(entry_form(page, row, page.scope_name(row.scope)), stored)


def test(page: Credentials, row: Row) -> None:
    async def work() -> None:
        page.tell(N_("Asking {partner} who we are there", partner=row.title))
        answer = await page.attempt(page.api.credentials.test(row.provider["provider"], row.scope))
        if answer is not None:
            page.tell("")
            page.app.push_screen(reads.tested(page, page.heading(row), answer))
            page.stale()

    background(page, work, "test")


def remove(page: Credentials, row: Row) -> None:
    page.wtpd.confirm(
        N_("Forget the credentials of {provider} for {scope}?", provider=row.title, scope=page.scope_name(row.scope)),
        removal(row, page.channels, {site["id"]: site["name"] for site in page.session.sites}),
        lambda: _do(page, page.api.credentials.remove(row.provider["provider"], row.scope), lambda _: N_("Forgotten.")),
    )


def show_use(page: Credentials, row: Row) -> None:
    """Who did what with the entry."""

    async def work() -> None:
        lines = await page.attempt(reads.audit_of(page, row))
        if lines is not None:
            page.app.push_screen(reads.audit(page, page.heading(row), lines))

    background(page, work, "use")


def explain(page: Credentials, row: Row) -> None:
    """Which entry an order would use."""

    def found(answer: Json | None) -> None:
        if answer is not None:
            page.app.push_screen(reads.explained(page, row, answer))

    page.app.push_screen(reads.which_form(page, row), found)


def start_over(page: Credentials) -> None:
    page.wtpd.confirm(
        N_("Give up all credentials that the key at hand doesn't open? They must be entered again."),
        N_("Bring the key back instead if there is a copy of it: then all is as it was. What was given up is gone."),
        lambda: _do(page, page.api.credentials.start_over(), _given_up),
    )


def rotate(page: Credentials) -> None:
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
