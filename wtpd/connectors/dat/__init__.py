"""DAT (spec: credentials.md, "DAT, for real"): the manifest. The rest of the package is loaded when it is used.

DAT keeps no appointments: it identifies vehicles by their VIN and values them, when somebody asks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from wtpd.connectors.dat.actions import ACTIONS
from wtpd.connectors.dat.acts import ACTS
from wtpd.connectors.dat.settings import DatSettings
from wtpd.connectors.manifest import Access, Manifest, VehicleDataConnector
from wtpd.secrets.providers import Field, Provider
from wtpd.texts import N_

if TYPE_CHECKING:
    from wtpd.connectors.kit.sandbox_side import Host, PartnerSide


def _sandbox(host: Host) -> PartnerSide:
    from wtpd.connectors.dat.sandbox import DatSide

    return DatSide(host)


def _vehicle_data(access: Access) -> VehicleDataConnector:
    from wtpd.connectors.dat.connector import make

    return make(access)


def _signature(values: Mapping[str, str]) -> Mapping[str, str]:
    """The customer's own signature: SHA-256 over `customerNumber:userName:password`, upper-case hex. It is sent only
    where the interface partner signature that DAT gives to the maker of a software isn't entered."""
    joined = ":".join(values[name] for name in ("customer_number", "user_name", "password"))
    return {"signature": hashlib.sha256(joined.encode("utf-8")).hexdigest().upper()}


PROVIDER = Provider(
    name="dat",
    title="DAT",
    fields=(
        Field(name="customer_number", label=N_("Customer number"), form="digits"),
        Field(name="user_name", label=N_("User name")),
        Field(name="password", label=N_("Password"), secret=True),
        Field(
            name="interface_partner_number", label=N_("Interface partner number (from DAT)"),
            required=False, form="digits",
        ),
        Field(
            name="interface_partner_signature", label=N_("Interface partner signature (from DAT)"),
            secret=True, required=False, form="code",
        ),
    ),
    scopes=("general", "office", "assessor"),
    derive=_signature,
)  # fmt: skip

manifest = Manifest(
    name="dat",
    title="DAT",
    actor="DAT",
    provider=PROVIDER,
    settings=DatSettings,
    vehicle_data=_vehicle_data,
    sandbox=_sandbox,
    actions=ACTIONS,
    acts=ACTS,
)
