"""What a connector is: a manifest (data) and a factory (DESIGN.md, decision 7).

API, CLI, TUI forms and docs are made from the manifest. A third party adds a connector by the entry point group
`wtpd.connectors`, whose entry is a `Manifest`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from wtpd.sync.ports import DayOffer, Incoming, Partner, Unreadable
from wtpd.texts import Text

if TYPE_CHECKING:
    from wtpd.connectors.http import PartnerHttp
    from wtpd.connectors.partner_side import Act, Host, PartnerSide


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialField:
    """One thing the partner wants from us; `secret` ones are never shown again."""

    name: str
    label: Text
    secret: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What `verify` found at the partner: its own number and name for us, and facts such as brand and rights. `note`:
    what was done to find out, where that isn't plain."""

    account: str
    name: str
    facts: Mapping[str, str] = field(default_factory=dict)
    note: Text | None = None


class AppointmentConnector(Partner, Protocol):
    """A partner that keeps appointments both ways and wants to know what can be booked."""

    async def verify(self, account: str) -> Verified: ...

    async def publish(self, account: str, days: Sequence[DayOffer], key: str) -> None: ...

    def parse(self, account: str, raw: Any) -> Incoming | Unreadable:
        """Read a message that was kept in quarantine again; no I/O."""
        ...

    async def close(self) -> None: ...


Secrets = Callable[[], Awaitable[Mapping[str, str]]]
"""Gives the credential fields for this connector and site at the moment of use; raises `NeedsToken` if there are
none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A connector as data. `module` must be licensed and `brand` switched on at the site, if given."""

    name: str
    title: str
    actor: str
    """Author in the history for all that comes from this partner."""
    module: str | None = None
    brand: str | None = None
    capabilities: frozenset[str] = frozenset()
    delivered_fields: frozenset[str] = frozenset()
    credential_fields: tuple[CredentialField, ...] = ()
    default_address: str | None = None
    connect: Callable[[PartnerHttp, Secrets], AppointmentConnector] | None = None
    """Makes the connector over a ready HTTP client (time limits, throttle and error mapping are its business)."""
    sandbox: Callable[[Host], PartnerSide] | None = None
    """Makes the partner's side, a real HTTP app, for `wtpd sandbox`."""
    acts: tuple[Act, ...] = ()
    """What the people on the partner's side can play in the sandbox."""
