"""A form on top of a screen. It closes only when the daemon took what was entered, or when its user gives up: a lost
connection or a refusal leaves everything as it was typed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Input, Static

from wtpd.client import ApiProblem, ClientError
from wtpd.language import say
from wtpd.texts import N_, Text
from wtpd.tui.background import background
from wtpd.tui.crash import SURVIVED
from wtpd.tui.keys import key
from wtpd.tui.page import sentence
from wtpd.tui.widgets.dialogs import Dialog, paragraph, title
from wtpd.tui.widgets.fields import Choice, Field, Filling

Submit = Callable[[Mapping[str, str]], Awaitable[Any]]


class Form(Dialog):
    """Dismissed with what `submit` gave, or None if it was given up. `submit` gets the values by field and raises
    `ClientError` if they aren't taken. `what`: names the thing to others who edit it at the same time (`mapping/…`)."""

    DEFAULT_CSS = """
    Form VerticalScroll { height: auto; max-height: 16; }
    Form .trouble { height: auto; text-style: bold; }
    """
    BINDINGS: ClassVar[list[Any]] = [
        key("f2,ctrl+enter", "submit", N_("Save"), shown="Enter"),
        key("down", "app.focus_next", N_("Next field"), shown="Tab"),
        key("up", "app.focus_previous"),
        key("escape", "give_up", N_("Back")),
    ]

    def __init__(
        self,
        heading: Text | str,
        fields: Sequence[Field],
        submit: Submit,
        *,
        about: Text | str = "",
        what: str = "",
    ) -> None:
        super().__init__()
        self._heading, self._fields, self._submit, self._about = heading, list(fields), submit, about
        self._what = what
        self._busy = False

    def inside(self) -> ComposeResult:
        yield title(self._heading)
        if self._about:
            yield paragraph(self._about)
        yield paragraph("", id="others")
        with VerticalScroll(can_focus=False):
            for field in self._fields:
                yield Filling(field)
        yield Static("", classes="trouble", markup=False)

    def on_mount(self) -> None:
        for filling in self.query(Filling):
            if not filling.field.fixed:
                filling.focus_field()
                break
        self.query_one("#others").display = False
        if self._what:
            self.app.presence.begin(self._what, self._tell_others)  # type: ignore[attr-defined] # our App

    def on_unmount(self) -> None:
        if self._what:
            self.app.presence.end(self._what)  # type: ignore[attr-defined] # our App

    @property
    def values(self) -> dict[str, str]:
        return {one.field.name: one.value for one in self.query(Filling)}

    def filling(self, name: str) -> Filling:
        return next(one for one in self.query(Filling) if one.field.name == name)

    @on(Input.Submitted)
    @on(Choice.Submitted)
    def _entered(self, event: Input.Submitted | Choice.Submitted) -> None:
        event.stop()
        self.action_submit()

    def action_submit(self) -> None:
        if self._busy:
            return
        missing = [one for one in self.query(Filling) if one.field.required and not one.value]
        if missing:
            self.trouble(N_("{field} is missing.", field=say(missing[0].field.label)))
            missing[0].focus_field()
            return
        self._busy = True
        self.trouble(N_("One moment, please"))
        background(self, self._send, "send")

    async def _send(self) -> None:
        try:
            answer = await self._submit(self.values)
        except ClientError as error:
            self.trouble(sentence(error))
            if isinstance(error, ApiProblem):
                self._point_at(error)
        except Exception:
            self.trouble(SURVIVED)
            raise
        else:
            self.dismiss(answer)
        finally:
            self._busy = False

    def _point_at(self, error: ApiProblem) -> None:
        """Put the cursor where the daemon found something wrong."""
        for problem in error.errors:
            for filling in self.query(Filling):
                if filling.field.name in (problem.field, problem.field.rpartition(".")[2]):
                    filling.focus_field()
                    return

    def trouble(self, text: Text | str) -> None:
        """Say what is wrong below the fields."""
        self.query_one(".trouble", Static).update(say(text))

    def action_give_up(self) -> None:
        self.dismiss(None)

    def _tell_others(self, who: Sequence[str]) -> None:
        note = self.query_one("#others", Static)
        note.display = bool(who)
        note.update(say(N_("{who} is editing this too.", who=", ".join(who))) if who else "")


class Declined(ClientError):
    """What a form's `submit` raises if its user was asked and said no; the form stays."""

    def __init__(self, text: Text) -> None:
        super().__init__(say(text))


def wrong(field: str, text: Text | str) -> ApiProblem:
    """What a form's `submit` raises if a field can't be read: it is said, and the cursor goes there."""
    return ApiProblem(0, {"detail": say(text), "errors": [{"field": field, "detail": say(text)}]})
