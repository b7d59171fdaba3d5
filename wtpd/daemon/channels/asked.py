"""Channels of connectors that make no runs: their partner is asked when somebody wants something of it, or sends by
itself.

Such a channel's state comes from the settings, from how its credentials were taken, from the last answer to what wtpd
asks by itself, and from whether somebody paused it. A pause is kept on disk.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from wtpd.channel.health import Condition, State
from wtpd.clock import Clock
from wtpd.config.channels import Wanted
from wtpd.connectors.manifest import Manifest, Verified
from wtpd.daemon.channels.channel import Row, WithoutRuns
from wtpd.store import channels as store
from wtpd.store.database import Database, Tx
from wtpd.sync.ports import Halt
from wtpd.texts import N_, Text


@dataclass(frozen=True, slots=True)
class Failing:
    """What wtpd asks by itself has failed since then."""

    since: datetime
    reason: Text


class Entries(Protocol):
    """What the credential store has of a provider."""

    def has(self, provider: str) -> bool: ...

    def unusable(self, provider: str) -> Text | None: ...

    def last_good(self, provider: str) -> datetime | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """How a channel's partner is asked. `verify`: who we are there, for the person `by`, with the stored credentials;
    `failing`: since when what wtpd asks by itself fails; `off`: why it is switched off elsewhere in the settings."""

    verify: Callable[[str], Awaitable[Verified]]
    failing: Callable[[], Failing | None] = lambda: None
    off: Callable[[], Text | None] = lambda: None


class AskedChannel(WithoutRuns):
    """`wtpd.daemon.channels.channel.Channel` without loops."""

    def __init__(self, wanted: Wanted, manifest: Manifest, ask: Ask, db: Database, entries: Entries, clock: Clock):
        self._wanted = wanted
        self._manifest = manifest
        self._ask = ask
        self._db = db
        self._entries = entries
        self._clock = clock
        self._halt = Halt()
        self._since: tuple[State, datetime] | None = None

    @property
    def row(self) -> Row:
        wanted = self._wanted
        return Row(
            id=wanted.id, connector=wanted.connector, site=wanted.site, title=self._manifest.title,
            account=wanted.account, department=wanted.department, condition=self._condition(), has_entries_told=True,
            last_success=self._entries.last_good(wanted.connector),
        )  # fmt: skip

    async def load(self) -> None:
        self._halt = await self._db.read(lambda tx: store.halt_of(tx, self._wanted.id))

    async def verify(self, by: str) -> Verified:
        return await self._ask.verify(by)

    async def pause(self, by: str) -> None:
        await self._keep(Halt(paused_by=by, since=self._clock.now()), State.PAUSED)

    async def resume(self, by: str, *, accept_cancellations: bool = False) -> None:
        await self._keep(Halt(), State.STARTING)

    async def _keep(self, halt: Halt, state: State) -> None:
        def work(tx: Tx) -> None:
            store.seat(tx, self._wanted.id, self._wanted.connector, self._wanted.site)
            kept = store.Channels(tx)
            kept.set_halt(self._wanted.id, halt)
            kept.tell_state(self._wanted.id, state)

        await self._db.write(work)
        self._halt = halt

    def _condition(self) -> Condition:
        """The states that people must end come first."""
        if self._halt.paused_by is not None:
            by = N_("Paused by {user}.", user=self._halt.paused_by)
            return Condition(state=State.PAUSED, since=self._halt.since or self._clock.now(), reason=by)
        state, reason, since = self._state()
        if self._since is None or self._since[0] is not state:
            self._since = state, since or self._clock.now()
        return Condition(state=state, since=since or self._since[1], reason=reason)

    def _state(self) -> tuple[State, Text | None, datetime | None]:
        """The state, the reason, and since when where that is known."""
        name, provider = self._manifest.name, self._manifest.provider
        if (off := self._ask.off()) is not None:
            return State.DISABLED, off, None
        if provider is not None and not provider.is_optional and not self._entries.has(name):
            text = N_("no credentials of {title} yet: wtpd credential set {provider}",
                      title=self._manifest.title, provider=name)  # fmt: skip
            return State.NOT_MAPPED, text, None
        unusable = self._entries.unusable(name) if provider is not None else None
        if unusable is not None:
            return State.NEEDS_TOKEN, unusable, None
        if (failing := self._ask.failing()) is not None:
            return State.RETRYING, failing.reason, failing.since
        return State.HEALTHY, None, None
