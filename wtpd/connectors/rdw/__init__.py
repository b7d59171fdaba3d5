"""RDW open data, the Dutch vehicle register by plate: the manifest. The rest is loaded when it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wtpd.connectors.manifest import Access, CredentialField, Manifest, VehicleDataConnector
from wtpd.connectors.rdw.acts import ACTS
from wtpd.texts import N_

if TYPE_CHECKING:
    from wtpd.connectors.kit.sandbox_side import Host, PartnerSide

ADDRESS = "https://opendata.rdw.nl"


def _vehicle_data(access: Access) -> VehicleDataConnector:
    from wtpd.connectors.rdw.connector import make

    return make(access, access.settings.address or ADDRESS)


def _sandbox(host: Host) -> PartnerSide:
    from wtpd.connectors.rdw.sandbox import RdwSide

    return RdwSide(host)


manifest = Manifest(
    name="rdw",
    title="RDW",
    actor="RDW",
    capabilities=frozenset({"plates"}),
    credential_fields=(CredentialField(name="app_token", label=N_("App token (X-App-Token)")),),
    is_off_by_default=True,
    countries=("NL",),
    default_address=ADDRESS,
    vehicle_data=_vehicle_data,
    sandbox=_sandbox,
    acts=ACTS,
)
