"""A page with a channel under its cursor, and the keys for what can be done with it. A run takes as long as the partner
does, so nobody waits for it: it is said that it runs, and later what came of it; a channel does one thing at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, ClassVar

from textual.screen import Screen

from wtpd.client import ClientError, Json
from wtpd.language import say
from wtpd.texts import N_, Text
from wtpd.tui.background import background
from wtpd.tui.keys import key
from wtpd.tui.page import Page, sentence
from wtpd.tui.screens.overview import acts
from wtpd.tui.widgets.dialogs import Choose

_RUNS = ("starting", "healthy", "limited", "retrying")
_WAITS = ("needs_token", "not_covered", "paused", "stopped")
_POSSIBLE: Mapping[str, tuple[str, ...]] = {
    "sync": (*_RUNS, "needs_token", "not_covered"),
    "dry_run": (*_RUNS, *_WAITS),
    "verify": (*_RUNS, *_WAITS),
    "pause": _RUNS,
    "resume": _WAITS,
}
"""In which states of a channel something can be done with it."""


class ChannelPage(Page):
    """`busy`: what is being done at this terminal, by channel; `titles`: what connectors are called."""

    WRITES = frozenset(_POSSIBLE)
    BINDINGS: ClassVar[list[Any]] = [
        key("s", "sync", N_("Sync")),
        key("y", "dry_run", N_("Try")),
        key("p", "pause", N_("Pause")),
        key("p", "resume", N_("Resume")),
        key("v", "verify", N_("Verify")),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.busy: dict[str, str] = {}
        self.titles: dict[str, str] = {}
        self._unread: Screen[Any] | None = None
        """A report that came while its reader was somewhere else."""

    @property
    def channel(self) -> Json | None:
        """The channel under the cursor."""
        raise NotImplementedError

    def draw_busy(self) -> None:
        """`busy` changed."""
        raise NotImplementedError

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in _POSSIBLE:
            channel = self.channel if self.loaded else None
            if channel is None or not self.can(action, channel):
                return False
        return super().check_action(action, parameters)

    def can(self, action: str, channel: Json) -> bool:
        """Whether its state allows that."""
        return channel["state"] in _POSSIBLE[action]

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        if self._unread is not None:
            report, self._unread = self._unread, None
            self.app.push_screen(report)

    def title_of(self, channel: Json) -> str:
        connector = str(channel["id"]).partition("/")[0]
        return self.titles.get(connector, connector)

    # Keys

    def action_sync(self) -> None:
        self.start(N_("syncing"), acts.sync)

    def action_dry_run(self) -> None:
        self.start(N_("trying"), acts.dry_run)

    def action_pause(self) -> None:
        channel = self.channel
        if channel is None or self._is_busy(channel):
            return
        consequence = N_(
            "Nothing is fetched from {title} and nothing is sent there for {site} until somebody resumes it: what is "
            "booked there isn't seen here, and what is changed here waits.",
            title=self.title_of(channel),
            site=self.session.site_name(channel["site"]),
        )
        then = partial(self.start, N_("pausing"), acts.pause, channel)
        self.wtpd.confirm(N_("Pause {channel}?", channel=channel["id"]), consequence, then)

    def action_resume(self) -> None:
        channel = self.channel
        if channel is not None and channel["state"] == "stopped":
            self.start(N_("asking why"), acts.ask_about_stop)
        else:
            self.start(N_("resuming"), acts.resume)

    def action_verify(self) -> None:
        channel = self.channel
        if channel is None or self._is_busy(channel):
            return

        def chosen(compare: bool | None) -> None:
            if compare is not None:
                doing = N_("comparing") if compare else N_("verifying")
                self.start(doing, partial(acts.verify, compare=compare), channel)

        options = [
            (False, N_("Ask {title} who we are there", title=self.title_of(channel))),
            (True, N_("Compare all appointments too, field by field; it only reads")),
        ]
        self.app.push_screen(Choose(N_("Verify {channel}", channel=channel["id"]), options), chosen)

    # How it is done

    def start(
        self, doing: Text, act: Callable[[ChannelPage, Json], Awaitable[None]], channel: Json | None = None
    ) -> None:
        """Begin `act` on a channel, else on that under the cursor, unless something is being done with it."""
        channel = channel or self.channel
        if channel is None or self._is_busy(channel):
            return
        self.busy[channel["id"]] = say(doing)
        self.draw_busy()
        self.tell(N_("{channel}: {doing} …", channel=channel["id"], doing=doing))
        background(self, partial(self._run, channel, act), "acts", exclusive=False)

    async def _run(self, channel: Json, act: Callable[[ChannelPage, Json], Awaitable[None]]) -> None:
        try:
            await act(self, channel)
        except ClientError as error:
            self.tell(f"{channel['id']}: {sentence(error)}", "bad")
        finally:
            self.busy.pop(channel["id"], None)
            self.stale()
        self.draw_busy()

    def report(self, screen: Screen[Any], ready: Text) -> None:
        """Show it now, or when its reader is back."""
        self.tell(ready, "ok")
        if self.is_current:
            self.app.push_screen(screen)
        else:
            self._unread = screen

    def _is_busy(self, channel: Json) -> bool:
        doing = self.busy.get(channel["id"])
        if doing is not None:
            self.tell(N_("{channel}: {doing}, one moment please.", channel=channel["id"], doing=doing), "warn")
        return doing is not None
