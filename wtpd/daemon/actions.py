"""Does the actions of connectors: whether one is possible now, what its handler gets, and what becomes of its answer.

A handler may be anybody's code. So it has a time limit, whatever it raises ends its own call only, an equal call that
is under way is joined (nobody pays twice for a double click), and a connector has only so many calls at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from wtpd.channel.errors import KeyUnavailable, NeedsToken, named
from wtpd.channel.health import State
from wtpd.clock import Clock
from wtpd.config.model import Config, ConnectorSettings
from wtpd.connectors.actions import Action, Asked, Done, House, Record
from wtpd.connectors.kit.access import ConnectorAccess
from wtpd.connectors.kit.http import PartnerHttp
from wtpd.connectors.manifest import Manifest
from wtpd.daemon import action_form
from wtpd.daemon.channels.channel import UNUSABLE, Row
from wtpd.errors import Invalid, NotFound, Problem, Refused, Unavailable, WtpdError
from wtpd.planner.appointment import Appointment
from wtpd.secrets.fields import Fields
from wtpd.secrets.keys import KeyLost
from wtpd.secrets.resolve import NoCredential, Order
from wtpd.store import appointments, customers, vehicles
from wtpd.store.database import Database, Tx
from wtpd.texts import N_, Text

log = logging.getLogger(__name__)

AT_ONCE = 8
"""Calls of one connector that are under way."""
LONGEST = 600.0
"""Seconds that an action can have, at most."""

_PASSING = (State.DISABLED, State.PAUSED, State.STOPPED)
"""The same call may be possible later, without anything that the caller does."""

_Key = tuple[str, str, str, tuple[tuple[str, Any], ...]]


class Logins(Protocol):
    """What the credential store gives."""

    async def of_order(self, provider: str, order: Order) -> tuple[str, Fields]: ...

    async def note_use(self, provider: str, scope: str, result: str | None) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody asks for: `on`, the record's id or the text of a search; `fields` as they came."""

    connector: str
    action: str
    on: str
    fields: Mapping[str, Any]
    confirmed: bool
    actor: str


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why no action of a connector is possible now; `kind` as in `WtpdError`."""

    kind: str
    reason: Text
    passes: bool = False
    """It is switched off, or waits for something: the same call may be possible later."""


Housed = Callable[[Manifest, str, Order, str], House]
"""Makes the house's part for a connector, a vehicle's id, an order and an actor."""


class Actions:
    """All actions of all connectors. `rows`: a connector's channels as they are now."""

    def __init__(
        self,
        manifests: Iterable[Manifest],
        db: Database,
        logins: Logins,
        rows: Callable[[str], Sequence[Row]],
        housed: Housed,
        config: Callable[[], Config],
        clock: Clock,
    ) -> None:
        self._manifests = {one.name: one for one in manifests}
        self._db = db
        self._logins = logins
        self._rows = rows
        self._housed = housed
        self._config = config
        self._clock = clock
        self._calls: dict[_Key, asyncio.Task[Done]] = {}
        self._running: dict[str, set[asyncio.Task[Done]]] = {}
        self._closed = False

    def offered(self) -> list[tuple[Manifest, Action]]:
        """Those of connectors that are in use or could be; one that is off by default isn't offered before it is
        mentioned in the settings."""
        mentioned = self._config().connectors
        return [
            (manifest, action)
            for manifest in self._manifests.values()
            if manifest.name in mentioned or not manifest.is_off_by_default
            for action in manifest.actions
        ]

    def obstacle(self, manifest: Manifest, site: str | None = None) -> Obstacle | None:
        """Why its actions aren't possible now, if so: at a site, or at any."""
        rows = self._rows(manifest.name)
        here = [row for row in rows if row.site == site] if site and manifest.mapping is not None else []
        barred = here or rows
        if not barred or any(row.condition.state not in UNUSABLE for row in barred):
            return None
        first = next((row for row in barred if row.condition.reason is not None), barred[0])
        state, reason = first.condition.state, first.condition.reason
        lacks_login = state is State.NOT_MAPPED and not first.site
        return Obstacle(
            "no-credential" if lacks_login else str(state).replace("_", "-"),
            reason or N_("{connector} works at no site.", connector=manifest.title),
            passes=state in _PASSING,
        )

    async def act(self, wanted: Wanted) -> tuple[Manifest, Action, Done]:
        """Do it. Raises `NotFound`, `Invalid`, `Refused`, `Unavailable`, the partner's errors with its name, and
        `RuntimeError` for a fault of the connector, which is logged."""
        manifest, action = self._find(wanted.connector, wanted.action)
        if self._closed:
            raise Unavailable(N_("The service is stopping."), kind="stopping")
        if (obstacle := self.obstacle(manifest)) is not None:
            raise _impossible(manifest, action, obstacle)
        values = action_form.read(action, wanted.fields, [site.id for site in self._config().sites])
        on = _subject(action, wanted.on)
        record = await self._db.read(lambda tx: _record(tx, action, on))
        if action.confirm is not None and not wanted.confirmed:
            raise Refused(action.confirm, kind="not-confirmed", facts={"confirm": "confirmed"})
        key = manifest.name, action.name, on, tuple(sorted(values.items()))
        call = self._calls.get(key)
        if call is None:
            running = self._running.setdefault(manifest.name, set())
            if len(running) >= AT_ONCE:
                raise Unavailable(
                    N_("{partner} is asked for too much at once; try again in a moment.", partner=manifest.title),
                    kind="busy",
                )
            office = record.site if isinstance(record, Appointment) else None
            order = action_form.order_of(action, values, office=office)
            if (obstacle := self.obstacle(manifest, order.office)) is not None:
                raise _impossible(manifest, action, obstacle)
            asked = _Asking(self, manifest, action, values, on, record, order, wanted.actor)
            call = self._calls[key] = asyncio.create_task(asked.outcome(running), name=asked.name)
            call.add_done_callback(lambda ended: self._ended(key, ended))
        return manifest, action, await asyncio.shield(call)

    async def close(self) -> None:
        """End what is under way; safe to call twice."""
        self._closed = True
        under_way = [*self._calls.values(), *(task for tasks in self._running.values() for task in tasks)]
        for task in under_way:
            task.cancel()
        if under_way:
            await asyncio.wait(under_way, timeout=1.0)

    def _find(self, connector: str, name: str) -> tuple[Manifest, Action]:
        manifest = self._manifests.get(connector)
        if manifest is None:
            known = ", ".join(sorted(one.name for one in self._manifests.values() if one.actions))
            raise NotFound(
                N_("There is no connector {name} here; actions have: {known}", name=connector[:64], known=known or "–")
            )
        for action in manifest.actions:
            if action.name == name:
                return manifest, action
        known = ", ".join(one.name for one in manifest.actions)
        raise NotFound(
            N_(
                "{partner} has no action {name}; there are: {known}",
                partner=manifest.title, name=name[:64], known=known or "–",
            )
        )  # fmt: skip

    def _ended(self, key: _Key, call: asyncio.Task[Done]) -> None:
        self._calls.pop(key, None)
        if not call.cancelled():
            call.exception()  # raised for whoever still waits; perhaps nobody does

    def access(self, manifest: Manifest, order: Order) -> ActionAccess:
        settings = self._config().connectors.get(manifest.name) or manifest.settings()
        return ActionAccess(manifest, settings, self._clock, self._logins, order)

    def house(self, manifest: Manifest, on: str, order: Order, actor: str) -> House:
        return self._housed(manifest, on, order, actor)


