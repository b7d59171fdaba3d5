"""What the daemon needs of a channel, whatever its kind: one connector at one site, or one for the whole box.

The fleet, status, mails, API and screens see this protocol only. There is one file beside this one for each kind of
channel, which joins an engine, the book and a connector; each has a `Maker`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from wtpd.channel.health import Condition, State
from wtpd.config.channels import Wanted
from wtpd.config.model import Config
from wtpd.connectors.manifest import Manifest, Verified
from wtpd.daemon.loop import Loop
from wtpd.errors import Refused, Unavailable
from wtpd.sync.compare import Comparison
from wtpd.sync.ports import RunRecord, Session
from wtpd.texts import N_, Text

UNUSABLE = frozenset(
    {
        State.NEEDS_TOKEN, State.NOT_COVERED, State.PAUSED, State.STOPPED, State.NOT_LICENSED, State.NOT_AVAILABLE,
        State.NOT_MAPPED, State.CONFIG_ERROR, State.DISABLED,
    }
)  # fmt: skip
"""States in which the partner can't be asked for anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A channel at one moment, as plain values. `site` empty: it is the whole box's.

    `makes_runs`: it works by itself, in runs that can be started and compared. `is_set_up`: it works, or waits for
    something; false where the settings don't let it work. `is_held`: it makes no runs because the whole box can't.
    `has_entries_told`: the credential entries that it may use are reported one by one, so its own need of credentials
    isn't."""

    id: str
    connector: str
    site: str
    title: str
    account: str | None
    department: str | None
    condition: Condition
    makes_runs: bool = False
    is_set_up: bool = True
    is_held: bool = False
    has_entries_told: bool = False
    last_success: datetime | None = None
    next_run: datetime | None = None
    error: Text | str | None = None


class Channel(Protocol):
    """One connector at one place, from its start to its end. A kind that makes no runs raises `Refused` of kind
    `no-runs` where one is wanted."""

    @property
    def row(self) -> Row:
        """How it is now."""
        ...

    @property
    def loops(self) -> Sequence[Loop]: ...

    async def load(self) -> None:
        """Remember what it waited for before the daemon's restart."""
        ...

    def start(self) -> None:
        """Begin its loops, if they haven't begun."""
        ...

    async def halt(self) -> None:
        """End its loops; `start` begins them again."""
        ...

    async def close(self) -> None:
        """End its loops and its connections; safe to call twice."""
        ...

    def notice(self, signals: Iterable[str]) -> None:
        """Hear what a commit signalled."""
        ...

    async def credentials_changed(self) -> None:
        """Other credentials serve it now, or they can be opened again."""
        ...

    async def verify(self, by: str) -> Verified:
        """Who we are at the partner, with the stored credentials. Raises the partner's errors."""
        ...

    async def compare(self) -> Comparison:
        """Hold the book against the partner, field by field; reads only."""
        ...

    async def run(self, *, dry_run: bool = False) -> RunRecord:
        """A run now, that somebody asked for. Raises `Unavailable` while it is paused or stopped."""
        ...

    async def resync(self) -> RunRecord:
        """A run that reads everything the partner has."""
        ...

    async def pause(self, by: str) -> None:
        """Leave the partner alone until `resume`. Survives a restart."""
        ...

    async def resume(self, by: str, *, accept_cancellations: bool = False) -> None:
        """Go on, whatever it was that stopped it."""
        ...

    def retry(self, session: Session, entry: int, *, by: str, edited: Mapping[str, Any] | None) -> None:
        """Apply the message of an attention entry again."""
        ...


class WithoutRuns:
    """What a channel does that makes no runs: no loops, and a refusal of everything about runs."""

    @property
    def row(self) -> Row:
        raise NotImplementedError

    @property
    def loops(self) -> Sequence[Loop]:
        return ()

    async def load(self) -> None:
        pass

    def start(self) -> None:
        pass

    async def halt(self) -> None:
        pass

    async def close(self) -> None:
        pass

    def notice(self, signals: Iterable[str]) -> None:
        pass

    async def credentials_changed(self) -> None:
        pass

    async def compare(self) -> Comparison:
        raise self.refusal

    async def run(self, *, dry_run: bool = False) -> RunRecord:
        raise self.refusal

    async def resync(self) -> RunRecord:
        raise self.refusal

    def retry(self, session: Session, entry: int, *, by: str, edited: Mapping[str, Any] | None) -> None:
        raise self.refusal

    @property
    def refusal(self) -> Refused:
        """Why there is no run."""
        return no_runs(self.row)


def paused(row: Row) -> Unavailable | None:
    """What is said to somebody who wants something of a partner whose channel somebody paused."""
    if row.condition.state is not State.PAUSED or row.condition.reason is None:
        return None
    text = N_(
        "{title} isn't asked. {reason} To go on: wtpd resume {connector}",
        title=row.title, reason=row.condition.reason, connector=row.connector,
    )  # fmt: skip
    return Unavailable(text, kind="paused")


def no_runs(row: Row) -> Refused:
    """What is said to somebody who wants a run of a channel that makes none."""
    text = N_(
        "{title} makes no runs, so there is nothing to sync; it answers when it is asked. Whether it answers: "
        "wtpd verify {connector}",
        title=row.title, connector=row.connector,
    )  # fmt: skip
    return Refused(text, kind="no-runs")


class SwitchedOff(WithoutRuns):
    """A channel that the settings don't let work, or that can't be made of them: it has a reason and nothing else."""

    def __init__(self, wanted: Wanted, title: str, condition: Condition, *, makes_runs: bool) -> None:
        self._row = Row(
            id=wanted.id, connector=wanted.connector, site=wanted.site, title=title, account=wanted.account,
            department=wanted.department, condition=condition, makes_runs=makes_runs, is_set_up=False,
        )  # fmt: skip

    @property
    def row(self) -> Row:
        return self._row

    @property
    def refusal(self) -> Refused:
        reason = self._row.condition.reason
        return Refused(reason or N_("{connector} works at no site.", connector=self._row.connector), kind="not-running")

    async def verify(self, by: str) -> Verified:
        raise self.refusal

    async def pause(self, by: str) -> None:
        raise self.refusal

    async def resume(self, by: str, *, accept_cancellations: bool = False) -> None:
        raise self.refusal


class Maker(Protocol):
    """Makes the channels of one kind."""

    makes_runs: bool
    is_testable: bool
    """Its connectors can say who we are at the partner."""

    def takes(self, manifest: Manifest) -> bool:
        """Whether the connector is of this kind."""
        ...

    async def take_settings(self, config: Config) -> None:
        """Other settings come into force: which channels there are, and which no more."""
        ...

    def make(self, config: Config, manifest: Manifest, wanted: Wanted) -> Channel:
        """The channel, not started. Raises `WtpdError` where the settings lack something."""
        ...

    async def probe(
        self, config: Config, manifest: Manifest, place: Place, fields: Mapping[str, str] | None = None
    ) -> Verified:
        """Who we are at the partner with these credentials; None: those that are stored. Raises the partner's errors,
        and `Refused` of kind `not-testable` if it can't be asked."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """Whom a probe is about: a site and its number at the partner, both empty for the whole box."""

    site: str = ""
    account: str = ""
