"""What every screen is: loads from the API, draws what it has, follows the event stream, and knows what may be done.

A new screen is a file in `screens/` with a class that says `NAME`, `FOLLOWS`, `WRITES` and `BINDINGS`, and has `body`,
`load` and `draw`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from textual.app import App, ComposeResult
from textual.containers import Vertical
from textual.screen import Screen
from textual.timer import Timer

from wtpd.client import ApiProblem, Client, ClientError, Event, Unreachable
from wtpd.language import say
from wtpd.texts import N_, Text
from wtpd.tui.background import background
from wtpd.tui.formats import Formats
from wtpd.tui.session import Session
from wtpd.tui.shell import Shell
from wtpd.tui.widgets.bars import KeyBar, MessageBar, ScreenBar, TopBar
from wtpd.words import SCREENS

if TYPE_CHECKING:
    from wtpd.tui.palette import Command
    from wtpd.tui.widgets.sheet import Sheet

T = TypeVar("T")

GATHER = 0.2
"""Seconds in which events are gathered before the screen loads anew."""


class Page(Screen[Any]):
    """`NAME`: its key in `wtpd.words.SCREENS` (of a page below one of them: of that one). `FOLLOWS`: the kinds of
    events after which it loads anew; `appointment.` stands for all that begin so. `WRITES`: its actions that change
    something; who may only read sees them in parentheses."""

    NAME: ClassVar[str] = ""
    FOLLOWS: ClassVar[tuple[str, ...]] = ()
    WRITES: ClassVar[frozenset[str]] = frozenset()
    NOTES_PROBLEMS: ClassVar[bool] = False
    """Loads the status itself after the same events, and hands it to the top line."""
    AUTO_FOCUS = "Table, Sheet"

    def __init__(self) -> None:
        super().__init__()
        self.loaded = False
        self._stale = False
        self._gathering: Timer | None = None

    # What a screen says

    def body(self) -> ComposeResult:
        """The widgets between the bars."""
        raise NotImplementedError

    async def load(self) -> None:
        """Fetch what it shows and keep it. Raises `ClientError`; what was there stays then."""

    def draw(self) -> None:
        """Put what it has on the screen; called after each load, and when privacy or the size changes."""

    def focus_on(self, key: str) -> None:
        """Put the cursor on the thing of this name, now or once it is loaded; what it is called says the `place` of a
        problem in the daemon's status. A screen without such things does nothing."""

    def commands(self) -> Iterable[Command]:
        """What the palette offers here beside the screen's keys."""
        return ()

    def explain(self, sheet: Sheet) -> None:
        """More for the help, below its keys."""

    @property
    def title_text(self) -> Text | str:
        return SCREENS.get(self.NAME, "")

    # What it has at hand

    @property
    def wtpd(self) -> Shell:
        return cast("Shell", self.app)

    @property
    def session(self) -> Session:
        return self.wtpd.session

    @property
    def api(self) -> Client:
        return self.session.api

    @property
    def formats(self) -> Formats:
        return self.session.formats

    def hide(self, text: Any) -> str:
        """A name, plate or number, hidden when privacy is on."""
        return self.session.privacy.hide(text)

    def tell(self, text: Text | str, tint: str = "") -> None:
        """Say something in the message line."""
        self.wtpd.tell(text, tint)

    async def attempt(self, call: Awaitable[T], done: Text | str | None = None) -> T | None:
        """The answer of the API, and `done` said; None if it said no, which is shown."""
        try:
            answer = await call
        except ClientError as error:
            self.tell(sentence(error), "bad")
            return None
        if done is not None:
            self.tell(done, "ok")
        return answer

    # How it works

    def compose(self) -> ComposeResult:
        yield TopBar()
        with Vertical(id="body"):
            yield from self.body()
        yield MessageBar()
        yield KeyBar()
        yield ScreenBar()

    def on_mount(self) -> None:
        self.reload()

    def on_screen_resume(self) -> None:
        self.wtpd.redraw_bars()
        if self.loaded and self._stale:
            self.reload()
        elif self.loaded:
            self.draw()

    def on_resize(self) -> None:
        self.call_after_refresh(self._resized)  # its widgets have their new sizes then

    def _resized(self) -> None:
        if self.loaded:
            self.draw()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in self.WRITES and not self.session.may_write:
            return None
        return True

    def heard(self, event: Event) -> None:
        """An event of the daemon."""
        if event.kind == "reset" or any(
            event.kind == kind or (kind.endswith(".") and event.kind.startswith(kind)) for kind in self.FOLLOWS
        ):
            self.stale()

    def stale(self) -> None:
        """What it shows may be out of date: it loads anew soon, or when it is looked at."""
        self._stale = True
        if self.is_current and self._gathering is None:
            self._gathering = self.set_timer(GATHER, self._gathered)

    def _gathered(self) -> None:
        self._gathering = None
        if self._stale and self.is_current:
            self.reload()

    def reload(self) -> None:
        """Load and draw; a load that is under way is given up for this one."""
        self._stale = False
        background(self, self._load, "load")

    async def _load(self) -> None:
        try:
            await self.load()
        except Unreachable:
            self._stale = True
            return  # the top line says so; the stream's return loads it anew
        except ApiProblem as error:
            self.tell(sentence(error), "bad")
            return
        self.loaded = True
        self.draw()
        self.refresh_bindings()


def sentence(error: ClientError) -> str:
    """What the daemon's refusal says to people, in one line."""
    if isinstance(error, Unreachable):
        if error.sent:
            return say(N_("The daemon went away during the call; look whether it was done."))
        return say(N_("The daemon doesn't answer; nothing was changed. Try it again in a moment."))
    if isinstance(error, ApiProblem):
        details = [error.detail, *(one.detail for one in error.errors if one.detail not in error.detail)]
        return " ".join(details)
    return str(error)


def pages_of(app: App[Any]) -> Iterable[Page]:
    """All pages that were opened, the hidden ones too."""
    for stack in app._screen_stacks.values():
        yield from (one for one in stack if isinstance(one, Page) and one.is_mounted)


def page_of(app: App[Any]) -> Page | None:
    """The page that is seen, below a dialog if there is one."""
    return next((one for one in reversed(app.screen_stack) if isinstance(one, Page)), None)
