"""DAT (spec: credentials.md, "DAT, for real"): the manifest. The rest of the package is loaded when it is used.

DAT keeps no appointments: it identifies vehicles by their VIN and values them, when somebody asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wtpd.connectors.dat.actions import ACTIONS
from wtpd.connectors.dat.acts import ACTS
from wtpd.connectors.dat.products import ADDRESS, KEYS
from wtpd.connectors.manifest import Access, CredentialField, Manifest, VehicleDataConnector
from wtpd.texts import N_

if TYPE_CHECKING:
    from wtpd.connectors.kit.sandbox_side import Host, PartnerSide


def _sandbox(host: Host) -> PartnerSide:
    from wtpd.connectors.dat.sandbox import DatSide

    return DatSide(host)


def _vehicle_data(access: Access) -> VehicleDataConnector:
    from wtpd.connectors.dat.connector import make

    return make(access)


manifest = Manifest(
    name="dat",
    title="DAT",
    actor="DAT",
    capabilities=frozenset({"identification", "valuation"}),
    credential_fields=(
        CredentialField(name="customer_number", label=N_("Customer number"), secret=False),
        CredentialField(name="user_name", label=N_("User name"), secret=False),
        CredentialField(name="password", label=N_("Password")),
        CredentialField(name="interface_partner_number", label=N_("Interface partner number (from DAT)"), secret=False),
        CredentialField(name="interface_partner_signature", label=N_("Interface partner signature (from DAT)")),
    ),
    products=KEYS,
    default_address=ADDRESS,
    vehicle_data=_vehicle_data,
    sandbox=_sandbox,
    actions=ACTIONS,
    acts=ACTS,
)
