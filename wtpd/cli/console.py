"""What every command gets: the way to the daemon, and the way to print."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import click

from wtpd import language
from wtpd.cli.table import Table
from wtpd.harmless import harmless, harmless_json, harmless_lines
from wtpd.texts import Text

if TYPE_CHECKING:
    from wtpd.client import Client

T = TypeVar("T")

DEFAULT_SOCKET = "/run/wtpd/api.sock"


@dataclass(slots=True)
class Console:
    """One call of the program. `json`: print the answer as it came, for programs."""

    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    json: bool = False
    socket: str = ""

    def __post_init__(self) -> None:
        self.socket = self.environment.get("WTPD_SOCKET") or DEFAULT_SOCKET

    @property
    def interactive(self) -> bool:
        """Somebody sits there who can answer."""
        return sys.stdin.isatty() and sys.stderr.isatty()

    @property
    def colour(self) -> bool:
        environment = self.environment
        return sys.stdout.isatty() and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"

    @property
    def width(self) -> int | None:
        """Columns to fit into; None when nobody looks and nothing is cut."""
        if self.environment.get("COLUMNS", "").isdigit():
            return int(self.environment["COLUMNS"])
        return shutil.get_terminal_size().columns if sys.stdout.isatty() else None

    def ask(self, question: Callable[[Client], Awaitable[T]]) -> T:
        """Talk to the daemon: `console.ask(lambda api: api.status())`. Raises `ClientError`."""
        import asyncio

        from wtpd.client import Client

        async def talk() -> T:
            async with Client(self.socket, language=language.current()) as api:
                return await question(api)

        return asyncio.run(talk())

    def answer(self, data: Any, text: Callable[[], None]) -> None:
        """Print `data` as JSON if that was asked for, else whatever `text` prints."""
        if self.json:
            click.echo(harmless_json(data, indent=2))
        else:
            text()

    def line(self, text: Text | str = "", *, colour: str | None = None, bold: bool = False) -> None:
        """One line; line ends and control characters in `text` are made harmless."""
        click.echo(self.paint(harmless(language.say(text)), colour=colour, bold=bold))

    def lines(self, text: str, *, colour: str | None = None, err: bool = False) -> None:
        """A text that has lines of its own, such as a difference of files; otherwise as `line`. `err`: as `note`."""
        click.echo(self.paint(harmless_lines(text), colour=colour), err=err)

    def painted(self, text: str) -> None:
        """A line of our own making that holds colours already: nothing from outside may be in it."""
        click.echo(text)

    def note(self, text: Text | str) -> None:
        """One line for the person, not for the pipe: standard error."""
        click.echo(harmless(language.say(text)), err=True)

    def paint(self, text: str, *, colour: str | None = None, bold: bool = False) -> str:
        return click.style(text, fg=colour, bold=bold or None) if self.colour and (colour or bold) else text

    def table(
        self, heads: Sequence[Text | str], rows: Sequence[Sequence[str]], *, colours: Sequence[str | None] = ()
    ) -> None:
        """Rows under `heads`, fitted to the terminal; `colours` one a row."""
        table = Table([language.say(head) if isinstance(head, Text) else head for head in heads], rows)
        for number, text in enumerate(table.lines(self.width)):
            colour = colours[number - 1] if 0 < number <= len(colours) else None
            self.line(text, colour=colour, bold=number == 0)
