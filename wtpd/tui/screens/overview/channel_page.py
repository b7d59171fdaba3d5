"""A page with a channel under its cursor, and the keys for what can be done with it. A run takes as long as the partner
does, so nobody waits for it: it is said that it runs, and later what came of it; a channel does one thing at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any, ClassVar

from textual.screen import Screen

from wtpd.client import ApiProblem, ClientError, Json
from wtpd.language import say
from wtpd.texts import N_, N_n, Text
from wtpd.tui.background import background
from wtpd.tui.keys import key
from wtpd.tui.page import Page, sentence
from wtpd.tui.screens.overview.reports import counted, write_plan, write_verified
from wtpd.tui.widgets.dialogs import Choose, Read

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

NAMED = 30
"""Appointments that a report names by plate and customer; further ones by their numbers."""


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
        if not channel["makes_runs"] and action in ("sync", "dry_run"):
            return False
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
        self.start(N_("syncing"), sync)

    def action_dry_run(self) -> None:
        self.start(N_("trying"), _dry_run)

    def action_pause(self) -> None:
        channel = self.channel
        if channel is None or self._is_busy(channel):
            return
        consequence = N_(
            "Nothing is asked of {title} and nothing is taken from it until somebody resumes it.",
            title=self.title_of(channel),
        )
        if channel["makes_runs"]:
            consequence = self._consequence(channel)
        then = partial(self.start, N_("pausing"), _pause, channel)
        self.wtpd.confirm(N_("Pause {channel}?", channel=channel["id"]), consequence, then)

    def _consequence(self, channel: Json) -> Text:
        """Of a pause of a channel that makes runs."""
        return N_(
            "Nothing is fetched from {title} and nothing is sent there for {site} until somebody resumes it: what is "
            "booked there isn't seen here, and what is changed here waits.",
            title=self.title_of(channel),
            site=self.session.site_name(channel["site"]),
        )

    def action_resume(self) -> None:
        channel = self.channel
        if channel is not None and channel["state"] == "stopped":
            self.start(N_("asking why"), _ask_about_stop)
        else:
            self.start(N_("resuming"), _resume)

    def action_verify(self) -> None:
        channel = self.channel
        if channel is None or self._is_busy(channel):
            return

        def chosen(compare: bool | None) -> None:
            if compare is not None:
                doing = N_("comparing") if compare else N_("verifying")
                self.start(doing, partial(_verify, compare=compare), channel)

        if not channel["makes_runs"]:
            chosen(False)
            return
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


# What the daemon is asked to do with a channel, and how the answer is told. All raise `ClientError`.


async def sync(page: ChannelPage, channel: Json) -> None:
    connector, site = _names(channel)
    for run in await page.api.connectors.sync(connector, site=site):
        if run["error"]:
            page.tell(N_("{channel}: the run failed: {error}", channel=run["channel"], error=run["error"]), "bad")
        else:
            page.tell(N_("{channel}: {done}.", channel=run["channel"], done=counted(run)), "ok")


async def _dry_run(page: ChannelPage, channel: Json) -> None:
    connector, site = _names(channel)
    runs = await page.api.connectors.sync(connector, site=site, dry_run=True)
    known = await _known(page, (step["appointment_id"] for run in runs for step in run["steps"]))
    for run in runs:
        heading = N_("What a run of {channel} would do", channel=run["channel"])
        ready = N_("{channel}: the dry run is done.", channel=run["channel"])
        page.report(Read(heading, partial(write_plan, page=page, run=run, known=known)), ready)


async def _verify(page: ChannelPage, channel: Json, *, compare: bool) -> None:
    connector, site = _names(channel)
    found = await page.api.connectors.verify(connector, site=site, compare=compare)
    known = await _known(page, (each["appointment_id"] for one in found for each in one["differences"]))
    heading = N_("Who we are at {title}", title=page.title_of(channel))
    ready = N_("{channel}: verified.", channel=channel["id"])
    page.report(Read(heading, partial(write_verified, page=page, found=found, known=known)), ready)


async def _pause(page: ChannelPage, channel: Json) -> None:
    connector, site = _names(channel)
    await page.api.connectors.pause(connector, site=site)
    page.tell(N_("{channel} is paused.", channel=channel["id"]), "ok")


async def _resume(page: ChannelPage, channel: Json, *, accept: bool = False) -> None:
    connector, site = _names(channel)
    await page.api.connectors.resume(connector, site=site, accept_cancellations=accept)
    page.tell(N_("{channel} runs again.", channel=channel["id"]), "ok")


async def _ask_about_stop(page: ChannelPage, channel: Json) -> None:
    """A channel that was stopped by too many cancellations: are they meant?"""
    listed = await page.api.attention.list(kind="mass_cancellation", state="open")
    stop = next((one["data"] for one in listed if one["channel"] == channel["id"]), None)
    if stop is None:
        await _resume(page, channel)
    elif stop.get("mapping"):
        _confirm_cancelling(page, channel, int(stop["cancelled"]), there=True)
    else:
        _ask_if_meant(page, channel, stop)


def _ask_if_meant(page: ChannelPage, channel: Json, stop: Json) -> None:
    count, title = int(stop["cancelled"]), page.title_of(channel)

    def chosen(meant: bool | None) -> None:
        if meant:
            _confirm_cancelling(page, channel, count, there=False)
        elif meant is not None:
            page.start(N_("resuming"), _resume, channel)

    about = N_(
        "{title} cancels {count} of {linked} appointments. Ask them whether that is meant before you go on.",
        title=title, count=count, linked=stop["linked"],
    )  # fmt: skip
    options = [
        (False, N_("It was a mistake and is mended there: resume, and stop again if it isn't")),
        (True, N_("They are meant: cancel {count} appointments here", count=count)),
    ]
    page.app.push_screen(Choose(N_("Resume {channel}?", channel=channel["id"]), options, about=about), chosen)


def _confirm_cancelling(page: ChannelPage, channel: Json, count: int, *, there: bool) -> None:
    """Something big: the number has to be typed."""
    title = page.title_of(channel)
    if there:
        consequence = N_n(
            "The department or dealer number was changed. Going on cancels 1 appointment at {title}, and its customer "
            "is told. If that isn't meant, take the change back on the screen Mapping.",
            "The department or dealer number was changed. Going on cancels {count} appointments at {title}, and their "
            "customers are told. If that isn't meant, take the change back on the screen Mapping.",
            count=count, title=title,
        )  # fmt: skip
    else:
        consequence = N_n(
            "1 appointment that {title} cancels is cancelled here too, and its time becomes free.",
            "{count} appointments that {title} cancels are cancelled here too, and their times become free.",
            count=count, title=title,
        )  # fmt: skip
    then = partial(page.start, N_("resuming"), partial(_resume, accept=True), channel)
    question = N_n("Cancel 1 appointment?", "Cancel {count} appointments?", count=count)
    page.wtpd.confirm(question, consequence, then, typed=str(count))


async def _known(page: ChannelPage, ids: Iterable[str | None]) -> dict[str, Json]:
    """The first of these appointments; those that are there no more are left out."""
    wanted = list(dict.fromkeys(one for one in ids if one))[:NAMED]
    found = await asyncio.gather(*(page.api.appointments.get(one) for one in wanted), return_exceptions=True)
    known: dict[str, Json] = {}
    for one, answer in zip(wanted, found, strict=True):
        if isinstance(answer, BaseException):
            if not isinstance(answer, ApiProblem):
                raise answer
            continue
        known[one] = answer
    return known


def _names(channel: Json) -> tuple[str, str | None]:
    """Connector and site of a channel; None for the whole box."""
    connector, _, site = channel["id"].partition("/")
    return connector, site or None
