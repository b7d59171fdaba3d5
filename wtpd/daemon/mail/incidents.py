"""What to mail, decided from what is wrong now, what was mailed already, and the time; pure, no I/O (spec: mail.md).

    nothing wrong ──► incident opened, silent ──► alarm ──► update, reminder, reminder … ──► recovery
                               │ well before the alarm was due                  ▲ ill again │
                               └──► closed, nobody was told                     └── well ◄──┘ for a while

One incident is one thread of mails. A recovery is mailed only after an alarm, and only once it stayed well as long as
it had to stay wrong; so a connector that goes to and fro makes one alarm, not a mail for each swing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from wtpd.store.mail import Incident

Act = Literal["alarm", "update", "reminder", "recovery", "passed"]
"""Why a mail is written. `passed`: the alarm was held back by the ceiling, and it is well again by now."""

REMINDERS = (timedelta(hours=4), timedelta(days=1), timedelta(days=3), timedelta(days=7))
"""From one mail of an incident to its next reminder; the last distance is repeated."""

GATHER = timedelta(minutes=1)
"""What comes in a burst becomes one mail."""

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How mails treat a kind of trouble. `delay`: how long it must stay wrong first (None: as the settings say);
    `pause`: at least so long from one mail to the next with news."""

    delay: timedelta | None = GATHER
    pause: timedelta = timedelta(minutes=15)
    reminds: bool = True
    recovers: bool = True


KINDS: Mapping[str, Kind] = {
    "channel": Kind(delay=None),
    "config": Kind(),
    "damage": Kind(),
    "config_held": Kind(),
    "disk": Kind(),
    "key": Kind(),
    "listener": Kind(),
    "login": Kind(),
    "expiry": Kind(recovers=False, reminds=False),
    "rental_missing": Kind(),
    "rental_double": Kind(),
    "conflict": Kind(),
    "quarantine": Kind(),
    "rejected": Kind(),
    "car_open": Kind(),
    "over_limit": Kind(recovers=False, reminds=False),
}
"""The kinds of trouble that are mailed, worst first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is wrong now. `site` is empty for the box's own troubles. `facts` are JSON values without
    personal data. `news` grows when it becomes more or worse. `urgent` isn't waited for. Not `known`: nothing can be
    said yet (just started), so an open incident stays as it is."""

    site: str
    kind: str
    subject: str
    since: datetime
    facts: Mapping[str, Any] = field(default_factory=dict)
    news: int = 1
    urgent: bool = False
    known: bool = True

    @property
    def key(self) -> tuple[str, str, str]:
        return self.site, self.kind, self.subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The settings that decide: `mail.alarm_after`, `mail.when`, `mail.max_per_hour`."""

    alarm_after: timedelta = timedelta(minutes=15)
    when: str = "on_change"
    max_per_hour: int = 20


@dataclass(frozen=True, slots=True)
class Verdict:
    """About one incident: how it stands (`incident`, as it is if nothing is mailed), what is to be mailed now, and
    when to look again."""

    incident: Incident
    act: Act | None = None
    due: datetime | None = None
    news: int = 0


def judge(incident: Incident | None, trouble: Finding | None, now: datetime, rules: Rules) -> Verdict | None:
    """What is to be done about an incident and the trouble of the same key, one of which is there."""
    if trouble is None:
        return None if incident is None else _well(incident, now, rules)
    if not trouble.known:
        return None if incident is None else Verdict(incident)
    if incident is None:
        incident = Incident(
            site=trouble.site,
            kind=trouble.kind,
            subject=trouble.subject,
            opened_at=min(trouble.since, now),
            facts=trouble.facts,
        )
    incident = replace(incident, well_since=None, facts=trouble.facts, told=min(incident.told, trouble.news))
    due, act = _next(incident, trouble, rules)
    if due is None or due > now:
        return Verdict(incident, None, due)
    return Verdict(incident, act, None, trouble.news)


def mailed(verdict: Verdict, now: datetime, message_id: str) -> Incident:
    """The incident once the mail about it is written."""
    incident = replace(
        verdict.incident,
        mailed_at=now,
        held=False,
        told=verdict.news,
        message_id=verdict.incident.message_id or message_id,
        alarmed_at=verdict.incident.alarmed_at or now,
    )
    if verdict.act == "reminder":
        return replace(incident, reminders=incident.reminders + 1)
    if verdict.act in ("recovery", "passed"):
        return replace(incident, closed_at=now)
    return incident


def held(verdict: Verdict) -> Incident:
    """The incident whose mail must wait, since the hour's ceiling is reached."""
    return replace(verdict.incident, held=True)


