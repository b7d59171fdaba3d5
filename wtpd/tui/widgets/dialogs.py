"""Questions on top of a screen: yes or no with the consequence said, one of several, and something to read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from wtpd.language import say
from wtpd.texts import N_, Text
from wtpd.tui.keys import key
from wtpd.tui.widgets.bars import KeyBar
from wtpd.tui.widgets.lines import Cell
from wtpd.tui.widgets.sheet import Sheet
from wtpd.tui.widgets.table import Column, Table


class Dialog(ModalScreen[Any]):
    """A box in the middle with its keys below."""

    DEFAULT_CSS = """
    Dialog { align: center middle; }
    Dialog > Vertical {
        width: 74; max-width: 100%; height: auto; max-height: 100%; border: solid $primary; background: $surface;
        padding: 0 1;
    }
    Dialog .title { text-style: bold; height: auto; }
    Dialog .text { height: auto; }
    """

    def compose(self) -> ComposeResult:
        with Vertical():
            yield from self.inside()
            yield KeyBar()

    def inside(self) -> ComposeResult:
        raise NotImplementedError


def title(text: Text | str) -> Static:
    return Static(say(text), classes="title", markup=False)


def paragraph(text: Text | str, *, id: str | None = None) -> Static:  # noqa: A002 - Textual's name
    return Static(say(text), classes="text", markup=False, id=id)


class Confirm(Dialog):
    """Yes or no; dismissed with True or False. `consequence` says what will happen. `typed`: what has to be typed to
    confirm something big."""

    BINDINGS: ClassVar[list[Any]] = [
        key("enter", "yes", N_("Yes, do it")),
        key("escape,n", "no", N_("No")),
    ]

    def __init__(self, question: Text | str, consequence: Text | str = "", *, typed: str = "") -> None:
        super().__init__()
        self._question, self._consequence, self._typed = question, consequence, typed
        letter = say(N_("yes"))[0]
        self._bindings.bind(f"y,{letter}" if letter != "y" else "y", "yes", show=False)

    def inside(self) -> ComposeResult:
        yield title(self._question)
        if self._consequence:
            yield paragraph(self._consequence)
        if self._typed:
            yield paragraph(N_("Type {typed} to confirm it.", typed=self._typed))
            yield Input(placeholder="_" * len(self._typed), compact=True)

    @on(Input.Submitted)
    def _entered(self) -> None:
        self.action_yes()

    def action_yes(self) -> None:
        if not self._typed or self.query_one(Input).value.strip() == self._typed:
            self.dismiss(True)

    def action_no(self) -> None:
        self.dismiss(False)


class Options(Table):
    """A table whose Enter is named in the key line."""

    BINDINGS: ClassVar[list[Any]] = [key("enter", "choose", N_("Choose"))]


class Choose(Dialog):
    """One of several; dismissed with the value of the one that was chosen, or None."""

    DEFAULT_CSS = "Choose Table { height: auto; max-height: 14; min-height: 1; }"
    BINDINGS: ClassVar[list[Any]] = [key("escape", "dismiss(None)", N_("Back"))]

    def __init__(
        self, question: Text | str, options: Sequence[tuple[Any, Text | str]], *, about: Text | str = ""
    ) -> None:
        """`options`: value and what is shown for it."""
        super().__init__()
        self._question, self._options, self._about = question, list(options), about

    def inside(self) -> ComposeResult:
        yield title(self._question)
        if self._about:
            yield paragraph(self._about)
        yield Options([Column("", _label)], key=lambda one: str(one[0]), heading=False)

    def on_mount(self) -> None:
        table = self.query_one(Table)
        table.styles.height = min(14, max(1, len(self._options)))
        table.show(self._options)

    @on(Table.Chosen)
    def _chosen(self, event: Table.Chosen) -> None:
        self.dismiss(event.row[0])


def _label(option: tuple[Any, Text | str]) -> Cell:
    return say(option[1])


class Read(Dialog):
    """Something to read; `fill` writes it on the sheet. Dismissed with None."""

    DEFAULT_CSS = "Read > Vertical { width: 100%; height: 100%; } Read Sheet { height: 1fr; }"
    BINDINGS: ClassVar[list[Any]] = [key("escape,enter", "dismiss(None)", N_("Back"))]

    def __init__(self, heading: Text | str, fill: Callable[[Sheet], object]) -> None:
        super().__init__()
        self._heading, self._fill = heading, fill

    def inside(self) -> ComposeResult:
        yield title(self._heading)
        yield Sheet()

    def on_mount(self) -> None:
        self.query_one(Sheet).call_after_refresh(self.fill)

    def fill(self) -> None:
        """Write it, anew after privacy was switched."""
        sheet = self.query_one(Sheet)
        self._fill(sheet.clear())
        sheet.done()
