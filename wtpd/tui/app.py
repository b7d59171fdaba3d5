"""The app: it routes. What holds for all screens stands beside it: live.py, presence.py, curtain.py, menu.py."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from textual import events
from textual._context import active_message_pump
from textual.binding import Binding
from textual.dom import DOMNode
from textual.filter import LineFilter
from textual.widgets import Input
from textual.worker import active_worker

from wtpd.language import say
from wtpd.texts import N_, Text
from wtpd.tui import menu
from wtpd.tui.background import background, is_present
from wtpd.tui.crash import Mishaps, log, report
from wtpd.tui.curtain import Curtain
from wtpd.tui.driver import TerminalDriver
from wtpd.tui.keyboard import Keyboard
from wtpd.tui.keys import key
from wtpd.tui.live import Live
from wtpd.tui.page import Page, page_of, pages_of
from wtpd.tui.palette import Command, Palette
from wtpd.tui.presence import Presence
from wtpd.tui.screens import screens
from wtpd.tui.screens.reception.search import Search
from wtpd.tui.session import Session
from wtpd.tui.shell import Shell
from wtpd.tui.small import TooSmall
from wtpd.tui.terminal import HEIGHT, WIDTH, AsciiFilter, Mode
from wtpd.tui.widgets.bars import Bar
from wtpd.tui.widgets.dialogs import Confirm, Read
from wtpd.tui.widgets.fields import Field
from wtpd.tui.widgets.form import Form
from wtpd.words import SCREENS


class WtpdApp(Shell):
    """One terminal. Ends with the exit code."""

    TITLE = "wtpd"
    CSS_PATH = "wtpd.tcss"
    ENABLE_COMMAND_PALETTE = False
    MODES: ClassVar[dict[str, Any]] = dict(screens())
    DEFAULT_MODE = "overview"
    BINDINGS: ClassVar[list[Any]] = [
        *(key(f"f{number},{number}", f"go_to('{name}')") for number, name in enumerate(SCREENS, start=1)),
        key("question_mark", "help", N_("Help")),
        key("colon", "palette", N_("Commands")),
        key("ctrl+p", "palette", N_("Commands"), shown="^P"),
        Binding("f9", "privacy", show=False, priority=True),  # in dialogs too
        key("slash", "search"),
        key("escape", "come_back", N_("Back")),
        key("q", "quit_wtpd", N_("Quit")),
        key("ctrl+c", "quit_hint"),
        Binding("ctrl+l", "repaint", show=False, priority=True),  # in dialogs too
    ]

    def __init__(self, session: Session, mode: Mode | None = None) -> None:
        self.terminal_mode = mode or Mode()
        super().__init__(driver_class=TerminalDriver, ansi_color=True)
        self.session = session
        self.failure = ""
        """What our own mistake left to say, once the terminal is restored."""
        self.reached = True
        self.importing = None
        self.problems = None
        self.message = ("", "")
        self._opened = False
        self._came_from: str | None = None
        """The screen from which one was led to this one."""
        self._keys = 0
        """How many were pressed."""
        self._last_key: events.Event | None = None
        self._unread_since: int | None = None
        """`_keys` when the outcome in `message` was said."""
        self.mishaps = Mishaps(self._typed, self.tell)
        self._ascii = AsciiFilter()
        self.keyboard = Keyboard(self)
        self.presence = Presence(self)
        self._curtain = Curtain(self)
        self._live = Live(self, self.presence)

    # What is at hand

    def get_line_filters(self) -> Sequence[LineFilter]:
        found = super().get_line_filters()
        return found if self.terminal_mode.utf8 else [*found, self._ascii]

    def on_mount(self) -> None:
        self.theme = self.terminal_mode.theme
        self._opened = True
        background(self, self.keyboard.run, "keyboard")
        background(self, self._live.run, "live")
        self.set_interval(15, self._curtain.look)

    async def on_unmount(self) -> None:
        await self.session.api.close()

    # The terminal

    def on_resize(self, event: events.Resize) -> None:
        if isinstance(self._driver, TerminalDriver):
            self._driver.resized(event.size.width, event.size.height)
        small = event.size.width < WIDTH or event.size.height < HEIGHT
        if small and not isinstance(self.screen, TooSmall):
            self.push_screen(TooSmall())
        elif not small and isinstance(self.screen, TooSmall):
            self.pop_screen()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        if isinstance(event.widget, Input):
            event.widget.cursor_blink = False  # it would cost bytes twice a second

    def end(self, number: int) -> None:
        """A signal ended it."""
        self.exit(return_code=128 + number)

    def hung_up(self) -> None:
        """There is no terminal any more."""
        self.end(signal.SIGHUP)

    def typed(self, key: events.Key | events.Paste) -> None:
        self.keyboard.put(key)

    def _typed(self) -> list[str]:
        return [one.value for screen in self.screen_stack for one in screen.query(Input)]

    def _handle_exception(self, error: Exception) -> None:
        """Ends the app like Textual's, but tells nobody what stood in variables and fields. An error of a screen that
        is being closed, or of the app at its end, harms nobody: widgets go before the last messages are worked off."""
        node = active_message_pump.get(None)
        if self._opened and isinstance(node, DOMNode) and not is_present(node):
            log.info("error of a screen that was left: %s", report(error, self._typed()))
            return
        if not self.failure:
            self.failure = report(error, self._typed())
            self._exception = error
            self._exception_event.set()
        self._return_code = 1
        self._close_messages_no_wait()

    # Saying and drawing

    def tell(self, text: Text | str, tint: str = "") -> None:
        """Say something in the message line. The outcome of work in the background may come while its user is leaving
        the screen: nobody has read it then, and it is said on the next screen too."""
        self.message = (say(text), tint)
        self._unread_since = self._keys if active_worker.get(None) is not None else None
        self.redraw_bars()

    def redraw_bars(self) -> None:
        for screen in self.screen_stack:  # below a dialog they are seen too
            for bar in screen.query(Bar):
                bar.renew()

    @property
    def page(self) -> Page | None:
        """The page that is seen, below a dialog if there is one."""
        return page_of(self)

    # Keys

    def action_go_to(self, name: str) -> None:
        if not isinstance(self.screen, Page):
            self.tell(N_("Something is open here: Esc closes it."))
            return
        unread = self._unread_since is not None and self._keys - self._unread_since <= 1  # the key that led here
        self._unread_since, self._came_from = None, None
        if name != self.current_mode and not unread:
            self.message = ("", "")  # it was about the other screen
        self.switch_mode(name)

    def go_to(self, name: str, key: str | None = None) -> None:
        """To the screen `name`, its cursor on `key`; Esc leads back."""
        begin = self.current_mode
        self.action_go_to(name)
        if begin != name == self.current_mode:
            self._came_from = begin
        page = page_of(self)
        if key is not None and page is not None and name == page.NAME:
            page.focus_on(key)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "come_back":
            return self._came_from is not None and len(self.screen_stack) == 1
        return super().check_action(action, parameters)

    def action_come_back(self) -> None:
        if self._came_from is not None:
            self.action_go_to(self._came_from)

    def action_search(self) -> None:
        """Over all days and sites, from wherever one is."""
        if isinstance(self.screen, Page):
            self.push_screen(Search())

    def action_privacy(self) -> None:
        self._curtain.turn()

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key | events.Paste | events.MouseDown):
            self._curtain.touched = time.monotonic()
            if event is not self._last_key:  # it comes by again on its way up from the widget
                self._last_key, self._keys = event, self._keys + 1
        await super().on_event(event)

    def action_quit_wtpd(self) -> None:
        self.exit(0)

    def action_quit_hint(self) -> None:
        self.tell(N_("q quits; in a form Esc goes back first."))

    def action_repaint(self) -> None:
        if isinstance(self._driver, TerminalDriver):
            self._driver.forget()
        self.refresh(repaint=True, layout=True)

    def action_palette(self) -> None:
        def done(command: Command | None) -> None:
            if command is not None and command.enabled:
                self.call_later(command.run)

        if isinstance(self.screen, Page):
            self.push_screen(Palette(menu.commands(self)), done)

    def choose_site(self, site: str) -> None:
        """Look at another site; all screens that show one follow."""
        self.session.site = site
        for page in pages_of(self):
            page.stale()

    def action_help(self) -> None:
        page = self.screen
        if isinstance(page, Page):
            self.push_screen(Read(N_("Keys"), lambda sheet: menu.write_help(sheet, page)))

    def action_initials(self) -> None:
        async def keep(values: Mapping[str, str]) -> bool:
            self.session.initials = values["initials"]
            self.session.api.initials = values["initials"]
            return True

        field = Field(name="initials", label=N_("Initials"), value=self.session.initials)
        about = N_("Several people use this login. Your initials stand in the history behind what you change.")
        self.push_screen(Form(N_("Who are you?"), [field], keep, about=about))

    def confirm(
        self, question: Text | str, consequence: Text | str, then: Callable[[], object], typed: str = ""
    ) -> None:
        """Ask, and do `then` on yes."""

        def answered(yes: bool | None) -> None:
            if yes:
                then()

        self.push_screen(Confirm(question, consequence, typed=typed), answered)