class ActionAccess:
    """`Access` for one call of an action: the credentials of its order, and HTTP that is closed after it."""

    def __init__(
        self, manifest: Manifest, settings: ConnectorSettings, clock: Clock, logins: Logins, order: Order
    ) -> None:
        self._inner = ConnectorAccess(manifest.name, settings, clock, self._open)
        self._provider = manifest.provider
        self._logins = logins
        self._order = order
        self._scope: str | None = None
        self._clients: list[PartnerHttp] = []

    @property
    def settings(self) -> ConnectorSettings:
        return self._inner.settings

    @property
    def clock(self) -> Clock:
        return self._inner.clock

    async def secrets(self) -> Mapping[str, str]:
        return await self._inner.secrets()

    def http(
        self, address: str | None = None, *, size_limit: int | None = None, ca_file: str | None = None
    ) -> PartnerHttp:
        client = self._inner.http(address, size_limit=size_limit, ca_file=ca_file)
        self._clients.append(client)
        return client

    async def note(self, result: str) -> None:
        """How the partner took the credentials, if they were asked for."""
        if self._scope is not None and self._provider is not None:
            await self._logins.note_use(self._provider.name, self._scope, result)

    @property
    def entry(self) -> tuple[str, str]:
        """Provider and scope of the credentials that were handed out; empty if none were."""
        provider = self._provider.name if self._provider is not None else ""
        return (provider, self._scope) if self._scope is not None else ("", "")

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()

    async def _open(self) -> Mapping[str, str]:
        if self._provider is None:
            return {}
        try:
            self._scope, fields = await self._logins.of_order(self._provider.name, self._order)
        except NoCredential as error:
            raise NeedsToken(str(error.text), reason=error.text) from None
        except KeyLost as error:
            raise KeyUnavailable(str(error.text), reason=error.text) from None
        return fields


