"""What a connector is: a manifest, which is data, with one factory for each thing that the connector can do.

Configuration, credentials, API, CLI and TUI forms are made from the manifest. A third party adds a connector by the
entry point group `wtpd.connectors`, whose entry is a `Manifest`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from wtpd.channel.errors import Ability
from wtpd.config.model import ConnectorSettings, PartnerMapping
from wtpd.connectors.access import Access as Access
from wtpd.connectors.actions import Action
from wtpd.rentals.ports import RentalPartner
from wtpd.secrets.providers import Provider
from wtpd.sync.ports import Incoming, Partner, Unreadable
from wtpd.texts import Text
from wtpd.vehicle_data.ports import VehicleDataSource
from wtpd.vehicle_data.records import Place

if TYPE_CHECKING:
    from wtpd.connectors.kit.sandbox_side import Act, Host, PartnerSide
    from wtpd.connectors.receiver import Receiver


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What `verify` found at the partner: its own number and name for us, and facts such as brand and rights. `note`:
    what was done to find out, where that isn't plain. `missing`: the rights that the credentials lack, by the partner's
    names, with the ability (`wtpd.words.ABILITIES`) that pauses without them."""

    account: str
    name: str
    facts: Mapping[str, str] = field(default_factory=dict)
    note: Text | None = None
    missing: Mapping[str, Ability] = field(default_factory=dict)


class AppointmentPartner(Partner, Protocol):
    """A partner that keeps appointments both ways. `holds_requests`: it holds a request for changes until there is
    one; `takes_availability`: it wants to know what can be booked."""

    @property
    def holds_requests(self) -> bool: ...

    @property
    def takes_availability(self) -> bool: ...

    async def verify(self, account: str) -> Verified: ...

    def parse(self, account: str, raw: Any) -> Incoming | Unreadable:
        """Read a message that was kept in quarantine again; no I/O."""
        ...

    async def close(self) -> None: ...


class VehicleDataConnector(VehicleDataSource, Protocol):
    """A partner that knows vehicles by their VIN or plate."""

    async def verify(self, secrets: Mapping[str, str], place: Place) -> Verified:
        """Try the login, or the connection of a source that wants none, by a call that costs nothing."""
        ...


class RentalConnector(RentalPartner, Protocol):
    """A partner that rents out cars."""

    async def verify(self, secrets: Mapping[str, str]) -> Verified:
        """Try the credentials; stations, classes and features are among the facts."""
        ...


Secrets = Callable[[], Awaitable[Mapping[str, str]]]
"""`Access.secrets` as a value."""

Delivered = Literal["yes", "assumed"]
"""How a field is known to be delivered: the partner's interface says so, or it is assumed from a similar one."""


PORTS = ("appointments", "vehicle_data", "rentals", "receives")
"""The factories of a manifest, by their names: one for each kind of thing that a connector can do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A connector as data. `module` must be licensed and `brand` switched on at the site, if given."""

    name: str
    title: str
    actor: str
    """Author in the history for all that comes from this partner."""
    module: str | None = None
    brand: str | None = None
    is_off_by_default: bool = False
    """It is in use only where `connectors.NAME` stands in the settings."""
    countries: tuple[str, ...] = ()
    """The countries of the sites that it serves; none: all."""
    provider: Provider | None = None
    """Whose credentials it uses, of the manifest's name; None: it needs none."""
    settings: type[ConnectorSettings] = ConnectorSettings
    """The keys of `connectors.NAME` in wtpd.yaml."""
    mapping: type[PartnerMapping] | None = None
    """The keys of `sites.SITE.partners.NAME` in wtpd.yaml; None: sites aren't mapped."""
    delivered_fields: Mapping[str, Delivered] = field(default_factory=dict)
    """A field that isn't delivered is neither compared nor blanked."""
    appointments: Callable[[Access], AppointmentPartner] | None = None
    """Makes the partner of a site's appointments."""
    vehicle_data: Callable[[Access], VehicleDataConnector] | None = None
    """Makes the source of vehicle data."""
    rentals: Callable[[Access], RentalConnector] | None = None
    """Makes the partner that rents out cars."""
    receives: Callable[[Access], Receiver] | None = None
    """Makes what reads what the partner sends by itself, over the listener."""
    sandbox: Callable[[Host], PartnerSide] | None = None
    """Makes the partner's side, a real HTTP app, for `wtpd sandbox`."""
    actions: tuple[Action, ...] = ()
    """What people can have it do: forms for the screens, with the handler of each."""
    acts: tuple[Act, ...] = ()
    """What the people on the partner's side can play in the sandbox."""

    @property
    def capabilities(self) -> frozenset[str]:
        """What it can do, by the names of its factories."""
        return frozenset(port for port in PORTS if getattr(self, port) is not None)
