"""Brings incidents up to date and writes the mails about them into the queue, in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from uuid_utils import uuid7

from wtpd.config.model import Config, Site, seconds
from wtpd.daemon.mail.incidents import Finding, Rules, Verdict, bundles, held, judge, mailed, room_at
from wtpd.daemon.mail.observe import attention_troubles, touched
from wtpd.store import mail
from wtpd.store.database import Tx

if TYPE_CHECKING:
    from wtpd.daemon.mail.compose import Compared, Letter


@dataclass(slots=True)
class Written:
    """`due`: when to look again; `failed`: incidents about which no mail could be written, by site and kind."""

    due: datetime | None = None
    failed: dict[str, Exception] = field(default_factory=dict)


def write_mails(tx: Tx, config: Config, troubles: Iterable[Finding]) -> Written:
    """Bring the incidents up to date and put the mails that are due into the queue. The trouble of one mail or one
    incident doesn't hold up the others."""
    written = Written()
    rules = Rules(
        alarm_after=timedelta(seconds=seconds(config.mail.alarm_after)),
        when=config.mail.when,
        max_per_hour=config.mail.max_per_hour,
    )
    sites = {site.id: site for site in config.sites if site.status_mail}
    known = {incident.key: incident for incident in mail.open_incidents(tx)}
    verdicts = _verdicts(known, sites, [*troubles, *attention_troubles(tx)], tx.now, rules, written)
    queued = mail.queued_since(tx, tx.now - timedelta(hours=1))
    room, room_due = room_at(queued, tx.now, rules.max_per_hour)
    groups, waiting = bundles(verdicts, room)
    wrong = [verdict.incident for verdict in verdicts if _is_wrong(verdict)]
    for group in groups:
        first = group[0].incident
        with _alone(tx, f"{first.site}: {first.kind}", written):
            _write_mail(tx, config, sites[first.site], group, wrong)
    for verdict in waiting:
        mail.put_incident(tx, held(verdict))
    for verdict in verdicts:
        if verdict.act is None and verdict.incident != known.get(verdict.incident.key):
            mail.put_incident(tx, verdict.incident)
    dues = [verdict.due for verdict in verdicts if verdict.due]
    if waiting:
        dues.append(room_due or tx.now + timedelta(hours=1))
    if groups:
        dues.append(tx.now)  # reminders of what was mailed just now are reckoned at the next look
    written.due = min(dues, default=None)
    return written


@contextmanager
def _alone(tx: Tx, name: str, written: Written) -> Iterator[None]:
    """What goes wrong inside is noted and undone, except trouble of the database itself."""
    try:
        with tx.savepoint():
            yield
    except sqlite3.Error:
        raise
    except Exception as error:
        written.failed[name] = error


def write_all_clear(tx: Tx, config: Config, site: Site, found: Sequence[Compared]) -> None:
    """Queue the week's mail about what was compared."""
    from wtpd.daemon.mail.compose import compose_all_clear

    letter = blank_letter(config, site, tx.now)
    if found:
        mail.queue(
            tx,
            message_id=letter.message_id,
            site=site.id,
            sender=letter.sender,
            recipient=letter.recipient,
            message=compose_all_clear(letter, found),
        )
    mail.put_all_clear(tx, site.id)


def _verdicts(
    known: Mapping[tuple[str, str, str], mail.Incident],
    sites: Mapping[str, Site],
    troubles: Iterable[Finding],
    now: datetime,
    rules: Rules,
    written: Written,
) -> list[Verdict]:
    current = {trouble.key: trouble for trouble in _placed(troubles, sites)}
    verdicts = []
    for key in {**known, **current}:
        incident = known.get(key)
        try:
            if _concerns_us(key, sites):
                verdict = judge(incident, current.get(key), now, rules)
            else:
                verdict = Verdict(replace(incident, closed_at=now)) if incident else None
        except Exception as error:
            written.failed[f"{key[0]}: {key[1]}"] = error
            continue
        if verdict is not None:
            verdicts.append(verdict)
    return verdicts


def _concerns_us(key: tuple[str, str, str], sites: Mapping[str, Site]) -> bool:
    """The site has an address still, and the connector is configured there still."""
    site, kind, subject = key
    if site not in sites:
        return False
    connector, slash, _ = subject.partition("/")
    return kind not in ("channel", "expiry") or not slash or connector in sites[site].partners


def _placed(troubles: Iterable[Finding], sites: Mapping[str, Site]) -> Iterable[Finding]:
    """The box's own troubles are told once to each address."""
    addresses = {(site.status_mail or "").lower(): site.id for site in reversed(list(sites.values()))}
    for trouble in troubles:
        if trouble.site:
            yield trouble
        else:
            yield from (replace(trouble, site=site) for site in addresses.values())


def _is_wrong(verdict: Verdict) -> bool:
    """It counts as an error in the mails' subjects."""
    incident = verdict.incident
    told = incident.alarmed_at is not None or verdict.act == "alarm"
    return told and incident.closed_at is None and incident.well_since is None and incident.kind != "over_limit"


def _write_mail(tx: Tx, config: Config, site: Site, group: Sequence[Verdict], wrong: Sequence[mail.Incident]) -> None:
    from wtpd.daemon.mail.compose import Part, compose  # at the first mail: `email` costs the start 12 ms

    letter = blank_letter(config, site, tx.now)
    parts = [
        Part(
            incident=verdict.incident,
            act=verdict.act,
            lines=touched(
                tx,
                verdict.incident,
                zone=site.time_zone,
                language=letter.language,
                show_names=config.mail.show_names,
            ),
        )
        for verdict in group
        if verdict.act
    ]
    told = {verdict.incident.key for verdict in group}
    here = [incident for incident in wrong if incident.site == site.id]
    letter = replace(
        letter,
        parts=parts,
        rest=[incident for incident in here if incident.key not in told],
        errors=len(here),
        references=list(dict.fromkeys(v.incident.message_id for v in group if v.incident.message_id)),
    )
    mail.queue(
        tx,
        message_id=letter.message_id,
        site=site.id,
        sender=letter.sender,
        recipient=letter.recipient,
        message=compose(letter),
    )
    for verdict in group:
        mail.put_incident(tx, mailed(verdict, tx.now, letter.message_id))


def blank_letter(config: Config, site: Site, now: datetime, recipient: str | None = None) -> Letter:
    """A letter to the site, with nothing in it yet."""
    from wtpd.daemon.mail.compose import Letter, message_id

    address = recipient or site.status_mail or ""
    sender = config.mail.sender or address
    return Letter(
        site=site.name,
        box=config.box.name,
        language=site.language or config.language,
        zone=site.time_zone,
        sender=sender,
        recipient=address,
        message_id=message_id(str(uuid7()), sender),
        at=now,
        parts=(),
    )
