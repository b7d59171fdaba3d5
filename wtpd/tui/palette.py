"""The command palette: everything that can be done, by name. Textual's own would send ten times the bytes and speak
English only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.fuzzy import Matcher
from textual.screen import ModalScreen
from textual.widgets import Input

from wtpd.language import say
from wtpd.texts import N_, Text
from wtpd.tui.keys import key
from wtpd.tui.widgets.table import Column, Table

MOST = 50


@dataclass(frozen=True, slots=True)
class Command:
    """Something that can be done. `run` is called when it is chosen; `hint`: its key or place."""

    name: Text | str
    run: Callable[[], Any]
    hint: str = ""
    enabled: bool = True


class Palette(ModalScreen[Command | None]):
    """Type some letters of what you want; Enter does it."""

    DEFAULT_CSS = """
    Palette { align: center top; }
    Palette > Vertical {
        width: 72; max-width: 100%; height: 18; max-height: 100%; border: solid $primary; background: $surface;
    }
    Palette Input { border: none; height: 1; padding: 0 1; }
    """
    AUTO_FOCUS = "Input"
    BINDINGS: ClassVar[list[Any]] = [
        key("escape", "dismiss(None)"),
        key("down", "move(1)"),
        key("up", "move(-1)"),
        key("pagedown", "page(1)"),
        key("pageup", "page(-1)"),
    ]

    def __init__(self, commands: Iterable[Command]) -> None:
        super().__init__()
        self._all = list(commands)

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Input(placeholder=say(N_("What do you want to do?")), compact=True)
            yield Table(
                [
                    Column("", lambda one: (say(one.name), "" if one.enabled else "dim")),
                    Column("", lambda one: (one.hint, "dim"), width=16, right=True),
                ],
                key=lambda one: (say(one.name), one.hint),
                heading=False,
                empty=N_("Nothing is called that."),
            )

    def on_mount(self) -> None:
        self._show("")

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._show(event.value)

    @on(Input.Submitted)
    def _enter(self) -> None:
        self.dismiss(self.query_one(Table).row)

    @on(Table.Chosen)
    def _chosen(self, event: Table.Chosen) -> None:
        self.dismiss(event.row)

    def action_move(self, by: int) -> None:
        self.query_one(Table).action_move(by)

    def action_page(self, by: int) -> None:
        self.query_one(Table).action_page(by)

    def _show(self, typed: str) -> None:
        table = self.query_one(Table)
        table.show(self._all[:MOST] if not typed.strip() else _matching(self._all, typed.strip())[:MOST])
        table.move_to(0)


def _matching(commands: Sequence[Command], typed: str) -> list[Command]:
    matcher = Matcher(typed)
    scored = [(matcher.match(f"{say(one.name)} {one.hint}"), place, one) for place, one in enumerate(commands)]
    return [one for score, _, one in sorted(scored, key=lambda each: (-each[0], each[1])) if score > 0]
