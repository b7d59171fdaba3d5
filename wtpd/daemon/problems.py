"""What is wrong now, worst first: since when, how many appointments it touches, and the one next step (spec: tui.md).

The status route, the status text for systemd, and the exit code of `wtpd status` come from this one list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from wtpd.channel.health import State
from wtpd.config.errors import ConfigErrors
from wtpd.daemon import commands
from wtpd.daemon.channels.channel import Row
from wtpd.daemon.credentials.expiry import Expiry
from wtpd.daemon.credentials.store_state import Refusal
from wtpd.daemon.failures import Failure
from wtpd.daemon.health import ENOUGH_FREE, Health
from wtpd.daemon.integrity import Damage
from wtpd.daemon.listener.certificate import EXPIRES
from wtpd.daemon.listener.lan import Lan
from wtpd.daemon.losses import Held
from wtpd.daemon.needs_restart import Difference
from wtpd.daemon.reload import Fault
from wtpd.planner.resources import Period
from wtpd.store import attention, figures, mail, outbox, pushed
from wtpd.store.database import Tx
from wtpd.texts import N_, N_n, Text
from wtpd.words import SCREENS


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the terminal UI something is mended: the screen (`wtpd.words.SCREENS`), and what on it, e.g.
    `superservice/office:rostock` on that of the credentials."""

    screen: str
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong. `rank` 0 is the worst. `touches`: appointments that it concerns, `touches_today`: those
    of today among them. `command`: what does the next step on the command line, where that names a screen."""

    rank: int
    kind: str
    text: Text
    next_step: Text
    place: Place
    since: datetime | None = None
    touches: int = 0
    touches_today: int = 0
    channel: str | None = None
    command: str = ""


Scope = Callable[[str, str], str]
"""The scope of the credentials that a connector uses at a site, or would use if there were any."""

_CHANNELS: Mapping[State, tuple[int, str, Text]] = {
    State.NEEDS_TOKEN: (
        2, "credentials", N_("Enter new credentials: wtpd tui → {screen}", screen=SCREENS["credentials"]),
    ),
    State.NOT_COVERED: (2, "mapping", N_("Correct the dealer number: wtpd tui → {screen}", screen=SCREENS["mapping"])),
    State.STOPPED: (2, "overview", N_("Ask the partner, then resume: wtpd tui → {screen}", screen=SCREENS["overview"])),
    State.CONFIG_ERROR: (3, "mapping", N_("Correct the settings: wtpd tui → {screen}", screen=SCREENS["mapping"])),
    State.LIMITED: (
        4, "overview",
        N_("Ask the partner for the right; wtpd tries it again by itself: wtpd tui → {screen}",
           screen=SCREENS["overview"]),
    ),
    State.RETRYING: (
        4, "overview",
        N_("wtpd keeps trying by itself. If it lasts, verify: wtpd tui → {screen}", screen=SCREENS["overview"]),
    ),
    State.PAUSED: (7, "overview", N_("Let it run again: wtpd tui → {screen}", screen=SCREENS["overview"])),
}  # fmt: skip
"""The states of a channel that are trouble: weight, screen, next step."""

_DECIDE = N_("Decide: wtpd tui → {screen}", screen=SCREENS["attention"])
_LISTED: Mapping[str, tuple[int, Callable[[int], Text]]] = {
    "mass_cancellation": (2, lambda n: N_("Many cancellations at once: {count}", count=n)),
    "partner_restored": (2, lambda n: N_("Partners that were restored or emptied: {count}", count=n)),
    "rental_missing": (2, lambda n: N_("Customers without their rental car: {count}", count=n)),
    "rental_double": (3, lambda n: N_("Customers with two rental cars: {count}", count=n)),
    "second_writer": (3, lambda n: N_("Dealer numbers that another program writes for: {count}", count=n)),
    "database_restored": (4, lambda n: N_("To look at after the database was restored: {count}", count=n)),
    "quarantine": (5, lambda n: N_("Messages in quarantine: {count}", count=n)),
    "rejected": (5, lambda n: N_("Appointments refused by the partner: {count}", count=n)),
    "keeps_refusing": (6, lambda n: N_("Appointments that can't be sent for now: {count}", count=n)),
    "conflict": (6, lambda n: N_("Conflicts to decide: {count}", count=n)),
    "rental_refused": (6, lambda n: N_("Rentals that were refused: {count}", count=n)),
    "rental_mismatch": (6, lambda n: N_("Rentals that don't fit their appointment: {count}", count=n)),
    "car_open": (6, lambda n: N_("Courtesy cars left open: {count}", count=n)),
    "unmatched": (8, lambda n: N_("Customers that may be the same: {count}", count=n)),
    "unknown_code": (8, lambda n: N_("Unknown codes from a partner: {count}", count=n)),
    "possible_double": (8, lambda n: N_("Appointments that may be the same visit: {count}", count=n)),
    "named_in_note": (8, lambda n: N_("Notes that may name a person who was erased: {count}", count=n)),
    "plate_moved": (8, lambda n: N_("Plates that moved to another car: {count}", count=n)),
    "wrong_plate": (8, lambda n: N_("Plates that may be of another vehicle: {count}", count=n)),
    "shortened": (8, lambda n: N_("Texts that a partner shortened: {count}", count=n)),
    "dropped_value": (8, lambda n: N_("Values of a partner that were left out: {count}", count=n)),
    "over_limit": (8, lambda n: N_("Bookings over the load limit: {count}", count=n)),
    "locked_customer": (8, lambda n: N_("Changes to customers that belong to the DMS: {count}", count=n)),
}
"""The kinds of attention, in the order of weight."""

_EXPIRY: Mapping[int, int] = {0: 3, 1: 4, 7: 7, 14: 8}
"""The weight of credentials that end within so many days."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What the database adds to the picture; `…_today`: the appointments of today among them."""

    waiting: Mapping[str, int]
    listed: Mapping[str, int]
    mails: mail.Queue
    waiting_today: Mapping[str, int]
    listed_today: Mapping[str, int]
    bodies: pushed.Open = pushed.NOTHING


