"""Forms: what was typed stays until the daemon took it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from textual import events
from textual.app import App, ComposeResult
from textual.widgets import Static

from wtpd.client import ApiProblem, Unreachable
from wtpd.tui.crash import Mishaps
from wtpd.tui.glyphs import UNICODE, Glyphs
from wtpd.tui.widgets.bars import MessageBar
from wtpd.tui.widgets.dialogs import Choose, Confirm
from wtpd.tui.widgets.fields import Field, of_manifest
from wtpd.tui.widgets.form import Form

FIELDS = [
    Field(name="user", label="User", required=True),
    Field(name="token", label="Token", form="secret"),
    Field(name="scope", label="Scope", form="choice", choices=[("a", "Office"), ("b", "General")]),
    Field(name="flag", label="Waits", form="flag"),
]


class Desk:
    """Takes forms; `answers` are what it says, one after another."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.got: list[Mapping[str, str]] = []

    async def submit(self, values: Mapping[str, str]) -> Any:
        self.got.append(values)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Host(App[None]):
    mishaps = Mishaps(lambda: (), lambda *_: None)
    glyphs: Glyphs = UNICODE
    outcome: Any = "open"

    def compose(self) -> ComposeResult:
        yield Static("below")

    def note(self, outcome: Any) -> None:
        self.outcome = outcome

    @property
    def text(self) -> str:
        lines = ("".join(part.text for part in strip) for strip in self.screen._compositor.render_strips())
        return " ".join(" ".join(lines).split())


@asynccontextmanager
async def form(desk: Desk, fields: list[Field] = FIELDS) -> AsyncIterator[tuple[Host, Any]]:
    app = Host()
    async with app.run_test(size=(80, 24)) as pilot:
        app.push_screen(Form("Who?", fields, desk.submit), app.note)
        await pilot.pause()
        yield app, pilot


async def test_what_was_entered_is_sent_and_the_form_closes() -> None:
    desk = Desk("thanks")
    async with form(desk) as (app, pilot):
        await pilot.press(*"maria", "tab", *"s3cret", "tab", "right", "tab", "right", "enter")
        await pilot.pause()
        assert desk.got == [{"user": "maria", "token": "s3cret", "scope": "b", "flag": "yes"}]
        assert app.outcome == "thanks"


async def test_a_lost_connection_leaves_everything_as_it_was_typed() -> None:
    desk = Desk(Unreachable("socket", "gone"), "thanks")
    async with form(desk) as (app, pilot):
        await pilot.press(*"maria", "enter")
        await pilot.pause()
        assert "nothing was changed" in app.text
        assert "maria" in app.text
        await pilot.press("enter")
        await pilot.pause()
        assert app.outcome == "thanks"
        assert desk.got[0] == desk.got[1]


async def test_a_refusal_is_said_and_the_cursor_goes_to_its_field() -> None:
    refusal = {"type": "x/invalid", "title": "no", "detail": "That isn't right.",
               "errors": [{"field": "fields.token", "detail": "Too short."}]}  # fmt: skip
    async with form(Desk(ApiProblem(422, refusal))) as (app, pilot):
        await pilot.press(*"maria", "enter")
        await pilot.pause()
        assert "That isn't right. Too short." in app.text
        await pilot.press(*"xyz")
        assert app.screen.values["token"] == "xyz"


async def test_what_is_missing_is_said_before_anything_is_sent() -> None:
    desk = Desk()
    async with form(desk) as (app, pilot):
        await pilot.press("tab", *"abc", "enter")
        await pilot.pause()
        assert "User is missing." in app.text
        assert desk.got == []


async def test_a_secret_is_masked_and_its_length_told_and_a_pasted_one_is_trimmed() -> None:
    desk = Desk("thanks")
    async with form(desk) as (app, pilot):
        await pilot.press(*"maria", "tab")
        app.screen.focused.post_message(events.Paste("  abc\ndef12 \r\n"))
        await pilot.pause()
        assert "8 characters" in app.text
        assert "abc" not in app.text
        await pilot.press("enter")
        await pilot.pause()
        assert desk.got[0]["token"] == "abcdef12"


async def test_in_a_field_of_several_lines_enter_begins_one_and_the_key_line_says_what_saves() -> None:
    desk = Desk("thanks")
    fields = [Field(name="user", label="User"), Field(name="notes", label="Notes", form="lines")]
    async with form(desk, fields) as (app, pilot):
        assert "Enter Save" in app.text
        await pilot.press("tab", "a", "enter", "b")
        await pilot.pause()
        assert "Enter New line" in app.text
        assert "F2 Save" in app.text
        assert "Enter Save" not in app.text
        await pilot.press("f2")
        await pilot.pause()
        assert desk.got == [{"user": "", "notes": "a\nb"}]


async def test_escape_gives_up() -> None:
    desk = Desk()
    async with form(desk) as (app, pilot):
        await pilot.press(*"mar", "escape")
        await pilot.pause()
        assert app.outcome is None
        assert desk.got == []


async def test_manifests_become_fields() -> None:
    fields = of_manifest(
        [
            {"name": "password", "label": "Password", "secret": True, "required": True, "form": "text", "choices": []},
            {"name": "security", "label": "Security", "secret": False, "form": "choice", "choices": ["tls", "none"]},
            {"name": "kind", "label": "Kind", "form": "choice", "choices": [{"value": "A", "label": "Everything"}]},
        ]
    )
    assert [one.form for one in fields] == ["secret", "choice", "choice"]
    assert fields[2].choices == [("A", "Everything")]
    assert fields[0].required


async def test_a_confirmation_says_the_consequence_and_no_is_as_near_as_escape() -> None:
    app = Host()
    async with app.run_test() as pilot:
        app.push_screen(Confirm("Erase?", "It can't be undone."), app.note)
        await pilot.pause()
        assert "It can't be undone." in app.text
        await pilot.press("escape")
        assert app.outcome is False


async def test_something_big_has_to_be_typed() -> None:
    app = Host()
    async with app.run_test() as pilot:
        app.push_screen(Confirm("Cancel 23?", typed="23"), app.note)
        await pilot.pause()
        await pilot.press("enter")
        assert app.outcome == "open"
        await pilot.press(*"23", "enter")
        await pilot.pause()
        assert app.outcome is True


async def test_one_of_several_is_chosen() -> None:
    app = Host()
    async with app.run_test() as pilot:
        app.push_screen(Choose("Which?", [("a", "First"), ("b", "Second")]), app.note)
        await pilot.pause()
        await pilot.press("down", "enter")
        await pilot.pause()
        assert app.outcome == "b"


class Telling(Host):
    message = ("The connection was lost in the middle of the sentence that somebody reads until its last word.", "")

    def compose(self) -> ComposeResult:
        yield MessageBar()


async def test_a_message_is_read_whole_in_a_terminal_that_became_narrower() -> None:
    app = Telling()
    async with app.run_test(size=(120, 24)) as pilot:
        await pilot.resize_terminal(40, 24)
        await pilot.pause()
        assert "until its last word." in app.text
