"""The app: it routes. Screens, palette, and what holds for all of them: session, event stream, privacy, presence."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from textual import events
from textual.app import App
from textual.binding import Binding
from textual.filter import LineFilter
from textual.widgets import Input

from wtpd.client import ApiProblem, ClientError, Event, Unreachable
from wtpd.language import say
from wtpd.texts import N_, Text
from wtpd.tui.crash import report
from wtpd.tui.driver import TerminalDriver
from wtpd.tui.glyphs import Glyphs
from wtpd.tui.keyboard import Keyboard
from wtpd.tui.keys import key
from wtpd.tui.live import Live
from wtpd.tui.page import Page, sentence
from wtpd.tui.palette import Command, Palette
from wtpd.tui.screens import screens
from wtpd.tui.session import Session
from wtpd.tui.small import TooSmall
from wtpd.tui.terminal import HEIGHT, WIDTH, AsciiFilter, Mode
from wtpd.tui.widgets.bars import Bar
from wtpd.tui.widgets.dialogs import Confirm, Read
from wtpd.tui.widgets.fields import Field, Filling
from wtpd.tui.widgets.form import Form
from wtpd.tui.widgets.sheet import Sheet
from wtpd.words import SCREENS

IDLE = 300.0
"""Seconds without a key after which privacy switches itself on."""
STATUS_AFTER = ("channel.", "attention.", "config.", "credentials.", "run.finished", "mail.")
"""Events after which the top line asks anew whether something is wrong."""


class WtpdApp(App[int]):
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
        """The daemon answers."""
        self.problems: list[Any] | None = None
        self.message: tuple[str, str] = ("", "")
        self._ascii = AsciiFilter()
        self._last_key = time.monotonic()
        self._editing: dict[str, Callable[[Sequence[str]], None]] = {}
        self._status_stale = False
        self._asked_initials = False
        self.keyboard = Keyboard(self)
        self._live = Live(session.api, session.client_id, heard=self.heard, connected=self._connected)

    # What is at hand

    @property
    def glyphs(self) -> Glyphs:
        return self.session.glyphs

    def get_line_filters(self) -> Sequence[LineFilter]:
        found = super().get_line_filters()
        return found if self.terminal_mode.utf8 else [*found, self._ascii]

    def on_mount(self) -> None:
        self.theme = self.terminal_mode.theme
        self.run_worker(self.keyboard.run(), group="keyboard", exit_on_error=True)
        self.run_worker(self._live.run(), group="live", exit_on_error=True)
        self.run_worker(self._greet(), group="greet", exclusive=True, exit_on_error=True)
        self.set_interval(15, self._look_idle)

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

    def _handle_exception(self, error: Exception) -> None:
        """Ends the app like Textual's, but tells nobody what stood in variables and fields."""
        if not self.failure:
            typed = [one.value for screen in self.screen_stack for one in screen.query(Input)]
            self.failure = report(error, typed)
            self._exception = error
            self._exception_event.set()
        self._return_code = 1
        self._close_messages_no_wait()

    # The daemon

    async def _greet(self) -> None:
        """Who we are, and which sites there are; asked again after each reconnection."""
        try:
            self.session.me = await self.session.api.session()
            self.session.sites = await self.session.api.sites()
        except Unreachable:
            self._reach(False)
            return
        except ApiProblem as error:
            self.tell(sentence(error), "bad")
            return
        self._reach(True)
        self.session.formats.home = next((one["time_zone"] for one in self.session.sites), None)
        if not self.session.site and self.session.sites:
            self.session.site = str(self.session.sites[0]["id"])
        await self._ask_status()
        for page in self.pages():
            page.refresh_bindings()
        if self.session.wants_initials and not self._asked_initials:
            self._asked_initials = True
            self._ask_initials()

    async def _ask_status(self) -> None:
        try:
            self.problems = (await self.session.api.status())["problems"]
        except ClientError:
            return
        self.redraw_bars()

    def _connected(self, up: bool) -> None:
        came_back = up and not self.reached
        self._reach(up)
        if came_back or (up and self.session.me is None):
            self.run_worker(self._greet(), group="greet", exclusive=True, exit_on_error=True)
            for page in self.pages():
                page.stale()
            for what in self._editing:
                self._announce(what, editing=True)
            if came_back:
                self.tell(N_("The daemon is back."), "ok")

    def _reach(self, up: bool) -> None:
        if up != self.reached:
            self.reached = up
            self.redraw_bars()

    def heard(self, event: Event) -> None:
        """An event of the daemon, for whom it concerns."""
        if event.kind == "presence.changed":
            self._people(event.data)
        for page in self.pages():
            page.heard(event)
        if event.kind.startswith(STATUS_AFTER) or event.kind == "reset":
            self._status_soon()

    def _status_soon(self) -> None:
        if not self._status_stale:
            self._status_stale = True
            self.set_timer(0.3, self._status_now)

    def _status_now(self) -> None:
        self._status_stale = False
        self.run_worker(self._ask_status(), group="status", exclusive=True, exit_on_error=True)

    # Saying and drawing

    def tell(self, text: Text | str, tint: str = "") -> None:
        """Say something in the message line."""
        self.message = (say(text), tint)
        self.redraw_bars()

    def redraw_bars(self) -> None:
        for screen in self.screen_stack:  # below a dialog they are seen too
            for bar in screen.query(Bar):
                bar.renew()

    def pages(self) -> Iterable[Page]:
        """All screens that were opened, the hidden ones too."""
        for stack in self._screen_stacks.values():
            yield from (one for one in stack if isinstance(one, Page) and one.is_mounted)

    @property
    def page(self) -> Page | None:
        """The page that is seen, below a dialog if there is one."""
        return next((one for one in reversed(self.screen_stack) if isinstance(one, Page)), None)

    # Keys

    def action_go_to(self, name: str) -> None:
        if not isinstance(self.screen, Page):
            self.tell(N_("Something is open here: Esc closes it."))
            return
        if name != self.current_mode:
            self.message = ("", "")  # it was about the other screen
        self.switch_mode(name)
        self.call_after_refresh(self.redraw_bars)

    def go_to(self, name: str, key: str | None = None) -> None:
        """To the screen `name`, its cursor on `key`."""
        self.action_go_to(name)
        page = self.page
        if key is not None and page is not None and name == page.NAME:
            page.focus_on(key)

    def action_privacy(self) -> None:
        self._set_privacy(not self.session.privacy.on)

    def _set_privacy(self, on: bool) -> None:
        self.session.privacy.on = on
        self.redraw_bars()
        page = self.page
        if page is not None and page.loaded:
            page.draw()
            page.refresh()
        for screen in self.screen_stack:
            if isinstance(screen, Read):
                screen.fill()
        for field in (one for screen in {*self.pages(), *self.screen_stack} for one in screen.query(Input)):
            field.password = on or (isinstance(field.parent, Filling) and field.parent.field.form == "secret")

    def _look_idle(self) -> None:
        if time.monotonic() - self._last_key > IDLE and not self.session.privacy.on:
            self._set_privacy(True)
            self.tell(N_("Nothing was pressed for 5 minutes: names and plates are hidden. F9 shows them."))

    async def on_event(self, event: Any) -> None:
        if event.__class__.__name__ in ("Key", "Paste", "MouseDown"):
            self._last_key = time.monotonic()
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
            self.push_screen(Palette(self._commands()), done)

    def _commands(self) -> Iterable[Command]:
        page = self.page
        if page is not None:
            yield from page.commands()
            yield from self._keys_of(page)
        for number, name in enumerate(SCREENS, start=1):
            yield Command(SCREENS[name], lambda name=name: self.action_go_to(name), f"F{number}")  # type: ignore[misc]
        for site in self.session.sites:
            about = N_("Look at site {site}", site=site["name"])
            yield Command(about, lambda site=site: self.choose_site(site["id"]))  # type: ignore[misc]
        yield Command(N_("Hide or show names and plates"), self.action_privacy, "F9")
        yield Command(N_("Draw the screen anew"), self.action_repaint, "Ctrl+L")
        yield Command(N_("Enter initials for the history"), self._ask_initials)
        yield Command(N_("Help"), self.action_help, "?")
        yield Command(N_("Quit"), self.action_quit_wtpd, "q")

    def _keys_of(self, page: Page) -> Iterable[Command]:
        own = ("app.", "quit", "go_to", "help", "palette", "privacy")
        for one in page.active_bindings.values():
            binding = one.binding
            if binding.show and binding.description and not binding.action.startswith(own):
                yield Command(
                    Text(binding.description),
                    lambda one=one: self.run_worker(self.run_action(one.binding.action, one.node)),  # type: ignore[misc]
                    binding.key_display or binding.key,
                    enabled=one.enabled,
                )

    def choose_site(self, site: str) -> None:
        """Look at another site; all screens that show one follow."""
        self.session.site = site
        for page in self.pages():
            page.stale()

    def action_help(self) -> None:
        if isinstance(self.screen, Page):
            self.push_screen(Read(N_("Keys"), self._write_help))

    def _write_help(self, sheet: Sheet) -> None:
        sheet.heading(N_("Everywhere"))
        sheet.fact("F1 … F8, 1 … 8", N_("the screens, as the bottom line names them"))
        sheet.fact("Enter", N_("opens what the cursor stands on"))
        sheet.fact("Esc", N_("goes back"))
        sheet.fact("/", N_("searches"))
        sheet.fact(":  Ctrl+P", N_("everything that can be done, by name"))
        sheet.fact("F9", N_("hides names, plates and numbers, or shows them"))
        sheet.fact("Ctrl+L", N_("draws the screen anew"))
        sheet.fact("q", N_("quits"))
        sheet.text(N_("Keys in parentheses are for members of the group wtpd-admin."), "dim")
        page = self.page
        if page is None:
            return
        sheet.heading(page.title_text)
        seen = set()
        for one in page.active_bindings.values():
            if one.binding.show and one.binding.description and one.binding.action not in seen:
                seen.add(one.binding.action)
                sheet.fact(one.binding.key_display or one.binding.key, Text(one.binding.description))
        page.explain(sheet)

    def _ask_initials(self) -> None:
        async def keep(values: Mapping[str, str]) -> bool:
            self.session.initials = values["initials"]
            self.session.api.initials = values["initials"]
            return True

        field = Field(name="initials", label=N_("Initials"), value=self.session.initials)
        about = N_("Several people use this login. Your initials stand in the history behind what you change.")
        self.push_screen(Form(N_("Who are you?"), [field], keep, about=about))

    # Presence

    def begin_editing(self, what: str, tell: Callable[[Sequence[str]], None]) -> None:
        """Others who edit `what` see that we do, and `tell` is told who they are."""
        self._editing[what] = tell
        self._announce(what, editing=True)

    def end_editing(self, what: str) -> None:
        self._editing.pop(what, None)
        self._announce(next(reversed(self._editing), None), editing=True)

    def _announce(self, what: str | None, *, editing: bool) -> None:
        self.run_worker(self._put_presence(what, editing), group="presence", exit_on_error=True)

    async def _put_presence(self, what: str | None, editing: bool) -> None:
        try:
            others = await self.session.api.presence.put(self.session.client_id, what, editing=editing)
        except ClientError:
            return  # it is said anew when the connection is back
        if what in self._editing:
            self._editing[what]([one["who"] for one in others if one["editing"]])

    def _people(self, data: Mapping[str, Any]) -> None:
        tell = self._editing.get(str(data["what"]))
        if tell is not None:
            tell([one["who"] for one in data["people"] if one["client"] != self.session.client_id and one["editing"]])

    def confirm(
        self, question: Text | str, consequence: Text | str, then: Callable[[], object], typed: str = ""
    ) -> None:
        """Ask, and do `then` on yes."""

        def answered(yes: bool | None) -> None:
            if yes:
                then()

        self.push_screen(Confirm(question, consequence, typed=typed), answered)