NOTHING = Kept({}, {}, mail.Queue(waiting=0, oldest=None, refused=0, error=None, last_sent=None), {}, {})
"""What is told while the database can't be asked."""


def kept(tx: Tx, channels: Iterable[str], days: Mapping[str, Period]) -> Kept:
    """`days`: what today is at each site."""
    waiting = {name: outbox.waiting(tx, name) for name in channels}
    listed = attention.counts(tx)
    waiting_today = {}
    for name in (name for name, count in waiting.items() if count):
        site = name.partition("/")[2]
        if site in days:
            waiting_today[name] = figures.waiting_on(tx, name, site, days[site])
    return Kept(waiting, listed, mail.figures(tx), waiting_today, figures.listed_on(tx, days) if listed else {},
                pushed.figures(tx))  # fmt: skip


def of_channels(rows: Iterable[Row], kept: Kept, scope: Scope) -> list[Problem]:
    return [
        Problem(
            rank=_CHANNELS[row.condition.state][0],
            kind=f"channel.{row.condition.state}",
            text=_said(row),
            next_step=row.condition.step or _CHANNELS[row.condition.state][2],
            place=_place(row, scope),
            since=row.condition.since,
            touches=kept.waiting.get(row.id, 0),
            touches_today=kept.waiting_today.get(row.id, 0),
            channel=row.id,
            command=commands.of_channel(row, scope(row.connector, row.site)),
        )
        for row in rows
        if row.condition.state in _CHANNELS
        and not row.is_held  # what holds them all is told once
        and not waits_for_entries(row)
    ]


def waits_for_entries(row: Row) -> bool:
    """It waits for credentials, and each entry that it may use is reported by itself."""
    return row.has_entries_told and row.condition.state is State.NEEDS_TOKEN


def _said(row: Row) -> Text:
    if not row.site:
        return N_("{title}: {reason}", title=row.title, reason=_reason(row))
    return N_("{title}, {site}: {reason}", title=row.title, site=row.site, reason=_reason(row))


def _place(row: Row, scope: Scope) -> Place:
    screen = _CHANNELS[row.condition.state][1]
    if screen == "credentials":
        return Place(screen, f"{row.connector}/{scope(row.connector, row.site)}")
    return Place(screen, f"{row.site}/{row.connector}" if screen == "mapping" and row.site else row.id)