@dataclass(frozen=True, slots=True)
class _Asking:
    """One call of a handler."""

    actions: Actions
    manifest: Manifest
    action: Action
    values: Mapping[str, Any]
    on: str
    record: Record | None
    order: Order
    actor: str

    @property
    def name(self) -> str:
        return f"{self.manifest.name} {self.action.name}"

    async def outcome(self, running: set[asyncio.Task[Done]]) -> Done:
        """The handler's answer within its time. A handler that doesn't end when it is cancelled is left behind, and
        counts as running until it does."""
        task = asyncio.create_task(_harmless_end(self._handled()), name=f"handler {self.name}")
        running.add(task)
        task.add_done_callback(running.discard)
        seconds = min(self.action.seconds, LONGEST)
        try:
            ended, _ = await asyncio.wait({task}, timeout=seconds)
        finally:
            task.cancel()
        if ended:
            return self._checked(task)
        log.warning("%s didn't end within %g s and was stopped", self.name, seconds)
        raise Unavailable(
            N_(
                "{partner}: “{action}” didn't end within {seconds} s. Perhaps it was done all the same: look before "
                "you do it again.",
                partner=self.manifest.title, action=self.action.label, seconds=max(1, round(seconds)),
            ),
            kind="timeout",
        )  # fmt: skip

    async def _handled(self) -> Done:
        access = self.actions.access(self.manifest, self.order)
        house = self.actions.house(self.manifest, self.on, self.order, self.actor)
        asked = Asked(
            values=self.values, on=self.on, record=self.record, order=self.order, actor=self.actor, access=access,
            house=house,
        )  # fmt: skip
        try:
            with named(self.manifest.title):
                done = await self.action.handler(asked)
        except NeedsToken as error:
            error.entry = access.entry
            if error.reason is None:  # the partner was asked
                await access.note("refused")
            raise
        else:
            await access.note("ok")
            return done
        finally:
            await access.close()

    def _checked(self, task: asyncio.Task[Done]) -> Done:
        if task.cancelled():
            raise RuntimeError(f"the handler of {self.name} cancelled itself")
        found: object = task.result()
        if not isinstance(found, Done):
            raise RuntimeError(f"the handler of {self.name} answered {type(found).__name__} in place of Done")
        return found


async def _harmless_end(handled: Awaitable[Done]) -> Done:
    """`SystemExit` in a task would end the event loop, and with it the daemon."""
    try:
        return await handled
    except (Exception, asyncio.CancelledError):
        raise
    except BaseException as error:
        raise RuntimeError(f"the handler raised {type(error).__name__}") from error


def _subject(action: Action, on: str) -> str:
    on = on.strip()
    if action.on == "connector" and on:
        text = N_("This is done to the connector itself; leave it out.")
        raise Invalid(text, problems=[Problem("on", text)])
    if action.on != "connector" and not on:
        text = N_("This is needed: the id of the record, or the text of the search.")
        raise Invalid(text, problems=[Problem("on", text)])
    return on


def _record(tx: Tx, action: Action, on: str) -> Record | None:
    """Raises `NotFound`."""
    if action.on == "vehicle":
        return vehicles.get(tx, on)
    if action.on == "appointment":
        return appointments.get(tx, on)
    if action.on != "customer":
        return None
    customer = customers.get(tx, on)
    if customer.erased:
        raise Refused(N_("This customer was erased; make a new one."), kind="erased")
    return customer


def _impossible(manifest: Manifest, action: Action, obstacle: Obstacle) -> WtpdError:
    text = N_("{partner}: {action}: {reason}", partner=manifest.title, action=action.label, reason=obstacle.reason)
    return (Unavailable if obstacle.passes else Refused)(text, kind=obstacle.kind)
