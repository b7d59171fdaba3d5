"""Fields of forms: a label and something to fill in, one line each. Made from data, so that manifests give forms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input, Static, TextArea

from wtpd.language import say
from wtpd.texts import N_, N_n, Text
from wtpd.tui.keys import key
from wtpd.tui.widgets.lines import strip


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """`form`: text, secret, digits, date, time, choice, flag or lines. `choices`: value and what is shown for it.
    `value` of a flag is `yes` or empty."""

    name: str
    label: Text | str
    form: str = "text"
    value: str = ""
    required: bool = False
    choices: Sequence[tuple[str, Text | str]] = ()
    hint: Text | str = ""
    fixed: bool = False
    """Shown, but not to be changed."""


def of_manifest(fields: Sequence[Mapping[str, Any]], values: Mapping[str, str] | None = None) -> list[Field]:
    """The API's field manifests (credentials, actions) as fields of a form."""
    known = values or {}
    return [_of_manifest(one, known.get(one["name"], "")) for one in fields]


def _of_manifest(one: Mapping[str, Any], value: str) -> Field:
    choices = [
        (each, each) if isinstance(each, str) else (str(each["value"]), str(each["label"]))
        for each in one.get("choices") or ()
    ]
    form = "secret" if one.get("secret") else str(one.get("form") or "text")
    return Field(
        name=one["name"],
        label=one["label"],
        form=form if form in ("secret", "digits", "date", "flag", "lines") else "choice" if choices else "text",
        value=value,
        required=bool(one.get("required")),
        choices=choices,
    )


class Choice(Widget, can_focus=True):
    """One of several in one line: left and right go through them."""

    DEFAULT_CSS = "Choice { height: 1; width: 1fr; }"
    BINDINGS: ClassVar[list[Any]] = [
        key("left,less_than_sign", "turn(-1)", N_("Other"), shown="←→"),
        key("right,greater_than_sign,space", "turn(1)"),
        key("enter", "submit"),
    ]

    class Changed(Message):
        def __init__(self, choice: Choice) -> None:
            super().__init__()
            self.choice = choice

    class Submitted(Message):
        """Enter: the form is filled in."""

    def __init__(self, options: Sequence[tuple[str, Text | str]], value: str) -> None:
        super().__init__()
        self.options = list(options)
        values = [one for one, _ in self.options]
        self._at = values.index(value) if value in values else 0

    @property
    def value(self) -> str:
        return self.options[self._at][0] if self.options else ""

    def action_turn(self, by: int) -> None:
        if self.options:
            self._at = (self._at + by) % len(self.options)
            self.refresh()
            self.post_message(self.Changed(self))

    def action_submit(self) -> None:
        self.post_message(self.Submitted())

    def on_click(self) -> None:
        self.action_turn(1)

    def render_line(self, y: int) -> Strip:
        glyphs = self.app.glyphs  # type: ignore[attr-defined] # our App
        shown = say(self.options[self._at][1]) if self.options else ""
        text = f"{glyphs.left} {shown} {glyphs.right}" if len(self.options) > 1 else shown
        return strip([(text, "chosen" if self.has_focus else "")], self.size.width, self.rich_style, more=glyphs.more)


class Filling(Horizontal):
    """A label with its field; `value` is what was filled in."""

    DEFAULT_CSS = """
    Filling { height: auto; }
    Filling > .label { width: 24; max-width: 45%; }
    Filling > .note { width: auto; max-width: 30; padding: 0 0 0 1; text-style: dim; }
    Filling Input { width: 1fr; height: 1; border: none; padding: 0; background: $boost; }
    Filling TextArea { width: 1fr; height: 4; border: none; padding: 0; }
    """

    def __init__(self, field: Field) -> None:
        super().__init__()
        self.field = field

    def compose(self) -> ComposeResult:
        field = self.field
        yield Static(say(field.label) + (" *" if field.required else ""), classes="label", markup=False)
        if field.fixed:
            yield Static(field.value, markup=False)
        elif field.form == "flag":
            yield Choice([("", N_("no")), ("yes", N_("yes"))], field.value)
        elif field.form == "choice":
            yield Choice(field.choices, field.value)
        elif field.form == "lines":
            yield Lines(field.value, compact=True, tab_behavior="focus")
        else:
            yield Clean(field.value, password=field.form == "secret", placeholder=say(field.hint), compact=True)
        if field.form == "secret":
            yield Static("", classes="note", markup=False)

    @property
    def value(self) -> str:
        if self.field.fixed:
            return self.field.value
        if self.field.form in ("flag", "choice"):
            return self.query_one(Choice).value
        if self.field.form == "lines":
            return self.query_one(TextArea).text
        return self.query_one(Input).value.strip()

    def put(self, value: str) -> None:
        """Fill it in."""
        self.query_one(Input).value = value

    def focus_field(self) -> None:
        for widget in self.query("Input, Choice, TextArea"):
            widget.focus()
            return

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        if self.field.form == "secret":
            count = len(event.value.strip())
            text = N_n("{count} character", "{count} characters", count=count)
            self.query_one(".note", Static).update(say(text) if count else "")


class Clean(Input):
    """What is pasted loses its line ends and the blanks around it: tokens come out of mails."""

    def _on_paste(self, event: events.Paste) -> None:
        text = "".join(event.text.splitlines()).strip()
        if text:
            self.insert_text_at_cursor(text)
        event.stop()
        event.prevent_default()


class Sought(Clean):
    """A field for a search. The slash that leads to searches from elsewhere isn't the beginning of what is sought."""

    async def _on_key(self, event: events.Key) -> None:
        if event.character == "/" and not self.value:
            event.stop()
            event.prevent_default()


class Lines(TextArea):
    """A field of several lines, in which Enter begins a new one."""

    BINDINGS: ClassVar[list[Any]] = [
        Binding("enter", "new_line", N_("New line").msgid, key_display="Enter", priority=True),
    ]

    def action_new_line(self) -> None:
        self.replace("\n", *self.selection, maintain_selection_offset=False)