def of_box(fault: Fault | None, health: Health, key_lost: Text | None) -> list[Problem]:
    found = []
    if health.disk_full_since is not None:
        text = N_("Only {free} MB are free on the disk; nothing new is accepted.", free=(health.free or 0) >> 20)
        step = N_("Free some space on the disk, at least {least} MB.", least=ENOUGH_FREE >> 20)
        place = Place("overview", "disk")
        found.append(Problem(rank=1, kind="disk", text=text, next_step=step, place=place, since=health.disk_full_since))
    if key_lost is not None:
        step = N_("Restore the key, or enter the credentials again: wtpd tui → {screen}", screen=SCREENS["credentials"])
        place = Place("credentials")
        found.append(Problem(rank=2, kind="key", text=key_lost, next_step=step, place=place, command=commands.ENTRIES))
    if fault is not None:
        found.append(_of_file(fault))
    if health.clock_jumped_at is not None:
        text = N_("The clock of the box jumped by {seconds} s.", seconds=round(health.clock_jump))
        step = N_("Check the time synchronisation: timedatectl.")
        place, since = Place("overview", "clock"), health.clock_jumped_at
        found.append(Problem(rank=8, kind="clock", text=text, next_step=step, place=place, since=since))
    return found


def of_damage(damage: Damage | None, folder: Path) -> list[Problem]:
    """The worst that can be: what can't be read of the book."""
    if damage is None:
        return []
    text = N_("The database is damaged: something in it can't be read.")
    if damage.tables:
        text = N_("The database is damaged ({tables}).", tables=", ".join(damage.tables))
    step = N_(
        "There is no backup of wtpd's own. Stop it (systemctl stop wtpd), keep a copy of {folder}, and restore a "
        "backup of the box.",
        folder=folder,
    )
    return [
        Problem(rank=0, kind="damage", text=text, next_step=step, place=Place("overview", "damage"), since=damage.since)
    ]


_LISTENER = N_("Print the sheet for the vendor of the DMS, with both fingerprints: wtpd listener sheet")


def of_listener(lan: Lan, now: datetime, bodies: pushed.Open) -> list[Problem]:
    """What keeps partners' programs from delivering, or will do so."""
    found = []
    place = Place("overview", "listener")
    service = lan.service
    if (trouble := service.trouble) is not None:
        found.append(
            Problem(
                rank=4, kind="listener", text=trouble.text, next_step=trouble.next_step, place=place,
                since=trouble.since,
            )
        )  # fmt: skip
    used = service.identity
    if used is not None and used.changes_at is not None:
        text = N_(
            "The certificate of the listener changes on {day}; its fingerprint with it.", day=used.changes_at.date()
        )
        found.append(Problem(rank=7, kind="listener.certificate", text=text, next_step=_LISTENER, place=place))
    elif used is not None and not used.own and used.ends - now <= EXPIRES:
        text = N_("The certificate of the listener ends on {day}.", day=used.ends.date())
        step = N_("Put a new one in its place: {path}", path=used.certificate)
        found.append(Problem(rank=4, kind="listener.certificate", text=text, next_step=step, place=place))
    for one in lan.tokens.strangers[:3]:
        text = N_("Wrong tokens come from {address}: {count}", address=one.address, count=one.count)
        step = N_(
            "Find out which program that is, and give it a token of its own: wtpd token create CONNECTOR --site SITE"
        )
        found.append(
            Problem(rank=6, kind="listener.wrong_token", text=text, next_step=step, place=place, since=one.since)
        )
    for token in lan.tokens.ending:
        text = N_("The token {name} ({connector}, {site}) ends on {day} and is still in use.", name=token.name,
                  connector=token.connector, site=token.site, day=token.expires_at)  # fmt: skip
        step = N_("Make a new one and give it to the vendor: wtpd token create {connector} --site {site}",
                  connector=token.connector, site=token.site)  # fmt: skip
        found.append(Problem(rank=7, kind="listener.token_ends", text=text, next_step=step, place=place))
    if bodies.failed + bodies.unreadable:
        text = N_("What partners sent and couldn't be applied: {count}", count=bodies.failed + bodies.unreadable)
        step = N_("Look at it, then apply it again or dismiss it: wtpd listener received")
        found.append(Problem(rank=5, kind="listener.pushed", text=text, next_step=step, place=place))
    return found


def _of_file(fault: Fault) -> Problem:
    text = N_("wtpd.yaml isn't in force: {reason}", reason=fault.error.text)
    place, since = Place("mapping"), fault.since
    if isinstance(fault.error, Held):
        step = N_("Put back what is missing, or, if it is meant: wtpd config accept")
        touches = fault.error.coming
        return Problem(rank=2, kind="config_held", text=text, next_step=step, place=place, since=since, touches=touches)
    step = N_("Mend the file; its lines at fault: wtpd tui → {screen}", screen=SCREENS["mapping"])
    if not isinstance(fault.error, ConfigErrors):  # it can't be read at all
        step = N_("Make the file readable for wtpd, or go back to a version before: wtpd config rollback")
    command = commands.FILE
    return Problem(rank=3, kind="config", text=text, next_step=step, place=place, since=since, command=command)