def bundles(verdicts: Sequence[Verdict], room: int) -> tuple[list[list[Verdict]], list[Verdict]]:
    """Which verdicts share a mail, and which must wait. One mail each, unless there are more than `room`, or some
    were held back: then a site's are summed up in one."""
    acting = sorted((verdict for verdict in verdicts if verdict.act), key=_worst_first)
    by_site: dict[str, list[Verdict]] = {}
    for verdict in acting:
        by_site.setdefault(verdict.incident.site, []).append(verdict)
    mails: list[list[Verdict]] = []
    for group in by_site.values():
        if len(acting) > room or any(verdict.incident.held for verdict in group):
            mails.append(group)
        else:
            mails += [[verdict] for verdict in group]
    return mails[: max(room, 0)], [verdict for group in mails[max(room, 0) :] for verdict in group]


def room_at(queued: Sequence[datetime], now: datetime, ceiling: int) -> tuple[int, datetime | None]:
    """How many mails may be written now, given when the others of the last hour were (oldest first); and, if none,
    when one may."""
    recent = [moment for moment in queued if moment > now - HOUR]
    room = ceiling - len(recent)
    return (room, None) if room > 0 else (0, recent[len(recent) - ceiling] + HOUR)


def _next(incident: Incident, trouble: Finding, rules: Rules) -> tuple[datetime | None, Act | None]:
    """The next mail of an incident that is wrong still, and when it is due."""
    kind = KINDS[incident.kind]
    if incident.alarmed_at is None or incident.mailed_at is None:
        delay = timedelta(0) if trouble.urgent else _delay(kind, rules)
        return incident.opened_at + delay, "alarm"
    choices: list[tuple[datetime, Act]] = []
    if trouble.news > incident.told:
        choices.append((incident.mailed_at + (timedelta(0) if trouble.urgent else kind.pause), "update"))
    if kind.reminds:
        distance = REMINDERS[min(incident.reminders, len(REMINDERS) - 1)]
        choices.append((incident.mailed_at + distance, "reminder"))
    return min(choices, default=(None, None))


def _well(incident: Incident, now: datetime, rules: Rules) -> Verdict:
    """It isn't wrong any more: close it, once it stayed well."""
    closed = replace(incident, closed_at=now)
    if incident.alarmed_at is None:
        return Verdict(incident, "passed") if incident.held else Verdict(closed)
    since = incident.well_since or now
    urgent = incident.kind == "channel" and incident.told > 1
    due = since + (GATHER if urgent else max(_delay(KINDS[incident.kind], rules), GATHER))
    if now < due:
        return Verdict(replace(incident, well_since=since), None, due)
    if rules.when == "only_problems" or not KINDS[incident.kind].recovers:
        return Verdict(closed)
    return Verdict(replace(incident, well_since=since), "recovery")


def _delay(kind: Kind, rules: Rules) -> timedelta:
    return rules.alarm_after if kind.delay is None else kind.delay


def _worst_first(verdict: Verdict) -> tuple[bool, int, datetime]:
    order, kind = list(KINDS), verdict.incident.kind
    weight = order.index(kind) if kind in order else len(order)  # one of another version of wtpd
    return verdict.act in ("recovery", "passed"), weight, verdict.incident.opened_at
