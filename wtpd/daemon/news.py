"""What is wrong now, worst first: since when, how many appointments it touches, and the one next step (spec: tui.md).

The status route, the status text for systemd, and the exit code of `wtpd status` come from this one list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from wtpd.daemon.expiry import Expiry
from wtpd.daemon.fixed import Difference
from wtpd.daemon.fleet import Seat
from wtpd.daemon.health import LEAST_FREE, Health
from wtpd.daemon.reload import Fault
from wtpd.store import attention, mail, outbox
from wtpd.store.database import Tx
from wtpd.sync.health import State
from wtpd.texts import N_, Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One thing that is wrong. `rank` 1 is the worst. `touches`: appointments that it concerns."""

    rank: int
    kind: str
    text: Text
    next_step: Text
    since: datetime | None = None
    touches: int = 0
    channel: str | None = None


_CHANNELS: Mapping[State, tuple[int, Text]] = {
    State.NEEDS_TOKEN: (2, N_("Enter new credentials: wtpd credential set.")),
    State.STOPPED: (2, N_("Ask the partner, then: wtpd resume.")),
    State.CONFIG_ERROR: (3, N_("Correct the settings: wtpd config check.")),
    State.RETRYING: (4, N_("wtpd keeps trying by itself. If it lasts: wtpd verify.")),
    State.PAUSED: (7, N_("Let it run again: wtpd resume.")),
}
"""The states of a channel that are trouble."""

_DECIDE = N_("Decide: wtpd attention.")
_LISTED: Mapping[str, tuple[int, Callable[[int], Text]]] = {
    "mass_cancellation": (2, lambda n: N_("Many cancellations at once: {count}", count=n)),
    "quarantine": (5, lambda n: N_("Messages in quarantine: {count}", count=n)),
    "rejected": (5, lambda n: N_("Appointments refused by the partner: {count}", count=n)),
    "conflict": (6, lambda n: N_("Conflicts to decide: {count}", count=n)),
    "car_open": (6, lambda n: N_("Courtesy cars left open: {count}", count=n)),
    "unmatched": (8, lambda n: N_("Customers that may be the same: {count}", count=n)),
    "unknown_code": (8, lambda n: N_("Unknown codes from a partner: {count}", count=n)),
    "over_limit": (8, lambda n: N_("Bookings over the load limit: {count}", count=n)),
    "locked_customer": (8, lambda n: N_("Changes to customers that belong to the DMS: {count}", count=n)),
}
"""The kinds of attention, in the order of weight."""

_EXPIRY: Mapping[int, int] = {0: 3, 1: 4, 7: 7, 14: 8}
"""The weight of credentials that end within so many days."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What the database adds to the picture."""

    waiting: Mapping[str, int]
    listed: Mapping[str, int]
    mails: mail.Queue


def kept(tx: Tx, channels: Iterable[str]) -> Kept:
    return Kept({name: outbox.waiting(tx, name) for name in channels}, attention.counts(tx), mail.figures(tx))


def of_channels(seats: Iterable[Seat], waiting: Mapping[str, int]) -> list[Trouble]:
    return [
        Trouble(
            rank=_CHANNELS[seat.condition.state][0],
            kind=f"channel.{seat.condition.state}",
            text=N_("{title}, {site}: {reason}", title=seat.title, site=seat.site, reason=_reason(seat)),
            next_step=_CHANNELS[seat.condition.state][1],
            since=seat.condition.since,
            touches=waiting.get(seat.id, 0),
            channel=seat.id,
        )
        for seat in seats
        if seat.condition.state in _CHANNELS and not seat.held  # what holds them all is told once
    ]


def of_box(fault: Fault | None, health: Health, key_lost: Text | None) -> list[Trouble]:
    found = []
    if health.disk_full_since is not None:
        text = N_("Only {free} MB are free on the disk; nothing new is accepted.", free=(health.free or 0) >> 20)
        step = N_("Free some space on the disk, at least {least} MB.", least=LEAST_FREE >> 20)
        found.append(Trouble(rank=1, kind="disk", text=text, next_step=step, since=health.disk_full_since))
    if key_lost is not None:
        step = N_("Restore the key, or enter the credentials again: wtpd credential set.")
        found.append(Trouble(rank=2, kind="key", text=key_lost, next_step=step))
    if fault is not None:
        text = N_("wtpd.yaml isn't in force: {reason}", reason=fault.error.text)
        step = N_("Mend the file; wtpd config check shows all errors with their lines.")
        found.append(Trouble(rank=3, kind="config", text=text, next_step=step, since=fault.since))
    if health.clock_jumped_at is not None:
        text = N_("The clock of the box jumped by {seconds} s.", seconds=round(health.clock_jump))
        step = N_("Check the time synchronisation: timedatectl.")
        found.append(Trouble(rank=8, kind="clock", text=text, next_step=step, since=health.clock_jumped_at))
    return found


def of_start(differences: Iterable[Difference]) -> list[Trouble]:
    return [Trouble(rank=7, kind="restart", text=one.text, next_step=one.cure) for one in differences]


def of_credentials(expiring: Iterable[Expiry]) -> list[Trouble]:
    return [
        Trouble(
            rank=_EXPIRY[one.hint],
            kind="credential.expiry" if one.hint else "credential.expired",
            text=_expiry_text(one),
            next_step=N_("Enter new ones: wtpd credential set."),
            since=one.since,
        )
        for one in expiring
    ]


def _expiry_text(one: Expiry) -> Text:
    day = one.at.date()
    if one.hint:
        return N_(
            "The credentials of {provider} ({scope}) expire on {day}.", provider=one.provider, scope=one.scope, day=day
        )
    return N_(
        "The credentials of {provider} ({scope}) expired on {day}.", provider=one.provider, scope=one.scope, day=day
    )


def of_lists(listed: Mapping[str, int]) -> list[Trouble]:
    return [
        Trouble(
            rank=_LISTED[kind][0], kind=kind, text=_LISTED[kind][1](count), next_step=_DECIDE, touches=count
        )
        for kind, count in listed.items()
        if kind in _LISTED
    ]  # fmt: skip


def of_mails(queue: mail.Queue, error: Text | None) -> list[Trouble]:
    found = []
    if error is not None:
        text = N_("Status mails wait: {reason}", reason=error)
        step = N_("Check the mail server: wtpd mail test.")
        found.append(Trouble(rank=7, kind="mail", text=text, next_step=step, since=queue.oldest))
    if queue.refused:
        text = N_("Status mails refused by the mail server: {count}", count=queue.refused)
        step = N_("Check the address of the status mail: wtpd mail test.")
        found.append(Trouble(rank=7, kind="mail.refused", text=text, next_step=step))
    return found


def worst_first(troubles: Iterable[Trouble]) -> list[Trouble]:
    """By weight, then by the number of appointments touched, then the oldest."""
    return sorted(
        troubles, key=lambda one: (one.rank, -one.touches, one.since.timestamp() if one.since else 0.0, one.kind)
    )


def _reason(seat: Seat) -> Text | str:
    return seat.condition.reason or str(seat.condition.state)