def of_start(differences: Iterable[Difference]) -> list[Problem]:
    place = Place("overview", "restart")
    return [Problem(rank=7, kind="restart", text=one.text, next_step=one.cure, place=place) for one in differences]


def of_credentials(expiring: Iterable[Expiry]) -> list[Problem]:
    return [
        Problem(
            rank=_EXPIRY[one.hint],
            kind="credential.expiry" if one.hint else "credential.expired",
            text=_expiry_text(one),
            next_step=_CHANNELS[State.NEEDS_TOKEN][2],
            place=Place("credentials", f"{one.provider}/{one.scope}"),
            since=one.since,
            command=commands.enter(one.provider, one.scope),
        )
        for one in expiring
    ]


def of_refusals(refusals: Iterable[Refusal], rows: Sequence[Row], scope: Scope) -> list[Problem]:
    """Logins that were refused, whether their provider has a channel or not. A channel of a site that waits for new
    credentials says it itself; an entry that expired is among the expiries."""
    said = told_by_channels(rows, scope)
    of_box = {row.connector: row.id for row in rows if not row.site}
    return [
        Problem(
            rank=2,
            kind="credential.refused",
            text=N_("{title} refuses the credentials ({scope}).", title=one.title, scope=one.scope),
            next_step=_CHANNELS[State.NEEDS_TOKEN][2],
            place=Place("credentials", f"{one.provider}/{one.scope}"),
            since=one.since,
            channel=of_box.get(one.provider),
            command=commands.enter(one.provider, one.scope),
        )
        for one in refusals
        if not one.expired and (one.provider, one.scope) not in said
    ]


def told_by_channels(rows: Iterable[Row], scope: Scope) -> set[tuple[str, str]]:
    """The entries, as provider and scope, that channels wait to be replaced."""
    return {
        (row.connector, scope(row.connector, row.site))
        for row in rows
        if row.condition.state is State.NEEDS_TOKEN and not row.has_entries_told
    }


def of_failures(failures: Iterable[Failure]) -> list[Problem]:
    return [
        Problem(
            rank=7,
            kind="internal",
            text=N_("{what}: {reason}", what=one.what, reason=one.reason),
            next_step=N_("wtpd tries it again by itself. The journal says more: journalctl -u wtpd -p err"),
            place=Place("log"),
            since=one.since,
        )
        for one in failures
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


def of_lists(kept: Kept) -> list[Problem]:
    return [
        Problem(
            rank=_LISTED[kind][0],
            kind=kind,
            text=_LISTED[kind][1](count),
            next_step=_DECIDE,
            place=Place("attention", kind),
            touches=count,
            touches_today=kept.listed_today.get(kind, 0),
            command=commands.listed(kind),
        )
        for kind, count in kept.listed.items()
        if kind in _LISTED
    ]


def of_mails(queue: mail.Queue, *, has_server: bool) -> list[Problem]:
    """`has_server` False: nobody gets a mail, whatever happens."""
    found = []
    place = Place("overview", "mails")
    if not has_server:
        text = N_("No mail server is set: nobody gets a status mail.")
        step = N_("Set mail.host in wtpd.yaml, then: wtpd mail test")
        found.append(Problem(rank=9, kind="mail.none", text=text, next_step=step, place=Place("mapping")))
    if queue.stuck is not None and has_server:
        text = N_("Status mails wait: {reason}", reason=queue.stuck)
        step = N_("Check the mail server: wtpd mail test")
        found.append(Problem(rank=7, kind="mail", text=text, next_step=step, place=place, since=queue.oldest))
    for one in queue.lost:
        text = N_n(
            "A status mail to {recipient} isn't sent: {reason}",
            "{count} status mails to {recipient} aren't sent: {reason}",
            recipient=one.recipient, reason=one.reason, count=one.count,
        )  # fmt: skip
        step = N_("Correct the address, retry or dismiss: wtpd mail list")
        found.append(Problem(rank=7, kind="mail.refused", text=text, next_step=step, place=place, since=one.since))
    return found


def worst_first(problems: Iterable[Problem]) -> list[Problem]:
    """By weight, then by the number of appointments touched, then the oldest."""
    return sorted(
        problems, key=lambda one: (one.rank, -one.touches, one.since.timestamp() if one.since else 0.0, one.kind)
    )


def _reason(row: Row) -> Text | str:
    return row.condition.reason or str(row.condition.state)
