"""What is wrong with the box now, in the form in which mails are decided."""

from __future__ import annotations

from collections.abc import Iterator

from wtpd.clock import Clock
from wtpd.daemon.credentials.resolve import Credentials
from wtpd.daemon.fleet import Fleet
from wtpd.daemon.health import Health
from wtpd.daemon.integrity import Integrity
from wtpd.daemon.listener.lan import Lan
from wtpd.daemon.mail.incidents import Finding
from wtpd.daemon.mail.observe import (
    channel_trouble,
    config_trouble,
    damage_trouble,
    disk_trouble,
    expiry_trouble,
    key_trouble,
    listener_trouble,
    login_trouble,
)
from wtpd.daemon.problems import told_by_channels, waits_for_entries
from wtpd.daemon.reload import Settings


class Findings:
    def __init__(
        self,
        fleet: Fleet,
        credentials: Credentials,
        settings: Settings,
        integrity: Integrity,
        health: Health,
        lan: Lan,
        clock: Clock,
    ) -> None:
        self._fleet = fleet
        self._credentials = credentials
        self._settings = settings
        self._integrity = integrity
        self._health = health
        self._lan = lan
        self._clock = clock

    def now(self) -> list[Finding]:
        found = [*self._of_channels(), *self._of_expiries(), *self._of_logins(), *self._of_box()]
        return [one for one in found if one is not None]

    def _of_channels(self) -> Iterator[Finding | None]:
        for row in self._fleet.rows:
            if not waits_for_entries(row):
                yield channel_trouble(row.id, row.condition, title=row.title)

    def _of_box(self) -> Iterator[Finding]:
        key_lost = self._credentials.state.key_lost
        if key_lost is not None:
            yield key_trouble(self._clock.now(), key_lost)
        fault = self._settings.fault
        if fault is not None:
            yield config_trouble(fault.since, fault.error.text, held=self._settings.held is not None)
        if self._integrity.damage is not None:
            yield damage_trouble(self._integrity.damage.since)
        if self._health.disk_full_since is not None:
            yield disk_trouble(self._health.disk_full_since)
        if (trouble := self._lan.service.trouble) is not None:
            yield listener_trouble(trouble.since, trouble.text)

    def _of_expiries(self) -> Iterator[Finding]:
        """For each channel whose entry ends soon; what has ended shows as the partner's refusal."""
        ending = {(one.provider, one.scope): one for one in self._credentials.state.expiries() if one.hint}
        for row in self._fleet.rows:
            one = ending.get((row.connector, self._credentials.scope(row.connector, row.site)))
            if one is not None and row.is_set_up:
                yield expiry_trouble(row.id, title=row.title, days=one.days_left, hint=one.hint, since=one.since)

    def _of_logins(self) -> Iterator[Finding]:
        """Entries that are refused or have expired, where no channel's own trouble says so."""
        rows = self._fleet.rows
        told = told_by_channels(rows, self._credentials.scope)
        used = {
            (row.connector, self._credentials.scope(row.connector, row.site))
            for row in rows
            if row.is_set_up and not row.has_entries_told
        }
        for one in self._credentials.state.refusals():
            entry = one.provider, one.scope
            if entry not in told and not (one.expired and entry in used):
                yield login_trouble(*entry, title=one.title, since=one.since, expired=one.expired)
