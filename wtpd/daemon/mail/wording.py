"""What status mails say about each kind of trouble: a headline, a sentence, and the one next step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from wtpd import dates
from wtpd.texts import N_, N_n, Text
from wtpd.words import SCREENS

Facts = Mapping[str, Any]


def show_moment(moment: datetime, zone: str, language: str) -> str:
    """Day and time as people of that language write them, by the clock on the wall."""
    return dates.show_moment(moment.astimezone(ZoneInfo(zone)), language)


def headline(kind: str, facts: Facts) -> Text:
    """A few words, for the subject: `SUPERSERVICE: access expired`."""
    return _HEADLINES[_key(kind, facts)](facts)


def sentence(kind: str, facts: Facts) -> Text:
    """What it means."""
    return _SENTENCES[_key(kind, facts)](facts)


def next_step(kind: str, facts: Facts) -> Text:
    """The one thing to do, with its way in the terminal UI."""
    return _STEPS[_key(kind, facts)]


def _key(kind: str, facts: Facts) -> str:
    return f"{kind}.{facts['state']}" if kind in ("channel", "login") else kind


_HEADLINES: Mapping[str, Callable[[Facts], Text]] = {
    "channel.failing": lambda f: N_("{title}: no connection", title=f["title"]),
    "channel.needs_token": lambda f: N_("{title}: access expired", title=f["title"]),
    "channel.not_covered": lambda f: N_("{title}: wrong dealer number", title=f["title"]),
    "channel.limited": lambda f: N_("{title}: a right is missing", title=f["title"]),
    "channel.mass_cancellation": lambda f: N_("{title}: stopped, too many cancellations", title=f["title"]),
    "channel.config_error": lambda f: N_("{title}: error in the settings", title=f["title"]),
    "config": lambda f: N_("error in wtpd.yaml"),
    "damage": lambda f: N_("database damaged"),
    "config_held": lambda f: N_("wtpd.yaml lacks something"),
    "disk": lambda f: N_("disk nearly full"),
    "key": lambda f: N_("key of the credentials missing"),
    "listener": lambda f: N_("partners can't reach the box"),
    "login.refused": lambda f: N_("{title}: login refused", title=f["title"]),
    "login.expired": lambda f: N_("{title}: access expired", title=f["title"]),
    "expiry": lambda f: N_n(
        "{title}: access expires in {count} day",
        "{title}: access expires in {count} days",
        title=f["title"],
        count=f["days"],
    ),
    "rental_missing": lambda f: N_("customers without their rental car: {count}", count=f["count"]),
    "rental_double": lambda f: N_("customers with two rental cars: {count}", count=f["count"]),
    "conflict": lambda f: N_("conflicts: {count}", count=f["count"]),
    "quarantine": lambda f: N_("messages in quarantine: {count}", count=f["count"]),
    "rejected": lambda f: N_("appointments refused by the partner: {count}", count=f["count"]),
    "car_open": lambda f: N_("courtesy cars left open: {count}", count=f["count"]),
    "over_limit": lambda f: N_("bookings over the load limit: {count}", count=f["count"]),
}

_SENTENCES: Mapping[str, Callable[[Facts], Text]] = {
    "channel.failing": lambda f: N_(
        "Appointments aren't exchanged with {title}. wtpd keeps trying by itself.", title=f["title"]
    ),
    "channel.needs_token": lambda f: N_(
        "{title} doesn't accept the credentials any more. Nothing is exchanged until new ones are entered.",
        title=f["title"],
    ),
    "channel.not_covered": lambda f: N_(
        "The credentials for {title} are good, but not for the dealer number of the mapping. Nothing is exchanged "
        "until the number is corrected.",
        title=f["title"],
    ),
    "channel.limited": lambda f: N_(
        "{title} doesn't grant every right that is needed. What it doesn't allow pauses, everything else goes on.",
        title=f["title"],
    ),
    "channel.mass_cancellation": lambda f: N_(
        "Implausibly many appointments would be cancelled with {title} at once. None of them was, and the exchange is "
        "stopped until somebody decides.",
        title=f["title"],
    ),
    "channel.config_error": lambda f: N_(
        "The settings for {title} don't fit. Nothing is exchanged until they are mended.", title=f["title"]
    ),
    "config": lambda f: N_("The settings file has errors. The last good settings stay in force."),
    "damage": lambda f: N_(
        "The database is damaged. wtpd goes on with what can be read; what can't be read shows no appointments."
    ),
    "key": lambda f: N_("The stored credentials can't be opened. Whatever needs them waits; all else goes on."),
    "listener": lambda f: N_(
        "Programs on the local network can't deliver anything to wtpd. They try again by themselves for a while; all "
        "else goes on."
    ),
    "login.refused": lambda f: N_(
        "{title} refuses the stored credentials ({scope}). Nothing is asked there with success until new ones are "
        "entered.",
        title=f["title"],
        scope=f["scope"],
    ),
    "login.expired": lambda f: N_(
        "The stored credentials for {title} ({scope}) have expired.", title=f["title"], scope=f["scope"]
    ),
    "config_held": lambda f: N_(
        "The settings file lacks something that appointments hang on. It isn't applied before somebody confirms it; "
        "the last good settings stay in force."
    ),
    "disk": lambda f: N_("There is little space left on the disk. Soon nothing new can be accepted."),
    "expiry": lambda f: N_("The credentials for {title} expire soon.", title=f["title"]),
    "rental_missing": lambda f: N_(
        "A rental was cancelled to be booked again, and neither the new nor the old one could be booked: the customer "
        "has no car."
    ),
    "rental_double": lambda f: N_(
        "A rental was booked again, and the old one couldn't be cancelled: the customer has two cars."
    ),
    "conflict": lambda f: N_(
        "The same field was changed here and at the partner. The partner's value stands until somebody decides."
    ),
    "quarantine": lambda f: N_("Messages of a partner couldn't be applied. They are kept until somebody decides."),
    "rejected": lambda f: N_("A partner refuses appointments. They stay as they are here."),
    "car_open": lambda f: N_("A partner booked a courtesy car that is lent already. The appointment has no car yet."),
    "over_limit": lambda f: N_("Partners booked more than the load limit allows. The bookings stand."),
}

_STEPS: Mapping[str, Text] = {
    "channel.failing": N_("Check the box's internet access: wtpd tui → {screen}", screen=SCREENS["overview"]),
    "channel.needs_token": N_("Enter new credentials: wtpd tui → {screen}", screen=SCREENS["credentials"]),
    "channel.not_covered": N_("Correct the dealer number: wtpd tui → {screen}", screen=SCREENS["mapping"]),
    "channel.limited": N_("Ask the partner for the missing right; wtpd tries it again by itself."),
    "channel.mass_cancellation": N_("See why, then resume or accept: wtpd tui → {screen}", screen=SCREENS["overview"]),
    "channel.config_error": N_("Correct the settings: wtpd tui → {screen}", screen=SCREENS["mapping"]),
    "config": N_("Mend the file; its lines at fault: wtpd tui → {screen}", screen=SCREENS["mapping"]),
    "damage": N_("Keep a copy of the data folder, then see: wtpd tui → {screen}", screen=SCREENS["overview"]),
    "key": N_("Bring the key back, or enter the credentials again: wtpd tui → {screen}", screen=SCREENS["credentials"]),
    "listener": N_("See what is wrong and what to do: wtpd listener"),
    "login.refused": N_("Enter new credentials: wtpd tui → {screen}", screen=SCREENS["credentials"]),
    "login.expired": N_("Enter new credentials: wtpd tui → {screen}", screen=SCREENS["credentials"]),
    "config_held": N_("Put back what is missing, or, if it is meant: wtpd config accept"),
    "disk": N_("Make space; see what is needed: wtpd tui → {screen}", screen=SCREENS["overview"]),
    "expiry": N_("Enter new credentials: wtpd tui → {screen}", screen=SCREENS["credentials"]),
    "rental_missing": N_("Rent another car at once: wtpd tui → {screen}", screen=SCREENS["attention"]),
    "rental_double": N_("Have one of the two cancelled: wtpd tui → {screen}", screen=SCREENS["attention"]),
    "conflict": N_("Decide: wtpd tui → {screen}", screen=SCREENS["attention"]),
    "quarantine": N_("Look at them: wtpd tui → {screen}", screen=SCREENS["attention"]),
    "rejected": N_("Change and send them again: wtpd tui → {screen}", screen=SCREENS["attention"]),
    "car_open": N_("Choose a car: wtpd tui → {screen}", screen=SCREENS["attention"]),
    "over_limit": N_("See the day: wtpd tui → {screen}", screen=SCREENS["reception"]),
}


def subject_counts(errors: int, resolved: int) -> Text:
    """`2 errors, 1 resolved`; the parts that are 0 are left out."""
    if errors and resolved:
        return N_("{errors}, {resolved}", errors=_errors(errors), resolved=_resolved(resolved))
    if errors:
        return _errors(errors)
    return _resolved(resolved) if resolved else N_("note")


def _errors(count: int) -> Text:
    return N_n("{count} error", "{count} errors", count=count)


def _resolved(count: int) -> Text:
    return N_("{count} resolved", count=count)
