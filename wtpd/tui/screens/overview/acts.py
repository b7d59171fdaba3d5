"""What the daemon is asked to do with a channel, and how the answer is told. All raise `ClientError`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from wtpd.client import ApiProblem, Json
from wtpd.texts import N_, N_n
from wtpd.tui.screens.overview.reports import counted, write_plan, write_verified
from wtpd.tui.widgets.dialogs import Choose, Read

if TYPE_CHECKING:
    from wtpd.tui.screens.overview.channel_page import ChannelPage

NAMED = 30
"""Appointments that a report names by plate and customer; further ones by their numbers."""


async def sync(page: ChannelPage, channel: Json) -> None:
    connector, site = _names(channel)
    for run in await page.api.connectors.sync(connector, site=site):
        if run["error"]:
            page.tell(N_("{channel}: the run failed: {error}", channel=run["channel"], error=run["error"]), "bad")
        else:
            page.tell(N_("{channel}: {done}.", channel=run["channel"], done=counted(run)), "ok")


async def dry_run(page: ChannelPage, channel: Json) -> None:
    connector, site = _names(channel)
    runs = await page.api.connectors.sync(connector, site=site, dry_run=True)
    known = await _known(page, (step["appointment_id"] for run in runs for step in run["steps"]))
    for run in runs:
        heading = N_("What a run of {channel} would do", channel=run["channel"])
        ready = N_("{channel}: the dry run is done.", channel=run["channel"])
        page.report(Read(heading, partial(write_plan, page=page, run=run, known=known)), ready)


async def verify(page: ChannelPage, channel: Json, *, compare: bool) -> None:
    connector, site = _names(channel)
    found = await page.api.connectors.verify(connector, site=site, compare=compare)
    known = await _known(page, (each["appointment_id"] for one in found for each in one["differences"]))
    heading = N_("Who we are at {title}", title=page.title_of(channel))
    ready = N_("{channel}: verified.", channel=channel["id"])
    page.report(Read(heading, partial(write_verified, page=page, found=found, known=known)), ready)


async def pause(page: ChannelPage, channel: Json) -> None:
    connector, site = _names(channel)
    await page.api.connectors.pause(connector, site=site)
    page.tell(N_("{channel} is paused.", channel=channel["id"]), "ok")


async def resume(page: ChannelPage, channel: Json, *, accept: bool = False) -> None:
    connector, site = _names(channel)
    await page.api.connectors.resume(connector, site=site, accept_cancellations=accept)
    page.tell(N_("{channel} runs again.", channel=channel["id"]), "ok")


async def ask_about_stop(page: ChannelPage, channel: Json) -> None:
    """A channel that was stopped by too many cancellations: are they meant?"""
    listed = await page.api.attention.list(kind="mass_cancellation", state="open")
    stop = next((one["data"] for one in listed if one["channel"] == channel["id"]), None)
    if stop is None:
        await resume(page, channel)
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
            page.start(N_("resuming"), resume, channel)

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
    then = partial(page.start, N_("resuming"), partial(resume, accept=True), channel)
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


def _names(channel: Json) -> tuple[str, str]:
    """Connector and site of a channel."""
    connector, _, site = channel["id"].partition("/")
    return connector, site
