"""A message in quarantine is edited and applied. What is no JSON is said before it is sent, with its place."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar

from textual.widgets import TextArea

from wtpd.texts import N_, Text
from wtpd.tui.keys import key
from wtpd.tui.widgets.fields import Field
from wtpd.tui.widgets.form import Form


class EditForm(Form):
    """Dismissed with what `send` gave. `text` is the message; a refusal leaves what was typed."""

    DEFAULT_CSS = """
    EditForm > Vertical { width: 100%; height: 100%; }
    EditForm VerticalScroll { height: 1fr; max-height: 100%; }
    EditForm Filling { height: 1fr; }
    EditForm Filling > .label { display: none; }
    EditForm Filling TextArea { height: 1fr; }
    """
    BINDINGS: ClassVar[list[Any]] = [key("f2,ctrl+enter", "submit", N_("Apply"))]

    def __init__(self, text: str, send: Callable[[Mapping[str, Any]], Awaitable[Any]], *, what: str) -> None:
        async def submit(values: Mapping[str, str]) -> Any:
            return await send(json.loads(values["message"]))

        field = Field(name="message", label=N_("Message"), form="lines", value=text, required=True)
        about = N_("What stands here is applied instead of the message; the original stays kept.")
        super().__init__(N_("Edit the message"), [field], submit, about=about, what=what)

    def on_text_area_changed(self) -> None:
        self.trouble("")

    def action_submit(self) -> None:
        area = self.query_one(TextArea)
        wrong = fault_of(area.text)
        if wrong is None:
            super().action_submit()
            return
        text, line, column = wrong
        self.trouble(text)
        area.move_cursor((line - 1, column - 1))
        area.focus()


def fault_of(text: str) -> tuple[Text, int, int] | None:
    """What keeps it from being a message, with line and column; None if it is one."""
    try:
        found = json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        line, column = error.lineno, error.colno
        return N_("This is no JSON: line {line}, column {column}.", line=line, column=column), line, column
    except RecursionError:
        return N_("This is nested too deeply."), 1, 1
    except ValueError as error:  # `_refuse`
        return N_("{word} doesn't exist in JSON.", word=str(error)), 1, 1
    if not isinstance(found, dict):
        return N_("A message is a JSON object: it begins with {{ and ends with }}."), 1, 1
    return None


def _refuse(name: str) -> None:
    """Python reads `NaN` and `Infinity`, which are no JSON."""
    raise ValueError(name)
